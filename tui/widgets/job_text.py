"""A job in words and bars: what it is, how far it is, what it measured and said."""

from collections.abc import Sequence

from textual.content import Content

from core.jobs.course import Course, Stage
from core.jobs.job import Job, JobState
from core.jobs.names import job_kept
from core.text.safe import safe
from tui.style import BAD, CAREFUL, GOOD, MUTED, STRONG
from tui.widgets.job_result import result_lines
from tui.words import JOB_STATES, duration, moment_of

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
    return words + Content(f", {duration(job.left_s)} left") if job.left_s else words


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
        again = Content.styled(f"r starts it again: {job_kept(job.arguments)}.", MUTED)
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
    if job.left_s is not None:
        about = f"About {duration(job.left_s)} left in all."
        lines += Content.styled(about, MUTED).wrap(max(10, width))
    return Content("\n").join(lines)


def _pace(job: Job) -> list[str]:
    words = []
    if job.rate is not None:
        # What takes longer than a second is told by its seconds.
        per_second = f"{job.rate:,.0f}/s" if job.rate >= 100 else f"{job.rate:,.1f}/s"
        words.append(f"{1 / job.rate:,.1f} s each" if 0 < job.rate < 1 else per_second)
    if job.stage_left_s is not None:
        words.append(f"{duration(job.stage_left_s)} left of this stage")
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


def job_rest(job: Job, course: Course, width: int) -> Content:
    """What came out, and what it said."""
    lines: list[Content] = []
    if job.result:
        lines += result_lines(job.result, width)
    if job.result and course.messages:
        lines.append(Content.empty())
    for text in course.messages[-_MOST_MESSAGES:]:
        lines += Content.styled(safe(text), MUTED).wrap(max(10, width))
    return Content("\n").join(lines)
