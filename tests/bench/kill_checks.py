"""Does a ledger bear out what the screen of a desk showed?

The ledger is added up here anew, from its events alone: neither its own projections nor the desk's code are trusted.
"""

import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from labels.model import ProductRef
from tests.bench.screen_reader import SAID, Sight

#: The deciding keys, and the verb of the event that each of them writes.
VERBS = {
    "a": "accept", "A": "accept", "x": "reject", "n": "none", "u": "unsure", "s": "skip", "z": "undo", "Z": "redo",
}  # fmt: skip

#: The signs of the rows, by decision and strength.
_SIGNS = {
    ("match", "explicit"): "✓", ("match", "implied"): "×", ("no_match", "explicit"): "✗", ("no_match", "implied"): "×",
    ("unsure", "explicit"): "?",
}  # fmt: skip
#: Those that the desk's bottom line calls otherwise.
_WORDS = {"accept": "match", "reject": "no match", "none": "none of these"}


class Events(NamedTuple):
    """All rows of a ledger's `events`, whole, in their order."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()


def read_events(labels: Path) -> Events:
    """The events in a labels file, as whoever opens it next will find them; the file itself is not touched.

    A file without that table has none.
    """
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("", "-journal", "-wal"):
            source = labels.with_name(labels.name + ending)
            if source.exists():
                shutil.copy(source, Path(folder) / source.name)
        with closing(sqlite3.connect(Path(folder) / labels.name)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
                return Events()
            cursor = connection.execute("SELECT * FROM events ORDER BY seq")
            return Events(tuple(column[0] for column in cursor.description), tuple(cursor.fetchall()))


@dataclass(frozen=True, slots=True)
class Act:
    """One action in the ledger: candidate, decision and strength of each of its judgements."""

    id: str
    verb: str
    query: ProductRef
    closes: bool
    target: str | None
    judgements: list[tuple[ProductRef, str, str]] = field(default_factory=list)


def acts_of(events: Events, annotator: str) -> list[Act]:
    """The actions of one annotator, oldest first."""
    acts: dict[str, Act] = {}
    for row in events.rows:
        e = dict(zip(events.columns, row, strict=True))
        if e["annotator"] != annotator:
            continue
        query = ProductRef(str(e["query_source"]), str(e["query_id"]))
        target = None if e["target"] is None else str(e["target"])
        act = acts.setdefault(str(e["action"]), Act(str(e["action"]), str(e["verb"]), query, bool(e["closes"]), target))
        if e["decision"] is not None:
            candidate = ProductRef(str(e["candidate_source"]), str(e["candidate_id"]))
            act.judgements.append((candidate, str(e["decision"]), str(e["strength"])))
    return list(acts.values())


class Replay:
    """What a row of actions adds up to."""

    def __init__(self, acts: Iterable[Act] = ()) -> None:
        self._by_query: dict[ProductRef, list[Act]] = defaultdict(list)
        self._undone: set[str] = set()
        for act in acts:
            self.apply(act)

    def apply(self, act: Act) -> None:
        """One more."""
        if act.target is None:
            self._by_query[act.query].append(act)
        elif act.verb == "undo":
            self._undone.add(act.target)
        else:
            self._undone.discard(act.target)

    def marks(self, query: ProductRef, options: Sequence[ProductRef]) -> str:
        """The signs that the desk must show. The latest holds, but nothing implied covers what was said itself."""
        holding: dict[ProductRef, tuple[str, str]] = {}
        for act in self._by_query[query]:
            for candidate, decision, strength in act.judgements if act.id not in self._undone else ():
                if strength == "explicit" or holding.get(candidate, ("", ""))[1] != "explicit":
                    holding[candidate] = decision, strength
        return "".join(_SIGNS[holding[option]] if option in holding else " " for option in options)


# -- the screen against the ledger -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explanation:
    """How far a ledger bears out what was seen.

    Attributes:
        acknowledged: of the new actions, how many the screen had moved past.
        problem: what was seen and is not in the ledger, or the other way round; empty where all is well.
    """

    acknowledged: int = 0
    problem: str = ""


class _Walk:
    """Through the new actions of a ledger, only as far as what was seen makes necessary."""

    def __init__(self, keys: str, before: Sequence[Act], new: Sequence[Act]) -> None:
        self.keys, self.new = keys, new
        self.done = 0
        self._at = 0
        self._replay = Replay(before)
        self._acts = {act.id: act for act in (*before, *new)}
        self._may_leave: list[bool] = []
        self._may_stay: list[bool] = []

    def step(self, typed: int) -> str:
        """One action further, if one of the keys typed by then asked for it. Returns what is wrong."""
        if self.done == len(self.new):
            return "no action in the ledger accounts for it"
        act = self.new[self.done]
        asked = [place for place in range(self._at, typed) if VERBS.get(self.keys[place]) == act.verb]
        if not asked:
            return f"no key asked for {act}"
        stays = {"accept": any(self.keys[place] == "A" for place in asked), "reject": not act.closes}
        leaves = {"accept": any(self.keys[place] == "a" for place in asked), "reject": act.closes}
        self._may_stay.append(stays.get(act.verb, act.verb in {"undo", "redo", "skip"}))
        self._may_leave.append(leaves.get(act.verb, act.target is None))
        self._replay.apply(act)
        self._at = asked[0] + 1
        self.done += 1
        return ""

    def explains(self, sight: Sight, previous: Sight | None, start: int, options: Sequence[ProductRef]) -> bool:
        """Whether the actions so far lead to this screen, those from `start` on since the screen before."""
        if self._replay.marks(sight.query, options) != sight.marks:
            return False
        if self.done:
            stayed = sight.query == self.new[self.done - 1].query
            if not (self._may_stay if stayed else self._may_leave)[-1]:
                return False
        if previous is None:
            return True
        left = sight.query == previous.query or any(
            act.target is not None or (leaves and act.query == previous.query)
            for act, leaves in zip(self.new[start : self.done], self._may_leave[start:], strict=True)
        )
        told = sight.said in ("", previous.said) or any(
            self._told(sight.said, act) for act in self.new[start : self.done]
        )
        return left and told

    def _told(self, said: str, act: Act) -> bool:
        way, word = SAID.fullmatch(said).groups()
        if act.target is None or way != {"undo": "Undone", "redo": "Redone"}[act.verb]:
            return False
        verb = self._acts[act.target].verb
        return word == _WORDS.get(verb, verb)


def explain(
    sights: Sequence[Sight],
    keys: str,
    before: Sequence[Act],
    new: Sequence[Act],
    options: Mapping[ProductRef, Sequence[ProductRef]],
) -> Explanation:
    """Walk through the screens, and for each one through as many new actions as it takes to explain it.

    A screen is explained once the actions so far give the marks that it shows; the last of them leads to its query;
    one since the screen before made the desk leave that one's query; and one is the undo or redo that it tells of.
    Every action must be that of a key typed by then, in the keys' order.
    """
    walk = _Walk(keys, before, new)
    previous: Sight | None = None
    for sight in sights:
        start = walk.done
        while not walk.explains(sight, previous, start, options[sight.query]):
            if wrong := walk.step(sight.typed):
                return Explanation(start, f"after {keys[: sight.typed]!r}, {previous} became {sight}: {wrong}")
        acts = new[start:] if walk.done > start else []
        if previous is not None and not _on_highlighted(previous, sight, acts, options[previous.query]):
            return Explanation(start, f"{sight.alone!r} on {previous} became {acts[0]}")
        previous = sight
    acknowledged = walk.done
    while walk.done < len(new):
        if wrong := walk.step(len(keys)):
            return Explanation(acknowledged, wrong)
    return Explanation(acknowledged)


def _on_highlighted(previous: Sight, sight: Sight, acts: Sequence[Act], options: Sequence[ProductRef]) -> bool:
    """Whether one key, seen before and after, became an action on the candidate that was highlighted.

    Any of these may be it: the same key pressed before may have changed nothing that could be seen.
    """
    if not acts or sight.alone not in tuple("aAxu"):
        return True
    highlighted = options[previous.cursor]
    return any(
        (act.verb, act.query) == (VERBS[sight.alone], previous.query)
        and [candidate for candidate, _, strength in act.judgements if strength == "explicit"] == [highlighted]
        for act in acts
    )
