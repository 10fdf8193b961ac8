"""Validation of annotator names, used wherever a name is entered or imported.

Events are never changed, so a name that no export file can represent would stay in the ledger permanently. Names that
earlier versions accepted are escaped on export (`labels.exchange.fields.escape`) and restored on import.
"""

import re

from labels.model import MACHINE

#: Maximum length of a name, in characters.
MAX_NAME_LENGTH = 1_000

#: Control characters (C0, DEL, C1), bidirectional controls, line and paragraph separators, and lone surrogates. A
#: terminal interprets some of them.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def has_control_characters(text: str) -> bool:
    """Whether a text contains a character that is not allowed in names."""
    return _CONTROL.search(text) is not None


#: Beginning of the annotator of a language model's labels; the model's name follows. They are never in the ledger.
LANGUAGE_MODEL = "llm:"


def is_language_model(name: str) -> bool:
    """Whether an annotator is a language model."""
    return name.startswith(LANGUAGE_MODEL) and is_valid_name(name) and len(name) > len(LANGUAGE_MODEL)


def is_valid_name(value: object) -> bool:
    """Whether this is a name: non-empty, not too long, and without control characters."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_LENGTH and not has_control_characters(value)


def name_problem(name: str, max_length: int = MAX_NAME_LENGTH) -> str:
    """Why a name is not accepted for a person, as a clause that follows a colon; empty where it is accepted.

    Args:
        name: the name, stripped of surrounding spaces.
        max_length: the maximum number of characters.
    """
    if not name.strip():
        return "it is empty"
    if name == MACHINE:
        return f"{MACHINE} is the name of certified bands"
    if name.casefold().startswith(LANGUAGE_MODEL):
        return f"names that begin with {LANGUAGE_MODEL} are those of language models"
    if len(name) > max_length:
        return f"it has more than {max_length:,} characters"
    if found := _CONTROL.search(name):
        return f"U+{ord(found[0]):04X} is not allowed in a name"
    return ""
