"""Labels and catalogues in, from files: looked at first, brought in once that is confirmed."""

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

from core.catalog.import_report import gtin_sentences
from core.text.safe import safe
from labels.wording import counted
from tui.actions import IMPORT, LEAVE, bindings
from tui.common.dialogs import ConfirmDialog, Dialog
from tui.common.forms import Choice, Chosen, FormRow, PathField
from tui.common.key_bar import KeyBar
from tui.common.pane import Pane
from tui.common.words import shorten
from tui.messages import Filled
from tui.ports import Desk, DeskFacts
from tui.theme import CAREFUL, GOOD, MUTED, STRONG

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


_INDEX = "Enter starts an index run, which finds the candidates anew; until then the old ones are shown."
#: So many replaced products are named.
_NAMED = 5
_LONGEST_TITLE = 60
_IMPORT_TEXT_ROLES = {"query": "products to review", "catalog": "products that others may equal"}


def is_news(values: Mapping[str, Any]) -> bool:
    """Whether anything would change."""
    if "added" in values:
        before = values.get("role_before")
        return bool(values["added"] or values["changed"] or values["removed"] or before != values["role"])
    if "written" in values:
        return bool(values["written"])
    return bool(values["events"] or values["validation"] or values["audits"])


def import_text(values: Mapping[str, Any], *, dry: bool) -> Content:
    """The lines for what a verb has answered.

    Args:
        values: of `import products` or `labels import`, as their `--json` gives it.
        dry: whether nothing has happened yet.
    """
    if "added" in values:
        lines = _products(values, dry=dry)
    else:
        lines = _labels(values, dry=dry) if "written" in values else _events(values)
    if not is_news(values):
        lines.insert(0, Content.styled("Nothing in it is new.", STRONG))
    elif not dry:
        lines[0] = Content.assemble(("✓ ", GOOD), lines[0])
        if "added" in values:
            lines.insert(1, Content(_INDEX))
    if dry and is_news(values):
        lines.append(Content.styled("Nothing has been changed yet.", MUTED))
    return Content("\n").join(lines)


def question(values: Mapping[str, Any], annotator: str) -> str:
    """What is asked before it happens."""
    if "added" in values:
        taken = f", and take {counted(values['removed'], 'product')} out" if values["removed"] else ""
        fresh = values["added"] + values["changed"]
        return f"Bring {counted(fresh, 'new or changed product')} into {values['source']}{taken}?"
    if "written" in values:
        of = f" ({annotator}, where the file does not say whose)"
        return f"Bring in {counted(values['written'], 'label')}{of}? A label stays in the ledger for good."
    return f"Bring in {counted(values['events'], 'event')}? An event stays in the ledger for good."


def _products(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    source = safe(values["source"])
    counts = f"{values['added']:,} new, {values['changed']:,} changed, {values['unchanged']:,} as before."
    lines = [Content.assemble((f"{source}: ", STRONG), counts)]
    before = values.get("role_before")
    if before and before != values["role"]:
        lines += _role_change(values, before, dry=dry)
    lines += _rejected(values, dry=dry)
    if values["vanished"]:
        removed = ("would be taken out" if dry else "are taken out") if values["removed"] else "stay"
        lines.append(_careful(f"{counted(values['vanished'], 'product')} that the file does not have {removed}."))
        if values.get("unread"):
            rows = counted(values["unread"], "row")
            lines.append(_careful(f"The ids of {rows} could not be read: some of these products may be in them."))
    lines += _replaced(values, dry=dry)
    pairs = [(safe(field), safe(column)) for field, column in values["columns"].items()]
    columns = ", ".join(field if field == column else f"{field} from {column}" for field, column in pairs)
    remarks = [Content.styled(safe(remark), MUTED) for remark in values.get("remarks", ())]
    return [*lines, *_gtins(values), Content.assemble(("Read as: ", MUTED), columns), *remarks]


def _gtins(values: Mapping[str, Any]) -> list[Content]:
    """How many trade item numbers can be used, and examples of those that cannot."""
    sentences = [safe(sentence) for sentence in gtin_sentences(values["gtins"])]
    return [*(Content(f"{each}.") for each in sentences[:1]), *map(_careful, sentences[1:])]


def _rejected(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    """The rows that were left out; nothing where there are none."""
    rejected = values.get("rejected", {})
    if not rejected:
        return []
    reasons = ", ".join(f"{count:,} {safe(reason)}" for reason, count in rejected.items())
    left = f"{counted(sum(rejected.values()), 'row')} left out: {reasons}."
    where = f" They are listed in {safe(values['rejects_file'])}" if values["rejects_file"] and not dry else ""
    return [_careful(left + where)]


def _role_change(values: Mapping[str, Any], before: str, *, dry: bool) -> list[Content]:
    verb = "would become" if dry else "are now"
    lines = [_careful(f"They were {_IMPORT_TEXT_ROLES[before]}, and {verb} {_IMPORT_TEXT_ROLES[values['role']]}.")]
    if values.get("labels_of_role"):
        one, several = "label on them neither trains nor judges", "labels on them neither train nor judge"
        lines.append(_careful(f"{counted(values['labels_of_role'], one, several)} while that is so."))
    return lines


def _replaced(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    """The labelled products that are other articles now, or gone, and what becomes of their labels."""
    replaced = values.get("replaced") or []
    if not replaced:
        return []
    verb = "would be" if dry else "is" if len(replaced) == 1 else "are"
    lines = [_careful(f"{counted(len(replaced), 'labelled product')} {verb} another article or gone:")]
    for each in replaced[:_NAMED]:
        now = "gone" if each["after"] is None else f"now “{_short(each['after'])}”"
        lines.append(Content(f"  {safe(each['id'])}: was “{_short(each['before'])}”, {now}"))
    if len(replaced) > _NAMED:
        lines.append(Content(f"  and {len(replaced) - _NAMED:,} more"))
    labels = counted(values["labels_left_out"], "label on them is", "labels on them are")
    again = values.get("queries_again")
    queries = f"; {counted(again, 'query comes', 'queries come')} first in the queue" if again else ""
    lines.append(Content(f"{labels} left out of training until somebody answers again{queries}."))
    return lines


def _short(title: object) -> str:
    return shorten(safe(str(title)).strip(), _LONGEST_TITLE)


def _labels(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    written = counted(values["written"], "new label")
    lines = [Content.assemble((written, STRONG), f", {values['validation']:,} of them for validation.")]
    if values["repeated"]:
        lines.append(Content(f"{counted(values['repeated'], 'was', 'were')} known already."))
    if values["shared_queries"]:
        queries = counted(values["shared_queries"], "query", "queries")
        lines.append(_careful(f"{queries} of the file with labels on both sides, to learn from and to judge on."))
    return [*lines, *_rejected(values, dry=dry)]


def _events(values: Mapping[str, Any]) -> list[Content]:
    known = f"; {counted(values['known'], 'was', 'were')} known already."
    lines = [Content.assemble((counted(values["events"], "new event"), STRONG), known)]
    if values["validation"] or values["audits"]:
        validation = counted(values["validation"], "validation query", "validation queries")
        lines.append(Content(f"{validation} and {counted(values['audits'], 'audited one')} come along."))
    if values["judging"]:
        decisions = counted(values["judging"], "decision made for training is", "decisions made for training are")
        lines.append(_careful(f"{decisions} for validation here."))
    if values["left"]:
        train = counted(values["left"], "trains", "train")
        lines.append(_careful(f"Of its validation queries {train} here already, and will go on training."))
    return lines


def _careful(words: str) -> Content:
    return Content.assemble(("! ", CAREFUL), words)


class ImportDialog(Dialog[list[str]]):
    """What is in a file, then the file brought in; Escape ends either, and then nothing has changed.

    Answers with the command line of an index run, where new products want one.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's own kind of constant
        *bindings(IMPORT[1:], at_once=True),
        *bindings((IMPORT[0], LEAVE)),
    ]
    HEADLINE = "Import"
    ACTS = (*IMPORT, LEAVE)
    AUTO_FOCUS = "#path"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._looked: tuple[str, ...] = ()

    def body(self) -> Iterable[Widget]:
        """What is said of the file, and what came of it."""
        home = self._desk.facts.home
        yield ImportForm(self._desk.facts, home / "reports", self._desk.review.annotator)
        yield ImportPane(self._desk.verbs, id="brought")

    @property
    def _pane(self) -> "ImportPane":
        return self.query_one(ImportPane)

    @property
    def _form(self) -> ImportForm:
        return self.query_one(ImportForm)

    # -- saying ------------------------------------------------------------------------------------------

    @on(Input.Changed)
    @on(Chosen)
    async def _changed(self) -> None:
        """Something else is meant than what was looked at; what is being brought in is left alone."""
        if not (self._pane.busy and not self._pane.dry):
            await self._pane.clear()
            self._offer("look at it")

    def action_row(self, step: int) -> None:
        """To another row. Textual goes by where fields are on the screen, which new ones have to wait for."""
        fields = self._form.fields
        here = fields.index(self.focused) if self.focused in fields else -step
        self.set_focus(fields[(here + step) % len(fields)])

    def action_turn(self, step: int) -> None:
        """Another value of the choice that is highlighted."""
        if isinstance(self.focused, Choice):
            self.focused.turn(step)
            self._form.show_rows()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a field to type in, the keys that turn a choice are its own."""
        return isinstance(self.focused, Choice) if action == "turn" else super().check_action(action, parameters)

    def _offer(self, label: str) -> None:
        first = replace(IMPORT[0], label=label)
        self.query_one(KeyBar).offer((first, *IMPORT[1:], LEAVE) if label else (*IMPORT[1:], LEAVE))

    # -- looking, and bringing in ------------------------------------------------------------------------

    @on(Input.Submitted)
    async def _submit(self) -> None:
        await self.action_go_on()

    async def action_go_on(self) -> None:
        """Look; bring in; then go on to what follows."""
        pane, missing = self._pane, self._form.missing()
        if pane.busy:
            return
        if pane.values is None and missing is not None:
            words, field = missing
            await pane.say(words)
            self.set_focus(field)
        elif pane.values is None:
            self._looked = self._form.arguments()
            await pane.look(self._looked)
        elif not pane.dry:
            self.dismiss(["index"] if pane.wants_index else None)
        elif is_news(pane.values):
            annotator = self.query_one("#annotator", Input).value.strip()
            sentence = question(pane.values, annotator)
            self.app.push_screen(ConfirmDialog(sentence, yes="Bring it in", no="Leave it"), self._sure)

    async def _sure(self, sure: bool | None) -> None:
        if sure:
            await self._pane.bring(self._looked)

    @on(Filled)
    def _over(self) -> None:
        """The line that tells what Enter does now."""
        pane = self._pane
        if pane.values is None:
            self._offer("look at it")
        elif pane.dry:
            self._offer("bring it in" if is_news(pane.values) else "")
        else:
            self._offer("find candidates" if pane.wants_index else "done")


class ImportPane(Pane):
    """What a file would bring, or has brought."""

    dry = True

    async def look(self, arguments: tuple[str, ...]) -> None:
        """Only see what would come in."""
        self.dry = True
        await self.ask("Looking at the file …", *arguments, "--dry-run")

    async def bring(self, arguments: tuple[str, ...]) -> None:
        """Bring it in."""
        self.dry = False
        await self.ask("Bringing it in …", *arguments)

    async def say(self, words: str) -> None:
        """A word in the place of an answer."""
        await self.clear()
        await self.mount(Static(Content.styled(words, CAREFUL), markup=False))

    @property
    def wants_index(self) -> bool:
        """Whether products came in whose candidates are to be found."""
        return bool(self.values) and not self.dry and "added" in (self.values or {}) and is_news(self.values or {})

    async def show(self, values: Mapping[str, Any]) -> None:
        """The sentences."""
        await self.mount(Static(import_text(values, dry=self.dry), markup=False))
