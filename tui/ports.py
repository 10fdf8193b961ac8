"""What the screens need from the outside, as protocols: no screen opens a file or knows how a queue is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.catalog.product import Product
from core.jobs.job import Job
from core.match.reason import Reasons
from core.queue.item import Option, Progress, ReviewItem
from core.queue.rescored import Outlook, Rescored
from core.search.candidates import Standing
from labels.history import Past
from labels.model import Action, Stream
from labels.stats import LabelStats


class Review(Protocol):
    """One annotator's sitting; every deciding method returns when the decision is on disk."""

    annotator: str
    stream: Stream
    item: ReviewItem | None

    def advance(self) -> ReviewItem | None:
        """Show the next open query of the stream."""

    def switch(self, stream: Stream) -> ReviewItem | None:
        """Go to another stream."""

    def toggle_blind(self) -> ReviewItem | None:
        """Hide or show scores by choice."""

    def progress(self) -> Progress:
        """How far the stream is."""

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept one candidate; the others that were on the screen are rejected, implied."""

    def reject(self, option: Option) -> bool:
        """Reject one candidate. Returns whether that closed the query."""

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject what was on the screen."""

    def unsure(self, option: Option) -> None:
        """Abstain on one candidate, and with it on the query."""

    def skip(self) -> None:
        """Put the query off."""

    def flag(self) -> None:
        """Mark the query, or take the mark away."""

    def comment(self, text: str) -> None:
        """Write something about the query."""

    def undo(self) -> Action | None:
        """Take back the latest action and show its query."""

    def redo(self) -> Action | None:
        """Bring back what was undone last and show its query."""

    def found(self, product: Product) -> Option:
        """A product found by search as an option."""


class JobBoard(Protocol):
    """The detached jobs of the workspace."""

    folder: Path

    def start(self, home: Path, arguments: list[str]) -> str:
        """Start one; returns its id."""

    def list(self) -> list[Job]:
        """All of them, the latest first."""

    def get(self, job_id: str) -> Job:
        """One of them."""

    def cancel(self, job_id: str) -> Job:
        """End a running one; waits for its end."""


@dataclass(frozen=True, slots=True)
class DeskFacts:
    """What does not change while the desk is open.

    Attributes:
        high, medium: where the similarity is cut into bands before the first labels.
        lease_s: how long a query stays reserved, in seconds.
        recipe: how a retrain learns, one line.
    """

    home: Path
    theme: str
    high: float
    medium: float
    lease_s: float
    recipe: str


class Desk(Protocol):
    """Everything behind the desk."""

    facts: DeskFacts

    @property
    def review(self) -> Review:
        """The sitting."""

    @property
    def jobs(self) -> JobBoard:
        """The jobs."""

    @property
    def model(self) -> str | None:
        """Id of the encoder behind the candidates; None before the first index run."""

    @property
    def away_since(self) -> float | None:
        """When this person acted last, in seconds since the epoch; None for a newcomer."""

    @property
    def standing(self) -> Standing | None:
        """What the probabilities are worth; None before the first labels."""

    @property
    def outlook(self) -> Outlook | None:
        """What is to be gained by going on; None before the first refit."""

    @property
    def learns(self) -> bool:
        """Whether there is an engine to refit the matcher."""

    def refit(self) -> Rescored:
        """Have the matcher refitted to the labels. Any thread but the desk's own; takes its time."""

    def learn(self, rescored: Rescored) -> None:
        """Let a refit order the queue from the next query on."""

    def reasons(self, query: Product, candidate: Product) -> Reasons:
        """Why a pair has its probability. Any thread but the desk's own; takes its time."""

    def stop_engine(self) -> None:
        """Let the engine end, and whoever waits for it give up."""

    def search(self, text: str) -> list[Product]:
        """Products of the searched catalogues, best first. Any thread."""

    def statistics(self) -> LabelStats:
        """Counts over the labels. Any thread."""

    def export(self) -> tuple[Path, int]:
        """Write the labels to the workspace's reports; the file and how many. Any thread."""

    def history(self) -> list[Past]:
        """What happened to the query on the screen; one's own acts alone where one decides alone."""

    def keep_claim(self) -> bool:
        """Renew the lease on the query that is shown; False where somebody else has it by now."""

    def notice_new_candidates(self) -> bool:
        """Whether an index run has replaced the candidates since they were read. Costs one `stat`."""

    def read_new_candidates(self) -> bool:
        """Read them, if there are new ones, and show the query at hand with them. Returns whether it did."""

    def close(self) -> None:
        """Give the claims back and let go of the files. Closing twice is no error."""
