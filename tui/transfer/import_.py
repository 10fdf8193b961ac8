"""The import dialog: products or labels from a file, previewed first, imported once confirmed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from core.text.safe import safe
from tui.common.dialogs import ConfirmDialog, ScrollingDialog
from tui.common.forms import Choice, Chosen, FormRow, PathField
from tui.common.pane import Pane
from tui.key_bindings import IMPORT, LEAVE, Act, bindings
from tui.messages import Filled
from tui.ports import DeskFacts
from tui.services.desk import Desk
from tui.theme import CAREFUL
from tui.transfer.import_report import has_changes, import_question, import_report

LABELS, PRODUCTS = "labels", "products"
_KINDS = {
    LABELS: "table, events, Prodigy, Label Studio",
    PRODUCTS: "CSV, JSON, Excel, Parquet, SQLite",
}
_SPLITS = {
    "auto": "validation queries validate, others train",
    "train": "all labels for training",
    "validation": "all labels for validation",
}
_SAME_ROLE = "as it is"
_ROLES = {
    _SAME_ROLE: "unchanged; catalog if it is new",
    "catalog": "candidate products",
    "query": "products to review",
    "both": "products to deduplicate",
}
_PRUNE = {"no": "keep products missing in the file", "yes": "remove products missing in the file"}
#: The rows of each kind.
_ROWS = {
    LABELS: ("annotator", "split", "query-source", "candidate-source", "map", "table"),
    PRODUCTS: ("source", "role", "map", "table", "prune"),
}
#: Files of a folder that are offered at most.
_MAX_FILES = 500


class ImportForm(Vertical):
    """The fields that make up the command. In a kiosk, files come from the reports, and the annotator is fixed.

    Args:
        facts: of the desk.
        reports: the folder that a kiosk reads from.
        annotator: who works at the desk.
    """

    def __init__(self, facts: DeskFacts, reports: Path, annotator: str) -> None:
        super().__init__(id="import-form")
        self._facts, self._reports, self._annotator = facts, reports, annotator

    def compose(self) -> ComposeResult:
        """All rows; those of the other kind are hidden."""
        yield FormRow("what", Choice(_KINDS, id="what"))
        yield FormRow("file", self._file_field())
        name = Input(self._annotator, compact=True, select_on_focus=False, id="annotator")
        name.disabled = self._facts.kiosk
        yield FormRow("annotator", name)
        yield FormRow("split", Choice(_SPLITS, id="split"))
        yield from _text_rows("query source", "candidate source", placeholder="where the workspace has several")
        yield from _text_rows("source", placeholder="the retailer, such as walmart")
        yield FormRow("role", Choice(_ROLES, id="role"))
        yield from _text_rows("map", placeholder="title=name, price=cost: if need be")
        yield from _text_rows("table", placeholder="or sheet, where the file has several")
        yield FormRow("prune", Choice(_PRUNE, id="prune"))

    def _file_field(self) -> Input | Choice:
        if self._facts.kiosk:
            return Choice(dict.fromkeys(files_in(self._reports), "in reports"), id="path")
        return PathField(self._facts.home, placeholder="→ accepts the suggestion")

    def on_mount(self) -> None:
        """Show the rows of the first kind."""
        self.show_rows()

    def show_rows(self) -> None:
        """Show the rows of the chosen kind only."""
        for name in {name for names in _ROWS.values() for name in names}:
            self.query_one(f"#row-{name}", FormRow).display = name in _ROWS[self.kind]

    @property
    def fields(self) -> list[Widget]:
        """The visible, enabled fields from top to bottom."""
        rows = [row for row in self.query(FormRow) if row.display]
        return [row.field for row in rows if not row.field.disabled]

    @property
    def kind(self) -> str:
        """`LABELS` or `PRODUCTS`."""
        return self._choice("what")

    @property
    def file(self) -> Path | None:
        """The file; None while none is named."""
        for field in self.query(PathField):
            return field.path if field.value.strip() else None
        name = self._choice("path")
        return self._reports / name if name else None

    def missing(self) -> tuple[str, Widget] | None:
        """What is missing, as a sentence, and its field; None where the form is complete."""
        if self.file is None:
            text = "There is no file in reports to import." if self._facts.kiosk else "Which file?"
            return text, self.query_one("#path")
        if self.kind == PRODUCTS and not self._text("source"):
            return "Whose products are they?", self.query_one("#source")
        return None

    def arguments(self) -> tuple[str, ...]:
        """The arguments of the command line."""
        pairs = (pair.strip() for pair in self._text("map").split(","))
        columns = [*(f"--map={pair}" for pair in pairs if pair), *self._options("table")]
        if self.kind == PRODUCTS:
            return (
                "import", "products", str(self.file), f"--source={self._text('source')}",
                *self._role(), *columns,
                # `--yes`: what pruning removes was shown by the preview and confirmed here.
                *(["--prune", "--yes"] if self._choice("prune") == "yes" else []),
            )  # fmt: skip
        # A second `--as` overrides the desk's own: the labels are recorded under the other person's name.
        name = self._text("annotator")
        annotator = [f"--as={name}"] if name != self._annotator and not self._facts.kiosk else []
        split = [f"--split={self._choice('split')}"] if self._choice("split") != "auto" else []
        sources = self._options("query-source", "candidate-source")
        return (*annotator, "labels", "import", str(self.file), *split, *sources, *columns)

    def _role(self) -> list[str]:
        """A chosen role may change the source's; the preview shows that, and it is confirmed here."""
        role = self._choice("role")
        return [] if role == _SAME_ROLE else [f"--role={role}", "--change-role"]

    def _options(self, *names: str) -> list[str]:
        return [f"--{name}={self._text(name)}" for name in names if self._text(name)]

    def _text(self, id_: str) -> str:
        return self.query_one(f"#{id_}", Input).value.strip()

    def _choice(self, id_: str) -> str:
        return self.query_one(f"#{id_}", Choice).value


def _text_rows(*names: str, placeholder: str) -> Iterable[FormRow]:
    for name in names:
        field = Input(placeholder=placeholder, compact=True, select_on_focus=False, id=name.replace(" ", "-"))
        yield FormRow(name, field)


def files_in(folder: Path) -> list[str]:
    """Names of the regular files of a folder, without links, hidden files, and names unsafe to show."""
    try:
        found = [each for each in folder.iterdir() if each.is_file() and not each.is_symlink()]
    except OSError:
        return []
    names = sorted(each.name for each in found if not each.name.startswith(".") and safe(each.name) == each.name)
    return names[:_MAX_FILES]


class ImportPane(Pane):
    """The report of the preview or of the import."""

    dry = True

    async def preview(self, arguments: tuple[str, ...]) -> None:
        """Run the import as a dry run."""
        self.dry = True
        await self.ask("Reading the file …", *arguments, "--dry-run")

    async def run_import(self, arguments: tuple[str, ...]) -> None:
        """Run the import."""
        self.dry = False
        await self.ask("Importing …", *arguments)

    async def show_hint(self, text: str) -> None:
        """Show a hint in place of a report."""
        await self.clear()
        await self.mount(Static(Content.styled(text, CAREFUL), markup=False))

    @property
    def needs_index(self) -> bool:
        """Whether products were imported, so that an index run should follow."""
        values = self.values or {}
        return not self.dry and "added" in values and has_changes(values)

    async def show(self, values: Mapping[str, Any]) -> None:
        """Show the report."""
        await self.mount(Static(import_report(values, dry=self.dry), markup=False))


class ImportDialog(ScrollingDialog[list[str]]):
    """Preview, then import; Escape cancels either without a change.

    Answers with the arguments of an index run where new products need one.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's own kind of constant
        *bindings(IMPORT[1:], at_once=True),
        *bindings((IMPORT[0], LEAVE)),
    ]
    HEADLINE = "Import"
    PANE = "#brought"
    FRAME_LINES = 15  # nine more for the form
    AUTO_FOCUS = "#path"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._previewed: tuple[str, ...] = ()
        self._next_step = "preview"

    def body(self) -> Iterable[Widget]:
        """Form and report."""
        home = self._desk.facts.home
        yield ImportForm(self._desk.facts, home / "reports", self._desk.review.annotator)
        yield ImportPane(self._desk.verbs, id="brought")

    @property
    def _pane(self) -> ImportPane:
        return self.query_one(self.PANE, ImportPane)

    @property
    def _form(self) -> ImportForm:
        return self.query_one(ImportForm)

    # -- form ----------------------------------------------------------------------------------------------

    @on(Input.Changed)
    @on(Chosen)
    async def _changed(self) -> None:
        """Discard the report, which no longer fits the form; an import that runs goes on."""
        if not (self._pane.busy and not self._pane.dry):
            await self._pane.clear()
            self._offer("preview")

    def action_row(self, step: int) -> None:
        """Focus another row. Textual's own order follows the layout, which lags behind when rows appear."""
        fields = self._form.fields
        here = fields.index(self.focused) if self.focused in fields else -step
        self.set_focus(fields[(here + step) % len(fields)])

    def action_turn(self, step: int) -> None:
        """Another value of the focused choice."""
        if isinstance(self.focused, Choice):
            self.focused.turn(step)
            self._form.show_rows()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a text field the keys of `turn` are for editing."""
        return isinstance(self.focused, Choice) if action == "turn" else super().check_action(action, parameters)

    def _offer(self, label: str) -> None:
        """Label the Enter key; without a label, hide it."""
        self._next_step = label
        self.offer_keys()

    def acts(self, *, scrolls: bool) -> tuple[Act, ...]:
        """The keys that do something now."""
        first = (replace(IMPORT[0], label=self._next_step),) if self._next_step else ()
        further = (act for act in IMPORT[1:] if scrolls or not act.action.startswith("scroll_page"))
        return (*first, *further, LEAVE)

    # -- preview and import --------------------------------------------------------------------------------

    @on(Input.Submitted)
    async def _submit(self) -> None:
        await self.action_go_on()

    async def action_go_on(self) -> None:
        """The next step: preview, import, then index."""
        pane, missing = self._pane, self._form.missing()
        if pane.busy:
            return
        if pane.values is None and missing is not None:
            text, field = missing
            await pane.show_hint(text)
            self.set_focus(field)
        elif pane.values is None:
            self._previewed = self._form.arguments()
            await pane.preview(self._previewed)
        elif not pane.dry:
            self.dismiss(["index"] if pane.needs_index else None)
        elif has_changes(pane.values):
            annotator = self.query_one("#annotator", Input).value.strip()
            question = import_question(pane.values, annotator)
            self.app.push_screen(ConfirmDialog(question, yes="Import", no="Leave it"), self._confirmed)

    async def _confirmed(self, confirmed: bool | None) -> None:
        if confirmed:
            await self._pane.run_import(self._previewed)

    @on(Filled)
    def _label_next_step(self) -> None:
        pane = self._pane
        if pane.values is None:
            self._offer("preview")
        elif pane.dry:
            self._offer("import" if has_changes(pane.values) else "")
        else:
            self._offer("find candidates" if pane.needs_index else "done")
