"""What may stand in a field of a file that comes in."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from labels.exchange.cells import unescape
from labels.names import MAX_LENGTH, acts, is_name

Check = Callable[[object], bool]

#: SQLite's integers have 64 bits.
_INTEGERS = range(-(2**63), 2**63)
_HALVES = re.compile("[\ud800-\udfff]")


def is_written_name(value: object) -> bool:
    """A name as an export holds it: escaped where it has characters that act on a terminal."""
    return isinstance(value, str) and not acts(value) and 0 < len(unescape(value)) <= MAX_LENGTH


def is_id(value: object) -> bool:
    """A retailer's own id, whatever that retailer puts into it."""
    return is_text(value) and value != ""


def is_text(value: object) -> bool:
    """Words, which may run over lines."""
    return isinstance(value, str) and not _HALVES.search(value)


def is_integer(value: object) -> bool:
    """A whole number that SQLite can hold; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value in _INTEGERS


def is_count(value: object) -> bool:
    """How many, or the how-manieth, from 1."""
    return is_integer(value) and value in range(1, 2**31)


def is_number(value: object) -> bool:
    """A finite number."""
    return isinstance(value, float) and math.isfinite(value)


def is_moment(value: object) -> bool:
    """A date and time in ISO 8601 that says its offset from UTC."""
    if not isinstance(value, str) or not is_name(value):
        return False
    try:
        return datetime.fromisoformat(value).utcoffset() is not None
    except ValueError:
        return False


def is_bit(value: object) -> bool:
    """0 or 1."""
    return is_integer(value) and value in {0, 1}


def one_of(words: type[StrEnum]) -> Check:
    """One of these words."""
    allowed = {word.value for word in words}
    return lambda value: isinstance(value, str) and value in allowed


def optional(check: Check) -> Check:
    """Nothing, or what fits."""
    return lambda value: value is None or check(value)
