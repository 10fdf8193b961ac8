"""Hints for keys that do nothing because the keyboard is set to another layout, such as AZERTY or Cyrillic."""

import unicodedata

from textual.keys import format_key

from core.text.safe import safe, shorten

#: The digit row of a French (AZERTY) keyboard, without shift.
_FRENCH_DIGITS = "&é\"'(-è_çà"
_MAX_QUOTED_CHARACTERS = 20
#: A single unbound key is taken for a typing error.
_MIN_UNBOUND_KEYS = 2


class LayoutHint:
    """Counts consecutive unbound keys and returns a hint from the second on."""

    def __init__(self) -> None:
        self._count = 0

    def on_key(self, key: str, character: str | None, help_key: str, *, bound: bool) -> str:
        """The hint for a key; empty for a bound key and for the first unbound one.

        Args:
            key: Textual's name of the key.
            character: the character that it types; None where it types none.
            help_key: the key that lists all keys.
            bound: whether the key does something here.
        """
        # Some terminals send ctrl with a letter of the keyboard's own alphabet.
        letter = format_key(key.rpartition("+")[2])
        unbound = character if character and character.isprintable() else letter if is_non_latin(letter) else ""
        if bound or not unbound.strip():
            self._count = 0
            return ""
        self._count += 1
        return unbound_key_hint(unbound, help_key) if self._count >= _MIN_UNBOUND_KEYS else ""


def unbound_key_hint(typed: str, help_key: str) -> str:
    """A sentence on unbound input; names the keyboard layout where it is the likely reason.

    Args:
        typed: a character, or the first word of a line.
        help_key: the key that lists all keys.
    """
    quoted = f"“{shorten(safe(typed), _MAX_QUOTED_CHARACTERS)}” is not a key here"
    if len(typed) == 1 and typed in _FRENCH_DIGITS:
        number = _FRENCH_DIGITS.index(typed) + 1
        return f'{quoted}: digits need shift, or pick_{number} = "{number % 10},{typed}" under [keys].'
    if is_non_latin(typed[:1]):
        return f"{quoted}: switch the keyboard to Latin letters."
    return f"{quoted}; {help_key} lists the keys."


def is_non_latin(character: str) -> bool:
    """Whether it is a letter of an alphabet other than Latin."""
    return len(character) == 1 and character.isalpha() and not unicodedata.name(character, "").startswith("LATIN")
