"""Whether a challenger becomes champion: enough to judge on, a gain beyond chance, and a lead where there are leads."""

from dataclasses import dataclass
from enum import StrEnum

from core.evaluation.comparison import Change
from core.settings import RetrainSettings
from labels.wording import counted


class Outcome(StrEnum):
    """What becomes of a challenger: it is put in use, it is good enough and somebody has to say so, or neither."""

    PROMOTED = "promoted"
    WAITING = "waiting"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a challenger, and why, a sentence for people."""

    outcome: Outcome
    reason: str


def decide(
    settings: RetrainSettings, challenger: str, metric: str, change: Change, queries: int, *, lead: bool
) -> Decision:
    """What becomes of a challenger.

    The interval of the gain is a bootstrap over queries, each of which is its own control: with its lower end above
    zero, other queries would hardly have shown a loss. Among very few queries it tells little, hence their minimum.

    Args:
        settings: `promote`, and `min_queries`.
        challenger: its id.
        metric: what is compared.
        change: of this metric on the judged queries.
        queries: how many they are.
        lead: whether who started the retrain may put encoders in use.
    """
    measured = f"{metric} {change.before.value:.3f} → {change.after.value:.3f}{_gain(change)}"
    by_hand = f"`samesku models promote {challenger}`"
    if change.by <= 0:
        return Decision(Outcome.REJECTED, f"The champion stays: the challenger is not better ({measured}).")
    if queries < settings.min_queries:
        wanted = f"retrain.min_queries is {settings.min_queries:,}"
        few = f"{counted(queries, 'query to judge on is', 'queries to judge on are')} too few ({wanted}; {measured})"
        return Decision(Outcome.REJECTED, f"The champion stays: {few}.")
    if change.interval is not None and change.interval[0] <= 0:
        return Decision(Outcome.REJECTED, f"The champion stays: the gain may be chance ({measured}).")
    if settings.promote == "never":
        return Decision(Outcome.WAITING, f"The challenger is better ({measured}). {by_hand} puts it in use.")
    if not lead:
        return Decision(Outcome.WAITING, f"The challenger is better ({measured}), and waits for a lead: {by_hand}.")
    return Decision(Outcome.PROMOTED, f"The challenger is the champion now ({measured}).")


def _gain(change: Change) -> str:
    """Such as `, +0.093, 95 % interval +0.041 to +0.148`."""
    if change.interval is None:
        return ""
    low, high = change.interval
    return f", {change.by:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"
