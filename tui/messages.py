"""What the parts of the desk tell one another."""

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
from labels.history import Step
from labels.model import ProductRef
from tui.common.markdown import Block
from tui.ports import Guidelines, JudgeOpinion


@dataclass
class Failed(Message):
    """Something did not work; a sentence, and the way out."""

    message: str
    hint: str


@dataclass
class JobsRead(Message):
    """The jobs as their files tell them now, the latest first."""

    jobs: tuple[Job, ...]

    def can_replace(self, message: Message) -> bool:
        """Only the newest reading matters."""
        return isinstance(message, JobsRead)


@dataclass
class JobStarted(Message):
    """A job was started from the desk."""

    job_id: str


@dataclass
class Answered(Message):
    """A verb of the command line has answered.

    Attributes:
        values: its JSON object, as the verb's `--json` gives it.
        name: which of the questions on a screen it answers.
    """

    values: dict[str, Any]
    name: str = ""


@dataclass
class Filled(Message):
    """A pane shows what its verb has answered, or why it could not."""


@dataclass
class Copied(Message):
    """What somebody copied stands in a file, too."""

    path: Path


@dataclass
class Found(Message):
    """What a search gave.

    Attributes:
        text: what was looked for; an answer to an older text is of no use.
    """

    text: str
    products: tuple[Product, ...]


@dataclass
class Highlighted(Message):
    """Another candidate is highlighted."""

    index: int


@dataclass
class Scrolled(Message):
    """The comparison shows other lines."""


@dataclass
class Refitted(Message):
    """A refit of the matcher has ended.

    Attributes:
        rescored: its word; None where it came to nothing.
        trouble: why it came to nothing.
    """

    rescored: RefitResult | None
    trouble: "Failed | None" = None


@dataclass
class Learnt(Message):
    """The queue goes by a newer matcher now."""


@dataclass
class Judged(Message):
    """What the judge says of a pair.

    Attributes:
        counsel: None where there is none.
        trouble: why there is none, one sentence.
    """

    counsel: JudgeOpinion | None
    trouble: str = ""


@dataclass
class JudgeSilent(Message):
    """The judge cannot say anything of a query's candidates, and why not, one sentence."""

    trouble: str


@dataclass
class VerdictsKnown(Message):
    """What the judge says of a query's candidates."""

    query: ProductRef
    verdicts: dict[ProductRef, Verdict]


@dataclass
class Explained(Message):
    """Why a pair has its probability.

    Attributes:
        reasons: None where nobody can tell.
        trouble: why nobody can tell, one sentence.
    """

    reasons: Reasons | None
    trouble: str = ""


@dataclass
class GuidelinesRead(Message):
    """The guidelines as they are now, and their text in blocks."""

    guidelines: Guidelines
    blocks: list[Block]


@dataclass
class MoreWanted(Message):
    """A list is scrolled towards the end of what it has."""

    def can_replace(self, message: Message) -> bool:
        """Once is enough."""
        return isinstance(message, MoreWanted)


@dataclass
class PastRead(Message):
    """A page of past work.

    Attributes:
        asked: the list, the text, and where the page begins; an answer to anything older is of no use.
    """

    asked: tuple[Scope, str, int | None]
    page: PastPage


@dataclass
class TrailRead(Message):
    """Acts of a trail, each with its query's title; `before` as it was asked for."""

    before: int | None
    steps: tuple[tuple[Step, str], ...]


@dataclass
class StreamsRead(Message):
    """How far the streams are."""

    states: tuple[StreamState, ...]
