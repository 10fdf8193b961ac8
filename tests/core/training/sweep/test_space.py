"""The space of a sweep: what a file may say, and the sentence for each mistake."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import RetrainSettings
from core.training.recipes.recipe import Recipe
from core.training.recipes.sources import resolve_recipe
from core.training.sweep.space import Choices, Range, SearchSpace, read_space


def read(folder: Path, text: str, recipe: Recipe | None = None, **overridden: object) -> SearchSpace:
    """The space that a file with this text has."""
    path = folder / "space.yaml"
    path.write_text(text)
    return read_space(path, recipe or Recipe(), overridden)


def test_a_space_has_choices_and_ranges(tmp_path: Path) -> None:
    space = read(
        tmp_path,
        "lora: {rank: [8, 16], dora: [true, false]}\nlearning_rate: {low: 1e-4, high: 1e-3, log: true}\n"
        "epochs: {low: 2, high: 6, step: 2}\nmatryoshka: [[], [16, 8]]\nalpha: [auto, 8]\n",
    )
    assert list(space.dimensions) == ["lora.rank", "lora.dora", "learning_rate", "epochs", "matryoshka", "lora.alpha"]
    assert space.dimensions["lora.rank"] == Choices(values=[8, 16])
    assert space.dimensions["learning_rate"] == Range(low=1e-4, high=1e-3, log=True)
    assert space.dimensions["epochs"] == Range(low=2, high=6, step=2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("epochz: [1]", "epochz: there is no such key in a recipe; the nearest is epochs"),
        ("lora: {rnk: [1]}", r"lora\.rnk: there is no such key in a recipe; the nearest is lora\.rank"),
        ("lora: [1]", "lora: there is no such key"),
        ("epochs: 4", r"epochs: 4 is neither a list of choices nor a range; write \[4\]"),
        ("epochs: []", "epochs: a list has 1 to 64 choices"),
        ("epochs: [2, 2]", "epochs: a choice is given twice"),
        ("epochs: [2, 0]", "epochs: 0 is not allowed; it is a whole number from 1 to 100"),
        ("epochs: {low: 0, high: 4}", "epochs: 0 is not allowed"),
        ("epochs: {low: 1, high: 400}", "epochs: 400 is not allowed"),
        ("epochs: {low: 1.5, high: 4}", "epochs: 1.5 is not allowed"),
        ("epochs: {low: 1, high: 4, step: 0.5}", "epochs: step 0.5 is not allowed"),
        ("epochs: {low: 4, high: 2}", r"epochs: low \(4\) is not below high \(2\)"),
        ("epochs: {low: 1}", "epochs: the range has no high"),
        ("epochs: {low: 1, high: 4, stepp: 1}", "epochs: a range has no stepp"),
        ("epochs: {low: a, high: 4}", "epochs: low: a is not allowed; it is a number"),
        ("epochs: {low: 1, high: 4, log: maybe}", "epochs: log: maybe is not allowed; it is true or false"),
        ("epochs: {low: 1, high: 4, step: 2}", "epochs: steps of 2 from 1 do not reach 4"),
        ("epochs: {low: 1, high: 4, step: 1, log: true}", "epochs: log and step exclude one another"),
        ("weight_decay: {low: 0, high: 0.1, log: true}", "weight_decay: low is 0; with log it is above 0"),
        ("loss: {low: 1, high: 4}", "loss has no range: it is mnr,"),
        ("loss: [mnr, mnrr]", "loss: mnrr is not allowed"),
        ("learning_rate: [.nan]", "learning_rate: nan is not allowed"),
        ("seed: [1, 2]", "seed is the same for all trials"),
        ("method: [full]\nlora.rank: [8]", r"lora\.rank has no effect with method: full"),
        ("{}", "it holds no keys|The space has 0 keys"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)
    assert "space.yaml" in f"{error.value.message} {error.value.hint}"


def test_a_key_is_set_in_one_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="epochs is set on the command line and in"):
        read(tmp_path, "epochs: [1, 2]", epochs=3)


def test_an_adapter_needs_a_method_that_has_one(tmp_path: Path) -> None:
    full = resolve_recipe(RetrainSettings(), "full")
    with pytest.raises(SettingsError, match="no effect"):
        read(tmp_path, "lora.rank: [8]", full)
    assert read(tmp_path, "method: [full, lora]\nlora.rank: [8]", full).dimensions.keys() == {"method", "lora.rank"}


def test_a_space_is_shipped_for_adapters_and_for_all_weights() -> None:
    standard, full = (resolve_recipe(RetrainSettings(), name) for name in ("standard", "full"))
    with_adapter, without = read_space(None, standard, {}), read_space(None, full, {})
    assert "lora.rank" in with_adapter.dimensions
    assert "lora.rank" not in without.dimensions
    # Both hold the recipe itself, with its automatic learning rate, as the first trial.
    assert with_adapter.params_of(standard) is not None
    assert without.params_of(full) is not None


def test_a_recipe_outside_of_the_space_is_not_its_first_trial(tmp_path: Path) -> None:
    space = read(tmp_path, "epochs: [1, 2]\nlearning_rate: {low: 1e-4, high: 1e-3, log: true}")
    assert space.params_of(Recipe(epochs=2)) == {"epochs": "2", "learning_rate": 5e-4}
    assert space.params_of(Recipe(epochs=3)) is None
    assert space.values({"epochs": "2", "learning_rate": 5e-4}) == {"epochs": 2, "learning_rate": 5e-4}
