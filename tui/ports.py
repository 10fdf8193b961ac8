"""What the screens need from the outside, as protocols: no screen opens a file or knows how a queue is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.catalog.product import Product
from core.evaluation.comparison import Comparison
from core.evaluation.model_overview import Overview
from core.evaluation.report import SavedEvaluations
from core.jobs.job import Job
from core.jobs.progress_log import ProgressLog
from core.judge.verdict import Verdict
from core.matching.audit import Audit
from core.matching.bands import Band
from core.matching.reason import Reasons
from core.queue.item import Option, Progress, ReviewItem, StreamState
from core.queue.last_session import SessionEnd
from core.queue.past_work import PastPage, Scope
from core.queue.refit_result import ExpectedGain, RefitResult
from core.queue.session_stats import SessionStats
from core.retrieval.candidates import MatcherSummary
from labels.history import PastAction, TrailStep
from labels.model import Action, ProductRef, Stream
from labels.statistics import LabelStats

if TYPE_CHECKING:
    from core.settings_info import SettingInfo
    from core.training.plan import RetrainPlan


class Brands(Protocol):
    """What the workspace knows of brands' names."""

    def same(self, one: str, other: str) -> bool:
        """Whether two names are one brand."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of how good the machine is.

    Attributes:
        kept: the evaluations.
        audits: what people found in each firm band, at today's cuts; empty before the first labels.
        target: the precision that a band must prove to decide by itself.
    """

    kept: SavedEvaluations
    audits: Mapping[Band, Audit]
    target: float


class Evaluations(Protocol):
    """What was measured; all of it is read from files. Any thread."""

    def read(self) -> Measured:
        """All of it.

        Raises:
            SameskuError: the labels cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Guidelines:
    """A text for people.

    Attributes:
        text: Markdown whose lines are safe to show.
        own: whether the team wrote it; else it is what the desk says by itself.
        cut: whether there was more than anybody reads.
    """

    text: str
    own: bool
    cut: bool = False


class GuidelinesPort(Protocol):
    """Where the guidelines are kept."""

    def read(self) -> Guidelines:
        """The guidelines as they are now. Any thread.

        Raises:
            DeskError: there are some, but they cannot be read.
        """


class JobBoard(Protocol):
    """The detached jobs of the workspace. Every method but `refusal` reads files: any thread but the desk's own."""

    folder: Path

    def start(self, home: Path, arguments: list[str]) -> str:
        """Start one; returns its id."""

    def list(self) -> list[Job]:
        """All of them, the latest first. What has ended is read once."""

    def get(self, job_id: str) -> Job:
        """One of them."""

    def progress_log(self, job_id: str, so_far: ProgressLog | None = None) -> ProgressLog:
        """What one told on its way; of what was read before, only what was added is read."""

    def log(self, job_id: str) -> tuple[str, ...]:
        """The last lines that one printed, safe to show."""

    def refusal(self, job: Job) -> str:
        """Why this person may not end one, a sentence; empty where they may."""

    def cancel(self, job_id: str) -> Job:
        """End a running one; waits for its end."""

    def resume(self, home: Path, job_id: str) -> str:
        """Start the work of one that has ended again; returns the id of the new one."""


class ModelsPort(Protocol):
    """The encoders and what is known of them; all of it is read from files. Any thread."""

    def overview(self) -> Overview:
        """All encoders.

        Raises:
            SameskuError: nobody can tell which one is in use.
        """

    def comparison(self, before: str, after: str) -> Comparison | None:
        """Two of them query by query; None where they have not been compared.

        Raises:
            SameskuError: what is kept of it is damaged.
        """


class PastWork(Protocol):
    """The past as the person who sits here may see it. Any thread."""

    def page(
        self, scope: Scope, text: str = "", *, before: int | None = None, wanted: Callable[[], bool] = lambda: True
    ) -> PastPage:
        """Queries of a list that hold every word of a text, latest first.

        `before` is where the page before said that the list goes on; once `wanted` is False, nobody waits for the rest.
        """

    def trail(self, before: int | None = None) -> list[tuple[TrailStep, str]]:
        """One's own acts before an act's number, latest first, each with its query's title; none at the end."""

    def title(self, query: ProductRef) -> str:
        """The title of a query, else its id."""


class Retraining(Protocol):
    """The retrains of the workspace."""

    def plan(self) -> "RetrainPlan":
        """What one would do now. Any thread but the desk's own; takes its time."""


class Sitting(Protocol):
    """One person at one desk, from opening it to leaving it."""

    @property
    def theme(self) -> str:
        """The colours that were chosen at the desk; empty while they are the team's."""

    @property
    def news(self) -> str:
        """How the last sitting ended, where it was not left; else nothing."""

    def resume(self) -> int:
        """Show the query that was left, if it still waits, else the next; returns the candidate to highlight."""

    def note(self, candidate: ProductRef | None, theme: str) -> None:
        """Remember where one is. Costs a write that waits for no disk."""

    def end(self, ending: SessionEnd) -> None:
        """Remember how it ends; only the first word counts."""

    def abandon(self, ending: SessionEnd) -> None:
        """Give the claims back and end, from any thread: the desk itself cannot any more."""


class Streams(Protocol):
    """The streams of the workspace."""

    def read(self) -> tuple[StreamState, ...]:
        """How far each is now, in their usual order. Any thread; takes its time."""


@dataclass(frozen=True, slots=True)
class Headway:
    """How far a verb is.

    Attributes:
        stage: what it is doing, in words.
        done, total: steps of the stage; total None where unknown.
        left_s: seconds left of the stage; None where unknown.
    """

    stage: str
    done: int = 0
    total: int | None = None
    left_s: float | None = None


class Asked(Protocol):
    """One verb that was asked for; it runs from the call of `answer` on."""

    def answer(self) -> dict[str, Any]:
        """Run the verb and wait for what it answers. Any thread but the desk's own; once.

        Raises:
            SameskuError: it cannot do it, in its own words; or it was ended.
        """

    def headway(self) -> Headway | None:
        """How far it is; None while it has told nothing. Costs the reading of a small file."""

    def cancel(self) -> None:
        """End it, also before it has begun. Returns at once; ending it twice is no error."""


class Verbs(Protocol):
    """The command line, as whoever sits at the desk may use it."""

    def ask(self, *arguments: str) -> Asked:
        """`python -m core ARGUMENTS --json`, on this workspace and under this name. Nothing is started yet."""


@dataclass(frozen=True, slots=True)
class Counsel:
    """A verdict, and what the judge is worth by the latest measurement, a sentence."""

    verdict: Verdict
    worth: str


class JudgePort(Protocol):
    """A process beside the desk that gives second opinions; nothing waits for it."""

    @property
    def trouble(self) -> str:
        """Why there is no judge to ask, one sentence with the way out; empty where there is one."""

    def verdict(self, query: Product, candidate: Product, heard: Callable[[str], None]) -> Counsel:
        """Ask about a pair. Any thread but the desk's own; takes its time.

        Args:
            query: the product under review.
            candidate: what it may equal.
            heard: is given what the judge says, piece by piece, on another thread.

        Raises:
            EngineError: it cannot tell, was stopped, or is not there.
        """

    def known(self, query: ProductRef, candidates: Sequence[ProductRef]) -> dict[ProductRef, Verdict]:
        """What it says of a query's candidates: what it has said before, or all of it where it judges ahead.

        Any thread but the desk's own; takes its time.

        Raises:
            EngineError: it is not there, or something else was asked meanwhile.
        """

    def stop(self) -> None:
        """Let it stop what it is saying. Returns at once."""

    def close(self) -> None:
        """Let it end."""


class Deciding(Protocol):
    """What the deciding keys drive; each of its methods returns when what it does is done for good."""

    @property
    def item(self) -> ReviewItem | None:
        """The query on the screen."""

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

    def advance(self) -> ReviewItem | None:
        """Show the next open query."""


class Review(Deciding, Protocol):
    """One annotator's sitting; every deciding method returns when the decision is on disk."""

    annotator: str
    stream: Stream
    is_looking_up: bool
    stats: dict[Stream, SessionStats]

    def peek(self) -> ReviewItem | None:
        """The query that is likely next, without a lease, for prefetching."""

    def switch(self, stream: Stream) -> ReviewItem | None:
        """Go to another stream."""

    def look_up(self, query: ProductRef) -> ReviewItem:
        """Show a query of before; `advance` leads back.

        Raises:
            SameskuError: somebody else has it on the screen, or its stream is not open; nothing has changed.
        """

    def held_by_others(self) -> dict[str, int]:
        """The number of open queries of the stream on other people's screens, by name."""

    def other_streams(self) -> dict[Stream, int]:
        """How many queries wait in each of the other streams that are open to the annotator."""

    def toggle_blind(self) -> ReviewItem | None:
        """Hide or show scores by choice."""

    def progress(self) -> Progress:
        """How far the stream is."""

    def flag(self) -> None:
        """Mark the query, or take the mark away."""

    def comment(self, text: str) -> None:
        """Write something about the query."""

    def undo(self) -> Action | None:
        """Take back the latest action and show its query if nobody else has it."""

    def redo(self) -> Action | None:
        """Bring back what was undone last and show its query if nobody else has it."""

    def search_option(self, product: Product) -> Option:
        """A product found by search as an option."""


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
    def models(self) -> ModelsPort:
        """The encoders."""

    @property
    def evaluations(self) -> Evaluations:
        """What was measured."""

    @property
    def verbs(self) -> Verbs:
        """The command line's verbs, to be asked beside the keyboard."""

    @property
    def guidelines(self) -> GuidelinesPort:
        """What the team calls the same product."""

    @property
    def judge(self) -> JudgePort:
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
    def standing(self) -> MatcherSummary | None:
        """What the probabilities are worth; None where no matcher has spoken."""

    @property
    def one_class(self) -> str:
        """That all labels are of one class, and what is needed; empty where a matcher has learnt from both."""

    @property
    def has_one_class(self) -> bool:
        """The same as yes or no, for every draw of the screen: half as many labels again may be newer than it knows."""

    @property
    def outlook(self) -> ExpectedGain | None:
        """What is to be gained by going on; None before the first refit."""

    @property
    def learns(self) -> bool:
        """Whether there is an engine to refit the matcher."""

    def refit(self) -> RefitResult:
        """Have the matcher refitted to the labels. Any thread but the desk's own; takes its time."""

    def learn(self, rescored: RefitResult) -> None:
        """Let a refit order the queue from the next query on."""

    def reasons(self, query: Product, candidate: Product) -> Reasons:
        """Why a pair has its probability. Any thread but the desk's own; takes its time."""

    def stop_engine(self) -> None:
        """Let the engine end, and whoever waits for it give up."""

    def search(self, text: str) -> list[Product]:
        """Products of the searched catalogues, best first. Any thread."""

    def statistics(self) -> LabelStats:
        """Counts over the labels. Any thread."""

    def history(self) -> list[PastAction]:
        """What happened to the query on the screen; one's own acts alone where one decides alone."""

    def look_at_others(self) -> list[PastAction]:
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

    def told_settings(self) -> "Sequence[SettingInfo]":
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
