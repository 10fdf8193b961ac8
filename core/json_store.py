"""JSON files of a workspace: written atomically, and validated when read, since other users may have written them."""

import json
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeVar, cast

from core.errors import CoreError, UnreadableError
from labels.files import atomic_text, atomic_write, is_denied, read_bounded, way_out

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Shape = TypeVar("Shape")

#: Far more than the report on the largest validation set needs.
_MAX_BYTES = 64 * 2**20


def save(path: Path, value: object) -> None:
    """Write a value as JSON, atomically.

    Raises:
        CoreError: it cannot be written.
    """
    with text_file(path) as out:
        out.write(json.dumps(value, indent=1, allow_nan=False) + "\n")


@contextmanager
def text_file(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 text file of the workspace for an atomic write.

    Raises:
        CoreError: it cannot be written.
    """
    with _as_core_error(path), atomic_text(path) as out:
        yield out


@contextmanager
def binary_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file of the workspace for an atomic write.

    Raises:
        CoreError: it cannot be written.
    """
    with _as_core_error(path), atomic_write(path) as out:
        yield out


def load(path: Path, shape: type[Shape]) -> Shape:
    """Read a JSON file and validate it against a type, such as a dataclass; unknown fields are ignored.

    Raises:
        FileNotFoundError: there is no such file.
        UnreadableError: this account may not read it.
        CoreError: the content is not of that type.
    """
    try:
        found: Shape = _adapter(cast("Hashable", shape)).validate_json(read_bounded(path, _MAX_BYTES))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and is_denied(error):
            raise UnreadableError(f"{path} cannot be read: {error.strerror}.", way_out(error, "")) from error
        raise CoreError(f"{path.name} is damaged or has unexpected content.", f"Move it away: {path}") from error
    return found


@contextmanager
def _as_core_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CoreError(
            f"{path} cannot be written: {error.strerror}.", way_out(error, "Run `samesku doctor`.")
        ) from error


@cache
def _adapter(shape: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - 0.1 s that every start would pay

    return TypeAdapter(shape)


def require_shares(*values: float) -> None:
    """Raise ValueError unless every value is between 0 and 1; NaN is not."""
    for value in values:
        if not 0 <= value <= 1:
            raise ValueError(f"{value} is not between 0 and 1")
