"""Past work: summaries of past actions in words, and the screen that searches one's own and all noted queries."""

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
from core.text.safe import safe, shorten
from labels.history import ActionStatus, PastAction, TrailStep
from labels.model import Decision, Judgement, ProductRef, ShownScores, Stream, Strength, Verb
from labels.past_work import Note
from labels.wording import counted
from tui.background import failures_shown, in_background, tell
from tui.common.full_page import FullPage, page_title
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.common.words import DECISION_SIGNS, DECISION_WORDS, VERB_WORDS, duration, safe_excerpt
from tui.key_bindings import PAST, bindings
from tui.messages import Failed, MoreWanted, PastRead
from tui.services.desk import Desk
from tui.theme import CAREFUL, DECISIONS, KEY, MUTED, STRONG

#: Actions that decide nothing.
ACTS = {Verb.SKIP: "skipped it", Verb.FLAG: "set or removed the flag"}
_OUTCOMES = {Outcome.NONE: "none of these", Outcome.UNSURE: "unsure", Outcome.SKIPPED: "skipped"}
#: Characters of a title in a summary.
_MAX_TITLE = 32


def local_time(at: str) -> str:
    """A timestamp in local time, to the minute.

    Args:
        at: ISO 8601 with a time zone.
    """
    return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"


def act_summary(past: PastAction, titles: Mapping[ProductRef, str], *, blind: bool) -> str:
    """An action in one line.

    Args:
        past: the action.
        titles: of the candidates; one without a title is shown by its id.
        blind: whether scores are hidden.
    """
    words = ACTS.get(past.verb) or (
        f"wrote: {past.text}" if past.verb is Verb.COMMENT else _judgements_text(past, titles, blind)
    )
    origin = " (from a file)" if past.verb is Verb.IMPORT else ""
    return safe(words + origin + (" · undone" if past.undone_at is not None else ""))


def act_context(past: PastAction) -> str:
    """Stream, blindness and viewing time of an action: `audit, blind, 14 s`."""
    return viewing_context(past.stream, past.look_ms, blind=past.blind)


def viewing_context(stream: Stream, look_ms: int | None, *, blind: bool) -> str:
    """Stream, blindness and viewing time; an imported decision has no time."""
    parts = [stream.value, *(["blind"] if blind else [])]
    return ", ".join(parts if look_ms is None else [*parts, duration(look_ms / 1000)])


def machine_score(shown: ShownScores) -> str:
    """The probability, or else the similarity, of a pair when it was decided; empty if there was neither."""
    if shown.probability is not None:
        return percent(shown.probability)
    return "" if shown.similarity is None else f"{shown.similarity:.2f}"


def outcome_text(row: PastRow) -> str:
    """The outcome of an annotator's decisions on a query."""
    if row.outcome is Outcome.MATCH:
        return "match: " + safe("; ".join(row.accepted))
    rejected = len(row.past.candidates_decided(Decision.NO_MATCH))
    return _OUTCOMES.get(row.outcome) or (f"{rejected} rejected, not answered" if rejected else "")


def undo_summary(verb: Verb, title: str, *, back: bool, redo: str = "Z") -> str:
    """What undo or redo did: the action and its query."""
    action = f"{VERB_WORDS.get(verb, verb.value)} for “{shorten(safe(title), _MAX_TITLE)}”"
    return f"Redone: {action}." if back else f"Undone: {action}. {redo} redoes it."


def titles_of(options: Iterable[Option]) -> dict[ProductRef, str]:
    """The titles of candidates; equal titles are followed by source and id."""
    products = [option.product for option in options]
    counts = Counter(product.title for product in products)
    return {
        product.ref: product.title if counts[product.title] == 1 else f"{product.title} ({product.source} {product.id})"
        for product in products
    }


def candidate_name(judgement: Judgement, titles: Mapping[ProductRef, str]) -> str:
    """A candidate's title, else its source and id."""
    ref = judgement.candidate
    return titles.get(ref) or f"{ref.source} {ref.id}"


def explicit_judgements(past: PastAction) -> list[Judgement]:
    """The explicit judgements of an action, without the implied ones."""
    return [judgement for judgement in past.judgements if judgement.strength is Strength.EXPLICIT]


def implied_count(past: PastAction) -> int:
    """Number of candidates that were rejected by accepting another one."""
    return sum(judgement.strength is Strength.IMPLIED for judgement in past.judgements)


def _judgements_text(past: PastAction, titles: Mapping[ProductRef, str], blind: bool) -> str:
    def names(decision: Decision) -> list[str]:
        return [
            candidate_name(judgement, titles) + ("" if blind else _score_note(judgement.shown))
            for judgement in explicit_judgements(past)
            if judgement.decision is decision
        ]

    parts = [f"{DECISION_WORDS[d]}: {title}" for d in (Decision.MATCH, Decision.UNSURE) for title in names(d)]
    rejected = names(Decision.NO_MATCH)
    if rejected:
        parts.append(f"no match: {rejected[0] if len(rejected) == 1 else len(rejected)}")
    if implied := implied_count(past):
        parts.append(f"{implied} others implied")
    return "; ".join(parts) or past.verb.value


def _score_note(shown: ShownScores) -> str:
    score = machine_score(shown)
    return f" (score then: {score})" if score else ""


_SIGNS = {
    Outcome.MATCH: (DECISION_SIGNS[Decision.MATCH], DECISIONS[Decision.MATCH]),
    Outcome.NONE: (DECISION_SIGNS[Decision.NO_MATCH], DECISIONS[Decision.NO_MATCH]),
    Outcome.UNSURE: (DECISION_SIGNS[Decision.UNSURE], DECISIONS[Decision.UNSURE]),
    Outcome.SKIPPED: ("»", MUTED),
    Outcome.OPEN: ("·", MUTED),
}
_LEAD = "  "
#: Comments shown of a query; the others are counted.
_MAX_COMMENTS = 2
#: Cells of an id.
_MAX_ID = 24
_STATUS_TEXT = {ActionStatus.REDOABLE: "undone", ActionStatus.FINAL: "undone for good"}
_VERB_WIDTH = max(len(word) for word in VERB_WORDS.values())


def past_lines(row: PastRow, width: int) -> Content:
    """A past query: title and time; outcome and current holder; the flag; the latest comments."""
    past = row.past
    sign, style = _SIGNS[row.outcome]
    title = safe(row.title) or safe(f"{row.query.source} {row.query.id}")
    lines = [_two_ends(Content.assemble((sign, style), " ", title), Content.styled(local_time(past.at), MUTED), width)]
    # The id, because titles may be cut or equal.
    marks = [Content.styled(safe_excerpt(f"{row.query.source} {row.query.id}", _MAX_ID), MUTED)]
    if past.stream is not Stream.TRIAGE:
        marks.append(Content.styled(past.stream.value, MUTED))
    if row.held_by:
        marks.append(Content.styled(f"on {safe(row.held_by)}'s screen", CAREFUL))
    lines.append(_two_ends(Content.styled(_LEAD + outcome_text(row), MUTED), Content("  ").join(marks), width))
    if past.flag is not None:
        lines.append(_note("⚑", past.flag, "flagged", width))
    earlier = len(past.comments) - _MAX_COMMENTS
    lines += [_note("✎", note, note.text, width) for note in past.comments[-_MAX_COMMENTS:]]
    if earlier > 0:
        lines.append(Content.styled(f"{_LEAD}  {earlier} earlier", MUTED))
    return Content("\n").join(line for line in lines if line.plain.strip())


def _note(sign: str, note: Note, words: str, width: int) -> Content:
    left = Content.assemble(_LEAD, (f"{sign} {safe(note.annotator)} ", CAREFUL), safe(words))
    return _two_ends(left, Content.styled(local_time(note.at), MUTED), width)


def trail_line(step: TrailStep, title: str, note: str, width: int) -> Content:
    """One action of the trail: time, verb, query and status; `note` names the key that undoes or redoes it."""
    style = "" if step.status is ActionStatus.STANDS else MUTED
    verb = VERB_WORDS.get(step.action.verb, step.action.verb.value).ljust(_VERB_WIDTH)
    left = Content.assemble(
        (local_time(step.action.at), MUTED), "  ", (verb, style or STRONG), "  ", (safe(title), style),
        ("  " + safe(step.action.text) if step.action.text else "", MUTED),
    )  # fmt: skip
    words = Content.styled(note, KEY) if note else Content.styled(_STATUS_TEXT.get(step.status, ""), MUTED)
    id_ = Content.styled(safe_excerpt(step.action.query.id, _MAX_ID), MUTED)
    return _two_ends(left, id_ + Content("  ") + words if words else id_, width)


def _two_ends(left: Content, right: Content, width: int) -> Content:
    """Text at both ends of a line; the left one is cut with an ellipsis where needed."""
    room = width - right.cell_length - (2 if right else 0)
    left = left.truncate(max(0, room), ellipsis=True)
    return left + Content(" " * (width - left.cell_length - right.cell_length)) + right


_SCOPES = {Scope.OWN: "Your own", Scope.NOTED: "Flagged and commented"}
_PLACEHOLDER = "Words, an id, or: match, none, unsure, skipped, flagged, commented"
_EMPTY = {
    Scope.OWN: "No decisions yet.",
    Scope.NOTED: "No flags or comments yet: f flags the query on the screen, c comments on it.",
}


@dataclass
class PastPlace:
    """The state of the past-work screen, restored when it is opened again.

    Attributes:
        scope: the list.
        text: in the search field.
        query: of the highlighted row.
    """

    scope: Scope = Scope.OWN
    text: str = ""
    query: ProductRef | None = None


class PastScreen(FullPage[ProductRef]):
    """Searches while typing; Enter opens the query on the review screen and returns it, Escape changes nothing."""

    BINDINGS = bindings(PAST)
    ACTS = PAST
    AUTO_FOCUS = "Input"

    def __init__(self, desk: Desk, place: PastPlace) -> None:
        super().__init__()
        self._desk = desk
        self._place = place
        self._request: tuple[Scope, str, int | None] | None = None
        self._next: int | None = None

    def compose(self) -> ComposeResult:
        """The names of the two lists, the search field, the rows, a note, keys."""
        yield Static(id="past-scopes", classes="page-title", markup=False)
        yield Input(self._place.text, placeholder=_PLACEHOLDER, compact=True, select_on_focus=False)
        yield PagedList(past_lines, id="past-rows")
        yield Static(id="past-note", markup=False)
        yield KeyBar(PAST)

    def on_mount(self) -> None:
        """Read the list in its previous state."""
        self._read()

    # -- reading -------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if event.value != self._place.text:
            self._place.text, self._place.query = event.value, None
            self._read()

    def _read(self, before: int | None = None) -> None:
        request = self._request = (self._place.scope, self._place.text, before)
        self._draw_scopes()

        def work() -> Message:
            scope, text, _ = request
            page = self._desk.past.page(scope, text, before=before, wanted=lambda: self._request == request)
            return PastRead(request, page)

        in_background(self, "past", work)

    @on(PastRead)
    def _arrived(self, message: PastRead) -> None:
        if message.asked != self._request:
            return
        self._request, self._next = None, message.page.next
        if message.asked[2] is None:
            rows = message.page.rows
            at = next((at for at, row in enumerate(rows) if row.query == self._place.query), 0)
            self._rows.show(rows, at)
        else:
            self._rows.extend(message.page.rows)
        self._draw_note(message.page)
        if self._rows.has_room:
            self._read_on()

    @on(MoreWanted)
    def _read_on(self) -> None:
        if self._next is not None and self._request is None:
            self._read(self._next)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._request = None
        tell(self.app, message)

    # -- drawing -------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> PagedList[PastRow]:
        return self.query_one(PagedList)

    def _draw_scopes(self) -> None:
        title = page_title("Past work", list(_SCOPES.values()), list(_SCOPES).index(self._place.scope))
        self.query_one("#past-scopes", Static).update(title)

    def _draw_note(self, page: PastPage) -> None:
        count = len(self._rows.rows)
        if page.next is not None:
            note = f"{count:,} so far, latest first; ↓ loads older ones." if self._place.text else "Latest first."
        elif count:
            note = f"{counted(count, 'query', 'queries')}, latest first."
        else:
            note = "No entry has all of these words." if self._place.text.strip() else _EMPTY[self._place.scope]
        self.query_one("#past-note", Static).update(Content.styled(note, MUTED))

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Move the highlight; the field keeps the focus."""
        self._rows.move(step)

    def action_turn_page(self, pages: int) -> None:
        """Move the highlight by a screenful."""
        self._rows.turn(pages)

    def action_other_list(self) -> None:
        """Switch to the other list."""
        self.action_part(1 - list(_SCOPES).index(self._place.scope))

    def action_part(self, place: int) -> None:
        """Switch to a list, by its index."""
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
        """Open the highlighted query on the review screen, unless another annotator has it."""
        row = self._rows.current
        if row is None or (self._request is not None and self._request[2] is None):
            return  # the rows on the screen belong to an older text
        with failures_shown(self.app):
            self._desk.review.look_up(row.query)
            self._place.query = row.query
            self.dismiss(row.query)

    def action_leave(self) -> None:
        """Back to the review screen."""
        row = self._rows.current
        self._place.query = row.query if row else None
        self.dismiss(None)
