"""Services of the desk that open files on every call: guidelines, work history and the annotator's session file.

SQLite connections belong to one thread, so what background threads may call opens connections of its own.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from core.catalog.store import CatalogStore
from core.queue.last_session import DeskSession, Position, SessionEnd
from core.queue.past_work import PastFinder, PastPage, Scope
from core.queue.session import ReviewSession
from core.text.safe import safe
from labels.files import open_regular
from labels.history import TrailStep, decided_since, trail
from labels.leases import Leases
from labels.model import ProductRef
from labels.reader import LabelReader
from tui.errors import DeskError
from tui.ports import Guidelines
from tui.resume_notice import last_session_notice

#: What is shown of guidelines.md at most: each block of the text costs a widget.
MAX_GUIDELINES_BYTES = 32_768
MAX_GUIDELINES_LINES = 400

_BUILT_IN = Path(__file__).parents[1] / "guidelines.md"


class TeamGuidelines:
    """The team's guidelines, one Markdown file; the built-in text where there is none. Any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Guidelines:
        """The guidelines as they are now; the built-in ones where the file is absent or blank.

        Raises:
            DeskError: the file cannot be read.
        """
        try:
            with open_regular(self._path) as file:
                content = file.read(MAX_GUIDELINES_BYTES + 1)
        except FileNotFoundError:
            content = b""
        except OSError as error:
            hint = "A lead of your team can mend guidelines.md in the folder of the workspace."
            raise DeskError(f"The guidelines cannot be read: {error.strerror}.", hint) from error
        lines = content[:MAX_GUIDELINES_BYTES].decode("utf-8-sig", errors="replace").splitlines()
        text = "\n".join(safe(line.expandtabs(4)).rstrip() for line in lines[:MAX_GUIDELINES_LINES])
        if not text.strip():
            return Guidelines(_BUILT_IN.read_text(encoding="utf-8"), own=False)
        cut = len(content) > MAX_GUIDELINES_BYTES or len(lines) > MAX_GUIDELINES_LINES
        return Guidelines(text, own=True, cut=cut)


#: An act number above all others.
_AFTER_LAST_ACT = 2**62
#: Acts per page of the trail: a screen and some more.
_TRAIL_PAGE = 50


@dataclass(frozen=True, slots=True)
class WorkHistory:
    """Past queries and acts, as far as this annotator may see them. Any thread.

    Attributes:
        ledger: path of the ledger.
        overlap: share of the queries that are decided by two people independently.
        lead: whether the annotator has a lead's permissions.
    """

    ledger: Path
    catalog: CatalogStore
    annotator: str
    overlap: float
    lead: bool

    def page(
        self, scope: Scope, text: str = "", *, before: int | None = None, wanted: Callable[[], bool] = lambda: True
    ) -> PastPage:
        """A page of past queries, latest first, each with the name of another annotator who has it on the screen.

        Args:
            scope: the list.
            text: words that must all occur; empty for all queries.
            before: continuation of the page before, as that page gave it.
            wanted: polled while searching; False abandons the search.
        """
        with LabelReader(self.ledger) as reader, closing(Leases(self.ledger)) as leases:
            finder = PastFinder(reader, self.catalog, self.annotator, self.overlap, self.lead)
            found = finder.page(scope, text, before=before, wanted=wanted)
            held = leases.held_by_others(self.annotator)
        return replace(found, rows=tuple(replace(row, held_by=held.get(row.query, "")) for row in found.rows))

    def trail(self, before: int | None = None) -> list[tuple[TrailStep, str]]:
        """The annotator's acts with numbers below `before`, latest first, each with the title of its query."""
        with LabelReader(self.ledger) as reader:
            end = _AFTER_LAST_ACT if before is None else before
            steps = trail(reader, self.annotator, before=end, limit=_TRAIL_PAGE)
        titles = self.catalog.titles(step.action.query for step in steps)
        return [(step, titles.get(step.action.query) or step.action.query.id) for step in steps]

    def title(self, query: ProductRef) -> str:
        """The title of a query; its id where it has none."""
        return self.catalog.titles([query]).get(query) or query.id


@dataclass
class DeskSitting:
    """The annotator's session at this desk, recorded in the session file so that the next one can resume."""

    sitting: DeskSession
    review: ReviewSession
    catalog: CatalogStore

    @property
    def theme(self) -> str:
        """The theme that the annotator chose at the desk; empty for the team's."""
        return self.sitting.place.theme

    @property
    def resume_notice(self) -> str:
        """How the last session ended, if it was not left properly; otherwise empty."""
        last = self.sitting.interrupted
        if last is None:
            return ""
        latest = decided_since(self.review.store, last.annotator, last.after)
        query = self.catalog.get(latest.query) if latest else None
        return last_session_notice(last, latest, query.title if query else "")

    def resume(self) -> int:
        """Show the query of the last session if it is still open, else the next; returns the candidate to highlight."""
        place, review = self.sitting.place, self.review
        query = place.query if place.stream is review.stream else None
        leased = self._take_back_leases()
        review.blind_by_choice = place.blind
        item = review.resume(query or leased)
        if item is None or item.query.ref != query:
            return 0
        places = (at for at, option in enumerate(item.options) if option.product.ref == place.candidate)
        return next(places, 0)

    def _take_back_leases(self) -> ProductRef | None:
        """The query that a killed session still had leased. Releases the annotator's leases."""
        if not self.sitting.alone:
            return None
        held = self.review.leases.held_by(self.review.annotator)
        self.review.leases.release_all(self.review.annotator)
        return held[0] if held else None

    def note(self, candidate: ProductRef | None, theme: str) -> None:
        """Record stream, query, highlighted candidate and theme. A write without fsync."""
        review = self.review
        query = review.item.query.ref if review.item else None
        self.sitting.move(Position(review.stream, query, candidate, review.blind_by_choice, theme))

    def end(self, ending: SessionEnd) -> None:
        """Record how the session ends; only the first call counts."""
        self.sitting.end(ending)

    def abandon(self, ending: SessionEnd) -> None:
        """Release the leases and end the session. Any thread: used when the desk's own thread is stuck."""
        with closing(Leases(self.review.store.path)) as leases:
            leases.release_all(self.review.annotator)
        self.end(ending)
