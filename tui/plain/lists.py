"""The plain desk's lists: past work, flags and comments, the trail, streams, and a query's history."""

from collections.abc import Callable, Sequence

from core.queue.past_work import PastRow, Scope
from core.text.safe import safe
from labels.history import ActionStatus
from labels.model import ProductRef, Stream
from tui.common.words import VERB_WORDS
from tui.plain.keys import PlainKeys, number
from tui.review.past_work import act_context, act_summary, local_time, outcome_text, titles_of
from tui.services.desk import Desk
from tui.statistics.streams import stream_sentence

_COMMANDS = {Scope.OWN: "past", Scope.NOTED: "noted"}
_STATUS_TEXT = {ActionStatus.STANDS: "", ActionStatus.REDOABLE: ", undone", ActionStatus.FINAL: ", undone for good"}
#: Actions that the trail lists.
_MAX_TRAIL = 10
#: The argument of the history command for leads, and its consequence.
_OTHERS = "others"
_RECORDED = "This is recorded, and your later answers are excluded from agreement."


class PlainLists:
    """Numbered lists, and the commands that open a query from them.

    Args:
        say: prints a line.
        show: prints the query on the screen.
    """

    def __init__(self, desk: Desk, keys: PlainKeys, say: Callable[[str], None], show: Callable[[], None]) -> None:
        self._desk, self._keys, self._say, self._show = desk, keys, say, show
        self._listed: Sequence[ProductRef] = ()
        self.commands: dict[str, Callable[[str], None]] = {
            "past": lambda argument: self._past(Scope.OWN, argument),
            "noted": lambda argument: self._past(Scope.NOTED, argument),
            "trail": lambda _: self._trail(),
            "streams": self._streams,
            "history": self._history,
        }

    def _past(self, scope: Scope, argument: str) -> None:
        if argument.startswith("/"):
            self._open(argument[1:])
            return
        page = self._desk.past.page(scope, argument)
        self._listed = [row.query for row in page.rows]
        for place, row in enumerate(page.rows, 1):
            self._say(f"/{place}. {_past_line(row)}")
        if page.next is not None:
            self._say("There are more; add a word to narrow the list down.")
        key_for = self._keys.key_for(_COMMANDS[scope])
        self._say(f"{key_for} /1 shows the first of them." if page.rows else "No entry has all of these words.")

    def _open(self, argument: str) -> None:
        place = number(argument) or 0
        if not 1 <= place <= len(self._listed):
            self._say(self._keys.fill("List them first: {past}, {noted} or {trail}; then {past} /1 shows the first."))
            return
        self._desk.review.look_up(self._listed[place - 1])
        self._show()
        self._say("Enter alone returns to the query that you left.")

    def _trail(self) -> None:
        steps = self._desk.past.trail()[:_MAX_TRAIL]
        self._listed = [step.action.query for step, _ in steps]
        for place, (step, title) in enumerate(steps, 1):
            verb = VERB_WORDS.get(step.action.verb, step.action.verb.value)
            query = f"{safe(title)} ({safe(step.action.query.source)} {safe(step.action.query.id)})"
            self._say(f"/{place}. {local_time(step.action.at)} {verb} for {query}{_STATUS_TEXT[step.status]}")
        active = [place for place, (step, _) in enumerate(steps, 1) if step.status is ActionStatus.STANDS]
        if active:
            self._say(self._keys.fill(f"{{undo}} undoes /{active[0]}; {{past}} /{active[0]} shows its query."))
        elif not steps:
            self._say("There is nothing to undo yet.")

    def _streams(self, argument: str) -> None:
        review = self._desk.review
        if argument in list(Stream):
            review.switch(Stream(argument))
            self._show()
            return
        for state in self._desk.stream_states():
            here = " You are here." if state.stream is review.stream else ""
            self._say(stream_sentence(state, review.stats[state.stream]) + here)
        self._say(self._keys.fill("{streams} and a name switches to that stream."))

    def _history(self, argument: str) -> None:
        item = self._desk.review.item
        if item is None:
            self._show()
            return
        sees_others = item.alone and argument == _OTHERS
        past = self._desk.full_history() if sees_others else self._desk.history()
        titles = titles_of(item.options)
        for each in past:
            who = f"{local_time(each.at)} {safe(each.annotator)} ({act_context(each)})"
            self._say(f"{who}: {act_summary(each, titles, blind=item.blind)}")
        if not past:
            self._say("No actions on it yet.")
        if item.alone and not sees_others:
            self._say("Others' decisions are hidden while you label independently.")
            if self._desk.facts.lead:
                self._say(self._keys.fill(f"{{history}} {_OTHERS} shows them. {_RECORDED}"))


def _past_line(row: PastRow) -> str:
    """A past query in one line, its outcome first."""
    parts = [outcome_text(row)] if outcome_text(row) else []
    parts.append(f"{safe(row.title) or safe(row.query.id)} ({safe(row.query.source)} {safe(row.query.id)})")
    if row.past.flag is not None:
        parts.append(f"flagged by {safe(row.past.flag.annotator)}")
    parts += [f"{safe(note.annotator)} wrote: {safe(note.text)}" for note in row.past.comments]
    if row.held_by:
        parts.append(f"on {safe(row.held_by)}'s screen")
    return f"{local_time(row.past.at)} " + "; ".join(parts)
