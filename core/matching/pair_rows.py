"""What the machine thinks of pairs, as rows, and rows as a file."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, make_dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.matching.bands import Band, band_name, band_of, cosine_band
from core.matching.explain import Explainer, document_frequency
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore
from core.matching.pair_file import read_named_pairs
from core.matching.run import saved_matcher
from core.matching.scoring import score_pairs
from core.retrieval.candidates import CandidateStore
from core.retrieval.index_run import Corpus
from core.retrieval.indexed_products import IndexState, index_state
from core.retrieval.manifest import no_candidates
from core.retrieval.registry import Registry
from core.settings import Settings
from core.splits.current_labels import current_labels
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.exchange.fields import neutralized
from labels.exchange.files import check_place, output_file, output_text
from labels.exchange.json_values import json_text
from labels.model import Decision, Pair, ProductRef
from labels.store import LabelStore
from labels.wording import counted

if TYPE_CHECKING:
    from core.matching.matcher import Matcher
    from core.retrieval.candidates import Candidate, MatcherSummary


@dataclass(frozen=True, slots=True)
class MatchRow:
    """One line of `match` or `score`.

    Attributes:
        rank: place among the query's candidates by the matcher, from 1; for given pairs, among those of the same
            query.
        similarity: the encoder's cosine.
        probability: the matcher's P(match); None before labels calibrate it, and where candidates are older than the
            matcher.
        band: high is a match and low is none, at the precision of the settings; medium is for people. Named
            `prior:high` before labels calibrate it, and `cosine:high` where no matcher has spoken.
    """

    query_id: str
    rank: int
    candidate_id: str
    similarity: float
    probability: float | None
    band: str


#: A row, and the pair that it is about: a file names products by the retailer's id alone.
PairRow = tuple[Pair, MatchRow]


def matches(workspace: Workspace, settings: Settings, k: int) -> Iterator[MatchRow]:
    """The first k candidates of every query, as the last index run left them, without what left the catalogue.

    Raises:
        CoreError: as `matched_pairs`.
    """
    return (row for _, row in matched_pairs(workspace, settings, k))


def matched_pairs(
    workspace: Workspace, settings: Settings, k: int, state: IndexState | None = None
) -> Iterator[PairRow]:
    """The same with the pairs.

    Args:
        workspace: which.
        settings: bands, and how many candidates are kept.
        k: how many of each query.
        state: what left the catalogue since the last index run, where that is known already.

    Raises:
        CoreError: nothing was indexed, or fewer candidates were kept than are asked for.
    """
    store = CandidateStore(workspace.derived)
    try:
        if store.model is None:
            raise no_candidates(workspace.index)
        if k > settings.search.k:
            raise CoreError(
                f"{counted(settings.search.k, 'candidate is', 'candidates are')} kept for each query, fewer than {k}.",
                f"Set search.k = {k} in samesku.toml and run `samesku index`.",
            )
        standing = store.matcher_summary
        removed = (state or state_of(workspace)).removed
        present = (row for row in store.all() if row[0] not in removed and row[1].ref not in removed)
        for query, candidates in groupby(present, key=lambda row: row[0]):
            for rank, (_, candidate) in enumerate(islice(candidates, k), 1):
                probability = candidate.probability if standing is not None and standing.calibrated else None
                band = _band(settings, candidate, standing)
                row = MatchRow(query.id, rank, candidate.ref.id, candidate.similarity, probability, band)
                yield Pair(query, candidate.ref), row
    finally:
        store.close()


def state_of(workspace: Workspace) -> IndexState:
    """What of the last index run is out of date.

    Raises:
        SameskuError: catalogue or candidates cannot be read.
    """
    with CatalogStore(workspace.catalog) as catalog:
        return index_state(workspace.derived, catalog)


def _band(settings: Settings, candidate: "Candidate", standing: "MatcherSummary | None") -> str:
    if standing is None or candidate.probability is None:
        return cosine_band(candidate.similarity, settings.bands.high, settings.bands.medium)
    band = band_of(candidate.probability, standing.high, standing.low)
    return band_name(band, calibrated=standing.calibrated)


def standing_of(workspace: Workspace) -> "MatcherSummary | None":
    """What the probabilities of `matched_pairs` are worth; None before the first index run.

    Raises:
        CoreError: derived.db cannot be read.
    """
    store = CandidateStore(workspace.derived)
    try:
        return store.matcher_summary
    finally:
        store.close()


def scored(workspace: Workspace, settings: Settings, path: Path, reporter: Reporter) -> "tuple[list[PairRow], Matcher]":
    """Given pairs as the matcher and the champion see them, in the order of the file.

    Returns:
        the rows, and the matcher behind them.

    Raises:
        LabelsError: it is no file of pairs. CatalogError: it names a product that is not in the catalogue.
    """
    corpus = Corpus.read(workspace)
    pairs = read_named_pairs(corpus, path)
    model = Registry(workspace, settings).champion()
    judged = score_pairs(CorpusFeatures(workspace, settings, corpus), model, pairs, reporter)
    matcher = judged.matcher
    rank = _ranks(pairs, judged.probability)

    def row(pair: Pair, rank: int) -> MatchRow:
        probability = judged.probability[pair]
        band = band_name(matcher.cuts.band(probability), calibrated=matcher.calibrated)
        told = probability if matcher.calibrated else None
        return MatchRow(pair.query.id, rank, pair.candidate.id, judged.similarity[pair], told, band)

    return [(pair, row(pair, rank[i])) for i, pair in enumerate(pairs)], matcher


def _ranks(pairs: Sequence[Pair], probability: Mapping[Pair, float]) -> dict[int, int]:
    by_query: dict[ProductRef, list[int]] = {}
    for i in sorted(range(len(pairs)), key=lambda i: -probability[pairs[i]]):
        by_query.setdefault(pairs[i].query, []).append(i)
    return {i: rank for places in by_query.values() for rank, i in enumerate(places, 1)}


def write_table(rows: Iterable[MatchRow], path: Path, shape: type[MatchRow] = MatchRow) -> int:
    """Write rows as CSV, JSON lines or Parquet, by the file's ending; it appears only when complete.

    Args:
        rows: all of one class.
        path: the file.
        shape: their class, whose fields are the columns.

    Returns:
        how many rows.

    Raises:
        CoreError: another ending.
        LabelsError: the file cannot be written.
    """
    check_file(path)
    if path.suffix == ".parquet":
        with output_file(path) as binary:
            return _write_parquet(rows, binary, shape)
    with output_text(path) as text:
        return _TEXT_WRITERS[path.suffix](rows, text, shape)


def check_file(path: Path) -> None:
    """Say so before the work where no such file can be written.

    Raises:
        CoreError: the ending is unknown.
        LabelsError: nothing can be written there.
    """
    if path.suffix not in {*_TEXT_WRITERS, ".parquet"}:
        raise CoreError(f"{path}: unknown ending.", "Use .csv, .jsonl or .parquet.")
    check_place(path)


def _write_csv(rows: Iterable[MatchRow], out: TextIO, shape: type[MatchRow]) -> int:
    count = 0
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in fields(shape))
    for row in rows:
        writer.writerow(map(_cell, astuple(row)))
        count += 1
    return count


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case str():
            return neutralized(value)
        case float():
            return f"{value:.6f}"
    return value


def _write_jsonl(rows: Iterable[MatchRow], out: TextIO, _: type[MatchRow]) -> int:
    count = 0
    for row in rows:
        out.write(json_text(asdict(row)) + "\n")
        count += 1
    return count


def _write_parquet(rows: Iterable[MatchRow], out: BinaryIO, shape: type[MatchRow]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise CoreError(
            "Parquet needs pyarrow, which is not installed.", "From a clone: pip install -c constraints.txt '.[train]'"
        ) from error
    types: dict[object, object] = {str: pa.string(), int: pa.int32()}
    columns = [(field.name, types.get(field.type, pa.float64())) for field in fields(shape)]
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=pa.schema(columns))
    pq.write_table(table, out)
    return int(table.num_rows)


_TEXT_WRITERS: dict[str, Callable[[Iterable[MatchRow], TextIO, type[MatchRow]], int]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
}


SOURCES = ("query_source", "candidate_source")
DECISION, OUT_OF_DATE = "decision", "out_of_date"
#: What stands in the column where people disagree.
CONFLICT = "conflict"
_BANDS = {Decision.MATCH.value: Band.HIGH, Decision.NO_MATCH.value: Band.LOW}


@dataclass(frozen=True)
class Columns:
    """The columns behind those of a table's rows; each is there only where it says something.

    Attributes:
        sources: whether ids alone do not tell products apart, since a role has several sources.
        decisions: what people decided, by pair; None where nothing was labelled.
        state: what of the last index run is out of date; its products' rows are marked.
    """

    sources: bool = False
    decisions: Mapping[Pair, str] | None = None
    state: IndexState = field(default_factory=IndexState)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        decision = () if self.decisions is None else (DECISION,)
        return (*(SOURCES if self.sources else ()), *decision, *((OUT_OF_DATE,) if self.state.changed else ()))

    def shape(self, base: type[MatchRow] = MatchRow) -> type[MatchRow]:
        """The class of rows with these columns too."""
        if not self.names:
            return base
        return make_dataclass(base.__name__, [(name, str) for name in self.names], bases=(base,), frozen=True)

    def rows(self, pairs: Iterable[PairRow], base: type[MatchRow] = MatchRow) -> Iterator[PairRow]:
        """Rows with these columns. What people decided is certain, and so is its band."""
        shape = self.shape(base)
        for pair, row in pairs:
            values = self._values(pair)
            band = _BANDS.get(values.get(DECISION, ""))
            decided = row if band is None else replace(row, band=band.value)
            cells: dict[str, Any] = {**asdict(decided), **values}
            yield pair, shape(**cells)

    def _values(self, pair: Pair) -> dict[str, str]:
        known = {
            SOURCES[0]: pair.query.source,
            SOURCES[1]: pair.candidate.source,
            DECISION: (self.decisions or {}).get(pair, ""),
            OUT_OF_DATE: "" if self.state.changed.isdisjoint(pair) else "yes",
        }
        return {name: known[name] for name in self.names}


def columns_of(workspace: Workspace, settings: Settings, state: IndexState | None = None) -> Columns:
    """The columns that tables of this workspace want.

    Args:
        workspace: with catalogue and ledger.
        settings: what settles a disagreement.
        state: of the last index run, where rows come from it; None where they were computed just now.

    Raises:
        SameskuError: a file of the workspace cannot be read.
    """
    with CatalogStore(workspace.catalog) as catalog, LabelStore(workspace.labels) as store:
        several = catalog.has_shared_roles
        labels = [label for label in current_labels(store, catalog, settings.labels.rule) if label.people]
    words = {True: Decision.MATCH.value, False: Decision.NO_MATCH.value, None: CONFLICT}
    decisions = {label.pair: words[label.match] for label in labels}
    return Columns(several, decisions or None, state or IndexState())


_NOTHING: dict[str, Any] = {"title": None, "reasons": None}


def explain_rows(workspace: Workspace, rows: Iterable[PairRow]) -> Iterator[dict[str, Any]]:
    """Each row with the candidate's title and the reasons for and against.

    Both are None where the last index run weighed no evidence of the pair.

    Args:
        workspace: whose last index run and matcher are told of.
        rows: of `core.matching.pair_rows.matched_pairs`, those of one query together.
    """
    evidence = FeatureStore(workspace.derived)
    try:
        table, matcher = evidence.read(), saved_matcher(workspace)
    finally:
        evidence.close()
    if table is None or matcher is None or matcher.features != table.features:
        yield from ({**asdict(row), **_NOTHING} for _, row in rows)
        return
    with CatalogStore(workspace.catalog) as catalog:
        explainer = Explainer(matcher, Vocabulary.load(workspace.vocabulary), document_frequency(catalog))
        for _, group in groupby(rows, key=lambda each: each[0].query):
            several = list(group)
            products = catalog.get_many(ref for pair, _ in several for ref in pair)
            found = [pair for pair, _ in several if pair in table.row and set(pair) <= products.keys()]
            pairs: list[tuple[Product, Product]] = [(products[p.query], products[p.candidate]) for p in found]
            told = explainer.of_each(pairs, table.vectors[[table.row[pair] for pair in found]]) if found else []
            known_of: dict[Pair, dict[str, Any]] = {
                pair: {"title": products[pair.candidate].title, "reasons": each.to_json()}
                for pair, each in zip(found, told, strict=True)
            }
            for pair, row in several:
                yield {**asdict(row), **known_of.get(pair, _NOTHING)}
