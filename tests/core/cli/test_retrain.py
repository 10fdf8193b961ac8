"""`samesku retrain`: recipes, overrides, the list of recipes and the explanation, without training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import match, no_match, q
from tiny_encoder import write_tiny_sentence_encoder

from core.cli.retrain import read_request
from core.errors import SettingsError
from core.evaluation.training_cost import training_cost
from core.json_store import load
from core.retrieval.encoder_registry import ModelCard
from core.training.architecture import read_architecture
from core.training.recipes.keys import recipe_keys
from core.training.recipes.recipe import Recipe
from core.training.recipes.sources import SHIPPED
from core.workspace import Workspace
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

Call = Callable[..., Any]


@pytest.fixture
def labelled(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two matches to train on, one to evaluate on, and a small encoder with random weights."""
    with LabelStore(workspace.labels) as store:
        for query in ("q1", "q2"):
            store.record(
                "ada", Verb.ACCEPT, q(query), [*match(f"{query}-c1"), *no_match(f"{query}-c2")],
                ActionDetails(closes=True),
            )  # fmt: skip
        store.record("ada", Verb.ACCEPT, q("qv"), match("qv-c1"), ActionDetails(closes=True))
    encoder = write_tiny_sentence_encoder(tmp_path / "tiny", ["camera model 5"])
    workspace.settings.write_text(f'[encoder]\nmodel = "{encoder}"\n')
    return workspace


def test_assignments_go_to_the_recipe_or_to_the_settings() -> None:
    given = ["epochs=2", "retrain.rank=8", "lora.dora=true", "search.k=5", "promote=never", "seed=7", "least_steps=3"]
    request = read_request("quality", given)
    assert request.overrides == {"epochs": 2, "lora.rank": 8, "lora.dora": True, "seed": 7, "min_steps": 3}
    # The seed also draws the held-out queries, and former names are reported.
    assert request.settings == ["search.k=5", "retrain.promote=never", "retrain.seed=7", "retrain.least_steps=3"]
    assert request.job_options()[:4] == ["--recipe", "quality", "--set", "retrain.epochs=2"]
    assert "lora.dora=true" in request.job_options()


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("epochz=2", "epochz: there is no such key in a recipe; the nearest is epochs"),
        ("lora.rnk=2", r"lora\.rnk: there is no such key in a recipe; the nearest is lora\.rank"),
        ("loar.rank=2", r"loar\.rank: there is no such key in a recipe; the nearest is lora\.rank"),
        ("epochs=!!python/name:os.system", "epochs cannot be read: line 1 has a tag"),
    ],
)
def test_a_wrong_assignment_is_one_sentence(workspace: Workspace, call: Call, assignment: str, complaint: str) -> None:
    answer = call("retrain", "--home", workspace.home, "--set", assignment)
    assert answer.code == 1
    with pytest.raises(SettingsError, match=complaint):
        raise SettingsError(answer.err.removeprefix("Error: "))
    assert "on the command line" in answer.err


@pytest.mark.parametrize("ending", ["toml", "txt"])
def test_a_toml_file_overrides_the_settings(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"r.{ending}"
    file.write_text('rank = 8\nlearning_rate = 2e-4\npromote = "never"\n[lora]\ndora = true\n')
    request = read_request(str(file), ["rank=4"])
    assert request.recipe is None
    assert request.overrides == {"lora.rank": 4, "learning_rate": 2e-4, "lora.dora": True}
    assert request.settings == ["retrain.promote=never"]


def test_a_job_has_the_values_of_the_file_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda _, home, arguments: started.append(arguments) or "j1")
    file = tmp_path / "r.yaml"
    file.write_text("lora: {rank: 8, target_modules: [query, value]}\nmatryoshka: [16]\n")
    assert call("retrain", "--home", workspace.home, "--recipe", file, "--set", "epochs=2", "--detach").code == 0
    ((verb, *options),) = started
    file.unlink()
    request = read_request(options[1], options[3::2])
    assert (verb, options[:2], options[2::2]) == ("retrain", ["--recipe", "standard"], ["--set"] * 7)
    assert request.overrides == {
        "description": "", "lora.rank": 8, "lora.alpha": "auto", "lora.target_modules": ["query", "value"],
        "lora.layers": "all", "matryoshka": [16], "epochs": 2,
    }  # fmt: skip


def test_a_tracker_is_checked_first_and_kept_by_a_job(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda _, home, arguments: started.append(arguments) or "j1")
    given = ("retrain", "--home", workspace.home, "--detach", "--report-to")
    monkeypatch.setattr("core.packages.find_spec", lambda _: None)
    answer = call(*given, "mlflow")
    assert answer.code == 1
    assert "needs packages that are not installed: mlflow.\nInstall it: pip install mlflow" in answer.err
    assert started == []
    monkeypatch.setattr("core.packages.find_spec", lambda _: True)
    assert call(*given, "mlflow").code == 0
    assert started == [["retrain", "--report-to", "mlflow"]]
    assert call(*given, "paper").code == 2


def test_recipes_and_keys_are_listed(call: Call) -> None:
    answer = call("retrain", "--list-recipes")
    for name in (*SHIPPED, *(key.name for key in recipe_keys())):
        assert name in answer.out
    listed = call("retrain", "--list-recipes", "--json").json
    assert list(listed["recipes"]) == list(SHIPPED)
    assert listed["keys"][0].keys() == {"name", "allowed", "default", "help"}
    shown = call("retrain", "--help").out
    assert all(f"{key.name}: " in shown for key in recipe_keys())


def test_the_explanation_trains_nothing(labelled: Workspace, call: Call) -> None:
    before = sorted(path.name for path in labelled.home.iterdir())
    answer = call("retrain", "--home", labelled.home, "--explain", "--set", "learning_rate=1e-5")
    assert answer.code == 0, answer.err
    for words in ("2 matches and 2 non-matches of 2 queries", "lora.rank", "trainable parameters", "GiB", "step"):
        assert words in answer.out
    assert "does next to nothing" in answer.out
    assert sorted(path.name for path in labelled.home.iterdir()) == before
    found = call("retrain", "--home", labelled.home, "--explain", "--recipe", "full", "--json").json
    assert (found["matches"], found["non_matches"], found["eval_queries"], found["possible"]) == (2, 2, 1, True)
    assert found["steps"] == found["epochs"] == 20
    assert found["trainable"] == found["parameters"] > 0
    assert found["memory_bytes"] > 12 * found["parameters"]
    assert found["recipe"]["method"] == "full"


def test_fewer_blocks_with_an_adapter_take_less_memory(labelled: Workspace, call: Call) -> None:
    estimates = [
        call("retrain", "--home", labelled.home, "--explain", "--set", f"lora.layers={layers}", "--json").json
        for layers in ("all", "upper-half")
    ]
    everything_of_the_adapter = 20 * estimates[0]["trainable"]
    assert estimates[0]["memory_bytes"] - estimates[1]["memory_bytes"] > everything_of_the_adapter


def test_the_explanation_of_a_recipe_that_does_not_fit_names_the_key(labelled: Workspace, call: Call) -> None:
    for given, complaint in (
        ("lora.rank=64", "lora.rank: 64 is above the width"),
        ("matryoshka=[256]", "matryoshka: 256 is above the dimension of the vectors"),
        ("base=/nowhere", "base is /nowhere, which does not exist"),
        ("lora.target_modules=[wq]", "lora.target_modules: no linear layer is called wq"),
    ):
        answer = call("retrain", "--home", labelled.home, "--explain", "--set", given)
        assert answer.code == 1
        assert complaint in answer.err


def test_an_encoder_that_is_not_here_is_not_downloaded(
    labelled: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.retrieval.encoder_files._from_hub", lambda *_: pytest.fail("downloads"))
    answer = call("retrain", "--home", labelled.home, "--explain", "--set", "base=nobody/nothing", "--json")
    assert answer.json["parameters"] is None
    assert "nobody/nothing is not on this machine" in answer.json["notes"][0]


def test_a_missing_package_is_a_note_of_the_explanation(
    labelled: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.explain.has_bitsandbytes", lambda: False)
    answer = call("retrain", "--home", labelled.home, "--explain", "--recipe", "qlora", "--json")
    assert "pip install 'bitsandbytes" in answer.json["notes"][0]


def test_an_unknown_base_ends_a_retrain_with_the_key(
    labelled: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for base, complaint in (
        ("nobody/nothing", "base: The model nobody/nothing is not on this machine"),
        ("/nowhere", "base is /nowhere, which does not exist"),
    ):
        answer = call("retrain", "--home", labelled.home, "--set", f"base={base}", "--quiet")
        assert answer.code == 1
        assert complaint in answer.err
        assert "all-mpnet-base-v2" in answer.err


#: Each kind of mistake: a recipe, and what the sentence about it has: the key, and what is allowed.
MISTAKES = {
    "unknown key": ({"epochz": 2}, "epochz: there is no such key in a recipe; the nearest is epochs. Allowed are"),
    "unknown key of a group": ({"lora.rnk": 2}, "lora.rnk: there is no such key in a recipe; the nearest is lora.rank"),
    "wrong type": ({"epochs": "many"}, "epochs: many is not allowed; it is a whole number from 1 to 100."),
    "no value": ({"lora.dropout": None}, "lora.dropout: None is not allowed; it is a number from 0 to below 1."),
    "impossible value": ({"lora.rank": 0}, "lora.rank: 0 is not allowed; it is a whole number from 1 to 1,024."),
    "impossible choice": ({"method": "dora"}, "method: dora is not allowed; it is lora, full or qlora."),
    "rank above the width": ({"lora.rank": 64}, "it is a whole number from 1 to 32."),
    "prefix above the dimension": ({"matryoshka": [48]}, "it is a list of whole numbers from 1 to 32."),
    "unknown layer": ({"lora.target_modules": ["wq"]}, "no linear layer is called wq; those found are dense, key,"),
    "unknown base": ({"base": "/nowhere"}, "base is /nowhere, which does not exist. It is auto"),
}


@pytest.mark.parametrize("ending", [["--explain"], ["--detach"], []], ids=["explain", "detach", "run"])
@pytest.mark.parametrize("way", ["file", "--set", "settings"])
@pytest.mark.parametrize("kind", MISTAKES)
def test_every_mistake_in_a_recipe_ends_before_any_work(
    labelled: Workspace, call: Call, tmp_path: Path, kind: str, way: str, ending: list[str]
) -> None:
    given, complaint = MISTAKES[kind]
    (name, value), file = next(iter(given.items())), tmp_path / "mine.yaml"
    if way == "--set":
        options = ["--set", f"{name}={'null' if value is None else json.dumps(value).strip(chr(34))}"]
    else:
        group, _, key = name.partition(".")
        file.write_text(json.dumps({group: {key: value}} if key else {name: value}))
        options = ["--recipe", str(file)] if way == "file" else []
        if way == "settings":
            section = f'[retrain]\nrecipe = "{file}"\n'
            labelled.settings.write_text(section + labelled.settings.read_text())
    answer = call("retrain", "--home", labelled.home, *options, *ending)
    assert answer.code == 1
    said = " ".join(answer.err.split())
    assert said.startswith("Error: ")
    assert complaint in said
    assert name.partition(".")[0] in said
    assert "Traceback" not in said
    assert not labelled.jobs.exists()
    assert not labelled.models.exists()
    assert not labelled.backups.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full", "quick"])
def test_a_retrain_keeps_its_recipe_in_the_model_card(
    labelled: Workspace, call: Call, tmp_path: Path, name: str
) -> None:
    base = write_tiny_sentence_encoder(tmp_path / "other", ["another camera 5"])
    given = ["min_steps=2", "learning_rate=5e-2", "hard_negatives=1", f"base={base}"]
    options = [part for value in given for part in ("--set", value)]
    answer = call("retrain", "--home", labelled.home, "--recipe", name, *options, "--json")
    assert answer.code == 0, answer.err
    recipe = answer.json["recipe"]
    assert (recipe["method"], recipe["min_steps"], recipe["base"]) == (
        "full" if name == "full" else "lora",
        2,
        str(base),
    )
    assert ("save_error" if name == "full" else "merge_error") in answer.json["proof"]
    (card,) = call("models", "list", "--home", labelled.home, "--json").json["models"]
    assert card["id"].startswith("full-2" if name == "full" else "lora-2")
    assert "training_seconds" not in answer.json["proof"]
    assert card["recipe"] == recipe
    assert card["base"] == str(base)
    assert card["parent"].startswith("encoder-")
    folder = labelled.models / card["id"]
    assert (folder / "merged" / "modules.json").exists()
    assert (folder / "adapter").exists() == (name != "full")
    cost = training_cost(load(folder / "model.json", ModelCard), folder)
    assert cost.trained_parameters == read_architecture(base).trainable(Recipe.model_validate(recipe))
    assert 0 < (cost.training_seconds or 0) < 3600
    assert (cost.peak_memory_bytes or 0) > 1e7
