"""Textual messages between the widgets, screens and background threads of the desk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.message import Message

from core.catalog.product import Product
from core.jobs.job import Job
from core.judge.verdict import Verdict
from core.matching.reason import Reasons
from core.queue.item import StreamState
from core.queue.past_work import PastPage, Scope
from core.queue.refit_result import RefitResult
from labels.history import TrailStep
from labels.model import ProductRef
from tui.common.markdown import Block
from tui.ports import Groups, Guidelines, JudgeOpinion


@dataclass
class Failed(Message):
    """An operation failed: one sentence, and what to do about it."""

    message: str
    hint: str


@dataclass
class JobsRead(Message):
    """The workspace's jobs as read from their files, latest first."""

    jobs: tuple[Job, ...]

    def can_replace(self, message: Message) -> bool:
        """A newer reading replaces an older one."""
        return isinstance(message, JobsRead)


@dataclass
class JobStarted(Message):
    """A job was started from the desk."""

    job_id: str


@dataclass
class Answered(Message):
    """A command of the command line has returned.

    Attributes:
        values: the JSON object that it printed with `--json`.
        name: identifies the command where a screen runs several.
    """

    values: dict[str, Any]
    name: str = ""


@dataclass
class Filled(Message):
    """A pane has rendered its command's result or failure."""


@dataclass
class Copied(Message):
    """The copied text was also written to a file."""

    path: Path


@dataclass
class Found(Message):
    """The results of a catalogue search.

    Attributes:
        text: the search text; results of an older text are dropped.
    """

    text: str
    products: tuple[Product, ...]


@dataclass
class Highlighted(Message):
    """The highlight has moved to another candidate."""

    index: int


@dataclass
class ColumnsMoved(Message):
    """The columns of the candidates on the screen have other places: the size changed, or a scroll bar came or went."""


@dataclass
class Scrolled(Message):
    """The comparison was scrolled, or has another size."""


@dataclass
class Refitted(Message):
    """A refit of the matcher has ended.

    Attributes:
        rescored: the result; None if the refit failed.
        trouble: the failure to report, if any.
    """

    rescored: RefitResult | None
    trouble: "Failed | None" = None


@dataclass
class Learnt(Message):
    """The queue is ordered by a newer matcher."""


@dataclass
class Judged(Message):
    """The judge's verdict on a pair.

    Attributes:
        counsel: None if there is no verdict.
        trouble: the reason for that, one sentence.
    """

    counsel: JudgeOpinion | None
    trouble: str = ""


@dataclass
class JudgeSilent(Message):
    """The judge has no verdicts for a query's candidates; `trouble` gives the reason in one sentence."""

    trouble: str


@dataclass
class VerdictsKnown(Message):
    """The judge's verdicts on a query's candidates."""

    query: ProductRef
    verdicts: dict[ProductRef, Verdict]


@dataclass
class GroupsKnown(Message):
    """The groups of a query's candidates.

    Attributes:
        groups: candidate → the other listings of its product without the query; candidates without any are left out.
    """

    query: ProductRef
    groups: Groups


@dataclass
class Explained(Message):
    """The features behind a pair's probability.

    Attributes:
        reasons: None if they are not available.
        trouble: the reason for that, one sentence.
    """

    reasons: Reasons | None
    trouble: str = ""


@dataclass
class GuidelinesRead(Message):
    """The guidelines, and their text parsed into blocks."""

    guidelines: Guidelines
    blocks: list[Block]


@dataclass
class MoreWanted(Message):
    """A list is scrolled near the end of its loaded rows."""

    def can_replace(self, message: Message) -> bool:
        """One request is enough."""
        return isinstance(message, MoreWanted)


@dataclass
class PastRead(Message):
    """A page of past work.

    Attributes:
        asked: the list, the search text and the page's start; a page of an older request is dropped.
    """

    asked: tuple[Scope, str, int | None]
    page: PastPage


@dataclass
class TrailRead(Message):
    """A page of the trail: actions with their query's title; `before` is the requested page start."""

    before: int | None
    steps: tuple[tuple[TrailStep, str], ...]


@dataclass
class StreamsRead(Message):
    """The progress of every stream."""

    states: tuple[StreamState, ...]
