"""Files of labels in a workspace: which writer, which reader, and whether the catalogue knows the products."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.catalog.pair_table import PairLine, missing_column, read_pair_table
from core.catalog.product import Role
from core.catalog.readers import BadRow, Reason, Row
from core.catalog.readers.delimited import Dialect
from core.catalog.readers.rows import rejected
from core.catalog.rejects import Rejects, rejects_file_name
from core.catalog.store import CatalogStore, Source
from core.errors import CatalogError, CoreError
from core.jobs.progress import Reporter
from core.splits.current_labels import current_labels, outdated
from core.transfer.ledger_parquet import export_parquet, import_parquet, is_ledger
from core.workspace import Workspace
from labels import chain
from labels.consensus import Rule
from labels.database import has_content
from labels.exchange.decisions import LabelImport, PortableDecision, SplitChoice, explicit_decisions, import_decisions
from labels.exchange.fields import is_moment, is_written_name, normalize_id, unescape
from labels.exchange.formats import Format, by_content
from labels.exchange.label_studio import export_config, export_label_studio, read_label_studio
from labels.exchange.labels_csv import export_csv
from labels.exchange.merge import MergeReport, export_ledger, import_ledger
from labels.exchange.prodigy import export_prodigy, read_prodigy
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.records import Disguise
from labels.exchange.tasks import Defaults
from labels.files import private_folder
from labels.model import Decision, Pair, ProductRef, Side
from labels.names import name_fault
from labels.recovery import lost
from labels.snapshot import naming_original, private_copy
from labels.store import LabelStore


@dataclass(slots=True)
class LabelTable:
    """What a table of labels holds.

    Attributes:
        decisions: by the number of their line or row, in the file's order.
        rejected: the rows that are none.
        columns: the file's column behind each field.
        names: all columns of the file.
        dialect: of delimited text; None in other formats.
        values: of each row that is a decision, by its number.
    """

    decisions: list[tuple[int, PortableDecision]] = field(default_factory=list)
    rejected: list[BadRow] = field(default_factory=list)
    columns: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ("query_id", "candidate_id", "label")
    dialect: Dialect | None = None
    values: dict[int, Mapping[str, str]] = field(default_factory=dict)


def read_label_table(
    path: Path, defaults: Defaults, mapping: Mapping[str, str] | None = None, table: str | None = None
) -> LabelTable:
    """Read a table of labels. Rows that say different things of one pair in one name are all rejected.

    Args:
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        defaults: whose labels they are, and of which sources the ids, where a row does not say.
        mapping: column by field, before the guesses.
        table: which table of an SQLite database, or sheet of a workbook.

    Raises:
        CatalogError: it is no table. LabelsError: a column is missing.
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
    decided = [(line, _decision(line, defaults)) for line in lines]
    both = set(_contradicted(decision for _, decision in decided))
    for line, decision in decided:
        if (decision.annotator, decision.pair) in both:
            found.rejected.append(line.rejected(Reason.BOTH_LABELS))
        else:
            found.values[line.number] = line.values
            found.decisions.append((line.number, decision))
    return found


def _fault(line: PairLine) -> Reason | None:
    """Why a row is no decision."""
    if line.decision is None:
        return Reason.BAD_LABEL
    if line.annotator and name_fault(unescape(line.annotator)):
        return Reason.BAD_ANNOTATOR
    sources = (line.query_source, line.candidate_source)
    return Reason.UNKNOWN_PRODUCT if any(name and not is_written_name(name) for name in sources) else None


def _decision(line: PairLine, defaults: Defaults) -> PortableDecision:
    query = ProductRef(unescape(line.query_source) or defaults.query_source, line.query)
    candidate = ProductRef(unescape(line.candidate_source) or defaults.candidate_source, line.candidate)
    annotator = normalize_id(unescape(line.annotator))
    return PortableDecision(
        # Label Studio exports a user's number.
        f"user-{annotator}" if annotator.isdigit() else annotator or defaults.annotator,
        Pair(query, candidate),
        line.decision or Decision.UNSURE,
        line.at if is_moment(line.at) else None,
        Side(line.side) if line.side in set(Side) else None,
    )


def _contradicted(decisions: Iterator[PortableDecision]) -> Iterator[tuple[str, Pair]]:
    said: dict[tuple[str, Pair], Decision] = {}
    for made in decisions:
        key = (made.annotator, made.pair)
        if said.setdefault(key, made.decision) is not made.decision:
            yield key


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What an export tells.

    Attributes:
        side: the only side to tell of; None for both.
        names: what to call the annotators; None for their own names.
        comments: whether what people wrote is told.
        rule: what settles a disagreement.
    """

    side: Side | None = None
    names: Pseudonyms | None = None
    comments: bool = True
    rule: Rule = Rule.UNANIMOUS


@dataclass(frozen=True, slots=True)
class Export:
    """What was written to a file.

    Attributes:
        rows: how many; 0 for Label Studio's configuration, which holds no labels.
        what: of what.
        left_out: labels or decisions that are not in it, since their products are other articles now, or gone.
    """

    rows: int
    what: str
    left_out: int = 0


def write_labels(
    workspace: Workspace, path: Path, format_: Format, telling: ExportOptions, reporter: Reporter
) -> Export:
    """Write the labels of a workspace to a file.

    Raises:
        CoreError: events of one side were asked for: a part of a chain proves nothing.
        LabelsError: the file cannot be written.
    """
    if format_ is Format.LABEL_STUDIO_CONFIG:
        export_config(path)
        return Export(0, "")
    # Reading all events takes seconds.
    with _ledger(workspace, copied=format_ in {Format.EVENTS, Format.PARQUET}) as store:
        if format_ in {Format.EVENTS, Format.PARQUET}:
            return _write_events(store, path, format_, telling, reporter)
        with _catalogue(workspace) as catalog:
            if format_ is Format.CSV:
                return _write_csv(store, catalog, path, telling)
            return _write_tasks(store, catalog, path, format_, telling)


@contextmanager
def _catalogue(workspace: Workspace) -> Iterator[CatalogStore | None]:
    """The catalogue; None where it is gone or damaged, so that labels can be exported all the same."""
    with ExitStack() as stack:
        catalog = None
        if workspace.catalog.exists():
            with suppress(CatalogError):
                catalog = stack.enter_context(CatalogStore(workspace.catalog))
        yield catalog


def _write_csv(store: LabelStore, catalog: CatalogStore | None, path: Path, telling: ExportOptions) -> Export:
    settled = [label for label in store.labels(rule=telling.rule) if label.match is not None]
    labels = [label for label in current_labels(store, catalog, telling.rule) if label.match is not None]
    sides = ({label.pair.query.source for label in labels}, {label.pair.candidate.source for label in labels})
    sources = any(len(side) > 1 for side in sides) or (catalog is not None and catalog.has_shared_roles)
    rows = export_csv(store, path, telling.side, telling.rule, labels=labels, sources=sources)
    wanted = sum(telling.side in {None, label.side} for label in settled)
    return Export(rows, "labels", max(0, wanted - rows))


def _write_events(store: LabelStore, path: Path, format_: Format, telling: ExportOptions, reporter: Reporter) -> Export:
    if telling.side:
        raise CoreError(
            "Events are written all or not at all.",
            "`samesku labels export FILE --side train` goes with the other formats.",
        )
    disguise = Disguise(telling.names or str, telling.comments)
    plain = telling.names is None and telling.comments
    write = export_parquet if format_ is Format.PARQUET else export_ledger
    reporter.stage("events", chain.head(store.connection)[0])
    return Export(write(store, path, None if plain else disguise, reporter.advance), "events")


def _write_tasks(
    store: LabelStore, catalog: CatalogStore | None, path: Path, format_: Format, telling: ExportOptions
) -> Export:
    def describe(ref: ProductRef) -> str:
        found = catalog.get(ref) if catalog else None
        return found.title if found else ref.id

    export = export_prodigy if format_ is Format.PRODIGY else export_label_studio
    without = outdated(store, catalog).decisions if catalog else frozenset[int]()
    rows = export(store, path, describe, side=telling.side, names=telling.names, without=without)
    left_out = len(explicit_decisions(store, telling.side)) - rows if without else 0
    return Export(rows, "decisions", left_out)


@contextmanager
def _ledger(workspace: Workspace, *, copied: bool) -> Iterator[LabelStore]:
    """The ledger, or a copy of it that is thrown away.

    A copy is for what changes nothing and takes long: with a rollback journal no desk can store a decision while
    another process reads, and gives up after `labels.database.BUSY_TIMEOUT_MS`.
    """
    if not copied:
        with LabelStore(workspace.labels) as store:
            yield store
        return
    if error := not has_content(workspace.labels) and lost(workspace.labels):
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
    """What a file of labels that comes in holds: `CSV` stands for a table in any format.

    Raises:
        CoreError, LabelsError: it cannot be read.
    """
    found = by_content(path)
    return Format.CSV if found is Format.PARQUET and not is_ledger(path) else found


def read_ledger(workspace: Workspace, path: Path, *, dry: bool = False) -> MergeReport:
    """Bring in the events and draws of a file; `dry` only tells what would come in.

    Raises:
        CoreError: pyarrow is not installed, for Parquet.
        LabelsError: something does not fit; nothing has changed then.
    """
    read = import_parquet if label_format(path) is Format.PARQUET else import_ledger
    with _ledger(workspace.require(), copied=dry) as store:
        return read(store, path)


@dataclass(frozen=True, slots=True)
class LabelFileReport:
    """What became of one file of labels.

    Attributes:
        counts: what the import did to the ledger.
        rejected: rows kept out, by reason.
        rejects_path: the list of those rows; None where there were none, or nothing was to be written.
        columns: of a table, the file's column behind each field.
    """

    counts: LabelImport
    rejected: Counter[str]
    rejects_path: Path | None
    columns: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """All of it by name, for JSON."""
        return {
            **self.counts.as_dict(), "rejected": dict(self.rejected), "rejects_file": self.rejects_path,
            "columns": dict(self.columns),
        }  # fmt: skip

    def require_labels(self, path: Path) -> None:
        """Refuse a file that gave no label, after all of it was told.

        Raises:
            CoreError: it did not.
        """
        if self.counts.written or self.counts.repeated:
            return
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.rejected.most_common())
        hint = "Import the products first." if Reason.UNKNOWN_PRODUCT.value in self.rejected else ""
        where = f"{self.rejects_path} lists the rows." if self.rejects_path else ""
        raise CoreError(
            f"Nothing came in from {path}: "
            + (f"all rows were left out ({reasons})." if reasons else "it has no rows."),
            " ".join(filter(None, (hint, where))) or "Was it written to its end?",
        )


def read_labels(
    workspace: Workspace,
    path: Path,
    given: Defaults,
    split: str = "auto",
    *,
    dry: bool = False,
    mapping: Mapping[str, str] | None = None,
    table: str | None = None,
) -> LabelFileReport:
    """Bring in a file of decisions whose ids belong to the workspace's sources; rows that cannot be told are listed.

    Args:
        workspace: which.
        path: a table of pairs, Prodigy's JSON lines or Label Studio's JSON.
        given: whose labels they are, and of which sources the ids; by default the only ones of their role.
        split: as for `labels.exchange.decisions.import_decisions`.
        dry: only tell what would come in.
        mapping: of a table, column by field, before the guesses.
        table: which table of an SQLite database, or sheet of a workbook.

    Raises:
        CoreError: several sources could be meant, or the annotator's name cannot be one.
        LabelsError: the file does not hold what it should, or a pair stands on the other side.
    """
    choices: dict[str, SplitChoice] = {"auto": "auto", "train": "train", "validation": "validation"}
    if split not in choices:
        raise CoreError(f"--split {split}: there is no such side.", "It is auto, train or validation.")
    if fault := name_fault(given.annotator):
        raise CoreError(f"{given.annotator[:60]!a} cannot be a name: {fault}.", "Give another name.")
    rejects_path = None if dry else workspace.reports / rejects_file_name(f"labels-{path.stem}")
    with CatalogStore(workspace.require().catalog) as catalog:
        found = _label_table(path, given, catalog.sources(), mapping, table)
        decisions = list(_known_products(path, catalog, found))
    with Rejects(rejects_path, found.names, found.dialect) as rejects:
        for row in sorted(found.rejected, key=lambda row: row.line):
            rejects.add(row)
        with _ledger(workspace, copied=dry) as store:
            counts = import_decisions(store, decisions, choices[split])
    return LabelFileReport(counts, rejects.counts, rejects.written, found.columns)


def _known_products(path: Path, catalog: CatalogStore, found: LabelTable) -> Iterator[PortableDecision]:
    """The decisions on products of the catalogue; rows that name another are rejected.

    Raises:
        CoreError: a row does not say whose id it is, and several sources have it.
    """
    names: dict[Role, list[str]] = {
        role: [source.name for source in catalog.sources() if source.role == role] for role in ("query", "catalog")
    }
    roles: tuple[Role, Role] = ("query", "catalog")
    wanted = {
        each
        for _, decision in found.decisions
        for ref, role in zip(decision.pair, roles, strict=True)
        for each in _possible(ref, names[role])
    }
    known = set(catalog.get_many(wanted))
    for number, decision in found.decisions:
        refs = [
            _only(path, number, [each for each in _possible(ref, names[role]) if each in known], role)
            for ref, role in zip(decision.pair, roles, strict=True)
        ]
        if refs[0] is not None and refs[1] is not None:
            yield replace(decision, pair=Pair(refs[0], refs[1]))
        else:
            cells = (decision.pair.query.id, decision.pair.candidate.id, str(decision.decision))
            values = found.values.get(number) or dict(zip(found.names, cells, strict=True))
            found.rejected.append(rejected(Row(number, dict(values)), Reason.UNKNOWN_PRODUCT))


def _possible(ref: ProductRef, names: Sequence[str]) -> list[ProductRef]:
    """The products that an id may name: as it is written, and as every import writes it, 12345 for 12345.0."""
    ids = dict.fromkeys((ref.id, normalize_id(ref.id)))
    return [ProductRef(name, id_) for name in ([ref.source] if ref.source else names) for id_ in ids]


def _only(path: Path, number: int, found: Sequence[ProductRef], role: Role) -> ProductRef | None:
    sources = list(dict.fromkeys(ref.source for ref in found))
    if len(sources) > 1:
        side, option = ("query", "--query-source") if role == "query" else ("candidate", "--candidate-source")
        raise CoreError(
            f"{path}, line {number}: several {side} sources have the id {found[0].id}: {', '.join(sources)}.",
            f"Say which: samesku labels import FILE {option} NAME; or add a column {side}_source.",
        )
    return found[0] if found else None


def _label_table(
    path: Path, given: Defaults, sources: Sequence[Source], mapping: Mapping[str, str] | None, table: str | None
) -> LabelTable:
    found = label_format(path)
    left, right = (_one_or_none(sources, role) for role in ("query", "catalog"))
    defaults = Defaults(given.annotator, given.query_source or left, given.candidate_source or right)
    if found is Format.CSV:
        content = read_label_table(path, defaults, mapping, table)
        for role, name in (("query", "query_source"), ("catalog", "candidate_source")):
            if name not in content.columns and not getattr(defaults, name):
                _require_source(sources, role)
        return content
    readers = {Format.PRODIGY: read_prodigy, Format.LABEL_STUDIO: read_label_studio}
    if found not in readers:
        raise CoreError(f"{path} holds no labels.", "Labels are a table, Prodigy's JSON lines or Label Studio's JSON.")
    if mapping:
        raise CoreError(f"{path} is no table, so that no column of it can be named.", "Name no column of it.")
    return LabelTable(list(enumerate(readers[found](path, defaults), 1)))


def _require_source(sources: Sequence[Source], role: str) -> None:
    if all(source.role != role for source in sources):
        raise CoreError(f"The workspace has no {role} source.", "Import the products first.")


def _one_or_none(sources: Sequence[Source], role: str) -> str:
    """The source of a role; nothing where there are several, and only a file can say which."""
    names = [source.name for source in sources if source.role == role]
    return names[0] if len(names) == 1 else ""
