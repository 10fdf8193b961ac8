"""Atomic writes and safe reads in a folder that others may write to."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labels.files import (
    DRAFT_PREFIX,
    atomic_text,
    atomic_write,
    drafts,
    open_regular,
    publish,
    read_bounded,
    remove_stale_drafts,
    require_regular,
)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A file elsewhere that belongs to whoever runs samesku."""
    path = tmp_path / "elsewhere" / "private.txt"
    path.parent.mkdir()
    path.write_text("mine")
    return path


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that others may write."""
    path = tmp_path / "shared"
    path.mkdir()
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_at_the_path_is_replaced_and_not_followed(shared: Path, private: Path) -> None:
    target = shared / "labels.csv"
    target.symlink_to(private)
    with atomic_text(target) as out:
        out.write("new\n")
    assert private.read_text() == "mine"
    assert not target.is_symlink()
    assert target.read_text() == "new\n"
    assert names(shared) == ["labels.csv"]


def test_what_must_not_be_overwritten_stays_and_the_draft_goes(shared: Path) -> None:
    with atomic_text(shared / "key", mode=0o600, overwrite=False) as out:
        out.write("first")
    assert (shared / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError), atomic_text(shared / "key", overwrite=False) as out:
        out.write("second")
    assert (shared / "key").read_text() == "first"
    assert names(shared) == ["key"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_all_of_a_draft_is_on_disk_before_it_has_its_name(
    shared: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    target, synced = shared / "model", []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, target.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with drafts(shared) as place:
        draft = place / "draft"
        if kind == "folder":
            (draft / "in").mkdir(parents=True)
            (draft / "in" / "weights").write_text("w")
            (draft / "link").symlink_to("/nowhere")
        else:
            draft.write_text("w")
        inodes = {each.lstat().st_ino for each in (draft, *draft.rglob("*")) if not each.is_symlink()}
        publish(draft, target)
    assert {inode for inode, there in synced if not there} == inodes
    assert synced[-1] == (shared.stat().st_ino, True)
    assert names(shared) == ["model"]


def test_links_prepared_under_the_names_of_earlier_versions_are_not_written_through(
    shared: Path, private: Path
) -> None:
    for name in ("labels.csv.part", ".labels.csv.part", f".labels.csv.{os.getpid()}"):
        (shared / name).symlink_to(private)
    with atomic_write(shared / "labels.csv") as out:
        out.write(b"new")
    assert private.read_text() == "mine"


def test_a_draft_replaced_during_the_write_is_refused(shared: Path, private: Path) -> None:
    target = shared / "labels.csv"
    target.write_text("old")

    def write() -> None:
        with atomic_text(target) as out:
            out.write("new")
            (draft,) = shared.glob(f"{DRAFT_PREFIX}*")
            draft.unlink()
            draft.symlink_to(private)

    with pytest.raises(OSError, match="another program replaced it"):
        write()
    assert target.read_text() == "old"
    assert private.read_text() == "mine"


def test_an_exception_leaves_only_the_old_file(shared: Path) -> None:
    target = shared / "x.json"
    target.write_text("old")

    def write() -> None:
        with atomic_text(target) as out:
            out.write("half")
            raise ValueError

    with pytest.raises(ValueError):
        write()
    assert target.read_text() == "old"
    assert names(shared) == ["x.json"]


def test_two_writers_of_one_path_do_not_share_a_draft(shared: Path) -> None:
    target = shared / "matcher.json"
    with atomic_text(target) as first, atomic_text(target) as second:
        first.write("a" * 100_000)
        second.write("b")
    assert target.read_text() == "a" * 100_000


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket"])
def test_special_files_are_neither_replaced_nor_read(shared: Path, kind: str) -> None:
    path = shared / "s"
    listening = socket.socket(socket.AF_UNIX)
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            listening.bind(str(path))
    with listening:
        with pytest.raises(OSError, match="it is a "), atomic_write(path):
            pass
        with pytest.raises(OSError):
            open_regular(path)
        with pytest.raises(OSError, match="not a regular file"):
            require_regular(path)


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(OSError, match="it is a device"), atomic_write(Path(os.devnull)):
        pass


def test_links_are_followed_only_where_a_user_named_them(shared: Path, private: Path) -> None:
    link = shared / "link.json"
    link.symlink_to(private)
    with open_regular(link) as file:
        assert file.read() == b"mine"
    with pytest.raises(OSError, match="symbolic link"):
        read_bounded(link, 100)


def test_a_file_over_the_size_limit_is_refused(private: Path) -> None:
    assert read_bounded(private, 4) == b"mine"
    with pytest.raises(OSError, match="longer than 3 bytes"):
        read_bounded(private, 3)


def test_only_drafts_of_killed_processes_are_removed(shared: Path) -> None:
    program = (
        "import sys, time, pathlib; from labels.files import *\n"
        "with drafts(pathlib.Path(sys.argv[1])) as folder, atomic_write(pathlib.Path(sys.argv[1]) / 'x') as out:\n"
        "    print(flush=True); time.sleep(600)\n"
    )
    running, killed = (
        subprocess.Popen([sys.executable, "-c", program, str(shared)], stdout=subprocess.PIPE) for _ in range(2)
    )
    with running, killed:
        for process in (running, killed):
            assert process.stdout
            process.stdout.readline()
        killed.kill()
        killed.wait()
        for draft in shared.iterdir():
            os.utime(draft, (time.time() - 7200,) * 2)
        assert len(names(shared)) == 4
        remove_stale_drafts(shared)
        assert len(names(shared)) == 2
        running.kill()
        running.wait()
    remove_stale_drafts(shared)
    assert names(shared) == []


def test_a_fresh_draft_is_not_removed_before_it_is_locked(shared: Path) -> None:
    (shared / f"{DRAFT_PREFIX}new").touch()
    with drafts(shared) as folder:
        assert folder.stat().st_mode & 0o077 == 0
    assert names(shared) == [f"{DRAFT_PREFIX}new"]


def test_files_named_draft_by_users_are_never_removed(shared: Path) -> None:
    novel = shared / ".draft-novel"
    novel.mkdir()
    (novel / "chapter1").write_text("mine")
    os.utime(novel, (time.time() - 7200,) * 2)
    with atomic_text(shared / "labels.csv") as out, drafts(shared):
        out.write("x")
    assert (novel / "chapter1").read_text() == "mine"
