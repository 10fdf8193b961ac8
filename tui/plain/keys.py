"""The commands of the plain desk, and the parser of its lines: letters as on the screen, or the commands' names."""

from dataclasses import dataclass

from tui.errors import DeskError
from tui.key_bindings import REVIEW, Act
from tui.keymap import Keymap, canonical, shown
from tui.layout_hint import unbound_key_hint

_DIGITS = "1234567890"
_ENTER = "Enter"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the plain desk.

    Attributes:
        name: as in `[keys]`, if the screen has the action too.
        argument: an example of the argument; empty if there is none.
        help: what it does, for the list of commands.
        letter: of a command that only the plain desk has.
    """

    name: str
    argument: str
    help: str
    letter: str = ""


COMMANDS = (
    Command("accept", "3", "the same product: accept candidate 3 and go on; /3 is the third search result"),
    Command("accept_stay", "3", "accept candidate 3 and stay, for a query with several matches"),
    Command("reject", "3", "not the same: reject candidate 3"),
    Command("none", "", "none of these: reject all listed candidates and go on"),
    Command("unsure", "3", "unsure about candidate 3: go on; no model is trained on it"),
    Command("skip", "", "skip the query; it comes back at the end"),
    Command("next", "", "go on from a query that is answered or was looked up"),
    Command("undo", "", "undo your last action, also of an earlier day"),
    Command("redo", "", "redo the action that you undid last"),
    Command("details", "3", "compare candidate 3 field by field; alone: all fields of the query", "d"),
    Command("why", "3", "explain the score of candidate 3: features for and against"),
    Command("search", "WORDS", "search the whole catalogue"),
    Command("flag", "", "flag the query for a second look, or unflag it"),
    Command("comment", "WORDS", "write a comment on the query"),
    Command(
        "history", "others", "who decided what about the query, and when; others: for leads, on independent labelling"
    ),
    Command("past", "WORDS", "your past work with these words; /3 opens the third in the list"),
    Command("noted", "WORDS", "the same among all flagged or commented queries", "F"),
    Command("trail", "", "your last actions, and which can be undone"),
    Command("streams", "NAME", "switch to another stream; alone: purpose and progress of each", "S"),
    Command("blind", "", "hide scores, or show them again (blind)"),
    Command("copy", "3", "write the query and candidate 3, ids and titles, to a file"),
    Command("judge", "3", "ask the judge about candidate 3; alone: its known verdicts"),
    Command("guidelines", "", "your team's guidelines on what counts as a match"),
    Command("practice", "", "three invented queries with feedback; no answer is saved", "P"),
    Command("again", "", "print the query again", "p"),
    Command("help", "", "list the commands"),
    Command("quit", "", "quit; every decision is already saved"),
)

_BY_NAME = {command.name: command for command in COMMANDS}


class PlainKeys:
    """Parses lines; a command is called by its letter, if it has one that can begin a line, or by its name.

    Args:
        keymap: of the screen; an action remapped to a letter of the plain desk takes that letter.
    """

    def __init__(self, keymap: Keymap) -> None:
        acts = {act.id: keymap.act(act) for act in REVIEW}
        self._letters = {letter: name for name in _BY_NAME for letter in _letters(acts.get(name))}
        for command in COMMANDS:
            if command.letter:
                self._letters.setdefault(command.letter, command.name)
        self._keys = {name: letter for letter, name in reversed(self._letters.items())}
        self._picks = {
            letter: str(place)
            for place, _ in enumerate(_DIGITS, 1)
            for letter in _letters(acts[f"pick_{place}"])
            if letter not in self._letters
        }

    def read(self, line: str) -> tuple[str, str]:
        """The command's name and its argument.

        Raises:
            DeskError: no such command, or an argument to a command without one; nothing was decided.
        """
        first, _, rest = line.strip().partition(" ")
        if not first:
            return "next", ""
        if first in self._picks or number(first) is not None:
            # As on the screen, a number only shows a candidate.
            return "details", self._picks.get(first, first)
        name = first if first in _BY_NAME else self._letters.get(first[0], "")
        tail = "" if first in _BY_NAME else first[1:]
        if not name or (tail and first[0].isalnum() and number(tail.removeprefix("/")) is None):
            raise DeskError(unbound_key_hint(first, self.key_for("help")))
        argument = f"{tail} {rest}".strip()
        if argument and not _BY_NAME[name].argument:
            raise DeskError(
                f"{self.key_for(name)} takes no argument; nothing was done.", f"{self.key_for('help')} explains."
            )
        return name, argument

    def key_for(self, name: str) -> str:
        """The shortest way to call a command."""
        return _ENTER if name == "next" else self._keys.get(name, name)

    def fill(self, sentence: str) -> str:
        """A sentence with `{accept}` and the like replaced by the keys of these commands."""
        return sentence.format_map({name: self.key_for(name) for name in _BY_NAME})

    def help(self) -> list[str]:
        """All commands, one per line."""
        lines = [f"{self.key_for(c.name)} {c.argument}".strip() + f": {c.help}" for c in COMMANDS]
        return [*lines, "Names work too: accept 3. A number alone compares that candidate."]


def number(argument: str) -> int | None:
    """A non-negative integer; None for any other text."""
    return int(argument) if argument.isascii() and argument.isdigit() else None


def _letters(act: Act | None) -> list[str]:
    """The keys of an action that can be typed as the first character of a line."""
    keys = act.keys.split(",") if act is not None else []
    return [shown(key) for key in keys if len(shown(key)) == 1 and canonical(shown(key)) == key]
