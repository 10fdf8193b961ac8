"""Warnings about the course of the losses during a training, each with what to try."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

#: Losses that a mean is taken of.
_WINDOW = 10
#: With fewer steps, the training loss shows nothing.
_MIN_STEPS = 2 * _WINDOW
#: A mean training loss below this is near zero; it is too early in this first share of the steps.
_NEAR_ZERO, _EARLY_SHARE = 0.01, 0.25
#: From this share of the steps on, the mean loss should be below this share of the first mean.
_LATE_SHARE, _DECREASED = 0.5, 0.97
#: The loss oscillates if it turns in this share of the steps, by this share of the first mean in the mean.
_TURNS, _SWING = 0.6, 0.4
#: Largest harmless excess of the validation loss over the training loss.
_MAX_GAP = 0.5


class LossWatch:
    """Warns about the losses of a training, of each problem once.

    Args:
        steps: optimizer steps of the whole training.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._losses: list[float] = []
        self._warned: set[str] = set()

    def training(self, step: int, loss: float) -> str:
        """A warning after the training loss of a step; empty if all is well."""
        if isfinite(loss):
            self._losses.append(loss)
        if not isfinite(loss) or self._steps < _MIN_STEPS or len(self._losses) < _WINDOW:
            return ""
        first, last = _mean(self._losses[:_WINDOW]), _mean(self._losses[-_WINDOW:])
        if last < _NEAR_ZERO:
            return self._once("near zero", self._near_zero(step)) if step <= _EARLY_SHARE * self._steps else ""
        return self._no_progress(step, first, last) if len(self._losses) >= 2 * _WINDOW else ""

    def _no_progress(self, step: int, first: float, last: float) -> str:
        """A warning by the means of the first and the last losses; empty if all is well."""
        if _oscillates(self._losses[-_WINDOW - 1 :], _SWING * first):
            return self._once(
                "oscillation",
                f"The training loss oscillates (step {step:,}). Try half the learning_rate, a larger batch_size or a"
                " longer warmup.",
            )
        if step >= _LATE_SHARE * self._steps and last > _DECREASED * first:
            return self._once(
                "no decrease",
                f"The training loss has not decreased by step {step:,}: {first:.2f} at first, {last:.2f} now. Try a"
                " higher learning_rate or lora.rank; if it stays so, look for wrong labels: samesku labels audit.",
            )
        return ""

    def validation(self, step: int, loss: float) -> str:
        """A warning after a validation loss; empty if all is well."""
        if not isfinite(loss) or not self._losses:
            return ""
        training = _mean(self._losses[-_WINDOW:])
        if loss - training <= _MAX_GAP:
            return ""
        return self._once(
            "gap",
            f"The validation loss {loss:.2f} is above the training loss {training:.2f} by more than {_MAX_GAP} (step"
            f" {step:,}): the encoder may overfit. Try fewer epochs, patience=1, a lower lora.rank, or more labels.",
        )

    def _near_zero(self, step: int) -> str:
        return (
            f"The training loss is near zero at step {step:,} of {self._steps:,}: the negatives are too easy to learn"
            " from. Try more hard_negatives, negative_mix=mined=1, or fewer epochs."
        )

    def _once(self, problem: str, warning: str) -> str:
        if problem in self._warned:
            return ""
        self._warned.add(problem)
        return warning


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _oscillates(losses: Sequence[float], swing: float) -> bool:
    """Whether the loss goes up and down by more than `swing` in the mean."""
    changes = [after - before for before, after in pairwise(losses)]
    turns = sum(one * other < 0 for one, other in pairwise(changes))
    return turns >= _TURNS * (len(changes) - 1) and _mean([abs(change) for change in changes]) > swing
