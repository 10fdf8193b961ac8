"""Agreement between annotators: over all, of every two, by category, by band."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from core.matching.bands import Band, band_of
from core.retrieval.candidates import MatcherSummary
from core.stats.agreement import (
    Estimate,
    SharedPair,
    ac1,
    alpha,
    annotator_pairs,
    kappa,
    share_of_matches,
    shared_pairs,
)
from core.stats.wilson import Precision, wilson
from labels.annotations import Annotation
from labels.model import Decision, ProductRef

#: The band of a pair that nobody was shown a probability of.
UNKNOWN = "unknown"
#: From this share of the answers on, one class dominates: chance alone agrees on two of three pairs then (0.8² + 0.2²),
#: and a few disagreements make kappa and alpha small.
DOMINANT = 0.8


@dataclass(frozen=True, slots=True)
class Figures:
    """How far people agree on some pairs.

    Attributes:
        pairs: that two or more people decided.
        queries: that these pairs are of.
        agreement: on how many of them all say the same, with the Wilson interval.
        kappa: Cohen's, see `core.stats.agreement`.
        alpha: Krippendorff's.
        ac1: Gwet's, which a dominating class does not make small.
        matches: the share of answers that are matches; None where there is no pair.
    """

    pairs: int
    queries: int
    agreement: Precision
    kappa: Estimate
    alpha: Estimate
    ac1: Estimate
    matches: float | None

    @property
    def dominant(self) -> Decision | None:
        """The class that dominates the answers; None where neither does."""
        if self.matches is None or 1 - DOMINANT < self.matches < DOMINANT:
            return None
        return Decision.MATCH if self.matches >= DOMINANT else Decision.NO_MATCH

    def as_dict(self) -> dict[str, object]:
        """The figures by name, for JSON; None for what is undefined."""
        agreement = self.agreement
        known = agreement.labels > 0
        return {
            "pairs": self.pairs,
            "queries": self.queries,
            "agreement": {
                "agreed": agreement.right,
                "share": agreement.right / agreement.labels if known else None,
                "low": agreement.low if known else None,
                "high": agreement.high if known else None,
            },
            "kappa": asdict(self.kappa),
            "alpha": asdict(self.alpha),
            "ac1": asdict(self.ac1),
            "matches": self.matches,
            "dominant": self.dominant or "",
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The agreement between all annotators.

    Attributes:
        annotators: who decided a pair that somebody else decided too, by name.
        decisions: explicit ones, abstentions among them.
        unsure: how many of these are abstentions.
        implied_pairs: pairs in common only once implied decisions count as well.
        couples: of every two with pairs in common.
        categories: of the queries, most pairs first.
        bands: of the pairs; empty where their cuts are not known.
    """

    annotators: list[str]
    decisions: int
    unsure: int
    implied_pairs: int
    overall: Figures
    couples: dict[tuple[str, str], Figures]
    categories: dict[str, Figures]
    bands: dict[str, Figures]

    def as_dict(self) -> dict[str, object]:
        """The figures by name, for JSON."""
        return {
            "annotators": self.annotators,
            "decisions": self.decisions,
            "unsure": {"decisions": self.unsure, "share": self.unsure / self.decisions if self.decisions else None},
            "implied_pairs": self.implied_pairs,
            "overall": self.overall.as_dict(),
            "couples": [{"annotators": list(names), **each.as_dict()} for names, each in self.couples.items()],
            "categories": [{"category": name, **each.as_dict()} for name, each in self.categories.items()],
            "bands": [{"band": name, **each.as_dict()} for name, each in self.bands.items()],
        }


def figures_of(shared: Sequence[SharedPair]) -> Figures:
    """How far people agree on these pairs."""
    agreement = wilson(sum(each.unanimous for each in shared), len(shared))
    return Figures(
        pairs=len(shared),
        queries=len({each.query for each in shared}),
        agreement=agreement,
        kappa=kappa(shared),
        alpha=alpha(shared),
        ac1=ac1(shared),
        matches=share_of_matches(shared),
    )


def agreement_report(
    said: Iterable[Annotation],
    categories: Mapping[ProductRef, str],
    standing: MatcherSummary | None,
    *,
    implied: bool = False,
    first: Iterable[Annotation] | None = None,
) -> Report:
    """Compare what people said of the same pairs.

    Args:
        said: standing decisions, oldest first.
        categories: of the queries; one that is absent has none.
        standing: where the bands are cut now; None if no matcher has spoken yet. One that no labels stand behind has
            no bands to tell.
        implied: compare what follows from accepting another candidate too.
        first: first answers (`labels.first_answers`), oldest first, which are what is compared; the standing ones,
            where they are not known.
    """
    said = list(said)
    compared = said if first is None else list(first)
    explicit = [each for each in said if each.explicit]
    chosen, wider = shared_pairs(compared, implied=implied), shared_pairs(compared, implied=True)
    return Report(
        annotators=sorted({name for each in chosen for name in each.votes}),
        decisions=len(explicit),
        unsure=sum(each.match is None for each in explicit),
        implied_pairs=len(wider) - len(shared_pairs(compared)),
        overall=figures_of(chosen),
        couples={
            couple: figures_of([both for each in chosen if (both := each.between(*couple))])
            for couple in annotator_pairs(chosen)
        },
        categories=_grouped(chosen, lambda each: categories.get(each.query, "")),
        bands=_by_band(chosen, standing) if standing and standing.calibrated else {},
    )


def _grouped(shared: Iterable[SharedPair], group: Callable[[SharedPair], str]) -> dict[str, Figures]:
    """The figures of each group of pairs, most pairs first."""
    groups: dict[str, list[SharedPair]] = {}
    for each in shared:
        groups.setdefault(group(each), []).append(each)
    return {name: figures_of(groups[name]) for name in sorted(groups, key=lambda name: (-len(groups[name]), name))}


def _by_band(shared: Iterable[SharedPair], standing: MatcherSummary) -> dict[str, Figures]:
    """The figures of each band, the highest first."""

    def band(each: SharedPair) -> str:
        known = each.probability is not None
        return band_of(each.probability, standing.high, standing.low).value if known else UNKNOWN

    found = _grouped(shared, band)
    return {name: found[name] for name in (*(each.value for each in Band), UNKNOWN) if name in found}
