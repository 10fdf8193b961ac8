"""Everything behind the desk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.catalog.product import Product
from core.match.reason import Reasons
from core.queue.rescored import Outlook, Rescored
from core.search.candidates import Standing
from labels.history import Past
from labels.stats import LabelStats
from tui.ports.brands import Brands
from tui.ports.evaluations import Evaluations
from tui.ports.guidelines import GuidelinesShelf
from tui.ports.jobs import JobBoard
from tui.ports.judge import JudgeSeat
from tui.ports.models import ModelShelf
from tui.ports.past import PastWork
from tui.ports.retraining import Retraining
from tui.ports.review import Review
from tui.ports.sitting import Sitting
from tui.ports.streams import Streams
from tui.ports.verbs import Verbs

if TYPE_CHECKING:
    from core.settings_told import ToldSetting

#: What a search gives at most: as many as a person reads before typing another word.
MOST_FOUND = 30


@dataclass(frozen=True, slots=True)
class DeskFacts:
    """What does not change while the desk is open.

    Attributes:
        high, medium: where the similarity is cut into bands where no matcher has spoken.
        lease_s: how long a query stays reserved, in seconds.
        lead: whether the person may do what is for leads.
        mouse: whether the mouse may be used.
        keys: other keys for acts of the desk, by the act's id, as the settings have them.
        newcomer: whether the person has never sat here, and their team lets newcomers practise.
        kiosk: whether nothing must lead out of the desk: no shell, no suspending, no files outside the workspace.
    """

    home: Path
    theme: str
    high: float
    medium: float
    lease_s: float
    lead: bool = True
    kiosk: bool = False
    newcomer: bool = False
    mouse: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)


class Desk(Protocol):
    """Everything behind the desk."""

    facts: DeskFacts

    @property
    def review(self) -> Review:
        """The sitting."""

    @property
    def sitting(self) -> Sitting:
        """Where one is, and how the last one ended."""

    @property
    def past(self) -> PastWork:
        """What was done before."""

    @property
    def streams(self) -> Streams:
        """All streams at one glance."""

    @property
    def jobs(self) -> JobBoard:
        """The jobs."""

    @property
    def retraining(self) -> Retraining:
        """The retrains."""

    @property
    def models(self) -> ModelShelf:
        """The encoders."""

    @property
    def evaluations(self) -> Evaluations:
        """What was measured."""

    @property
    def verbs(self) -> Verbs:
        """The command line's verbs, to be asked beside the keyboard."""

    @property
    def guidelines(self) -> GuidelinesShelf:
        """What the team calls the same product."""

    @property
    def judge(self) -> JudgeSeat:
        """The second opinion."""

    @property
    def brands(self) -> Brands:
        """Brands that go by several names."""

    @property
    def model(self) -> str | None:
        """Id of the encoder behind the candidates; None before the first index run."""

    @property
    def away_since(self) -> float | None:
        """When this person acted last, in seconds since the epoch; None for a newcomer."""

    @property
    def standing(self) -> Standing | None:
        """What the probabilities are worth; None where no matcher has spoken."""

    @property
    def one_class(self) -> str:
        """That all labels are of one class, and what is needed; empty where a matcher has learnt from both."""

    @property
    def has_one_class(self) -> bool:
        """The same as yes or no, for every draw of the screen: half as many labels again may be newer than it knows."""

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

    def history(self) -> list[Past]:
        """What happened to the query on the screen; one's own acts alone where one decides alone."""

    def look_at_others(self) -> list[Past]:
        """What everybody did with the query on the screen, for leads; that they looked is recorded.

        Raises:
            SameskuError: the person is no lead; nothing is recorded.
        """

    def keep_claim(self) -> bool:
        """Renew the lease on the query that is shown; False where somebody else has it by now."""

    def notice_new_candidates(self) -> bool:
        """Whether an index run or an import has replaced what was read. Costs two `stat`."""

    def read_new_candidates(self) -> bool:
        """Read them, if there are new ones, and show the query at hand with them. Returns whether it did."""

    def take_news(self) -> str:
        """What is to be said once of the candidates, such as that they are out of date; empty where nothing is."""

    def told_settings(self) -> "Sequence[ToldSetting]":
        """The settings in force, and where each comes from. Any thread."""

    def keep_copy(self, text: str) -> Path:
        """Write what somebody copied to a file of theirs in the workspace's reports. Any thread."""

    def require_ledger(self) -> None:
        """Return if what was decided is in the ledger at its place.

        Raises:
            LabelsError: it was deleted, replaced or emptied.
        """

    def close(self) -> None:
        """Give the claims back and let go of the files. Closing twice is no error."""
