"""Whether two versions of a listing are of one article, or a retailer has given its id to another one."""

import html
import re
import unicodedata

from core.catalog.product import Product
from core.text.model_numbers import bare, codes
from core.text.packs import pack_count
from core.text.quantities import Quantity, quantities, same

#: Shares of common trigrams: below the first, two texts are unrelated, even under one GTIN; below the second they are
#: of two articles; below the third, another GTIN or model number makes them two. On the demo catalogue this calls 2 of
#: 214 listings another article where the second retailer's title takes the place of the first one's, 500 of 500 where
#: a random product does, and 54 of 56 where one of the same category does.
_UNRELATED, _ANOTHER, _NEARLY_EQUAL = 0.1, 0.45, 0.9
_WORD = re.compile(r"\w+")
#: GTIN-8 to GTIN-14.
_GTIN_DIGITS = range(8, 15)


def is_different_article(before: Product, after: Product) -> bool:
    """Whether a listing changed so much that what was said of it before says nothing of it now.

    Title, brand, model number and UPC count. Price, category and other attributes do not: they change while the
    article stays. Another size, pack or model number is another article.

    Args:
        before: the listing as it was.
        after: the listing under the same id as it is.
    """
    if _identity(before) == _identity(after):
        return False
    overlap = _overlap(_words(before), _words(after))
    same_gtin = _agreement({_gtin(before.upc)}, {_gtin(after.upc)})
    if same_gtin:
        return overlap < _UNRELATED
    if overlap < _ANOTHER:
        return True
    same_model = _agreement({bare(before.model)}, {bare(after.model)})
    if same_model is None:
        same_model = _agreement(codes(before.title), codes(after.title))
    if overlap < _NEARLY_EQUAL and (same_model is False or same_gtin is False):
        return True
    if same_model is False and same_gtin is False:
        return True
    return same_model is not True and _sizes_differ(before.title, after.title)


def _identity(product: Product) -> tuple[str, ...]:
    return product.title, product.brand, product.model, product.upc


def _words(product: Product) -> frozenset[str]:
    text = html.unescape(" ".join((product.title, product.brand, product.model)))
    return frozenset(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _overlap(before: frozenset[str], after: frozenset[str]) -> float:
    """The share of the shorter text's trigrams, word by word, that the other has: 1 where only words were added."""
    first, second = _trigrams(before), _trigrams(after)
    shorter = min(len(first), len(second))
    return len(first & second) / shorter if shorter else float(first == second)


def _trigrams(words: frozenset[str]) -> set[str]:
    padded = (f" {word} " for word in words)
    return {word[start : start + 3] for word in padded for start in range(len(word) - 2)}


def _agreement(before: frozenset[str] | set[str], after: frozenset[str] | set[str]) -> bool | None:
    """Whether two sets of numbers have one in common, or one that only has a suffix more; None where one is unsaid."""
    first, second = set(filter(None, before)), set(filter(None, after))
    if not first or not second:
        return None
    return any(one.startswith(other) or other.startswith(one) for one in first for other in second)


def _gtin(text: str) -> str:
    """The digits of a GTIN without the zeros in front; empty for what is none."""
    digits = "".join(re.findall(r"\d", text))
    return digits.lstrip("0") if len(digits) in _GTIN_DIGITS and len(set(digits)) > 1 else ""


def _sizes_differ(before: str, after: str) -> bool:
    """Whether both titles state a size of one kind, or a pack, and not the same."""
    packs = pack_count(before), pack_count(after)
    if None not in packs and packs[0] != packs[1]:
        return True
    return any(_differs(kind, before, after) for kind in _dimensions(before) & _dimensions(after))


def _dimensions(title: str) -> set[str]:
    return {quantity.dimension for quantity in quantities(html.unescape(title))}


def _differs(dimension: str, before: str, after: str) -> bool:
    first, second = _of_dimension(dimension, before), _of_dimension(dimension, after)
    return not any(same(one, other) for one in first for other in second)


def _of_dimension(dimension: str, title: str) -> list[Quantity]:
    return [each for each in quantities(html.unescape(title)) if each.dimension == dimension]
