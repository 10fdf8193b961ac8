"""The matcher's word on pairs that somebody asks about, whether they are candidates or not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.matcher import Matcher
from core.matching.run import current_matcher, features_of, fitted, labelled_pairs
from core.retrieval.encoder_files import EncoderModel
from labels.model import Pair


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Pairs with the matcher that judged them.

    Attributes:
        probability: P(match) of each pair that was asked about.
        similarity: its cosine by the encoder.
        matcher: who said so.
    """

    probability: dict[Pair, float]
    similarity: dict[Pair, float]
    matcher: Matcher


def score_pairs(
    evidence: CorpusFeatures,
    model: EncoderModel,
    pairs: Sequence[Pair],
    reporter: Reporter,
    *,
    without: Collection[Pair] = (),
) -> ScoredPairs:
    """Ask the matcher about pairs of the corpus: the one in use, or one that has not learnt from these very labels.

    Args:
        evidence: of all products.
        model: the encoder behind the cosine.
        pairs: the pairs to judge.
        reporter: hears progress.
        without: labelled pairs that must not be learnt from.
    """
    workspace, settings = evidence.workspace, evidence.settings
    labelled = set(labelled_pairs(workspace, settings))
    matcher = current_matcher(workspace, settings, model) if labelled.isdisjoint(without) else None
    learnt = labelled - set(without) if matcher is None else set()
    table = features_of(evidence, model, sorted({*pairs, *learnt}), reporter)
    vectors = table.vectors[[table.row[pair] for pair in pairs]]
    if matcher is None:
        reporter.stage("fit the matcher")
        matcher = fitted(workspace, settings, model.id, table, without=without)
    cosine = table.features.index("cosine")
    return ScoredPairs(
        probability=dict(zip(pairs, matcher.probabilities(vectors).tolist(), strict=True)),
        similarity=dict(zip(pairs, vectors[:, cosine].tolist(), strict=True)),
        matcher=matcher,
    )
