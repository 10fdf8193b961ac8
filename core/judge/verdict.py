"""A verdict: what a judge said of one pair."""

from dataclasses import dataclass
from enum import StrEnum

#: What the last line of every reasoned answer begins with; the answer itself follows behind a space.
VERDICT = "**Verdict:**"


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
