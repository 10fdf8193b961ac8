import math
from dataclasses import replace
from pathlib import Path

import pytest
from judges import CountingJudge, case_of

from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.completion import Completion, verdict_from_completion
from core.judge.verdict import VERDICT, Answer, Verdict, reason_of, reject_contradiction

WORDS = "Same model.\n**Verdict:** MATCH"
CONTRADICTION = "No verdict: it says MATCH, and gives NO MATCH the higher probability."


def verdict(answer: Answer | None, probability: float | None, log_odds: float | None) -> Verdict:
    return Verdict(answer, probability, log_odds, WORDS, "j", 0.5)


@pytest.mark.parametrize(
    ("answer", "probability", "log_odds", "taken"),
    [
        (Answer.MATCH, 0.9, 2.0, True),
        (Answer.MATCH, 0.5, 0.0, True),
        (Answer.MATCH, None, None, True),
        (Answer.MATCH, 0.4, None, False),
        (Answer.MATCH, None, -0.1, False),
        (Answer.MATCH, 0.9, -2.0, False),
        (Answer.MATCH, 0.1, 2.0, False),
        (Answer.NO_MATCH, 0.1, -2.0, True),
        (Answer.NO_MATCH, 0.5, 0.0, True),
        (Answer.NO_MATCH, 0.6, None, False),
        (Answer.NO_MATCH, None, 0.1, False),
        (None, None, None, True),
    ],
)
def test_answer_and_odds_must_agree(
    answer: Answer | None, probability: float | None, log_odds: float | None, taken: bool
) -> None:
    original = verdict(answer, probability, log_odds)
    found = reject_contradiction(original)
    if taken:
        assert found == original
        assert reason_of(found.reasoning) == ""
    else:
        assert (found.answer, found.probability, found.log_odds) == (None, None, None)
        assert found.reasoning.startswith(f"{WORDS}\n\nNo verdict: it says {answer}, and gives ")
        assert reason_of(found.reasoning).endswith("the higher probability.")
        assert reject_contradiction(found) == found


@pytest.mark.parametrize("logs", [(math.log(0.2), math.log(0.7)), (-math.inf, 0.0)])
def test_text_contradicting_logprobs_gives_no_answer(logs: tuple[float, float]) -> None:
    found = verdict_from_completion(Completion(WORDS, logs, 0.5, 10, 5), "j")
    assert (found.answer, found.probability, found.log_odds) == (None, None, None)
    assert reason_of(found.reasoning) == CONTRADICTION
    assert (
        verdict_from_completion(Completion("", logs, 0.5, 10, 0), "j").answer is Answer.NO_MATCH
    )  # fast: the odds alone decide


def test_infinite_logprobs_decide_nothing() -> None:
    found = verdict_from_completion(Completion(WORDS, (-math.inf, -math.inf), 0.5, 10, 5), "j")
    assert (found.answer, found.probability) == (Answer.MATCH, 0.5)


def test_stored_contradiction_is_read_as_no_answer(tmp_path: Path) -> None:
    cache, case = VerdictCache(tmp_path / "derived.db"), case_of(1)
    cache.put(case, replace(verdict(Answer.MATCH, 0.12, -2.0), judge="counting"))
    for judge in (
        CachingJudge(CountingJudge(), cache),
        CalibratedJudge(CachingJudge(CountingJudge(), cache), tmp_path / "none"),
    ):
        known = judge.lookup(case)
        assert known is not None
        assert known == judge.latest_verdicts()[case.pair]
        assert (known.answer, known.probability, known.log_odds) == (None, None, None)
        assert reason_of(known.reasoning) == CONTRADICTION
    (spent,) = cache.costs()
    assert (spent.matches, spent.no_matches, spent.no_verdict) == (0, 0, 1)
    cache.close()


def test_calibration_is_no_contradiction(tmp_path: Path) -> None:
    path, cache, case = tmp_path / "calibration.json", VerdictCache(tmp_path / "derived.db"), case_of(1)
    path.write_text('{"judge": "counting", "a": 1.0, "b": 1.0, "c": -2.0, "labels": 30, "matches": 12}')
    cache.put(case, replace(verdict(Answer.MATCH, 0.82, 1.5), judge="counting"))
    known = CalibratedJudge(CachingJudge(CountingJudge(), cache), path).lookup(case)
    assert known is not None
    assert (known.answer, known.reasoning) == (Answer.MATCH, WORDS)
    assert known.probability == pytest.approx(1 / (1 + math.exp(0.5)))
    cache.close()


def test_models_own_text_is_no_rejection_reason() -> None:
    assert reason_of(f"No verdict: so it begins.\n{VERDICT} MATCH") == ""
