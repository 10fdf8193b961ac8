"""How long a retrain may take."""

from pathlib import Path

import pytest

from core.jobs.progress_log import ProgressLog, Stage
from core.retrieval.encoding_rate import read_rate, read_stage_seconds, save_rate, save_stage_seconds
from core.training.cost import encodings, steps
from core.training.plan import RunTiming, first_retrain_stages, timing_from_encoding, timing_from_retrain
from core.training.recipes.recipe import Recipe

RECIPE = Recipe(epochs=4, batch_size=32, hard_negatives=3, min_steps=20)
#: Encodings that a training text costs with an adapter in all blocks.
PER_TEXT = 2.3


@pytest.mark.parametrize(("matches", "expected"), [(0, 0), (2, 20), (33, 40), (152, 25), (576, 72)])
def test_the_steps_are_those_of_the_trainer(matches: int, expected: int) -> None:
    assert steps(RECIPE, matches) == expected


def test_the_matcher_s_two_halves_are_trained_only_on_enough_matches() -> None:
    timing = RunTiming(encoding_s=0.5, fixed_s=10.0)
    # 5 and 4 epochs of the matches, each with its query and three hard negatives.
    assert timing.seconds(RECIPE, 152) == pytest.approx(10 + 0.5 * PER_TEXT * 5 * 152 * 5)
    assert timing.seconds(RECIPE, 576) == pytest.approx(10 + 0.5 * PER_TEXT * 4 * 576 * 5 * 2)


TRAINED = ((1, 1.0),)
COURSE = ProgressLog(
    stages=(
        Stage("encode", 0.0, 100),
        Stage("train", 10.0, 10, TRAINED),
        Stage("judge", 40.0),
        Stage("train half 1 of 2", 45.0, 5, TRAINED),
        Stage("fit the matcher", 60.0),
    ),
    last_event_at=70.0,
)


@pytest.mark.parametrize(
    ("result", "learnt"),
    [
        ({"triplets": 400}, 4 * 400 * 5 * 2),
        ({"triplets": 400, "recipe": {"epochs": 6, "hard_negatives": 1}}, 6 * 400 * 3 * 2),
        ({"triplets": 400, "recipe": {"epochs": 1, "hard_negatives": 1, "least_steps": 39}}, 4 * 400 * 3 * 2),
        ({"triplets": 400, "recipe": {"epochs": "many"}}, 4 * 400 * 5 * 2),
    ],
)
def test_an_earlier_retrain_tells_its_training_from_all_else(result: dict[str, object], learnt: int) -> None:
    timing = timing_from_retrain(COURSE, result, RECIPE)
    assert timing == RunTiming(encoding_s=pytest.approx(45 / (PER_TEXT * learnt)), fixed_s=70 - 45)


def test_a_retrain_that_did_not_train_tells_nothing() -> None:
    assert (
        timing_from_retrain(ProgressLog(stages=COURSE.stages[:1], last_event_at=9.0), {"triplets": 400}, RECIPE) is None
    )
    assert timing_from_retrain(COURSE, {"triplets": "?"}, RECIPE) is None


def test_an_index_run_lets_one_guess(tmp_path: Path) -> None:
    save_rate(tmp_path, 1000, 10.0)
    assert read_rate(tmp_path) == 100.0
    assert timing_from_encoding(100.0, 2000) == RunTiming(encoding_s=0.01, fixed_s=20.0)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"method": "full"}, 3.0),
        ({}, 2.3),
        ({"lora": {"layers": "upper-two-thirds"}}, 1.7),
        ({"lora": {"layers": "upper-half"}}, 1.3),
    ],
)
def test_a_training_costs_as_much_as_the_gradients_that_it_needs(recipe: dict[str, object], expected: float) -> None:
    made = Recipe.model_validate({**RECIPE.model_dump(), **recipe})
    assert encodings(made, 576) == pytest.approx(expected * 4 * 576 * 5)


def test_few_texts_tell_nothing_and_no_file_neither(tmp_path: Path) -> None:
    save_rate(tmp_path, 499, 10.0)
    assert read_rate(tmp_path) is None
    (tmp_path / "pace.json").write_text('{"texts": 5, "seconds": 0}')
    assert read_rate(tmp_path) is None


def test_an_index_run_notes_its_other_stages_beside_its_pace(tmp_path: Path) -> None:
    save_stage_seconds(tmp_path, {"candidates": 3.0})
    assert read_stage_seconds(tmp_path) == {}  # of a run so short that it says nothing
    save_rate(tmp_path, 1000, 10.0)
    save_stage_seconds(tmp_path, {"candidates": 3.0, "fit the matcher": 0.5})
    assert read_stage_seconds(tmp_path) == {"candidates": 3.0, "fit the matcher": 0.5}
    save_rate(tmp_path, 2000, 10.0)
    assert (read_rate(tmp_path), read_stage_seconds(tmp_path)["candidates"]) == (200.0, 3.0)
    (tmp_path / "pace.json").write_text('{"texts": 1, "seconds": 1, "stages": {"a": "x", "b": -1, "c": 1e99, "d": 2}}')
    assert read_stage_seconds(tmp_path) == {"d": 2.0}


def test_a_first_retrain_is_outlined_to_its_end() -> None:
    outline = first_retrain_stages(10.0, 400, 50, {"candidates": 3.0, "fit the matcher": 1.0}, RECIPE, 152)
    training = PER_TEXT / 10 * 5 * 152 * 5
    assert outline[:3] == [("train", pytest.approx(training)), ("encode", 40.0), ("score labelled pairs", 5.0)]
    assert outline[3:] == [("candidates", 3.0), ("fit the matcher", 1.0)]
    # It is as long as the plan says beforehand.
    assert sum(seconds for _, seconds in outline) == pytest.approx(
        timing_from_encoding(10.0, 400, 9.0).seconds(RECIPE, 152)
    )
    many = first_retrain_stages(10.0, 400, 0, {}, RECIPE, 576)
    assert [name for name, _ in many] == [
        "train",
        "encode",
        "train half 1 of 2",
        "train half 2 of 2",
        "score labelled pairs",
    ]
    assert sum(seconds for _, seconds in many) == pytest.approx(timing_from_encoding(10.0, 400).seconds(RECIPE, 576))
