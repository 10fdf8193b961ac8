"""The words of a title in a form that two shops share, and the ways in which another title may write them.

`Wi-Fi`, `wi fi` and `WiFi` are the same words; so are `64 GB` and `64GB`, `Kopfhörer` and `kopfhorer`, `cases` and
`case`, and a colour in two languages.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from core.text.vocabulary import Vocabulary

#: Letters and digits, with hyphens and dots inside: a model number is one word.
_WRITTEN = re.compile(r"[^\W_]+(?:[-.'’][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_LETTERS_OR_DIGITS = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
_HAS_DIGIT, _HAS_LETTER = re.compile(r"\d"), re.compile(r"[^\W\d_]")
#: Letters of a word from which a final s is a plural.
_MIN_PLURAL = 4
#: Characters of a code: of letters and digits, and of digits alone, which are shorter a size or a count.
_MIN_MIXED_CODE, _MIN_DIGITS = 3, 4


def is_code(word: str) -> bool:
    """Whether a word looks like a model number of any shape: it has a digit, and is no short number."""
    if not _HAS_DIGIT.search(word):
        return False
    return len(word) >= (_MIN_MIXED_CODE if _HAS_LETTER.search(word) else _MIN_DIGITS)


def has_digit(word: str) -> bool:
    """Whether a word has a digit."""
    return _HAS_DIGIT.search(word) is not None


class WordForms:
    """Reads titles."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def words(self, title: str) -> list[str]:
        """The words of a title, normalised, in order."""
        return [_read(written, self._vocabulary)[0] for written in _WRITTEN.findall(title.lower())]

    def forms(self, text: str) -> set[str]:
        """All words of a text, their parts, and what two or three neighbours are when joined."""
        read = [_read(written, self._vocabulary) for written in _WRITTEN.findall(text.lower())]
        found = {word for word, _ in read}
        found.update(part for _, parts in read for part in parts)
        joined = [alone for alone, _ in read]
        found.update(map("".join, pairwise(joined)))
        found.update(map("".join, zip(joined, joined[1:], joined[2:], strict=False)))
        return found


# Catalogues repeat their words: 24,600 listings hold 350,000 words, but 41,000 distinct ones.
@lru_cache(maxsize=2**15)
def _read(written: str, vocabulary: Vocabulary) -> tuple[str, frozenset[str]]:
    """The normalised word, and its parts."""
    split = _PART.findall(written)
    alone, parts = "".join(split), {*split, *_LETTERS_OR_DIGITS.findall(written)}
    normal = {part: _normal(part, vocabulary) for part in {alone, *parts}}
    return normal[alone], frozenset(normal[part] for part in parts)


def _normal(word: str, vocabulary: Vocabulary) -> str:
    for names in (vocabulary.colours(word), vocabulary.audiences(word)):
        if len(names) == 1:
            return next(iter(names))
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    if len(word) >= _MIN_PLURAL and word.endswith("s") and not word.endswith("ss") and word.isalpha():
        return word[:-1]
    return word


def left_over(words: Sequence[str], other: Iterable[str]) -> list[str]:
    """The distinct words that the other title's forms lack, in order."""
    forms = set(other)
    return list(dict.fromkeys(word for word in words if word not in forms))
