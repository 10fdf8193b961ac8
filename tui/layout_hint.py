"""What is said of a key that does nothing, where the keyboard is set to another layout than the keys were made for."""

import unicodedata

from textual.keys import format_key

from core.text.safe import safe
from tui.common.words import shortened

#: The row of digits of a French keyboard, without shift.
_FRENCH_DIGITS = "&é\"'(-è_çà"
_LONGEST = 20
#: Once is a slip.
_OFTEN = 2


class LayoutHint:
    """Counts keys in a row that do nothing."""

    def __init__(self) -> None:
        self._count = 0

    def typed(self, key: str, character: str | None, help_key: str, *, known: bool) -> str:
        """What is to be said of a key; mostly nothing.

        Args:
            key: as Textual names it.
            character: what it writes; None where it writes nothing.
            help_key: what lists the keys.
            known: whether it does something here.
        """
        # Some terminals pass on ctrl with a letter of the alphabet that the keyboard is set to.
        letter = format_key(key.rpartition("+")[2])
        strange = character if character and character.isprintable() else letter if is_foreign(letter) else ""
        if known or not strange.strip():
            self._count = 0
            return ""
        self._count += 1
        return what_it_is(strange, help_key) if self._count >= _OFTEN else ""


def what_it_is(typed: str, help_key: str) -> str:
    """A sentence on what was typed: what it is, and the way out where the keyboard is the reason.

    Args:
        typed: a character, or the first word of a line.
        help_key: what lists the keys.
    """
    quoted = f"“{shortened(safe(typed), _LONGEST)}” is no key here"
    if len(typed) == 1 and typed in _FRENCH_DIGITS:
        place = _FRENCH_DIGITS.index(typed) + 1
        return f'{quoted}: digits need shift, or pick_{place} = "{place % 10},{typed}" under [keys].'
    if is_foreign(typed[:1]):
        return f"{quoted}: switch the keyboard to Latin letters."
    return f"{quoted}; {help_key} lists them."


def is_foreign(character: str) -> bool:
    """Whether it is a letter of another alphabet than the keys are written in."""
    return len(character) == 1 and character.isalpha() and not unicodedata.name(character, "").startswith("LATIN")
