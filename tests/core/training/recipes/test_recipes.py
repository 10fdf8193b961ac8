"""Recipes: where their values come from, and every kind of mistake."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import RetrainSettings, Settings, load_settings
from core.training.recipes.keys import recipe_keys
from core.training.recipes.recipe import LoraKeys, Recipe
from core.training.recipes.sources import (
    SHIPPED,
    parse_override,
    recorded_recipe,
    resolve_recipe,
    settings_values,
    shipped_recipes,
)
from core.yaml_file import read_yaml

NONE = RetrainSettings()


def written(folder: Path, text: str) -> str:
    path = folder / "r.yaml"
    path.write_text(text)
    return str(path)


def test_standard_is_the_default() -> None:
    recipe = resolve_recipe(NONE)
    assert recipe == resolve_recipe(NONE, "standard")
    lora = recipe.lora
    assert (recipe.method, lora.rank, lora.scaled_alpha, lora.dropout) == ("lora", 16, 32, 0.0)
    assert lora.layers == "upper-two-thirds"
    assert (recipe.epochs, recipe.min_steps, recipe.rate, recipe.batch_size) == (4, 20, 5e-4, 32)
    assert (recipe.altered_negatives, recipe.join_model_numbers) == (1, True)
    assert (recipe.hard_negatives, recipe.scale, recipe.warmup, recipe.seed) == (3, 20.0, 0.1, 13)
    assert (recipe.schedule, recipe.loss, recipe.weight_decay) == ("cosine", "mnr", 0.0)


def test_the_shipped_recipes_are_what_their_names_say() -> None:
    recipes = {each.name: each.recipe for each in shipped_recipes()}
    assert tuple(recipes) == SHIPPED
    assert all(recipe.description and not recipe.warnings for recipe in recipes.values())
    assert (recipes["quick"].lora.rank, recipes["quick"].epochs) == (8, 1)
    quality = recipes["quality"]
    assert (quality.lora.rank, quality.lora.dropout, quality.gradient_checkpointing) == (32, 0.1, True)
    assert not recipes["full"].has_adapter
    assert recipes["full"].rate == pytest.approx(recipes["standard"].rate / 10)
    assert recipes["qlora"].method == "qlora"
    assert recipes["large-batch"].loss == "cached-mnr"
    assert recipes["matryoshka"].matryoshka == (256, 128, 64)


def test_a_file_sets_some_keys(tmp_path: Path) -> None:
    name = written(tmp_path, "lora: {rank: 32, target_modules: [query, value]}\nlearning_rate: 2e-4\nmatryoshka: [8]\n")
    recipe = resolve_recipe(NONE, name)
    assert recipe.lora == LoraKeys(rank=32, target_modules=("query", "value"))
    assert (recipe.lora.scaled_alpha, recipe.rate, recipe.matryoshka, recipe.epochs) == (64, 2e-4, (8,), 4)


def test_the_command_line_wins_over_a_named_recipe_and_that_over_the_settings() -> None:
    settings = RetrainSettings(recipe="quality", rank=8, epochs=7)
    assert resolve_recipe(settings).lora == LoraKeys(rank=8, alpha=64, dropout=0.1)
    assert (resolve_recipe(settings).epochs, resolve_recipe(settings).gradient_checkpointing) == (7, True)
    named = resolve_recipe(settings, "quick", {"lora.rank": 4})
    assert (named.lora.rank, named.lora.alpha, named.epochs) == (4, 16, 1)
    assert resolve_recipe(settings, None, {"epochs": 2}).epochs == 2


def test_keys_of_the_settings_are_those_that_are_set(tmp_path: Path) -> None:
    file = tmp_path / "samesku.toml"
    file.write_text('[retrain]\nrank = 8\nalpha = 4\ndropout = 0.2\nleast_steps = 5\nseed = 3\npromote = "never"\n')
    assert settings_values(load_settings(file).retrain) == {
        "lora.rank": 8, "lora.alpha": 4, "lora.dropout": 0.2, "min_steps": 5, "seed": 3,
    }  # fmt: skip
    assert settings_values(NONE) == settings_values(Settings().retrain) == {}


def test_a_recipe_file_of_the_settings_starts_at_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "epochs: 9\n")
    (tmp_path / "samesku.toml").write_text('[retrain]\nrecipe = "r.yaml"\n')
    monkeypatch.chdir("/")
    assert resolve_recipe(load_settings(tmp_path / "samesku.toml").retrain).epochs == 9


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("epochz: 2", "epochz: there is no such key in a recipe; the nearest is epochs.", "Allowed are description,"),
        ("lora: {rnk: 2}", "lora.rnk: there is no such key in a recipe; the nearest is lora.rank.", "lora.rank"),
        ("dora: true", "dora: there is no such key in a recipe; the nearest is lora.dora.", "lora.dora"),
        ("5: 2", "5: there is no such key", "Allowed are"),
        ("epochs: many", "epochs: many is not allowed", "it is a whole number from 1 to 100"),
        ("epochs: 4.0", "epochs: 4.0 is not allowed", "it is a whole number from 1 to 100"),
        ("epochs: yes", "epochs: true is not allowed", "it is a whole number from 1 to 100"),
        ("epochs: 0", "epochs: 0 is not allowed", "it is a whole number from 1 to 100"),
        ("epochs:", "epochs: None is not allowed", "it is a whole number from 1 to 100"),
        ("lora: {rank: 2000}", "lora.rank: 2000 is not allowed", "it is a whole number from 1 to 1,024"),
        ("lora: 8", "lora: 8 is not allowed", "it is a group of keys: rank, alpha, dropout"),
        ("lora: {dora: 1}", "lora.dora: 1 is not allowed", "it is true or false"),
        ("lora: {alpha: large}", "lora.alpha: large is not allowed", "it is auto or a whole number from 1 to 4,096"),
        ("lora: {target_modules: []}", "lora.target_modules: the list is empty", "name at least one layer, or auto"),
        ("lora: {target_modules: [1]}", "lora.target_modules: [1] is not allowed", "it is auto or a list of texts"),
        ("learning_rate: .nan", "learning_rate: nan is not allowed", "it is auto or a number above 0 and at most 1"),
        ("learning_rate: .inf", "learning_rate: inf is not allowed", "it is auto or a number above 0 and at most 1"),
        ("learning_rate: -1", "learning_rate: -1 is not allowed", "it is auto or a number above 0 and at most 1"),
        ("warmup: 1.0", "warmup: 1.0 is not allowed", "it is a number from 0 to below 1"),
        ("method: lorra", "method: lorra is not allowed", "it is lora, full or qlora"),
        ("loss: triplet", "loss: triplet is not allowed", "symmetric-mnr, gist, cosent or cosine"),
        ("matryoshka: [8, 8]", "matryoshka: a length is given twice", "give each once"),
        ("matryoshka: 8", "matryoshka: 8 is not allowed", "it is a list of whole numbers from 1 to 16,384"),
        ("base: ''", 'base: "" is not allowed', "it is a text"),
        ("base: 2026-01-01", "base: datetime.date(2026, 1, 1) is not allowed", "it is a text"),
        ("description: 'a\x1b[31m'", "cannot be read", "not valid YAML"),
        (f"method: {'x' * 500}", "method: xxxx", "… is not allowed; it is lora"),
    ],
)  # fmt: skip
def test_every_mistake_names_the_key_and_what_is_allowed(tmp_path: Path, text: str, key: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_recipe(NONE, written(tmp_path, text))
    assert key in caught.value.message
    assert allowed in caught.value.message
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message
    if "cannot be read" not in key:
        assert caught.value.hint == f"It is set in {tmp_path / 'r.yaml'}."


def test_a_mistake_names_where_it_is_made(tmp_path: Path) -> None:
    for overrides, settings, origin in (
        ({"lora.rank": 0}, NONE, "on the command line"),
        ({"nothing.here": 0}, NONE, "on the command line"),
        ({}, RetrainSettings(scale=5000.0), "in the section retrain of the settings"),
    ):
        with pytest.raises(SettingsError) as caught:
            resolve_recipe(settings, None, overrides)
        assert caught.value.hint == f"It is set {origin}."


def test_an_unknown_recipe_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no recipe standart; the nearest is standard") as caught:
        resolve_recipe(NONE, "standart")
    assert all(name in caught.value.hint for name in SHIPPED)
    with pytest.raises(SettingsError, match=r"r\.yaml"):
        resolve_recipe(NONE, str(tmp_path / "r.yaml"))


def test_values_on_the_command_line_are_written_as_in_a_file() -> None:
    given = {"lora.rank": "32", "learning_rate": "5e-4", "lora.target_modules": "[q, v]", "loss": "gist", "seed": "7"}
    recipe = resolve_recipe(NONE, None, {key: parse_override(key, text) for key, text in given.items()})
    assert (recipe.lora.rank, recipe.rate, recipe.lora.target_modules) == (32, 5e-4, ("q", "v"))
    assert (recipe.loss, recipe.seed) == ("gist", 7)
    with pytest.raises(SettingsError, match="epochs cannot be read: line 1 has a tag"):
        parse_override("epochs", "!!python/name:os.system")
    with pytest.raises(SettingsError, match=r"loral\.rank: there is no such key .* nearest is lora\.rank"):
        parse_override("loral.rank", "3")


def test_a_low_lora_rate_is_reported_and_the_same_rate_in_full_is_not() -> None:
    (warning,) = Recipe(learning_rate=2e-5).warnings
    assert "does next to nothing" in warning
    assert Recipe(learning_rate=2e-5, method="full").warnings == Recipe(learning_rate=5e-5).warnings == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recorded_recipe_is_read_back(name: str) -> None:
    recipe = resolve_recipe(NONE, name)
    record = recipe.record()
    assert record["learning_rate"] == recipe.rate
    read = recorded_recipe(record)
    assert read is not None
    assert read.record() == record
    assert ("lora" in record) == recipe.has_adapter


def test_recipes_of_earlier_versions_are_read() -> None:
    old = {"epochs": 6, "rank": 8, "alpha": 4, "dropout": 0.0, "least_steps": 3, "promote": "better", "min_queries": 50}
    recipe = recorded_recipe(old)
    assert recipe is not None
    assert (recipe.epochs, recipe.lora.rank, recipe.lora.alpha, recipe.min_steps) == (6, 8, 4, 3)
    assert recorded_recipe({"epochs": "many"}) is recorded_recipe(None) is recorded_recipe("x") is None


def test_every_key_is_documented() -> None:
    assert [key.name for key in recipe_keys() if not (key.help and key.allowed)] == []
    assert {"lora.rank", "learning_rate", "matryoshka"} <= {key.name for key in recipe_keys()}


def test_shipped_files_are_package_data() -> None:
    folder = Path("core/training/recipes/data")
    assert {path.stem for path in folder.glob("*.yaml")} == set(SHIPPED)
    for name in SHIPPED:
        assert read_yaml(folder / f"{name}.yaml", "")["description"]
    assert '"core.training.recipes" = ["data/*.yaml"]' in Path("pyproject.toml").read_text(encoding="utf-8")
