"""JSON from outside, taken at its word: no key twice, no NaN, no depth without end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from labels.errors import LabelsError

#: Characters of one line. A comment may be long; a line without end would fill the memory.
_LONGEST = 4_000_000


def read_json(path: Path) -> object:
    """The one value that a JSON file holds.

    Raises:
        LabelsError: no such file, or it is no JSON.
    """
    with _readable(path):
        return _parsed(path.read_text(encoding="utf-8-sig"), str(path))


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """The objects of a JSON lines file with their places (`line 7`); empty lines are left out.

    Raises:
        LabelsError: no such file, or a line is no JSON object.
    """
    with _readable(path), path.open(encoding="utf-8-sig") as lines:
        number = 0
        while line := lines.readline(_LONGEST):
            number += 1
            if len(line) == _LONGEST:
                raise LabelsError(f"{path}, line {number}: the line has no end.", "Nothing was imported.")
            if not line.strip():
                continue
            value = _parsed(line, f"{path}, line {number}")
            if not isinstance(value, dict):
                raise LabelsError(f"{path}, line {number}: this is no JSON object.", "Nothing was imported.")
            yield f"line {number}", value


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LabelsError(f"{path} cannot be opened: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise LabelsError(f"{path} is no UTF-8 text.", "Nothing was imported.") from error


def _parsed(text: str, where: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except RecursionError as error:
        raise LabelsError(f"{where}: it is nested too deeply.", "Nothing was imported.") from error
    except ValueError as error:
        raise LabelsError(f"{where}: this is no JSON: {error}.", "Nothing was imported.") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
