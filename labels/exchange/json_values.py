"""Strict JSON input, streamed with bounded memory, and JSON output without raw control characters.

Duplicate keys, NaN and infinity, deep nesting and overlong values are refused.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from labels.errors import LabelsError
from labels.exchange.fields import CONTROLS
from labels.exchange.files import MAX_ROW, numbered_lines, text_input

_NOTHING_IMPORTED = "Nothing was imported."
#: Characters read at a time.
_PIECE = 1 << 16
_BLANKS = re.compile(r"[ \t\r\n]*")


def read_json_list(path: Path) -> Iterator[object]:
    """The elements of the list that a JSON file holds, one at a time.

    Raises:
        LabelsError: there is no such file, it is not JSON, not a list, or an element is longer than `MAX_ROW`.
    """
    with text_input(path) as text:
        yield from _Elements(path, text)


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """The objects of a JSON lines file, each with its position (`line 7`); empty lines are skipped.

    Raises:
        LabelsError: there is no such file, or a line is not a JSON object.
    """
    for number, value in parse_json_lines(path):
        if isinstance(value, str):
            raise LabelsError(f"{path}, line {number}: {value}", _NOTHING_IMPORTED)
        yield f"line {number}", value


def parse_json_lines(path: Path) -> Iterator[tuple[int, dict[str, object] | str]]:
    """The objects of a JSON lines file, each with its line number; empty lines are skipped.

    In place of a line that is not a JSON object, a sentence says why.

    Raises:
        LabelsError: there is no such file, it is not text, or a line is longer than `MAX_ROW`.
    """
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            value = _DECODER.decode(line.strip())
        except (ValueError, RecursionError) as error:
            yield number, _json_fault(error)
        else:
            yield number, value if isinstance(value, dict) else "this is not a JSON object."


class _Elements:
    """An incremental parser of a JSON list, which holds one element in memory at a time."""

    def __init__(self, path: Path, text: TextIO) -> None:
        self._path = path
        self._text = text
        #: The unparsed part of the text read so far, and the position in it.
        self._buffer = ""
        self._at = 0

    def __iter__(self) -> Iterator[object]:
        if self._next_sign() != "[":
            raise LabelsError(f"{self._path} is not a list of tasks.", "Export from Label Studio as JSON or JSON_MIN.")
        self._at += 1
        number, sign = 0, self._next_sign()
        if sign == "]":
            self._at += 1
        while sign != "]":
            number += 1
            yield self._element(f"{self._path}, task {number}")
            sign = self._next_sign()
            self._at += 1
            if sign not in {",", "]"}:
                raise LabelsError(f"{self._path}: there is no comma after task {number}.", _NOTHING_IMPORTED)
        if self._next_sign():
            raise LabelsError(f"{self._path}: there is content after the list of tasks.", _NOTHING_IMPORTED)

    def _next_sign(self) -> str:
        """The next character that is not white space, without consuming it; empty at the end."""
        while True:
            self._at += len(_BLANKS.match(self._buffer, self._at)[0])  # type: ignore[index]
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(_PIECE):
                return ""

    def _element(self, where: str) -> object:
        self._next_sign()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                # The element may not be complete yet. Doubling the buffer bounds how often it is parsed.
                length = len(self._buffer) - self._at
                if length > MAX_ROW:
                    message = f"{where}: it is longer than {MAX_ROW:,} characters."
                    raise LabelsError(message, _NOTHING_IMPORTED) from error
                if not self._more(max(length, _PIECE)):
                    raise _json_error(where, error) from error
            except (ValueError, RecursionError) as error:
                raise _json_error(where, error) from error
            else:
                # A number at the end of the buffer may have more digits.
                if end < len(self._buffer) or not self._more(_PIECE):
                    self._at = end
                    return value

    def _more(self, characters: int) -> bool:
        """Drop the parsed part of the buffer and read more; whether there was any."""
        piece = self._text.read(characters)
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        return bool(piece)


def _json_error(where: str, error: Exception) -> LabelsError:
    return LabelsError(f"{where}: {_json_fault(error)}", _NOTHING_IMPORTED)


def _json_fault(error: Exception) -> str:
    """What is wrong with a text that is not JSON, one sentence."""
    return "it is nested too deeply." if isinstance(error, RecursionError) else f"this is not JSON: {error}."


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)


#: Control characters that `json.dumps` does not escape (it escapes those of C0), and lone surrogates, which a file name
#: may contain and which cannot be encoded as UTF-8.
_UNESCAPED = re.compile(f"[{CONTROLS}\ud800-\udfff]".replace("\x00-\x1f", ""))


def json_text(value: object, **options: Any) -> str:
    r"""The value as JSON: letters of all scripts unescaped, control characters escaped as `\u001b`.

    Args:
        value: any value that `json.dumps` accepts.
        **options: options of `json.dumps`, such as `indent`.
    """
    text = json.dumps(value, ensure_ascii=False, **options)
    return text if text.isascii() and "\x7f" not in text else _UNESCAPED.sub(_escape_match, text)


def _escape_match(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
