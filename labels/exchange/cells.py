"""Cells of a CSV file in which nothing acts: no control character on a terminal, no formula in a spreadsheet."""

import re

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


def defused(cell: str) -> str:
    """The cell escaped, and with an apostrophe before it where a spreadsheet would calculate it: `-5` becomes `'-5`.

    What begins with apostrophes already gets one more, so that `restored` gives back exactly what was there.
    """
    inert = escape(cell)
    return "'" + inert if _FORMULA.match(inert) else inert


def restored(cell: str) -> str:
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
