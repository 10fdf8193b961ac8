"""Random ledgers, and what stands in one."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from folder_templates import template_of
from hypothesis import strategies as st
from samples import c, q

from labels.database import marker_path
from labels.model import ActionDetails, Decision, Judgement, ShownScores, Stratum, Stream, Strength, Verb
from labels.store import LabelStore

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=6)
IDS = st.sampled_from(["1", "2", "-5", "=a", "x\ty", "é\u202e"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
REALS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1)
SHOWN = st.builds(ShownScores, WHOLE, REALS, REALS, st.none() | NAMES)
JUDGEMENTS = st.lists(
    st.builds(Judgement, st.builds(c, IDS), st.sampled_from(Decision), st.sampled_from(Strength), SHOWN), max_size=3
)


def remove_ledger(path: Path) -> None:
    """Delete a ledger and the marker that shows that there was one, so that an empty one may take its place."""
    path.unlink()
    marker_path(path).unlink(missing_ok=True)


class Act(NamedTuple):
    """One thing that somebody does; undo and redo take back and bring back whatever was last."""

    who: str
    verb: Verb
    query: str
    judgements: Sequence[Judgement]
    stream: Stream
    text: str
    look_ms: int | None
    flags: tuple[bool, bool]


def acts(names: st.SearchStrategy[str] = NAMES, streams: Sequence[Stream] = tuple(Stream)) -> st.SearchStrategy:
    """Some acts in a row."""
    one = st.builds(
        Act, names, st.sampled_from(Verb), IDS, JUDGEMENTS, st.sampled_from(streams), TEXTS, WHOLE,
        st.tuples(st.booleans(), st.booleans()),
    )  # fmt: skip
    return st.lists(one, max_size=8)


def _write_empty(folder: Path) -> None:
    folder.mkdir()
    LabelStore(folder / "labels.db").close()


def opened(path: Path) -> LabelStore:
    """A ledger that does not wait for the disk; if there is none, a copy of an empty one, which is quicker to make."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(template_of("empty ledger", _write_empty) / "labels.db", path)
    store = LabelStore(path)
    store.connection.execute("PRAGMA synchronous=OFF")
    return store


def perform(store: LabelStore, row: Sequence[Act], draws: Sequence[Sequence[str]] = ()) -> None:
    """Draw for validation, then act."""
    for seed, drawn in enumerate(draws):
        store.draw_validation(map(q, drawn), seed, {q(id_): Stratum("rare", 2.5) for id_ in drawn})
    for act in row:
        if act.verb is Verb.UNDO:
            store.undo(act.who)
        elif act.verb is Verb.REDO:
            store.redo(act.who)
        else:
            blind, closes = act.flags
            details = ActionDetails(stream=act.stream, text=act.text, look_ms=act.look_ms, blind=blind, closes=closes)
            store.record(act.who, act.verb, q(act.query), act.judgements, details)


def contents(store: LabelStore) -> list[list[tuple[object, ...]]]:
    """Every row that travels."""
    return [
        store.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()  # noqa: S608 - constants
        for table in ("events", "validation", "audits", "draws")
    ]


def standing(store: LabelStore) -> list[tuple[object, ...]]:
    """Who says what of which pair now."""
    return sorted((d.annotator, *d.pair.query, *d.pair.candidate, d.decision, d.strength) for d in store.decisions())
