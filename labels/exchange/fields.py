"""Cells of a CSV file in which nothing acts: no control character on a terminal, no formula in a spreadsheet."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from labels.names import MAX_NAME_LENGTH, has_control_characters, is_valid_name

#: What a terminal or a reader obeys instead of showing it: the control characters (C0, DEL, C1), the bidi controls
#: (https://unicode.org/reports/tr9/#Directional_Formatting_Characters), what ends a line or paragraph, and the
#: byte-order mark. The inside of a character class.
CONTROLS = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"

# https://owasp.org/www-community/attacks/CSV_Injection: what a spreadsheet reads as the start of a formula.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_CONTROL = re.compile(f"[{CONTROLS}]")
_ESCAPABLE = re.compile(rf"(?<!\\)(\\*)(?:([{CONTROLS}]|\A\s|\s\Z)|(?<=\\)(x[0-9a-f]{{2}}|u[0-9a-f]{{4}}))")
_ESCAPED = re.compile(r"(?<!\\)(\\+)(x[0-9a-f]{2}|u[0-9a-f]{4})")


def escape(text: str) -> str:
    r"""The text with every control character written out: ESC becomes `\x1b`, U+202E becomes `\u202e`.

    A space at either end becomes `\x20`: spaces around a cell are not taken for a part of it.

    Other texts stay as they are, also with a backslash: only where one stands before a control character or before
    what reads like an escaped one is it doubled, so that `unescape` gives back exactly what was there.
    """
    plain = "\\" not in text and text == text.strip() and not _CONTROL.search(text)
    return text if plain else _ESCAPABLE.sub(_written_out, text)


def unescape(text: str) -> str:
    """What stood there before `escape`; other texts as they are."""
    return _ESCAPED.sub(_read_back, text) if "\\" in text else text


def neutralize_cell(cell: str) -> str:
    """The cell escaped, and with an apostrophe before it where a spreadsheet would calculate it: `-5` becomes `'-5`.

    What begins with apostrophes already gets one more, so that `restored` gives back exactly what was there.
    """
    inert = escape(cell)
    return "'" + inert if _FORMULA.match(inert) else inert


def restore_cell(cell: str) -> str:
    """What stood there before `defused`; other cells as they are."""
    return unescape(cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell)


def _written_out(found: re.Match[str]) -> str:
    backslashes, control, code = found.groups()
    if control is None:
        return f"{backslashes * 2}{code}" if _is_escapable(code) else found[0]
    point = ord(control)
    return f"{backslashes * 2}\\{f'x{point:02x}' if point < 0x100 else f'u{point:04x}'}"


def _read_back(found: re.Match[str]) -> str:
    backslashes, code = found.groups()
    if not _is_escapable(code):
        return found[0]
    half = "\\" * (len(backslashes) // 2)
    return half + (chr(int(code[1:], 16)) if len(backslashes) % 2 else code)


def _is_escapable(code: str) -> bool:
    # One way to write each: U+001B is `\x1b` alone, never `\u001b`.
    point = int(code[1:], 16)
    character = chr(point)
    return (code[0] == "x") == (point < 0x100) and (character.isspace() or _CONTROL.match(character) is not None)


#: A whole number that went through a data frame, where a column with gaps is one of floats.
_FLOAT = re.compile(r"(-?[0-9]+)[.,]0+")
#: A number in scientific notation. The fraction is required: `5E1` is a common form of article number.
_POWER = re.compile(r"([0-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})")
#: How a CSV keeps a spreadsheet from taking an id for a number.
_IDS_FORMULA = re.compile(r'="([^"]*)"')


def normalize_id(text: str) -> str:
    """The id without what a format added to it.

    Spaces around it and the formula in `="00123"` are removed; `12345.0` becomes `12345`, and `1.23456789E+8` becomes
    `123456789`. Leading zeros stay. A number that a spreadsheet has rounded (`1.23457E+11`) stays as it is: see
    `is_rounded_id`.
    """
    given = text.strip()
    if formula := _IDS_FORMULA.fullmatch(given):
        given = formula[1].strip()
    if whole := _FLOAT.fullmatch(given):
        return whole[1]
    if (power := _POWER.fullmatch(given)) and (missing := _missing_digits(power)) in {0, 1}:
        return power[1] + power[2].rstrip("0").ljust(int(power[3]), "0") if missing else power[1] + power[2]
    return given


def is_rounded_id(text: str) -> bool:
    """Whether a spreadsheet has rounded the last digits of a number away, as in `1.23457E+11`."""
    power = _POWER.fullmatch(text.strip())
    return power is not None and _missing_digits(power) > 1


def _missing_digits(power: re.Match[str]) -> int:
    return int(power[3]) - len(power[2])


Check = Callable[[object], bool]

#: SQLite's integers have 64 bits.
_INTEGERS = range(-(2**63), 2**63)
_HALVES = re.compile("[\ud800-\udfff]")


def is_escaped_name(value: object) -> bool:
    """A name as an export holds it: escaped where it has characters that act on a terminal."""
    return isinstance(value, str) and not has_control_characters(value) and 0 < len(unescape(value)) <= MAX_NAME_LENGTH


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


def is_timestamp(value: object) -> bool:
    """A date and time in ISO 8601 that says its offset from UTC."""
    if not isinstance(value, str) or not is_valid_name(value):
        return False
    try:
        return datetime.fromisoformat(value).utcoffset() is not None
    except ValueError:
        return False


def is_flag(value: object) -> bool:
    """0 or 1."""
    return is_integer(value) and value in {0, 1}


def one_of(words: type[StrEnum]) -> Check:
    """One of these words."""
    allowed = {word.value for word in words}
    return lambda value: isinstance(value, str) and value in allowed


def optional(check: Check) -> Check:
    """Nothing, or what fits."""
    return lambda value: value is None or check(value)
