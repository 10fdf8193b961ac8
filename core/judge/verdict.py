"""A judge's verdict on one pair: the answer, its probability, the reasoning, and what it cost."""

from dataclasses import dataclass, replace
from enum import StrEnum

#: Prefix of the last line of every reasoned answer; a space and the answer follow.
VERDICT = "**Verdict:**"
#: Prefix of the last line of a reasoning whose verdict was rejected; the reason follows.
NO_VERDICT = "No verdict:"


class Answer(StrEnum):
    """The two possible answers of a judge."""

    MATCH = "MATCH"
    NO_MATCH = "NO MATCH"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's answer on one pair, and its cost.

    Attributes:
        answer: None if the judge gave none: the answer was truncated, malformed or contradictory, or there was none.
        probability: P(match), calibrated if the judge has a calibration; None if the judge reports no probabilities.
        log_odds: ln P(MATCH) / P(NO MATCH) as the model computes it, before calibration; None if not reported.
        reasoning: the judge's text, unmodified. Untrusted: pass it through `core.text.safe` before it is displayed.
        judge: name of the judge: model, adapter and prompt version.
        seconds: processing time without queueing.
        tokens_in: prompt tokens.
        tokens_out: generated tokens.
        failed: whether the request failed, so that the model has given no answer at all.
    """

    answer: Answer | None
    probability: float | None
    log_odds: float | None
    reasoning: str
    judge: str
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0
    failed: bool = False


def reject_contradiction(verdict: Verdict) -> Verdict:
    """Return the verdict unchanged, or without an answer if its answer and its odds disagree.

    The odds are the model's own, before calibration: a calibration that moves a probability across 0.5 is not a
    contradiction of the model. The last line of the reasoning gives the reason for a rejection.
    """
    answer, odds, probability = verdict.answer, verdict.log_odds, verdict.probability
    leanings = [value for value in (odds, None if probability is None else probability - 0.5) if value is not None]
    if answer is None or not any(value < 0 if answer is Answer.MATCH else value > 0 for value in leanings):
        return verdict
    other = Answer.NO_MATCH if answer is Answer.MATCH else Answer.MATCH
    reasoning = append_rejection(verdict.reasoning, f"it says {answer}, and gives {other} the higher probability.")
    return replace(verdict, answer=None, probability=None, log_odds=None, reasoning=reasoning)


def append_rejection(reasoning: str, reason: str) -> str:
    """The reasoning with a last line that states why its verdict was rejected."""
    return f"{reasoning.rstrip()}\n\n{NO_VERDICT} {reason}".lstrip()


def reason_of(reasoning: str) -> str:
    """The last line of a reasoning if it states a rejection, else an empty string."""
    last = reasoning.rstrip().rpartition("\n")[2]
    return last if last.startswith(NO_VERDICT) else ""
