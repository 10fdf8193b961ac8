"""What is said of a key that does nothing, where the keyboard is set to another layout than the keys were made for."""

import unicodedata

from core.text.safe import safe
from tui.words import shortened

#: The row of digits of a French keyboard, without shift.
_FRENCH_DIGITS = "&é\"'(-è_çà"
_LONGEST = 20


def what_it_is(typed: str) -> str:
    """A sentence on what was typed: what it is, and the way out where the keyboard is the reason.

    Args:
        typed: a character, or the first word of a line.
    """
    quoted = f"“{shortened(safe(typed), _LONGEST)}” is no key here"
    if len(typed) == 1 and typed in _FRENCH_DIGITS:
        place = _FRENCH_DIGITS.index(typed) + 1
        return f'{quoted}: digits need shift, or pick_{place} = "{place % 10},{typed}" under [keys] in samesku.toml.'
    if is_foreign(typed[0]):
        return f"{quoted}: switch the keyboard to Latin letters, or move keys under [keys] in samesku.toml."
    return f"{quoted}."


def is_foreign(character: str) -> bool:
    """Whether it is a letter of another alphabet than the keys are written in."""
    return character.isalpha() and not unicodedata.name(character, "").startswith("LATIN")
