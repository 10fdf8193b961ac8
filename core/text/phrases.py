"""Finding many phrases in a text at once, word by word, so that a long list costs no more than a short one."""

import re
from collections.abc import Iterable, Iterator

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text in lower case; whatever is no letter or digit parts them."""
    return _WORD.findall(text.lower())


class Phrases:
    """Phrases, each standing for a name; the longest that begins at a word is the one that counts."""

    def __init__(self, pairs: Iterable[tuple[str, str]], *, plurals: bool = False) -> None:
        """Take the phrases.

        Args:
            pairs: (phrase, what it stands for).
            plurals: whether the plural of a phrase's last word stands for the same.
        """
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for phrase, name in pairs:
            split = words(phrase)
            for last in _forms(split[-1]) if plurals else (split[-1],):
                entry = (*split[:-1], last)
                self._by_first.setdefault(entry[0], []).append((entry, name))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def found(self, text: str) -> Iterator[str]:
        """What the phrases of a text stand for, in order; a word belongs to one phrase only."""
        split = words(text)
        place = 0
        while place < len(split):
            taken = 1
            for phrase, name in self._by_first.get(split[place], ()):
                if len(phrase) == 1 or tuple(split[place : place + len(phrase)]) == phrase:
                    yield name
                    taken = len(phrase)
                    break
            place += taken


def _forms(word: str) -> tuple[str, ...]:
    """A noun and its regular English plural."""
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        return (word, f"{word[:-1]}ies")
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return (word, f"{word}es")
    return (word, f"{word}s")
