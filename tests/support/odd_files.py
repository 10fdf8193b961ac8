"""What another member of the group may have put in the place of a file."""

import os
from collections.abc import Callable
from pathlib import Path

#: More than this machine has memory, but no room on the disk.
_HUGE = 8 * 2**40


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(_HUGE)


def _link(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_text('{"kind": "message", "text": "secret", "arguments": ["secret"], "started_at": ""}\n')
    path.symlink_to(secret)


#: By name: each makes it at a path where nothing is.
ODD_FILES: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "link": _link,
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "dangling link": lambda path: path.symlink_to(path.parent / "nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 999),
    "no newline": lambda path: path.write_bytes(b"x" * 3_000_000),
    "huge": _huge,
    "nested": lambda path: path.write_bytes(b"[" * 60_000 + b"\n" + b'{"a":' * 60_000 + b"\n"),
}
