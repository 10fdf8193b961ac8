"""Safe access to files in a folder shared by a team: atomic writes, and reads of regular files only.

Any member of the group can put anything at a path of the workspace: a symbolic link to a private file, a FIFO that
blocks, a device. Every file that samesku writes goes through `atomic_write` or `atomic_text`; what a
library writes (a database, model weights) goes into one of the `drafts` and from there through `publish`. Files of a
workspace are read through `read_bounded` or `open_regular`, and databases are opened after `require_regular`.
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

#: Prefix of a file or folder that is not complete yet. It names samesku, because leftovers with this prefix are deleted
#: in any folder that a user has files written to, folders with their contents.
DRAFT_PREFIX = ".samesku-draft-"
#: The first bytes of an SQLite file.
_DATABASE_START = b"SQLite format 3\0"
#: Prefix of a folder of private copies among the temporary files of the system.
PRIVATE_PREFIX = "samesku-draft-"
#: A younger draft is never stale: the process that creates it may not have locked it yet.
_MIN_STALE_AGE_S = 60.0
#: On file systems without locks, a draft of this age counts as stale.
_STALE_AGE_WITHOUT_LOCKS_S = 86_400.0

#: Inode, time of change in ns, and size of a file.
FileVersion = tuple[int, int, int]

_DENIED_ERRORS = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_SPACE_ERRORS = {errno.ENOSPC, errno.EDQUOT}


def make_shared(path: Path) -> None:
    """Create an empty file with mode 0660 less the umask, so that the group may write it.

    SQLite creates files that only their owner may write, and gives the files beside a database its permissions. An
    existing file is not even opened: closing it would release the POSIX locks that this process holds on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o660))


def sync(path: Path) -> None:
    """Wait until the content of a file, or the entries of a folder, are on disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(draft: Path, path: Path, *, overwrite: bool = True) -> None:
    """Give a complete file or folder its name: all of it is on disk before, and the name is when this returns.

    Args:
        draft: in the same file system, as `drafts` makes one.
        path: a file there is replaced; a folder there has to be empty.
        overwrite: whether what is at `path` is replaced. If not, `draft` has to be a file, and keeps its name too.

    Raises:
        FileExistsError: something is at `path`, and `overwrite` is false.
        OSError: it cannot be synced or renamed.
    """
    for each in [*draft.rglob("*"), draft]:
        if not each.is_symlink():
            sync(each)
    if overwrite:
        draft.replace(path)
    else:
        os.link(draft, path)
    sync(path.parent)


@contextmanager
def atomic_write(path: Path, *, mode: int = 0o666, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` only if the block ends without an exception.

    The bytes go to a new file with a random name in the same folder, opened so that no link is followed; it is synced
    before it is renamed. A symbolic link at `path` is replaced, not followed.

    Args:
        path: where the file appears; its folder is made if need be.
        mode: the permissions of the file, as far as the umask allows.
        overwrite: whether what is at `path` is replaced.

    Raises:
        FileExistsError: something is at `path`, and `overwrite` is false.
        OSError: the file cannot be written, or `path` is a folder, a device, a FIFO or a database.
    """
    _refuse_special(path)
    _refuse_database(path)
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


def _refuse_database(path: Path) -> None:
    """Raise OSError where a database is: none is ever written as a whole, so that it is the wrong path."""
    try:
        with open_regular(path, follow_links=False) as file:
            found = file.read(len(_DATABASE_START))
    except OSError:
        return
    if found == _DATABASE_START:
        raise OSError(errno.EEXIST, "it is a database")


@contextmanager
def atomic_text(path: Path, *, mode: int = 0o666, overwrite: bool = True) -> Iterator[TextIO]:
    """The same for UTF-8 text, without translation of line ends.

    Raises:
        OSError: as `atomic_write`.
    """
    with atomic_write(path, mode=mode, overwrite=overwrite) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


def require_regular(path: Path, *, follow_links: bool = False) -> None:
    """Return if `path` is a regular file or does not exist. The file is not opened, so it may be an open database.

    Args:
        path: the file.
        follow_links: whether `path` may be a symbolic link.

    Raises:
        OSError: it is a link, a folder, a FIFO or a device; `strerror` says which.
    """
    try:
        mode = (path.stat() if follow_links else path.lstat()).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}, not a regular file", str(path))


def open_regular(path: Path, *, follow_links: bool = True) -> io.BufferedReader:
    """Open a regular file for reading, without blocking on a FIFO.

    Args:
        path: the file.
        follow_links: whether `path` may be a symbolic link: for files that a user names, not for those that samesku
            wrote.

    Raises:
        OSError: there is no such file, or it is a folder, a FIFO, a device or a link; `strerror` says which.
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
    """The bytes of a regular file of at most `max_bytes`.

    Raises:
        OSError: as `open_regular`, or the file is larger.
    """
    with open_regular(path, follow_links=follow_links) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is longer than {max_bytes:,} bytes", str(path))
    return content


@contextmanager
def drafts(folder: Path) -> Iterator[Path]:
    """A temporary folder inside `folder`, accessible to this account only, for files that are not complete yet.

    Raises:
        OSError: it cannot be created.
    """
    with _locked_folder(folder, DRAFT_PREFIX) as place:
        yield place


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder among those of the system, accessible to this account only, for private copies.

    Raises:
        LabelsError: it cannot be created.
    """
    parent = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        try:
            place = stack.enter_context(_locked_folder(parent, PRIVATE_PREFIX))
        except OSError as error:
            raise LabelsError(
                f"Temporary files cannot be created in {parent}: {error.strerror}.",
                "Free some space there, or name another folder in TMPDIR.",
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
    """Whether the error is one of permissions."""
    return error.errno in _DENIED_ERRORS


def way_out(error: OSError, otherwise: str) -> str:
    """The hint for a file that cannot be used.

    Args:
        error: what the system raised.
        otherwise: the hint where the cause is not permissions, space or the length of the name.
    """
    if is_denied(error):
        return "Ask its owner, or the administrator of this machine, for access."
    if error.errno in _NO_SPACE_ERRORS:
        return "Free some disk space; nothing that was acknowledged is lost."
    return "Give a shorter name." if error.errno == errno.ENAMETOOLONG else otherwise


def stale_drafts(folder: Path, prefix: str = DRAFT_PREFIX) -> list[Path]:
    """The drafts that killed processes left: those that no running process has locked."""
    found = []
    for draft in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_stale(draft):
                found.append(draft)
    return found


def remove_stale_drafts(folder: Path, prefix: str = DRAFT_PREFIX) -> None:
    """Remove the drafts that killed processes left."""
    for draft in stale_drafts(folder, prefix):
        with suppress(OSError):
            shutil.rmtree(draft, ignore_errors=True) if draft.is_dir() else draft.unlink()


def is_abandoned(folder: Path) -> bool:
    """Whether nothing in a folder has changed for a day: for folders of earlier versions, which took no locks."""
    with suppress(OSError):
        latest = max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
        return folder.is_dir() and time.time() - latest > _STALE_AGE_WITHOUT_LOCKS_S
    return False


def file_version(path: Path) -> FileVersion | None:
    """What differs once a file was replaced or written to; links are not followed. None where there is none."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def folder_bytes(path: Path) -> int:
    """The size of a file, or of all files in a folder, in bytes."""
    total = 0
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            facts = each.lstat()
            total += facts.st_size if stat.S_ISREG(facts.st_mode) else 0
    return total


def _is_stale(draft: Path) -> bool:
    facts = draft.lstat()
    age = time.time() - facts.st_mtime
    if age < _MIN_STALE_AGE_S or not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        return False
    descriptor = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return age > _STALE_AGE_WITHOUT_LOCKS_S
    finally:
        os.close(descriptor)
    return True


def _lock(descriptor: int) -> None:
    """Mark a draft as in use; the kernel releases the lock however the process ends."""
    with suppress(OSError):  # some network file systems have no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _require_same(draft: Path, descriptor: int) -> None:
    there, written = draft.lstat(), os.fstat(descriptor)
    if (there.st_dev, there.st_ino) != (written.st_dev, written.st_ino):
        raise OSError(errno.EBUSY, "another program replaced it while it was written", str(draft))


def _refuse_special(path: Path) -> None:
    """Refuse to replace anything but a regular file or a link: renaming over /dev/null would remove the device."""
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
