"""Boilerplate of titles: what a shop writes around the name of a product, such as its own name, slogans and prices.

Two sources tell it from the name. Phrases of commerce in several languages are data
(`core/text/data/boilerplate.toml`). Fragments that a catalogue repeats are learned from the catalogue itself: what
stands behind a spaced separator at the end of titles of several brands (`… | Foto Meyer`), or before a colon or bar at
their start, and hardly ever elsewhere.

An attribute of a product can stand there as well (`… - black`). A fragment in which the vocabulary recognises one, or
with a number, is no boilerplate.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from core.text.vocabulary import Vocabulary

_TOKEN = re.compile(r"\w+|[^\w\s]+")
#: Separators before a fragment at the end, and behind one at the start: a dash at the start is often part of a name.
_BEFORE_END, _AFTER_START = re.compile(r"[|@:,;•·»>/~–—-]+"), re.compile(r"[|:»>]+")
_SEPARATOR = re.compile(r"[|@:,;•·»>/~–—!-]+")
#: Separators that need no space before them.
_CLOSING = frozenset(",:;")
#: Tokens of the longest fragment and phrase.
_MAX_TOKENS = 8
#: Titles that must have a fragment; twice as many for a single word, which is more often a variant.
_MIN_TITLES = 4
#: Largest share of the titles with a fragment whose names may begin with the same word, mostly the brand; and least
#: share of all its occurrences that must be at the edge of a title.
_MAX_ONE_BRAND, _MIN_AT_EDGE = 0.5, 0.8
#: Titles from which fragments are learned: enough for those of any shop that matters, in bounded memory.
_MAX_LEARNED = 200_000
#: Share of a title's characters that must remain; otherwise it stays as it is, as does one as long as a page.
_MIN_REMAINING = 0.3
_MAX_CHARACTERS = 2_000

#: The language tag of scraped texts: "title"@en.
_TAGGED = re.compile(r'^"(?P<text>.*)"@[a-z]{2}(?:-[a-z]{2})?\s*$', re.IGNORECASE | re.DOTALL)
_PRICE = re.compile(
    r"(?:\b(?:only|nur|ab|für|à|oferta|offerta|from|price|prix|preis)\s+)?"
    r"(?:[$€£]\s?\d+(?:[.,]\d{2})?(?![\w.,]*\d)|(?<![\d.,])\d+(?:[.,]\d{2}|,-)?\s?(?:€|£|(?:eur|usd|gbp)\b))",
    re.IGNORECASE,
)
#: Cheap necessary conditions for a price and a page, which most titles do not meet.
_CURRENCY, _HAS_PAGE = re.compile(r"[$€£]|eur|usd|gbp", re.IGNORECASE), re.compile("page", re.IGNORECASE)
_PAGE = re.compile(r"\(?\bpage \d+ of \d+\)?", re.IGNORECASE)

Fragment = tuple[str, ...]


@dataclass(frozen=True)
class _Tokens:
    """The words and punctuation of a title in lower case, and where each begins and ends."""

    title: str
    words: list[str]
    spans: list[tuple[int, int]]

    @classmethod
    def of(cls, title: str) -> "_Tokens":
        found = list(_TOKEN.finditer(title))
        return cls(title, [match[0].lower() for match in found], [match.span() for match in found])

    def separates(self, place: int, *, at_start: bool) -> bool:
        """Whether a token separates a fragment from the name: spaces are around it, or behind a closing one."""
        if self.words[place].isalnum() or not (_AFTER_START if at_start else _BEFORE_END).fullmatch(self.words[place]):
            return False
        start, end = self.spans[place]
        before, after = self.title[max(start - 1, 0) : start], self.title[end : end + 1]
        return after.isspace() and (before.isspace() or at_start or self.words[place] in _CLOSING)

    def at_end(self, low: int, high: int) -> Iterator[tuple[int, Fragment]]:
        """Fragments behind a separator that reach up to `high`, the longest first, with the separator's place."""
        for place in range(max(low + 1, high - _MAX_TOKENS - 1), high - 1):
            if self.separates(place, at_start=False):
                yield place, tuple(self.words[place + 1 : high])

    def at_start(self, low: int, high: int) -> Iterator[tuple[int, Fragment]]:
        """The same at the start, from `low` on."""
        for place in range(min(high - 1, low + _MAX_TOKENS) - 1, low, -1):
            if self.separates(place, at_start=True):
                yield place, tuple(self.words[low:place])


@dataclass(frozen=True)
class Boilerplate:
    """Removes boilerplate from titles.

    Attributes:
        phrases: of commerce, as words.
        endings: learned fragments at the end of titles.
        beginnings: learned fragments at the start.
    """

    phrases: frozenset[Fragment]
    endings: frozenset[Fragment] = field(default_factory=frozenset)
    beginnings: frozenset[Fragment] = field(default_factory=frozenset)

    @cached_property
    def _first_words(self) -> frozenset[str]:
        return frozenset(phrase[0] for phrase in self.phrases)

    @cached_property
    def _last_words(self) -> frozenset[str]:
        return frozenset(phrase[-1] for phrase in self.phrases)

    @classmethod
    def learn(cls, titles: Sequence[str], vocabulary: Vocabulary) -> "Boilerplate":
        """The boilerplate of a catalogue: the vocabulary's phrases, and the fragments that its titles repeat."""
        known = cls(vocabulary.boilerplate)
        step = -(-len(titles) // _MAX_LEARNED) or 1
        tokens = [_Tokens.of(known.clean(title)) for title in titles[::step]]
        found = []
        for at_start in (False, True):
            names: dict[Fragment, list[str]] = {}
            for each in tokens:
                fragments = each.at_start if at_start else each.at_end
                for place, fragment in fragments(0, len(each.words)):
                    names.setdefault(fragment, []).append(each.words[place + 1 if at_start else 0])
            found.append({f: words for f, words in names.items() if _is_repeated(f, words, vocabulary)})
        everywhere = _occurrences(tokens, {*found[0], *found[1]})
        endings, beginnings = (
            frozenset(f for f, words in side.items() if len(words) >= _MIN_AT_EDGE * everywhere[f]) for side in found
        )
        return cls(known.phrases, endings, beginnings)

    def clean(self, title: str) -> str:
        """The title without boilerplate; the title itself where hardly anything would remain."""
        if len(title) > _MAX_CHARACTERS:
            return title
        text = title
        if (tagged := _TAGGED.match(title)) is not None:
            text = tagged["text"]
        if _CURRENCY.search(text) is not None:
            text = _PRICE.sub(" ", text)
        if _HAS_PAGE.search(text) is not None:
            text = _PAGE.sub(" ", text)
        tokens = _Tokens.of(text)
        low, high = 0, len(tokens.words)
        while (cut := self._shorter(tokens, low, high)) != (low, high):
            low, high = cut
        if low >= high:
            return title
        name = text[tokens.spans[low][0] : tokens.spans[high - 1][1]]
        return name if len(name) >= _MIN_REMAINING * len(title) else title

    def _shorter(self, tokens: _Tokens, low: int, high: int) -> tuple[int, int]:
        """The bounds of the name after one more piece of boilerplate is cut off; the same bounds if there is none."""
        words = tokens.words
        end, start = high, low
        while end > low and (end < len(words)) and _SEPARATOR.fullmatch(words[end - 1]):
            end -= 1
        while start < end and start > 0 and _SEPARATOR.fullmatch(words[start]):
            start += 1
        has_phrase = start < end and (words[end - 1] in self._last_words or words[start] in self._first_words)
        for length in range(min(_MAX_TOKENS, end - start), 0, -1) if has_phrase else ():
            if tuple(words[end - length : end]) in self.phrases:
                return start, end - length
            if tuple(words[start : start + length]) in self.phrases:
                return start + length, end
        for place, fragment in tokens.at_end(start, end) if self.endings else ():
            if fragment in self.endings:
                return start, place
        for place, fragment in tokens.at_start(start, end) if self.beginnings else ():
            if fragment in self.beginnings:
                return place + 1, end
        return start, end


def _is_repeated(fragment: Fragment, brands: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Whether enough titles have a fragment, of several brands, and it states no attribute of a product.

    Args:
        fragment: at the start or end of titles.
        brands: the first word of the name in each of these titles.
        vocabulary: with attributes of products.
    """
    if len(brands) < (2 * _MIN_TITLES if len(fragment) == 1 else _MIN_TITLES):
        return False
    if Counter(brands).most_common(1)[0][1] > _MAX_ONE_BRAND * len(brands):
        return False
    if not any(word.isalpha() for word in fragment) or any(word.isdigit() for word in fragment):
        return False
    return not vocabulary.has_attributes(" ".join(fragment))


def _occurrences(tokens: Iterable[_Tokens], fragments: Collection[Fragment]) -> Counter[Fragment]:
    """How often each fragment occurs, anywhere in the titles."""
    by_first: dict[str, list[Fragment]] = {}
    for fragment in fragments:
        by_first.setdefault(fragment[0], []).append(fragment)
    found: Counter[Fragment] = Counter()
    for each in tokens:
        for place, word in enumerate(each.words):
            for fragment in by_first.get(word, ()):
                if tuple(each.words[place : place + len(fragment)]) == fragment:
                    found[fragment] += 1
    return found
