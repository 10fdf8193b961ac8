"""Results kept as JSON files: written whole or not at all, and read with suspicion: anybody may have written them."""

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

#: Far more than a result of the largest validation set takes.
_MAX_BYTES = 64 * 2**20


def save(path: Path, value: object) -> None:
    """Write a value as JSON; the file appears only when complete.

    Raises:
        CoreError: it cannot be written.
    """
    with text_file(path) as out:
        out.write(json.dumps(value, indent=1, allow_nan=False) + "\n")


@contextmanager
def text_file(path: Path) -> Iterator[TextIO]:
    """A text file of the workspace to write, which appears only when complete; UTF-8.

    Raises:
        CoreError: it cannot be written.
    """
    with _readable_errors(path), atomic_text(path) as out:
        yield out


@contextmanager
def binary_file(path: Path) -> Iterator[BinaryIO]:
    """The same for bytes.

    Raises:
        CoreError: it cannot be written.
    """
    with _readable_errors(path), atomic_write(path) as out:
        yield out


def load(path: Path, shape: type[Shape]) -> Shape:
    """What a file holds, if it has the shape of a dataclass: every field of its type, and no more read than these.

    Raises:
        FileNotFoundError: there is no such file.
        UnreadableError: this account may not read it.
        CoreError: it holds something else.
    """
    try:
        found: Shape = _adapter(cast("Hashable", shape)).validate_json(read_bounded(path, _MAX_BYTES))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and is_denied(error):
            raise UnreadableError(f"{path} cannot be read: {error.strerror}.", way_out(error, "")) from error
        raise CoreError(f"{path.name} is damaged, or not what its name says.", f"Move it away: {path}") from error
    return found


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CoreError(
            f"{path} cannot be written: {error.strerror}.", way_out(error, "Look at `samesku doctor`.")
        ) from error


@cache
def _adapter(shape: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - a tenth of a second that no start should pay

    return TypeAdapter(shape)


def is_share(*values: float) -> None:
    """Refuse what is no share.

    Raises:
        ValueError: a value is not within 0 and 1.
    """
    for value in values:
        # Written so that a NaN fails.
        if not 0 <= value <= 1:
            raise ValueError(f"{value} is no share")
