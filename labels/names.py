"""What an annotator may be called: one rule, wherever a name comes in.

Events are never changed, so a name that no file could carry would stay in the ledger for ever. Names that earlier
versions took leave in every export as `labels.exchange.fields.escape` writes them, and come back as they were.
"""

import re

from labels.model import MACHINE

#: Characters of the longest name.
MAX_NAME_LENGTH = 1_000

#: Control characters (C0, DEL, C1), marks that turn the reading direction, what ends a line or paragraph, and halves of
#: surrogate pairs: no name has them, and a terminal obeys some.
_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def has_control_characters(text: str) -> bool:
    """Whether a text holds a character that no name has."""
    return _ACTING.search(text) is not None


def is_valid_name(value: object) -> bool:
    """Whether this may be a name: some characters, none of which acts on a terminal."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_LENGTH and not has_control_characters(value)


def name_problem(name: str, max_length: int = MAX_NAME_LENGTH) -> str:
    """Why a person cannot be called so, in words that follow a colon; empty where they can.

    Args:
        name: without spaces around it, where these are not meant.
        max_length: characters of the longest name here, where space is short.
    """
    if not name.strip():
        return "it is empty"
    if name == MACHINE:
        return f"{MACHINE} is what certified bands are called"
    if len(name) > max_length:
        return f"it has more than {max_length:,} characters"
    if found := _ACTING.search(name):
        return f"U+{ord(found[0]):04X} is no character of a name"
    return ""
