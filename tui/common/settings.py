"""The read-only screen of all settings in force."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.text.safe import safe
from tui.background import in_background
from tui.common.dialogs import PageDialog
from tui.common.text import AutoHeight, hanging_indent
from tui.key_bindings import REVIEW
from tui.keymap import Keymap, keymap_of
from tui.messages import Failed
from tui.services.desk import Desk
from tui.theme import BAD, CAREFUL, MUTED, STRONG

if TYPE_CHECKING:
    from core.settings_info import SettingInfo

_NAME_WIDTH = 25
_KEYS_PREFIX = "keys."


@dataclass
class SettingsRead(Message):
    """The settings in force."""

    settings: "Sequence[SettingInfo]"


class SettingsScreen(PageDialog):
    """Every setting with its value, its origin unless that is the default, and its meaning."""

    HEADLINE = "Settings"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def page(self) -> Iterable[Widget]:
        """The name of the settings file, and the settings."""
        words = f"Change them in {safe(str(self._desk.facts.home / 'samesku.toml'))}; the desk reads it at startup."
        yield Static(Content.styled(words, MUTED), classes="dialog-text", markup=False)
        yield AutoHeight(lambda _: Content.empty())

    def on_mount(self) -> None:
        """Read the settings in the background."""
        super().on_mount()
        in_background(self, "settings", lambda: SettingsRead(self._desk.settings_info()))

    @on(SettingsRead)
    def _show(self, message: SettingsRead) -> None:
        self.query_one(AutoHeight).show(lambda width: _settings_content(message.settings, keymap_of(self.app), width))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.query_one(AutoHeight).complain(message.message, message.hint)


def _settings_content(settings: "Sequence[SettingInfo]", keymap: Keymap, width: int) -> Content:
    keys = [setting for setting in settings if setting.name.startswith(_KEYS_PREFIX)]
    lines: list[Content] = []
    section = ""
    for setting in (setting for setting in settings if setting not in keys):
        group, _, name = setting.name.partition(".")
        if group != section:
            lines += [*([Content.empty()] if section else []), Content.styled(f"[{group}]", STRONG)]
            section = group
        lines += _setting_lines(name, setting, width)
    return Content("\n").join([*lines, *_key_lines(keys, keymap, width)])


def _setting_lines(name: str, setting: "SettingInfo", width: int) -> list[Content]:
    is_default = setting.origin == "default"
    value = Content.styled(safe(setting.value), "" if is_default else STRONG)
    origin = Content.empty() if is_default else Content.styled(f"  from the {setting.origin}", CAREFUL)
    meaning = hanging_indent(Content("  "), Content.styled(safe(setting.help), MUTED), width) if setting.help else []
    return [*hanging_indent(Content(name.ljust(_NAME_WIDTH) + " "), value + origin, width), *meaning]


def _key_lines(settings: "Sequence[SettingInfo]", keymap: Keymap, width: int) -> list[Content]:
    """The remapped keys as they are in force, and the problems of `[keys]`."""
    lines = [Content.empty(), Content.styled("[keys]", STRONG)]
    if not settings:
        return [*lines, Content.styled("No key is remapped; ? on the desk lists all keys.", MUTED)]
    acts = {act.id: keymap.act(act) for act in REVIEW}
    for setting in settings:
        name = setting.name.removeprefix(_KEYS_PREFIX)
        act = acts.get(name)
        help_ = "" if act is None else f"In force: {act.shown}. {act.help}"
        lines += _setting_lines(safe(name), replace(setting, help=help_), width)
    for problem in keymap.problems:
        lines += hanging_indent(Content.styled("✗ ", BAD), Content.styled(problem, STRONG), width)
    return lines
