"""The commands that decide on a query, shared by the plain desk and its practice."""

from collections.abc import Callable, Sequence

from core.queue.item import Option
from tui.plain.keys import PlainKeys, number
from tui.ports import DecisionSession


class PlainDecisions:
    """Passes decisions to a review session; subclasses implement `_decide`, `_turn` and `show`.

    Attributes:
        commands: by name, the function that runs a command with its argument.
    """

    def __init__(self, sitting: DecisionSession, keys: PlainKeys, say: Callable[[str], None]) -> None:
        self.session, self.keys, self.say = sitting, keys, say
        self.commands: dict[str, Callable[[str], None]] = {
            "accept": lambda argument: self._accept(argument, stay=False),
            "accept_stay": lambda argument: self._accept(argument, stay=True),
            "reject": lambda argument: self._on_option(argument, self.session.reject),
            "none": lambda _: self._decide(lambda: self.session.none_match(self.options)),
            "unsure": lambda argument: self._on_option(argument, self.session.unsure),
            "skip": lambda _: self._decide(self.session.skip),
            "undo": lambda _: self._turn(back=False),
            "redo": lambda _: self._turn(back=True),
            "again": lambda _: self.show(),
            "help": lambda _: self._say_lines(self.keys.help()),
        }

    @property
    def options(self) -> Sequence[Option]:
        """The listed candidates."""
        return self.session.item.options if self.session.item else ()

    def show(self) -> None:
        """Print the query and its candidates, or why there is none."""
        raise NotImplementedError

    def _decide(self, act: Callable[[], object]) -> None:
        """Run a decision."""
        raise NotImplementedError

    def _turn(self, *, back: bool) -> None:
        """Undo or redo."""
        raise NotImplementedError

    def _accept(self, argument: str, *, stay: bool) -> None:
        self._on_option(argument, lambda option: self.session.accept(option, self.options, stay=stay))

    def _on_option(self, argument: str, act: Callable[[Option], object]) -> None:
        option = self.option(argument)
        if option is not None:
            self._decide(lambda: act(option))

    def option(self, argument: str) -> Option | None:
        """The candidate with a number; prints a sentence and returns None if there is none."""
        if self.session.item is None:
            self.show()  # why there is no query, and the ways on
            return None
        place, options = number(argument), self.options
        if place is not None and 1 <= place <= len(options):
            return options[place - 1]
        self.say(f"Which candidate? Give a number from 1 to {len(options)}." if options else "There are no candidates.")
        return None

    def _say_lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.say(line)
