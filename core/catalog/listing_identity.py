"""Detection of reused ids: whether two versions of a listing describe the same article."""

import html
import re
import unicodedata

from core.catalog.product import Product
from core.text.model_numbers import alphanumeric, model_codes
from core.text.packs import pack_count
from core.text.quantities import Quantity, quantities, same_quantity

#: Thresholds of the share of common trigrams. Below the first, two texts are of different articles even with the same
#: GTIN; below the second, always without one; below the third, if GTIN or model number differ. On the demo catalogue,
#: 2 of 214 listings count as another article if the title is replaced by the other retailer's title of the same item,
#: 500 of 500 if by a random product's, and 54 of 56 if by that of a product of the same category.
_UNRELATED, _DIFFERENT, _NEARLY_EQUAL = 0.1, 0.45, 0.9
_WORD = re.compile(r"\w+")
#: GTIN-8 to GTIN-14.
_GTIN_DIGITS = range(8, 15)


def is_different_article(before: Product, after: Product) -> bool:
    """Whether a listing now describes another article, so that earlier labels are void.

    Compares title, brand, model number and UPC. Price, category and other attributes may change for the same article.
    Another size, pack or model number is another article.

    Args:
        before: the earlier version of the listing.
        after: the present version, with the same id.
    """
    if _identity(before) == _identity(after):
        return False
    overlap = _overlap(_words(before), _words(after))
    same_gtin = _agreement({_gtin(before.upc)}, {_gtin(after.upc)})
    if same_gtin:
        return overlap < _UNRELATED
    if overlap < _DIFFERENT:
        return True
    same_model = _agreement({alphanumeric(before.model)}, {alphanumeric(after.model)})
    if same_model is None:
        same_model = _agreement(model_codes(before.title), model_codes(after.title))
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
    """The share of the shorter text's word trigrams that the other has: 1 if words were only added."""
    first, second = _trigrams(before), _trigrams(after)
    shorter = min(len(first), len(second))
    return len(first & second) / shorter if shorter else float(first == second)


def _trigrams(words: frozenset[str]) -> set[str]:
    padded = (f" {word} " for word in words)
    return {word[start : start + 3] for word in padded for start in range(len(word) - 2)}


def _agreement(before: frozenset[str] | set[str], after: frozenset[str] | set[str]) -> bool | None:
    """Whether two sets have a number in common, possibly with a suffix; None if either set is empty."""
    first, second = set(filter(None, before)), set(filter(None, after))
    if not first or not second:
        return None
    return any(one.startswith(other) or other.startswith(one) for one in first for other in second)


def _gtin(text: str) -> str:
    """The digits of a GTIN without leading zeros; empty if the text is not one."""
    digits = "".join(re.findall(r"\d", text))
    return digits.lstrip("0") if len(digits) in _GTIN_DIGITS and len(set(digits)) > 1 else ""


def _sizes_differ(before: str, after: str) -> bool:
    """Whether both titles state a pack size, or quantities of one dimension, that differ."""
    packs = pack_count(before), pack_count(after)
    if None not in packs and packs[0] != packs[1]:
        return True
    return any(_quantities_differ(kind, before, after) for kind in _dimensions(before) & _dimensions(after))


def _dimensions(title: str) -> set[str]:
    return {quantity.dimension for quantity in quantities(html.unescape(title))}


def _quantities_differ(dimension: str, before: str, after: str) -> bool:
    first, second = _of_dimension(dimension, before), _of_dimension(dimension, after)
    return not any(same_quantity(one, other) for one in first for other in second)


def _of_dimension(dimension: str, title: str) -> list[Quantity]:
    return [each for each in quantities(html.unescape(title)) if each.dimension == dimension]
