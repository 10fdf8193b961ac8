"""Which folder is the workspace."""

from pathlib import Path

import platformdirs
import pytest

from core.errors import CoreError
from core.workspace import Workspace


def test_the_command_line_beats_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAMESKU_HOME", str(tmp_path / "environment"))
    assert Workspace.locate(tmp_path / "named").home == tmp_path / "named"
    assert Workspace.locate().home == tmp_path / "environment"


def test_without_a_name_it_is_in_the_platforms_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMESKU_HOME")
    assert Workspace.locate().home == platformdirs.user_data_path("samesku")


def test_a_relative_folder_and_a_tilde_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    assert Workspace.locate(Path("here")).home == tmp_path / "here"
    assert Workspace.locate(Path("~/there")).home == tmp_path / "ada" / "there"


def test_looking_for_it_makes_nothing(tmp_path: Path) -> None:
    workspace = Workspace.locate(tmp_path / "home")
    with pytest.raises(CoreError, match="no workspace") as caught:
        workspace.require()
    assert "samesku demo" in caught.value.hint
    assert not workspace.home.exists()


def test_it_is_made_where_asked_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "a" / "b").create().create()
    assert workspace.home.is_dir()
    workspace.catalog.touch()
    assert workspace.require() is workspace


def test_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(CoreError, match="cannot be created"):
        Workspace(tmp_path / "home").create()


def test_the_files_are_where_the_readme_says(tmp_path: Path) -> None:
    names = ("settings", "labels", "catalog", "derived", "index", "models", "jobs", "reports")
    places = {name: getattr(Workspace(tmp_path), name).relative_to(tmp_path).as_posix() for name in names}
    assert places == {
        "settings": "samesku.toml", "labels": "labels.db", "catalog": "catalog.db", "derived": "derived.db",
        "index": "index", "models": "models", "jobs": "jobs", "reports": "reports",
    }  # fmt: skip
