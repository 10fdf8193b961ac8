"""The promotion decision: a challenger becomes champion if its gain is significant on enough evaluation queries."""

from dataclasses import dataclass
from enum import StrEnum

from core.evaluation.comparison import Change
from core.settings import RetrainSettings
from labels.wording import counted


class PromotionOutcome(StrEnum):
    """Promoted, better but waiting for a manual promotion, or rejected."""

    PROMOTED = "promoted"
    WAITING = "waiting"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """Outcome for a challenger, and the reason as a sentence."""

    outcome: PromotionOutcome
    reason: str


def decide_promotion(
    settings: RetrainSettings, challenger: str, metric: str, change: Change, queries: int, *, lead: bool
) -> PromotionDecision:
    """Decide on the promotion of a challenger.

    The gain is significant if its 95 % interval, from a paired bootstrap over queries, lies above zero. The bootstrap
    is unreliable with very few queries, hence the minimum.

    Args:
        settings: `promote` and `min_queries`.
        challenger: id of the encoder.
        metric: name of the primary metric.
        change: of this metric on the evaluation queries.
        queries: number of evaluation queries.
        lead: whether the user who started the retrain may promote encoders.
    """
    measured = f"{metric} {change.before.value:.3f} → {change.after.value:.3f}{_gain(change)}"
    command = f"`samesku models promote {challenger}`"
    outcome = PromotionOutcome.REJECTED
    if change.by <= 0:
        reason = f"The champion stays: the challenger is not better ({measured})."
    elif queries < settings.min_queries:
        few = f"{counted(queries, 'evaluation query is', 'evaluation queries are')} too few"
        reason = f"The champion stays: {few} (retrain.min_queries is {settings.min_queries:,}; {measured})."
    elif change.interval is not None and change.interval[0] <= 0:
        reason = f"The champion stays: the gain is not significant ({measured})."
    elif settings.promote == "never":
        outcome = PromotionOutcome.WAITING
        reason = f"The challenger is better ({measured}). {command} makes it the champion."
    elif not lead:
        outcome = PromotionOutcome.WAITING
        reason = f"The challenger is better ({measured}), and waits for a lead: {command}."
    else:
        outcome = PromotionOutcome.PROMOTED
        reason = f"The challenger is the champion now ({measured})."
    return PromotionDecision(outcome, reason)


def _gain(change: Change) -> str:
    """Such as `, +0.093, 95 % interval +0.041 to +0.148`."""
    if change.interval is None:
        return ""
    low, high = change.interval
    return f", {change.by:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"
