"""Finding past work: newest first, page by page, by words that may stand in many places."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from core.catalog.full_text import with_spaces
from core.catalog.store import CatalogStore
from core.queue.source import first_of_two
from labels.model import Decision, ProductRef, Stream, Verb
from labels.past_work import PastQuery, accepting, commenting, marked, noted, own, own_of, past_queries
from labels.reader import LabelReader


class Outcome(StrEnum):
    """What somebody's decisions on a query come to; also the word to search for."""

    MATCH = "match"
    UNSURE = "unsure"
    NONE = "none"
    SKIPPED = "skipped"
    OPEN = "open"


#: A flag and a comment are found by these.
FLAGGED, COMMENTED = "flagged", "commented"


@dataclass(frozen=True, slots=True)
class PastRow:
    """One line of a list of past work.

    Attributes:
        past: what was said and written.
        title: of the query; empty where it left the catalogue.
        accepted: titles of the candidates that the reader of the list accepted, or their ids.
        held_by: who else has the query on the screen now; empty where nobody has.
    """

    past: PastQuery
    title: str
    accepted: tuple[str, ...] = ()
    held_by: str = ""

    @property
    def query(self) -> ProductRef:
        """Which query it is."""
        return self.past.query

    @property
    def outcome(self) -> Outcome:
        """What the reader's decisions come to."""
        if self.past.saying(Decision.MATCH):
            return Outcome.MATCH
        if self.past.saying(Decision.UNSURE):
            return Outcome.UNSURE
        if self.past.answered:
            return Outcome.NONE
        return Outcome.SKIPPED if self.past.verb is Verb.SKIP else Outcome.OPEN

    def holds(self, terms: Sequence[str]) -> bool:
        """Whether each term, folded, begins a word of title, candidates, ids, comments, outcome or stream."""
        past = self.past
        words = [self.title, *self.accepted, past.query.id, *(ref.id for ref in past.saying(Decision.MATCH))]
        for note in past.comments:
            words += [note.annotator, note.text]
        if past.flag is not None:
            words += [FLAGGED, past.flag.annotator]
        words += [self.outcome, past.stream, *([COMMENTED] if past.comments else [])]
        text = folded(" ".join(words))
        return all(term in text for term in terms)


def folded(text: str) -> str:
    """Words in small letters without accents, a space before each, as the full-text index has them.

    Of a run that is written without spaces each character is a word, so that what stands inside it is found.
    """
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " " + " ".join("".join(c if c.isalnum() else " " for c in with_spaces(text.casefold())).split())


#: Products that a word may stand in to be looked up one by one. A more frequent word is soon met on the way back
#: through what was done, which is then the shorter way.
_FEW = 4_000
#: Queries read at a time on that way: a page's worth first, then more and more.
_FIRST, _MOST = 64, 1024
#: Queries read for one page at most, which takes half a second: who wants to look further back says so.
_READ = 10_000
#: Beyond the last event there is.
_END = 2**62

_FREQUENT = (Outcome.MATCH, Outcome.NONE, Outcome.OPEN, *Stream)
_RARE = {FLAGGED: Verb.FLAG, COMMENTED: Verb.COMMENT, Outcome.UNSURE: Verb.UNSURE, Outcome.SKIPPED: Verb.SKIP}


class Scope(StrEnum):
    """Which list: the queries that one worked on, or those that anybody flagged or commented on."""

    OWN = "own"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class PastPage:
    """A part of a list.

    Attributes:
        next: from where the list goes on; None at its end.
    """

    rows: tuple[PastRow, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class PastFinder:
    """One person's view of what was done.

    Attributes:
        overlap: share of the queries that two people answer, each alone.
        lead: whether the person sees what others wrote wherever it is.
    """

    store: LabelReader
    catalog: CatalogStore
    annotator: str
    overlap: float = 0.0
    lead: bool = False

    def page(
        self,
        scope: Scope,
        text: str = "",
        *,
        before: int | None = None,
        most: int = 30,
        wanted: Callable[[], bool] = lambda: True,
    ) -> PastPage:
        """Some rows of a list, those that hold every word of the text, latest first.

        A page may be short, or empty, and yet not the last, where the words are rare among very many queries.

        Args:
            scope: which list.
            text: words; each may be the beginning of one.
            before: where the page before said that the list goes on.
            most: how many rows.
            wanted: asked now and then; once it is False, the search is given up with what it has.

        Raises:
            SameskuError: ledger or catalogue cannot be read.
        """
        words = [word for word in text.split() if folded(word).strip()]
        terms = [folded(word) for word in words]
        found: list[PastRow] = []
        read = 0
        for places in self._chunks(scope, words, _END if before is None else before, most):
            found += [row for row in self._rows(scope, places) if row.holds(terms)]
            read += len(places)
            if len(found) > most:
                return PastPage(tuple(found[:most]), found[most - 1].past.seq)
            if read >= _READ or not wanted():
                return PastPage(tuple(found), places[-1])
        return PastPage(tuple(found), None)

    def _chunks(self, scope: Scope, words: Sequence[str], before: int, most: int) -> Iterator[list[int]]:
        """Places in the list that may hold the words, latest first."""
        if scope is Scope.NOTED:
            yield from _cut(place for place in noted(self.store) if place < before)
            return
        few = [queries for word in words if (queries := self._few(word)) is not None]
        if few:
            rarest: set[ProductRef] = min(few, key=len)
            places = own_of(self.store, self.annotator, rarest)
            yield from _cut(place for place in places if place < before)
            return
        size = max(_FIRST, most + 1)
        while places := own(self.store, self.annotator, before=before, most=size):
            yield places
            before, size = places[-1], min(2 * size, _MOST)

    def _few(self, word: str) -> set[ProductRef] | None:
        """All the queries that may hold a word, if they are few."""
        term = folded(word)
        if any(frequent.startswith(term[1:]) for frequent in _FREQUENT):
            return None
        products = self.catalog.with_word_prefix(word, _FEW)
        if products is None:
            return None
        found = set(products)
        for state, verb in _RARE.items():
            if state.startswith(term[1:]):
                # Everybody's: a flag of somebody else may be on one's own query.
                found.update(several := marked(self.store, verb, most=_FEW + 1))
                if len(several) > _FEW:
                    return None
        found.update(accepting(self.store, self.annotator, found))
        found.update(query for query, *texts in commenting(self.store) if term in folded(" ".join(texts)))
        return found

    def _rows(self, scope: Scope, places: Sequence[int]) -> list[PastRow]:
        listed = [
            seen for past in past_queries(self.store, places, self.annotator) if (seen := self._seen(scope, past))
        ]
        refs = [past.query for past in listed]
        accepted = [ref for past in listed for ref in past.saying(Decision.MATCH)]
        titles = self.catalog.titles([*refs, *accepted])
        return [
            PastRow(
                past,
                titles.get(past.query, ""),
                tuple(titles.get(ref, f"{ref.source} {ref.id}") for ref in past.saying(Decision.MATCH)),
            )
            for past in listed
        ]

    def _seen(self, scope: Scope, past: PastQuery) -> PastQuery | None:
        """The same as this person may see it; None where that is nothing."""
        others = past.flag is not None and past.flag.annotator != self.annotator
        if not others and all(note.annotator == self.annotator for note in past.comments):
            return past
        if (self.lead and scope is Scope.NOTED) or not self._alone(past.query):
            return past
        own_flag = None if others else past.flag
        comments = tuple(note for note in past.comments if note.annotator == self.annotator)
        if scope is Scope.NOTED and own_flag is None and not comments:
            return None
        return replace(past, flag=own_flag if scope is Scope.NOTED else past.flag, comments=comments)

    def _alone(self, query: ProductRef) -> bool:
        """Whether this person decides on the query without knowing what others think of it."""
        if self.store.is_validation(query):
            return True
        if self.store.is_audited(query) and self.annotator not in self.store.closers(query):
            return True
        return first_of_two(self.store, query, self.overlap) not in {None, self.annotator}


def _cut(places: Iterable[int]) -> Iterator[list[int]]:
    rest, size = iter(places), _FIRST
    while chunk := list(islice(rest, size)):
        yield chunk
        size = min(2 * size, _MOST)
