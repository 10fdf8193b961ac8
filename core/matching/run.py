"""The matcher in a workspace: evidence of its pairs, a fit to its labels, its word on every candidate."""

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.errors import DamagedError
from core.jobs.progress import Reporter, StageTimer
from core.json_store import text_file
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.fitting import TrainingLabels, fit_matcher, read_training_labels, training_of
from core.matching.matcher import Matcher, load_matcher, untrained
from core.matching.prior import PRIOR_FILE, packaged_prior
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoding_rate import save_stage_seconds
from core.retrieval.index_run import Corpus, IndexReport, build_index, encode_corpus
from core.settings import Settings
from core.splits.current_labels import ledger_and_catalogue
from core.splits.split import training_labels
from core.toml_file import toml_text
from core.workspace import Workspace
from labels.files import read_bounded
from labels.model import Pair, ProductRef
from labels.quarantine import identity, make_way, set_aside

#: Candidates of the pool per place in the list. With two, hit@10 is 0.986 on the messy catalogues, with three 0.997.
POOL_FACTOR = 5
_RETRIEVED_SHARE = 0.6
#: Queries whose evidence is held in memory at once.
_BLOCK = 256

Pool = tuple[ProductRef, list[Candidate]]


class Shortlist:
    """Chooses `k` candidates of each query's pool."""

    def __init__(self, evidence: CorpusFeatures, k: int) -> None:
        self._evidence = evidence
        self._k = k
        self._rows = {query.ref: place for place, query in enumerate(evidence.corpus.queries)}
        self._columns = {product.ref: place for place, product in enumerate(evidence.corpus.products)}

    @property
    def size(self) -> int:
        """How many candidates a pool should have."""
        return self._k * POOL_FACTOR

    @property
    def fingerprint(self) -> str:
        """Of everything that the choice depends on, beside the pools and the products."""
        path = self._evidence.workspace.vocabulary
        own = toml_text(path) if path.exists() else ""
        store_brands = self._evidence.settings.match.store_brands
        parts = (PRIOR_FILE.read_text(encoding="utf-8"), own, store_brands, self._k, POOL_FACTOR, _RETRIEVED_SHARE)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def choose(self, pools: Iterable[Pool]) -> Iterator[Pool]:
        """The kept candidates of each query, in the order in which they were retrieved, with ranks from 1 on.

        Args:
            pools: candidates of each query, best first.
        """
        pending = iter(pools)
        while block := list(islice(pending, _BLOCK)):
            scores = self._scores(block)
            start = 0
            for query, pool in block:
                yield query, self._kept(pool, scores[start : start + len(pool)])
                start += len(pool)

    def _scores(self, block: list[Pool]) -> NDArray[np.float64]:
        """What the prior says of each pair, in log-odds."""
        rows = np.array([self._rows[query] for query, pool in block for _ in pool], np.int64)
        columns = np.array([self._columns[each.ref] for _, pool in block for each in pool], np.int64)
        cosines = np.array([each.similarity for _, pool in block for each in pool], np.float32)
        evidence = self._evidence.of(rows, columns, cosines)
        return packaged_prior().learner(self._evidence.features, evidence).scores(evidence)

    def _kept(self, pool: list[Candidate], scores: NDArray[np.float64]) -> list[Candidate]:
        sure = round(self._k * _RETRIEVED_SHARE)
        rest = sorted(range(sure, len(pool)), key=lambda place: (-scores[place], place))
        kept = sorted([*range(min(sure, len(pool))), *rest[: self._k - sure]])
        return [replace(pool[place], rank=rank) for rank, place in enumerate(kept, 1)]


#: Counts up when evidence comes out otherwise from the same input.
_VERSION = "5"
#: Of folds and trees.
SEED = 7
#: File, candidates and evidence may be damaged, each found after the one before was mended.
_MAX_DAMAGES = 3
#: Far more than the cosines of all labelled pairs take; what rounding may add to one.
_MAX_UNSEEN_BYTES, _MAX_COSINE = 256 * 2**20, 1.01


def matcher_path(workspace: Workspace) -> Path:
    """Where the matcher in use is kept."""
    return workspace.models / "matcher.json"


def out_of_fold_path(workspace: Workspace, model_id: str) -> Path:
    """Where the cosines of a trained encoder's own training pairs are kept, by encoders that had not seen them."""
    return workspace.models / model_id / "unseen.json"


def features_of(
    evidence: CorpusFeatures, model: EncoderModel, pairs: Sequence[Pair], reporter: Reporter
) -> FeatureTable:
    """The evidence about pairs of the corpus; pairs with a product that it lacks are left out."""
    corpus = evidence.corpus
    query_vectors, product_vectors = encode_corpus(evidence.workspace, evidence.settings, model, corpus, reporter)
    left = {query.ref: i for i, query in enumerate(corpus.queries)}
    right = {product.ref: i for i, product in enumerate(corpus.products)}
    known = [pair for pair in pairs if pair.query in left and pair.candidate in right]
    reporter.stage("weigh the evidence")
    rows = np.array([left[pair.query] for pair in known], np.int64)
    columns = np.array([right[pair.candidate] for pair in known], np.int64)
    cosines = np.einsum("nd,nd->n", query_vectors[rows], product_vectors[columns])
    return FeatureTable(evidence.features, known, evidence.of(rows, columns, cosines))


@dataclass(frozen=True, slots=True)
class UpToDate:
    """What had to be done.

    Attributes:
        index: of the index and the candidates.
        weighed: whether evidence was weighed anew, for other products, another encoder, vocabulary or policy.
        fitted: whether a matcher was fitted.
        matcher: the one in use now.
        seconds: all of it.
    """

    index: IndexReport
    weighed: bool
    fitted: bool
    matcher: Matcher
    seconds: float


def bring_up_to_date(
    workspace: Workspace, settings: Settings, model: EncoderModel, reporter: Reporter, *, corpus: Corpus | None = None
) -> UpToDate:
    """Index, evidence, matcher and probabilities, as catalogue, settings, labels and champion want them.

    What is damaged is set aside, told to the reporter, and made again.

    Raises:
        CatalogError: nothing was imported.
        ModelError: something must be encoded, and the model cannot be loaded.
    """
    corpus = corpus or Corpus.read(workspace)
    for _ in range(_MAX_DAMAGES):
        try:
            return _brought_up_to_date(workspace, settings, model, reporter, corpus)
        except DamagedError as error:
            reporter.message(f"{error.message} Indexing again.")
    return _brought_up_to_date(workspace, settings, model, reporter, corpus)


def _brought_up_to_date(
    workspace: Workspace, settings: Settings, model: EncoderModel, reporter: Reporter, corpus: Corpus
) -> UpToDate:
    began, timer = time.monotonic(), StageTimer(reporter)
    with CatalogStore(workspace.catalog) as catalog:
        if catalog.repair_search():
            reporter.message("The search index of the catalogue was damaged: it was made again.")
    evidence = CorpusFeatures(workspace, settings, corpus)
    selection = Shortlist(evidence, settings.search.k)
    report = build_index(workspace, settings, model, timer, corpus=corpus, selection=selection)
    table, mark, weighed = _weighed(evidence, model, timer)
    matcher, anew = _matcher_of(workspace, settings, model, table, mark, timer)
    if not report.unchanged:
        # From which it is known how long a retrain takes after its training.
        save_stage_seconds(workspace.index / model.id, {n: s for n, s in timer.seconds.items() if n != "encode"})
    return UpToDate(report, weighed, anew, matcher, time.monotonic() - began)


def _weighed(evidence: CorpusFeatures, model: EncoderModel, reporter: Reporter) -> tuple[FeatureTable, str, bool]:
    """The evidence of candidates and labelled pairs, its fingerprint, and whether it had to be computed again."""
    workspace, settings, corpus = evidence.workspace, evidence.settings, evidence.corpus
    candidates = CandidateStore(workspace.derived)
    try:
        listed = [Pair(query, candidate.ref) for query, candidate in candidates.all()]
    finally:
        candidates.close()
    known = {product.ref for product in [*corpus.queries, *corpus.products]}
    listed += [pair for pair in labelled_pairs(workspace, settings) if pair.query in known and pair.candidate in known]
    pairs = sorted(set(listed))
    mark = _fingerprint(workspace, settings, model, corpus, pairs)
    store = FeatureStore(workspace.derived)
    try:
        anew = not store.is_current(mark)
        if anew:
            store.replace(features_of(evidence, model, pairs, reporter), mark)
        table = store.read()
    finally:
        store.close()
    assert table is not None  # noqa: S101 - written above
    return table, mark, anew


def _matcher_of(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    table: FeatureTable,
    evidence_mark: str,
    reporter: Reporter,
) -> tuple[Matcher, bool]:
    """The matcher of labels and evidence as they are, its probabilities published; and whether it was fitted anew."""
    _set_damaged_aside(workspace, model, reporter)
    before = _usable(workspace)
    wanted = _labels_mark(read_training_labels(workspace, settings), settings, evidence_mark)
    if before is not None and before.fingerprint == wanted and _published(workspace):
        return before, False
    reporter.stage("fit the matcher")
    matcher = fitted(workspace, settings, model.id, table, evidence_mark)
    make_way(matcher_path(workspace))
    matcher.save(matcher_path(workspace))
    publish(workspace, matcher, table)
    return matcher, True


def _set_damaged_aside(workspace: Workspace, model: EncoderModel, reporter: Reporter) -> None:
    """Set aside a matcher that cannot be read, and cosines that it would learn from, and say so."""
    try:
        saved_matcher(workspace)
    except DamagedError as error:
        reporter.message(f"{error.message} It is fitted again.")
        set_aside(matcher_path(workspace))
    unseen = out_of_fold_path(workspace, model.id)
    try:
        read_out_of_fold(unseen)
    except DamagedError as error:
        reporter.message(f"{error.message} {error.hint}")
        set_aside(unseen)


def _usable(workspace: Workspace) -> Matcher | None:
    """The matcher in use; None where there is none, or a damaged one, which is replaced."""
    try:
        return saved_matcher(workspace)
    except DamagedError:
        return None


def _published(workspace: Workspace) -> bool:
    store = CandidateStore(workspace.derived)
    try:
        return store.is_scored
    finally:
        store.close()


def _labels_mark(lessons: TrainingLabels, settings: Settings, evidence: str) -> str:
    """Of everything that a fit depends on."""
    digest = hashlib.sha256(f"{_VERSION} {SEED} {evidence} {settings.match.precision} {settings.bands}".encode())
    for part in (*lessons.labels, *sorted(lessons.trust.items())):
        digest.update(repr(part).encode())
    return digest.hexdigest()


def fitted(
    workspace: Workspace,
    settings: Settings,
    model_id: str,
    table: FeatureTable,
    evidence_mark: str = "",
    *,
    without: Collection[Pair] = (),
) -> Matcher:
    """The matcher that the workspace's training labels give; the packaged prior while they are of one class.

    Args:
        workspace: where the labels are.
        settings: the precision to reach.
        model_id: the encoder behind the evidence.
        table: evidence of the labelled pairs, and of those to be judged.
        evidence_mark: of the index run that the evidence is of, for the matcher's own mark.
        without: labelled pairs to leave out, because the matcher is to be measured on them.
    """
    lessons = read_training_labels(workspace, settings, without)
    mark = _labels_mark(lessons, settings, evidence_mark)
    training = training_of(table, lessons.labels, _unseen(workspace, model_id), lessons.trust)
    if not training.both_classes:
        return replace(untrained(table.features, table.vectors), fingerprint=mark)
    matcher = fit_matcher(
        training, table.features, background=table.vectors, seed=SEED, target=settings.match.precision
    )
    return replace(matcher, fingerprint=mark)


def _unseen(workspace: Workspace, model_id: str) -> dict[Pair, float]:
    """The cosines by encoders that had not seen the labels; none where they are damaged, as the index run says."""
    try:
        return read_out_of_fold(out_of_fold_path(workspace, model_id))
    except DamagedError:
        return {}


def publish(workspace: Workspace, matcher: Matcher, table: FeatureTable) -> None:
    """Put the matcher's word on every candidate in derived.db."""
    probabilities = matcher.probabilities(table.vectors)
    standing = MatcherSummary(matcher.threshold, matcher.cuts.high, matcher.cuts.low, matcher.labels, matcher.matches)
    store = CandidateStore(workspace.derived)
    try:
        store.score(
            ((pair.query, pair.candidate, float(p)) for pair, p in zip(table.pairs, probabilities, strict=True)),
            standing,
        )
    finally:
        store.close()


def read_out_of_fold(path: Path) -> dict[Pair, float]:
    """The cosines of pairs by encoders that were not trained on them; none where the encoder was not trained.

    Raises:
        DamagedError: the file is damaged.
    """
    try:
        rows = json.loads(read_bounded(path, _MAX_UNSEEN_BYTES))
        return {Pair(ProductRef(*map(_text, r[:2])), ProductRef(*map(_text, r[2:4]))): _cosine(r[4]) for r in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise DamagedError(
            f"{path.name} of the encoder {path.parent.name} is damaged.",
            "The matcher does without it; the next retrain makes another.",
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _cosine(value: object) -> float:
    if not isinstance(value, int | float) or not -_MAX_COSINE <= value <= _MAX_COSINE:
        raise ValueError(f"{value!r} is no cosine")
    return float(value)


def write_out_of_fold(path: Path, cosines: dict[Pair, float]) -> None:
    """Keep such cosines beside the encoder that they stand in for."""
    rows = [[*pair.query, *pair.candidate, cosine] for pair, cosine in cosines.items()]
    with text_file(path) as out:
        out.write(json.dumps(rows) + "\n")


def current_matcher(workspace: Workspace, settings: Settings, model: EncoderModel) -> Matcher | None:
    """The matcher of the last index run, if labels, settings and encoder are still those that it came from."""
    candidates, evidence = CandidateStore(workspace.derived), FeatureStore(workspace.derived)
    try:
        made_of, encoder = evidence.fingerprint, candidates.model
    finally:
        candidates.close()
        evidence.close()
    matcher = _usable(workspace)
    if matcher is None or made_of is None or encoder != model.id:
        return None
    wanted = _labels_mark(read_training_labels(workspace, settings), settings, made_of)
    return matcher if matcher.fingerprint == wanted else None


def saved_matcher(workspace: Workspace) -> Matcher | None:
    """The matcher in use; None before the first index run.

    Raises:
        DamagedError: its file is damaged.
    """
    path = matcher_path(workspace)
    return load_matcher(path) if identity(path) else None


def labelled_pairs(workspace: Workspace, settings: Settings) -> list[Pair]:
    """The pairs with a label that may train the matcher."""
    with ledger_and_catalogue(workspace) as (store, catalog):
        return [label.pair for label in training_labels(store, settings.labels.rule, catalog)]


def _fingerprint(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, pairs: Sequence[Pair]
) -> str:
    digest = hashlib.sha256()
    # Read before, so that it is known to be a small regular file.
    own = toml_text(workspace.vocabulary).encode() if workspace.vocabulary.exists() else b""
    head = (
        _VERSION,
        model.id,
        settings.match.store_brands,
        settings.encoder.template,
        settings.encoder.max_tokens,
        own,
    )
    for part in (head, *pairs, *_all(corpus)):
        digest.update(repr(part).encode())
    return digest.hexdigest()


def _all(corpus: Corpus) -> Iterable[Product]:
    yield from corpus.queries
    yield from corpus.products
