"""A job in words and bars: what it is, how far it is, what it measured and said."""

from collections.abc import Sequence
from typing import Any

from textual.content import Content

from core.evaluation.comparison import RANKING_NAMES
from core.jobs.job import Job, JobState
from core.jobs.names import resume_note
from core.jobs.progress_log import ProgressLog, Stage
from core.text.safe import safe
from tui.common.figures import METRICS
from tui.common.words import JOB_STATES, duration, moment_of
from tui.theme import BAD, CAREFUL, GOOD, MUTED, STRONG


def ending(job: Job) -> tuple[str, bool]:
    """One sentence on a job that has ended, and whether it ended well."""
    name = safe(job.name)
    if job.state is not JobState.DONE:
        return f"{name}: {safe(job.error) or JOB_STATES[job.state]}", False
    before, after = _figures(job.result.get("champion")), _figures(job.result.get("challenger"))
    primary = job.result.get("primary")
    metric = primary if primary in after else next(iter(after), "")
    parts = []
    if metric and metric in before:
        parts.append(f"{METRICS.get(metric, safe(metric))} {before[metric]:.2f} → {after[metric]:.2f}")
    elif metric:
        parts.append(f"{METRICS.get(metric, safe(metric))} {after[metric]:.2f}")
    if isinstance(job.result.get("promoted"), bool):
        waiting = job.result.get("waiting") is True
        parts.append("promoted" if job.result["promoted"] else "waits for a lead" if waiting else "not promoted")
    return f"{name} finished" + (": " + ", ".join(parts) if parts else "."), True


def result_lines(result: dict[str, Any], width: int) -> list[Content]:
    """Figures before and after where there are both, then the rest by name."""
    before, after = _rankings(result.get("champion")), _rankings(result.get("challenger"))
    lines = _tables(before, after, width) if after else []
    if isinstance(result.get("promoted"), bool):
        outcome = "The new model is in use." if result["promoted"] else "The model in use stays."
        decision = result.get("decision")  # jobs of earlier versions give no reason
        words = safe(decision) if isinstance(decision, str) else outcome
        lines += Content.styled(words, STRONG).wrap(max(10, width))
    for name, value in result.items():
        if name not in (_TOLD if after else _NO_FIGURES) and isinstance(value, str | int | float):
            text = f"{value:.4g}" if isinstance(value, float) else safe(str(value))
            lines.append(Content.assemble((f"{safe(name):<18} ", MUTED), text))
    return lines


#: What stands in a retrain's table, or in what it said.
_NO_FIGURES = {"promoted", "primary", "waiting", "decision"}
_TOLD = _NO_FIGURES | {"champion", "challenger", "triplets", "judged_on", "set", "queries"}

Rankings = dict[str, dict[str, float]]


#: Columns of a ranking: before, after, and the change.
_RANKING = 20


def _tables(before: Rankings, after: Rankings, width: int) -> list[Content]:
    """The rankings side by side, as many as there is room for."""
    names = 1 + max(len(safe(name)) for figures in after.values() for name in figures)
    most = max(1, (width - names + 1) // (_RANKING + 1))
    rankings = list(after)
    parts = [rankings[begin : begin + most] for begin in range(0, len(rankings), most)]
    return [line for part in parts for line in _table(before, {name: after[name] for name in part}, names)]


def _table(before: Rankings, after: Rankings, names: int) -> list[Content]:
    """A line for each metric; for each ranking a column before, one after, and the change."""
    heads = [f"{RANKING_NAMES.get(ranking, safe(ranking)):^13.13}{'':7}" for ranking in after]
    lines = [f"{'':<{names}}{' '.join(heads)}"] if any(after) else []
    lines.append(f"{'':<{names}}" + " ".join([f"{'before':>6}{'after':>7}{'':7}"] * len(after)))
    rows = [Content.styled(line.rstrip(), MUTED) for line in lines]
    for name in dict.fromkeys(name for figures in after.values() for name in figures):
        cells = [_cells(before.get(ranking, {}).get(name), figures.get(name)) for ranking, figures in after.items()]
        rows.append(Content(f"{METRICS.get(name, safe(name)):<{names}}") + Content(" ").join(cells))
    return [*rows, Content.empty()]


def _cells(before: float | None, after: float | None) -> Content:
    if after is None:
        return Content(" " * _RANKING)
    if before is None:
        return Content.assemble((f"{'–':>6}", MUTED), (f"{after:>7.3f}", STRONG), " " * 7)
    change = after - before
    return Content.assemble(f"{before:>6.3f}", (f"{after:>7.3f}", STRONG), (f"{change:>+7.3f}", _change_style(change)))


def _change_style(change: float) -> str:
    return MUTED if abs(change) < 0.0005 else GOOD if change > 0 else BAD


def _figures(value: object) -> dict[str, float]:
    """The metrics that decide, by name: the encoder's own."""
    rankings = _rankings(value)
    return rankings.get("", {}) | rankings.get("encoder", {})


def _rankings(value: object) -> Rankings:
    """The metrics of a model by ranking; what a job reports is not to be relied on.

    A retrain tells of the encoder alone, of the lexical retriever, which no training changes, and of both fused.
    """
    if not isinstance(value, dict):
        return {}
    parts = {"": value, "encoder": value.get("encoder"), "fused": value.get("fused")}
    return {name: figures for name, part in parts.items() if isinstance(part, dict) and (figures := _numbers(part))}


def _numbers(part: dict[Any, Any]) -> dict[str, float]:
    return {
        str(name): float(number)
        for name, number in part.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and name != "queries"
    }


SIGNS = {
    JobState.RUNNING: ("●", GOOD),
    JobState.DONE: ("✓", GOOD),
    JobState.FAILED: ("✗", BAD),
    JobState.CANCELLED: ("■", MUTED),
    JobState.LOST: ("?", CAREFUL),
}
_MOST_MESSAGES = 6
_BAR = 40


def share_done(job: Job) -> float | None:
    """How much of the stage is done, in [0, 1]; None where that is not known."""
    return max(0.0, min(1.0, job.done / job.total)) if job.total else None


def how_far(job: Job) -> Content:
    """Stage, its share, and the time left of the whole job, in a few words."""
    share = share_done(job)
    words = Content(safe(job.stage) or "starting")
    if share is not None:
        words += Content.assemble(" ", (f"{share:.0%}", STRONG))
    return words + Content(f", {duration(job.eta_s)} left") if job.eta_s else words


def job_head(job: Job | None, width: int) -> Content:
    """What it is, in what state, by whom and when; why it failed, and what starting it again would keep."""
    if job is None:
        return Content.assemble(
            ("No jobs yet", STRONG), "\n",
            ("Retrain and evaluate, in the menu (ctrl+p), run here while you go on labelling.", MUTED),
        )  # fmt: skip
    sign, style = SIGNS[job.state]
    who = f"started by {safe(job.by)}, " if job.by else "started "
    took = f", took {duration(job.took_s)}" if job.took_s is not None else ""
    lines = [
        Content.assemble((f"{sign} {safe(job.name)}", f"{STRONG} {style}"), f"  {JOB_STATES[job.state]}"),
        *Content.styled(f"{who}{moment_of(job.started_at)}{took}", MUTED).wrap(max(10, width)),
    ]
    if job.error:
        lines += [Content.empty(), *Content.styled(safe(job.error), BAD).wrap(max(10, width))]
    if can_resume(job):
        again = Content.styled(f"r starts it again: {resume_note(job.arguments)}.", MUTED)
        lines += [Content.empty(), *again.wrap(max(10, width))]
    return Content("\n").join(lines)


def can_resume(job: Job) -> bool:
    """Whether it ended before its work was done."""
    return job.state in {JobState.FAILED, JobState.CANCELLED, JobState.LOST}


def job_progress(job: Job, width: int) -> Content:
    """The stage of a running job, a bar, the pace, and what is left of the stage and of all."""
    name = safe(job.stage) or "starting"
    lines = [Content(name[:1].upper() + name[1:])]
    share = share_done(job)
    if share is not None:
        cells = max(10, min(_BAR, width - 7))
        full = round(share * cells)
        lines.append(
            Content.assemble(("█" * full, "$primary"), ("░" * (cells - full), MUTED), (f" {share:>4.0%}", STRONG))
        )
        counts = [f"{job.done:,} of {job.total:,}", *_pace(job)]
        lines.append(Content.styled("   ".join(counts), MUTED))
    if job.eta_s is not None:
        about = f"About {duration(job.eta_s)} left in all."
        lines += Content.styled(about, MUTED).wrap(max(10, width))
    return Content("\n").join(lines)


def _pace(job: Job) -> list[str]:
    words = []
    if job.rate is not None:
        # What takes longer than a second is told by its seconds.
        per_second = f"{job.rate:,.0f}/s" if job.rate >= 100 else f"{job.rate:,.1f}/s"
        words.append(f"{1 / job.rate:,.1f} s each" if 0 < job.rate < 1 else per_second)
    if job.stage_eta_s is not None:
        words.append(f"{duration(job.stage_eta_s)} left of this stage")
    return words


def measured(stage: Stage) -> Content:
    """The training loss and the validation metrics: where they are, and where they came from."""
    metrics = ((f"Validation {safe(name.removeprefix('validation '))}", told) for name, told in stage.metrics.items())
    rows = [("Loss", stage.losses), *metrics]
    names = max(len(name) for name, _ in rows)
    return Content("\n").join([_measured(name.ljust(names), values) for name, values in rows])


def _measured(name: str, values: Sequence[tuple[int, float]]) -> Content:
    (_, first), (step, last) = values[0], values[-1]
    origin = f"  from {first:.3f}, step {step:,}" if len(values) > 1 else f"  step {step:,}"
    return Content.assemble(f"{name}  ", (f"{last:.3f}", STRONG), (origin, MUTED))


def job_rest(job: Job, course: ProgressLog, width: int) -> Content:
    """What came out, and what it said."""
    lines: list[Content] = []
    if job.result:
        lines += result_lines(job.result, width)
    if job.result and course.messages:
        lines.append(Content.empty())
    for text in course.messages[-_MOST_MESSAGES:]:
        lines += Content.styled(safe(text), MUTED).wrap(max(10, width))
    return Content("\n").join(lines)
