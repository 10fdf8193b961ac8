"""A query of past work with its products, and the words that it is found by."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.catalog.grams import spaced
from labels.model import Decision, ProductRef, Verb
from labels.past import PastQuery


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
    return " " + " ".join("".join(c if c.isalnum() else " " for c in spaced(text.casefold())).split())
