"""What can happen to a file of a workspace."""

import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Where a link leads: to the owner's private file, to a copy of the file itself, or to nothing.
LINKS = ("link to a text", "link to a copy", "link to nothing", "link to another")
#: What leaves a regular file there, or nothing.
CONTENT_DAMAGES = ("flip", "truncate", "empty", "delete", "random", "another file")
#: What can happen to a file, and to a folder.
FILE_DAMAGES = (*CONTENT_DAMAGES, *LINKS, "FIFO", "folder")
FOLDER_DAMAGES = ("delete", "empty file", "link to nothing", "link to a folder", "FIFO")

SECRET = b"A private file of the owner, which no program of a workspace has any business with.\n"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that happens to one path.

    Attributes:
        path: relative to the workspace.
        kind: one of the damages above.
    """

    path: str
    kind: str


def all_damages(home: Path) -> list[Damage]:
    """Every damage that a copy of a workspace can take, in no particular order."""
    found = []
    for path in sorted(home.rglob("*")):
        kinds = FOLDER_DAMAGES if path.is_dir() else FILE_DAMAGES
        found += [Damage(str(path.relative_to(home)), kind) for kind in kinds]
    return found


def apply(damage: Damage, home: Path, outside: Path, rng: random.Random) -> None:
    """Damage a workspace.

    Args:
        damage: what.
        home: the workspace.
        outside: a folder beside it, for what links lead to.
        rng: draws bytes and places.
    """
    path = home / damage.path
    possible = FOLDER_DAMAGES if path.is_dir() else FILE_DAMAGES if path.is_file() else ()
    # There may have been an earlier damage, of the path or its folder.
    if damage.kind in possible and not path.is_symlink():
        _HOW[damage.kind](path, home, outside, rng)


def _bytes(change: Callable[[bytes, random.Random], bytes]) -> Callable[[Path, Path, Path, random.Random], None]:
    """In place, as a failing disk does it: whoever has the file open sees it, too."""

    def write(path: Path, _home: Path, _outside: Path, rng: random.Random) -> None:
        changed = change(path.read_bytes(), rng)
        with path.open("r+b") as file:
            file.write(changed)
            file.truncate()

    return write


def _flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(min(len(changed), rng.choice((1, 4, 64)))):
        # As often at the head, which says what the rest is.
        place = rng.randrange(len(changed) if rng.random() < 0.5 else min(len(changed), 128))
        changed[place] ^= rng.randrange(1, 256)
    return bytes(changed)


def _truncated(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, len(content)) if len(content) > 1 else 0]


def _removed(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _delete(path: Path, _home: Path, _outside: Path, _rng: random.Random) -> None:
    _removed(path)


def _empty_file(path: Path, _home: Path, _outside: Path, _rng: random.Random) -> None:
    _removed(path)
    path.touch()


def _fifo(path: Path, _home: Path, _outside: Path, _rng: random.Random) -> None:
    _removed(path)
    os.mkfifo(path)


def _folder(path: Path, _home: Path, _outside: Path, _rng: random.Random) -> None:
    _removed(path)
    path.mkdir()


def _link_to_text(path: Path, _home: Path, outside: Path, _rng: random.Random) -> None:
    target = outside / f"private-{path.name}"
    target.write_bytes(SECRET)
    _removed(path)
    path.symlink_to(target)


def _link_to_copy(path: Path, _home: Path, outside: Path, _rng: random.Random) -> None:
    target = outside / f"copy-of-{path.name}"
    shutil.move(path, target)
    path.symlink_to(target)


def _link_to_nothing(path: Path, _home: Path, outside: Path, _rng: random.Random) -> None:
    _removed(path)
    path.symlink_to(outside / "nothing")


def _link_to_another(path: Path, home: Path, _outside: Path, rng: random.Random) -> None:
    other = rng.choice(_others(path, home))
    _removed(path)
    path.symlink_to(other)


def _another(path: Path, home: Path, _outside: Path, rng: random.Random) -> None:
    content = rng.choice(_others(path, home)).read_bytes()
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def _others(path: Path, home: Path) -> Sequence[Path]:
    return sorted(each for each in home.rglob("*") if each != path and each.is_file() and not each.is_symlink())


_HOW: dict[str, Callable[[Path, Path, Path, random.Random], None]] = {
    "flip": _bytes(_flipped),
    "truncate": _bytes(_truncated),
    "empty": _bytes(lambda _content, _rng: b""),
    "delete": _delete,
    "random": _bytes(lambda content, rng: rng.randbytes(max(1, len(content)))),
    "link to a text": _link_to_text,
    "link to a copy": _link_to_copy,
    "link to a folder": _link_to_copy,
    "link to nothing": _link_to_nothing,
    "link to another": _link_to_another,
    "FIFO": _fifo,
    "folder": _folder,
    "empty file": _empty_file,
    "another file": _another,
}
