"""What a screen of the desk says, and whether a ledger bears it out.

The ledger is added up here anew, from its events alone: neither its own projections nor the desk's code are trusted.
"""

import re
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from core.catalog.store import CatalogStore
from core.search.candidates import CandidateStore
from core.text.safe import safe
from core.workspace import Workspace
from labels.model import ProductRef

#: The deciding keys, and the verb of the event that each of them writes.
VERBS = {
    "a": "accept", "A": "accept", "x": "reject", "n": "none", "u": "unsure", "s": "skip", "z": "undo", "Z": "redo",
}  # fmt: skip

#: The signs of the rows, by decision and strength.
_SIGNS = {
    ("match", "explicit"): "✓", ("match", "implied"): "×", ("no_match", "explicit"): "✗", ("no_match", "implied"): "×",
    ("unsure", "explicit"): "?",
}  # fmt: skip

_PAIR = re.compile(r"(?:^|\W)\d+/\d+ ─+ (\S.*?) ─")
_ROW = re.compile(r"([▌ ])([0-9]) ([ ✓✗×?]) (.*)")
#: As much of a title as is shown in front of any ellipsis.
_ROW_HEAD, _TITLE_HEAD = 12, 30


@dataclass(frozen=True, slots=True)
class Sight:
    """One screen that was seen, and what had been typed by then.

    Attributes:
        marks: the sign of this annotator's decision on each candidate, in the order of the rows.
        cursor: the highlighted row, from 0.
        said: the bottom line, where it tells of an undo or a redo; else empty.
        typed: how many keys of the round had been typed.
        alone: the one key that was waiting for its answer; empty while nothing or a burst was.
    """

    query: ProductRef
    marks: str
    cursor: int
    said: str
    typed: int = 0
    alone: str = ""

    @property
    def shown(self) -> tuple[ProductRef, str, int, str]:
        """All that was to be seen."""
        return self.query, self.marks, self.cursor, self.said


class ScreenReader:
    """Reads the review screen of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        options: dict[ProductRef, list[ProductRef]] = defaultdict(list)
        with CatalogStore(workspace.catalog) as catalog, closing(CandidateStore(workspace.derived)) as candidates:
            self._titles = {product.ref: safe(product.title) for product in catalog.iter()}
            for query, candidate in candidates.all():
                if candidate.ref in self._titles:
                    options[query].append(candidate.ref)
        self.options: Mapping[ProductRef, Sequence[ProductRef]] = dict(options)
        self._places = {f"{safe(q.source)} {safe(q.id)}": q for q in options if q in self._titles}

    def read(self, lines: Sequence[str]) -> Sight | None:
        """The query on the screen; None where there is none, or it is covered or only half painted."""
        pair = next((found for line in lines[3:] if (found := _PAIR.search(line))), None)
        query = self._places.get(pair[1]) if pair else None
        if query is None:
            return None
        title = _packed(" ".join(lines[1:4]))
        if not title.startswith(_packed(self._titles[query])[:_TITLE_HEAD]):
            return None
        rows = _rows(lines, [self._titles[ref] for ref in self.options[query]])
        cursors = [place for place, (cursor, _) in enumerate(rows) if cursor == "▌"]
        if len(rows) != len(self.options[query]) or len(cursors) != 1:
            return None
        said = lines[-1].strip()
        said = said if said.startswith(("Taken back", "Brought back")) else ""
        return Sight(query, "".join(sign for _, sign in rows), cursors[0], said)


def _rows(lines: Sequence[str], titles: Sequence[str]) -> list[tuple[str, str]]:
    """Cursor and sign of the candidates' rows, as far as they stand there in their order."""
    rows: list[tuple[str, str]] = []
    for line in lines:
        row = _ROW.match(line)
        if row is None or len(rows) == len(titles) or row[2] != str((len(rows) + 1) % 10):
            continue
        if row[4].startswith(titles[len(rows)][:_ROW_HEAD]):
            rows.append((row[1], row[3]))
    return rows


def _packed(text: str) -> str:
    return "".join(text.split())


# -- the ledger --------------------------------------------------------------------------------------------


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


@dataclass
class Explanation:
    """How far a ledger bears out what was seen.

    Attributes:
        acknowledged: of the new actions, how many the screen had moved past.
        problem: what was seen and is not in the ledger, or the other way round; empty where all is well.
    """

    acknowledged: int = 0
    problem: str = ""


def explain(
    sights: Sequence[Sight],
    keys: str,
    before: Sequence[Act],
    new: Sequence[Act],
    options: Mapping[ProductRef, Sequence[ProductRef]],
) -> Explanation:
    """Walk through the screens, and for each one through as many new actions as it takes to explain it.

    A screen is explained once the actions so far give the marks that it shows, one of those since the screen before
    made the desk leave the query of that one, and one is an undo or a redo where the desk speaks of it. Every
    action must be that of a key typed by then, in the keys' order.
    """
    replay, found, at = Replay(before), Explanation(), 0
    previous: Sight | None = None
    for sight in sights:
        since: list[tuple[Act, bool]] = []
        while not _explained(replay, previous, sight, since, options[sight.query]):
            act = new[found.acknowledged] if found.acknowledged < len(new) else None
            key = -1 if act is None else _key_of(act, keys, at, sight.typed)
            if act is None or key < 0:
                wrong = "no action in the ledger accounts for it" if act is None else f"{act} was not asked for by then"
                found.problem = f"seen after {keys[: sight.typed]!r}: {sight}, after {previous}; {wrong}"
                return found
            since.append((act, _leaves(act, keys[key : sight.typed])))
            replay.apply(act)
            at = key + 1
            found.acknowledged += 1
        acts = [act for act, _ in since] + list(new[found.acknowledged :]) if since else []
        if previous is not None and (wrong := _wrong_candidate(previous, sight, acts, options[previous.query])):
            found.problem = wrong
            return found
        previous = sight
    for act in new[found.acknowledged :]:
        at = _key_of(act, keys, at, len(keys)) + 1
        if not at:
            found.problem = f"nobody asked for {act}"
            return found
    return found


def _key_of(act: Act, keys: str, start: int, end: int) -> int:
    return next((place for place in range(start, end) if VERBS.get(keys[place]) == act.verb), -1)


def _leaves(act: Act, keys: str) -> bool:
    """Whether the action may have moved the desk to another query: `A` accepts and stays, `x` stays but at the end."""
    return any(VERBS.get(key) == act.verb and key != "A" and (key != "x" or act.closes) for key in keys)


def _explained(
    replay: Replay,
    previous: Sight | None,
    sight: Sight,
    since: Sequence[tuple[Act, bool]],
    options: Sequence[ProductRef],
) -> bool:
    if previous is not None:
        left = any(leaves and (act.target is not None or act.query == previous.query) for act, leaves in since)
        if sight.query != previous.query and not left:
            return False
        turned = any(act.target is not None for act, _ in since)
        if sight.said not in ("", previous.said) and not turned:
            return False
    return replay.marks(sight.query, options) == sight.marks


def _wrong_candidate(previous: Sight, sight: Sight, acts: Sequence[Act], options: Sequence[ProductRef]) -> str:
    """One key on one highlighted candidate, seen before and after: an action of that kind must be on that candidate.

    More than one may come into question, since the same key pressed before may have changed nothing to be seen.
    """
    if not acts or sight.alone not in tuple("aAxu"):
        return ""
    for act in takewhile(lambda act: (act.verb, act.query) == (VERBS[sight.alone], previous.query), acts):
        if {candidate for candidate, _, strength in act.judgements if strength == "explicit"} == {
            options[previous.cursor]
        }:
            return ""
    return f"{sight.alone!r} on candidate {previous.cursor + 1} of {previous.query} became {acts[0]}"
