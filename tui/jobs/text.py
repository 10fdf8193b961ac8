"""Jobs as text: state, progress, training metrics, result and messages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from textual.content import Content

from core.evaluation.comparison import RANKING_NAMES
from core.jobs.job import Job, JobState
from core.jobs.names import resume_note
from core.jobs.progress_log import ProgressLog, Stage
from core.text.safe import safe
from labels.wording import evaluation_set
from tui.common.figures import METRICS
from tui.common.words import JOB_STATES, duration, moment_of
from tui.theme import BAD, CAREFUL, GOOD, MUTED, STRONG

STATE_SIGNS = {
    JobState.RUNNING: ("●", GOOD),
    JobState.DONE: ("✓", GOOD),
    JobState.FAILED: ("✗", BAD),
    JobState.CANCELLED: ("■", MUTED),
    JobState.LOST: ("?", CAREFUL),
}

# -- head and progress -------------------------------------------------------------------------------------

#: Cells of a progress bar at most.
_BAR = 40


def job_head(job: Job | None, width: int) -> Content:
    """Name, state, who started it and when; its error, and what is kept if it is resumed."""
    if job is None:
        return Content.assemble(
            ("No jobs yet", STRONG), "\n",
            ("Retrain and evaluate, in the menu (ctrl+p), run here while you go on labelling.", MUTED),
        )  # fmt: skip
    sign, style = STATE_SIGNS[job.state]
    who = f"started by {safe(job.by)}, " if job.by else "started "
    took = f", took {duration(job.took_s)}" if job.took_s is not None else ""
    lines = [
        Content.assemble((f"{sign} {safe(job.name)}", f"{STRONG} {style}"), f"  {JOB_STATES[job.state]}"),
        *Content.styled(f"{who}{moment_of(job.started_at)}{took}", MUTED).wrap(max(10, width)),
    ]
    if job.error:
        lines += [Content.empty(), *Content.styled(safe(job.error), BAD).wrap(max(10, width))]
    if can_resume(job):
        hint = Content.styled(f"r starts it again: {resume_note(job.arguments)}.", MUTED)
        lines += [Content.empty(), *hint.wrap(max(10, width))]
    return Content("\n").join(lines)


def can_resume(job: Job) -> bool:
    """Whether it ended before its work was done."""
    return job.state in {JobState.FAILED, JobState.CANCELLED, JobState.LOST}


def share_done(job: Job) -> float | None:
    """The share of the stage that is done, in [0, 1]; None where unknown."""
    return max(0.0, min(1.0, job.done / job.total)) if job.total else None


def progress_summary(job: Job) -> Content:
    """Stage, share done and time left of the whole job, for one line."""
    share = share_done(job)
    text = Content(safe(job.stage) or "starting")
    if share is not None:
        text += Content.assemble(" ", (f"{share:.0%}", STRONG))
    return text + Content(f", {duration(job.eta_s)} left") if job.eta_s else text


def job_progress(job: Job, width: int) -> Content:
    """Stage, progress bar, rate and time left of a running job."""
    name = safe(job.stage) or "starting"
    lines = [Content(name[:1].upper() + name[1:])]
    share = share_done(job)
    if share is not None:
        cells = max(10, min(_BAR, width - 7))
        full = round(share * cells)
        lines.append(
            Content.assemble(("█" * full, "$primary"), ("░" * (cells - full), MUTED), (f" {share:>4.0%}", STRONG))
        )
        counts = [f"{job.done:,} of {job.total:,}", *_rate(job)]
        lines.append(Content.styled("   ".join(counts), MUTED))
    if job.eta_s is not None:
        left = f"About {duration(job.eta_s)} left in all."
        lines += Content.styled(left, MUTED).wrap(max(10, width))
    return Content("\n").join(lines)


def _rate(job: Job) -> list[str]:
    parts = []
    if job.rate is not None:
        per_second = f"{job.rate:,.0f}/s" if job.rate >= 100 else f"{job.rate:,.1f}/s"
        parts.append(f"{1 / job.rate:,.1f} s each" if 0 < job.rate < 1 else per_second)
    if job.stage_eta_s is not None:
        parts.append(f"{duration(job.stage_eta_s)} left of this stage")
    return parts


def training_metrics(stage: Stage) -> Content:
    """The latest and the first value of the training loss and of each validation metric."""
    metrics = (
        (f"Validation {safe(name.removeprefix('validation '))}", values) for name, values in stage.metrics.items()
    )
    rows = [("Loss", stage.losses), *metrics]
    width = max(len(name) for name, _ in rows)
    return Content("\n").join([_metric(name.ljust(width), values) for name, values in rows])


def _metric(name: str, values: Sequence[tuple[int, float]]) -> Content:
    (_, first), (step, last) = values[0], values[-1]
    origin = f"  from {first:.3f}, step {step:,}" if len(values) > 1 else f"  step {step:,}"
    return Content.assemble(f"{name}  ", (f"{last:.3f}", STRONG), (origin, MUTED))


# -- log ---------------------------------------------------------------------------------------------------


def log_content(progress: ProgressLog, printed: Sequence[str]) -> Content:
    """The stages and messages of a job with their local times, and below them what it has printed."""
    lines = [Content.assemble((f"{_time_of_day(at)}  ", MUTED), text) for at, text in progress.lines]
    if printed:
        lines += [*([Content.empty(), Content.styled("Printed", STRONG)] if lines else []), *map(Content, printed)]
    return Content("\n").join(lines) if lines else Content.styled("Nothing was reported yet.", MUTED)


def _time_of_day(moment: float) -> str:
    """The local time of day; blank for a moment that no calendar has, since the files of a job are not trusted."""
    try:
        return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return " " * 8


# -- result ------------------------------------------------------------------------------------------------

#: Messages of a job that are shown at most.
_MAX_MESSAGES = 6
#: Keys of a retrain's result that its outcome or its table shows.
_IN_OUTCOME = {"promoted", "primary", "ranking", "waiting", "decision"}
_IN_TABLE = _IN_OUTCOME | {"champion", "challenger", "triplets", "judged_on", "set", "queries"}
#: Words for the keys of other results; of any other key, underscores become spaces.
_WORDS = {
    "judged_on": "evaluated on", "pairs_judged_on": "pairs evaluated on", "model": "encoder",
    "pairs_model": "encoder of pairs", "threshold_from": "threshold from", "ece": "calibration error", "f1": "F1",
    "at": "finished", "validation_drawn": "drawn for validation", "weighed": "features computed",
    "fitted": "matcher fitted", "seconds": "duration in s",
}  # fmt: skip
#: Keys that hold names of evaluation sets.
_SETS = {"judged_on", "pairs_judged_on"}
#: Cells of a ranking in the table: before, after and change.
_RANKING_CELLS = 20

#: Metrics by ranking and name.
Rankings = dict[str, dict[str, float]]


def end_notice(job: Job) -> tuple[str, bool]:
    """A sentence on a job that has ended, and whether it succeeded."""
    name = safe(job.name)
    if job.state is not JobState.DONE:
        return f"{name}: {safe(job.error) or JOB_STATES[job.state]}", False
    ranking = job.result.get("ranking")
    before, after = (_decisive_metrics(job.result.get(model), ranking) for model in ("champion", "challenger"))
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


def job_result(job: Job, log: ProgressLog, width: int) -> Content:
    """The result of a job and its last messages."""
    lines: list[Content] = []
    if job.result:
        lines += result_lines(job.result, width)
    if job.result and log.messages:
        lines.append(Content.empty())
    for text in log.messages[-_MAX_MESSAGES:]:
        lines += Content.styled(safe(text), MUTED).wrap(max(10, width))
    return Content("\n").join(lines)


def result_lines(result: dict[str, Any], width: int) -> list[Content]:
    """Metrics of champion and challenger as a table, the outcome, then all other values by name."""
    before, after = _rankings(result.get("champion")), _rankings(result.get("challenger"))
    lines = _tables(before, after, width) if after else []
    if isinstance(result.get("promoted"), bool):
        outcome = "The new model is the champion." if result["promoted"] else "The champion stays."
        decision = result.get("decision")  # absent from results of earlier versions
        text = safe(decision) if isinstance(decision, str) else outcome
        lines += Content.styled(text, STRONG).wrap(max(10, width))
    for name, value in result.items():
        if name not in (_IN_TABLE if after else _IN_OUTCOME) and isinstance(value, str | int | float):
            lines.append(Content.assemble((f"{_word(name):<20} ", MUTED), _value(name, value)))
    return lines


def _word(name: str) -> str:
    return METRICS.get(name) or _WORDS.get(name) or safe(name.replace("_", " "))


def _value(name: str, value: str | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    if name == "at":
        return safe(moment_of(value))
    return safe(evaluation_set(value) if name in _SETS else value)


def _tables(before: Rankings, after: Rankings, width: int) -> list[Content]:
    """Tables with as many rankings side by side as fit."""
    name_cells = 1 + max(len(safe(name)) for metrics in after.values() for name in metrics)
    per_table = max(1, (width - name_cells + 1) // (_RANKING_CELLS + 1))
    rankings = list(after)
    groups = [rankings[begin : begin + per_table] for begin in range(0, len(rankings), per_table)]
    return [line for group in groups for line in _table(before, {name: after[name] for name in group}, name_cells)]


def _table(before: Rankings, after: Rankings, name_cells: int) -> list[Content]:
    """A line for each metric; for each ranking its value before, after, and the change."""
    heads = [f"{RANKING_NAMES.get(ranking, safe(ranking)):^13.13}{'':7}" for ranking in after]
    lines = [f"{'':<{name_cells}}{' '.join(heads)}"] if any(after) else []
    lines.append(f"{'':<{name_cells}}" + " ".join([f"{'before':>6}{'after':>7}{'':7}"] * len(after)))
    rows = [Content.styled(line.rstrip(), MUTED) for line in lines]
    for name in dict.fromkeys(name for metrics in after.values() for name in metrics):
        cells = [_cells(before.get(ranking, {}).get(name), metrics.get(name)) for ranking, metrics in after.items()]
        rows.append(Content(f"{METRICS.get(name, safe(name)):<{name_cells}}") + Content(" ").join(cells))
    return [*rows, Content.empty()]


def _cells(before: float | None, after: float | None) -> Content:
    if after is None:
        return Content(" " * _RANKING_CELLS)
    if before is None:
        return Content.assemble((f"{'–':>6}", MUTED), (f"{after:>7.3f}", STRONG), " " * 7)
    change = after - before
    style = MUTED if abs(change) < 0.0005 else GOOD if change > 0 else BAD
    return Content.assemble(f"{before:>6.3f}", (f"{after:>7.3f}", STRONG), (f"{change:>+7.3f}", style))


def _decisive_metrics(value: object, ranking: object) -> dict[str, float]:
    """The metrics of the ranking that decided on promotion; in results of earlier versions, of the encoder's own."""
    rankings = _rankings(value)
    return rankings.get("", {}) | rankings.get(ranking if isinstance(ranking, str) else "encoder", {})


def _rankings(value: object) -> Rankings:
    """The metrics of a model by ranking, from a job's result, which may hold anything.

    A retrain reports those of the encoder, of the hybrid and of the matcher's ranking; the lexical one, which no
    training changes, is left out. Other jobs report metrics without a ranking, here under the name "".
    """
    if not isinstance(value, dict):
        return {}
    parts = {"": value, **{name: value.get(name) for name in ("encoder", "fused", "matched")}}
    return {name: metrics for name, part in parts.items() if isinstance(part, dict) and (metrics := _numbers(part))}


def _numbers(part: dict[Any, Any]) -> dict[str, float]:
    return {
        str(name): float(number)
        for name, number in part.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and name != "queries"
    }
