"""Files that a person names, to be read: regular files alone, and text of them line by line."""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from labels.errors import LabelsError
from labels.exchange.limits import MAX_ROW
from labels.files import open_regular, read_bounded

_NOTHING = "Nothing was imported."
#: Far more than a vocabulary of all brands takes.
_MAX_SETTINGS_BYTES = 1 << 24


def unreadable(path: Path, error: OSError) -> tuple[str, str]:
    """Why a file that a person named cannot be read, as message and hint."""
    reason = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}.", "Check the spelling and the folder you are in."
    if error.errno == errno.EINVAL and reason.startswith("it is "):
        hint = "Name one file in it." if "folder" in reason else "Write what it gives to a file first, and name that."
        return f"{path} is {reason.removeprefix('it is ')}.", hint
    return f"{path} cannot be read: {reason}.", "Check the path, and whether you may read it."


@contextmanager
def text_input(path: Path, hint: str = _NOTHING) -> Iterator[TextIO]:
    """A file of UTF-8 text, with line ends as they are; to be read a bounded piece at a time.

    Args:
        path: the file.
        hint: what to say to someone whose file is no such text.

    Raises:
        LabelsError: there is no such file, it is none that can be read, or no UTF-8 text.
    """
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as text:
            yield text
    except OSError as error:
        raise LabelsError(*unreadable(path, error)) from error
    except UnicodeDecodeError as error:
        raise LabelsError(f"{path} is no UTF-8 text.", hint) from error


def numbered_lines(path: Path, hint: str = _NOTHING) -> Iterator[tuple[int, str]]:
    """The lines of a file of UTF-8 text with their ends, each with its number from 1.

    Raises:
        LabelsError: as `text_input`, or a line is longer than a row may be.
    """
    with text_input(path, hint) as text:
        number = 0
        while line := text.readline(MAX_ROW + 1):
            number += 1
            if len(line) > MAX_ROW:
                raise LabelsError(f"{path}, line {number}: it is longer than {MAX_ROW:,} characters.", hint)
            yield number, line


def settings_text(path: Path, max_bytes: int = _MAX_SETTINGS_BYTES) -> str:
    """The text of a file of settings that people write: TOML or YAML.

    Raises:
        OSError: there is none, or it is no regular file or longer than `max_bytes`; see `unreadable`.
        UnicodeDecodeError: it is no UTF-8 text.
    """
    return read_bounded(path, max_bytes, follow_links=True).decode("utf-8-sig")
