"""Files of labels in a workspace: which writer, which reader, and whether the catalogue knows the products."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.catalog.role import Role
from core.catalog.store import CatalogStore, Source
from core.dataset.current_labels import current_labels, outdated
from core.dataset.ledger_parquet import export_parquet, import_parquet
from core.errors import CatalogError, CoreError
from core.jobs.progress import Reporter
from core.workspace import Workspace
from labels import chain
from labels.consensus import Rule
from labels.exchange.decisions import LabelImport, PortableDecision, SplitChoice, explicit_decisions, import_decisions
from labels.exchange.formats import Format, by_content
from labels.exchange.label_studio import export_config, export_label_studio, read_label_studio
from labels.exchange.labels_csv import decided_by, export_csv
from labels.exchange.ledger_file import export_ledger, import_ledger
from labels.exchange.merge import Merged
from labels.exchange.pair_lines import labelled_lines
from labels.exchange.prodigy import export_prodigy, read_prodigy
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.records import Disguise
from labels.exchange.tasks import Defaults
from labels.files import private_folder
from labels.marker import has_content
from labels.model import Pair, ProductRef, Side
from labels.names import name_fault
from labels.recovery import lost
from labels.snapshot import private_copy
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class Telling:
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


def write_labels(workspace: Workspace, path: Path, format_: Format, telling: Telling, reporter: Reporter) -> Export:
    """Write the labels of a workspace to a file.

    Raises:
        CoreError: events of one side were asked for: a part of a chain proves nothing.
        LabelsError: the file cannot be written.
    """
    if format_ is Format.LABEL_STUDIO_CONFIG:
        export_config(path)
        return Export(0, "")
    with LabelStore(workspace.labels) as store:
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


def _write_csv(store: LabelStore, catalog: CatalogStore | None, path: Path, telling: Telling) -> Export:
    settled = [label for label in store.labels(rule=telling.rule) if label.match is not None]
    labels = [label for label in current_labels(store, catalog, telling.rule) if label.match is not None]
    sides = ({label.pair.query.source for label in labels}, {label.pair.candidate.source for label in labels})
    sources = any(len(side) > 1 for side in sides) or (catalog is not None and catalog.has_shared_roles)
    rows = export_csv(store, path, telling.side, telling.rule, labels=labels, sources=sources)
    wanted = sum(telling.side in {None, label.side} for label in settled)
    return Export(rows, "labels", max(0, wanted - rows))


def _write_events(store: LabelStore, path: Path, format_: Format, telling: Telling, reporter: Reporter) -> Export:
    if telling.side:
        raise CoreError("Events are written all or not at all.", "--side goes with the other formats.")
    disguise = Disguise(telling.names or str, telling.comments)
    plain = telling.names is None and telling.comments
    write = export_parquet if format_ is Format.PARQUET else export_ledger
    reporter.stage("events", chain.head(store.connection)[0])
    return Export(write(store, path, None if plain else disguise, reporter.advance), "events")


def _write_tasks(
    store: LabelStore, catalog: CatalogStore | None, path: Path, format_: Format, telling: Telling
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
def _ledger(workspace: Workspace, *, dry: bool) -> Iterator[LabelStore]:
    """The ledger; to rehearse, a copy of it that is thrown away, so that nobody has to wait."""
    if not dry:
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
        yield stack.enter_context(LabelStore(copy))


def read_ledger(workspace: Workspace, path: Path, *, dry: bool = False) -> Merged:
    """Bring in the events and draws of a file; `dry` only tells what would come in.

    Raises:
        CoreError: pyarrow is not installed, for Parquet.
        LabelsError: something does not fit; nothing has changed then.
    """
    read = import_parquet if by_content(path) is Format.PARQUET else import_ledger
    with _ledger(workspace.require(), dry=dry) as store:
        return read(store, path)


def read_labels(
    workspace: Workspace, path: Path, given: Defaults, split: str = "auto", *, dry: bool = False
) -> LabelImport:
    """Bring in a file of decisions whose ids belong to the workspace's sources.

    Args:
        workspace: which.
        path: the benchmark's CSV, Prodigy's JSON lines or Label Studio's JSON.
        given: whose labels they are, and of which sources the ids; by default the only ones of their role.
        split: as for `labels.exchange.decisions.import_decisions`.
        dry: only tell what would come in.

    Raises:
        CoreError: several sources could be meant, ids are not in the catalogue, or nobody can be called so.
        LabelsError: the file does not hold what it should, or a pair stands on the other side.
    """
    choices: dict[str, SplitChoice] = {"auto": "auto", "train": "train", "validation": "validation"}
    if split not in choices:
        raise CoreError(f"--split {split}: there is no such side.", "It is auto, train or validation.")
    if fault := name_fault(given.annotator):
        raise CoreError(f"Nobody can be called {given.annotator[:60]!a}: {fault}.", "Give another name.")
    with CatalogStore(workspace.require().catalog) as catalog:
        decisions = _decisions(path, given, catalog)
        wanted = {ref for decision in decisions for ref in decision.pair}
        unknown = sorted(wanted - set(catalog.get_many(wanted)))
    if unknown:
        raise CoreError(
            f"{path}: {len(unknown)} ids are not in the catalogue, {unknown[0].source} {unknown[0].id} first.",
            "Import the products first; nothing was imported.",
        )
    with _ledger(workspace, dry=dry) as store:
        return import_decisions(store, decisions, choices[split])


def _decisions(path: Path, given: Defaults, catalog: CatalogStore) -> list[PortableDecision]:
    found = by_content(path)
    if found is Format.CSV:
        return decided_by(given.annotator, _pairs(path, given, catalog))
    readers = {Format.PRODIGY: read_prodigy, Format.LABEL_STUDIO: read_label_studio}
    if found not in readers:
        raise CoreError(f"{path} holds no labels.", "Labels are CSV, Prodigy's JSON lines or Label Studio's JSON.")
    left, right = (_one_or_none(catalog.sources(), role) for role in ("query", "catalog"))
    return readers[found](path, Defaults(given.annotator, given.query_source or left, given.candidate_source or right))


def _pairs(path: Path, given: Defaults, catalog: CatalogStore) -> dict[Pair, bool]:
    """The labelled pairs of a CSV; two lines about one pair say the same of it."""
    lines = labelled_lines(path)
    queries = _whose(
        path, [(ln.number, ln.query, ln.query_source) for ln in lines], given.query_source, catalog, "query"
    )
    candidates = _whose(
        path,
        [(ln.number, ln.candidate, ln.candidate_source) for ln in lines],
        given.candidate_source,
        catalog,
        "catalog",
    )
    found: dict[Pair, bool] = {}
    for (line, match), pair in zip(lines.items(), map(Pair, queries, candidates), strict=True):
        if found.setdefault(pair, match) is not match:
            raise CoreError(
                f"{path}, line {line.number}: the pair {line.query},{line.candidate} has both labels.",
                "Keep one of its lines; nothing of the file was taken.",
            )
    return found


def _whose(
    path: Path, lines: Sequence[tuple[int, str, str | None]], given: str, catalog: CatalogStore, role: Role
) -> list[ProductRef]:
    """The products of one side: number, id and source of each line; the source may be open where one alone has the id.

    Raises:
        CoreError: there is no source of the role, or several have an id that the file and `given` leave open.
    """
    names = [given] if given else [source.name for source in catalog.sources() if source.role == role]
    open_ids = {id_ for _, id_, source in lines if not source}
    if open_ids and not names:
        raise CoreError(f"The workspace has no {role} source.", "Import the products first.")
    missing = catalog.missing(ProductRef(name, id_) for name in names for id_ in open_ids) if len(names) > 1 else set()
    found = []
    for number, id_, source in lines:
        known = [name for name in names if ProductRef(name, id_) not in missing] if not source else [source]
        if len(known) > 1:
            side = "query" if role == "query" else "candidate"
            raise CoreError(
                f"{path}, line {number}: several {side} sources have the id {id_}: {', '.join(known)}.",
                f"Say which with --{side}-source, or in a column {side}_source.",
            )
        found.append(ProductRef((known or names)[0], id_))
    return found


def _one_or_none(sources: Sequence[Source], role: str) -> str:
    """The source of a role; nothing where there are several, and only a file can say which."""
    names = [source.name for source in sources if source.role == role]
    return names[0] if len(names) == 1 else ""
