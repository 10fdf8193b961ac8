"""Why a pair has its probability: the strongest evidence for and against, in words.

The figures are the matcher's own: what each feature adds to the score, summed by concept. Features of one concept
measure the same thing in several ways, so that only their sum has a sign that means something: one weight is often
negative to make up for another. Where even the sum contradicts what can be said of the pair, such as against for texts
that are alike, it is no reason, and counts among the other features. All reasons together, the other features and what
every pair starts from are the score; a test holds them to it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.match.evidence.builder import FEATURES
from core.match.evidence.feature import OTHER
from core.match.matcher import Matcher
from core.match.reason import Direction, Reason, Reasons
from core.match.wording import Teller
from core.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How many reasons are told either way.
MOST = 3
#: Log-odds below which a reason is not worth the reading: it moves a probability by less than two hundredths.
_LEAST = 0.05

#: Names that evidence of the competition has, whichever likeness it goes by.
_RIVAL = re.compile(r"_(lead|place)(_back)?$")
_GROUPS = {feature.name: feature.group for feature in FEATURES}
#: Groups that measure what another group measures, by the concept of both; every other group is a concept of its own.
_CONCEPTS = {
    "similarity": "text",
    "details": "text",
    "query words": "text",
    "candidate words": "text",
    "codes": "model number",
}


class Explainer:
    """Tells the reasons of one matcher's probabilities.

    Args:
        matcher: whose contributions are told.
        vocabulary: colours, kinds, brands, as the evidence knows them.
        rarity: in how many listings a word stands; what is rare says most.
    """

    def __init__(self, matcher: Matcher, vocabulary: Vocabulary, rarity: Callable[[str], int]) -> None:
        self._matcher = matcher
        self._teller = Teller(vocabulary, rarity)

    def reasons(self, query: Product, candidate: Product, evidence: "NDArray[np.float32]") -> Reasons:
        """The reasons for and against one pair; `evidence` is its row, shape (features,)."""
        return self.of_each([(query, candidate)], evidence[None, :])[0]

    def of_each(self, pairs: Sequence[tuple[Product, Product]], evidence: "NDArray[np.float32]") -> list[Reasons]:
        """The reasons for and against each of n pairs; `evidence` is theirs, shape (n, features)."""
        contributions = self._matcher.contributions(evidence)
        return [
            self._told(query, candidate, row, parts)
            for (query, candidate), row, parts in zip(pairs, evidence, contributions, strict=True)
        ]

    def _told(
        self, query: Product, candidate: Product, evidence: "NDArray[np.float32]", parts: "NDArray[np.float64]"
    ) -> Reasons:
        known = dict(zip(self._matcher.features, map(float, evidence), strict=True))
        told = []
        for concept, groups in by_concept(by_group(self._matcher.features, parts)).items():
            total = sum(groups.values())
            if abs(total) >= _LEAST and (text := self._worded(query, candidate, known, groups, total)):
                told.append(Reason(concept, text, total))
        told.sort(key=lambda reason: -abs(reason.contribution))
        pros = tuple(reason for reason in told if reason.direction is Direction.FOR)[:MOST]
        cons = tuple(reason for reason in told if reason.direction is Direction.AGAINST)[:MOST]
        score, start = float(parts.sum()), float(parts[-1])
        return Reasons(pros, cons, score, start, score - start - sum(r.contribution for r in (*pros, *cons)))

    def _worded(
        self, query: Product, candidate: Product, known: Mapping[str, float], groups: Mapping[str, float], total: float
    ) -> str:
        """What can be said of a concept that leans the way of its total, of the group that adds most to it.

        Empty where all that can be said leans the other way or nowhere.
        """
        way = 1 if total > 0 else -1
        for group in sorted(groups, key=lambda name: -way * groups[name]):
            if way * groups[group] <= 0:
                break
            for fact in self._teller.facts(group, query, candidate, known):
                if fact.leans == way:
                    return fact.text
        return ""


def by_group(features: Sequence[str], contributions: "NDArray[np.float64]") -> dict[str, float]:
    """What each group of features adds to a pair's score; the last of `contributions` belongs to no feature."""
    sums: dict[str, float] = {}
    for name, value in zip(features, contributions, strict=False):
        group = _GROUPS.get(name) or ("rivals" if _RIVAL.search(name) else OTHER)
        sums[group] = sums.get(group, 0.0) + float(value)
    return sums


def by_concept(groups: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The same by concept; features that are no reason by themselves are left out."""
    concepts: dict[str, dict[str, float]] = {}
    for group, value in groups.items():
        if group != OTHER:
            concepts.setdefault(_CONCEPTS.get(group, group), {})[group] = value
    return concepts
