"""Warnings about the course of the losses, on sequences of numbers."""

import math
import random

import pytest

from core.training.loss_watch import LossWatch

STEPS = 100


def warnings(losses: list[float], steps: int = STEPS) -> list[str]:
    watch = LossWatch(steps)
    return [warning for step, loss in enumerate(losses, 1) if (warning := watch.training(step, loss))]


def decreasing(steps: int = STEPS, noise: float = 0.15, seed: int = 1) -> list[float]:
    """From 2 to 0.1, as noisy as batches are."""
    rng = random.Random(seed)
    return [(0.1 + 1.9 * math.exp(-4 * step / steps)) * (1 + rng.uniform(-noise, noise)) for step in range(steps)]


@pytest.mark.parametrize("seed", range(20))
def test_a_loss_that_decreases_is_fine(seed: int) -> None:
    assert warnings(decreasing(noise=0.5, seed=seed)) == []


def test_a_loss_near_zero_too_early_is_reported_once() -> None:
    (warning,) = warnings([0.5, 0.1] + [0.001] * (STEPS - 2))
    assert warning.startswith("The training loss is near zero at step 12 of 100")
    assert "hard_negatives" in warning
    # Late, it is what a training is for.
    assert warnings(decreasing()[:60] + [0.001] * 40) == []


def test_a_loss_that_does_not_decrease_is_reported_at_half_of_the_steps() -> None:
    (warning,) = warnings([1.5 + 0.05 * (step % 3) for step in range(STEPS)])
    assert warning.startswith("The training loss has not decreased by step 50: 1.55 at first, 1.55 now.")
    assert "learning_rate" in warning
    assert warnings([1.0 + 0.01 * step for step in range(STEPS)])[0].startswith("The training loss has not decreased")


def test_a_loss_that_goes_up_and_down_is_reported() -> None:
    found = warnings([1.5 + (step % 2) for step in range(STEPS)])
    assert found[0].startswith("The training loss oscillates (step 20). Try half the learning_rate")
    assert warnings([1.5 + 0.1 * (step % 2) - step / 100 for step in range(STEPS)]) == []


def test_a_short_training_shows_nothing() -> None:
    assert warnings([1.0] * 19, steps=19) == []


def test_a_validation_loss_far_above_the_training_loss_is_reported_once() -> None:
    watch = LossWatch(STEPS)
    assert watch.validation(0, 9.0) == ""
    for step in range(1, 21):
        watch.training(step, 0.3)
    assert watch.validation(20, 0.79) == ""
    assert watch.validation(20, 0.81).startswith(
        "The validation loss 0.81 is above the training loss 0.30 by more than 0.5 (step 20): the encoder may overfit."
    )
    assert watch.validation(40, 5.0) == ""


def test_a_loss_that_is_not_a_number_is_ignored() -> None:
    assert warnings([math.nan, math.inf] * 50) == []
    watch = LossWatch(STEPS)
    watch.training(1, 0.3)
    assert watch.validation(1, math.nan) == ""
