"""Import and export of labels in all formats: choice of reader and writer, and resolution of products."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.catalog.pair_table import PairLine, missing_column, read_pair_table
from core.catalog.product import SIDES, Role, has_role, ordered_pair
from core.catalog.readers import BadRow, Reason, Row
from core.catalog.readers.delimited import Dialect
from core.catalog.readers.rows import as_text, reject_row
from core.catalog.rejects import Rejects, rejects_file_name
from core.catalog.store import CatalogStore, Source
from core.errors import CatalogError, CoreError
from core.jobs.progress import Reporter
from core.splits.current_labels import current_labels, outdated
from core.text.safe import safe
from core.transfer.ledger_parquet import export_parquet, import_parquet, is_ledger
from core.workspace import Workspace
from labels import chain
from labels.consensus import Rule
from labels.database import has_content
from labels.exchange.decisions import LabelImport, PortableDecision, SplitChoice, explicit_decisions, import_decisions
from labels.exchange.fields import is_escaped_name, is_timestamp, normalize_id, unescape
from labels.exchange.files import create_folder, require_folder
from labels.exchange.formats import Format, detect_format
from labels.exchange.label_studio import export_config, export_label_studio, read_label_studio
from labels.exchange.labels_csv import export_csv
from labels.exchange.merge import MergeReport, export_ledger, import_ledger
from labels.exchange.prodigy import export_prodigy, read_prodigy
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.records import Anonymizer
from labels.exchange.tasks import Defaults
from labels.files import private_folder
from labels.model import Decision, Pair, ProductRef, Side
from labels.names import name_problem
from labels.recovery import lost_error, require_sound
from labels.snapshot import naming_original, private_copy
from labels.store import LabelStore

#: The abstention in the formats with fixed words.
_UNSURE = {Format.PRODIGY: "ignore", Format.LABEL_STUDIO: "unsure"}


#: Tasks that are not usable and are named on the screen.
_FIRST_FAULTS = 3


@dataclass(slots=True)
class LabelTable:
    """The decisions and rejected rows of a table of labels.

    Attributes:
        decisions: (line or row number, decision), in the file's order.
        rejected: rows that are not valid decisions.
        columns: field → column of the file.
        names: all columns of the file.
        dialect: of delimited text; None for other formats.
        values: line or row number → the whole row, for decisions.
        unsure: (line or row number, word of the file), for abstentions.
        place: what a number counts.
    """

    decisions: list[tuple[int, PortableDecision]] = field(default_factory=list)
    rejected: list[BadRow] = field(default_factory=list)
    columns: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ("query_id", "candidate_id", "label")
    dialect: Dialect | None = None
    values: dict[int, Mapping[str, str]] = field(default_factory=dict)
    unsure: list[tuple[int, str]] = field(default_factory=list)
    place: str = "line"


def read_label_table(
    path: Path, defaults: Defaults, mapping: Mapping[str, str] | None = None, table: str | None = None
) -> LabelTable:
    """Read a table of labels. If an annotator has contradicting labels for a pair, all of them are rejected.

    Args:
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        defaults: annotator and sources for rows that do not state them.
        mapping: field → column, with precedence over common column names.
        table: the table of a SQLite database, or the sheet of a workbook.

    Raises:
        CatalogError: the file is not a table.
        LabelsError: a column is missing.
    """
    content = read_pair_table(path, mapping, table)
    if "label" not in content.columns:
        raise missing_column(path, "label", content.names, header=bool(content.columns))
    found = LabelTable(columns=content.columns, names=content.names, dialect=content.dialect)
    lines: list[PairLine] = []
    for row in content.rows:
        if isinstance(row, BadRow):
            found.rejected.append(row)
        elif reason := _fault(row):
            found.rejected.append(row.rejected(reason))
        else:
            lines.append(row)
    parsed = [(line, _decision(line, defaults)) for line in lines]
    contradicting = set(_contradictions(decision for _, decision in parsed))
    for line, decision in parsed:
        if (decision.annotator, decision.pair) in contradicting:
            found.rejected.append(line.rejected(Reason.BOTH_LABELS))
        else:
            found.values[line.number] = line.values
            if decision.decision is Decision.UNSURE:
                found.unsure.append((line.number, (line.label or "").casefold()))
            found.decisions.append((line.number, decision))
    return found


def _fault(line: PairLine) -> Reason | None:
    """Why a row is not a valid decision; None if it is."""
    if line.decision is None:
        return Reason.BAD_LABEL
    if line.annotator and name_problem(unescape(line.annotator)):
        return Reason.BAD_ANNOTATOR
    sources = (line.query_source, line.candidate_source)
    return Reason.UNKNOWN_PRODUCT if any(name and not is_escaped_name(name) for name in sources) else None


def _decision(line: PairLine, defaults: Defaults) -> PortableDecision:
    query = ProductRef(unescape(line.query_source) or defaults.query_source, line.query)
    candidate = ProductRef(unescape(line.candidate_source) or defaults.candidate_source, line.candidate)
    annotator = normalize_id(unescape(line.annotator))
    return PortableDecision(
        # Label Studio exports numeric user ids.
        f"user-{annotator}" if annotator.isdigit() else annotator or defaults.annotator,
        Pair(query, candidate),
        line.decision or Decision.UNSURE,
        line.at if is_timestamp(line.at) else None,
        Side(line.side) if line.side in set(Side) else None,
    )


def _contradictions(decisions: Iterator[PortableDecision]) -> Iterator[tuple[str, Pair]]:
    """The (annotator, pair) combinations with different decisions."""
    first: dict[tuple[str, Pair], Decision] = {}
    for each in decisions:
        key = (each.annotator, each.pair)
        if first.setdefault(key, each.decision) is not each.decision:
            yield key


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What an export includes.

    Attributes:
        side: only this split; None for both.
        names: pseudonyms of the annotators; None for their real names.
        comments: whether to include annotators' comments.
        rule: how disagreements are resolved.
    """

    side: Side | None = None
    names: Pseudonyms | None = None
    comments: bool = True
    rule: Rule = Rule.UNANIMOUS


@dataclass(frozen=True, slots=True)
class Export:
    """The result of an export.

    Attributes:
        rows: number of rows; 0 for Label Studio's configuration, which has no labels.
        what: what a row is, in the plural.
        left_out: number of labels or decisions left out, since their products were replaced or removed.
    """

    rows: int
    what: str
    left_out: int = 0


def write_labels(
    workspace: Workspace, path: Path, format_: Format, options: ExportOptions, reporter: Reporter
) -> Export:
    """Write the labels of a workspace to a file.

    Raises:
        CoreError: events of a single split were requested, which would break their hash chain.
        LabelsError: its folder does not exist, or the file cannot be written.
    """
    if path.parent == workspace.reports:
        create_folder(path.parent)  # as the desk suggests; a part of the workspace
    require_folder(path)
    if format_ is Format.LABEL_STUDIO_CONFIG:
        export_config(path)
        return Export(0, "")
    require_sound(workspace.labels)
    # Reading all events takes seconds, so it is done on a copy.
    with _ledger(workspace, copied=format_ in {Format.EVENTS, Format.PARQUET}) as store:
        if format_ in {Format.EVENTS, Format.PARQUET}:
            return _write_events(store, path, format_, options, reporter)
        with _catalogue(workspace) as catalog:
            if format_ is Format.CSV:
                return _write_csv(store, catalog, path, options)
            return _write_tasks(store, catalog, path, format_, options)


@contextmanager
def _catalogue(workspace: Workspace) -> Iterator[CatalogStore | None]:
    """The catalogue; None if it is missing or damaged, since labels can be exported without it."""
    with ExitStack() as stack:
        catalog = None
        if workspace.catalog.exists():
            with suppress(CatalogError):
                catalog = stack.enter_context(CatalogStore(workspace.catalog))
        yield catalog


def _write_csv(store: LabelStore, catalog: CatalogStore | None, path: Path, options: ExportOptions) -> Export:
    settled = [label for label in store.labels(rule=options.rule) if label.match is not None]
    labels = [label for label in current_labels(store, catalog, options.rule) if label.match is not None]
    sides = ({label.pair.query.source for label in labels}, {label.pair.candidate.source for label in labels})
    sources = any(len(side) > 1 for side in sides) or (catalog is not None and catalog.has_shared_roles)
    rows = export_csv(store, path, options.side, options.rule, labels=labels, sources=sources)
    wanted = sum(options.side in {None, label.side} for label in settled)
    return Export(rows, "labels", max(0, wanted - rows))


def _write_events(store: LabelStore, path: Path, format_: Format, options: ExportOptions, reporter: Reporter) -> Export:
    if options.side:
        raise CoreError(
            "Events can only be exported completely.",
            "`samesku labels export FILE --side train` works with the other formats.",
        )
    disguise = Anonymizer(options.names or str, options.comments)
    plain = options.names is None and options.comments
    write = export_parquet if format_ is Format.PARQUET else export_ledger
    reporter.stage("events", chain.head(store.connection)[0])
    return Export(write(store, path, None if plain else disguise, reporter.advance), "events")


def _write_tasks(
    store: LabelStore, catalog: CatalogStore | None, path: Path, format_: Format, options: ExportOptions
) -> Export:
    def describe(ref: ProductRef) -> str:
        found = catalog.get(ref) if catalog else None
        return found.title if found else ref.id

    export = export_prodigy if format_ is Format.PRODIGY else export_label_studio
    without = outdated(store, catalog).decisions if catalog else frozenset[int]()
    rows = export(store, path, describe, side=options.side, names=options.names, without=without)
    left_out = len(explicit_decisions(store, options.side)) - rows if without else 0
    return Export(rows, "decisions", left_out)


@contextmanager
def _ledger(workspace: Workspace, *, copied: bool) -> Iterator[LabelStore]:
    """The ledger, or a temporary copy of it for long read-only operations.

    With a rollback journal no desk can store a decision while another process reads; it gives up after
    `labels.database.BUSY_TIMEOUT_MS`.
    """
    if not copied:
        with LabelStore(workspace.labels) as store:
            yield store
        return
    if error := not has_content(workspace.labels) and lost_error(workspace.labels):
        raise error
    with ExitStack() as stack:
        if workspace.labels.exists():
            copy = stack.enter_context(private_copy(workspace.labels))
        else:
            copy = stack.enter_context(private_folder()) / "labels.db"
        with naming_original(copy, workspace.labels):
            store = LabelStore(copy)
        yield stack.enter_context(store)


def label_format(path: Path) -> Format:
    """The format of a file of labels to import; `CSV` stands for a table in any file format.

    Raises:
        CoreError, LabelsError: it cannot be read.
    """
    found = detect_format(path)
    return Format.CSV if found is Format.PARQUET and not is_ledger(path) else found


def read_ledger(workspace: Workspace, path: Path, *, dry: bool = False) -> MergeReport:
    """Import the events and draws of an exported ledger; with `dry`, only report what would be imported.

    Raises:
        CoreError: the file is Parquet and pyarrow is not installed.
        LabelsError: a record is invalid; nothing is changed then.
    """
    read = import_parquet if label_format(path) is Format.PARQUET else import_ledger
    with _ledger(workspace.require(), copied=dry) as store:
        return read(store, path)


@dataclass(frozen=True, slots=True)
class LabelFileReport:
    """The result of importing one file of labels.

    Attributes:
        counts: changes to the ledger.
        rejected: reason → number of rejected rows.
        rejects_path: the list of rejected rows; None if there are none, or after a dry run.
        columns: of a table, field → column of the file.
        unsure: word of the file → number of rows that were read as abstentions by it.
        first_faults: the first tasks that are not usable, each with its place and what is wrong with it.
    """

    counts: LabelImport
    rejected: Counter[str]
    rejects_path: Path | None
    columns: Mapping[str, str]
    unsure: Counter[str]
    first_faults: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The report as JSON values."""
        return {
            **self.counts.as_dict(), "rejected": dict(self.rejected), "rejects_file": self.rejects_path,
            "columns": dict(self.columns), "unsure": dict(self.unsure), "first_faults": list(self.first_faults),
        }  # fmt: skip

    @property
    def accepted(self) -> int:
        """Number of labels that are in the ledger now."""
        return self.counts.written + self.counts.repeated

    def require_labels(self, path: Path) -> None:
        """Raise CoreError if no label was imported."""
        if self.accepted:
            return
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.rejected.most_common())
        hint = "Import the products first." if Reason.UNKNOWN_PRODUCT.value in self.rejected else ""
        where = f"{self.rejects_path} lists the rows." if self.rejects_path else ""
        raise CoreError(
            f"Nothing was imported from {path}: "
            + (f"all rows were rejected ({reasons})." if reasons else "it has no rows."),
            " ".join(filter(None, (hint, *self.first_faults, where))) or "Check that the file is complete.",
        )


def read_labels(
    workspace: Workspace,
    path: Path,
    defaults: Defaults,
    split: str = "auto",
    *,
    dry: bool = False,
    mapping: Mapping[str, str] | None = None,
    table: str | None = None,
) -> LabelFileReport:
    """Import a file of decisions; rejected rows are listed in the workspace's reports.

    Args:
        workspace: the workspace.
        path: a table of pairs, Prodigy's JSON lines or Label Studio's JSON.
        defaults: annotator and sources for rows that do not state them; a role's only source is the default.
        split: as for `labels.exchange.decisions.import_decisions`.
        dry: only report what would be imported.
        mapping: for a table, field → column, with precedence over common column names.
        table: the table of a SQLite database, or the sheet of a workbook.

    Raises:
        CoreError: the source of an id is ambiguous, or the annotator's name is invalid.
        LabelsError: the file is invalid, or a pair is in the other split.
    """
    choices: dict[str, SplitChoice] = {"auto": "auto", "train": "train", "validation": "validation"}
    if split not in choices:
        raise CoreError(f"--split {split}: there is no such split.", "It is auto, train or validation.")
    if fault := name_problem(defaults.annotator):
        raise CoreError(f"{defaults.annotator[:60]!a} cannot be a name: {fault}.", "Give another name.")
    rejects_path = None if dry else workspace.reports / rejects_file_name(f"labels-{path.stem}")
    with CatalogStore(workspace.require().catalog) as catalog:
        found = _label_table(path, defaults, catalog.sources(), mapping, table)
        decisions = list(_known_products(path, catalog, found))
    with Rejects(rejects_path, found.names, found.dialect) as rejects:
        for row in sorted(found.rejected, key=lambda row: row.line):
            rejects.add(row)
        with _ledger(workspace, copied=dry) as store:
            counts = import_decisions(store, decisions, choices[split])
    skipped = {row.line for row in found.rejected}
    unsure = Counter(word for number, word in found.unsure if number not in skipped)
    return LabelFileReport(counts, rejects.counts, rejects.written, found.columns, unsure, _first_faults(found))


def _first_faults(found: LabelTable) -> tuple[str, ...]:
    """The first tasks that are not usable, each with its place and what is wrong with it."""
    faults = [f"{found.place} {row.line}: {row.detail}" for row in found.rejected if row.detail]
    return tuple(faults[:_FIRST_FAULTS])


def _known_products(path: Path, catalog: CatalogStore, found: LabelTable) -> Iterator[PortableDecision]:
    """The decisions on two products of the catalogue; other rows are added to the rejected ones.

    Raises:
        CoreError: a row does not state the source of an id, and several sources have it.
    """
    names = {role: catalog.sources_in(role) for role in SIDES}
    both = catalog.sources_in("both")
    possible = {
        each
        for _, decision in found.decisions
        for ref, role in zip(decision.pair, SIDES, strict=True)
        for each in _possible_refs(ref, names[role])
    }
    existing = set(catalog.get_many(possible))
    known: list[tuple[int, PortableDecision]] = []

    def reject(number: int, decision: PortableDecision, reason: Reason) -> None:
        cells = (decision.pair.query.id, decision.pair.candidate.id, str(decision.decision))
        values = found.values.get(number) or dict(zip(found.names, cells, strict=True))
        found.rejected.append(reject_row(Row(number, dict(values)), reason))

    for number, decision in found.decisions:
        refs = [
            _single_ref(
                path,
                f"{found.place} {number}",
                [each for each in _possible_refs(ref, names[role]) if each in existing],
                role,
            )
            for ref, role in zip(decision.pair, SIDES, strict=True)
        ]
        if refs[0] is None or refs[1] is None:
            reject(number, decision, Reason.UNKNOWN_PRODUCT)
        elif refs[0] == refs[1]:
            reject(number, decision, Reason.SAME_PRODUCT)
        else:
            known.append((number, replace(decision, pair=ordered_pair(Pair(refs[0], refs[1]), both))))
    # A pair of listings in both roles may be in the file in both orders.
    contradicting = set(_contradictions(decision for _, decision in known)) if both else set()
    for number, decision in known:
        if (decision.annotator, decision.pair) in contradicting:
            reject(number, decision, Reason.BOTH_LABELS)
        else:
            yield decision


def _possible_refs(ref: ProductRef, names: Sequence[str]) -> list[ProductRef]:
    """The products that an id may refer to: as written, and normalized as by an import, 12345 for 12345.0."""
    ids = dict.fromkeys((ref.id, normalize_id(ref.id)))
    return [ProductRef(name, id_) for name in ([ref.source] if ref.source else names) for id_ in ids]


def _single_ref(path: Path, place: str, found: Sequence[ProductRef], role: Role) -> ProductRef | None:
    """The product found for an id, or None; raises CoreError if several sources have it."""
    sources = list(dict.fromkeys(ref.source for ref in found))
    if len(sources) > 1:
        side, option = ("query", "--query-source") if role == "query" else ("candidate", "--candidate-source")
        raise CoreError(
            f"{path}, {place}: several {side} sources have the id {found[0].id}: {', '.join(sources)}.",
            f"Name the source: samesku labels import FILE {option} NAME; or add a column {side}_source.",
        )
    return found[0] if found else None


def _label_table(
    path: Path, defaults: Defaults, sources: Sequence[Source], mapping: Mapping[str, str] | None, table: str | None
) -> LabelTable:
    found = label_format(path)
    left, right = (_one_or_none(sources, role) for role in SIDES)
    defaults = Defaults(defaults.annotator, defaults.query_source or left, defaults.candidate_source or right)
    if found is Format.CSV:
        content = read_label_table(path, defaults, mapping, table)
        for role, name in zip(SIDES, ("query_source", "candidate_source"), strict=True):
            if name not in content.columns and not getattr(defaults, name):
                _require_source(sources, role)
        return content
    readers = {Format.PRODIGY: read_prodigy, Format.LABEL_STUDIO: read_label_studio}
    if found not in readers:
        raise CoreError(f"{path} has no labels.", "Labels are a table, Prodigy's JSON lines or Label Studio's JSON.")
    if mapping:
        raise CoreError(
            f"{path} is not a table, so its columns cannot be mapped.", "Import it without a column mapping."
        )
    tasks = readers[found](path, defaults)
    rejected = [
        BadRow(each.number, Reason.BAD_TASK, as_text(each.task), detail=safe(each.reason)) for each in tasks.skipped
    ]
    unsure = [(number, _UNSURE[found]) for number, each in tasks.decisions if each.decision is Decision.UNSURE]
    return LabelTable(tasks.decisions, rejected, unsure=unsure, place=tasks.place)


def _require_source(sources: Sequence[Source], role: Role) -> None:
    if not any(has_role(source.role, role) for source in sources):
        raise CoreError(f"The workspace has no {role} source.", "Import the products first.")


def _one_or_none(sources: Sequence[Source], role: Role) -> str:
    """The only source in a role; empty if there are none or several."""
    names = [source.name for source in sources if has_role(source.role, role)]
    return names[0] if len(names) == 1 else ""
