"""Reads the review screen of the desk: which query, which marks, which row is highlighted."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from core.catalog.store import CatalogStore
from core.retrieval.candidates import CandidateStore
from core.text.safe import safe
from core.workspace import Workspace
from labels.model import ProductRef

#: What the bottom line calls the action that was undone or redone.
SAID = re.compile(r"(Undone|Redone): ([a-z ]+)\.")

#: What stands in a rule: above the comparison, the query at its left.
_HEADING = re.compile(r"─ (\S[^─]*?) ─")
_ROW = re.compile(r"([▌ ])([0-9]) ([ ✓✗×?]) (.*)")
#: So much of a title is compared with what is shown, which may be shortened further on.
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
        headings = (name for line in lines[3:] for name in _HEADING.findall(line))
        query = next((self._places[name] for name in headings if name in self._places), None)
        if query is None:
            return None
        title = _packed(" ".join(lines[1:4]))
        if not title.startswith(_packed(self._titles[query])[:_TITLE_HEAD]):
            return None
        rows = _rows(lines, [self._titles[ref] for ref in self.options[query]])
        cursors = [place for place, (cursor, _) in enumerate(rows) if cursor == "▌"]
        if len(rows) != len(self.options[query]) or len(cursors) != 1:
            return None
        said = SAID.search(lines[-1])
        return Sight(query, "".join(sign for _, sign in rows), cursors[0], said[0] if said else "")


def _rows(lines: Sequence[str], titles: Sequence[str]) -> list[tuple[str, str]]:
    """Cursor and sign of the candidates' rows, as far as they stand there in their order."""
    rows: list[tuple[str, str]] = []
    for line in lines:
        row = _ROW.match(line)
        if row is None or len(rows) == len(titles) or row[2] != str((len(rows) + 1) % 10):
            continue
        if titles[len(rows)].startswith(row[4].partition("…")[0][:_ROW_HEAD].rstrip(" ,;|-")):
            rows.append((row[1], row[3]))
    return rows


def _packed(text: str) -> str:
    return "".join(text.split())
