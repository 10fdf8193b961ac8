"""Private copies among the temporary files: those of killed processes are removed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from samples import match, q

from labels.errors import LabelsError
from labels.exchange.merge import merge_ledger
from labels.files import PRIVATE_PREFIX
from labels.model import Verb
from labels.store import LabelStore
from labels.verify import verify

_HOLDS_A_COPY = """
import sys, time
from pathlib import Path
from labels.snapshot import private_copy
with private_copy(Path(sys.argv[1])) as copy:
    print(copy, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, of this process and its children."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def path(ledger: LabelStore) -> Path:
    ledger.record("ada", Verb.ACCEPT, q("q1"), match("c1"))
    return ledger.path


def copied(path: Path) -> "tuple[subprocess.Popen[str], Path]":
    """A process with a copy, and where that is."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDS_A_COPY, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_copies_of_killed_processes_are_removed_and_those_in_use_are_not(path: Path, temporary: Path) -> None:
    (temporary / "samesku").mkdir()
    running, in_use = copied(path)
    killed, left = copied(path)
    with running, killed:
        killed.kill()
        killed.wait()
        assert in_use.is_file()
        assert left.is_file()
        assert left.parent.stat().st_mode & 0o077 == 0
        for folder in temporary.iterdir():
            os.utime(folder, (1, 1))
        assert verify(path).ok
        assert not left.parent.exists()
        assert in_use.is_file()
        running.kill()
        running.wait()
    os.utime(in_use.parent, (1, 1))
    with LabelStore(path.with_name("other.db")) as other:
        assert merge_ledger(other, path).events == 1
    assert [folder.name for folder in temporary.iterdir()] == ["samesku"]


def test_files_of_other_programs_are_left_alone(path: Path, temporary: Path) -> None:
    outside = temporary.with_name("outside")
    outside.mkdir()
    (outside / "file").touch()
    (temporary / f"{PRIVATE_PREFIX}link").symlink_to(outside)
    os.mkfifo(temporary / f"{PRIVATE_PREFIX}fifo")
    for entry in temporary.iterdir():
        os.utime(entry, (1, 1), follow_symlinks=False)
    assert verify(path).ok
    assert (outside / "file").exists()
    assert len(list(temporary.iterdir())) == 2


def test_no_place_for_temporary_files_is_an_error(path: Path, temporary: Path) -> None:
    temporary.rmdir()
    with pytest.raises(LabelsError, match="Temporary files cannot be created in") as told:
        verify(path)
    assert "TMPDIR" in told.value.hint
