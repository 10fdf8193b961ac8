"""What the lines of the plain desk mean: the letters of the screen, as `[keys]` has them, and the names of the acts."""

from dataclasses import dataclass

from tui.actions import REVIEW, Act
from tui.errors import DeskError
from tui.keymap import Keymap, canonical, shown
from tui.layout_hint import unbound_key_hint

_DIGITS = "1234567890"
_ENTER = "Enter"


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a line asks for.

    Attributes:
        name: as in `[keys]`, where the screen has it too.
        takes: an example of what may follow; empty where nothing may.
        help: what it does.
        letter: of what only the plain desk has.
    """

    name: str
    argument: str
    help: str
    letter: str = ""


COMMANDS = (
    Command("accept", "3", "the same product: accept candidate 3 and go on; /3 is the third that a search found"),
    Command("accept_stay", "3", "accept candidate 3 and stay, for a query with several matches"),
    Command("reject", "3", "not the same: reject candidate 3"),
    Command("none", "", "none of these: reject all that are listed and go on"),
    Command("unsure", "3", "unsure about candidate 3; go on, and nothing learns from it"),
    Command("skip", "", "put the query off; it comes back at the end"),
    Command("next", "", "go on from a query that is answered, or was looked up"),
    Command("undo", "", "take back your last act, also of an earlier day"),
    Command("redo", "", "bring back what you took back last"),
    Command("details", "3", "compare candidate 3 field by field; alone: all that the query says", "d"),
    Command("why", "3", "the reasons for and against candidate 3"),
    Command("search", "WORDS", "search the whole catalogue"),
    Command("flag", "", "flag the query for a second look, or take the flag away"),
    Command("comment", "WORDS", "write a comment on the query"),
    Command(
        "history", "others", "who decided what about the query, and when; others: for leads, where one decides alone"
    ),
    Command("past", "WORDS", "your past work that holds the words; /3 shows the third that was listed"),
    Command("noted", "WORDS", "the same among all that is flagged or commented on", "F"),
    Command("trail", "", "what you did last, and what can be taken back"),
    Command("streams", "NAME", "go to another stream; alone: what each is for, and how far", "S"),
    Command("blind", "", "hide the machine's opinion, or tell it again"),
    Command("copy", "3", "write the query and candidate 3, ids and titles, to a file"),
    Command("judge", "3", "ask the judge about candidate 3; alone: what it has said of them already"),
    Command("guidelines", "", "what your team calls the same product"),
    Command("practice", "", "three invented queries, with a word on each answer; nothing of it is kept", "P"),
    Command("again", "", "tell the query again", "p"),
    Command("help", "", "these keys"),
    Command("quit", "", "leave; everything you decided is saved already"),
)

_BY_NAME = {command.name: command for command in COMMANDS}


class PlainKeys:
    """Reads lines. Each command goes by its letter, if it has one that can be typed in a line, and by its name.

    Args:
        keymap: the keys of the screen; an act that was moved to a letter of the plain desk's own takes it over.
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
        """The name of the command that a line asks for, and what follows it.

        Raises:
            DeskError: it asks for nothing that there is. What was meant as words decides nothing.
        """
        first, _, rest = line.strip().partition(" ")
        if not first:
            return "next", ""
        if first in self._picks or number(first) is not None:
            # On the screen a digit goes to a candidate, to look at it.
            return "details", self._picks.get(first, first)
        name = first if first in _BY_NAME else self._letters.get(first[0], "")
        tail = "" if first in _BY_NAME else first[1:]
        if not name or (tail and first[0].isalnum() and number(tail.removeprefix("/")) is None):
            raise DeskError(unbound_key_hint(first, self.key_for("help")))
        argument = f"{tail} {rest}".strip()
        if argument and not _BY_NAME[name].argument:
            raise DeskError(
                f"{self.key_for(name)} stands alone; nothing was done.", f"{self.key_for('help')} explains."
            )
        return name, argument

    def key_for(self, name: str) -> str:
        """How a command is asked for now, in the fewest letters."""
        return _ENTER if name == "next" else self._keys.get(name, name)

    def fill(self, sentence: str) -> str:
        """A sentence of the desk's own with letters in the place of `{accept}` and the like."""
        return sentence.format_map({name: self.key_for(name) for name in _BY_NAME})

    def help(self) -> list[str]:
        """All commands, a line for each."""
        lines = [f"{self.key_for(c.name)} {c.argument}".strip() + f": {c.help}" for c in COMMANDS]
        return [*lines, "Each goes by its name too: accept 3. A number alone compares that candidate."]


def number(argument: str) -> int | None:
    """A whole number; None where it is none."""
    return int(argument) if argument.isascii() and argument.isdigit() else None


def _letters(act: Act | None) -> list[str]:
    """Its keys that can be typed as the first character of a line."""
    keys = act.keys.split(",") if act is not None else []
    return [shown(key) for key in keys if len(shown(key)) == 1 and canonical(shown(key)) == key]
