"""Search of past work: a person's queries, newest first, page by page, filtered by words."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from core.catalog.full_text import with_spaces
from core.catalog.store import CatalogStore
from core.queue.source import first_of_two
from labels.model import Decision, ProductRef, Stream, Verb
from labels.past_work import (
    PastQuery,
    past_queries,
    positions_among,
    positions_with_notes,
    positions_worked_on,
    queries_accepting,
    queries_with_verb,
    standing_comments,
)
from labels.reader import LabelReader


class Outcome(StrEnum):
    """The outcome of a person's decisions on a query; the value is also a search word."""

    MATCH = "match"
    UNSURE = "unsure"
    NONE = "none"
    SKIPPED = "skipped"
    OPEN = "open"


#: Search words for flagged and commented queries.
FLAGGED, COMMENTED = "flagged", "commented"


@dataclass(frozen=True, slots=True)
class PastRow:
    """One line of a list of past work.

    Attributes:
        past: decisions, flag and comments.
        title: of the query; empty where it left the catalogue.
        accepted: titles (or else ids) of the candidates that the list's owner accepted.
        held_by: another annotator who has the query on the screen now; empty where there is none.
    """

    past: PastQuery
    title: str
    accepted: tuple[str, ...] = ()
    held_by: str = ""

    @property
    def query(self) -> ProductRef:
        """The query."""
        return self.past.query

    @property
    def outcome(self) -> Outcome:
        """The outcome of the list owner's decisions."""
        if self.past.candidates_decided(Decision.MATCH):
            return Outcome.MATCH
        if self.past.candidates_decided(Decision.UNSURE):
            return Outcome.UNSURE
        if self.past.answered:
            return Outcome.NONE
        return Outcome.SKIPPED if self.past.verb is Verb.SKIP else Outcome.OPEN

    def contains(self, terms: Sequence[str]) -> bool:
        """Whether each folded term is a prefix of a word in title, candidates, ids, comments, outcome or stream."""
        past = self.past
        words = [
            self.title,
            *self.accepted,
            past.query.id,
            *(ref.id for ref in past.candidates_decided(Decision.MATCH)),
        ]
        for note in past.comments:
            words += [note.annotator, note.text]
        if past.flag is not None:
            words += [FLAGGED, past.flag.annotator]
        words += [self.outcome, past.stream, *([COMMENTED] if past.comments else [])]
        text = folded(" ".join(words))
        return all(term in text for term in terms)


def folded(text: str) -> str:
    """Words in lower case without accents, each after a space, tokenised like the full-text index.

    In scripts without spaces each character is a word, so that text inside a run is found.
    """
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " " + " ".join("".join(c if c.isalnum() else " " for c in with_spaces(text.casefold())).split())


#: Products with a word up to which they are looked up one by one. For a more frequent word, scanning past work
#: backwards is faster.
_MAX_LOOKUPS = 4_000
#: Queries per step of that scan: a page first, doubled each time up to the maximum.
_FIRST_CHUNK, _MAX_CHUNK = 64, 1024
#: Queries read for one page at most, which takes half a second; the next page continues from there.
_MAX_READ = 10_000
#: Greater than any event number.
_END = 2**62

#: Words that occur in too many rows to look up, and rare ones with the actions that they stand for.
_FREQUENT = (Outcome.MATCH, Outcome.NONE, Outcome.OPEN, *Stream)
_RARE = {FLAGGED: Verb.FLAG, COMMENTED: Verb.COMMENT, Outcome.UNSURE: Verb.UNSURE, Outcome.SKIPPED: Verb.SKIP}


class Scope(StrEnum):
    """Which list: the queries that one worked on, or those that anyone flagged or commented on."""

    OWN = "own"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class PastPage:
    """A page of a list.

    Attributes:
        rows: newest first.
        next: where the next page starts; None at the end.
    """

    rows: tuple[PastRow, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class PastFinder:
    """Searches past work as one person may see it.

    Attributes:
        overlap: share of the queries that two people answer independently.
        lead: whether the person sees all comments and flags.
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
        limit: int = 30,
        wanted: Callable[[], bool] = lambda: True,
    ) -> PastPage:
        """The rows of a list that contain every word of the text, newest first.

        A page can be short or empty without being the last one, where the words are rare among very many queries.

        Args:
            scope: which list.
            text: words or prefixes of words.
            before: `next` of the previous page.
            limit: maximum number of rows.
            wanted: called repeatedly; once it returns False, the search stops with the rows found so far.

        Raises:
            SameskuError: ledger or catalogue cannot be read.
        """
        words = [word for word in text.split() if folded(word).strip()]
        terms = [folded(word) for word in words]
        found: list[PastRow] = []
        read = 0
        for places in self._chunks(scope, words, _END if before is None else before, limit):
            found += [row for row in self._rows(scope, places) if row.contains(terms)]
            read += len(places)
            if len(found) > limit:
                return PastPage(tuple(found[:limit]), found[limit - 1].past.seq)
            if read >= _MAX_READ or not wanted():
                return PastPage(tuple(found), places[-1])
        return PastPage(tuple(found), None)

    def _chunks(self, scope: Scope, words: Sequence[str], before: int, limit: int) -> Iterator[list[int]]:
        """Chunks of event numbers whose queries may contain the words, newest first."""
        if scope is Scope.NOTED:
            yield from _chunked(place for place in positions_with_notes(self.store) if place < before)
            return
        looked_up = [queries for word in words if (queries := self._look_up(word)) is not None]
        if looked_up:
            rarest: set[ProductRef] = min(looked_up, key=len)
            places = positions_among(self.store, self.annotator, rarest)
            yield from _chunked(place for place in places if place < before)
            return
        size = max(_FIRST_CHUNK, limit + 1)
        while places := positions_worked_on(self.store, self.annotator, before=before, limit=size):
            yield places
            before, size = places[-1], min(2 * size, _MAX_CHUNK)

    def _look_up(self, word: str) -> set[ProductRef] | None:
        """All queries that may contain a word; None if they are too many."""
        term = folded(word)
        if any(frequent.startswith(term[1:]) for frequent in _FREQUENT):
            return None
        products = self.catalog.with_word_prefix(word, _MAX_LOOKUPS)
        if products is None:
            return None
        found = set(products)
        for state, verb in _RARE.items():
            if state.startswith(term[1:]):
                # Of all annotators: another's flag may be on one's own query.
                found.update(several := queries_with_verb(self.store, verb, limit=_MAX_LOOKUPS + 1))
                if len(several) > _MAX_LOOKUPS:
                    return None
        found.update(queries_accepting(self.store, self.annotator, found))
        found.update(query for query, *texts in standing_comments(self.store) if term in folded(" ".join(texts)))
        return found

    def _rows(self, scope: Scope, places: Sequence[int]) -> list[PastRow]:
        listed = [
            visible
            for past in past_queries(self.store, places, self.annotator)
            if (visible := self._visible(scope, past))
        ]
        refs = [past.query for past in listed]
        accepted = [ref for past in listed for ref in past.candidates_decided(Decision.MATCH)]
        titles = self.catalog.titles([*refs, *accepted])
        return [
            PastRow(
                past,
                titles.get(past.query, ""),
                tuple(titles.get(ref, f"{ref.source} {ref.id}") for ref in past.candidates_decided(Decision.MATCH)),
            )
            for past in listed
        ]

    def _visible(self, scope: Scope, past: PastQuery) -> PastQuery | None:
        """The part of it that this person may see; None where there is none."""
        others = past.flag is not None and past.flag.annotator != self.annotator
        if not others and all(note.annotator == self.annotator for note in past.comments):
            return past
        if (self.lead and scope is Scope.NOTED) or not self._decides_alone(past.query):
            return past
        own_flag = None if others else past.flag
        comments = tuple(note for note in past.comments if note.annotator == self.annotator)
        if scope is Scope.NOTED and own_flag is None and not comments:
            return None
        return replace(past, flag=own_flag if scope is Scope.NOTED else past.flag, comments=comments)

    def _decides_alone(self, query: ProductRef) -> bool:
        """Whether this person decides on the query without seeing other people's decisions."""
        if self.store.is_validation(query):
            return True
        if self.store.is_audited(query) and self.annotator not in self.store.answered_by(query):
            return True
        return first_of_two(self.store, query, self.overlap) not in {None, self.annotator}


def _chunked(places: Iterable[int]) -> Iterator[list[int]]:
    rest, size = iter(places), _FIRST_CHUNK
    while chunk := list(islice(rest, size)):
        yield chunk
        size = min(2 * size, _MAX_CHUNK)
