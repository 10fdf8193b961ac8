"""One line that says where one is: stream, progress, person, model, and what runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from core.jobs.job import Job
from core.queue.item import Progress
from core.retrieval.candidates import MatcherSummary
from labels.model import Stream
from tui.common.words import duration, model_name, reminder, stands_on
from tui.theme import GOOD, MUTED, STREAM_STYLES, STRONG

_LONGEST_MODEL = 24
_LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class Situation:
    """What the line tells.

    Attributes:
        standing: what the probabilities are worth; None where no matcher has spoken.
        one_class: whether there are labels, all of one class.
        blind: whether the machine's opinion is hidden; the model's name is then hidden too.
    """

    stream: Stream
    progress: Progress
    annotator: str
    model: str | None
    standing: MatcherSummary | None
    blind: bool
    one_class: bool = False


class StatusLine(Widget):
    """The top line."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._situation: Situation | None = None
        self._jobs: tuple[Job, ...] = ()

    def show(self, situation: Situation) -> None:
        """Tell another situation."""
        self._situation = situation
        self.refresh()

    def show_jobs(self, running: Sequence[Job]) -> None:
        """Tell how far the running jobs are, or that none runs."""
        if tuple(running) != self._jobs:
            self._jobs = tuple(running)
            self.refresh()

    def render(self) -> Content:
        """Left: stream and progress. Right: what runs in the place of the model, and the person."""
        if self._situation is None:
            return Content.empty()
        width = self.size.width
        left, rights = _left(self._situation), _rights(self._situation, self._jobs)
        pace = _pace(self._situation.progress)
        # The pace is worth the encoder's name, but not what the probabilities rest on.
        paced = [(left + pace, right) for right in rights[:2]] if pace else []
        for begin, right in [*paced, *((left, right) for right in rights)]:
            gap = width - begin.cell_length - right.cell_length - 1
            if gap >= 2:
                return begin + Content(" " * gap) + right
        return left


def _left(situation: Situation) -> Content:
    progress = situation.progress
    parts = [Content.styled(f" {situation.stream.value.upper()} ", STREAM_STYLES[situation.stream])]
    if situation.blind:
        parts.append(Content.styled(" BLIND ", "reverse"))
    counts = Content.assemble(
        (f"{progress.done:,}", STRONG), (f" of {progress.total:,}", MUTED), "  ",
        (f"{progress.total - progress.done:,}", STRONG), (" left", MUTED), "  ",
        (f"{progress.own:,}", STRONG), (" yours", MUTED),
    )  # fmt: skip
    return Content(" ").join([*parts, Content(" ") + counts])


def _pace(progress: Progress) -> Content:
    """How fast this sitting goes, and how long the rest would take; nothing while nobody can tell."""
    if progress.hourly is None or progress.left_s is None:
        return Content.empty()
    return Content.styled(f"  {progress.hourly:,.0f} an hour, {duration(progress.left_s)} to go", MUTED)


def _rights(situation: Situation, jobs: Sequence[Job]) -> list[Content]:
    """What may stand on the right, the longest first."""
    person = Content.styled(reminder(situation.annotator, _LONGEST_NAME), STRONG)
    if jobs:
        words = _job_words(jobs[0], len(jobs) - 1)
        return [Content("  ").join([each, person]) for each in words] + words
    if situation.blind or not situation.model:
        return [person]
    model = Content.styled(model_name(situation.model), MUTED).truncate(_LONGEST_MODEL, ellipsis=True)
    matcher = Content.styled(stands_on(situation.standing, one_class=situation.one_class), MUTED)
    return [Content("  ").join([matcher, model, person]), Content("  ").join([matcher, person]), person]


def _job_words(job: Job, others: int) -> list[Content]:
    """The latest of the running jobs, and how many others there are; the longest words first."""
    name = Content.styled(f"● {reminder(job.name, _LONGEST_NAME)}", GOOD)
    more = Content.styled(f" and {others} more", MUTED) if others else Content.empty()
    if not job.total:
        return [name + more]
    stage = f": {reminder(job.stage, _LONGEST_NAME)} " if job.stage else " "
    percent = Content.assemble(stage, (f"{min(1.0, job.done / job.total):.0%}", STRONG))
    if job.eta_s is None:
        return [name + percent + more, name + more]
    left = Content.styled(f" {duration(job.eta_s)} left", MUTED)
    return [name + percent + left + more, name + percent + more, name + more]
