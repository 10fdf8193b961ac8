"""Explanations: why a pair has its score, as the strongest reasons for and against a match.

The figures are the matcher's own feature contributions, summed by concept. Features of one concept measure the same
property in several ways, so only their sum has a meaningful sign: one weight is often negative to correct another.
A concept whose sum contradicts every fact about the pair, such as a negative sum for similar texts, is not shown and
counts among the other features. Reasons, other features and baseline add up to the score.

The words come from facts about the two listings. Titles are parsed by the class that the features use
(`TitleAttributes`); shares, similarities and ranks are the feature values themselves.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product, assumed_currency, comparable_prices, without_escape_sequences
from core.catalog.store import CatalogStore
from core.matching.features.attributes import TitleAttributes
from core.matching.features.base import LONGEST, OTHER
from core.matching.features.builder import FEATURES
from core.matching.features.neighbours import MAX_RANK
from core.matching.labelled_texts import PairTexts
from core.matching.matcher import Matcher
from core.matching.reason import Direction, Fact, Reason, Reasons, compare_sets, quote_words, shorten
from core.retrieval.index_run import lexical_texts
from core.text.boilerplate import Boilerplate
from core.text.escapes import without_escapes
from core.text.model_numbers import alphanumeric, model_codes
from core.text.quantities import Quantity, same_quantity
from core.text.vocabulary import Vocabulary
from core.text.word_forms import WordForms, left_over

#: Reasons shown for each direction.
MAX_REASONS = 3
#: Words of each title in one statement about both.
_MAX_LEFT = 2
#: Log-odds below which a reason is not shown: it moves a probability by less than 0.02.
_MIN_CONTRIBUTION = 0.05

#: Names of neighbour features, for any similarity.
_NEIGHBOUR_FEATURE = re.compile(r"_(lead|place)(_back)?$")
_GROUPS = {feature.name: feature.group for feature in FEATURES}
#: Groups that measure what another group measures, with their common concept; all others are concepts themselves.
_CONCEPTS = {
    "similarity": "text",
    "details": "text",
    "query words": "text",
    "candidate words": "text",
    "differences": "text",
    "codes": "model number",
}

#: Feature values of one pair, by feature name; NaN where unknown.
FeatureValues = Mapping[str, float]


class Explainer:
    """Explains the scores of one matcher.

    Args:
        matcher: gives the contributions.
        vocabulary: colours, part types, brands, as the features use them.
        frequency: number of listings that contain a word; the rarest words are named first.
    """

    def __init__(self, matcher: Matcher, vocabulary: Vocabulary, frequency: Callable[[str], int]) -> None:
        self._matcher = matcher
        self._describer = PairDescriber(vocabulary, frequency)

    def explain(self, query: Product, candidate: Product, vector: NDArray[np.float32]) -> Reasons:
        """The reasons of one pair, from its feature vector of shape (features,)."""
        return self.explain_many([(query, candidate)], vector[None, :])[0]

    def explain_many(self, pairs: Sequence[tuple[Product, Product]], vectors: NDArray[np.float32]) -> list[Reasons]:
        """The reasons of each of n pairs, from their feature vectors of shape (n, features)."""
        contributions = self._matcher.contributions(vectors)
        known = self._known_matches(pairs, contributions.sum(axis=1))
        return [
            self._explain(query, candidate, vector, parts, reason)
            for (query, candidate), vector, parts, reason in zip(pairs, vectors, contributions, known, strict=True)
        ]

    def _known_matches(
        self, pairs: Sequence[tuple[Product, Product]], scores: NDArray[np.float64]
    ) -> list[Reason | None]:
        """What the labels of other pairs add to the score of each pair; None where there are none."""
        if self._matcher.known is None:
            return [None] * len(pairs)
        sides = ([without_escape_sequences(pair[side]) for pair in pairs] for side in (0, 1))
        texts = PairTexts(*map(lexical_texts, sides))
        comparisons = self._matcher.known.listings.compare(texts)
        corrections = self._matcher.known.corrected(scores, comparisons) - scores
        match, non_match = map(_highest, (comparisons.match, comparisons.non_match))
        return [
            Reason("known matches", _known_match_fact(*each), each[-1]) if each[-1] else None
            for each in zip(match, non_match, corrections.tolist(), strict=True)
        ]

    def _explain(
        self,
        query: Product,
        candidate: Product,
        vector: NDArray[np.float32],
        contributions: NDArray[np.float64],
        known: Reason | None,
    ) -> Reasons:
        values = dict(zip(self._matcher.features, map(float, vector), strict=True))
        found = [] if known is None or abs(known.contribution) < _MIN_CONTRIBUTION else [known]
        score = float(contributions.sum()) + (0.0 if known is None else known.contribution)
        for concept, groups in by_concept(by_group(self._matcher.features, contributions)).items():
            total = sum(groups.values())
            if abs(total) >= _MIN_CONTRIBUTION and (text := self._text(query, candidate, values, groups, total)):
                found.append(Reason(concept, text, total))
        found.sort(key=lambda reason: -abs(reason.contribution))
        pros = tuple(reason for reason in found if reason.direction is Direction.FOR)[:MAX_REASONS]
        cons = tuple(reason for reason in found if reason.direction is Direction.AGAINST)[:MAX_REASONS]
        baseline = float(contributions[-1])
        other = score - baseline - sum(reason.contribution for reason in (*pros, *cons))
        return Reasons(pros, cons, score, baseline, other)

    def _text(
        self, query: Product, candidate: Product, values: FeatureValues, groups: Mapping[str, float], total: float
    ) -> str:
        """The first fact that agrees with the sign of a concept's total, from the group that adds most to it.

        Empty where no fact agrees.
        """
        sign = 1 if total > 0 else -1
        for group in sorted(groups, key=lambda name: -sign * groups[name]):
            if sign * groups[group] <= 0:
                break
            for fact in self._describer.facts(group, query, candidate, values):
                if fact.sign == sign:
                    return fact.text
        return ""


def _highest(log_odds: NDArray[np.float64]) -> list[float]:
    """The highest value of each row of (n, 2); minus infinity where both are NaN."""
    found: list[float] = np.where(np.isnan(log_odds), -np.inf, log_odds).max(axis=1).tolist()
    return found


def _known_match_fact(match: float, non_match: float, total: float) -> str:
    """What the labels of other pairs say.

    Args:
        match: log-odds to be one product with a known match; minus infinity, if only known non-matches read alike.
        non_match: with a known non-match; minus infinity without.
        total: what they add to the score.
    """
    has_match = math.isfinite(match)
    if total < 0:
        is_near = not has_match or non_match > max(match, 0.0)
        return (
            f"{'a known non-match of one reads like' if is_near else 'the known matches of one read unlike'} the other"
        )
    return (
        f"{'a known match of one reads like' if has_match else 'the known non-matches of one read less like'} the other"
    )


def by_group(features: Sequence[str], contributions: NDArray[np.float64]) -> dict[str, float]:
    """The contributions summed by feature group; the last one, which belongs to no feature, is ignored."""
    sums: dict[str, float] = {}
    for name, value in zip(features, contributions, strict=False):
        group = _GROUPS.get(name) or ("rivals" if _NEIGHBOUR_FEATURE.search(name) else OTHER)
        sums[group] = sums.get(group, 0.0) + float(value)
    return sums


def by_concept(groups: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Group sums by concept, without the features that never explain a score."""
    concepts: dict[str, dict[str, float]] = {}
    for group, value in groups.items():
        if group != OTHER:
            concepts.setdefault(_CONCEPTS.get(group, group), {})[group] = value
    return concepts


class PairDescriber:
    """States facts about pairs of listings, by feature group.

    Args:
        vocabulary: colours, part types, brands.
        frequency: number of listings that contain a word.
    """

    def __init__(self, vocabulary: Vocabulary, frequency: Callable[[str], int]) -> None:
        self._vocabulary = vocabulary
        self._frequency = frequency
        self._boilerplate = Boilerplate(vocabulary.boilerplate)
        self._forms = WordForms(vocabulary)
        self._word_facts: dict[str, Callable[[Product, Product, FeatureValues], Iterable[Fact]]] = {
            "query words": self._query_words,
            "candidate words": self._candidate_words,
            "differences": self._differences,
            "brand": self._brand,
        }

    def facts(self, group: str, query: Product, candidate: Product, values: FeatureValues) -> list[Fact]:
        """The facts that support a match or speak against one, the most telling first."""
        query, candidate = without_escape_sequences(query), without_escape_sequences(candidate)
        return [fact for fact in self._facts(group, query, candidate, values) if fact.sign]

    def _facts(self, group: str, query: Product, candidate: Product, values: FeatureValues) -> Iterable[Fact]:
        if group in TITLE_FACTS:
            titles = (TitleAttributes(product.title, self._vocabulary) for product in (query, candidate))
            return TITLE_FACTS[group](*titles)
        read = self._word_facts.get(group) or _LISTING_FACTS.get(group)
        return read(query, candidate, values) if read else []

    def _query_words(self, query: Product, candidate: Product, values: FeatureValues) -> list[Fact]:
        return self._words(query, candidate, "query", "candidate", values)

    def _candidate_words(self, query: Product, candidate: Product, values: FeatureValues) -> list[Fact]:
        return self._words(candidate, query, "candidate", "query", values)

    def _differences(self, query: Product, candidate: Product, _: FeatureValues) -> Iterator[Fact]:
        """The rarest words of each title that the other lacks in any form, side by side."""
        left = self._left_over(query, candidate), self._left_over(candidate, query)
        if all(left):
            yield Fact(f"{quote_words(left[0][:_MAX_LEFT])} against {quote_words(left[1][:_MAX_LEFT])}", -1)
        elif not any(left):
            yield Fact("each title has every word of the other", +1)
        else:
            words, lacking = (left[0], "candidate") if left[0] else (left[1], "query")
            yield Fact(f"the {lacking} lacks {quote_words(words)}", -1)
            yield Fact("one title has every word of the other", +1)

    def _left_over(self, own: Product, other: Product) -> list[str]:
        words = self._forms.words(self._boilerplate.clean(own.title)[:LONGEST])
        forms = self._forms.forms(f"{other.title} {other.brand} {other.model}"[:LONGEST])
        return sorted(left_over(words, forms), key=self._frequency)

    def _words(self, own: Product, other: Product, owner: str, lacking: str, values: FeatureValues) -> list[Fact]:
        """Words of one title that the other listing lacks, the rarest first; and the share that it contains."""
        text = alphanumeric(f"{other.title} {other.brand} {other.model}")
        missing = sorted(
            (word for word in _title_words(self._boilerplate.clean(own.title)) if alphanumeric(word) not in text),
            key=self._frequency,
        )
        share = values.get(f"{owner}_title_found", math.nan)
        return [
            Fact(f"the {lacking} lacks {quote_words(missing)}", -1)
            if missing
            else Fact(f"the {lacking} has every word of the {owner}'s title", +1),
            Fact(f"{_percent(share)} of the {owner}'s words stand in the {lacking}", _sign(share, _SHARES)),
        ]

    def _brand(self, query: Product, candidate: Product, values: FeatureValues) -> Iterator[Fact]:
        one, other = query.brand.strip(), candidate.brand.strip()
        if one and other:
            yield self._two_brands(one, other)
            return
        for brand, owner, text in ((one, "query", candidate.title), (other, "candidate", query.title)):
            if brand and self._vocabulary.brand(brand) in alphanumeric(text):
                yield Fact(f"brand {shorten(brand)} of the {owner} stands in the other title", +1)
                return
            if brand and values.get(f"{owner}_brand_found") == 0:
                yield Fact(f"brand {shorten(brand)} of the {owner} is not in the other title", -1)
                return

    def _two_brands(self, one: str, other: str) -> Fact:
        if self._vocabulary.same_brand(one, other, store_brands=False):
            return Fact(f"brand {shorten(one)} in both", +1)
        names = self._vocabulary.brand(one), self._vocabulary.brand(other)
        if names[0] in names[1] or names[1] in names[0]:
            return Fact(f"brand {shorten(one)} is like {shorten(other)}", +1)
        return Fact(f"brand {shorten(one)} against {shorten(other)}", -1)


# -- facts from titles -------------------------------------------------------------------------------------------


def _colours(query: TitleAttributes, candidate: TitleAttributes) -> list[Fact]:
    return compare_sets(query.colours, candidate.colours)


def _audiences(query: TitleAttributes, candidate: TitleAttributes) -> list[Fact]:
    return compare_sets(query.audiences, candidate.audiences, "for {}")


def _kinds(query: TitleAttributes, candidate: TitleAttributes) -> list[Fact]:
    return compare_sets(query.kinds, candidate.kinds)


def _generations(query: TitleAttributes, candidate: TitleAttributes) -> list[Fact]:
    return compare_sets(query.generations, candidate.generations, "generation {}")


def _quantities(query: TitleAttributes, candidate: TitleAttributes) -> list[Fact]:
    """An equal quantity first, then conflicts, which say more than quantities that only one side states."""
    left, right = query.quantities, candidate.quantities
    equal = [(a, b) for a in left for b in right if same_quantity(a, b)]
    agreed = {a.dimension for a, _ in equal}
    conflicts, one_sided = [], []
    for a in left:
        b = next((b for b in right if b.dimension == a.dimension), None)
        if b is None:
            one_sided.append(Fact(f"{shorten(a.text)} only in the query", -1))
        elif a.dimension not in agreed:
            conflicts.append(Fact(f"{shorten(a.text)} against {shorten(b.text)}", -1))
    stated = {a.dimension for a in left}
    one_sided += [Fact(f"{shorten(b.text)} only in the candidate", -1) for b in right if b.dimension not in stated]
    return [*(Fact(f"{_both_spellings(*pair)} in both", +1) for pair in equal[:1]), *reversed(conflicts), *one_sided]


def _both_spellings(one: Quantity, other: Quantity) -> str:
    """`16 GB`, or `4.1oz (116 g)` where the titles spell it differently."""
    if one.text.lower().replace(" ", "") == other.text.lower().replace(" ", ""):
        return shorten(one.text)
    return f"{shorten(one.text)} ({shorten(other.text)})"


def _pack(query: TitleAttributes, candidate: TitleAttributes) -> list[Fact]:
    left, right = query.pack, candidate.pack
    if left is not None and left == right:
        return [Fact(f"pack of {left} in both", +1)]
    if (left or 1) == (right or 1):
        return []
    names = [f"pack of {count}" if count else "no pack" for count in (left, right)]
    return [Fact(f"{names[0]} against {names[1]}", -1)]


def _condition(query: TitleAttributes, candidate: TitleAttributes) -> Iterator[Fact]:
    left, right = query.condition, candidate.condition
    if left and right:
        yield Fact(f"condition {left} in both", +1) if left == right else Fact(f"{left} against {right}", -1)
    elif left or right:
        yield Fact(f"{left or right} only in the {'query' if left else 'candidate'}", -1)
    if query.compatible != candidate.compatible:
        side = "query" if query.compatible else "candidate"
        yield Fact(f"only the {side} fits or replaces another maker's product", -1)


#: Facts from the two titles alone, by feature group, the most telling group first.
TITLE_FACTS: dict[str, Callable[[TitleAttributes, TitleAttributes], Iterable[Fact]]] = {
    "quantities": _quantities,
    "pack": _pack,
    "colour": _colours,
    "audience": _audiences,
    "kind": _kinds,
    "generation": _generations,
    "condition": _condition,
}


# -- facts from listings and feature values -----------------------------------------------------------------------

#: Price ratios below which prices count as the same on another day, and above which they differ.
_SAME_PRICE_RATIO, _OTHER_PRICE_RATIO = 1.15, 1.3
#: Shares of a text up to which they speak against a match, and from which they support one.
_SHARES = (0.4, 0.6)
#: The same of an encoder's cosine: different listings of one shop are seldom below 0.5.
_COSINES = (0.6, 0.75)
#: The same of the pointwise mutual information of two categories: half, and twice as often as by chance.
_CATEGORY_PMI = (-math.log(2), math.log(2))
#: Rank among the whole catalogue up to which a candidate counts as one of the best.
_TOP_RANK = 5
#: Characters of a model number from which its occurrence in a title counts.
_MIN_MODEL_LENGTH = 3
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _sign(value: float, bounds: tuple[float, float]) -> int:
    """-1 up to the first bound, +1 from the second one, 0 between them and where the value is unknown."""
    low, high = bounds
    return int(value >= high) - int(value <= low)


def _percent(share: float) -> str:
    return "an unknown share" if math.isnan(share) else f"{max(0.0, min(1.0, share)):.0%}"


def _category(query: Product, candidate: Product, values: FeatureValues) -> list[Fact]:
    one, other = shorten(query.category), shorten(candidate.category)
    sign = _sign(values.get("categories", math.nan), _CATEGORY_PMI)
    if sign < 0 and one == other:
        return []
    return [Fact(f"categories {one} and {other} {'often' if sign > 0 else 'seldom'} go together", sign)]


def _similarity(_: Product, __: Product, values: FeatureValues) -> list[Fact]:
    cosine = values.get("cosine", math.nan)
    return [Fact(f"similarity {cosine:.2f}", _sign(cosine, _COSINES))]


def _text_similarity(_: Product, __: Product, values: FeatureValues) -> list[Fact]:
    share = values.get("characters", math.nan)
    return [Fact(f"the texts are {_percent(share)} alike", _sign(share, _SHARES))]


def _listing_similarity(_: Product, __: Product, values: FeatureValues) -> list[Fact]:
    share = values.get("listing_words", math.nan)
    return [Fact(f"the whole listings are {_percent(share)} alike", _sign(share, _SHARES))]


def _numbers(query: Product, candidate: Product, _: FeatureValues) -> list[Fact]:
    return compare_sets(_NUMBER.findall(query.title), _NUMBER.findall(candidate.title), "numbers {}")


def _codes(query: Product, candidate: Product, _: FeatureValues) -> list[Fact]:
    left, right = (model_codes(f"{product.title} {product.model}") for product in (query, candidate))
    return compare_sets(left, right, "code {}")


def _model_number(query: Product, candidate: Product, values: FeatureValues) -> list[Fact]:
    one, other = query.model.strip(), candidate.model.strip()
    left, right = alphanumeric(one), alphanumeric(other)
    if left and left == right:
        return [Fact(f"model number {shorten(one)} stands in both", +1)]
    if min(len(left), len(right)) >= _MIN_MODEL_LENGTH and (left in right or right in left):
        part, whole = (one, other) if left in right else (other, one)
        return [Fact(f"model number {shorten(part)} is part of {shorten(whole)}", +1)]
    if len(left) >= _MIN_MODEL_LENGTH and left in alphanumeric(candidate.title):
        return [Fact(f"model number {shorten(one)} stands in the candidate's title", +1)]
    if len(right) >= _MIN_MODEL_LENGTH and right in alphanumeric(query.title):
        return [Fact(f"model number {shorten(other)} stands in the query's title", +1)]
    if left and right:
        return [Fact(f"model number {shorten(one)} against {shorten(other)}", -1)]
    return _single_model_number(one, other, values)


def _single_model_number(one: str, other: str, values: FeatureValues) -> list[Fact]:
    """Where at most one listing has a model number, and the other title does not contain it."""
    owner, title = ("query", "candidate's") if one else ("candidate", "query's")
    if (one or other) and values.get(f"{owner}_model_contained") == 0:
        return [Fact(f"model number {shorten(one or other)} is not in the {title} title", -1)]
    return []


def _price(query: Product, candidate: Product, _: FeatureValues) -> list[Fact]:
    one, other = query.price, candidate.price
    if not one or not other or one < 0 or other < 0 or not comparable_prices(query, candidate):
        return []
    currency = assumed_currency(query, candidate)
    assumed = f" ({currency} assumed)" if currency else ""
    ratio = max(one, other) / min(one, other)
    if ratio < _SAME_PRICE_RATIO:
        return [Fact(f"about the same price{assumed}", +1)]
    if ratio > _OTHER_PRICE_RATIO:
        return [Fact(f"price {ratio:.1f} times {'higher' if other > one else 'lower'}{assumed}", -1)]
    return []


def _gtin(query: Product, candidate: Product, _: FeatureValues) -> list[Fact]:
    one, other = query.gtin, candidate.gtin
    if not one or not other:
        return []
    return [Fact(f"GTIN {one} in both", +1) if one == other else Fact(f"GTIN {one} against {other}", -1)]


def _neighbours(_: Product, __: Product, values: FeatureValues) -> Iterator[Fact]:
    rank, rank_back = values.get("characters_place", math.nan), values.get("characters_place_back", math.nan)
    if rank > 1:
        yield Fact(f"{_others(rank - 1, 'product', 'products')} an equal or higher lexical similarity", -1)
        if rank <= _TOP_RANK:
            yield Fact(f"rank {rank:.0f} of the whole catalogue by lexical similarity", +1)
    elif not math.isnan(rank):
        yield Fact("highest lexical similarity of the whole catalogue", +1)
        if rank_back > 1:
            yield Fact(f"{_others(rank_back - 1, 'query', 'queries')} an equal or higher lexical similarity", -1)


def _others(number: float, one: str, many: str) -> str:
    """`1 other query has`, `7 other queries have`; ranks are counted up to `MAX_RANK`."""
    count = f"{number:.0f}{' or more' if number >= MAX_RANK else ''}"
    return f"{count} other {one} has" if number == 1 else f"{count} other {many} have"


#: Facts from the listings and the feature values, by feature group.
_LISTING_FACTS: dict[str, Callable[[Product, Product, FeatureValues], Iterable[Fact]]] = {
    "category": _category,
    "similarity": _similarity,
    "text": _text_similarity,
    "details": _listing_similarity,
    "numbers": _numbers,
    "codes": _codes,
    "model number": _model_number,
    "price": _price,
    "GTIN": _gtin,
    "rivals": _neighbours,
}


# -- words --------------------------------------------------------------------------------------------------------

#: Listings from which word frequencies are counted: enough to tell rare from common words.
_MAX_LISTINGS = 200_000
#: Letters and digits together: `16gb` is one word here, as people read it.
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")
_STOP_WORDS = frozenset(["a", "an", "and", "for", "in", "of", "on", "or", "the", "to", "with", "by", "from"])


def _title_words(title: str) -> list[str]:
    """The distinct words of a title in lower case, in order, without numbers and stop words."""
    found = (word.lower() for word in _WORD.findall(title))
    return list(dict.fromkeys(word for word in found if word not in _STOP_WORDS and not _NUMBER.fullmatch(word)))


def document_frequency(catalog: CatalogStore) -> Callable[[str], int]:
    """A function from a word to the number of listings with it in the title; it reads the catalogue on first use."""
    counts: dict[str, int] = {}

    def count(word: str) -> int:
        if not counts:
            counts.update(_word_counts(without_escapes(product.title) for product in catalog.iter()))
        return counts.get(word, 0)

    return count


def _word_counts(titles: Iterable[str]) -> dict[str, int]:
    counts = {"": 0}
    for number, title in enumerate(titles):
        if number >= _MAX_LISTINGS:
            break
        for word in {word.lower() for word in _WORD.findall(title)}:
            counts[word] = counts.get(word, 0) + 1
    return counts
