"""The order in which people see candidates: the matcher's."""

from collections.abc import Sequence

from core.encode.models import EncoderModel
from core.evaluate.encoder import Ranking
from core.jobs.progress import Reporter
from core.match.evidence.corpus import CorpusEvidence
from core.match.judging import Judged, judge_pairs
from labels.model import Pair


def matched_ranking(evidence: CorpusEvidence, model: EncoderModel, fused: Ranking, reporter: Reporter) -> Ranking:
    """The same candidates in the order in which `match` writes them."""
    return reordered(fused, judge_pairs(evidence, model, pairs_of(fused), reporter))


def pairs_of(ranking: Ranking) -> Sequence[Pair]:
    """Every query with each of its candidates."""
    return [Pair(query, candidate) for query, candidates in ranking.items() for candidate in candidates]


def reordered(ranking: Ranking, judged: Judged) -> Ranking:
    """The same candidates by falling probability."""
    return {
        query: sorted(candidates, key=lambda c: -judged.probability[Pair(query, c)])
        for query, candidates in ranking.items()
    }
