"""Which challenger becomes champion, and what is said of each."""

from dataclasses import replace

import pytest
from samples import q

from core.evaluation.comparison import Change, Comparison, Figure, JudgedQuery, Move, Place
from core.settings import RetrainSettings
from core.training.promotion import PromotionOutcome as Outcome
from core.training.promotion import decide_promotion, is_hopeless


def change(before: float, after: float, low: float | None = None, high: float | None = None) -> Change:
    ends = None if low is None or high is None else (low, high)
    return Change(Figure(before, None), Figure(after, None), after - before, ends)


GAIN = change(0.8, 0.9, 0.05, 0.15)
LOSS = change(0.8, 0.7, -0.2, -0.05)
SAME = change(0.8, 0.8)
GATE = ("matched", "mrr@10")


def compared(
    changes: dict[tuple[str, str], Change], queries: int = 400, rankings: tuple[str, ...] = ("fused", "matched")
) -> Comparison:
    """A comparison in which nothing changed but the given metrics of rankings."""
    names = ("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10")
    found = {ranking: {name: changes.get((ranking, name), SAME) for name in names} for ranking in rankings}
    moves = {ranking: Move(Place(1, ""), Place(1, "")) for ranking in rankings}
    judged = tuple(JudgedQuery(q(f"q{number}"), "", q("match"), "", moves) for number in range(queries))
    return Comparison("base", "lora-1", "2026-01-01", 1, "validation set, version 1", rankings, found, judged)


def settings(**values: object) -> RetrainSettings:
    return RetrainSettings.model_validate(values)


@pytest.mark.parametrize(
    ("given", "measured", "queries", "lead", "expected", "words"),
    [
        (
            {},
            GAIN,
            50,
            True,
            Outcome.PROMOTED,
            "is the champion now (the matcher's ranking: mrr@10 0.800 → 0.900, +0.100, 95 %",
        ),
        ({}, GAIN, 49, True, Outcome.REJECTED, "49 evaluation queries are too few (retrain.min_queries is 50"),
        ({"min_queries": 10}, GAIN, 10, True, Outcome.PROMOTED, "is the champion now"),
        (
            {},
            change(0.8, 0.9, -0.01, 0.2),
            400,
            True,
            Outcome.REJECTED,
            "the gain is not significant (the matcher's ranking: mrr@10",
        ),
        ({}, change(0.8, 0.9, 0.0, 0.2), 400, True, Outcome.REJECTED, "95 % interval +0.000 to +0.200"),
        ({}, change(0.8, 0.8, -0.1, 0.1), 400, True, Outcome.REJECTED, "the challenger is not better"),
        ({}, LOSS, 400, True, Outcome.REJECTED, "not better (the matcher's ranking: mrr@10 0.800 → 0.700, -0.100"),
        ({}, change(0.5, 1.0), 400, True, Outcome.PROMOTED, "is the champion now"),
        ({"min_gain": 0.1}, GAIN, 400, True, Outcome.PROMOTED, "is the champion now"),
        ({"min_gain": 0.11}, GAIN, 400, True, Outcome.REJECTED, "the gain is below retrain.min_gain, 0.11"),
        ({}, GAIN, 400, False, Outcome.WAITING, "waits for a lead: `samesku models promote lora-1`"),
        ({}, GAIN, 10, False, Outcome.REJECTED, "too few"),
        ({"promote": "never"}, GAIN, 400, True, Outcome.WAITING, "`samesku models promote lora-1` makes it the champ"),
        ({"promote": "never"}, LOSS, 400, True, Outcome.REJECTED, "not better"),
    ],
)
def test_it_takes_enough_queries_a_gain_beyond_chance_and_a_lead(
    given: dict[str, object], measured: Change, queries: int, lead: bool, expected: Outcome, words: str
) -> None:
    decision = decide_promotion(settings(**given), compared({GATE: measured}, queries), lead=lead)
    assert decision.outcome is expected
    assert words in decision.reason
    assert (decision.ranking, decision.metric) == GATE


@pytest.mark.parametrize(
    ("given", "decides"),
    [
        ({}, ("matched", "mrr@10")),
        ({"gate": "matcher", "gate_metric": "hit@1"}, ("matched", "hit@1")),
        ({"gate": "hybrid"}, ("fused", "mrr@10")),
        ({"gate": "dense", "gate_metric": "recall@10"}, ("encoder", "recall@10")),
    ],
)
def test_the_settings_name_the_ranking_and_the_metric_that_decide(
    given: dict[str, object], decides: tuple[str, str]
) -> None:
    rankings = ("encoder", "fused", "matched")
    assert decide_promotion(settings(**given), compared({}, 400, rankings), lead=True).outcome is Outcome.REJECTED
    decision = decide_promotion(settings(**given), compared({decides: GAIN}, 400, rankings), lead=True)
    assert decision.outcome is Outcome.PROMOTED
    assert (decision.ranking, decision.metric) == decides


def test_the_encoders_own_gain_does_not_promote_it() -> None:
    found = compared({("encoder", "mrr@10"): GAIN, ("fused", "mrr@10"): GAIN}, 400, ("encoder", "fused", "matched"))
    assert decide_promotion(settings(), found, lead=True).outcome is Outcome.REJECTED


NO_CHANGE = change(0.8, 0.81, -0.02, 0.04)


@pytest.mark.parametrize(
    ("given", "changes", "outcome"),
    [
        ({}, {GATE: NO_CHANGE}, Outcome.PROMOTED),
        ({"gate": "matcher"}, {GATE: NO_CHANGE}, Outcome.REJECTED),
        ({}, {GATE: LOSS}, Outcome.REJECTED),
        ({}, {GATE: NO_CHANGE, ("matched", "hit@1"): LOSS}, Outcome.REJECTED),
        ({"min_gain": 0.2}, {GATE: NO_CHANGE}, Outcome.REJECTED),
    ],
)
def test_more_matches_among_the_candidates_decide_where_the_order_stays_as_it_is(
    given: dict[str, object], changes: dict[tuple[str, str], Change], outcome: Outcome
) -> None:
    decision = decide_promotion(settings(**given), compared({("matched", "recall@10"): GAIN, **changes}), lead=True)
    assert decision.outcome is outcome
    if outcome is Outcome.PROMOTED:
        assert decision.metric == "recall@10"
        assert "the matcher's ranking: recall@10 0.800 → 0.900" in decision.reason


def test_a_significant_loss_of_f1_prevents_the_promotion() -> None:
    better = replace(compared({GATE: GAIN}), pairs={"f1": LOSS})
    decision = decide_promotion(settings(), better, lead=True)
    assert decision.outcome is Outcome.REJECTED
    assert "worse in pairs by the matcher: F1 0.800 → 0.700" in decision.reason
    assert decide_promotion(settings(), replace(better, pairs={"f1": NO_CHANGE}), lead=True).outcome is Outcome.PROMOTED


def test_without_the_matchers_ranking_the_hybrid_one_decides_unless_the_settings_ask_for_it() -> None:
    found = compared({("fused", "mrr@10"): GAIN}, rankings=("encoder", "fused"))
    decision = decide_promotion(settings(), found, lead=True)
    assert (decision.outcome, decision.ranking) == (Outcome.PROMOTED, "fused")
    decision = decide_promotion(settings(gate="matcher"), found, lead=True)
    assert decision.outcome is Outcome.REJECTED
    assert "the matcher's ranking, which retrain.gate names, was not compared" in decision.reason


@pytest.mark.parametrize("guarded", [("matched", "hit@1"), ("matched", "recall@10"), ("fused", "recall@10")])
def test_a_significant_loss_of_a_guard_metric_prevents_the_promotion(guarded: tuple[str, str]) -> None:
    decision = decide_promotion(settings(), compared({GATE: GAIN, guarded: LOSS}), lead=True)
    assert decision.outcome is Outcome.REJECTED
    ranking = "the matcher's ranking" if guarded[0] == "matched" else "the hybrid ranking"
    assert f"worse in {ranking}: {guarded[1]} 0.800" in decision.reason
    within_chance = change(0.8, 0.7, -0.2, 0.01)
    assert decide_promotion(settings(), compared({GATE: GAIN, guarded: within_chance}), lead=True).outcome == "promoted"


@pytest.mark.parametrize(
    ("given", "changes", "queries", "expected"),
    [
        ({}, {}, 50, False),
        ({}, {}, 49, True),
        ({}, {("fused", "mrr@10"): LOSS}, 400, True),
        ({}, {("fused", "mrr@10"): change(0.8, 0.7, -0.2, 0.01)}, 400, False),
        ({"gate": "hybrid"}, {}, 400, True),
        ({"gate": "hybrid"}, {("fused", "mrr@10"): GAIN}, 400, False),
    ],
)
def test_the_matchers_ranking_is_measured_only_where_it_may_decide(
    given: dict[str, object], changes: dict[tuple[str, str], Change], queries: int, expected: bool
) -> None:
    assert is_hopeless(settings(**given), compared(changes, queries, ("fused",))) is expected
