"""The matcher of a workspace: update candidates, features, matcher and published probabilities after any change.

`bring_up_to_date` is the whole pipeline; each step is skipped while the fingerprint of its inputs is unchanged.
"""

import gc
import hashlib
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import without_escape_sequences
from core.catalog.store import CatalogStore
from core.errors import DamagedError
from core.jobs.progress import Reporter, StageTimer
from core.json_store import text_file
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.fitting import (
    MANY_LABELS,
    REFIT_SHARE,
    TrainingLabels,
    build_training_set,
    fit_matcher,
    fit_weak_matcher,
    read_training_labels,
)
from core.matching.known_matches import ReadTexts
from core.matching.labelled_texts import PairTexts
from core.matching.matcher import Matcher, load_matcher, prior_matcher
from core.matching.shortlist import KnownFeatures, Shortlist, shortlist_fingerprint
from core.retrieval.array_file import load_arrays
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_listings, index_folder
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoding_rate import save_stage_seconds
from core.retrieval.index_run import (
    MAX_IN_MEMORY,
    IndexReport,
    build_index,
    draw_validation,
    index_fingerprint,
    is_intact,
    lexical_texts,
)
from core.retrieval.index_state import STATISTICS, statistics_checksum, touched_since
from core.retrieval.indexed_products import IndexedProducts
from core.retrieval.milvus_index import is_stored
from core.settings import Settings
from core.splits.current_labels import has_roles, ledger_and_catalogue
from core.splits.split import training_labels
from core.toml_file import toml_text
from core.workspace import Workspace
from labels.files import read_bounded
from labels.model import Pair, ProductRef
from labels.quarantine import identity, set_aside, set_aside_irregular

#: Incremented when the same inputs give different features.
_VERSION = "7"
#: Incremented when the same features and labels give a different matcher.
_FIT_VERSION = "3"
#: Of folds and trees.
SEED = 7
#: Repairs in one run: matcher, candidates and features may be damaged, each found after the previous repair.
_MAX_REPAIRS = 3
#: Pairs whose listings are prepared at once: 0.4 GB.
_BLOCK_PAIRS = 2**16
#: Objects allocated between two collections of an index run; 700 by default.
_ALLOCATIONS = 500_000
#: Size limit of a file of out-of-fold cosines, far above that of all labelled pairs.
_MAX_OUT_OF_FOLD_BYTES = 256 * 2**20
#: A cosine with its rounding error.
_MAX_COSINE = 1.01


def matcher_path(workspace: Workspace) -> Path:
    """The file of the current matcher."""
    return workspace.models / "matcher.json"


def out_of_fold_path(workspace: Workspace, model_id: str) -> Path:
    """The file of a trained encoder's out-of-fold cosines, of its training pairs by encoders not trained on them."""
    return workspace.models / model_id / "unseen.json"


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update did.

    Attributes:
        index: the report on index and candidates.
        weighed: whether features were computed, because products, encoder, vocabulary or settings changed.
        fitted: whether a matcher was fitted, or the current one's lost probabilities were written again.
        matcher: the current matcher.
        seconds: total duration.
    """

    index: IndexReport
    weighed: bool
    fitted: bool
    matcher: Matcher
    seconds: float


def bring_up_to_date(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    reporter: Reporter,
    *,
    corpus: Corpus | None = None,
    rebuild: bool = False,
) -> UpdateReport:
    """Update index, candidates, features, matcher and probabilities to catalogue, settings, labels and champion.

    After a change of some products only what depends on them is computed; see `core.retrieval.index_run`. Damaged files
    are set aside, reported, and created again.

    Args:
        workspace: with a catalogue.
        settings: of the workspace.
        model: the encoder.
        reporter: receives progress and messages.
        corpus: all products, if they were read already.
        rebuild: whether to compute everything, with statistics of the present corpus.

    Raises:
        CatalogError: nothing was imported.
        ModelError: something must be encoded, and the model cannot be loaded.
    """
    with _few_collections():
        for _ in range(_MAX_REPAIRS):
            try:
                return _update(workspace, settings, model, reporter, corpus, rebuild=rebuild)
            except DamagedError as error:
                reporter.message(f"{error.message} Indexing again.")
        return _update(workspace, settings, model, reporter, corpus, rebuild=rebuild)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Collect cyclic garbage rarely.

    A catalogue is many objects that stay: to look through them again and again takes a fifth of a run after a small
    change.
    """
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _update(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    reporter: Reporter,
    corpus: Corpus | None,
    *,
    rebuild: bool,
) -> UpdateReport:
    began, timer = time.monotonic(), StageTimer(reporter)
    with CatalogStore(workspace.catalog) as catalog:
        # Of a large catalogue this takes seconds, and is left to runs that have something to do.
        is_small = catalog.count() <= MAX_IN_MEMORY
        if is_small:
            _repair_search(catalog, reporter)
    training = read_training_labels(workspace, settings)
    table: FeatureTable | None = None
    report = None if rebuild else _unchanged(workspace, settings, model, training, timer)
    weighed = report is None
    if report is None:
        if not is_small:
            with CatalogStore(workspace.catalog) as catalog:
                _repair_search(catalog, reporter)
        report, weighed, table = _indexed(workspace, settings, model, training, timer, corpus, rebuild=rebuild)
    matcher, fitted = _update_matcher(workspace, settings, model, training, table, timer)
    if report.full:
        # The estimate of a retrain's duration uses these.
        save_stage_seconds(workspace.index / model.id, {n: s for n, s in timer.seconds.items() if n != "encode"})
    return UpdateReport(report, weighed, fitted, matcher, time.monotonic() - began)


def _indexed(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    training: TrainingLabels,
    reporter: Reporter,
    corpus: Corpus | None,
    *,
    rebuild: bool,
) -> tuple[IndexReport, bool, FeatureTable | None]:
    """Update candidates and features: the report, and as `_update_features`. The corpus is in memory only meanwhile."""
    corpus = corpus or Corpus.read(workspace)
    selection = Shortlist(CorpusFeatures(workspace, settings, corpus), settings.search.k)
    report = build_index(workspace, settings, model, reporter, corpus=corpus, selection=selection, rebuild=rebuild)
    if not report.full and selection.features.statistics is None:
        selection.restore(load_arrays(index_folder(workspace, model) / STATISTICS))
    return report, *_update_features(selection, model, training, reporter, rebuild=rebuild)


def _repair_search(catalog: CatalogStore, reporter: Reporter) -> None:
    if catalog.repair_search():
        reporter.message("The search index of the catalogue was damaged and has been rebuilt.")


def _unchanged(
    workspace: Workspace, settings: Settings, model: EncoderModel, training: TrainingLabels, reporter: Reporter
) -> IndexReport | None:
    """The report of a run without changes, which reads no catalogue products; None if there is something to do."""
    began = time.monotonic()
    with CatalogStore(workspace.catalog) as catalog:
        mark = catalog.mark
    version = f"{settings_fingerprint(workspace, settings, model)}:{mark}"
    with closing(CandidateStore(workspace.derived)) as candidates, closing(FeatureStore(workspace.derived)) as store:
        if not mark or not candidates.is_current(version):
            return None
        folder = index_folder(workspace, model)
        intact = is_intact(candidates, folder, version, reporter)
        if not (intact and is_stored(folder, workspace.home, settings.search)):
            return None
        store.check()
        known = _FeaturesVersion.parse(store.fingerprint)
        if known is None or (known.settings, known.corpus) != (_features_settings(workspace, settings, model), mark):
            return None
        if _without_features(workspace, store, training):
            return None
    with closing(IndexedProducts(workspace.derived)) as indexed:
        if indexed.mark != mark:
            return None
    with CatalogStore(workspace.catalog) as catalog:
        queries, products = catalog.categories("query"), catalog.count("catalog")
    drawn = draw_validation(workspace, settings, queries)
    return IndexReport(
        len(queries), products, model.id, unchanged=True, validation_drawn=drawn, seconds=time.monotonic() - began
    )


def settings_fingerprint(workspace: Workspace, settings: Settings, model: EncoderModel) -> str:
    """A hash of everything besides the products that the candidates of an index run depend on."""
    return index_fingerprint(settings, model, shortlist_fingerprint(workspace, settings, settings.search.k))


@dataclass(frozen=True, slots=True)
class _FeaturesVersion:
    """What stored features were computed from.

    Attributes:
        basis: changes with the features of the labelled pairs, which a matcher is fitted to.
        changed: number of labelled pairs whose features have changed since, too few for another fit.
        settings: hash of the settings, the encoder, and the statistics of the last full run.
        corpus: version of the corpus.
    """

    basis: str
    changed: str
    settings: str
    corpus: str

    @classmethod
    def parse(cls, text: str | None) -> "_FeaturesVersion | None":
        """The version in the fingerprint of stored features; None where an earlier version of the program stored it."""
        parts = (text or "").split(":")
        return cls(*parts) if len(parts) == len(fields(cls)) and parts[1].isdecimal() else None

    def __str__(self) -> str:
        return ":".join(astuple(self))


def _without_features(workspace: Workspace, store: FeatureStore, training: TrainingLabels) -> bool:
    """Whether a labelled pair of present listings has no features."""
    missing = store.missing([label.pair for label in training.labels])
    if not missing:
        return False
    with CatalogStore(workspace.catalog) as catalog:
        role = {source.name: source.role for source in catalog.sources()}
        present = catalog.titles(ref for pair in missing for ref in pair)
    return any(set(pair) <= present.keys() and has_roles(pair, role) for pair in missing)


def _update_features(
    selection: Shortlist, model: EncoderModel, training: TrainingLabels, reporter: Reporter, *, rebuild: bool
) -> tuple[bool, FeatureTable | None]:
    """Update the features of candidates and labelled pairs.

    Features of pairs whose listings are unchanged stay.

    Returns:
        whether any were computed; and all features, if they were.
    """
    corpus_features = selection.features
    workspace, settings, corpus = corpus_features.workspace, corpus_features.settings, corpus_features.corpus
    wanted_settings = _features_settings(workspace, settings, model)
    labelled = {label.pair for label in training.labels}
    with closing(FeatureStore(workspace.derived)) as store:
        known = _FeaturesVersion.parse(store.fingerprint)
        if rebuild or known is None or known.settings != wanted_settings:
            known = None
        elif known.corpus == corpus.version and not _without_features(workspace, store, training):
            return False, None
        touched = None if known is None else touched_since(index_folder(workspace, model), known.corpus)
        if known is None or touched is None:
            with closing(CandidateStore(workspace.derived)) as candidates:
                cosines = candidates.similarities()
            wanted = {**dict.fromkeys(_in_corpus(labelled, corpus), np.nan), **cosines}
            table = _features_of(wanted, selection, model, reporter)
            basis = hashlib.sha256(f"{wanted_settings}:{corpus.version}".encode()).hexdigest()
            store.replace(table, str(_FeaturesVersion(basis, "0", wanted_settings, corpus.version)))
            return True, table
        cosines, rest = store.outdated(touched)
        kept = _in_corpus(labelled & rest, corpus)
        missing = _in_corpus(store.missing(labelled - cosines.keys()), corpus)
        missing |= {pair for pair in kept if not touched.isdisjoint(pair)}
        table = _features_of({**dict.fromkeys(missing, np.nan), **cosines}, selection, model, reporter)
        gone = rest - kept
        before = store.vectors(labelled & (gone | table.row.keys()))
        basis, changed = _next_basis(known, before, table, labelled & (gone | table.row.keys()), len(labelled))
        store.update(table, gone, str(_FeaturesVersion(basis, str(changed), wanted_settings, corpus.version)))
    return True, None


def _in_corpus(pairs: Collection[Pair], corpus: Corpus) -> set[Pair]:
    """The pairs of a query and a product of a corpus."""
    if not pairs:
        return set()
    queries, products = set(corpus.query_refs), set(corpus.product_refs)
    return {pair for pair in pairs if pair.query in queries and pair.candidate in products}


def _features_of(
    cosines: Mapping[Pair, float], selection: Shortlist, model: EncoderModel, reporter: Reporter
) -> FeatureTable:
    """The features of pairs with their cosines, NaN if unknown."""
    pairs = sorted(cosines)
    known = np.array([cosines[pair] for pair in pairs], np.float32)
    return compute_features(selection.features, model, pairs, reporter, known, selection.scored)


def _next_basis(
    known: _FeaturesVersion, before: Mapping[Pair, bytes], after: FeatureTable, pairs: Set[Pair], labelled: int
) -> tuple[str, int]:
    """The same basis and the number of labelled pairs that differ from it; another basis, if they are enough.

    Args:
        known: the version before.
        before: the features of the pairs then.
        after: their features now.
        pairs: labelled pairs that may have other features.
        labelled: number of all labelled pairs.
    """

    def row(pair: Pair) -> bytes:
        return after.vectors[after.row[pair]].tobytes() if pair in after.row else b""

    different = [(pair, found) for pair in sorted(pairs) if (found := row(pair)) != before.get(pair, b"")]
    changed = int(known.changed) + len(different)
    if not changed or (labelled >= MANY_LABELS and changed < REFIT_SHARE * labelled):
        return known.basis, changed
    return hashlib.sha256(repr((known.basis, different)).encode()).hexdigest(), 0


def _update_matcher(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    training: TrainingLabels,
    table: FeatureTable | None,
    reporter: Reporter,
) -> tuple[Matcher, bool]:
    """The current matcher with its probabilities published, and whether it was fitted or published now.

    Args:
        workspace: with candidates and features.
        settings: of matching.
        model: the encoder.
        training: the labels.
        table: all features, if they were read already.
        reporter: receives progress, and messages about damage.
    """
    current = _current_or_set_aside(workspace, model, reporter)
    with closing(FeatureStore(workspace.derived)) as store, closing(CandidateStore(workspace.derived)) as candidates:
        features_fingerprint = store.fingerprint or ""
        wanted = _matcher_fingerprint(training, settings, features_fingerprint)
        valid = current is not None and current.fingerprint == wanted
        if current is not None and valid and candidates.is_scored:
            return current, False
        unscored = candidates.unscored_pairs() if valid and candidates.matcher_summary is not None else None
        if current is not None and unscored is not None:
            # Candidates are new; another fit would give the same matcher.
            publish(workspace, current, store.part(unscored, current.features))
            return current, False
        table = table or store.read()
    assert table is not None  # noqa: S101 - written before
    if current is not None and valid:
        publish(workspace, current, table)  # derived.db was made again
        return current, True
    reporter.stage("fit the matcher")
    matcher = fit_to_labels(workspace, settings, model.id, table, features_fingerprint)
    set_aside_irregular(matcher_path(workspace))
    matcher.save(matcher_path(workspace))
    publish(workspace, matcher, table)
    return matcher, True


def _current_or_set_aside(workspace: Workspace, model: EncoderModel, reporter: Reporter) -> Matcher | None:
    """The current matcher; a damaged one, and damaged out-of-fold cosines, are set aside and reported."""
    current = None
    try:
        current = saved_matcher(workspace)
    except DamagedError as error:
        reporter.message(f"{error.message} It is fitted again.")
        set_aside(matcher_path(workspace))
    cosines = out_of_fold_path(workspace, model.id)
    try:
        read_out_of_fold(cosines)
    except DamagedError as error:
        reporter.message(f"{error.message} {error.hint}")
        set_aside(cosines)
    return current


def _readable_matcher(workspace: Workspace) -> Matcher | None:
    """The current matcher; None where there is none, or a damaged one, which an update replaces."""
    try:
        return saved_matcher(workspace)
    except DamagedError:
        return None


def _matcher_fingerprint(training: TrainingLabels, settings: Settings, features_fingerprint: str) -> str:
    """A hash of everything a fit depends on."""
    basis = features_fingerprint.partition(":")[0]
    digest = hashlib.sha256(
        f"{_VERSION} {_FIT_VERSION} {SEED} {basis} {settings.match.precision} {settings.bands}".encode()
    )
    for part in (*training.labels, *sorted(training.trust.items()), *sorted(training.weak)):
        digest.update(repr(part).encode())
    return digest.hexdigest()


def fit_to_labels(
    workspace: Workspace,
    settings: Settings,
    model_id: str,
    table: FeatureTable,
    features_fingerprint: str = "",
    *,
    without: Collection[Pair] = (),
) -> Matcher:
    """Fit a matcher to the workspace's training labels; the packaged prior while they are of one class.

    Args:
        workspace: where the labels are.
        settings: the precision to reach.
        model_id: the encoder that the cosines come from.
        table: features of the labelled pairs and of the pairs to be scored.
        features_fingerprint: of the table, for the matcher's fingerprint.
        without: labelled pairs to leave out, such as those to evaluate on.
    """
    found = read_training_labels(workspace, settings, without)
    fingerprint = _matcher_fingerprint(found, settings, features_fingerprint)
    training = build_training_set(
        table, found.labels, _out_of_fold(workspace, model_id), found.trust, found.weak, partial(read_texts, workspace)
    )
    if not training.both_classes:
        if training.weak is not None and training.with_weak.both_classes:
            weak = fit_weak_matcher(training.with_weak, table.features, table.vectors, seed=SEED)
            return replace(weak, fingerprint=fingerprint)
        return replace(prior_matcher(table.features, table.vectors), fingerprint=fingerprint)
    matcher = fit_matcher(
        training, table.features, background=table.vectors, seed=SEED, target=settings.match.precision
    )
    return replace(matcher, fingerprint=fingerprint)


def read_texts(workspace: Workspace, pairs: Sequence[Pair]) -> PairTexts:
    """The texts of pairs, as known matches compare them, from the catalogue."""
    refs = list(dict.fromkeys(ref for pair in pairs for ref in pair))
    with CatalogStore(workspace.catalog) as catalog:
        products = catalog.get_many(refs)
    # As in a corpus, whose texts other pairs are scored with.
    texts = dict(zip(products, lexical_texts([*map(without_escape_sequences, products.values())]), strict=True))
    # A removed product has no text; its name is one that no other product has.
    sides = [pair.query for pair in pairs], [pair.candidate for pair in pairs]
    return PairTexts(*([texts.get(ref, str(ref)) for ref in side] for side in sides))


def texts_of(workspace: Workspace, pairs: Sequence[Pair]) -> ReadTexts:
    """Reads the texts of a part of the pairs."""
    return lambda part: read_texts(workspace, pairs[part])


def _out_of_fold(workspace: Workspace, model_id: str) -> dict[Pair, float]:
    """The out-of-fold cosines of an encoder; none where the file is damaged, which an update reports."""
    try:
        return read_out_of_fold(out_of_fold_path(workspace, model_id))
    except DamagedError:
        return {}


def compute_features(
    corpus_features: CorpusFeatures,
    model: EncoderModel,
    pairs: Sequence[Pair],
    reporter: Reporter,
    cosines: NDArray[np.float32] | None = None,
    scored: KnownFeatures | None = None,
) -> FeatureTable:
    """The features of pairs; pairs with a product outside the corpus are left out.

    Args:
        corpus_features: of all products.
        model: the encoder.
        pairs: the pairs.
        reporter: receives progress.
        cosines: of the pairs, NaN for those to encode; by default all are encoded.
        scored: features that were computed before, with these cosines.

    Raises:
        ModelError: something must be encoded, and the model cannot be loaded.
    """
    corpus = corpus_features.corpus
    row_of = {ref: i for i, ref in enumerate(corpus.query_refs)}
    column_of = {ref: i for i, ref in enumerate(corpus.product_refs)}
    places = [i for i, pair in enumerate(pairs) if pair.query in row_of and pair.candidate in column_of]
    known = [pairs[i] for i in places]
    reporter.stage("compute the features", total=len(known))
    rows = np.array([row_of[pair.query] for pair in known], np.int64)
    columns = np.array([column_of[pair.candidate] for pair in known], np.int64)
    del row_of, column_of
    found = np.full(len(known), np.nan, np.float32) if cosines is None else cosines[places]
    unknown = np.flatnonzero(np.isnan(found))
    found[unknown] = _cosines(corpus_features, model, rows[unknown], columns[unknown], reporter)
    vectors = np.empty((len(known), len(corpus_features.names)), np.float32)
    is_scored = np.zeros(len(known), bool) if scored is None else scored.has(rows, columns)
    # With statistics, only the listings of a block are prepared; without, all of them are, once.
    size = max(1, len(known) if corpus_features.statistics is None else _BLOCK_PAIRS)
    done = 0
    for features, chosen in ((scored or corpus_features, is_scored), (corpus_features, ~is_scored)):
        indices = np.flatnonzero(chosen)
        for start in range(0, len(indices), size):
            part = indices[start : start + size]
            vectors[part] = features.compute(rows[part], columns[part], found[part])
            done += len(part)
            reporter.advance(done)
    return FeatureTable(corpus_features.names, known, vectors)


def _cosines(
    corpus_features: CorpusFeatures,
    model: EncoderModel,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    reporter: Reporter,
) -> NDArray[np.float32]:
    """The cosine of each pair, shape (n,); only the listings of these pairs are encoded."""
    if not len(rows):
        return np.zeros(0, np.float32)
    corpus = corpus_features.corpus
    queries, row = np.unique(rows, return_inverse=True)
    products, column = np.unique(columns, return_inverse=True)
    listings = [corpus.queries[i] for i in queries], [corpus.products[i] for i in products]
    vectors = encode_listings(corpus_features.workspace, corpus_features.settings, model, *listings, reporter)
    cosines: NDArray[np.float32] = np.einsum("nd,nd->n", vectors[row], vectors[len(queries) + column])
    return cosines


def publish(workspace: Workspace, matcher: Matcher, table: FeatureTable) -> None:
    """Write the matcher's probability of every candidate in a table to derived.db."""
    probabilities = matcher.probabilities(table.vectors, texts_of(workspace, table.pairs))
    scored = ((pair.query, pair.candidate, float(p)) for pair, p in zip(table.pairs, probabilities, strict=True))
    with closing(CandidateStore(workspace.derived)) as store:
        store.score(scored, matcher.summary)


def read_out_of_fold(path: Path) -> dict[Pair, float]:
    """Out-of-fold cosines by pair; none where the encoder was not trained.

    Raises:
        DamagedError: the file is damaged.
    """
    try:
        rows = json.loads(read_bounded(path, _MAX_OUT_OF_FOLD_BYTES))
        return {Pair(ProductRef(*map(_text, r[:2])), ProductRef(*map(_text, r[2:4]))): _cosine(r[4]) for r in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise DamagedError(
            f"{path.name} of the encoder {path.parent.name} is damaged.",
            "The matcher is fitted without it; the next retrain creates a new one.",
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def _cosine(value: object) -> float:
    if not isinstance(value, int | float) or not -_MAX_COSINE <= value <= _MAX_COSINE:
        raise ValueError(f"{value!r} is not a cosine")
    return float(value)


def write_out_of_fold(path: Path, cosines: dict[Pair, float]) -> None:
    """Write out-of-fold cosines to the encoder's folder."""
    rows = [[*pair.query, *pair.candidate, cosine] for pair, cosine in cosines.items()]
    with text_file(path) as out:
        out.write(json.dumps(rows) + "\n")


def current_matcher(workspace: Workspace, settings: Settings, model: EncoderModel) -> Matcher | None:
    """The current matcher, if labels, settings and encoder are unchanged since it was fitted; else None."""
    with (
        closing(CandidateStore(workspace.derived)) as candidates,
        closing(FeatureStore(workspace.derived)) as features,
    ):
        fingerprint, encoder = features.fingerprint, candidates.model
    matcher = _readable_matcher(workspace)
    if matcher is None or fingerprint is None or encoder != model.id:
        return None
    wanted = _matcher_fingerprint(read_training_labels(workspace, settings), settings, fingerprint)
    return matcher if matcher.fingerprint == wanted else None


def saved_matcher(workspace: Workspace) -> Matcher | None:
    """The current matcher; None before the first index run.

    Raises:
        DamagedError: its file is damaged.
    """
    path = matcher_path(workspace)
    return load_matcher(path) if identity(path) else None


def labelled_pairs(workspace: Workspace, settings: Settings) -> list[Pair]:
    """The pairs with a label that may train the matcher."""
    with ledger_and_catalogue(workspace) as (store, catalog):
        return [label.pair for label in training_labels(store, settings.labels.rule, catalog)]


def _features_settings(workspace: Workspace, settings: Settings, model: EncoderModel) -> str:
    """A hash of everything the features depend on besides listings and pairs."""
    vocabulary = toml_text(workspace.vocabulary) if workspace.vocabulary.exists() else ""
    parts = (
        _VERSION,
        model.id,
        settings.match.store_brands,
        settings.encoder.template,
        settings.encoder.max_tokens,
        vocabulary,
        settings.encoder.later_settings,
        statistics_checksum(index_folder(workspace, model)),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()
