"""Brands that go by several names, as the workspace's vocabulary has them."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from core.catalog.store import CatalogStore
from core.errors import SettingsError
from core.evaluation.comparison import Comparison, load_comparison, load_comparisons
from core.evaluation.model_overview import Overview, encoder_overview
from core.evaluation.report import load_evaluations
from core.jobs.board import Jobs
from core.matching.audit import Audit, audit
from core.matching.bands import Band
from core.permissions import is_lead
from core.queue.item import StreamState
from core.queue.last_session import Ending, Place, Sitting
from core.queue.past_work import PastFinder, PastPage, Scope
from core.queue.session import ReviewSession
from core.queue.source import QueueSource
from core.queue.streams import stream_states
from core.retrieval.candidates import CandidateStore
from core.retrieval.registry import Registry
from core.settings import Settings, load_settings
from core.text.safe import safe
from core.text.vocabulary import Vocabulary
from core.training.plan import RetrainPlan, plan_retrain
from core.workspace import Workspace
from labels.files import open_regular
from labels.history import Step, decided_since, trail
from labels.leases import Leases
from labels.model import ProductRef
from labels.reader import LabelReader
from labels.store import LabelStore
from tui.common.welcome import last_session_notice
from tui.errors import DeskError
from tui.ports import Guidelines, Measured


class VocabularyBrands:
    """A `tui.ports.Brands`. Reads the vocabulary when it is first asked, in some hundredths of a second.

    Args:
        path: the workspace's own words; where they cannot be read, `samesku index` and `samesku doctor` say so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def same(self, one: str, other: str) -> bool:
        """Whether two names are one brand."""
        return self._vocabulary.same_brand(one, other, store_brands=False)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        try:
            return Vocabulary.load(self._path)
        except SettingsError:
            return Vocabulary.load()


class EvaluationFiles:
    """A `tui.ports.Evaluations`."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._target = settings.match.precision

    def read(self) -> Measured:
        """All of it, through connections of its own: SQLite's stay in their thread."""
        return Measured(load_evaluations(self._workspace), self._audits(), self._target)

    def _audits(self) -> dict[Band, Audit]:
        candidates = CandidateStore(self._workspace.derived)
        try:
            standing = candidates.standing
        finally:
            candidates.close()
        if standing is None or not standing.calibrated:
            return {}
        with LabelStore(self._workspace.labels) as store:
            return audit(store, standing, self._target)


#: Who writes more writes a book; every block of the text costs the screen a widget.
MOST_BYTES = 32_768
MOST_LINES = 400

_BUILT_IN = Path(__file__).parents[1] / "guidelines.md"


class TeamGuidelines:
    """A `tui.ports.GuidelinesPort`: one Markdown file, or what the desk says by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Guidelines:
        """The team's text; the built-in one where the file is absent or holds nothing.

        Raises:
            DeskError: the file cannot be read.
        """
        try:
            with open_regular(self._path) as file:
                read = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            read = b""
        except OSError as error:
            hint = "A lead of your team can mend guidelines.md in the folder of the workspace."
            raise DeskError(f"The guidelines cannot be read: {error.strerror}.", hint) from error
        lines = read[:MOST_BYTES].decode("utf-8-sig", errors="replace").splitlines()
        text = "\n".join(safe(line.expandtabs(4)).rstrip() for line in lines[:MOST_LINES])
        if not text.strip():
            return Guidelines(_BUILT_IN.read_text(encoding="utf-8"), own=False)
        return Guidelines(text, own=True, cut=len(read) > MOST_BYTES or len(lines) > MOST_LINES)


class ModelFiles:
    """A `tui.ports.ModelsPort`."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._registry = Registry(workspace, settings)

    def overview(self) -> Overview:
        """All encoders. Opens candidates of its own: SQLite's connections stay in their thread."""
        candidates = CandidateStore(self._workspace.derived)
        try:
            comparisons, damaged = load_comparisons(self._workspace)
            found = encoder_overview(self._registry, candidates.model, comparisons)
            return replace(found, damaged=(*found.damaged, *damaged))
        finally:
            candidates.close()

    def comparison(self, before: str, after: str) -> Comparison | None:
        """Two of them query by query; None where they have not been compared."""
        return load_comparison(self._workspace, before, after)


#: Beyond the last event there is.
_END = 2**62
#: A screen's worth, and a bit.
_MOST = 50


@dataclass(frozen=True, slots=True)
class DeskPast:
    """A `tui.ports.PastWork`; each call has connections of its own, since SQLite's stay in their thread.

    Attributes:
        overlap: share of the queries that two people answer, each alone.
        lead: whether the person sees what others wrote wherever it is.
    """

    ledger: Path
    catalog: CatalogStore
    annotator: str
    overlap: float
    lead: bool

    def page(
        self, scope: Scope, text: str = "", *, before: int | None = None, wanted: Callable[[], bool] = lambda: True
    ) -> PastPage:
        """Queries of a list that hold every word of a text, latest first, with who has them on the screen."""
        with LabelReader(self.ledger) as reader, closing(Leases(self.ledger)) as claims:
            finder = PastFinder(reader, self.catalog, self.annotator, self.overlap, self.lead)
            found = finder.page(scope, text, before=before, wanted=wanted)
            held = claims.held_by_others(self.annotator)
        return replace(found, rows=tuple(replace(row, held_by=held.get(row.query, "")) for row in found.rows))

    def trail(self, before: int | None = None) -> list[tuple[Step, str]]:
        """One's own acts before an act's number, latest first, each with its query's title."""
        with LabelReader(self.ledger) as reader:
            steps = trail(reader, self.annotator, before=_END if before is None else before, most=_MOST)
        titles = self.catalog.titles(step.past.query for step in steps)
        return [(step, titles.get(step.past.query) or step.past.query.id) for step in steps]

    def title(self, query: ProductRef) -> str:
        """The title of a query, else its id."""
        return self.catalog.titles([query]).get(query) or query.id


@dataclass(frozen=True, slots=True)
class WorkspaceRetraining:
    """A `tui.ports.Retraining`."""

    workspace: Workspace
    jobs: Jobs
    annotator: str

    def plan(self) -> RetrainPlan:
        """What one would do now, by the settings as they are now: a job reads them when it starts, too."""
        settings = load_settings(self.workspace.settings)
        return plan_retrain(self.workspace, settings, self.jobs, lead=is_lead(settings, self.annotator))


@dataclass
class DeskSitting:
    """A `tui.ports.Sitting`: what the review shows, noted in the sitting's file."""

    sitting: Sitting
    review: ReviewSession
    catalog: CatalogStore

    @property
    def theme(self) -> str:
        """The colours that were chosen at the desk; empty while they are the team's."""
        return self.sitting.place.theme

    @property
    def news(self) -> str:
        """How the last sitting ended, where it was not left; else nothing."""
        last = self.sitting.interrupted
        if last is None:
            return ""
        latest = decided_since(self.review.store, last.annotator, last.after)
        query = self.catalog.get(latest.query) if latest else None
        return last_session_notice(last, latest, query.title if query else "")

    def resume(self) -> int:
        """Show the query that was left, if it still waits, else the next; returns the candidate to highlight."""
        place, review = self.sitting.place, self.review
        query = place.query if place.stream is review.stream else None
        reserved = self._reserved()
        review.blind_by_choice = place.blind
        item = review.resume(query or reserved)
        if item is None or item.query.ref != query:
            return 0
        places = (at for at, option in enumerate(item.options) if option.product.ref == place.candidate)
        return next(places, 0)

    def _reserved(self) -> ProductRef | None:
        """What a sitting that was killed had on its screen: nobody else has it yet. Its other claims go back."""
        if not self.sitting.alone:
            return None
        held = self.review.claims.held(self.review.annotator)
        self.review.claims.give_back(self.review.annotator)
        return held[0] if held else None

    def note(self, candidate: ProductRef | None, theme: str) -> None:
        """Remember where one is."""
        review = self.review
        query = review.item.query.ref if review.item else None
        self.sitting.move(Place(review.stream, query, candidate, review.blind_by_choice, theme))

    def end(self, ending: Ending) -> None:
        """Remember how it ends; only the first word counts."""
        self.sitting.end(ending)

    def abandon(self, ending: Ending) -> None:
        """Give the claims back and end, from any thread: SQLite's connections stay in theirs."""
        claims = Leases(self.review.store.path)
        claims.give_back(self.review.annotator)
        claims.close()
        self.end(ending)


@dataclass(frozen=True, slots=True)
class DeskStreams:
    """A `tui.ports.Streams`.

    Attributes:
        source: the desk's own queue, of which a copy is counted: what it remembers stays in its thread.
    """

    ledger: Path
    derived: Path
    source: QueueSource
    annotator: str

    def read(self) -> tuple[StreamState, ...]:
        """How far each stream is now."""
        with LabelStore(self.ledger) as store, closing(CandidateStore(self.derived)) as candidates:
            copy = QueueSource(self.source.catalog, candidates, self.source.settings)
            if self.source.live is not None:
                copy.learn(self.source.live)
            return tuple(stream_states(copy, store, self.annotator))
