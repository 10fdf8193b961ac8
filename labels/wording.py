"""Counts, and clauses put together, as a person reads them."""

from collections.abc import Sequence

_ENDS = (".", "!", "?", "…")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 match`, `2 matches`, `1,200 labels`.

    Args:
        number: how many.
        one: what is counted, in the singular.
        many: the plural; by default the singular with an s.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def join_clauses(clauses: Sequence[str]) -> str:
    """Clauses with semicolons between them; behind one that is a whole sentence, the next begins a sentence."""
    text = ""
    for clause in filter(None, clauses):
        if not text:
            text = clause
        elif text.endswith(_ENDS):
            text += f" {clause[0].upper()}{clause[1:]}"
        else:
            text += f"; {clause}"
    return text


def as_sentence(text: str) -> str:
    """The text with a full stop, where nothing ends it yet."""
    return text if text.endswith(_ENDS) else f"{text}."
