"""What can be said of a pair in plain words, by group of features: statements, and which way each leans."""

import math
import re
from collections.abc import Callable, Mapping

from core.catalog.product import Product, assumed_currency, comparable_prices, price_text
from core.match.attribute_wording import TITLES
from core.match.fact import Fact, compared, cut, quoted
from core.text.model_numbers import bare, codes
from core.text.vocabulary import Vocabulary

#: Letters and digits as they stand together: `16gb` is one word here, which is how people read it.
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
#: Prices that differ by less are the same price on another day.
_ALIKE, _APART = 1.15, 1.3
#: Shares of a text at or below which it reads as evidence against a match, and at or above which as evidence for one.
_SHARES = (0.4, 0.6)
#: The same of an encoder's cosine: unlike listings of one shop are seldom below a half.
_COSINES = (0.6, 0.75)
#: The same of how much more often than by chance two categories meet, as a logarithm: half, and twice as often.
_MEETINGS = (-math.log(2), math.log(2))
#: Up to this place among the whole catalogue a candidate reads as one of the best.
_NEAR = 5
#: What stands for itself in no title.
_SMALL = frozenset(["a", "an", "and", "for", "in", "of", "on", "or", "the", "to", "with", "by", "from"])


class Teller:
    """Puts pairs into words.

    Args:
        vocabulary: colours, kinds, brands.
        rarity: in how many listings a word stands.
    """

    def __init__(self, vocabulary: Vocabulary, rarity: Callable[[str], int]) -> None:
        self._vocabulary = vocabulary
        self._rarity = rarity

    def facts(self, group: str, query: Product, candidate: Product, evidence: Mapping[str, float]) -> list[Fact]:
        """Statements about a pair, the most telling first; none for a group that has no words."""
        if group in TITLES:
            return TITLES[group](self._vocabulary, query.title, candidate.title)
        if group in _PLAIN:
            return _PLAIN[group](query, candidate, evidence)
        match group:
            case "query words":
                return self._words(query, candidate, "candidate", evidence.get("query_title_found", math.nan))
            case "candidate words":
                return self._words(candidate, query, "query", evidence.get("candidate_title_found", math.nan))
            case "brand":
                return self._brand(query, candidate, evidence)
        return []

    def _words(self, own: Product, other: Product, lacking: str, found: float) -> list[Fact]:
        """Words of one title that the other listing lacks, the rarest first."""
        text = bare(f"{other.title} {other.brand} {other.model}")
        missing = [word for word in _words(own.title) if bare(word) not in text]
        missing.sort(key=self._rarity)
        owner = "query" if lacking == "candidate" else "candidate"
        facts = [Fact(f"{_percent(found)} of the {owner}'s words stand in the {lacking}", _leaning(found, _SHARES))]
        if missing:
            return [Fact(f"the {lacking} lacks {quoted(missing)}", -1), *facts]
        return [Fact(f"the {lacking} has every word of the {owner}'s title", +1), *facts]

    def _brand(self, query: Product, candidate: Product, evidence: Mapping[str, float]) -> list[Fact]:
        one, other = query.brand.strip(), candidate.brand.strip()
        said = Fact(f"brand: {cut(one) or 'field empty'} and {cut(other) or 'field empty'}")
        if one and other:
            if self._vocabulary.same_brand(one, other, store_brands=False):
                return [Fact(f"brand {cut(one)} in both", +1), said]
            names = self._vocabulary.brand(one), self._vocabulary.brand(other)
            if names[0] in names[1] or names[1] in names[0]:
                return [Fact(f"brand {cut(one)} is like {cut(other)}", +1), said]
            return [Fact(f"brand {cut(one)} against {cut(other)}", -1), said]
        for brand, owner, text in ((one, "query", candidate.title), (other, "candidate", query.title)):
            if brand and self._vocabulary.brand(brand) in bare(text):
                return [Fact(f"brand {cut(brand)} of the {owner} stands in the other title", +1), said]
            if brand and evidence.get(f"{owner}_brand_found") == 0:
                return [Fact(f"brand {cut(brand)} of the {owner} is not in the other title", -1), said]
        return [said]


def _category(query: Product, candidate: Product, evidence: Mapping[str, float]) -> list[Fact]:
    one, other = cut(query.category), cut(candidate.category)
    said = Fact(f"category: {one or 'unsaid'} and {other or 'unsaid'}")
    leans = _leaning(evidence.get("categories", math.nan), _MEETINGS)
    if not leans or (leans < 0 and one == other):
        return [said]
    return [Fact(f"categories {one} and {other} {'often' if leans > 0 else 'seldom'} go together", leans), said]


def _similarity(_: Product, __: Product, evidence: Mapping[str, float]) -> list[Fact]:
    cosine = evidence.get("cosine", math.nan)
    text = "similarity unknown" if math.isnan(cosine) else f"similarity {cosine:.2f}"
    return [Fact(text, _leaning(cosine, _COSINES))]


def _text(_: Product, __: Product, evidence: Mapping[str, float]) -> list[Fact]:
    alike = evidence.get("characters", math.nan)
    return [Fact(f"the texts are {_percent(alike)} alike", _leaning(alike, _SHARES))]


def _details(_: Product, __: Product, evidence: Mapping[str, float]) -> list[Fact]:
    alike = evidence.get("listing_words", math.nan)
    if math.isnan(alike):
        return [Fact("neither listing says more than the usual fields")]
    return [Fact(f"the whole listings are {_percent(alike)} alike", _leaning(alike, _SHARES))]


def _leaning(value: float, bounds: tuple[float, float]) -> int:
    """-1 up to the first bound, +1 from the second one on, 0 between them and where the value is unknown."""
    low, high = bounds
    return int(value >= high) - int(value <= low)


def _percent(share: float) -> str:
    return "an unknown share" if math.isnan(share) else f"{max(0.0, min(1.0, share)):.0%}"


def _words(title: str) -> list[str]:
    found = (word.lower() for word in _WORD.findall(title))
    return list(dict.fromkeys(word for word in found if word not in _SMALL and not _NUMBER.fullmatch(word)))


def _numbers(query: Product, candidate: Product, _: Mapping[str, float]) -> list[Fact]:
    found = (_NUMBER.findall(product.title) for product in (query, candidate))
    return compared("numbers", *found, told="numbers {}")


def _codes(query: Product, candidate: Product, _: Mapping[str, float]) -> list[Fact]:
    found = (codes(f"{product.title} {product.model}") for product in (query, candidate))
    return compared("codes", *found, told="code {}")


def _model_number(query: Product, candidate: Product, evidence: Mapping[str, float]) -> list[Fact]:
    one, other = query.model.strip(), candidate.model.strip()
    left, right = bare(one), bare(other)
    said = Fact(f"model number: {cut(one) or 'unsaid'} and {cut(other) or 'unsaid'}")
    if left and left == right:
        return [Fact(f"model number {cut(one)} stands in both", +1), said]
    if left and right and min(len(left), len(right)) > 2 and (left in right or right in left):
        part, whole = (one, other) if left in right else (other, one)
        return [Fact(f"model number {cut(part)} is part of {cut(whole)}", +1), said]
    if len(left) > 2 and left in bare(candidate.title):
        return [Fact(f"model number {cut(one)} stands in the candidate's title", +1), said]
    if len(right) > 2 and right in bare(query.title):
        return [Fact(f"model number {cut(other)} stands in the query's title", +1), said]
    if left and right:
        return [Fact(f"model number {cut(one)} against {cut(other)}", -1), said]
    return _one_model_number(one, other, evidence)


def _one_model_number(one: str, other: str, evidence: Mapping[str, float]) -> list[Fact]:
    """What can be said where one listing at most states a model number, and the other's title does not hold it."""
    if not one and not other:
        return [Fact("neither states a model number")]
    said = Fact(f"model number: {cut(one) or 'unsaid'} and {cut(other) or 'unsaid'}")
    owner, title = ("query", "candidate's") if one else ("candidate", "query's")
    if evidence.get(f"{owner}_model_contained") == 0:
        return [Fact(f"model number {cut(one or other)} is not in the {title} title", -1), said]
    return [said]


def _price(query: Product, candidate: Product, _: Mapping[str, float]) -> list[Fact]:
    one, other = query.price, candidate.price
    if not one or not other or one < 0 or other < 0:
        return [Fact("no price to compare")]
    if not comparable_prices(query, candidate):
        return [Fact(f"prices in two currencies, {price_text(query)} and {price_text(candidate)}")]
    currency = assumed_currency(query, candidate)
    assumed = f" ({currency} assumed)" if currency else ""
    said = Fact(f"prices {price_text(query)} and {price_text(candidate)}{assumed}")
    ratio = max(one, other) / min(one, other)
    if ratio < _ALIKE:
        return [Fact(f"about the same price{assumed}", +1), said]
    if ratio > _APART:
        return [Fact(f"price {ratio:.1f} times {'higher' if other > one else 'lower'}{assumed}", -1), said]
    return [said]


def _gtin(query: Product, candidate: Product, _: Mapping[str, float]) -> list[Fact]:
    one, other = query.gtin, candidate.gtin
    if one and one == other:
        return [Fact(f"GTIN {one} in both", +1)]
    if one and other:
        return [Fact(f"GTIN {one} against {other}", -1)]
    return [Fact("no GTIN to compare")]


def _rivals(_: Product, __: Product, evidence: Mapping[str, float]) -> list[Fact]:
    place, back = evidence.get("characters_place", math.nan), evidence.get("characters_place_back", math.nan)
    if math.isnan(place):
        return [Fact("other candidates")]
    said = Fact(f"place {place:.0f} among all candidates by wording")
    if place > 1:
        near = [Fact(f"among the {place:.0f} most alike of the whole catalogue", +1)] if place <= _NEAR else []
        return [Fact(f"{_count(place - 1, 'other candidate')} as alike or more", -1), *near, said]
    if back > 1:
        return [Fact("no other candidate is as alike", +1), Fact(f"{_count(back - 1, 'other query', 'other queries')}"
                     " as alike or more", -1), said]  # fmt: skip
    return [Fact("no other candidate is as alike", +1), said]


def _count(number: float, one: str, many: str = "") -> str:
    # Places are counted up to fifty, see core.match.evidence.neighbours.
    words = one if number == 1 else many or f"{one}s"
    return f"{number:.0f}{' or more' if number >= 50 else ''} {words} {'is' if number == 1 else 'are'}"


#: What is said of the products and the evidence alone, by group.
_PLAIN: dict[str, Callable[[Product, Product, Mapping[str, float]], list[Fact]]] = {
    "category": _category,
    "similarity": _similarity,
    "text": _text,
    "details": _details,
    "numbers": _numbers,
    "codes": _codes,
    "model number": _model_number,
    "price": _price,
    "GTIN": _gtin,
    "rivals": _rivals,
}
