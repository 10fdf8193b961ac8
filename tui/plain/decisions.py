"""The acts on one query by lines: what the plain desk and its practice have in common."""

from collections.abc import Callable, Sequence

from core.queue.item import Option
from tui.plain.keys import PlainKeys, number
from tui.ports import Deciding


class PlainDecisions:
    """Hands lines to a sitting; `_decide` says what goes with a decision.

    Attributes:
        commands: what each command does with the words that follow it.
    """

    def __init__(self, sitting: Deciding, keys: PlainKeys, say: Callable[[str], None]) -> None:
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
        """The candidates that are listed."""
        return self.session.item.options if self.session.item else ()

    def show(self) -> None:
        """Tell the query and its candidates, or that there is none."""
        raise NotImplementedError

    def _decide(self, act: Callable[[], object]) -> None:
        """Do what a line decides."""
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
        """The candidate of that number; None, and a sentence, where there is none."""
        place, options = number(argument), self.options
        if place is not None and 1 <= place <= len(options):
            return options[place - 1]
        self.say(f"Say which: a number from 1 to {len(options)}." if options else "There are no candidates.")
        return None

    def _say_lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.say(line)
