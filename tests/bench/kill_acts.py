"""What a program does to a ledger until it is killed, telling before and after each act."""

import json
import os
import random
import shutil
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from labels import chain
from labels.backup import backup
from labels.backup_index import FOLDER, backups, last_event
from labels.exchange.merge import merge_ledger
from labels.model import ActionDetails, Decision, Judgement, ProductRef, Stratum, Strength, Verb
from labels.restore import restore
from labels.snapshot import open_immutable
from labels.store import LabelStore

ANNOTATORS = ("ada", "bob")
KEEP = 4
#: Answers in a file that is imported, or in a ledger that is merged.
ROWS = 60


@dataclass(frozen=True, slots=True)
class Ack:
    """An act that was done, and what must be there from then on.

    Attributes:
        events: the number of the last event after it.
        hash: the hash of that event.
        draws: the number of the last draw after it.
        draw_hash: the hash of that draw.
        backup: the backup that it made; empty for other acts.
    """

    act: str
    events: int
    hash: str
    draws: int = 0
    draw_hash: str = ""
    backup: str = ""


def end_of(store: LabelStore, act: str = "", made: str = "") -> Ack:
    """Where a ledger ends now."""
    return Ack(act, *chain.head(store.connection), *chain.last_draw(store.connection), made)


def act_until_killed(path: Path, seed: int, pipe: int) -> NoReturn:
    """Open the ledger, migrating it if need be, and act on it without end. The body of a forked child."""
    rng = random.Random(seed)
    try:
        store = _opened(path, pipe)
        while True:
            act = rng.choices(list(_ACTS), [weight for _, weight in _ACTS.values()])[0]
            store = _ACTS[act][0](act, store, rng, pipe)
    except BaseException:  # noqa: BLE001 - told, whatever it is
        _tell(pipe, "failed", traceback.format_exc())
    os._exit(1)


def _tell(pipe: int, what: str, value: object) -> None:
    """One line, in one piece."""
    os.write(pipe, (json.dumps({what: value}) + "\n").encode())


def _opened(path: Path, pipe: int) -> LabelStore:
    with open_immutable(path) as connection:
        act = "migrate" if connection.execute("PRAGMA user_version").fetchone()[0] == 1 else "open"
    _tell(pipe, "begun", {"act": act})
    store = LabelStore(path)
    _done(act, store, pipe)
    return store


def _done(act: str, store: LabelStore, pipe: int, made: str = "") -> None:
    _tell(pipe, "done", asdict(end_of(store, act, made)))


def _write(act: str, store: LabelStore, rng: random.Random, pipe: int, *, rows: int = ROWS) -> LabelStore:
    _tell(pipe, "begun", {"act": act})
    who, query = rng.choice(ANNOTATORS), ProductRef("walmart", str(rng.randrange(40)))
    if act == "decide":
        store.record(who, Verb.ACCEPT, query, _judgements(rng), ActionDetails(closes=True))
    elif act == "undo":
        store.undo(who)
    elif act == "redo":
        store.redo(who)
    elif act == "draw":
        store.draw_audit({query: Stratum("high", 2.0) for query in _some_queries(rng)}, seed=rng.getrandbits(31))
        store.draw_validation(_some_queries(rng), seed=rng.getrandbits(31))
    else:
        numbers = rng.sample(range(1000), rows)
        store.record_all("benchmark", [(ProductRef("walmart", str(n)), _judgements(rng), True) for n in numbers])
    _done(act, store, pipe)
    return store


def _some_queries(rng: random.Random) -> list[ProductRef]:
    return [ProductRef("walmart", f"drawn {rng.getrandbits(40):x}") for _ in range(20)]


def _judgements(rng: random.Random) -> list[Judgement]:
    match, *others = rng.sample("abcdefgh", rng.randint(1, 8))
    return [
        Judgement(ProductRef("amazon", match), Decision.MATCH),
        *(Judgement(ProductRef("amazon", id_), Decision.NO_MATCH, Strength.IMPLIED) for id_ in others),
    ]


def _back_up(act: str, store: LabelStore, rng: random.Random, pipe: int, *, keep: int | None = KEEP) -> LabelStore:
    _tell(pipe, "begun", {"act": act})
    made = backup(store.path, store.path.parent / FOLDER, keep)
    _done(act, store, pipe, made.path.name)
    return store


def _merge(act: str, store: LabelStore, rng: random.Random, pipe: int, *, rows: int = ROWS) -> LabelStore:
    """Take in what somebody wrote into a ledger of their own."""
    folder = store.path.parent.parent / f"other-{rng.getrandbits(64):x}"
    with LabelStore(folder / "labels.db") as other:
        other.record_all("cyd", [(ProductRef("walmart", f"m{n}"), _judgements(rng), True) for n in range(rows)])
    _tell(pipe, "begun", {"act": act})
    merge_ledger(store, folder / "labels.db")
    _done(act, store, pipe)
    shutil.rmtree(folder)
    return store


def _restore(act: str, store: LabelStore, rng: random.Random, pipe: int, *, force: bool = False) -> LabelStore:
    """Go back to one of the backups, or do nothing where there is none."""
    path = store.path
    with_hashes = [one for one in backups(path.parent / FOLDER) if "hash" in one.last_event()]
    if not with_hashes:
        return store
    source = rng.choice(with_hashes)
    with open_immutable(source.path) as connection:
        event = last_event(connection)
    _tell(pipe, "begun", {"act": act, "events": event["seq"], "hash": event["hash"]})
    store.close()
    restore(source.path, path, force=force)
    store = LabelStore(path)
    _done(act, store, pipe)
    return store


_Act = Callable[..., LabelStore]
#: How each act is done, and how often.
_ACTS: dict[str, tuple[_Act, int]] = {
    "decide": (_write, 8), "undo": (_write, 3), "redo": (_write, 2), "draw": (_write, 2), "import": (_write, 3),
    "merge": (_merge, 2), "backup": (_back_up, 3), "restore": (_restore, 1),
}  # fmt: skip
ACTS = ("migrate", "open", *_ACTS)


def one_act(act: str, store: LabelStore, rng: random.Random, **options: object) -> LabelStore:
    """Do one act, telling of it on standard output. Returns the store, which a restore opens again.

    Args:
        act: one of `ACTS`.
        options: of that act: `rows` of an import or a merge, `keep` of a backup, `force` of a restore.
    """
    return _ACTS[act][0](act, store, rng, 1, **options)
