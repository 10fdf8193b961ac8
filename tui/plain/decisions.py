"""The acts on one query by lines: what the plain desk and its practice have in common."""

from collections.abc import Callable, Sequence

from core.queue.item import Option
from tui.plain.keys import PlainKeys, number
from tui.ports import DecisionSession


class PlainDecisions:
    """Hands lines to a sitting; `_decide` says what goes with a decision.

    Attributes:
        commands: what each command does with the words that follow it.
    """

    def __init__(self, sitting: DecisionSession, keys: PlainKeys, say: Callable[[str], None]) -> None:
        self.sitting, self.keys, self.say = sitting, keys, say
        self.commands: dict[str, Callable[[str], None]] = {
            "accept": lambda words: self._accept(words, stay=False),
            "accept_stay": lambda words: self._accept(words, stay=True),
            "reject": lambda words: self._on_option(words, self.sitting.reject),
            "none": lambda _: self._decide(lambda: self.sitting.none_match(self.options)),
            "unsure": lambda words: self._on_option(words, self.sitting.unsure),
            "skip": lambda _: self._decide(self.sitting.skip),
            "undo": lambda _: self._turn(back=False),
            "redo": lambda _: self._turn(back=True),
            "again": lambda _: self.show(),
            "help": lambda _: self._tell(self.keys.help()),
        }

    @property
    def options(self) -> Sequence[Option]:
        """The candidates that are listed."""
        return self.sitting.item.options if self.sitting.item else ()

    def show(self) -> None:
        """Tell the query and its candidates, or that there is none."""
        raise NotImplementedError

    def _decide(self, act: Callable[[], object]) -> None:
        """Do what a line decides."""
        raise NotImplementedError

    def _turn(self, *, back: bool) -> None:
        """Undo or redo."""
        raise NotImplementedError

    def _accept(self, words: str, *, stay: bool) -> None:
        self._on_option(words, lambda option: self.sitting.accept(option, self.options, stay=stay))

    def _on_option(self, words: str, act: Callable[[Option], object]) -> None:
        option = self.option(words)
        if option is not None:
            self._decide(lambda: act(option))

    def option(self, words: str) -> Option | None:
        """The candidate of that number; None, and a sentence, where there is none."""
        place, options = number(words), self.options
        if place is not None and 1 <= place <= len(options):
            return options[place - 1]
        self.say(f"Say which: a number from 1 to {len(options)}." if options else "There are no candidates.")
        return None

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.say(line)
