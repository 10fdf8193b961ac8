"""A field for the path of a file on this machine, which completes what is there."""

import asyncio
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path

from textual.suggester import Suggester
from textual.widgets import Input

from core.text.safe import safe

#: So many names of one folder are looked at.
_MOST = 20_000


class PathField(Input):
    """Relative paths are of `home`; `→` at the end takes the completion."""

    def __init__(self, home: Path, value: str = "", *, placeholder: str = "", id: str = "path") -> None:  # noqa: A002 - Textual's name
        super().__init__(
            value, placeholder=placeholder, suggester=_Names(home), compact=True, select_on_focus=False, id=id
        )
        self._home = home

    @property
    def path(self) -> Path:
        """What is typed, as an absolute path."""
        typed = Path(self.value.strip())
        with suppress(RuntimeError):  # ~nobody: no such home
            typed = typed.expanduser()
        return self._home / typed


class _Names(Suggester):
    """The first name in the folder that goes on from what is typed."""

    def __init__(self, home: Path) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._home = home

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path, with a slash after a folder."""
        return await asyncio.to_thread(completed, self._home, value)


def completed(home: Path, value: str) -> str | None:
    """The path that goes on from what is typed, with a slash after a folder; None where there is none."""
    typed, begin = os.path.split(value)
    if not value:
        return None
    try:
        with os.scandir(home / Path(typed).expanduser()) as entries:
            fitting = [entry for entry in islice(entries, _MOST) if _fits(entry.name, begin)]
            first = min(fitting, key=lambda entry: entry.name, default=None)
            return None if first is None else value.removesuffix(begin) + first.name + "/" * first.is_dir()
    except (OSError, RuntimeError, ValueError):  # nothing there, no such home, half of a name with a NUL
        return None


def _fits(name: str, begin: str) -> bool:
    """Hidden files are for who types the dot; a name that would act on the terminal is nobody's to type."""
    return name.startswith(begin) and (bool(begin) or name[0] != ".") and safe(name) == name
