"""Why a pair has its probability: the strongest evidence for and against, in words.

The figures are the matcher's own: what each feature adds to the score, summed by concept. Features of one concept
measure the same thing in several ways, so that only their sum has a sign that means something: one weight is often
negative to make up for another. Where even the sum contradicts what can be said of the pair, such as against for texts
that are alike, it is no reason, and counts among the other features. All reasons together, the other features and what
every pair starts from are the score; a test holds them to it.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product, assumed_currency, comparable_prices, price_text
from core.catalog.store import CatalogStore
from core.matching.features.base import OTHER
from core.matching.features.builder import FEATURES
from core.matching.matcher import Matcher
from core.matching.reason import Direction, Fact, Reason, Reasons, compared, cut, quoted
from core.text.model_numbers import alphanumeric, model_codes
from core.text.packs import pack_count
from core.text.quantities import Quantity, quantities, same_quantity
from core.text.vocabulary import Vocabulary


def _colours(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    return compared("colour", vocabulary.colours(one), vocabulary.colours(other))


def _kinds(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    return compared("kind of part", vocabulary.kinds(one), vocabulary.kinds(other))


def _generations(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    found = vocabulary.generations(one), vocabulary.generations(other)
    return compared("generation", *found, told="generation {}")


def _quantities(_: Vocabulary, one: str, other: str) -> list[Fact]:
    left, right = quantities(one), quantities(other)
    equal = [(a, b) for a in left for b in right if same_quantity(a, b)]
    matched = {quantity for pair in equal for quantity in pair}
    facts = []
    if equal:
        facts.append(Fact(f"{_spelled(*equal[0])} in both", +1))
    for a in left:
        b = next((b for b in right if b.dimension == a.dimension), None)
        if b is None:
            facts.append(Fact(f"{cut(a.text)} only in the query", -1))
        elif not any(same_quantity(x, y) for x in left for y in right if x.dimension == a.dimension):
            # A conflict says more than something that one side leaves out.
            facts.insert(len(facts[:1]) if equal else 0, Fact(f"{cut(a.text)} against {cut(b.text)}", -1))
    dimensions = {quantity.dimension for quantity in left}
    facts += [
        Fact(f"{cut(b.text)} only in the candidate", -1)
        for b in right
        if b not in matched and b.dimension not in dimensions
    ]
    if not left and not right:
        return [Fact("neither title states a size or amount")]
    return [*facts, Fact(f"amounts: {_texts(left)} and {_texts(right)}")]


def _spelled(one: Quantity, other: Quantity) -> str:
    """`16 GB`, or `4.1oz (116 g)` where the two write it differently."""
    if one.text.lower().replace(" ", "") == other.text.lower().replace(" ", ""):
        return cut(one.text)
    return f"{cut(one.text)} ({cut(other.text)})"


def _texts(found: tuple[Quantity, ...]) -> str:
    return ", ".join(cut(quantity.text) for quantity in found[:3]) or "unsaid"


def _pack(_: Vocabulary, one: str, other: str) -> list[Fact]:
    left, right = pack_count(one), pack_count(other)
    if left is None and right is None:
        return [Fact("neither title states a number of items")]
    if left is not None and left == right:
        return [Fact(f"pack of {left} in both", +1), Fact(f"pack of {left}")]
    told = [f"pack of {count}" if count else "unsaid" for count in (left, right)]
    if (left or 1) == (right or 1):
        return [Fact(f"number of items: {told[0]} and {told[1]}")]
    return [Fact(f"{told[0] if left else 'no pack'} against {told[1] if right else 'no pack'}", -1),
            Fact(f"number of items: {told[0]} and {told[1]}")]  # fmt: skip


def _condition(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    left, right = vocabulary.condition(one), vocabulary.condition(other)
    facts = []
    if left and right:
        facts.append(Fact(f"condition {left} in both", +1) if left == right else Fact(f"{left} against {right}", -1))
    elif left or right:
        facts.append(Fact(f"{left or right} only in the {'query' if left else 'candidate'}", -1))
    fits = [vocabulary.compatible(title) for title in (one, other)]
    if fits[0] != fits[1]:
        side = "query" if fits[0] else "candidate"
        facts.append(Fact(f"only the {side} fits or replaces another maker's product", -1))
    stated = f"{left or 'not stated'} and {right or 'not stated'}" if left or right else "not stated in either title"
    return [*facts, Fact(f"condition: {stated}")]


#: What is said of two titles, by group, the most telling first.
TITLES: dict[str, Callable[[Vocabulary, str, str], list[Fact]]] = {
    "quantities": _quantities,
    "pack": _pack,
    "colour": _colours,
    "kind": _kinds,
    "generation": _generations,
    "condition": _condition,
}


#: Letters and digits as they stand together: `16gb` is one word here, which is how people read it.
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
        text = alphanumeric(f"{other.title} {other.brand} {other.model}")
        missing = [word for word in _words(own.title) if alphanumeric(word) not in text]
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
            if brand and self._vocabulary.brand(brand) in alphanumeric(text):
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
    found = (model_codes(f"{product.title} {product.model}") for product in (query, candidate))
    return compared("codes", *found, told="code {}")


def _model_number(query: Product, candidate: Product, evidence: Mapping[str, float]) -> list[Fact]:
    one, other = query.model.strip(), candidate.model.strip()
    left, right = alphanumeric(one), alphanumeric(other)
    said = Fact(f"model number: {cut(one) or 'unsaid'} and {cut(other) or 'unsaid'}")
    if left and left == right:
        return [Fact(f"model number {cut(one)} stands in both", +1), said]
    if left and right and min(len(left), len(right)) > 2 and (left in right or right in left):
        part, whole = (one, other) if left in right else (other, one)
        return [Fact(f"model number {cut(part)} is part of {cut(whole)}", +1), said]
    if len(left) > 2 and left in alphanumeric(candidate.title):
        return [Fact(f"model number {cut(one)} stands in the candidate's title", +1), said]
    if len(right) > 2 and right in alphanumeric(query.title):
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
    # Places are counted up to fifty, see core.matching.features.neighbours.
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


#: How many reasons are told either way.
MOST = 3
#: Log-odds below which a reason is not worth the reading: it moves a probability by less than two hundredths.
_LEAST = 0.05

#: Names that evidence of the competition has, whichever likeness it goes by.
_RIVAL = re.compile(r"_(lead|place)(_back)?$")
_GROUPS = {feature.name: feature.group for feature in FEATURES}
#: Groups that measure what another group measures, by the concept of both; every other group is a concept of its own.
_CONCEPTS = {
    "similarity": "text",
    "details": "text",
    "query words": "text",
    "candidate words": "text",
    "codes": "model number",
}


class Explainer:
    """Tells the reasons of one matcher's probabilities.

    Args:
        matcher: whose contributions are told.
        vocabulary: colours, kinds, brands, as the evidence knows them.
        rarity: in how many listings a word stands; what is rare says most.
    """

    def __init__(self, matcher: Matcher, vocabulary: Vocabulary, rarity: Callable[[str], int]) -> None:
        self._matcher = matcher
        self._teller = Teller(vocabulary, rarity)

    def reasons(self, query: Product, candidate: Product, evidence: NDArray[np.float32]) -> Reasons:
        """The reasons for and against one pair; `evidence` is its row, shape (features,)."""
        return self.of_each([(query, candidate)], evidence[None, :])[0]

    def of_each(self, pairs: Sequence[tuple[Product, Product]], evidence: NDArray[np.float32]) -> list[Reasons]:
        """The reasons for and against each of n pairs; `evidence` is theirs, shape (n, features)."""
        contributions = self._matcher.contributions(evidence)
        return [
            self._told(query, candidate, row, parts)
            for (query, candidate), row, parts in zip(pairs, evidence, contributions, strict=True)
        ]

    def _told(
        self, query: Product, candidate: Product, evidence: NDArray[np.float32], parts: NDArray[np.float64]
    ) -> Reasons:
        known = dict(zip(self._matcher.features, map(float, evidence), strict=True))
        told = []
        for concept, groups in by_concept(by_group(self._matcher.features, parts)).items():
            total = sum(groups.values())
            if abs(total) >= _LEAST and (text := self._worded(query, candidate, known, groups, total)):
                told.append(Reason(concept, text, total))
        told.sort(key=lambda reason: -abs(reason.contribution))
        pros = tuple(reason for reason in told if reason.direction is Direction.FOR)[:MOST]
        cons = tuple(reason for reason in told if reason.direction is Direction.AGAINST)[:MOST]
        score, start = float(parts.sum()), float(parts[-1])
        return Reasons(pros, cons, score, start, score - start - sum(r.contribution for r in (*pros, *cons)))

    def _worded(
        self, query: Product, candidate: Product, known: Mapping[str, float], groups: Mapping[str, float], total: float
    ) -> str:
        """What can be said of a concept that leans the way of its total, of the group that adds most to it.

        Empty where all that can be said leans the other way or nowhere.
        """
        way = 1 if total > 0 else -1
        for group in sorted(groups, key=lambda name: -way * groups[name]):
            if way * groups[group] <= 0:
                break
            for fact in self._teller.facts(group, query, candidate, known):
                if fact.leans == way:
                    return fact.text
        return ""


def by_group(features: Sequence[str], contributions: NDArray[np.float64]) -> dict[str, float]:
    """What each group of features adds to a pair's score; the last of `contributions` belongs to no feature."""
    sums: dict[str, float] = {}
    for name, value in zip(features, contributions, strict=False):
        group = _GROUPS.get(name) or ("rivals" if _RIVAL.search(name) else OTHER)
        sums[group] = sums.get(group, 0.0) + float(value)
    return sums


def by_concept(groups: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The same by concept; features that are no reason by themselves are left out."""
    concepts: dict[str, dict[str, float]] = {}
    for group, value in groups.items():
        if group != OTHER:
            concepts.setdefault(_CONCEPTS.get(group, group), {})[group] = value
    return concepts


#: As many listings as tell the rare from the common.
_MOST = 200_000
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")


def document_frequency(catalog: CatalogStore) -> Callable[[str], int]:
    """Counts listings with a word in the title; read once, when it is first asked."""
    counts: dict[str, int] = {}

    def count(word: str) -> int:
        if not counts:
            counts.update(_counted(product.title for product in catalog.iter()))
        return counts.get(word, 0)

    return count


def _counted(titles: Iterable[str]) -> dict[str, int]:
    counts = {"": 0}
    for number, title in enumerate(titles):
        if number >= _MOST:
            break
        for word in {word.lower() for word in _WORD.findall(title)}:
            counts[word] = counts.get(word, 0) + 1
    return counts
