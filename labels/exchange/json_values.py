"""JSON from outside, taken at its word: no key twice, no NaN, no depth and no length without end."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from labels.errors import LabelsError
from labels.exchange.fields import CONTROLS
from labels.exchange.files import MAX_ROW, numbered_lines, text_input

_NOTHING = "Nothing was imported."
#: Characters read at a time.
_PIECE = 1 << 16
_BLANKS = re.compile(r"[ \t\r\n]*")


def read_json_list(path: Path) -> Iterator[object]:
    """The elements of the list that a JSON file holds, one at a time.

    Raises:
        LabelsError: no such file, it is no JSON, something else than a list, or an element is longer than a row may be.
    """
    with text_input(path) as text:
        yield from _Elements(path, text)


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """The objects of a JSON lines file with their places (`line 7`); empty lines are left out.

    Raises:
        LabelsError: no such file, or a line is no JSON object.
    """
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            value = _DECODER.decode(line.strip())
        except (ValueError, RecursionError) as error:
            raise _refusal(where, error) from error
        if not isinstance(value, dict):
            raise LabelsError(f"{where}: this is no JSON object.", _NOTHING)
        yield f"line {number}", value


class _Elements:
    """The elements of a list, parsed as they are read: no more than one is in memory."""

    def __init__(self, path: Path, text: TextIO) -> None:
        self._path = path
        self._text = text
        self._read = ""
        self._at = 0

    def __iter__(self) -> Iterator[object]:
        if self._next_sign() != "[":
            raise LabelsError(f"{self._path} is no list of tasks.", "Export from Label Studio as JSON or JSON_MIN.")
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
                raise LabelsError(f"{self._path}: there is no comma after task {number}.", _NOTHING)
        if self._next_sign():
            raise LabelsError(f"{self._path}: something stands behind the list of tasks.", _NOTHING)

    def _next_sign(self) -> str:
        """The next character that is no blank, which stays where it is; nothing at the end."""
        while True:
            self._at += len(_BLANKS.match(self._read, self._at)[0])  # type: ignore[index]
            if self._at < len(self._read):
                return self._read[self._at]
            if not self._more(_PIECE):
                return ""

    def _element(self, where: str) -> object:
        self._next_sign()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._read, self._at)
            except json.JSONDecodeError as error:
                # It may only be that not all of it was read. Doubling what is read bounds how often it is parsed.
                known = len(self._read) - self._at
                if known > MAX_ROW:
                    raise LabelsError(f"{where}: it is longer than {MAX_ROW:,} characters.", _NOTHING) from error
                if not self._more(max(known, _PIECE)):
                    raise _refusal(where, error) from error
            except (ValueError, RecursionError) as error:
                raise _refusal(where, error) from error
            else:
                # A number at the very end may go on in what follows.
                if end < len(self._read) or not self._more(_PIECE):
                    self._at = end
                    return value

    def _more(self, characters: int) -> bool:
        piece = self._text.read(characters)
        self._read, self._at = self._read[self._at :] + piece, 0
        return bool(piece)


def _refusal(where: str, error: Exception) -> LabelsError:
    if isinstance(error, RecursionError):
        return LabelsError(f"{where}: it is nested too deeply.", _NOTHING)
    return LabelsError(f"{where}: this is no JSON: {error}.", _NOTHING)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refused)


#: What `json.dumps` takes as it is; the control characters of C0 it escapes by itself. Half a surrogate pair, which a
#: file name may hold, has no UTF-8.
_RAW = re.compile(f"[{CONTROLS}\ud800-\udfff]".replace("\x00-\x1f", ""))


def json_text(value: object, **options: Any) -> str:
    r"""The value as JSON: letters of every script as they are, control characters as `\u001b`.

    Args:
        value: what `json.dumps` takes.
        **options: of `json.dumps`, such as `indent`.
    """
    text = json.dumps(value, ensure_ascii=False, **options)
    return text if text.isascii() and "\x7f" not in text else _RAW.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
