"""Form fields: a labelled row, a choice among a few values, and a path with completion."""

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
    """The value of a choice has changed."""


class Choice(Widget, can_focus=True):
    """A choice among a few values, each with a description; `turn` selects the next.

    Args:
        values: each value with its description, safe to show.
    """

    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"
    at = reactive(0)

    def __init__(self, values: Mapping[str, str], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._values = dict(values)

    @property
    def value(self) -> str:
        """The selected value; empty if there are no values."""
        return list(self._values)[self.at] if self._values else ""

    def turn(self, step: int) -> None:
        """Select the value `step` places further, cyclically."""
        self.at = (self.at + step) % max(1, len(self._values))

    def watch_at(self) -> None:
        """Notify the form."""
        self.post_message(Chosen())

    def render(self) -> Content:
        """The value between arrows, and its description."""
        arrows = KEY if self.has_focus else MUTED
        value = (self.value, "reverse" if self.has_focus else "")
        words = (f"  {self._values.get(self.value, '')}", MUTED)
        return Content.assemble(("‹ ", arrows), value, (" ›", arrows), words).truncate(self.size.width, ellipsis=True)


class FormRow(Horizontal):
    """A field with a label in front of it."""

    DEFAULT_CSS = "FormRow { height: 1; }"

    def __init__(self, name: str, field: Input | Choice) -> None:
        super().__init__(id=f"row-{field.id}")
        self._label, self.field = name, field

    def compose(self) -> ComposeResult:
        """The label and the field."""
        yield Static(Content.styled(self._label, MUTED), classes="row-name", markup=False)
        yield self.field


#: Entries of a folder that are considered for completion.
_MAX_ENTRIES = 20_000


class PathField(Input):
    """A path, relative to `home`, with completion; `→` at the end accepts the suggestion."""

    def __init__(self, home: Path, value: str = "", *, placeholder: str = "", id: str = "path") -> None:  # noqa: A002 - Textual's name
        super().__init__(
            value, placeholder=placeholder, suggester=_PathSuggester(home), compact=True, select_on_focus=False, id=id
        )
        self._home = home

    @property
    def path(self) -> Path:
        """The entered path, absolute."""
        folder = Path(self.value.strip())
        with suppress(RuntimeError):  # `~name` without such a user
            folder = folder.expanduser()
        return self._home / folder


class _PathSuggester(Suggester):
    """Suggests the first entry of the folder that completes the typed path."""

    def __init__(self, home: Path) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._home = home

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path, with a slash after a folder."""
        return await asyncio.to_thread(complete_path, self._home, value)


def complete_path(home: Path, value: str) -> str | None:
    """The first path that completes the typed text, with a slash after a folder; None if there is none."""
    folder, begin = os.path.split(value)
    if not value:
        return None
    try:
        with os.scandir(home / Path(folder).expanduser()) as entries:
            candidates = [entry for entry in islice(entries, _MAX_ENTRIES) if _is_offered(entry.name, begin)]
            first = min(candidates, key=lambda entry: entry.name, default=None)
            return None if first is None else value.removesuffix(begin) + first.name + "/" * first.is_dir()
    except (OSError, RuntimeError, ValueError):  # no such folder, no such user, a NUL in the name
        return None


def _is_offered(name: str, begin: str) -> bool:
    """Whether to suggest an entry: hidden files only after a dot, never names with control characters."""
    return name.startswith(begin) and (bool(begin) or name[0] != ".") and safe(name) == name
