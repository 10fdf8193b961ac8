"""What is left of a ledger that many have written to and restored, and in which file each act is."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from labels import chain
from labels.backup_index import FOLDER
from tests.bench.kill_checks import read_events

_MAGIC = b"SQLite format 3\0"
#: What lies in a workspace that was made for the desk, and is used by desks and programs of the ledger alone.
_KNOWN = {
    "labels.db", "labels.db.created", "claims.db", "catalog.db", "derived.db", "samesku.toml", "models", "index",
    "jobs", "sittings", "reports", FOLDER,
}  # fmt: skip
_COMPANIONS = ("", ".lock", "-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Kept:
    """All events of the ledger and of what restores and backups kept of it.

    Attributes:
        acts: by annotator, the number of acts of each verb.
        heads: number and hash of every event.
        files: in how many files.
    """

    acts: Mapping[str, Counter[str]]
    heads: Set[tuple[int, str]]
    files: int

    @classmethod
    def of(cls, home: Path) -> "Kept":
        """Read every ledger in a workspace but drafts, which count for nothing."""
        acts: dict[str, str] = {}
        heads: set[tuple[int, str]] = set()
        paths = [
            path for path in home.rglob("labels*.db*") if _is_database(path) and ".samesku-draft-" not in str(path)
        ]
        for path in paths:
            if not (events := read_events(path)).columns:
                continue
            places = [events.columns.index(name) for name in ("seq", "hash", "action", "annotator", "verb")]
            for row in events.rows:
                seq, digest, action, annotator, verb = (row[place] for place in places)
                heads.add((int(str(seq)), str(digest)))
                acts[str(action)] = f"{annotator} {verb}"
        counts: dict[str, Counter[str]] = {}
        for annotator, _, verb in (act.rpartition(" ") for act in acts.values()):
            counts.setdefault(annotator, Counter())[verb] += 1
        return cls(counts, heads, len(paths))

    def missing(self, said: Mapping[str, Counter[str]], heads: Set[tuple[int, str]]) -> list[str]:
        """What was acknowledged and is nowhere.

        Args:
            said: by annotator, how many acts of each verb.
            heads: number and hash of events that were the last when an act was done.
        """
        found = []
        for name, counts in said.items():
            if lacking := counts - self.acts.get(name, Counter()):
                found.append(f"acknowledged to {name} and nowhere: {dict(lacking)}")
        lost = [head for head in heads - self.heads if head != (0, chain.GENESIS)]
        return [*found, *(f"event {seq} with the hash {digest} is nowhere" for seq, digest in lost)]


def strangers(home: Path) -> list[str]:
    """What lies in a workspace and its backups that nobody who is gone should have left."""
    known = {name + ending for name in _KNOWN for ending in _COMPANIONS}
    found = [path.name for path in home.iterdir() if path.name not in known]
    return found + [str(path.relative_to(home)) for path in home.glob("*/**/.samesku-draft-*")]


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
