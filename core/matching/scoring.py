"""Score any pairs of the corpus with the matcher, whether they are candidates or not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.errors import DamagedError
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.matcher import Matcher
from core.matching.run import (
    compute_features,
    current_matcher,
    fit_to_labels,
    labelled_pairs,
    settings_fingerprint,
    texts_of,
)
from core.matching.shortlist import Shortlist
from core.retrieval.array_file import ARRAY_ERRORS, load_arrays
from core.retrieval.corpus_vectors import index_folder
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import is_indexed
from core.retrieval.index_state import STATISTICS
from core.retrieval.manifest import index_damage
from labels.model import Pair


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Scored pairs.

    Attributes:
        probability: P(match) by pair.
        similarity: the encoder's cosine by pair.
        matcher: the matcher that scored them.
    """

    probability: dict[Pair, float]
    similarity: dict[Pair, float]
    matcher: Matcher


def as_indexed(corpus_features: CorpusFeatures, model: EncoderModel) -> CorpusFeatures:
    """The features as the last index run has computed them, so that a candidate has its stored probability.

    They have the statistics of the last full run. Without an intact index of the corpus, they have those of the corpus.
    """
    workspace, settings, corpus = corpus_features.workspace, corpus_features.settings, corpus_features.corpus
    folder = index_folder(workspace, model)
    fingerprint = settings_fingerprint(workspace, settings, model)
    if not is_indexed(workspace, fingerprint, corpus.version) or index_damage(folder, quick=True):
        return corpus_features
    selection = Shortlist(corpus_features, settings.search.k)
    try:
        selection.restore(load_arrays(folder / STATISTICS))
    except (DamagedError, *ARRAY_ERRORS):
        return corpus_features
    return selection.features


def score_pairs(
    corpus_features: CorpusFeatures,
    model: EncoderModel,
    pairs: Sequence[Pair],
    reporter: Reporter,
    *,
    without: Collection[Pair] = (),
) -> ScoredPairs:
    """Score pairs with the current matcher, or with one that is fitted without some of the labels.

    Args:
        corpus_features: of all products.
        model: the encoder that the cosines come from.
        pairs: the pairs to score.
        reporter: receives progress.
        without: labelled pairs that the matcher must not be fitted on.
    """
    workspace, settings = corpus_features.workspace, corpus_features.settings
    labelled = set(labelled_pairs(workspace, settings))
    matcher = current_matcher(workspace, settings, model) if labelled.isdisjoint(without) else None
    training = labelled - set(without) if matcher is None else set()
    table = compute_features(corpus_features, model, sorted({*pairs, *training}), reporter)
    vectors = table.vectors[[table.row[pair] for pair in pairs]]
    if matcher is None:
        reporter.stage("fit the matcher")
        matcher = fit_to_labels(workspace, settings, model.id, table, without=without)
    cosine = table.features.index("cosine")
    return ScoredPairs(
        probability=dict(zip(pairs, matcher.probabilities(vectors, texts_of(workspace, pairs)).tolist(), strict=True)),
        similarity=dict(zip(pairs, vectors[:, cosine].tolist(), strict=True)),
        matcher=matcher,
    )
