from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.errors import CoreError
from core.judge.metrics import Ablation, Figure, blend, judge_metrics, measure_ablation, paired_test
from core.judge.verdict import Answer, Verdict
from core.matching.bands import Cuts
from core.matching.calibration import BetaCalibration
from core.matching.matcher import Matcher
from core.matching.prior import CosinePrior
from core.matching.scoring import ScoredPairs
from core.stats.wilson import wilson
from labels.model import Pair, ProductRef


def pair(number: int) -> Pair:
    """Two pairs of each query."""
    return Pair(ProductRef("walmart", f"q{number // 2}"), ProductRef("amazon", f"c{number}"))


def verdict(answer: Answer | None, probability: float | None = None, seconds: float = 0.5) -> Verdict:
    return Verdict(answer, probability, None, "", "j", seconds)


def verdicts_for(answers: str) -> dict[Pair, Verdict]:
    """Verdicts by position: `+` MATCH, `-` NO MATCH, `?` without an answer."""
    known = {"+": Answer.MATCH, "-": Answer.NO_MATCH, "?": None}
    return {pair(number): verdict(known[answer]) for number, answer in enumerate(answers)}


def labels_for(labels: str) -> dict[Pair, bool]:
    return {pair(number): label == "+" for number, label in enumerate(labels)}


def test_judge_metrics() -> None:
    found = judge_metrics("j", verdicts_for("++-+-?--?-"), labels_for("+++---+---"))
    values = {name: figure.value for name, figure in found.figures.items()}
    # Right: two matches, and the four of the others that were called so; two are silent.
    assert values == {
        "accuracy": 0.5, "precision": pytest.approx(2 / 3), "recall": 0.5, "f1": pytest.approx(4 / 7),
        "no_verdict": 0.2, "seconds": 0.5,
    }  # fmt: skip
    assert (found.pairs, found.matches, found.majority, found.p50, found.p99) == (10, 4, 0.6, 0.5, 0.5)
    for name in ("accuracy", "precision", "recall", "f1", "no_verdict"):
        ends = found.figures[name].interval
        assert ends is not None
        assert ends[0] < values[name] < ends[1]
    assert found.figures["seconds"].interval is None


def test_constant_answer() -> None:
    found = judge_metrics("j", verdicts_for("-" * 40), labels_for("+---" * 10))
    assert found.figures["accuracy"].value == found.majority == 0.75
    assert found.figures["f1"].value == 0
    assert found.figures["precision"] == Figure(None, None)


def test_no_match_answer() -> None:
    assert judge_metrics("j", verdicts_for("--"), labels_for("--")).figures["accuracy"].value == 1


# -- what it adds to the matcher -----------------------------------------------------------------------------


def scored(probabilities: dict[Pair, float], high: float = 0.9, low: float = 0.01) -> ScoredPairs:
    cuts = Cuts(high, low, wilson(0, 0), wilson(0, 0))
    matcher = Matcher(CosinePrior(0.8, 0), BetaCalibration(), 0.5, cuts, ("cosine",), 10, 5, {})
    return ScoredPairs(probabilities, dict.fromkeys(probabilities, 0.5), matcher)


def on_many(matcher: list[float], judge: list[float | None], labels: str, repeat: int = 20) -> Ablation | None:
    pairs = [pair(2 * number) for number in range(len(labels) * repeat)]
    known = {p: labels[i % len(labels)] == "+" for i, p in enumerate(pairs)}
    verdicts = {p: verdict(Answer.MATCH, judge[i % len(judge)]) for i, p in enumerate(pairs)}
    return measure_ablation(scored({p: matcher[i % len(matcher)] for i, p in enumerate(pairs)}), verdicts, known)


def test_complementary_judge_is_significant() -> None:
    found = on_many([0.4, 0.4, 0.6, 0.6], [0.9, 0.1, 0.9, 0.1], "+-+-")
    assert found is not None
    assert (found.pairs, found.matches) == (80, 40)
    assert (found.alone.value, found.blended.value, found.change.value) == (0.5, 1.0, 0.5)
    assert found.loss.value is not None
    assert found.loss.value < 0
    assert found.significant
    assert found.summary.startswith(
        "The judge improves on the matcher in the bands medium and low: F1 0.500 for the matcher alone, 1.000"
    )


def test_redundant_judge_is_not_significant() -> None:
    found = on_many([0.4, 0.6], [0.4, 0.6], "+-")
    assert found is not None
    assert not found.significant
    assert (found.change.value, found.change.interval) == (0.0, None)
    assert "no significant gain over the matcher" in found.summary
    assert "Leave it off" in found.summary


def test_wrong_judge_makes_matcher_worse() -> None:
    found = on_many([0.6, 0.4, 0.6], [0.01, 0.5, 0.9], "+-+")
    assert found is not None
    assert not found.significant
    assert "makes the matcher worse" in found.summary


def test_gain_is_unknown_without_matches() -> None:
    found = on_many([0.4], [0.3], "-")
    assert found is not None
    assert not found.significant
    assert "is unknown" in found.summary


def test_ablation_excludes_high_band_and_missing_probabilities() -> None:
    found = on_many([0.95, 0.5, 0.5], [0.5, None, 0.9], "+++", repeat=2)
    assert found is not None
    assert found.pairs == 2
    assert on_many([0.95], [0.5], "+") is None
    assert on_many([0.5], [None], "+") is None


def test_blend_is_clipped_mean_of_log_odds() -> None:
    assert blend(0.5, 0.5) == pytest.approx(0.5)
    assert blend(0.9, 0.1) == pytest.approx(0.5)
    assert blend(0.2, 0.5) == pytest.approx(1 / 3)
    assert 0 < blend(0.0, 0.9) < 0.5
    assert 0.5 < blend(1.0, 0.1) < 1
    assert all(0 < blend(m, j) < 1 for m in np.linspace(0, 1, 11) for j in np.linspace(0, 1, 11))


# -- side by side --------------------------------------------------------------------------------------------


def test_paired_test() -> None:
    labels = labels_for("++--++--")
    found = paired_test(("a", "b"), verdicts_for("++--+---"), verdicts_for("+---++-?"), labels)
    assert (found.both, found.only_first, found.only_second, found.neither) == (5, 2, 1, 0)
    assert found.apart == (pair(1), pair(7), pair(5))
    assert found.p == 1.0
    assert found.accuracy.value == pytest.approx(-1 / 8)
    assert (found.first.judge, found.second.judge, found.first.pairs) == ("a", "b", 8)
    assert found.summary.startswith("No significant difference: F1 0.857 and 0.857")


def test_significantly_better_judge() -> None:
    labels = labels_for("+-" * 60)
    found = paired_test(("a", "b"), verdicts_for("--" * 60), verdicts_for("+-" * 60), labels)
    assert (found.only_first, found.only_second) == (0, 60)
    assert found.p < 1e-15
    assert found.f1.value == 1
    assert found.summary.startswith("No significant") is (found.f1.interval is None)
    some = paired_test(("a", "b"), verdicts_for("+-" * 60), verdicts_for("+---" * 30), labels)
    assert some.summary.startswith("a is better: F1 1.000 against 0.667, 0.333 more (95 % interval 0.")
    assert "-0." not in some.summary
    turned = paired_test(("b", "a"), verdicts_for("+---" * 30), verdicts_for("+-" * 60), labels)
    assert turned.summary == some.summary


def test_only_common_pairs_are_compared() -> None:
    labels, first, second = labels_for("++--"), verdicts_for("++--"), verdicts_for("++--")
    del first[pair(0)], second[pair(3)]
    assert paired_test(("a", "b"), first, second, labels).first.pairs == 2
    with pytest.raises(CoreError, match="no pair that both have judged"):
        paired_test(("a", "b"), {}, second, labels)


def test_identical_judges() -> None:
    both: Any = verdicts_for("+-+-"), verdicts_for("+-+-")
    found = paired_test(("a", "b"), *both, labels_for("+--+"))
    assert (found.both, found.neither, found.p, found.apart) == (2, 2, 1.0, ())
    assert replace(found.accuracy) == Figure(0.0, None)
