"""The practice in the plain line mode: the same commands on invented queries, with feedback on each answer."""

from collections.abc import Callable
from dataclasses import replace

from tui.plain.decisions import PlainDecisions
from tui.plain.keys import PlainKeys
from tui.plain.query import PlainQuery, candidate_line, product_line
from tui.practice.exercises import EXERCISES
from tui.practice.session import Practice
from tui.services.desk import Desk

#: Replaces the first task, as there is no highlight to move and nothing is marked.
_FIRST = "Which candidate is the same product as the query? {details} 1 compares the first, {accept} 1 accepts it."
_FEEDBACK_PREFIXES = {True: "Right. ", False: "Look again. ", None: ""}
_DONE = "That was the practice; from now on every answer is saved, and {undo} undoes it."


class PlainPractice(PlainDecisions):
    """Practice; no decision is saved."""

    def __init__(self, desk: Desk, keys: PlainKeys, say: Callable[[str], None]) -> None:
        self._practice = Practice((replace(EXERCISES[0], task=_FIRST), *EXERCISES[1:]))
        super().__init__(self._practice, keys, say)
        query_commands = PlainQuery(desk, self).commands
        self.commands |= {name: query_commands[name] for name in ("details", "guidelines")}
        self.commands["next"] = lambda _: self._go_on()

    @property
    def is_over(self) -> bool:
        """Whether all queries are answered."""
        return self._practice.item is None

    def begin(self) -> None:
        """Print an introduction and the first query."""
        self.say(self.keys.fill("Nothing that you answer here is saved; {quit} leaves the practice."))
        self.show()

    def show(self) -> None:
        """Print the query, its candidates, and the task or feedback."""
        practice, item = self._practice, self._practice.item
        if item is None:
            self.say(self.keys.fill(_DONE))
            return
        self.say(f"\npractice: query {practice.number} of {practice.total}.")
        self.say(f"Query: {product_line(item.query)}")
        for place, option in enumerate(item.options, 1):
            self.say(f"{place}. {candidate_line(item, option)}")
        self._say_feedback()

    def _say_feedback(self) -> None:
        feedback = self._practice.feedback
        self.say(_FEEDBACK_PREFIXES[feedback.correct] + self.keys.fill(feedback.text))
        if self._practice.item is not None and self._practice.item.answered:
            self.say(self.keys.fill("{next} shows the next query."))

    def _decide(self, act: Callable[[], object]) -> None:
        previous = self._practice.item
        act()
        current = self._practice.item
        if previous is not None and current is not None and previous.query.ref == current.query.ref:
            self._say_feedback()
        else:
            self.show()

    def _turn(self, *, back: bool) -> None:
        if self._practice.redo() if back else self._practice.undo():
            self.show()
        else:
            self.say(f"There is nothing to {'redo' if back else 'undo'}.")

    def _go_on(self) -> None:
        if self._practice.item is not None and self._practice.item.answered:
            self._practice.advance()
            self.show()
        else:
            self.say(self.keys.fill("Not answered yet. {quit} leaves the practice."))
