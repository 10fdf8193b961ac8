"""What a killed program left of a ledger: is everything there that it acknowledged, and nothing that does harm?"""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from labels import chain
from labels.backup import backup
from labels.backup_index import FOLDER
from labels.errors import SameskuError
from labels.snapshot import open_existing
from labels.store import LabelStore
from labels.verify import verify
from tests.bench.kill_acts import Ack, end_of
from tests.bench.kill_desk import was_cut_off

_FIRST = Path(__file__).parents[1] / "labels" / "labels_v1.sql"


@dataclass
class Left:
    """What was found.

    Attributes:
        head: where the ledger ends now.
        landed: whether the act that the kill hit is on disk.
        cut: whether a journal was there to roll back.
        drafts: whether drafts were left behind.
    """

    problems: list[str] = field(default_factory=list)
    head: Ack | None = None
    landed: bool = False
    cut: bool = False
    drafts: bool = False


def make_template(path: Path, times: int) -> Path:
    """A ledger of the first schema, with its events so many times over."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_FIRST.read_text(encoding="utf-8"))
        columns = [row[1] for row in connection.execute("PRAGMA table_info(events)")]
        others = {"seq": "NULL", "action": "action || ?1", "target": "target || ?1", "query_id": "query_id || ?1"}
        values = ", ".join(others.get(column, column) for column in columns)
        count = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        for number in range(1, times):
            # In their order: the numbers of the copies go on from the last.
            connection.execute(
                f"INSERT INTO events SELECT {values} FROM events WHERE seq <= {count} ORDER BY seq",  # noqa: S608
                [f"-{number}"],
            )
        connection.commit()
    return path


def first_head(template: Path) -> Ack:
    """Where a ledger of the first schema ends once it is migrated: its events must all be there, as they were."""
    seq, previous = 0, chain.GENESIS
    with closing(sqlite3.connect(template)) as connection:
        for values in connection.execute(chain.SELECT_EVENTS):
            seq, previous = values[0], chain.event_hash(previous, values)
    return Ack("first", seq, previous)


def look(path: Path, known: Ack, acks: Sequence[Ack], hit: Mapping[str, object]) -> Left:
    """Open what a kill left, as others would.

    Args:
        path: the ledger.
        known: where it ended before the round.
        acks: what was acknowledged, in order.
        hit: the act that the kill hit; for a restore with the `events` and the `hash` that it leads to.
    """
    left = Left(cut=was_cut_off(path), drafts=any(path.parent.glob("**/.samesku-draft-*")))
    try:
        left.problems += [f"verify: {problem}" for problem in verify(path).problems]
        with open_existing(path) as connection:
            left.landed = hit["act"] == "migrate" and connection.execute("PRAGMA user_version").fetchone()[0] > 1
        with LabelStore(path) as store:
            left.head = end_of(store)
            left.problems += _missing(store.connection, known, acks, hit, left)
        left.problems += _backups(path, acks) + _strangers(path)
    except SameskuError as error:
        left.problems.append(f"{error.message} {error.hint}")
    return left


def _missing(
    connection: sqlite3.Connection, known: Ack, acks: Sequence[Ack], hit: Mapping[str, object], left: Left
) -> list[str]:
    """What was acknowledged and is not there."""
    # What was acknowledged before a restore that is done was given up by it.
    since = max((place for place, ack in enumerate(acks) if ack.act == "restore"), default=None)
    due = acks[since:] if since is not None else [known, *acks]
    assert left.head is not None
    if hit["act"] == "restore" and (left.head.events, left.head.hash) == (hit["events"], hit["hash"]):
        left.landed = True
        return []
    left.landed |= left.head.events > due[-1].events
    hashes = dict(connection.execute("SELECT seq, hash FROM events"))
    drawn = dict(connection.execute("SELECT number, hash FROM draws"))
    return [
        f"{ack} is gone"
        for ack in due
        if (ack.events and hashes.get(ack.events) != ack.hash) or (ack.draws and drawn.get(ack.draws) != ack.draw_hash)
    ]


def _backups(path: Path, acks: Sequence[Ack]) -> list[str]:
    """What is wrong with the last backup that was acknowledged."""
    made = [ack.backup for ack in acks if ack.backup][-1:]
    found = [place for name in made for place in (path.parent / FOLDER).glob(f"**/{name}")]
    if len(found) != len(made):
        return [f"the backup {made[0]} is gone"]
    return [f"{place.name}: {problem}" for place in found for problem in verify(place).problems]


def _strangers(path: Path) -> list[str]:
    """What is in the folders that does not belong there, once the next backup has swept them."""
    folder = path.parent / FOLDER
    for draft in path.parent.glob("**/.samesku-draft-*"):
        os.utime(draft, (0, 0))
    backup(path, folder)
    drafts = list(folder.glob(".samesku-draft-*"))
    known = {"labels.db", "labels.db-journal", "labels.db.lock", "claims.db", "claims.db-journal", "claims.db.lock"}
    known |= {"labels.db.created"}
    beside = {place.name for place in path.parent.iterdir() if not place.name.startswith(".samesku-draft-")}
    strange = [*drafts, *(beside - known - {FOLDER})]
    return [f"{name} was left" for name in strange]
