"""Files that a team shares: written whole or not at all, read only where they are regular files.

Any member of the group may have put anything at a path of the workspace: a symbolic link to a private file, a FIFO
that never answers, a device. Every file that samesku writes goes through `atomic_write` or `atomic_text`; what a
library writes, a database or the weights of a model, into one of the `drafts` and from there through `publish`. Files
of a workspace are read through `read_bounded` or `open_regular`, and databases opened after `require_regular`.
"""

import errno
import fcntl
import io
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from labels.errors import LabelsError

#: How a file or folder is called until it is complete. It names samesku, since what is left under such a name is
#: removed wherever people have files written to, folders and all.
DRAFT_PREFIX = ".samesku-draft-"
#: What a folder of private copies is called, among the temporary files of all programs.
PRIVATE_PREFIX = "samesku-draft-"
#: A younger draft may not be locked yet by the process that made it.
_STALE_S = 60.0
#: Where there are no locks, a draft of this age belongs to no running process.
_STALE_WITHOUT_LOCKS_S = 86_400.0

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def make_shared(path: Path) -> None:
    """Make an empty file that the group may write as far as the umask allows, and that is closed to others.

    SQLite makes files that only their owner writes; the files beside a database take its permissions. One that is
    there already is left alone, not even opened: closing it would take away the locks of this process.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o660))


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(draft: Path, path: Path) -> None:
    """Give a complete file or folder its name: all of it is on disk before, and the name is when this returns.

    Args:
        draft: in the same file system, as `drafts` makes one.
        path: a file there is replaced; a folder there has to be empty.

    Raises:
        OSError: it cannot be synced or renamed.
    """
    for each in [*draft.rglob("*"), draft]:
        if not each.is_symlink():
            sync(each)
    draft.replace(path)
    sync(path.parent)


@contextmanager
def atomic_write(path: Path, *, mode: int = 0o666, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A file to write bytes to, which takes the place of `path` only when the block ends without an exception.

    The bytes go to a new file of a random name in the same folder, opened so that no link can lead it elsewhere; it
    is on disk before it is renamed. A symbolic link at `path` is replaced, not followed.

    Args:
        path: where the file appears; its folder is made if need be.
        mode: the permissions of the file, as far as the umask allows.
        overwrite: whether what is at `path` is replaced.

    Raises:
        FileExistsError: something is at `path`, and `overwrite` is false.
        OSError: the file cannot be written, or `path` is a folder, a device or a FIFO.
    """
    _refuse_special(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_drafts(path.parent)
    draft = path.with_name(f"{DRAFT_PREFIX}{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            _lock(descriptor)
            yield out
            out.flush()
            os.fsync(descriptor)
            _require_same(draft, descriptor)
            if overwrite:
                draft.replace(path)
            else:
                os.link(draft, path)
        sync(path.parent)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def atomic_text(path: Path, *, mode: int = 0o666, overwrite: bool = True) -> Iterator[TextIO]:
    """The same for text, as UTF-8 with line ends as they are written.

    Raises:
        OSError: as `atomic_write`.
    """
    with atomic_write(path, mode=mode, overwrite=overwrite) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


def require_regular(path: Path, *, follow_links: bool = False) -> None:
    """Return if `path` is a regular file, or nothing is there. Unlike `open_regular` it may be an open database.

    Args:
        path: the file.
        follow_links: whether a symbolic link may stand at `path`.

    Raises:
        OSError: it is a link, a folder, a FIFO or a device: which, in `strerror`.
    """
    try:
        mode = (path.stat() if follow_links else path.lstat()).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}, not a regular file", str(path))


def open_regular(path: Path, *, follow_links: bool = True) -> io.BufferedReader:
    """Open a regular file for reading. Never waits, as opening a FIFO would.

    Args:
        path: the file.
        follow_links: whether a symbolic link may stand at `path`: for files that a person names, not for those that
            samesku itself wrote.

    Raises:
        OSError: there is no such file, or it is a folder, a FIFO, a device or a link: which, in `strerror`.
    """
    if not follow_links:
        require_regular(path)
    if "\0" in str(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"it is {_kind(mode)}, not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bounded(path: Path, max_bytes: int, *, follow_links: bool = False) -> bytes:
    """The bytes of a regular file that is no longer than `max_bytes`.

    Raises:
        OSError: as `open_regular`, or the file is longer.
    """
    with open_regular(path, follow_links=follow_links) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is longer than {max_bytes:,} bytes", str(path))
    return content


@contextmanager
def drafts(folder: Path) -> Iterator[Path]:
    """A folder inside another, closed to everyone else, for files that are not complete yet; it is gone afterwards.

    Raises:
        OSError: it cannot be made.
    """
    with _locked_folder(folder, DRAFT_PREFIX) as place:
        yield place


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder among the system's temporary files, closed to everyone else, for private copies; gone afterwards.

    Raises:
        LabelsError: it cannot be made.
    """
    parent = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        try:
            place = stack.enter_context(_locked_folder(parent, PRIVATE_PREFIX))
        except OSError as error:
            raise LabelsError(
                f"There can be no temporary files in {parent}: {error.strerror}.",
                "Make room there, or name another folder in TMPDIR.",
            ) from error
        yield place


@contextmanager
def _locked_folder(parent: Path, prefix: str) -> Iterator[Path]:
    remove_stale_drafts(parent, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as place:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _lock(descriptor)
            yield Path(place)
        finally:
            os.close(descriptor)


def is_denied(error: OSError) -> bool:
    """Whether it is only this account that may not use a file."""
    return error.errno in _DENIED


def way_out(error: OSError, otherwise: str) -> str:
    """What to do about a file that cannot be used: one that this account may not use is neither damaged nor in the way.

    Args:
        error: what the system said.
        otherwise: the way out where it says something else than that permission, room or a shorter name is wanted.
    """
    if is_denied(error):
        return "Ask its owner, or whoever looks after this machine, to let you use it."
    if error.errno in _NO_ROOM:
        return "Free some disk space; nothing that was acknowledged is lost."
    return "Give a shorter name." if error.errno == errno.ENAMETOOLONG else otherwise


def stale_drafts(folder: Path, prefix: str = DRAFT_PREFIX) -> list[Path]:
    """The drafts of processes that were killed: those that no running process holds locked."""
    found = []
    for draft in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_stale(draft):
                found.append(draft)
    return found


def remove_stale_drafts(folder: Path, prefix: str = DRAFT_PREFIX) -> None:
    """Remove the drafts of processes that were killed."""
    for draft in stale_drafts(folder, prefix):
        with suppress(OSError):
            shutil.rmtree(draft, ignore_errors=True) if draft.is_dir() else draft.unlink()


def is_abandoned(folder: Path) -> bool:
    """Whether nothing in a folder has changed for a day: for those of earlier versions, which were not locked."""
    with suppress(OSError):
        latest = max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
        return folder.is_dir() and time.time() - latest > _STALE_WITHOUT_LOCKS_S
    return False


def folder_bytes(path: Path) -> int:
    """How much a file, or all in a folder, takes."""
    total = 0
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            facts = each.lstat()
            total += facts.st_size if stat.S_ISREG(facts.st_mode) else 0
    return total


def _is_stale(draft: Path) -> bool:
    facts = draft.lstat()
    age = time.time() - facts.st_mtime
    if age < _STALE_S or not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        return False
    descriptor = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return age > _STALE_WITHOUT_LOCKS_S
    finally:
        os.close(descriptor)
    return True


def _lock(descriptor: int) -> None:
    """Show that a running process writes here; the kernel takes the lock back however the process ends."""
    with suppress(OSError):  # some network file systems know no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _require_same(draft: Path, descriptor: int) -> None:
    there, written = draft.lstat(), os.fstat(descriptor)
    if (there.st_dev, there.st_ino) != (written.st_dev, written.st_ino):
        raise OSError(errno.EBUSY, "another program replaced it while it was written", str(draft))


def _refuse_special(path: Path) -> None:
    """Refuse to replace what is neither a regular file nor a link: renaming over /dev/null would take it away."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise OSError(errno.EEXIST, f"it is {_kind(mode)}", str(path))


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "a device")
