"""`samesku retrain --sweep`: options, the explanation, the job, and what is printed; without training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.jobs.names import job_name, resume_note
from core.training.recipes.recipe import Recipe
from core.training.sweep.run import Sweep
from core.training.sweep.study import DONE, FAILED, INTERRUPTED, STOPPED, TrialResult
from core.workspace import Workspace

Call = Callable[..., Any]


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A space of two keys."""
    path = tmp_path / "space.yaml"
    path.write_text("epochs: [1, 2]\nlearning_rate: {low: 1e-4, high: 1e-3, log: true}\n")
    return path


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["space.yaml"], 2, "a space belongs to --sweep; a recipe is given with"),
        (["--trials", "3"], 2, "--trials belongs to --sweep"),
        (["--out", "best.yaml"], 2, "--out belongs to --sweep"),
        (["--sweep", "--trials", "0"], 2, "--trials"),
        (["--sweep", "--out", "best.toml"], 1, "Use .yaml or .yml"),
        (["--sweep", "nowhere.yaml"], 1, "nowhere.yaml"),
        (["--sweep", "--set", "epochs=2"], 1, "epochs is set on the command line and in the shipped space"),
    ],
)
def test_wrong_options(workspace: Workspace, call: Call, options: list[str], code: int, complaint: str) -> None:
    answer = call("retrain", "--home", workspace.home, *options)
    assert answer.code == code
    assert complaint in " ".join(answer.err.replace("│", " ").split())


def test_the_explanation_of_a_sweep(workspace: Workspace, call: Call, space: Path) -> None:
    answer = call("retrain", "--home", workspace.home, "--sweep", space, "--explain", "--trials", "7")
    assert answer.code == 0, answer.err
    assert "0.0001 to 0.001, in the logarithm" in answer.out
    assert "7 trials" in answer.out
    shipped = call("retrain", "--home", workspace.home, "--sweep", "--explain", "--json").json
    assert (shipped["trials"], "lora.rank" in shipped["space"]) == (20, True)
    assert not workspace.sweeps.exists()


def test_a_job_does_the_same_after_the_file_was_changed(
    workspace: Workspace, call: Call, space: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda _, home, arguments: started.append(arguments) or "j1")
    monkeypatch.chdir(tmp_path)
    options = ["--sweep", space, "--trials", "5", "--out", "best.yaml", "--set", "batch_size=16", "--detach"]
    assert call("retrain", "--home", workspace.home, *options).code == 0
    (arguments,) = started
    space.unlink()
    assert arguments[:2] == ["retrain", "--sweep"]
    assert arguments[3:] == [
        "--trials", "5", "--out", str(tmp_path / "best.yaml"), "--set", "retrain.batch_size=16"
    ]  # fmt: skip
    assert job_name(arguments) == "Sweep over recipes"
    assert resume_note(arguments) == "finished trials are kept"
    again = call("retrain", "--home", workspace.home, *arguments[1:], "--explain", "--json")
    assert again.json["space"] == {"epochs": [1, 2], "learning_rate": {"low": 1e-4, "high": 1e-3, "log": True}}


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_missing_package_is_a_sentence(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, detach: list[str]
) -> None:
    monkeypatch.setattr("core.packages.find_spec", lambda _: None)
    answer = call("retrain", "--home", workspace.home, "--sweep", *detach)
    assert answer.code == 1
    assert "A sweep needs packages that are not installed: optuna." in answer.err
    assert "-e '.[sweep]'" in answer.err


def test_what_is_printed(workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    results = [
        TrialResult(0, DONE, 0.7, 61.2, {"epochs": 1, "scale": 20.0}),
        TrialResult(1, INTERRUPTED, None, None, {"epochs": 3, "scale": 7.5}),
        TrialResult(2, DONE, 0.8, 90.0, {"epochs": 2, "scale": 12.3456}),
        TrialResult(3, STOPPED, 0.4, 30.0, {"epochs": 2, "scale": 29.0}),
        TrialResult(4, FAILED, None, 3.0, {"epochs": 2, "scale": 1.0}, "The merged weights differ."),
        TrialResult(5, DONE, 0.7, 0.0, {"epochs": 1, "scale": 20.0}, same_as=0),
    ]
    file = tmp_path / "best.yaml"
    found = Sweep("abc", tmp_path, 64, results, results[2], Recipe(), file)
    monkeypatch.setattr("core.cli.sweep.sweep", lambda *_, **__: found)
    answer = call("retrain", "--home", workspace.home, "--sweep")
    assert answer.code == 0, answer.err
    rows = [line.split() for line in answer.out.splitlines()]
    start = rows.index(["trial", "MRR", "seconds", "epochs", "scale"])
    assert [row[0] for row in rows[start + 1 : start + 6]] == ["3", "1", "6", "4", "5"]
    assert rows[start + 1] == ["3", "0.8000", "90", "2", "12.3"]
    for words in ("failed: The merged weights differ.", "stopped early", "same values as 1", "MRR by trial"):
        assert words in answer.out
    assert f"samesku retrain --recipe {file}" in answer.out
    record = call("retrain", "--home", workspace.home, "--sweep", "--json").json
    assert record["best"]["number"] == 2
    assert record["out"] == str(file)
    assert [trial["state"] for trial in record["trials"]][1] == INTERRUPTED
    empty = Sweep("abc", tmp_path, 64, results[4:5], None, None, None)
    monkeypatch.setattr("core.cli.sweep.sweep", lambda *_, **__: empty)
    assert "there is no best recipe" in call("retrain", "--home", workspace.home, "--sweep").out
