"""A workspace is its team's: the group shares it as the umask allows, and nobody else looks in."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import match, q, write_workspace

from core.jobs.board import Jobs
from core.workspace import Workspace, restrict_umask
from labels.backup import backup
from labels.model import Verb
from labels.store import LabelStore


@pytest.fixture(params=[0o002, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What the one who starts the program has set."""
    before = os.umask(request.param)
    restrict_umask()
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_new_is_closed_to_others_and_as_open_to_the_group_as_the_umask_is(
    umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = write_workspace(tmp_path / "home")
    backup(workspace.labels, workspace.backups)
    with LabelStore(workspace.labels) as store:
        store.connection.execute("BEGIN IMMEDIATE")
        store.connection.execute("DELETE FROM current")
        journals = list(workspace.home.glob("labels.db-*"))
        store.connection.execute("ROLLBACK")
        store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c1"))
        journals += workspace.home.glob("labels.db-*")
        for path in (workspace.labels, workspace.catalog, workspace.derived, *workspace.backups.iterdir(), *journals):
            assert mode(path) == 0o660 & ~umask, path
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: type("Process", (), {"pid": os.getpid()}))
    job = Jobs(workspace.jobs).start(workspace.home, ["index"])
    folders = [workspace.home, workspace.backups, workspace.jobs, workspace.jobs / job]
    for folder in folders:
        assert mode(folder) & 0o777 == 0o770 & ~umask, folder
        assert folder.stat().st_mode & stat.S_ISGID
    assert not any(mode(path) & 0o007 for path in workspace.home.rglob("*"))
    assert workspace.world_accessible() == []


def test_the_program_closes_what_it_makes(tmp_path: Path) -> None:
    file = tmp_path / "walmart.csv"
    file.write_text("id,title\nw1,Canon T6\n")
    home = tmp_path / "home"
    command = [
        sys.executable,
        "-m",
        "core",
        "--home",
        str(home),
        "import",
        "products",
        str(file),
        "--source",
        "walmart",
    ]
    subprocess.run([*command, "--role", "query"], check=True, capture_output=True, umask=0o002)
    assert mode(home) == 0o2770
    assert mode(home / "catalog.db") == 0o660


def test_a_folder_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Workspace(tmp_path).create()
    assert mode(tmp_path) == 0o755


def test_what_others_may_see_is_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    assert workspace.world_accessible() == []
    workspace.create()
    # Not by touch(mode=…): other tests' programs have closed what this process makes.
    for path, mode_ in ((workspace.labels, 0o644), (workspace.catalog, 0o660)):
        path.touch()
        path.chmod(mode_)
    assert workspace.world_accessible() == []  # nobody gets as far as the file
    workspace.home.chmod(0o755)
    assert workspace.world_accessible() == [workspace.home, workspace.labels]
