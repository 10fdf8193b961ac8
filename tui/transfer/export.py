"""Labels and events out, as files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option as Line

from core.text.safe import safe
from labels.exchange.formats import Format
from labels.model import Side
from labels.store import utc_now
from tui.actions import EXPORT, LEAVE, bindings
from tui.common.dialogs import ConfirmDialog, Dialog
from tui.common.forms import PathField
from tui.common.key_bar import KeyBar
from tui.common.pane import Pane
from tui.common.text import NAMES, in_columns
from tui.common.words import UNKNOWN
from tui.services.desk import Desk
from tui.theme import GOOD, KEY, MUTED, STRONG


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be written.

    Attributes:
        stem, ending: of the name that is proposed.
        sided: whether one side alone can be written.
        named: whether annotators are named in it.
        commented: whether it holds what people wrote.
    """

    format: Format
    name: str
    stem: str
    ending: str
    help: str
    sided: bool = False
    named: bool = False
    commented: bool = False


_LEDGER = partial(Kind, name="Whole ledger", stem="events", named=True, commented=True)
_TASKS = partial(Kind, sided=True, named=True)
KINDS = (
    Kind(Format.CSV, "Labels", "labels", ".csv", "what people agree on", sided=True),
    _LEDGER(Format.EVENTS, ending=".jsonl", help="every event; comes back exactly"),
    _LEDGER(Format.PARQUET, ending=".parquet", help="the same as a table"),
    _TASKS(Format.PRODIGY, "Prodigy", "prodigy", ".jsonl", "explicit decisions as examples"),
    _TASKS(Format.LABEL_STUDIO, "Label Studio", "label-studio", ".json", "explicit decisions as tasks"),
    Kind(Format.LABEL_STUDIO_CONFIG, "Label Studio set-up", "label-studio", ".xml", "the interface for these tasks"),
)
_SIDES = {"": "all", Side.TRAIN.value: "those to learn from", Side.VALIDATION.value: "those kept apart to judge on"}
_NAMED = {False: "by their names", True: "by other names"}
_COMMENTED = {True: "written out", False: "left out"}


class ExportDialog(Dialog[None]):
    """What to write, how, and where to; the file is written beside the keyboard, and Escape ends that."""

    BINDINGS = bindings((*EXPORT, LEAVE))
    HEADLINE = "Export"
    ACTS = (*EXPORT, LEAVE)
    AUTO_FOCUS = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._stamp = "".join(filter(str.isdigit, utc_now()))[:14]
        self._kind = KINDS[0]
        self._side = ""
        self._disguised = False
        self._commented = True

    def body(self) -> Iterable[Widget]:
        """Kinds, choices, file, and what became of it."""
        rows = in_columns(
            (NAMES, NAMES, NAMES),
            [[k.name, Content.styled(k.ending, MUTED), Content.styled(k.help, MUTED)] for k in KINDS],
        )
        kinds = OptionList(*map(Line, rows), markup=False, compact=True, id="kinds")
        kinds.can_focus = False
        yield kinds
        yield Static(id="choices", markup=False)
        with Horizontal(id="place"):
            key = "" if self._desk.facts.kiosk else "Tab"
            yield Static(Content.assemble((f"{key:<5}", KEY), (f"{'file':<12}", MUTED)), markup=False)
            if self._desk.facts.kiosk:
                yield Static(id="name", markup=False)
            else:
                yield PathField(self._desk.facts.home, self._proposed(self._kind))
        yield Written(self._desk.verbs, id="written")

    def on_mount(self) -> None:
        """The first kind; in a kiosk nobody names a file."""
        if self._desk.facts.kiosk:
            self.query_one(KeyBar).offer([act for act in self.ACTS if act.id != "export_field"])
        self.query_one(OptionList).highlighted = 0

    @on(OptionList.OptionHighlighted)
    async def _choose(self, event: OptionList.OptionHighlighted) -> None:
        proposed, self._kind = self._proposed(self._kind), KINDS[event.option_index]
        for field in self.query(PathField):
            if field.value == proposed:
                field.value = self._proposed(self._kind)
        for name in self.query("#name").results(Static):
            name.update(self._proposed(self._kind))
        await self._changed()

    def _proposed(self, kind: Kind) -> str:
        return f"reports/{kind.stem}-{self._stamp[:8]}-{self._stamp[8:]}{kind.ending}"

    @on(Input.Changed)
    async def _changed(self) -> None:
        """Another file is meant than the one that was written."""
        written = self.query_one(Written)
        if not written.busy:
            await written.clear()
        kind = self._kind
        choices = [
            _choice("s", "labels", _SIDES[self._side] if kind.sided else ""),
            _choice("p", "annotators", _NAMED[self._disguised] if kind.named else ""),
            _choice("m", "comments", _COMMENTED[self._commented] if kind.commented else ""),
        ]
        self.query_one("#choices", Static).update(Content("\n").join(choices))

    # -- choosing ------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To another kind."""
        kinds = self.query_one(OptionList)
        kinds.highlighted = max(0, min((kinds.highlighted or 0) + step, kinds.option_count - 1))

    async def action_side(self) -> None:
        """The next side."""
        sides = list(_SIDES)
        self._side = sides[(sides.index(self._side) + 1) % len(sides)]
        await self._changed()

    async def action_names(self) -> None:
        """Own names or others."""
        self._disguised = not self._disguised
        await self._changed()

    async def action_comments(self) -> None:
        """With comments or without."""
        self._commented = not self._commented
        await self._changed()

    def action_field(self) -> None:
        """To the file's name, or back to the kinds."""
        fields = list(self.query(PathField))
        self.set_focus(fields[0] if fields and self.focused is None else None)

    # -- writing -------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    async def _submit(self) -> None:
        await self.action_export()

    async def action_export(self) -> None:
        """Write the file; once it is written, leave."""
        written = self.query_one(Written)
        if written.values is not None:
            self.dismiss(None)
        elif not written.busy:
            path = self._path()
            if path.exists():
                question = f"{path.name} is there already. Write over it?"
                self.app.push_screen(
                    ConfirmDialog(question, yes="Write over it", no="Keep it"), partial(self._sure, path)
                )
            else:
                await self._write(path)

    def _path(self) -> Path:
        for field in self.query(PathField):
            return field.path
        return self._desk.facts.home / self._proposed(self._kind)

    async def _sure(self, path: Path, sure: bool | None) -> None:
        if sure:
            await self._write(path)

    async def _write(self, path: Path) -> None:
        kind = self._kind
        arguments = ["labels", "export", str(path), "--format", kind.format.value]
        if kind.sided and self._side:
            arguments += ["--side", self._side]
        if kind.named and self._disguised:
            arguments.append("--pseudonyms")
        if kind.commented and not self._commented:
            arguments.append("--no-comments")
        await self.query_one(Written).ask("Writing …", *arguments)


def _choice(key: str, name: str, value: str) -> Content:
    """A key, what it chooses, and the choice; muted where the file has none."""
    return Content.assemble((f"{key:<5}", KEY if value else MUTED), (f"{name:<12}", MUTED), value or UNKNOWN)


class Written(Pane):
    """The file while it is written, and where it is then."""

    async def show(self, values: Mapping[str, Any]) -> None:
        """How many of what, and where."""
        count = f"{values['rows']:,} {safe(values['what'])} in" if values["what"] else "The set-up is in"
        words = Content.assemble(("✓ ", GOOD), (count, STRONG), "\n", safe(values["file"]))
        await self.mount(Static(words, markup=False))
