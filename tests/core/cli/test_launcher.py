"""Commands under a launcher of distributed programs: one process does the work, and trains in as many as asked for."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from core.cli.launcher import Launch, leave_launcher
from core.errors import SettingsError
from core.workspace import Workspace

Call = Callable[..., Any]


def launched(monkeypatch: pytest.MonkeyPatch, rank: int, count: int, here: int | None = None) -> None:
    """The environment of a process that torchrun has started."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": here or count}
    for name, value in place.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")


def test_no_launcher() -> None:
    assert leave_launcher() == Launch()


def test_the_place_is_read_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    launched(monkeypatch, 1, 4)
    assert leave_launcher() == Launch(4, is_first=False)
    assert not {"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_PORT", "TORCHELASTIC_RUN_ID"} & os.environ.keys()
    # Child processes, such as jobs, are not launched.
    assert leave_launcher() == Launch()


def test_several_machines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    launched(monkeypatch, 0, 4, here=2)
    with pytest.raises(SettingsError, match="has started 4 processes, 2 of them on this one"):
        leave_launcher()


@pytest.mark.parametrize(("variable", "name"), [("ACCELERATE_USE_FSDP", "FSDP"), ("ACCELERATE_USE_DEEPSPEED", "Deep")])
def test_a_shared_model_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, name: str) -> None:
    launched(monkeypatch, 0, 2)
    monkeypatch.setenv(variable, "true")
    with pytest.raises(SettingsError, match=f"{name}.* is not supported"):
        leave_launcher()


def test_the_first_process_trains_in_as_many(workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.cli.retrain.explain_retrain", _recipe_of)
    arguments = ("retrain", "--home", workspace.home, "--explain", "--json")
    for extra, processes in ((), 2), (("--set", "processes=4"), 4):
        launched(monkeypatch, 0, 2)
        with pytest.raises(_SeenError) as seen:
            call(*arguments, *extra)
        assert seen.value.args == (processes,)


class _SeenError(Exception):
    pass


def _recipe_of(_workspace: object, _settings: object, _jobs: object, recipe: Any, **_: object) -> None:
    raise _SeenError(recipe.processes)


def test_a_batch_is_shared_equally(workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    launched(monkeypatch, 0, 3)
    answer = call("retrain", "--home", workspace.home, "--explain")
    assert answer.code == 1
    assert "processes: 3 does not divide batch_size (32)" in answer.err


def test_the_others_do_nothing(workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(workspace.home.rglob("*"))
    launched(monkeypatch, 1, 2)
    answer = call("retrain", "--home", workspace.home)
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert sorted(workspace.home.rglob("*")) == before


def test_a_launcher_that_starts_one_process_is_reported(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ACCELERATE_MIXED_PRECISION", "no"), ("MASTER_PORT", "29500")):
        monkeypatch.setenv(name, value)
    answer = call("retrain", "--home", workspace.home, "--explain")
    assert "has started one process only" in answer.err
    assert "--set processes=2" in answer.err
