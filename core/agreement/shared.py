"""Pairs that several people decided, each on their own."""

from collections.abc import Iterable
from dataclasses import dataclass

from labels.model import Pair, ProductRef, Stream
from labels.said import Said


@dataclass(frozen=True, slots=True)
class Shared:
    """One pair that two or more people decided.

    Attributes:
        votes: whether it is a match, by annotator.
        probability: the first P(match) that one of them was shown: later ones have learnt from that decision.
    """

    pair: Pair
    votes: dict[str, bool]
    probability: float | None

    @property
    def query(self) -> ProductRef:
        """The product under review."""
        return self.pair.query

    @property
    def unanimous(self) -> bool:
        """Whether all say the same."""
        return len(set(self.votes.values())) == 1

    def between(self, one: str, other: str) -> "Shared | None":
        """The pair as these two decided it; None unless both did."""
        if one not in self.votes or other not in self.votes:
            return None
        return Shared(self.pair, {name: self.votes[name] for name in (one, other)}, self.probability)


def shared_pairs(said: Iterable[Said], *, implied: bool = False) -> list[Shared]:
    """The pairs with two or more opinions, by pair.

    Abstentions are no opinions, and adjudications are none either: whoever rules has seen what the others said.

    Args:
        said: first answers, oldest first.
        implied: count what follows from accepting another candidate too.
    """
    by_pair: dict[Pair, list[Said]] = {}
    for each in said:
        if each.match is not None and each.stream is not Stream.ADJUDICATION and (implied or each.explicit):
            by_pair.setdefault(each.pair, []).append(each)
    return [
        Shared(
            pair,
            {each.annotator: bool(each.match) for each in opinions},
            next((each.probability for each in opinions if each.probability is not None), None),
        )
        for pair, opinions in sorted(by_pair.items())
        if len(opinions) > 1
    ]
