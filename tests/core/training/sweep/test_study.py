"""The trials of a sweep in their file: resumed, repeated and stopped early, without any training."""

from pathlib import Path

import pytest

from core.errors import CoreError, ModelError
from core.training.sweep.space import Choices, Range, SearchSpace
from core.training.sweep.study import DONE, FAILED, INTERRUPTED, STOPPED, OpenTrial, SweepStudy, best_of

SPACE = SearchSpace({"scale": Range(low=1.0, high=30.0), "epochs": Choices(values=[1, 2, 3])})


def clock() -> float:
    """A clock that stands still."""
    return 0.0


def scale(trial: OpenTrial) -> float:
    """A score that is the better, the higher the scale."""
    value = trial.values["scale"]
    assert isinstance(value, float)
    return value


def test_a_study_goes_on_with_other_values(tmp_path: Path) -> None:
    path = tmp_path / "new" / "trials.jsonl"
    study = SweepStudy(path, SPACE, seed=1)
    study.begin({"scale": 20.0, "epochs": "2"})
    first = [study.run(scale, clock) for _ in range(3)]
    assert first[0].values == {"scale": 20.0, "epochs": 2}
    again = SweepStudy(path, SPACE, seed=1)
    again.begin({"scale": 20.0, "epochs": "2"})
    more = [again.run(scale, clock) for _ in range(3)]
    results = again.results()
    assert [result.number for result in results] == list(range(6))
    assert results == [*first, *more]
    # A sampler with the same seed would draw the first values again.
    assert len({result.values["scale"] for result in results}) == 6
    best = best_of(results)
    assert best is not None
    assert best.score == max(result.score or 0 for result in results)


def test_a_killed_trial_is_marked_and_repeated(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"

    def killed(_: OpenTrial) -> float:
        raise KeyboardInterrupt

    for number in range(5):
        study = SweepStudy(path, SPACE, seed=1)
        study.begin({"scale": 20.0, "epochs": "2"})
        assert [result.state for result in study.results()] == [INTERRUPTED] * min(number, 3) + [FAILED] * (number == 4)
        if number < 4:
            with pytest.raises(KeyboardInterrupt):
                study.run(killed, clock)
    results = study.results()
    assert [result.values for result in results] == [{"scale": 20.0, "epochs": 2}] * 4
    assert [result.counts for result in results] == [False] * 3 + [True]
    assert results[-1].error == "Its process was killed 4 times."
    assert best_of(results) is None
    # Repeated for the last time, and this time not killed: it is a trial like others.
    assert study.run(scale, clock).state == DONE


def test_a_trial_that_is_worse_half_way_is_stopped(tmp_path: Path) -> None:
    study = SweepStudy(tmp_path / "trials.jsonl", SPACE, seed=1)
    study.begin(None)
    trained: list[float] = []

    def train(trial: OpenTrial) -> float:
        score = 0.9 if trial.number < 5 else 0.1
        trial.report(2, score)
        trained.append(score)
        return score

    states = [study.run(train, clock).state for _ in range(6)]
    assert states == [DONE] * 5 + [STOPPED]
    assert trained == [0.9] * 5
    assert study.results()[-1].score == 0.1


def test_a_failed_trial_does_not_end_the_sweep(tmp_path: Path) -> None:
    study = SweepStudy(tmp_path / "trials.jsonl", SPACE, seed=1)

    def fails(_: OpenTrial) -> float:
        raise ModelError("The merged weights differ.")

    result = study.run(fails, clock)
    assert (result.state, result.error, result.counts) == (FAILED, "The merged weights differ.", True)
    assert study.run(scale, clock).state == DONE


def test_equal_values_are_not_trained_twice(tmp_path: Path) -> None:
    study = SweepStudy(tmp_path / "trials.jsonl", SearchSpace({"epochs": Choices(values=[1, 2])}), seed=1)
    trained: list[object] = []

    def train(trial: OpenTrial) -> float:
        trained.append(trial.values["epochs"])
        return 0.5

    results = [study.run(train, clock) for _ in range(6)]
    assert sorted(map(str, trained)) == ["1", "2"]
    assert {result.score for result in results} == {0.5}
    assert all(results[result.same_as].values == result.values for result in results if result.same_as is not None)


def test_an_incomplete_last_line_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    SweepStudy(path, SPACE, seed=1).run(scale, clock)
    path.write_bytes(path.read_bytes() + b'{"op_code": 4, "wor')
    study = SweepStudy(path, SPACE, seed=1)
    study.run(scale, clock)
    assert len(SweepStudy(path, SPACE, seed=1).results()) == 2


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text("no JSON\n{}\n")
    with pytest.raises(CoreError, match="is damaged"):
        SweepStudy(path, SPACE, seed=1)
    path.unlink()
    path.mkdir()
    with pytest.raises(CoreError, match="cannot be read or written"):
        SweepStudy(path, SPACE, seed=1)
