"""Rows that somebody fills in: a name, and a field to type in or a choice among a few."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from core.text.safe import safe
from tui.theme import KEY, MUTED


@dataclass
class Chosen(Message):
    """A choice has another value."""


class Choice(Widget, can_focus=True):
    """One of a few values, each with a word on what it means; `turn` goes to the next.

    Args:
        values: what each value means, safe to show.
    """

    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"
    at = reactive(0)

    def __init__(self, values: Mapping[str, str], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._values = dict(values)

    @property
    def value(self) -> str:
        """The one that is chosen; empty where there is nothing to choose from."""
        return list(self._values)[self.at] if self._values else ""

    def turn(self, step: int) -> None:
        """To another value; after the last comes the first."""
        self.at = (self.at + step) % max(1, len(self._values))

    def watch_at(self) -> None:
        """Tell the form."""
        self.post_message(Chosen())

    def render(self) -> Content:
        """The value between its arrows, and what it means."""
        arrows = KEY if self.has_focus else MUTED
        value = (self.value, "reverse" if self.has_focus else "")
        words = (f"  {self._values.get(self.value, '')}", MUTED)
        return Content.assemble(("‹ ", arrows), value, (" ›", arrows), words).truncate(self.size.width, ellipsis=True)


class FormRow(Horizontal):
    """A field with its name before it."""

    DEFAULT_CSS = "FormRow { height: 1; }"

    def __init__(self, name: str, field: Input | Choice) -> None:
        super().__init__(id=f"row-{field.id}")
        self._label, self.field = name, field

    def compose(self) -> ComposeResult:
        """The name, the field."""
        yield Static(Content.styled(self._label, MUTED), classes="row-name", markup=False)
        yield self.field


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
