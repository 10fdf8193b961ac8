"""Which challenger becomes champion, and what is said of each."""

import pytest

from core.evaluation.comparison import Change, Figure
from core.settings import RetrainSettings
from core.training.promotion import PromotionOutcome as Outcome
from core.training.promotion import decide_promotion


def change(before: float, after: float, low: float | None = None, high: float | None = None) -> Change:
    ends = None if low is None or high is None else (low, high)
    return Change(Figure(before, None), Figure(after, None), after - before, ends)


GAIN = change(0.8, 0.9, 0.05, 0.15)


@pytest.mark.parametrize(
    ("settings", "measured", "queries", "lead", "expected", "words"),
    [
        (
            {},
            GAIN,
            50,
            True,
            Outcome.PROMOTED,
            "is the champion now (mrr@10 0.800 → 0.900, +0.100, 95 %",
        ),
        (
            {},
            GAIN,
            49,
            True,
            Outcome.REJECTED,
            "49 evaluation queries are too few (retrain.min_queries is 50",
        ),
        ({"min_queries": 10}, GAIN, 10, True, Outcome.PROMOTED, "is the champion now"),
        (
            {},
            change(0.8, 0.9, -0.01, 0.2),
            400,
            True,
            Outcome.REJECTED,
            "the gain is not significant (mrr@10 0.800 → 0.900",
        ),
        ({}, change(0.8, 0.9, 0.0, 0.2), 400, True, Outcome.REJECTED, "95 % interval +0.000 to +0.200"),
        ({}, change(0.8, 0.8, -0.1, 0.1), 400, True, Outcome.REJECTED, "the challenger is not better"),
        (
            {},
            change(0.8, 0.7, -0.2, -0.05),
            400,
            True,
            Outcome.REJECTED,
            "not better (mrr@10 0.800 → 0.700, -0.100",
        ),
        ({}, change(0.5, 1.0), 400, True, Outcome.PROMOTED, "is the champion now"),
        ({}, GAIN, 400, False, Outcome.WAITING, "waits for a lead: `samesku models promote lora-1`"),
        ({}, GAIN, 10, False, Outcome.REJECTED, "too few"),
        (
            {"promote": "never"},
            GAIN,
            400,
            True,
            Outcome.WAITING,
            "`samesku models promote lora-1` makes it the champion",
        ),
        ({"promote": "never"}, change(0.8, 0.7, -0.2, -0.05), 400, True, Outcome.REJECTED, "not better"),
    ],
)
def test_it_takes_enough_queries_a_gain_beyond_chance_and_a_lead(
    settings: dict[str, object],
    measured: Change,
    queries: int,
    lead: bool,
    expected: Outcome,
    words: str,
) -> None:
    decision = decide_promotion(
        RetrainSettings.model_validate(settings), "lora-1", "mrr@10", measured, queries, lead=lead
    )
    assert decision.outcome is expected
    assert words in decision.reason
