"""Inter-annotator agreement: overall, per pair of annotators, per category and per band."""

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

#: Band of a pair that was decided without a probability shown.
UNKNOWN = "unknown"
#: Share of the answers from which one class dominates. Chance agreement is then at least 0.8² + 0.2² = 0.68, and a few
#: disagreements make kappa and alpha small.
DOMINANT = 0.8


@dataclass(frozen=True, slots=True)
class AgreementFigures:
    """Agreement on some pairs.

    Attributes:
        pairs: pairs decided by two or more annotators.
        queries: queries of these pairs.
        agreement: share of pairs with unanimous answers, with the Wilson interval.
        kappa: Cohen's kappa, see `core.stats.agreement`.
        alpha: Krippendorff's alpha.
        ac1: Gwet's AC1, which is robust against a dominant class.
        matches: share of answers that are matches; None without pairs.
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
        """The dominant class of the answers; None if there is none."""
        if self.matches is None or 1 - DOMINANT < self.matches < DOMINANT:
            return None
        return Decision.MATCH if self.matches >= DOMINANT else Decision.NO_MATCH

    def as_dict(self) -> dict[str, object]:
        """The figures by name, for JSON; None if undefined."""
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
class AgreementReport:
    """Agreement between all annotators.

    Attributes:
        annotators: names of those with pairs in common with another annotator.
        decisions: explicit decisions, including abstentions.
        unsure: abstentions among them.
        implied_pairs: additional common pairs if implied decisions count.
        overall: over all common pairs.
        couples: per pair of annotators.
        categories: per category of the query, most pairs first.
        bands: per band when decided; empty if the thresholds are unknown.
    """

    annotators: list[str]
    decisions: int
    unsure: int
    implied_pairs: int
    overall: AgreementFigures
    couples: dict[tuple[str, str], AgreementFigures]
    categories: dict[str, AgreementFigures]
    bands: dict[str, AgreementFigures]

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


def figures_of(shared: Sequence[SharedPair]) -> AgreementFigures:
    """Agreement on these pairs."""
    agreement = wilson(sum(each.unanimous for each in shared), len(shared))
    return AgreementFigures(
        pairs=len(shared),
        queries=len({each.query for each in shared}),
        agreement=agreement,
        kappa=kappa(shared),
        alpha=alpha(shared),
        ac1=ac1(shared),
        matches=share_of_matches(shared),
    )


def agreement_report(
    annotations: Iterable[Annotation],
    categories: Mapping[ProductRef, str],
    matcher: MatcherSummary | None,
    *,
    implied: bool = False,
    first: Iterable[Annotation] | None = None,
) -> AgreementReport:
    """Compare the decisions of different annotators on the same pairs.

    Args:
        annotations: current decisions, oldest first.
        categories: of the queries; a missing query has no category.
        matcher: its band thresholds; None or an uncalibrated matcher gives no figures per band.
        implied: include decisions implied by accepting another candidate.
        first: first answers (`labels.first_answers`), oldest first, which are compared; None to compare the current
            decisions.
    """
    annotations = list(annotations)
    compared = annotations if first is None else list(first)
    explicit = [each for each in annotations if each.explicit]
    shared, with_implied = shared_pairs(compared, implied=implied), shared_pairs(compared, implied=True)
    return AgreementReport(
        annotators=sorted({name for each in shared for name in each.votes}),
        decisions=len(explicit),
        unsure=sum(each.match is None for each in explicit),
        implied_pairs=len(with_implied) - len(shared_pairs(compared)),
        overall=figures_of(shared),
        couples={
            couple: figures_of([both for each in shared if (both := each.between(*couple))])
            for couple in annotator_pairs(shared)
        },
        categories=_grouped(shared, lambda each: categories.get(each.query, "")),
        bands=_by_band(shared, matcher) if matcher and matcher.calibrated else {},
    )


def _grouped(shared: Iterable[SharedPair], group: Callable[[SharedPair], str]) -> dict[str, AgreementFigures]:
    """Figures per group of pairs, most pairs first."""
    groups: dict[str, list[SharedPair]] = {}
    for each in shared:
        groups.setdefault(group(each), []).append(each)
    return {name: figures_of(groups[name]) for name in sorted(groups, key=lambda name: (-len(groups[name]), name))}


def _by_band(shared: Iterable[SharedPair], matcher: MatcherSummary) -> dict[str, AgreementFigures]:
    """Figures per band, the highest first."""

    def band(each: SharedPair) -> str:
        return UNKNOWN if each.probability is None else band_of(each.probability, matcher.high, matcher.low).value

    found = _grouped(shared, band)
    return {name: found[name] for name in (*(each.value for each in Band), UNKNOWN) if name in found}
