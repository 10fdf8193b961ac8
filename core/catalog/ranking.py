"""Which of the products that hold every word of a search come first."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from core.catalog.grams import spaced
from core.catalog.product import Product

#: A hit in the model number says most, one in the category least.
_WEIGHTS = {"model": 3.0, "title": 2.0, "brand": 1.0, "category": 0.5}
#: BM25 with the constants that SQLite's FTS5 has (k1 and b of Robertson & Zaragoza 2009, "The Probabilistic Relevance
#: Framework"), and without the rarity of words: every product here has all of them, so it would tell little. FTS5's
#: own function counts the whole index for it, which takes a second for a common word among a million products.
_K1, _B = 1.2, 0.75
#: The last word may be unfinished: a word that only begins with it is worth less than the word itself.
_BEGUN = 0.5

_WORD = re.compile(r"[^\W_]+")


def ranked(products: Iterable[Product], text: str) -> list[Product]:
    """The products, best first; equals stay in their order.

    Args:
        products: each holds every word of the text, the last one perhaps only as a beginning.
        text: what was searched for.
    """
    wanted = _words(text)
    read = [(product, {name: _words(getattr(product, name)) for name in _WEIGHTS}) for product in products]
    lengths = [sum(map(len, fields.values())) for _, fields in read]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    scores = [_score(fields, wanted, length / mean) for (_, fields), length in zip(read, lengths, strict=True)]
    order = sorted(range(len(read)), key=lambda at: -scores[at])
    return [read[at][0] for at in order]


def _score(fields: dict[str, list[str]], wanted: Sequence[str], length: float) -> float:
    score = 0.0
    for place, word in enumerate(wanted):
        unfinished = place == len(wanted) - 1
        often = 0.0
        for name, words in fields.items():
            whole = words.count(word)
            begun = sum(other.startswith(word) for other in words) - whole if unfinished else 0
            often += _WEIGHTS[name] * (whole + _BEGUN * begun)
        score += often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * length))
    return score


def _words(text: str) -> list[str]:
    """The words as the full-text index has them: without accents, in lower case; characters without spaces singly."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _WORD.findall(spaced(text.casefold()))
