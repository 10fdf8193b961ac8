"""The export dialog: labels or the whole ledger to a file, in several formats."""

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
from tui.common.dialogs import ConfirmDialog, Dialog
from tui.common.forms import PathField
from tui.common.key_bar import KeyBar
from tui.common.pane import Pane
from tui.common.text import NAMES, in_columns
from tui.common.words import UNKNOWN
from tui.key_bindings import EXPORT, LEAVE, bindings
from tui.services.desk import Desk
from tui.theme import GOOD, KEY, MUTED, STRONG


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of export.

    Attributes:
        stem, ending: parts of the suggested file name.
        help: a few words on the content.
        has_sides: whether training or validation labels alone can be exported.
        has_annotators: whether it holds the names of annotators.
        has_comments: whether it holds comments.
    """

    format: Format
    name: str
    stem: str
    ending: str
    help: str
    has_sides: bool = False
    has_annotators: bool = False
    has_comments: bool = False


_LEDGER = partial(Kind, name="Whole ledger", stem="events", has_annotators=True, has_comments=True)
_TASKS = partial(Kind, has_sides=True, has_annotators=True)
KINDS = (
    Kind(Format.CSV, "Labels", "labels", ".csv", "the label of each decided pair", has_sides=True),
    _LEDGER(Format.EVENTS, ending=".jsonl", help="every event; imports losslessly"),
    _LEDGER(Format.PARQUET, ending=".parquet", help="the same as a table"),
    _TASKS(Format.PRODIGY, "Prodigy", "prodigy", ".jsonl", "explicit decisions as examples"),
    _TASKS(Format.LABEL_STUDIO, "Label Studio", "label-studio", ".json", "explicit decisions as tasks"),
    Kind(Format.LABEL_STUDIO_CONFIG, "Label Studio config", "label-studio", ".xml", "the interface for these tasks"),
)
_SIDES = {"": "all", Side.TRAIN.value: "training only", Side.VALIDATION.value: "validation only"}
_ANNOTATORS = {False: "real names", True: "pseudonyms"}
_COMMENTS = {True: "included", False: "left out"}


class ExportDialog(Dialog[None]):
    """Kind, options and file; the command writes it in the background, and Escape cancels that."""

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
        self._pseudonyms = False
        self._comments = True

    def body(self) -> Iterable[Widget]:
        """Kinds, options, file, and the answer."""
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
                yield PathField(self._desk.facts.home, self._suggested_name(self._kind))
        yield ExportPane(self._desk.verbs, id="written")

    def on_mount(self) -> None:
        """Highlight the first kind. In a kiosk the file name is fixed."""
        if self._desk.facts.kiosk:
            self.query_one(KeyBar).offer([act for act in self.ACTS if act.id != "export_field"])
        self.query_one(OptionList).highlighted = 0

    @on(OptionList.OptionHighlighted)
    async def _choose(self, event: OptionList.OptionHighlighted) -> None:
        suggested, self._kind = self._suggested_name(self._kind), KINDS[event.option_index]
        for field in self.query(PathField):
            if field.value == suggested:
                field.value = self._suggested_name(self._kind)
        for name in self.query("#name").results(Static):
            name.update(self._suggested_name(self._kind))
        await self._changed()

    def _suggested_name(self, kind: Kind) -> str:
        return f"reports/{kind.stem}-{self._stamp[:8]}-{self._stamp[8:]}{kind.ending}"

    @on(Input.Changed)
    async def _changed(self) -> None:
        """Show the options of the kind; an answer about an earlier file is cleared."""
        pane = self.query_one(ExportPane)
        if not pane.busy:
            await pane.clear()
        kind = self._kind
        options = [
            _option("s", "labels", _SIDES[self._side] if kind.has_sides else ""),
            _option("p", "annotators", _ANNOTATORS[self._pseudonyms] if kind.has_annotators else ""),
            _option("m", "comments", _COMMENTS[self._comments] if kind.has_comments else ""),
        ]
        self.query_one("#choices", Static).update(Content("\n").join(options))

    # -- options -------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Highlight another kind."""
        kinds = self.query_one(OptionList)
        kinds.highlighted = max(0, min((kinds.highlighted or 0) + step, kinds.option_count - 1))

    async def action_side(self) -> None:
        """Export all labels, those for training, or those for validation, in turn."""
        sides = list(_SIDES)
        self._side = sides[(sides.index(self._side) + 1) % len(sides)]
        await self._changed()

    async def action_names(self) -> None:
        """Real names or pseudonyms."""
        self._pseudonyms = not self._pseudonyms
        await self._changed()

    async def action_comments(self) -> None:
        """Include comments, or leave them out."""
        self._comments = not self._comments
        await self._changed()

    def action_field(self) -> None:
        """Focus the file name, or the kinds again."""
        fields = list(self.query(PathField))
        self.set_focus(fields[0] if fields and self.focused is None else None)

    # -- writing -------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    async def _submit(self) -> None:
        await self.action_export()

    async def action_export(self) -> None:
        """Write the file; once it is written, close."""
        pane = self.query_one(ExportPane)
        if pane.values is not None:
            self.dismiss(None)
        elif not pane.busy:
            path = self._path()
            if path.exists():
                question = f"{path.name} exists already. Overwrite it?"
                self.app.push_screen(
                    ConfirmDialog(question, yes="Overwrite", no="Keep it"), partial(self._confirmed, path)
                )
            else:
                await self._write(path)

    def _path(self) -> Path:
        for field in self.query(PathField):
            return field.path
        return self._desk.facts.home / self._suggested_name(self._kind)

    async def _confirmed(self, path: Path, confirmed: bool | None) -> None:
        if confirmed:
            await self._write(path)

    async def _write(self, path: Path) -> None:
        kind = self._kind
        arguments = ["labels", "export", str(path), "--format", kind.format.value]
        if kind.has_sides and self._side:
            arguments += ["--side", self._side]
        if kind.has_annotators and self._pseudonyms:
            arguments.append("--pseudonyms")
        if kind.has_comments and not self._comments:
            arguments.append("--no-comments")
        await self.query_one(ExportPane).ask("Writing …", *arguments)


def _option(key: str, name: str, value: str) -> Content:
    """A key, its option and the value; muted where the kind lacks the option."""
    return Content.assemble((f"{key:<5}", KEY if value else MUTED), (f"{name:<12}", MUTED), value or UNKNOWN)


class ExportPane(Pane):
    """The progress of the command, then where the file is."""

    async def show(self, values: Mapping[str, Any]) -> None:
        """Show the number of rows and the file."""
        count = f"{values['rows']:,} {safe(values['what'])} in" if values["what"] else "The configuration is in"
        text = Content.assemble(("✓ ", GOOD), (count, STRONG), "\n", safe(values["file"]))
        await self.mount(Static(text, markup=False))
