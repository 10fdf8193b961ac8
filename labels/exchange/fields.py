"""Escaping and validation of field values: no control characters for a terminal, no formulas for a spreadsheet."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from labels.names import MAX_NAME_LENGTH, has_control_characters, is_valid_name

#: Characters that a terminal or reader interprets: control characters (C0, DEL, C1), bidirectional controls
#: (https://unicode.org/reports/tr9/#Directional_Formatting_Characters), line and paragraph separators, and the
#: byte-order mark. The content of a regular expression's character class.
CONTROLS = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"

# https://owasp.org/www-community/attacks/CSV_Injection: what a spreadsheet reads as the start of a formula.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_CONTROL = re.compile(f"[{CONTROLS}]")
_ESCAPABLE = re.compile(rf"(?<!\\)(\\*)(?:([{CONTROLS}]|\A\s|\s\Z)|(?<=\\)(x[0-9a-f]{{2}}|u[0-9a-f]{{4}}))")
_ESCAPED = re.compile(r"(?<!\\)(\\+)(x[0-9a-f]{2}|u[0-9a-f]{4})")


def escape(text: str) -> str:
    r"""Escape control characters: ESC becomes `\x1b`, U+202E becomes `\u202e`.

    A space at either end becomes `\x20`, because readers strip spaces around a cell.

    Other texts are unchanged, also with a backslash: it is doubled only before a control character or before what looks
    like an escaped one, so that `unescape` returns the original exactly.
    """
    plain = "\\" not in text and text == text.strip() and not _CONTROL.search(text)
    return text if plain else _ESCAPABLE.sub(_escape_match, text)


def unescape(text: str) -> str:
    """Undo `escape`; other texts are unchanged."""
    return _ESCAPED.sub(_unescape_match, text) if "\\" in text else text


def neutralize_cell(cell: str) -> str:
    """Escape a cell, and prefix an apostrophe where a spreadsheet would read a formula: `-5` becomes `'-5`.

    A formula that begins with apostrophes already gets one more, so that `restore_cell` returns the original exactly.
    """
    escaped = escape(cell)
    return "'" + escaped if _FORMULA.match(escaped) else escaped


def restore_cell(cell: str) -> str:
    """Undo `neutralize_cell`; other cells are unchanged."""
    return unescape(cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell)


def _escape_match(found: re.Match[str]) -> str:
    backslashes, control, code = found.groups()
    if control is None:
        return f"{backslashes * 2}{code}" if _is_escapable(code) else found[0]
    point = ord(control)
    return f"{backslashes * 2}\\{f'x{point:02x}' if point < 0x100 else f'u{point:04x}'}"


def _unescape_match(found: re.Match[str]) -> str:
    backslashes, code = found.groups()
    if not _is_escapable(code):
        return found[0]
    half = "\\" * (len(backslashes) // 2)
    return half + (chr(int(code[1:], 16)) if len(backslashes) % 2 else code)


def _is_escapable(code: str) -> bool:
    # Each character has one escaped form: U+001B is `\x1b`, never `\u001b`.
    point = int(code[1:], 16)
    character = chr(point)
    return (code[0] == "x") == (point < 0x100) and (character.isspace() or _CONTROL.match(character) is not None)


#: A whole number from a data frame, where a column with missing values has floats.
_FLOAT = re.compile(r"(-?[0-9]+)[.,]0+")
#: A number in scientific notation. The fraction is required: `5E1` is a common form of article number.
_SCIENTIFIC = re.compile(r"([0-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})")
#: The formula with which a CSV keeps a spreadsheet from reading an id as a number.
_TEXT_FORMULA = re.compile(r'="([^"]*)"')


def normalize_id(text: str) -> str:
    """The id without artefacts of a file format.

    Surrounding spaces and the formula in `="00123"` are removed; `12345.0` becomes `12345`, and `1.23456789E+8` becomes
    `123456789`. Leading zeros are kept. A number that a spreadsheet has rounded (`1.23457E+11`) is unchanged: see
    `is_rounded_id`.
    """
    value = text.strip()
    if formula := _TEXT_FORMULA.fullmatch(value):
        value = formula[1].strip()
    if whole := _FLOAT.fullmatch(value):
        return whole[1]
    if (number := _SCIENTIFIC.fullmatch(value)) and _missing_digits(number) in {0, 1}:
        return number[1] + number[2].ljust(int(number[3]), "0")
    return value


def is_rounded_id(text: str) -> bool:
    """Whether a spreadsheet has rounded the last digits away, as in `1.23457E+11`."""
    number = _SCIENTIFIC.fullmatch(text.strip())
    return number is not None and _missing_digits(number) > 1


def _missing_digits(number: re.Match[str]) -> int:
    """How many digits before the decimal point the fraction lacks."""
    return int(number[3]) - len(number[2])


#: A validator of a field value.
Check = Callable[[object], bool]

#: SQLite's integers have 64 bits.
_SQLITE_INTEGERS = range(-(2**63), 2**63)
_SURROGATES = re.compile("[\ud800-\udfff]")


def is_escaped_name(value: object) -> bool:
    """A name as in an export: escaped where it has control characters."""
    return isinstance(value, str) and not has_control_characters(value) and 0 < len(unescape(value)) <= MAX_NAME_LENGTH


def is_id(value: object) -> bool:
    """A non-empty id of a retailer, with any characters."""
    return is_text(value) and value != ""


def is_text(value: object) -> bool:
    """Text of any length, without lone surrogates; it may have several lines."""
    return isinstance(value, str) and not _SURROGATES.search(value)


def is_integer(value: object) -> bool:
    """An integer that SQLite can hold; not a boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and value in _SQLITE_INTEGERS


def is_count(value: object) -> bool:
    """A count or ordinal number from 1, of at most 31 bits."""
    return is_integer(value) and value in range(1, 2**31)


def is_number(value: object) -> bool:
    """A finite float."""
    return isinstance(value, float) and math.isfinite(value)


def is_timestamp(value: object) -> bool:
    """A date and time in ISO 8601 with a UTC offset."""
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
    """A validator for the values of an enumeration."""
    allowed = {word.value for word in words}
    return lambda value: isinstance(value, str) and value in allowed


def optional(check: Check) -> Check:
    """A validator that also accepts None."""
    return lambda value: value is None or check(value)
