"""A past query as a row of a list, and an act as a row of the trail."""

from textual.content import Content

from core.past.row import Outcome, PastRow
from core.text.safe import safe
from labels.history import Standing, Step
from labels.model import Decision, Stream
from labels.past import Note
from tui.past import moment, outcome
from tui.style import CAREFUL, DECISIONS, KEY, MUTED, STRONG
from tui.words import DECISION_SIGNS, VERB_WORDS, reminder

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
_STANDINGS = {Standing.BACK: "taken back", Standing.GONE: "taken back for good"}
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
    style = "" if step.standing is Standing.STANDS else MUTED
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
