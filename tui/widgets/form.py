"""Rows that somebody fills in: a name, and a field to type in or a choice among a few."""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.style import KEY, MUTED


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
