"""What somebody says of a file that is to come in, and the verb that this makes."""

from collections.abc import Iterable
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from core.text.safe import safe
from tui.ports.desk import DeskFacts
from tui.widgets.form import Choice, FormRow
from tui.widgets.path_field import PathField

LABELS, PRODUCTS = "labels", "products"
_KINDS = {
    LABELS: "table, events, Prodigy, Label Studio",
    PRODUCTS: "CSV, JSON, Excel, Parquet, SQLite",
}
_SPLITS = {
    "auto": "validation queries judge, others train",
    "train": "all of it is to learn from",
    "validation": "all of it is to judge on",
}
_KEPT = "as it is"
_ROLES = {
    _KEPT: "as the source has it; a new one: catalog",
    "catalog": "products that the others may equal",
    "query": "products to review",
}
_PRUNE = {"no": "what the file no longer has stays", "yes": "what the file no longer has is taken out"}
#: Which rows belong to what.
_ROWS = {
    LABELS: ("annotator", "split", "query-source", "candidate-source", "map", "table"),
    PRODUCTS: ("source", "role", "map", "table", "prune"),
}
#: So many files of a folder are offered.
_MOST = 500


class ImportForm(Vertical):
    """The rows. In a kiosk a file is chosen among the reports, and nobody takes another name.

    Args:
        reports: the one folder that a kiosk reads from.
        annotator: who sits here.
    """

    def __init__(self, facts: DeskFacts, reports: Path, annotator: str) -> None:
        super().__init__(id="import-form")
        self._facts, self._reports, self._annotator = facts, reports, annotator

    def compose(self) -> ComposeResult:
        """All rows; those of the other kind are hidden."""
        yield FormRow("what", Choice(_KINDS, id="what"))
        yield FormRow("file", self._file())
        name = Input(self._annotator, compact=True, select_on_focus=False, id="annotator")
        name.disabled = self._facts.kiosk
        yield FormRow("annotator", name)
        yield FormRow("split", Choice(_SPLITS, id="split"))
        yield from _typed("query source", "candidate source", words="where the workspace has several")
        yield from _typed("source", words="the retailer, such as walmart")
        yield FormRow("role", Choice(_ROLES, id="role"))
        yield from _typed("map", words="title=name, price=cost: if need be")
        yield from _typed("table", words="or sheet, where the file has several")
        yield FormRow("prune", Choice(_PRUNE, id="prune"))

    def _file(self) -> Input | Choice:
        if self._facts.kiosk:
            return Choice(dict.fromkeys(files_in(self._reports), "in reports"), id="path")
        return PathField(self._facts.home, placeholder="→ takes what is proposed")

    def on_mount(self) -> None:
        """The rows of the first kind."""
        self.show_rows()

    def show_rows(self) -> None:
        """The rows that belong to what is chosen, and no others."""
        for name in {name for names in _ROWS.values() for name in names}:
            self.query_one(f"#row-{name}", FormRow).display = name in _ROWS[self.kind]

    @property
    def fields(self) -> list[Widget]:
        """The fields of the rows that are shown and can be filled in, from above."""
        rows = [row for row in self.query(FormRow) if row.display]
        return [row.field for row in rows if not row.field.disabled]

    @property
    def kind(self) -> str:
        """`LABELS` or `PRODUCTS`."""
        return self._chosen("what")

    @property
    def file(self) -> Path | None:
        """The file; None while none is named."""
        for field in self.query(PathField):
            return field.path if field.value.strip() else None
        name = self._chosen("path")
        return self._reports / name if name else None

    def missing(self) -> tuple[str, Widget] | None:
        """What has to be said first, and where."""
        if self.file is None:
            what = "There is no file in reports to bring in." if self._facts.kiosk else "Which file?"
            return what, self.query_one("#path")
        if self.kind == PRODUCTS and not self._typed("source"):
            return "Whose products are they?", self.query_one("#source")
        return None

    def arguments(self) -> tuple[str, ...]:
        """The verb, as the command line has it."""
        pairs = (pair.strip() for pair in self._typed("map").split(","))
        columns = [*(f"--map={pair}" for pair in pairs if pair), *self._options("table")]
        if self.kind == PRODUCTS:
            return (
                "import", "products", str(self.file), f"--source={self._typed('source')}",
                *self._role(), *columns,
                # What pruning would take out is looked at and confirmed before it is done.
                *(["--prune", "--yes"] if self._chosen("prune") == "yes" else []),
            )  # fmt: skip
        # Of two names the later one counts: what comes in is the other person's.
        name = self._typed("annotator")
        whose = [f"--as={name}"] if name != self._annotator and not self._facts.kiosk else []
        split = [f"--split={self._chosen('split')}"] if self._chosen("split") != "auto" else []
        sources = self._options("query-source", "candidate-source")
        return (*whose, "labels", "import", str(self.file), *split, *sources, *columns)

    def _role(self) -> list[str]:
        """A role that is chosen is meant, also where the source has another one: that is looked at and confirmed."""
        role = self._chosen("role")
        return [] if role == _KEPT else [f"--role={role}", "--change-role"]

    def _options(self, *names: str) -> list[str]:
        return [f"--{name}={self._typed(name)}" for name in names if self._typed(name)]

    def _typed(self, id_: str) -> str:
        return self.query_one(f"#{id_}", Input).value.strip()

    def _chosen(self, id_: str) -> str:
        return self.query_one(f"#{id_}", Choice).value


def _typed(*names: str, words: str) -> Iterable[FormRow]:
    """Rows to type in, with a word for as long as they are empty."""
    for name in names:
        field = Input(placeholder=words, compact=True, select_on_focus=False, id=name.replace(" ", "-"))
        yield FormRow(name, field)


def files_in(folder: Path) -> list[str]:
    """The files of one folder by name, and nothing that leads out of it or would act on a terminal."""
    try:
        found = [each for each in folder.iterdir() if each.is_file() and not each.is_symlink()]
    except OSError:
        return []
    names = sorted(each.name for each in found if not each.name.startswith(".") and safe(each.name) == each.name)
    return names[:_MOST]
