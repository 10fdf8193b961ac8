"""Someone who types at the desk without looking, and a record of what the screen showed meanwhile."""

import random
from dataclasses import dataclass, field, replace

from tests.bench.screen_reader import ScreenReader, Sight
from tests.bench.terminal import Terminal

#: The longest that a desk may take to open, or to answer a key.
PATIENCE_S = 20.0

_KEYS = "aaaaAAAxxxxxnnnnuuussszzzZZjjk1234567890"


class NothingToTypeError(Exception):
    """The desk shows no query: the workspace has none left, or the screen cannot be read."""


@dataclass
class Typist:
    """Types at one desk until it is killed, and keeps a record of what the screen showed.

    Attributes:
        alone: the one key whose answer is awaited; empty while it is a burst's.
        phase: what is going on.
        hit: what was going on when the kill came.
    """

    reader: ScreenReader
    rng: random.Random
    sights: list[Sight] = field(default_factory=list)
    keys: str = ""
    alone: str = ""
    phase: str = "start-up"
    hit: str = ""

    def look(self, terminal: Terminal) -> None:
        """Note down a frame that differs from the one before."""
        sight = self.reader.read(terminal.lines)
        if sight is None or (self.sights and (sight.shown == self.sights[-1].shown or self._is_mixed(sight))):
            return
        self.sights.append(replace(sight, typed=len(self.keys), alone=self.alone))

    def _is_mixed(self, sight: Sight) -> bool:
        """Whether a frame may show the next query above the list of the last: Textual paints each widget when its own
        turn comes, and the catalogue has queries with the same titles. The list starts without marks, at the top."""
        last = self.sights[-1]
        used = bool(last.marks.strip() or last.cursor)
        return sight.query != last.query and used and (sight.marks, sight.cursor) == (last.marks, last.cursor)

    def open(self, terminal: Terminal) -> bool:
        """Wait for the first query. Returns False where the kill came first."""
        seen = terminal.wait_for(lambda _: bool(self.sights), PATIENCE_S)
        if not seen and not terminal.ended:
            raise NothingToTypeError("\n".join(terminal.lines))
        if seen:
            self.phase = "idle"
        return seen

    def type_key(self, terminal: Terminal) -> None:
        """One key, and its answer on the screen."""
        seen = len(self.sights)
        self.alone = self._useful_key()
        self._send(terminal, self.alone, "one key")
        if terminal.wait_for(lambda _: self._is_answered(seen), 0.5):
            self.phase = "idle"
        else:
            self._settle(terminal)
        self.alone = ""

    def _is_answered(self, seen: int) -> bool:
        """Whether something happened beyond the bottom line falling silent."""
        before = self.sights[seen - 1]
        return any(s.shown[:3] != before.shown[:3] or s.said not in ("", before.said) for s in self.sights[seen:])

    def type_burst(self, terminal: Terminal) -> None:
        """Some keys at once, then wait until all of them have been dealt with."""
        accept = self.rng.choice("aA")
        keys = "".join(self.rng.choice(_KEYS) for _ in range(self.rng.randint(3, 12)))
        self._send(terminal, keys.replace("A", accept).replace("a", accept), "burst")
        self._settle(terminal)

    def _send(self, terminal: Terminal, keys: str, phase: str) -> None:
        # Before the keys are on their way, so that no frame and no kill finds less than was typed.
        self.keys += keys
        self.phase = phase
        terminal.send(keys)

    def _settle(self, terminal: Terminal) -> None:
        """Open the help and leave it: a desk takes its keys in their order, so all before have been dealt with."""
        for wanted in (_is_help, lambda t: self.reader.read(t.lines) is not None):
            if not terminal.send("?") or not terminal.wait_for(wanted, PATIENCE_S):
                if terminal.ended:
                    return
                raise NothingToTypeError("\n".join(terminal.lines))
        self.phase = "idle"

    def _useful_key(self) -> str:
        """A key that changes something to be seen, mostly."""
        sight = self.sights[-1]
        idle = {"j": sight.cursor == len(sight.marks) - 1, "k": sight.cursor == 0}
        while True:
            key = self.rng.choice(_KEYS)
            if not idle.get(key) and key != str((sight.cursor + 1) % 10):
                return key


def _is_help(terminal: Terminal) -> bool:
    return any("│ Keys " in line for line in terminal.lines)
