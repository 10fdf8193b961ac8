"""The promotion decision: a challenger becomes champion if its gain is significant on enough evaluation queries.

The gain is that of one metric of one ranking, by default the matcher's: it is the order that annotators see, and it can
stay as it is however much the encoder's own ranking gains. Where it does, but significantly more matches are among the
ten, recall decides. No guard metric may lose significantly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.evaluation.comparison import RANKING_NAMES, Change, Comparison
from core.settings import RetrainSettings
from labels.wording import counted

#: Metrics that must not lose significantly, in the ranking of the gate and in the hybrid ranking; nor may F1 of pairs.
GUARD_METRICS = ("hit@1", "recall@10")

#: The metric that decides where the one of the settings shows no significant change: matches that were no candidates.
_RECALL = "recall@10"

#: Rounding error of a difference.
_ROUNDING = 1e-9
#: The rankings as they are named in a decision, by key.
_RANKINGS = {
    "encoder": "the encoder's ranking (dense)",
    "lexical": "the lexical ranking",
    "fused": "the hybrid ranking",
    "matched": "the matcher's ranking",
}
_RANKING_KEYS = {name: key for key, name in RANKING_NAMES.items()}


class PromotionOutcome(StrEnum):
    """Promoted, better but waiting for a manual promotion, or rejected."""

    PROMOTED = "promoted"
    WAITING = "waiting"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """The decision on a challenger.

    Attributes:
        reason: a sentence.
        ranking: key of the ranking that decided.
        metric: name of the metric that decided.
    """

    outcome: PromotionOutcome
    reason: str
    ranking: str
    metric: str


def gate_ranking(settings: RetrainSettings, comparison: Comparison) -> str:
    """Key of the ranking that decides: the one of the settings; with `auto` the matcher's, if it was compared."""
    if settings.gate != "auto":
        return _RANKING_KEYS[settings.gate]
    return "matched" if "matched" in comparison.rankings else "fused"


def is_hopeless(settings: RetrainSettings, comparison: Comparison) -> bool:
    """Whether a comparison without the matcher's ranking rules a promotion out, so that it need not be measured."""
    if settings.gate in {"hybrid", "dense"}:
        return decide_promotion(settings, comparison, lead=True).outcome is PromotionOutcome.REJECTED
    too_few = len(comparison.queries) < settings.min_queries
    return too_few or is_significant_loss(comparison.changes["fused"][settings.gate_metric])


def is_significant_loss(change: Change) -> bool:
    """Whether the metric is worse, and the 95 % interval of its difference lies below zero."""
    return change.by < 0 and (change.interval is None or change.interval[1] < 0)


def _is_significant_gain(change: Change) -> bool:
    """Whether the metric is better, and the 95 % interval of its difference lies above zero."""
    return change.by > 0 and (change.interval is None or change.interval[0] > 0)


def _deciding_metric(settings: RetrainSettings, changes: Mapping[str, Change]) -> str:
    """The metric of the settings; with the gate `auto`, recall where it alone changes significantly, for the better."""
    change, recall = changes[settings.gate_metric], changes[_RECALL]
    unchanged = not (_is_significant_gain(change) or is_significant_loss(change))
    return _RECALL if settings.gate == "auto" and unchanged and _is_significant_gain(recall) else settings.gate_metric


def decide_promotion(settings: RetrainSettings, comparison: Comparison, *, lead: bool) -> PromotionDecision:
    """Decide on the promotion of a challenger, the second encoder of a comparison.

    The gain is significant if its 95 % interval, from a paired bootstrap over queries, lies above zero. The bootstrap
    is unreliable with very few queries, hence the minimum.

    Args:
        settings: the gate, `promote` and `min_queries`.
        comparison: champion and challenger on the evaluation queries.
        lead: whether the user who started the retrain may promote encoders.
    """
    ranking = gate_ranking(settings, comparison)
    outcome, reason = PromotionOutcome.REJECTED, ""
    if ranking not in comparison.rankings:
        # Only if the settings name a ranking: without out-of-fold cosines of both encoders there is none by a matcher.
        reason = f"The champion stays: {_RANKINGS[ranking]}, which retrain.gate names, was not compared."
        return PromotionDecision(outcome, reason, ranking, settings.gate_metric)
    metric = _deciding_metric(settings, comparison.changes[ranking])
    change, queries = comparison.changes[ranking][metric], len(comparison.queries)
    measured = f"{_RANKINGS[ranking]}: {_measured(metric, change)}"
    command = f"`samesku models promote {comparison.after}`"
    lost = next(_lost_guards(comparison, ranking), "")
    if change.by <= 0:
        reason = f"The champion stays: the challenger is not better ({measured})."
    elif queries < settings.min_queries:
        few = f"{counted(queries, 'evaluation query is', 'evaluation queries are')} too few"
        reason = f"The champion stays: {few} (retrain.min_queries is {settings.min_queries:,}; {measured})."
    elif change.interval is not None and change.interval[0] <= 0:
        reason = f"The champion stays: the gain is not significant ({measured})."
    elif change.by < settings.min_gain - _ROUNDING:
        reason = f"The champion stays: the gain is below retrain.min_gain, {settings.min_gain:g} ({measured})."
    elif lost:
        reason = f"The champion stays: the challenger is better ({measured}), but worse in {lost}."
    elif settings.promote == "never":
        outcome = PromotionOutcome.WAITING
        reason = f"The challenger is better ({measured}). {command} makes it the champion."
    elif not lead:
        outcome = PromotionOutcome.WAITING
        reason = f"The challenger is better ({measured}), and waits for a lead: {command}."
    else:
        outcome = PromotionOutcome.PROMOTED
        reason = f"The challenger is the champion now ({measured})."
    return PromotionDecision(outcome, reason, ranking, metric)


def _lost_guards(comparison: Comparison, ranking: str) -> Iterator[str]:
    """The guard metrics with a significant loss, such as `the hybrid ranking: recall@10 0.990 → 0.960, …`."""
    for guarded in dict.fromkeys((ranking, "fused")):
        for metric in GUARD_METRICS:
            change = comparison.changes.get(guarded, {}).get(metric)
            if change is not None and is_significant_loss(change):
                yield f"{_RANKINGS[guarded]}: {_measured(metric, change)}"
    f1 = comparison.pairs.get("f1")
    if f1 is not None and is_significant_loss(f1):
        yield f"pairs by the matcher: {_measured('F1', f1)}"


def _measured(metric: str, change: Change) -> str:
    """Such as `mrr@10 0.800 → 0.893, +0.093, 95 % interval +0.041 to +0.148`."""
    figures = f"{metric} {change.before.value:.3f} → {change.after.value:.3f}"
    if change.interval is None:
        return figures
    low, high = change.interval
    return f"{figures}, {change.by:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"
