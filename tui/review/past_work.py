"""Past work: one's own queries, and those that anybody flagged or commented on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static

from core.matching.bands import percent
from core.queue.item import Option
from core.queue.past_work import Outcome, PastPage, PastRow, Scope
from core.text.safe import safe
from labels.history import ActStatus, Past, Step
from labels.model import Decision, Judgement, ProductRef, Shown, Stream, Strength, Verb
from labels.past_work import Note
from labels.wording import counted
from tui.actions import PAST, bindings
from tui.background import failures_shown, in_background, tell
from tui.common.full_page import FullPage, page_title
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.common.words import DECISION_SIGNS, DECISION_WORDS, VERB_WORDS, duration, reminder, shortened
from tui.messages import Failed, MoreWanted, PastRead
from tui.services.desk import Desk
from tui.theme import CAREFUL, DECISIONS, KEY, MUTED, STRONG

#: Acts that decide nothing.
ACTS = {Verb.SKIP: "put it off", Verb.FLAG: "set or took away the flag"}
_OUTCOMES = {Outcome.NONE: "none of these", Outcome.UNSURE: "unsure", Outcome.SKIPPED: "put off"}
_LONGEST_TITLE = 32


def moment(at: str) -> str:
    """When, to the minute, in local time.

    Args:
        at: ISO 8601 with its zone.
    """
    return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"


def deed(past: Past, titles: Mapping[ProductRef, str], *, blind: bool) -> str:
    """What somebody did, one line.

    Args:
        past: the act.
        titles: of the candidates that are known; others go by their id.
        blind: whether the machine's opinion must not be told.
    """
    words = ACTS.get(past.verb) or (f"wrote: {past.text}" if past.verb is Verb.COMMENT else _said(past, titles, blind))
    origin = " (from a file)" if past.verb is Verb.IMPORT else ""
    return safe(words + origin + (" · taken back" if past.undone_at is not None else ""))


def circumstances(past: Past) -> str:
    """Why the query was shown, whether blind, and for how long: `audit, blind, 14 s`."""
    return looked(past.stream, past.look_ms, blind=past.blind)


def looked(stream: Stream, look_ms: int | None, *, blind: bool) -> str:
    """The same of any look; one that came from a file has no time."""
    parts = [stream.value, *(["blind"] if blind else [])]
    return ", ".join(parts if look_ms is None else [*parts, duration(look_ms / 1000)])


def machine_then(shown: Shown) -> str:
    """What the machine said of a pair when it was decided; empty where it had nothing to say."""
    if shown.probability is not None:
        return percent(shown.probability)
    return "" if shown.similarity is None else f"{shown.similarity:.2f}"


def outcome(row: PastRow) -> str:
    """What somebody's decisions on a query come to."""
    if row.outcome is Outcome.MATCH:
        return "match: " + safe("; ".join(row.accepted))
    rejected = len(row.past.saying(Decision.NO_MATCH))
    return _OUTCOMES.get(row.outcome) or (f"{rejected} rejected, not answered" if rejected else "")


def turned(verb: Verb, title: str, *, back: bool, redo: str = "Z") -> str:
    """What undo or redo did: the act and its query."""
    act = f"{VERB_WORDS.get(verb, verb.value)} for “{shortened(safe(title), _LONGEST_TITLE)}”"
    return f"Brought back: {act}." if back else f"Taken back: {act}. {redo} brings it back."


def titles_of(options: Iterable[Option]) -> dict[ProductRef, str]:
    """The titles of candidates, with where they are from for those that share one."""
    products = [option.product for option in options]
    counts = Counter(product.title for product in products)
    return {
        product.ref: product.title if counts[product.title] == 1 else f"{product.title} ({product.source} {product.id})"
        for product in products
    }


def named(judgement: Judgement, titles: Mapping[ProductRef, str]) -> str:
    """A candidate's title, else where it is from."""
    ref = judgement.candidate
    return titles.get(ref) or f"{ref.source} {ref.id}"


def explicit(past: Past) -> list[Judgement]:
    """What was said outright; the rest follows from it."""
    return [judgement for judgement in past.said if judgement.strength is Strength.EXPLICIT]


def implied(past: Past) -> int:
    """How many candidates were rejected because another one was accepted."""
    return sum(judgement.strength is Strength.IMPLIED for judgement in past.said)


def _said(past: Past, titles: Mapping[ProductRef, str], blind: bool) -> str:
    def titled(decision: Decision) -> list[str]:
        return [
            named(judgement, titles) + ("" if blind else _then(judgement.shown))
            for judgement in explicit(past)
            if judgement.decision is decision
        ]

    parts = [f"{DECISION_WORDS[d]}: {title}" for d in (Decision.MATCH, Decision.UNSURE) for title in titled(d)]
    rejected = titled(Decision.NO_MATCH)
    parts += [f"no match: {rejected[0]}"] if len(rejected) == 1 else [f"no match: {len(rejected)}"] if rejected else []
    return "; ".join([*parts, *([f"{implied(past)} others implied"] if implied(past) else [])]) or past.verb.value


def _then(shown: Shown) -> str:
    machine = machine_then(shown)
    return f" (the machine then: {machine})" if machine else ""


_SIGNS = {
    Outcome.MATCH: (DECISION_SIGNS[Decision.MATCH], DECISIONS[Decision.MATCH]),
    Outcome.NONE: (DECISION_SIGNS[Decision.NO_MATCH], DECISIONS[Decision.NO_MATCH]),
    Outcome.UNSURE: (DECISION_SIGNS[Decision.UNSURE], DECISIONS[Decision.UNSURE]),
    Outcome.SKIPPED: ("»", MUTED),
    Outcome.OPEN: ("·", MUTED),
}
_LEAD = "  "
_MOST_COMMENTS = 2
#: Cells of an id.
_LONGEST_ID = 24
_STANDINGS = {ActStatus.BACK: "taken back", ActStatus.GONE: "taken back for good"}
_VERB_WIDTH = max(len(word) for word in VERB_WORDS.values())


def past_lines(row: PastRow, width: int) -> Content:
    """What it is and when, what was said of it and who has it now, then the flag and the latest comments."""
    past = row.past
    sign, style = _SIGNS[row.outcome]
    title = safe(row.title) or safe(f"{row.query.source} {row.query.id}")
    lines = [_between(Content.assemble((sign, style), " ", title), Content.styled(moment(past.at), MUTED), width)]
    # Titles that are cut, or equal, do not say which query it is.
    marks = [Content.styled(reminder(f"{row.query.source} {row.query.id}", _LONGEST_ID), MUTED)]
    if past.stream is not Stream.TRIAGE:
        marks.append(Content.styled(past.stream.value, MUTED))
    if row.held_by:
        marks.append(Content.styled(f"on {safe(row.held_by)}'s screen", CAREFUL))
    said = Content.styled(_LEAD + outcome(row), MUTED)
    lines.append(_between(said, Content("  ").join(marks), width))
    if past.flag is not None:
        lines.append(_note("⚑", past.flag, "flagged", width))
    earlier = len(past.comments) - _MOST_COMMENTS
    lines += [_note("✎", note, note.text, width) for note in past.comments[-_MOST_COMMENTS:]]
    if earlier > 0:
        lines.append(Content.styled(f"{_LEAD}  {earlier} earlier", MUTED))
    return Content("\n").join(line for line in lines if line.plain.strip())


def _note(sign: str, note: Note, words: str, width: int) -> Content:
    left = Content.assemble(_LEAD, (f"{sign} {safe(note.annotator)} ", CAREFUL), safe(words))
    return _between(left, Content.styled(moment(note.at), MUTED), width)


def trail_line(step: Step, title: str, note: str, width: int) -> Content:
    """One line: when, what, of which query, and what became of it; `note` says which key moves it."""
    style = "" if step.standing is ActStatus.STANDS else MUTED
    verb = VERB_WORDS.get(step.past.verb, step.past.verb.value).ljust(_VERB_WIDTH)
    left = Content.assemble(
        (moment(step.past.at), MUTED), "  ", (verb, style or STRONG), "  ", (safe(title), style),
        ("  " + safe(step.past.text) if step.past.text else "", MUTED),
    )  # fmt: skip
    words = Content.styled(note, KEY) if note else Content.styled(_STANDINGS.get(step.standing, ""), MUTED)
    id_ = Content.styled(reminder(step.past.query.id, _LONGEST_ID), MUTED)
    return _between(left, id_ + Content("  ") + words if words else id_, width)


def _between(left: Content, right: Content, width: int) -> Content:
    """Words at both ends of a line; those on the left give way, with a sign."""
    room = width - right.cell_length - (2 if right else 0)
    left = left.truncate(max(0, room), ellipsis=True)
    return left + Content(" " * (width - left.cell_length - right.cell_length)) + right


_SCOPES = {Scope.OWN: "Your own", Scope.NOTED: "Flagged and commented"}
_INVITATION = "Words, an id, or: match, none, unsure, skipped, flagged, commented"
_NOTHING = {
    Scope.OWN: "You have decided nothing yet.",
    Scope.NOTED: "Nothing is flagged or commented on: f flags the query on the screen, c writes on it.",
}


@dataclass
class PastPlace:
    """Where one was in the lists, to come back to.

    Attributes:
        query: the row that was highlighted.
    """

    scope: Scope = Scope.OWN
    text: str = ""
    query: ProductRef | None = None


class PastScreen(FullPage[ProductRef]):
    """Finds as one types; Enter shows the query on the review screen and gives it, Escape changes nothing."""

    BINDINGS = bindings(PAST)
    ACTS = PAST
    AUTO_FOCUS = "Input"

    def __init__(self, desk: Desk, place: PastPlace) -> None:
        super().__init__()
        self._desk = desk
        self._place = place
        self._asked: tuple[Scope, str, int | None] | None = None
        self._next: int | None = None

    def compose(self) -> ComposeResult:
        """The two lists' names, the field, the rows, how far they go, keys."""
        yield Static(id="past-scopes", classes="page-title", markup=False)
        yield Input(self._place.text, placeholder=_INVITATION, compact=True, select_on_focus=False)
        yield PagedList(past_lines, id="past-rows")
        yield Static(id="past-note", markup=False)
        yield KeyBar(PAST)

    def on_mount(self) -> None:
        """The list as one left it."""
        self._read()

    # -- reading -------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if event.value != self._place.text:
            self._place.text, self._place.query = event.value, None
            self._read()

    def _read(self, before: int | None = None) -> None:
        asked = self._asked = (self._place.scope, self._place.text, before)
        self._draw_scopes()

        def work() -> Message:
            scope, text, _ = asked
            page = self._desk.past.page(scope, text, before=before, wanted=lambda: self._asked == asked)
            return PastRead(asked, page)

        in_background(self, "past", work)

    @on(PastRead)
    def _arrived(self, message: PastRead) -> None:
        if message.asked != self._asked:
            return
        self._asked, self._next = None, message.page.next
        if message.asked[2] is None:
            rows = message.page.rows
            at = next((at for at, row in enumerate(rows) if row.query == self._place.query), 0)
            self._rows.show(rows, at)
        else:
            self._rows.extend(message.page.rows)
        self._tell(message.page)
        if self._rows.has_room:
            self._read_on()

    @on(MoreWanted)
    def _read_on(self) -> None:
        if self._next is not None and self._asked is None:
            self._read(self._next)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._asked = None
        tell(self.app, message)

    # -- drawing -------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> PagedList[PastRow]:
        return self.query_one(PagedList)

    def _draw_scopes(self) -> None:
        title = page_title("Past work", list(_SCOPES.values()), list(_SCOPES).index(self._place.scope))
        self.query_one("#past-scopes", Static).update(title)

    def _tell(self, page: PastPage) -> None:
        count = len(self._rows.rows)
        if page.next is not None:
            note = f"{count:,} so far, latest first; ↓ looks further back." if self._place.text else "Latest first."
        elif count:
            note = f"{counted(count, 'query', 'queries')}, latest first."
        else:
            note = "Nothing holds all of these words." if self._place.text.strip() else _NOTHING[self._place.scope]
        self.query_one("#past-note", Static).update(Content.styled(note, MUTED))

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To a neighbouring row, while the field keeps the focus."""
        self._rows.move(step)

    def action_turn_page(self, pages: int) -> None:
        """A screen further."""
        self._rows.turn(pages)

    def action_other_list(self) -> None:
        """To the other list."""
        self.action_part(1 - list(_SCOPES).index(self._place.scope))

    def action_part(self, place: int) -> None:
        """To one of the lists."""
        self._place.scope = list(_SCOPES)[place]
        self._place.query = None
        self._read()

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_open_row()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._rows.highlighted = event.option_index
        self.action_open_row()

    def action_open_row(self) -> None:
        """Show the highlighted query on the review screen, unless somebody else has it."""
        row = self._rows.current
        if row is None or (self._asked is not None and self._asked[2] is None):
            return  # what is on the screen answers an older text
        with failures_shown(self.app):
            self._desk.review.look_up(row.query)
            self._place.query = row.query
            self.dismiss(row.query)

    def action_leave(self) -> None:
        """Back to the desk."""
        row = self._rows.current
        self._place.query = row.query if row else None
        self.dismiss(None)
