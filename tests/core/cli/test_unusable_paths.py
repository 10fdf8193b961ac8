"""Paths that no file can have, and files that this account may not use: one sentence, and no advice that does harm."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from disk import full_disk
from permissions import obeyed_permissions

from core.diagnostics import damages
from core.errors import SettingsError, UnreadableError
from core.jobs.board import Jobs
from core.json_store import load, save
from core.retrieval.encoder_registry import Registry
from core.settings import Settings, load_settings
from core.workspace import Workspace
from labels.backup import backup
from labels.backup_index import FOLDER, backups
from labels.errors import LabelsError, SameskuError
from labels.exchange.pseudonyms import Pseudonyms
from labels.files import way_out
from labels.leases import Leases
from labels.model import ProductRef
from labels.store import LabelStore

Call = Callable[..., Any]

#: Advice that must not be given about a file that is only closed to whoever asks.
_HARMFUL = ("damaged", "move it away", "move its", "remove it", "restore", "mend it")

_LONG = "x" * 300


@pytest.fixture
def closed(workspace: Workspace) -> Iterator[Callable[[Path], None]]:
    """Close a path of the workspace to this account, until the test ends."""
    paths: list[Path] = []

    def close(path: Path) -> None:
        paths.append(path)
        path.chmod(0)

    yield close
    for path in paths:
        path.chmod(0o700)


def is_harmless(error: SameskuError) -> bool:
    text = f"{error.message} {error.hint}".lower()
    return bool(error.hint) and not any(words in text for words in _HARMFUL)


# -- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [_LONG, "", ".", "/", f"{_LONG}/x"])
@pytest.mark.parametrize(
    "verb",
    [
        "labels verify FILE", "labels restore FILE --yes", "labels merge FILE", "labels verify --against FILE",
        "import walmart-amazon FILE", "dataset pairs --out FILE", "models show FILE", "models promote FILE",
    ],
)  # fmt: skip
def test_a_name_that_no_file_has_is_told(call: Call, workspace: Workspace, verb: str, file: str) -> None:
    words = [file if word == "FILE" else word for word in verb.split()]
    answer = call("--home", workspace.home, *words)
    assert answer.code == 1
    assert answer.err.splitlines()[-2].startswith("Error: ") or "Error: " in answer.err
    assert "Move it away" not in answer.err


@pytest.mark.parametrize("home", [_LONG, f"{_LONG}/x", "~nobody-has-this-name/x"])
@pytest.mark.parametrize("verb", ["labels stats", "labels backup", "index", "models list", "jobs list"])
def test_a_workspace_that_cannot_be_is_told(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, home: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = call("--home", home, *verb.split())
    assert answer.code == 1
    assert "Error: " in answer.err


def test_a_backup_can_be_made_in_the_folder_where_one_is(
    call: Call, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LabelStore(workspace.labels):
        pass
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    assert call("--home", workspace.home, "labels", "backup", "--to", ".").code == 0
    assert len(backups(place)) == 1


def test_a_champion_with_a_name_that_no_folder_has_is_refused(workspace: Workspace) -> None:
    save(workspace.models / "champion.json", [{"model": "x" * 5000, "at": "2026-01-01", "why": "x"}])
    with pytest.raises(SameskuError, match=r"champion\.json is damaged"):
        Registry(workspace, Settings()).champion()


# -- permissions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb",
    [
        "labels stats", "labels verify", "labels backup", "labels backups", "labels export OUT", "labels query SELECT",
        "index", "match --out OUT", "models list", "jobs list", "doctor", "settings",
    ],
)  # fmt: skip
def test_a_workspace_that_one_may_not_look_into_is_told(
    call: Call, workspace: Workspace, closed: Callable[[Path], None], tmp_path: Path, verb: str
) -> None:
    with LabelStore(workspace.labels):
        pass
    words = [str(tmp_path / "out.csv") if word == "OUT" else word for word in verb.split()]
    workspace.home.chmod(0o600)
    try:
        with obeyed_permissions():
            answer = call("--home", workspace.home, *words)
    finally:
        workspace.home.chmod(0o700)
    assert answer.code == 1
    told = answer.err + answer.out
    assert "Permission denied" in told or "unable to open" in told or "not readable" in told
    assert not any(words in told.lower() for words in _HARMFUL)


def test_what_may_not_be_read_is_not_called_damaged(workspace: Workspace, closed: Callable[[Path], None]) -> None:
    save(workspace.models / "champion.json", [])
    workspace.settings.write_text("[search]\nk = 5\n")
    job = workspace.jobs / "20260101-000000-cafe"
    job.mkdir(parents=True)
    (job / "job.json").write_text("{}")
    closed(workspace.models / "champion.json")
    closed(workspace.settings)
    closed(job / "job.json")
    with obeyed_permissions():
        with pytest.raises(UnreadableError) as history:
            Registry(workspace, Settings()).history()
        with pytest.raises(SettingsError) as settings:
            load_settings(workspace.settings)
        with pytest.raises(SameskuError) as of_job:
            Jobs(workspace.jobs).get(job.name)
        assert all(map(is_harmless, (history.value, settings.value, of_job.value)))
        found = [str(each) for each in damages(workspace) if each.path.name == "champion.json"]
    assert found
    assert not any(words in found[0].lower() for words in _HARMFUL)


def test_a_lock_that_may_not_be_opened_is_not_to_be_moved_away(
    call: Call, workspace: Workspace, closed: Callable[[Path], None]
) -> None:
    workspace.jobs.mkdir()
    (workspace.jobs / "encoders.lock").touch()
    closed(workspace.jobs / "encoders.lock")
    with obeyed_permissions():
        answer = call("--home", workspace.home, "index")
    assert "cannot be locked: Permission denied" in answer.err
    assert "Move it away" not in answer.err


def test_an_unreadable_folder_of_models_does_not_stop_the_doctor(
    call: Call, workspace: Workspace, closed: Callable[[Path], None]
) -> None:
    (workspace.models / "judge").mkdir(parents=True)
    closed(workspace.models)
    with obeyed_permissions():
        answer = call("--home", workspace.home, "doctor")
    assert "labels" in answer.out
    assert "Permission denied" in answer.out


def test_backups_that_may_not_be_looked_into_are_not_taken_for_none(
    workspace: Workspace, closed: Callable[[Path], None]
) -> None:
    with LabelStore(workspace.labels):
        pass
    backup(workspace.labels, workspace.home / FOLDER)
    closed(workspace.home / FOLDER)
    with obeyed_permissions(), pytest.raises(LabelsError, match="Permission denied"):
        backups(workspace.home / FOLDER)


def test_leases_that_may_not_be_written_are_not_called_damaged(workspace: Workspace) -> None:
    Leases(workspace.labels).close()
    workspace.home.chmod(0o500)
    (workspace.home / "claims.db").chmod(0o400)
    try:
        with obeyed_permissions():
            claims = Leases(workspace.labels)
            with pytest.raises(LabelsError) as told:
                claims.take(ProductRef("walmart", "q1"), "ada")
            claims.close()
    finally:
        workspace.home.chmod(0o700)
    assert is_harmless(told.value)


def test_a_ledger_that_cannot_be_seen_for_a_while_is_not_called_deleted(workspace: Workspace) -> None:
    with LabelStore(workspace.labels) as store:
        workspace.home.chmod(0o600)
        try:
            with obeyed_permissions(), pytest.raises(LabelsError, match="cannot be accessed any more") as told:
                store.undo("ada")
        finally:
            workspace.home.chmod(0o700)
        assert is_harmless(told.value)
        assert store.undo("ada") is None


# -- advice --------------------------------------------------------------------------------------------------


def test_advice_follows_what_the_system_says() -> None:
    otherwise = "Move it away."
    denied, full, other = (OSError(number, os.strerror(number)) for number in (13, 28, 22))
    assert "for access" in way_out(denied, otherwise)
    assert "disk space" in way_out(full, otherwise)
    assert way_out(other, otherwise) == otherwise


def test_what_is_kept_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[")
    with pytest.raises(SameskuError, match="is damaged"):
        load(tmp_path / "a.json", dict[str, int])


def test_a_full_disk_leaves_no_half_key_of_pseudonyms(tmp_path: Path) -> None:
    with full_disk(10), pytest.raises(LabelsError):
        Pseudonyms.from_key_file(tmp_path / "pseudonyms.key")
    assert not (tmp_path / "pseudonyms.key").exists()
    assert Pseudonyms.from_key_file(tmp_path / "pseudonyms.key")("ada") == Pseudonyms.from_key_file(
        tmp_path / "pseudonyms.key"
    )("ada")
