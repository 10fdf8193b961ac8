"""Why a pair has its probability: the strongest evidence for and against, in words.

The figures are the matcher's own: what each feature adds to the score, summed over the features that are told as one
reason. All reasons together, and what every pair starts from, are the score; a test holds them to it.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.match.evidence.builder import FEATURES
from core.match.fact import Fact
from core.match.matcher import Matcher
from core.match.reason import Reason, Reasons
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
        groups = by_group(self._matcher.features, parts)
        ranked = sorted((group for group in groups if abs(groups[group]) >= _LEAST), key=lambda g: -abs(groups[g]))
        known = dict(zip(self._matcher.features, map(float, evidence), strict=True))

        def worded(names: list[str]) -> tuple[Reason, ...]:
            return tuple(
                Reason(name, _said(self._teller.facts(name, query, candidate, known), name, groups[name]), groups[name])
                for name in names[:MOST]
            )

        pros = worded([group for group in ranked if groups[group] > 0])
        cons = worded([group for group in ranked if groups[group] < 0])
        score, start = float(parts.sum()), float(parts[-1])
        return Reasons(pros, cons, score, start, score - start - sum(r.contribution for r in (*pros, *cons)))


def by_group(features: tuple[str, ...], contributions: "NDArray[np.float64]") -> dict[str, float]:
    """What each group of features adds to a pair's score; the last of `contributions` is nobody's."""
    sums: dict[str, float] = {}
    for name, value in zip(features, contributions, strict=False):
        group = _GROUPS.get(name) or ("rivals" if _RIVAL.search(name) else name)
        sums[group] = sums.get(group, 0.0) + float(value)
    return sums


def _said(facts: list[Fact], group: str, contribution: float) -> str:
    """The first statement that leans the way the contribution goes, else one that leans nowhere.

    A model may count against a pair what reads like a point for it (all its rivals agree on the brand as well); a
    sentence that says the opposite of its bar would only confuse.
    """
    way = 1 if contribution > 0 else -1
    for wanted in (way, 0):
        for fact in facts:
            if fact.leans == wanted:
                return fact.text
    return group
