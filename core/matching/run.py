"""The matcher of a workspace: update candidates, features, matcher and published probabilities after any change.

`bring_up_to_date` is the whole pipeline; each step is skipped while the fingerprint of its inputs is unchanged.
"""

import hashlib
import json
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.catalog.store import CatalogStore
from core.errors import DamagedError
from core.jobs.progress import Reporter, StageTimer
from core.json_store import text_file
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.fitting import TrainingLabels, build_training_set, fit_matcher, read_training_labels
from core.matching.matcher import Matcher, load_matcher, prior_matcher
from core.matching.shortlist import Shortlist
from core.retrieval.candidates import CandidateStore
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
from labels.quarantine import identity, set_aside, set_aside_irregular

#: Incremented when the same inputs give different features.
_VERSION = "5"
#: Of folds and trees.
SEED = 7
#: Repairs in one run: matcher, candidates and features may be damaged, each found after the previous repair.
_MAX_REPAIRS = 3
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
    workspace: Workspace, settings: Settings, model: EncoderModel, reporter: Reporter, *, corpus: Corpus | None = None
) -> UpdateReport:
    """Update index, candidates, features, matcher and probabilities to catalogue, settings, labels and champion.

    Damaged files are set aside, reported, and created again.

    Raises:
        CatalogError: nothing was imported.
        ModelError: something must be encoded, and the model cannot be loaded.
    """
    corpus = corpus or Corpus.read(workspace)
    for _ in range(_MAX_REPAIRS):
        try:
            return _update(workspace, settings, model, reporter, corpus)
        except DamagedError as error:
            reporter.message(f"{error.message} Indexing again.")
    return _update(workspace, settings, model, reporter, corpus)


def _update(
    workspace: Workspace, settings: Settings, model: EncoderModel, reporter: Reporter, corpus: Corpus
) -> UpdateReport:
    began, timer = time.monotonic(), StageTimer(reporter)
    with CatalogStore(workspace.catalog) as catalog:
        if catalog.repair_search():
            reporter.message("The search index of the catalogue was damaged and has been rebuilt.")
    corpus_features = CorpusFeatures(workspace, settings, corpus)
    selection = Shortlist(corpus_features, settings.search.k)
    report = build_index(workspace, settings, model, timer, corpus=corpus, selection=selection)
    table, fingerprint, weighed = _update_features(corpus_features, model, timer)
    matcher, fitted = _update_matcher(workspace, settings, model, table, fingerprint, timer)
    if not report.unchanged:
        # The estimate of a retrain's duration uses these.
        save_stage_seconds(workspace.index / model.id, {n: s for n, s in timer.seconds.items() if n != "encode"})
    return UpdateReport(report, weighed, fitted, matcher, time.monotonic() - began)


def _update_features(
    corpus_features: CorpusFeatures, model: EncoderModel, reporter: Reporter
) -> tuple[FeatureTable, str, bool]:
    """The features of candidates and labelled pairs, their fingerprint, and whether they were computed now."""
    workspace, settings, corpus = corpus_features.workspace, corpus_features.settings, corpus_features.corpus
    with closing(CandidateStore(workspace.derived)) as candidates:
        listed = [Pair(query, candidate.ref) for query, candidate in candidates.all()]
    known = {product.ref for product in [*corpus.queries, *corpus.products]}
    listed += [pair for pair in labelled_pairs(workspace, settings) if pair.query in known and pair.candidate in known]
    pairs = sorted(set(listed))
    fingerprint = _features_fingerprint(workspace, settings, model, corpus, pairs)
    with closing(FeatureStore(workspace.derived)) as store:
        outdated = not store.is_current(fingerprint)
        if outdated:
            store.replace(compute_features(corpus_features, model, pairs, reporter), fingerprint)
        table = store.read()
    assert table is not None  # noqa: S101 - written above
    return table, fingerprint, outdated


def _update_matcher(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    table: FeatureTable,
    features_fingerprint: str,
    reporter: Reporter,
) -> tuple[Matcher, bool]:
    """The current matcher with its probabilities published, and whether it was fitted or published now."""
    _set_damaged_aside(workspace, model, reporter)
    current = _readable_matcher(workspace)
    wanted = _matcher_fingerprint(read_training_labels(workspace, settings), settings, features_fingerprint)
    if current is not None and current.fingerprint == wanted:
        if _is_published(workspace):
            return current, False
        publish(workspace, current, table)  # derived.db was made again; another fit would give the same matcher
        return current, True
    reporter.stage("fit the matcher")
    matcher = fit_to_labels(workspace, settings, model.id, table, features_fingerprint)
    set_aside_irregular(matcher_path(workspace))
    matcher.save(matcher_path(workspace))
    publish(workspace, matcher, table)
    return matcher, True


def _set_damaged_aside(workspace: Workspace, model: EncoderModel, reporter: Reporter) -> None:
    """Set aside a damaged matcher and damaged out-of-fold cosines, and report it."""
    try:
        saved_matcher(workspace)
    except DamagedError as error:
        reporter.message(f"{error.message} It is fitted again.")
        set_aside(matcher_path(workspace))
    cosines = out_of_fold_path(workspace, model.id)
    try:
        read_out_of_fold(cosines)
    except DamagedError as error:
        reporter.message(f"{error.message} {error.hint}")
        set_aside(cosines)


def _readable_matcher(workspace: Workspace) -> Matcher | None:
    """The current matcher; None where there is none, or a damaged one, which an update replaces."""
    try:
        return saved_matcher(workspace)
    except DamagedError:
        return None


def _is_published(workspace: Workspace) -> bool:
    with closing(CandidateStore(workspace.derived)) as store:
        return store.is_scored


def _matcher_fingerprint(training: TrainingLabels, settings: Settings, features_fingerprint: str) -> str:
    """A hash of everything a fit depends on."""
    digest = hashlib.sha256(
        f"{_VERSION} {SEED} {features_fingerprint} {settings.match.precision} {settings.bands}".encode()
    )
    for part in (*training.labels, *sorted(training.trust.items())):
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
    training = build_training_set(table, found.labels, _out_of_fold(workspace, model_id), found.trust)
    if not training.both_classes:
        return replace(prior_matcher(table.features, table.vectors), fingerprint=fingerprint)
    matcher = fit_matcher(
        training, table.features, background=table.vectors, seed=SEED, target=settings.match.precision
    )
    return replace(matcher, fingerprint=fingerprint)


def _out_of_fold(workspace: Workspace, model_id: str) -> dict[Pair, float]:
    """The out-of-fold cosines of an encoder; none where the file is damaged, which an update reports."""
    try:
        return read_out_of_fold(out_of_fold_path(workspace, model_id))
    except DamagedError:
        return {}


def compute_features(
    corpus_features: CorpusFeatures, model: EncoderModel, pairs: Sequence[Pair], reporter: Reporter
) -> FeatureTable:
    """The features of pairs; pairs with a product outside the corpus are left out.

    Raises:
        ModelError: something must be encoded, and the model cannot be loaded.
    """
    corpus = corpus_features.corpus
    query_vectors, product_vectors = encode_corpus(
        corpus_features.workspace, corpus_features.settings, model, corpus, reporter
    )
    row_of = {query.ref: i for i, query in enumerate(corpus.queries)}
    column_of = {product.ref: i for i, product in enumerate(corpus.products)}
    known = [pair for pair in pairs if pair.query in row_of and pair.candidate in column_of]
    reporter.stage("compute the features")
    rows = np.array([row_of[pair.query] for pair in known], np.int64)
    columns = np.array([column_of[pair.candidate] for pair in known], np.int64)
    cosines = np.einsum("nd,nd->n", query_vectors[rows], product_vectors[columns])
    return FeatureTable(corpus_features.names, known, corpus_features.compute(rows, columns, cosines))


def publish(workspace: Workspace, matcher: Matcher, table: FeatureTable) -> None:
    """Write the matcher's probability of every candidate to derived.db."""
    probabilities = matcher.probabilities(table.vectors)
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


def _features_fingerprint(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, pairs: Sequence[Pair]
) -> str:
    """A hash of everything the features depend on."""
    digest = hashlib.sha256()
    vocabulary = toml_text(workspace.vocabulary).encode() if workspace.vocabulary.exists() else b""
    head = (
        _VERSION,
        model.id,
        settings.match.store_brands,
        settings.encoder.template,
        settings.encoder.max_tokens,
        vocabulary,
    )
    digest.update(settings.encoder.later_settings.encode())
    for part in (head, *pairs, *corpus.queries, *corpus.products):
        digest.update(repr(part).encode())
    return digest.hexdigest()
