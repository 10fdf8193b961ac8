"""A verdict: what a judge said of one pair."""

from dataclasses import dataclass, replace
from enum import StrEnum

#: What the last line of every reasoned answer begins with; the answer itself follows behind a space.
VERDICT = "**Verdict:**"
#: What the last line of a reasoning begins with where its verdict was not taken; why follows.
NO_VERDICT = "No verdict:"


class Answer(StrEnum):
    """The two things that a judge may answer."""

    MATCH = "MATCH"
    NO_MATCH = "NO MATCH"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said, and what it cost.

    Attributes:
        answer: None where it gave none: it broke off, rambled, or was not understood.
        probability: P(match), calibrated once there are labels to calibrate on; None where the judge has none.
        log_odds: ln P(MATCH) / P(NO MATCH) as the model has it, before calibration; None where it does not tell.
        reasoning: its text, as it wrote it: hostile until it went through `core.text.safe`.
        judge: who said so: model, adapter and version of the prompt.
        seconds: how long it took, waiting in a queue not counted.
        tokens_in: tokens that it read.
        tokens_out: tokens that it wrote.
    """

    answer: Answer | None
    probability: float | None
    log_odds: float | None
    reasoning: str
    judge: str
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0


def consistent(verdict: Verdict) -> Verdict:
    """A verdict as it is, or none where its answer and its odds disagree: then the last line of the reasoning says so.

    The odds are the model's own, before calibration: what labels make of them is no contradiction of the model.
    """
    answer, odds = verdict.answer, verdict.log_odds
    chance = verdict.probability
    leanings = [each for each in (odds, None if chance is None else chance - 0.5) if each is not None]
    if answer is None or not any(each < 0 if answer is Answer.MATCH else each > 0 for each in leanings):
        return verdict
    other = Answer.NO_MATCH if answer is Answer.MATCH else Answer.MATCH
    reasoning = with_reason(verdict.reasoning, f"it says {answer}, and gives {other} the higher probability.")
    return replace(verdict, answer=None, probability=None, log_odds=None, reasoning=reasoning)


def with_reason(reasoning: str, why: str) -> str:
    """A reasoning, and below it why its verdict is not taken."""
    return f"{reasoning.rstrip()}\n\n{NO_VERDICT} {why}".lstrip()


def reason_of(reasoning: str) -> str:
    """Why a verdict was not taken, as the last line says; empty where it says nothing of it."""
    last = reasoning.rstrip().rpartition("\n")[2]
    return last if last.startswith(NO_VERDICT) else ""
