"""Rows of `match` and `score`: scored pairs as a table, with decisions and explanations, written as a file."""

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, astuple, dataclass, field, fields, make_dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.matching.bands import Band, band_name, band_of, cosine_band
from core.matching.explain import Explainer, document_frequency
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.matcher import Matcher
from core.matching.pair_file import read_named_pairs
from core.matching.run import saved_matcher
from core.matching.scoring import as_indexed, score_pairs
from core.packages import install_hint
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_registry import Registry
from core.retrieval.indexed_products import IndexState, index_state
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.splits.current_labels import human_labels
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.exchange.fields import neutralize_cell
from labels.exchange.files import output_file, output_text, require_writable, unknown_ending
from labels.exchange.json_values import json_text
from labels.model import Decision, Pair, ProductRef
from labels.recovery import require_sound
from labels.store import LabelStore
from labels.wording import counted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class MatchRow:
    """One line of `match` or `score`.

    Attributes:
        rank: rank among the query's candidates by the matcher, from 1; for given pairs, among those of the same query.
        similarity: the encoder's cosine.
        probability: the matcher's P(match); None before labels calibrate it, and for candidates that it has not scored.
        band: high is a match and low is none, at the precision of the settings; medium needs review. Named
            `prior:high` before labels calibrate the matcher, and `cosine:high` where no matcher has scored the pair.
    """

    query_id: str
    rank: int
    candidate_id: str
    similarity: float
    probability: float | None
    band: str


#: Rows of a Parquet file that are in memory at once.
_ROW_GROUP = 100_000

#: A pair with its row, which names products by the retailer's id alone.
PairRow = tuple[Pair, MatchRow]


def matches(workspace: Workspace, settings: Settings, k: int) -> Iterator[MatchRow]:
    """The first k candidates of every query from the last index run, without products that left the catalogue.

    Raises:
        CoreError: as `matched_pairs`.
    """
    return (row for _, row in matched_pairs(workspace, settings, k))


def matched_pairs(
    workspace: Workspace, settings: Settings, k: int, state: IndexState | None = None
) -> Iterator[PairRow]:
    """As `matches`, with the pairs.

    Args:
        workspace: with an index.
        settings: bands, and the number of stored candidates.
        k: candidates of each query.
        state: of the last index run, if already read.

    Raises:
        CoreError: nothing was indexed, or fewer than k candidates of each query are stored.
    """
    with closing(CandidateStore(workspace.derived)) as store:
        if store.model is None:
            raise no_candidates(workspace.index)
        require_candidates(settings, k)
        summary = store.matcher_summary
        removed = (state or read_index_state(workspace)).removed
        present = (row for row in store.all() if row[0] not in removed and row[1].ref not in removed)
        for query, candidates in groupby(present, key=lambda row: row[0]):
            yield from ranked_rows(query, (candidate for _, candidate in islice(candidates, k)), settings, summary)


def require_candidates(settings: Settings, k: int) -> None:
    """Raise CoreError if fewer than k candidates of each query are kept."""
    if k > settings.search.k:
        raise CoreError(
            f"{counted(settings.search.k, 'candidate is', 'candidates are')} stored per query, fewer than {k}.",
            f"Set search.k = {k} in samesku.toml and run `samesku index`.",
        )


def ranked_rows(
    query: ProductRef, candidates: Iterable[Candidate], settings: Settings, summary: MatcherSummary | None
) -> Iterator[PairRow]:
    """The rows of one query's candidates, which come best first.

    Args:
        query: the query.
        candidates: with probabilities.
        settings: bands by cosine, for candidates without a probability.
        summary: of the matcher behind the probabilities.
    """
    for rank, candidate in enumerate(candidates, 1):
        probability = candidate.probability if summary is not None and summary.calibrated else None
        band = _band(settings, candidate, summary)
        row = MatchRow(query.id, rank, candidate.ref.id, candidate.similarity, probability, band)
        yield Pair(query, candidate.ref), row


def read_index_state(workspace: Workspace) -> IndexState:
    """What changed in the catalogue since the last index run.

    Raises:
        SameskuError: catalogue or candidates cannot be read.
    """
    with CatalogStore(workspace.catalog) as catalog:
        return index_state(workspace.derived, catalog)


def _band(settings: Settings, candidate: Candidate, summary: MatcherSummary | None) -> str:
    if summary is None or candidate.probability is None:
        return cosine_band(candidate.similarity, settings.bands.high, settings.bands.medium)
    band = band_of(candidate.probability, summary.high, summary.low)
    return band_name(band, calibrated=summary.calibrated)


def matcher_summary(workspace: Workspace) -> MatcherSummary | None:
    """The summary of the matcher behind the probabilities of `matched_pairs`; None before the first index run.

    Raises:
        CoreError: derived.db cannot be read.
    """
    with closing(CandidateStore(workspace.derived)) as store:
        return store.matcher_summary


def score_pair_file(
    workspace: Workspace, settings: Settings, path: Path, reporter: Reporter
) -> tuple[list[PairRow], Matcher]:
    """Score the pairs of a file with the champion and the matcher.

    Returns:
        the rows in the order of the file, and the matcher.

    Raises:
        LabelsError: the file is not a file of pairs.
        CatalogError: it names a product that is not in the catalogue.
    """
    corpus = Corpus.read(workspace)
    pairs = read_named_pairs(corpus, path)
    model = Registry(workspace, settings).champion()
    features = as_indexed(CorpusFeatures(workspace, settings, corpus), model)
    scored = score_pairs(features, model, pairs, reporter)
    matcher = scored.matcher
    rank = _ranks(pairs, scored.probability)

    def row(pair: Pair, rank: int) -> MatchRow:
        probability = scored.probability[pair]
        band = band_name(matcher.cuts.band(probability), calibrated=matcher.calibrated)
        shown = probability if matcher.calibrated else None
        return MatchRow(pair.query.id, rank, pair.candidate.id, scored.similarity[pair], shown, band)

    return [(pair, row(pair, rank[i])) for i, pair in enumerate(pairs)], matcher


def _ranks(pairs: Sequence[Pair], probability: Mapping[Pair, float]) -> dict[int, int]:
    """The rank of each pair within its query, by index, from 1."""
    by_query: dict[ProductRef, list[int]] = {}
    for i in sorted(range(len(pairs)), key=lambda i: -probability[pairs[i]]):
        by_query.setdefault(pairs[i].query, []).append(i)
    return {i: rank for places in by_query.values() for rank, i in enumerate(places, 1)}


def write_table(rows: Iterable["DataclassInstance"], path: Path, shape: type["DataclassInstance"] = MatchRow) -> int:
    """Write rows as CSV, JSON lines or Parquet, by the file name extension; the file appears only when complete.

    Args:
        rows: all of one dataclass, with texts, whole numbers and numbers.
        path: the file.
        shape: their class, whose fields are the columns.

    Returns:
        the number of rows.

    Raises:
        CoreError: another extension.
        LabelsError: the file cannot be written.
    """
    check_file(path)
    if path.suffix.lower() == ".parquet":
        with output_file(path) as binary:
            return _write_parquet(rows, binary, shape)
    with output_text(path) as text:
        return _TEXT_WRITERS[path.suffix.lower()](rows, text, shape)


def check_file(path: Path) -> None:
    """Check before any work that the file can be written.

    Raises:
        CoreError: the file name extension is unknown.
        LabelsError: the folder cannot be written to.
    """
    if path.suffix.lower() not in {*_TEXT_WRITERS, ".parquet"}:
        raise CoreError(*unknown_ending(path, (*_TEXT_WRITERS, ".parquet")))
    require_writable(path)


def _write_csv(rows: Iterable["DataclassInstance"], out: TextIO, shape: type["DataclassInstance"]) -> int:
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
            return neutralize_cell(value)
        case float():
            return f"{value:.6f}"
    return value


def _write_jsonl(rows: Iterable["DataclassInstance"], out: TextIO, _: type["DataclassInstance"]) -> int:
    count = 0
    for row in rows:
        out.write(json_text(asdict(row)) + "\n")
        count += 1
    return count


def _write_parquet(rows: Iterable["DataclassInstance"], out: BinaryIO, shape: type["DataclassInstance"]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise CoreError("Parquet needs pyarrow, which is not installed.", install_hint("train")) from error
    types: dict[object, object] = {str: pa.string(), int: pa.int32()}
    schema = pa.schema([(field.name, types.get(field.type, pa.float64())) for field in fields(shape)])
    pending, count = iter(rows), 0
    with pq.ParquetWriter(out, schema) as writer:
        while group := [asdict(row) for row in islice(pending, _ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def join_tables(parts: Sequence[Path], path: Path) -> None:
    """Join files of `write_table` with the same columns into one; it appears only when complete.

    Args:
        parts: in order, with the file name extension of the path.
        path: the file.

    Raises:
        LabelsError: the file cannot be written, or a part cannot be read.
    """
    with output_file(path) as out:
        if path.suffix.lower() == ".parquet":
            _join_parquet(parts, out)
            return
        for number, part in enumerate(parts):
            with part.open("rb") as source:
                if number and path.suffix.lower() == ".csv":
                    source.readline()  # the header, which is in the first part
                shutil.copyfileobj(source, out)


def _join_parquet(parts: Sequence[Path], out: BinaryIO) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, pq.read_schema(parts[0])) as writer:
        for part in parts:
            with pq.ParquetFile(part) as source:
                for group in range(source.num_row_groups):
                    writer.write_table(source.read_row_group(group))


_TEXT_WRITERS: dict[str, Callable[[Iterable["DataclassInstance"], TextIO, type["DataclassInstance"]], int]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
}


SOURCES = ("query_source", "candidate_source")
DECISION, OUT_OF_DATE = "decision", "out_of_date"
#: The decision where annotators disagree.
CONFLICT = "conflict"
_BANDS = {Decision.MATCH.value: Band.HIGH, Decision.NO_MATCH.value: Band.LOW}


@dataclass(frozen=True)
class ExtraColumns:
    """Columns appended to a table's rows, each only where it is needed.

    Attributes:
        sources: whether to add the sources, because ids alone are ambiguous.
        decisions: annotators' decisions by pair; None where nothing was labelled.
        state: of the last index run; rows of changed products are marked.
    """

    sources: bool = False
    decisions: Mapping[Pair, str] | None = None
    state: IndexState = field(default_factory=IndexState)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        decision = () if self.decisions is None else (DECISION,)
        return (*(SOURCES if self.sources else ()), *decision, *((OUT_OF_DATE,) if self.state.changed else ()))

    def shape(self, base: type[MatchRow] = MatchRow) -> type[MatchRow]:
        """The class of rows with these columns appended."""
        if not self.names:
            return base
        return make_dataclass(base.__name__, [(name, str) for name in self.names], bases=(base,), frozen=True)

    def rows(self, pairs: Iterable[PairRow], base: type[MatchRow] = MatchRow) -> Iterator[PairRow]:
        """Rows with these columns appended; a decision replaces the band."""
        shape = self.shape(base)
        for pair, row in pairs:
            values = self._values(pair)
            band = _BANDS.get(values.get(DECISION, ""))
            decided = row if band is None else replace(row, band=band.value)
            cells: dict[str, Any] = {**asdict(decided), **values}
            yield pair, shape(**cells)

    def _values(self, pair: Pair) -> dict[str, str]:
        values = {
            SOURCES[0]: pair.query.source,
            SOURCES[1]: pair.candidate.source,
            DECISION: (self.decisions or {}).get(pair, ""),
            OUT_OF_DATE: "" if self.state.changed.isdisjoint(pair) else "yes",
        }
        return {name: values[name] for name in self.names}


def extra_columns(workspace: Workspace, settings: Settings, state: IndexState | None = None) -> ExtraColumns:
    """The extra columns for tables of a workspace.

    Args:
        workspace: with catalogue and ledger.
        settings: the consensus rule.
        state: of the last index run, for rows that come from it; None for rows computed now.

    Raises:
        SameskuError: a file of the workspace cannot be read, or the ledger is damaged.
    """
    require_sound(workspace.labels)
    with CatalogStore(workspace.catalog) as catalog, LabelStore(workspace.labels) as store:
        several = catalog.has_shared_roles
        labels = human_labels(store, catalog, settings.labels.rule)
    words = {True: Decision.MATCH.value, False: Decision.NO_MATCH.value, None: CONFLICT}
    decisions = {label.pair: words[label.match] for label in labels}
    return ExtraColumns(several, decisions or None, state or IndexState())


_UNEXPLAINED: dict[str, Any] = {"title": None, "reasons": None}


def explain_rows(workspace: Workspace, rows: Iterable[PairRow]) -> Iterator[dict[str, Any]]:
    """Each row with the candidate's title and the reasons for and against.

    Both are None for pairs without features in the last index run.

    Args:
        workspace: with the features and the matcher.
        rows: as of `matched_pairs`, those of one query together.
    """
    with closing(FeatureStore(workspace.derived)) as store:
        table, matcher = store.read(), saved_matcher(workspace)
    if table is None or matcher is None or matcher.features != table.features:
        yield from ({**asdict(row), **_UNEXPLAINED} for _, row in rows)
        return
    with CatalogStore(workspace.catalog) as catalog:
        explainer = Explainer(matcher, Vocabulary.load(workspace.vocabulary), document_frequency(catalog))
        for _, group in groupby(rows, key=lambda each: each[0].query):
            of_query = list(group)
            explained = _explain_pairs(explainer, table, catalog, [pair for pair, _ in of_query])
            for pair, row in of_query:
                yield {**asdict(row), **explained.get(pair, _UNEXPLAINED)}


def _explain_pairs(
    explainer: Explainer, table: FeatureTable, catalog: CatalogStore, pairs: Sequence[Pair]
) -> dict[Pair, dict[str, Any]]:
    """Title and reasons of the pairs that have features and are in the catalogue."""
    products = catalog.get_many(ref for pair in pairs for ref in pair)
    found = [pair for pair in pairs if pair in table.row and set(pair) <= products.keys()]
    if not found:
        return {}
    listings = [(products[pair.query], products[pair.candidate]) for pair in found]
    reasons = explainer.explain_many(listings, table.vectors[[table.row[pair] for pair in found]])
    return {
        pair: {"title": products[pair.candidate].title, "reasons": each.to_json()}
        for pair, each in zip(found, reasons, strict=True)
    }
