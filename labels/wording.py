"""Formatting of counts and joining of clauses in messages."""

import re
from collections.abc import Sequence

_SENTENCE_ENDS = (".", "!", "?", "…")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 match`, `2 matches`, `1,200 labels`.

    Args:
        number: the count.
        one: the noun in the singular.
        many: the noun in the plural; by default the singular with an s.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def evaluation_set(name: str) -> str:
    """The stored name of an evaluation set as people read it: `validation set v2` for `validation@2`."""
    return re.sub(r"^validation@(\d+)$", r"validation set v\1", name)


def join_clauses(clauses: Sequence[str]) -> str:
    """Join clauses with semicolons. After a clause that ends a sentence, the next one begins a new sentence."""
    text = ""
    for clause in filter(None, clauses):
        if not text:
            text = clause
        elif text.endswith(_SENTENCE_ENDS):
            text += f" {clause[0].upper()}{clause[1:]}"
        else:
            text += f"; {clause}"
    return text


def as_sentence(text: str) -> str:
    """The text with a full stop at its end, unless it ends with a sentence mark already."""
    return text if text.endswith(_SENTENCE_ENDS) else f"{text}."
