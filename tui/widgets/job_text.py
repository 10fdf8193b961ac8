"""A job in words, bars and tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from textual.content import Content

from core.jobs.job import Job, JobState
from core.text.safe import safe
from tui.style import BAD, CAREFUL, GOOD, MUTED, STRONG
from tui.words import duration

_SIGNS = {
    JobState.RUNNING: ("●", GOOD),
    JobState.DONE: ("✓", GOOD),
    JobState.FAILED: ("✗", BAD),
    JobState.CANCELLED: ("■", MUTED),
    JobState.LOST: ("?", CAREFUL),
}
_STATES = {
    JobState.RUNNING: "running",
    JobState.DONE: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "ended by you",
    JobState.LOST: "lost: it ended without a word",
}
_MOST_MESSAGES = 6
_BAR = 40


def job_list(jobs: Sequence[Job], current: Job | None) -> Content:
    """A line for each job: state, verb, and how far or when."""
    return Content("\n").join(_row(job, cursor=job is current) for job in jobs)


def _row(job: Job, *, cursor: bool) -> Content:
    sign, style = _SIGNS[job.state]
    percent = _share(job)
    when = _clock(job.started_at) if job.state is not JobState.RUNNING or percent is None else f"{percent:.0%}"
    line = Content.assemble(
        ("▌", "$accent") if cursor else " ", (sign, style), " ",
        (safe(job.verb).ljust(12)[:12], STRONG if cursor else ""), (when.rjust(6), MUTED),
    )  # fmt: skip
    return line.stylize_before("on $primary 25%") if cursor else line


def job_above(job: Job | None, width: int) -> Content:
    """What stands over the loss curve: the job, its stage and how far it is."""
    if job is None:
        return Content.assemble(
            ("No jobs yet", STRONG), "\n",
            ("Retrain and evaluate, in the menu (ctrl+p), run here while you go on labelling.", MUTED),
        )  # fmt: skip
    sign, style = _SIGNS[job.state]
    lines = [
        Content.assemble((f"{sign} {safe(job.verb).capitalize()}", f"{STRONG} {style}"), f"  {_STATES[job.state]}"),
        Content.styled(
            f"since {_date(job.started_at)}" if job.state is JobState.RUNNING else _date(job.started_at), MUTED
        ),
        Content.empty(),
    ]
    if job.error:
        lines += [*Content.styled(safe(job.error), BAD).wrap(max(10, width)), Content.empty()]
    elif job.state is JobState.RUNNING:
        lines += [*_progress(job, width), Content.empty()]
    if job.losses:
        lines.append(_loss(job))
    return Content("\n").join(lines)


def job_below(job: Job | None, width: int) -> Content:
    """What stands under the loss curve: what came out, and what it said."""
    if job is None:
        return Content.empty()
    lines: list[Content] = []
    if job.result:
        lines += [Content.empty(), *_result(job.result)]
    if job.messages:
        lines.append(Content.empty())
        for text in job.messages[-_MOST_MESSAGES:]:
            lines += Content.styled(safe(text), MUTED).wrap(max(10, width))
    return Content("\n").join(lines)


def _progress(job: Job, width: int) -> list[Content]:
    name = safe(job.stage) or "starting"
    stage = Content(name[:1].upper() + name[1:])
    share = _share(job)
    if share is None:
        return [stage]
    cells = max(10, min(_BAR, width - 7))
    full = round(share * cells)
    bar = Content.assemble(("█" * full, "$primary"), ("░" * (cells - full), MUTED), (f" {share:>4.0%}", STRONG))
    counts = [f"{job.done:,} of {job.total:,}"]
    if job.rate is not None:
        counts.append(f"{job.rate:,.1f}/s" if job.rate < 100 else f"{job.rate:,.0f}/s")
    if job.left_s is not None:
        counts.append(f"{duration(job.left_s)} left")
    return [stage, bar, Content.styled("   ".join(counts), MUTED)]


def _loss(job: Job) -> Content:
    first, last = job.losses[0][1], job.losses[-1][1]
    return Content.assemble(
        "Loss ", (f"{last:.3f}", STRONG), (f"   {first:.3f} at step {job.losses[0][0]}", MUTED),
        (f", now step {job.losses[-1][0]}", MUTED),
    )  # fmt: skip


def _result(result: dict[str, Any]) -> list[Content]:
    """Figures before and after where there are both, then the rest by name."""
    before, after = _figures(result.get("champion")), _figures(result.get("challenger"))
    lines = _table(before, after) if after else []
    if isinstance(result.get("promoted"), bool):
        outcome = "The new model is in use." if result["promoted"] else "The model in use stays."
        lines += [Content.styled(outcome, STRONG), Content.empty()]
    shown = {"champion", "challenger", "promoted", "primary"} if after else {"promoted", "primary"}
    for name, value in result.items():
        if name not in shown and isinstance(value, str | int | float):
            text = f"{value:.4g}" if isinstance(value, float) else safe(str(value))
            lines.append(Content.assemble((f"{safe(name):<18} ", MUTED), text))
    return lines


def _table(before: dict[str, float], after: dict[str, float]) -> list[Content]:
    names = list(after)
    width = max(len(safe(name)) for name in names) + 2
    lines = [Content.styled(f"{'':<{width}}{'before':>8}{'after':>8}", MUTED)]
    for name in names:
        now = after[name]
        line = Content(f"{safe(name):<{width}}")
        if name in before:
            change = now - before[name]
            line += Content(f"{before[name]:>8.3f}")
            line += Content.assemble((f"{now:>8.3f}", STRONG), (f"  {change:+.3f}", _change_style(change)))
        else:
            line += Content.assemble((f"{'–':>8}", MUTED), (f"{now:>8.3f}", STRONG))
        lines.append(line)
    return [*lines, Content.empty()]


def _change_style(change: float) -> str:
    return MUTED if abs(change) < 0.0005 else GOOD if change > 0 else BAD


def _figures(value: object) -> dict[str, float]:
    """The metrics of a result's part by name, those of its rankings too; what a job reports is not to be relied on.

    A retrain tells of the encoder alone, of the lexical retriever, which no training changes, and of both fused.
    """
    if not isinstance(value, dict):
        return {}
    figures = _numbers(value)
    for ranking, prefix in (("encoder", ""), ("fused", "fused ")):
        part = value.get(ranking)
        if isinstance(part, dict):
            figures |= {f"{prefix}{name}": number for name, number in _numbers(part).items() if name != "queries"}
    return figures


def _numbers(part: dict[Any, Any]) -> dict[str, float]:
    return {
        str(name): float(number)
        for name, number in part.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }


def ending(job: Job) -> tuple[str, bool]:
    """One sentence on a job that has ended, and whether it ended well."""
    verb = safe(job.verb).capitalize()
    if job.state is not JobState.DONE:
        reason = safe(job.error) or _STATES[job.state]
        return f"{verb}: {reason}", False
    before, after = _figures(job.result.get("champion")), _figures(job.result.get("challenger"))
    primary = job.result.get("primary")
    name = primary if primary in after else next(iter(after), "")
    parts = []
    if name and name in before:
        parts.append(f"{safe(name)} {before[name]:.2f} → {after[name]:.2f}")
    elif name:
        parts.append(f"{safe(name)} {after[name]:.2f}")
    if isinstance(job.result.get("promoted"), bool):
        parts.append("promoted" if job.result["promoted"] else "not promoted")
    return f"{verb} finished" + (": " + ", ".join(parts) if parts else "."), True


def _share(job: Job) -> float | None:
    return max(0.0, min(1.0, job.done / job.total)) if job.total else None


def _local(stamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp).astimezone()
    except ValueError:
        return None


def _clock(stamp: str) -> str:
    moment = _local(stamp)
    return f"{moment:%H:%M}" if moment else ""


def _date(stamp: str) -> str:
    moment = _local(stamp)
    return f"{moment:%d %B, %H:%M}" if moment else "at an unknown time"
