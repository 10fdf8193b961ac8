"""The settings in force, to be read; they are changed in the file that is named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.text.safe import safe
from tui.actions import REVIEW
from tui.background import in_background
from tui.common.dialogs import PageDialog
from tui.common.text import AutoHeight, hanging
from tui.keymap import Keymap, keymap_of
from tui.messages import Failed
from tui.services.desk import Desk
from tui.theme import BAD, CAREFUL, MUTED, STRONG

if TYPE_CHECKING:
    from core.settings_info import SettingInfo

_WIDTH = 25
_KEYS = "keys."


@dataclass
class SettingsRead(Message):
    """The settings as they are now."""

    settings: "Sequence[SettingInfo]"


class SettingsScreen(PageDialog):
    """Every setting with its value, where that comes from if not from the program, and what it is for."""

    HEADLINE = "Settings"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def page(self) -> Iterable[Widget]:
        """Where they are changed, and all of them."""
        words = (
            f"They are changed in {safe(str(self._desk.facts.home / 'samesku.toml'))}; a desk reads it when it opens."
        )
        yield Static(Content.styled(words, MUTED), classes="dialog-text", markup=False)
        yield AutoHeight(lambda _: Content.empty())

    def on_mount(self) -> None:
        """Read them beside the keyboard."""
        super().on_mount()
        in_background(self, "settings", lambda: SettingsRead(self._desk.settings_info()))

    @on(SettingsRead)
    def _show(self, message: SettingsRead) -> None:
        self.query_one(AutoHeight).show(lambda width: _told(message.settings, keymap_of(self.app), width))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.query_one(AutoHeight).complain(message.message, message.hint)


def _told(settings: "Sequence[SettingInfo]", keymap: Keymap, width: int) -> Content:
    keys = [setting for setting in settings if setting.name.startswith(_KEYS)]
    lines: list[Content] = []
    section = ""
    for setting in (setting for setting in settings if setting not in keys):
        group, _, name = setting.name.partition(".")
        if group != section:
            lines += [*([Content.empty()] if section else []), Content.styled(f"[{group}]", STRONG)]
            section = group
        lines += _lines(name, setting, width)
    return Content("\n").join([*lines, *_keys(keys, keymap, width)])


def _lines(name: str, setting: "SettingInfo", width: int) -> list[Content]:
    ours = setting.origin == "default"
    value = Content.styled(safe(setting.value), "" if ours else STRONG)
    origin = Content.empty() if ours else Content.styled(f"  from the {setting.origin}", CAREFUL)
    meaning = hanging(Content("  "), Content.styled(safe(setting.help), MUTED), width) if setting.help else []
    return [*hanging(Content(name.ljust(_WIDTH) + " "), value + origin, width), *meaning]


def _keys(settings: "Sequence[SettingInfo]", keymap: Keymap, width: int) -> list[Content]:
    """The keys that were moved, as they are in force on this desk, and what could not be followed."""
    lines = [Content.empty(), Content.styled("[keys]", STRONG)]
    if not settings:
        return [*lines, Content.styled("No key was moved; ? on the desk lists them.", MUTED)]
    acts = {act.id: keymap.act(act) for act in REVIEW}
    for setting in settings:
        name = setting.name.removeprefix(_KEYS)
        act = acts.get(name)
        help_ = "" if act is None else f"In force: {act.shown}. {act.help}"
        lines += _lines(safe(name), replace(setting, help=help_), width)
    for problem in keymap.problems:
        lines += hanging(Content.styled("✗ ", BAD), Content.styled(problem, STRONG), width)
    return lines
