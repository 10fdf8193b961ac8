"""Files of JSON lines in a workspace: after a header with format, version, number of rows and their SHA-256."""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from core.errors import CoreError, UnreadableError
from core.json_store import binary_file
from labels.files import is_denied, open_regular, way_out
from labels.model import ProductRef

Row = TypeVar("Row")

#: Size limit of a file: some ten million rows.
_MAX_BYTES = 2**30


class DamagedLinesError(CoreError):
    """The file has another format, another hash, or a row that does not fit."""


def save_lines(path: Path, rows: Iterable[object], *, kind: str, version: int, **facts: object) -> None:
    """Replace a file, atomically.

    Args:
        path: the file.
        rows: values for JSON, one for each line.
        kind: name of the format.
        version: of the format.
        facts: further fields of the header.

    Raises:
        CoreError: the file cannot be written.
    """
    lines = [json.dumps(row) + "\n" for row in rows]
    body = "".join(lines).encode()
    header = {
        "format": kind, "version": version, "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(lines), "sha256": hashlib.sha256(body).hexdigest(), **facts,
    }  # fmt: skip
    with binary_file(path) as out:
        out.write(json.dumps(header).encode() + b"\n")
        out.write(body)


def load_lines(
    path: Path, parse: Callable[[Any], Row], *, kind: str, version: int, hint: str
) -> tuple[dict[str, Any], list[Row]]:
    """The header and the rows of a file.

    Args:
        path: the file.
        parse: makes a row of a line's value; a KeyError, TypeError or ValueError means damage.
        kind: name of the format.
        version: the newest version that can be read.
        hint: the hint of the error about a damaged file.

    Raises:
        FileNotFoundError: there is no such file.
        UnreadableError: this account may not read it.
        DamagedLinesError: it is damaged.
        CoreError: it was written by a newer version of samesku.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        cause = UnreadableError if is_denied(error) else DamagedLinesError
        raise cause(f"{path} cannot be read: {error.strerror}.", way_out(error, hint)) from error
    head, _, body = content.partition(b"\n")
    try:
        header = json.loads(head)
        if header["format"] != kind or len(content) > _MAX_BYTES:
            raise ValueError("another format")
        newer = isinstance(header["version"], int) and header["version"] > version
        if not newer and header["sha256"] != hashlib.sha256(body).hexdigest():
            raise ValueError("another hash")
        rows = [] if newer else [parse(json.loads(line)) for line in body.splitlines()]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedLinesError(f"{path} is damaged or has unexpected content.", hint) from error
    if newer:
        raise CoreError(f"{path} was written by a newer version of samesku.", "Update samesku.")
    return header, rows


def parse_ref(value: object) -> ProductRef:
    """A product written as `[source, id]`.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
        raise ValueError("no product")
    return ProductRef(*value)
