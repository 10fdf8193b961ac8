"""Explanations: contributions, and the facts that put them into words."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from core.catalog.product import Product
from core.matching.bands import Cuts
from core.matching.calibration import BetaCalibration
from core.matching.explain import Explainer, PairDescriber, by_concept, by_group
from core.matching.features.base import OTHER
from core.matching.features.builder import FEATURES, FeatureBuilder
from core.matching.learners import Blend, Learner, fit_boosted, fit_linear, fit_stacked, scale_of
from core.matching.matcher import Matcher
from core.matching.prior import CosinePrior
from core.matching.reason import Direction, Reasons, compare_sets
from core.stats.wilson import wilson
from core.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.load()
NAMES = tuple(feature.name for feature in FEATURES)


def product(title: str, brand: str = "", model: str = "", price: float | None = None, *, source: str = "a") -> Product:
    return Product(source, title[:8], title, brand, model=model, price=price)


def data(features: int = len(NAMES)) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, features)).astype(np.float32)
    labels = vectors[:, 0] + vectors[:, 3] > 0.8
    vectors[rng.random(vectors.shape) < 0.1] = np.nan
    return vectors, labels


def learners() -> dict[str, Learner]:
    vectors, labels = data()
    weights = np.ones(len(labels))
    linear = fit_linear(vectors, labels, weights, scale_of(vectors))
    boosted = fit_boosted(vectors, labels, weights, seed=1, boosters=2, trees=20)
    stacked = fit_stacked(vectors, labels, weights, linear, seed=1, boosters=2)
    blend = Blend((linear, boosted))
    return {"prior": CosinePrior(0.8), "linear": linear, "boosted": boosted, "blend": blend, "stacked": stacked}


LEARNERS = learners()


def matcher(learner: Learner, names: tuple[str, ...] = NAMES) -> Matcher:
    nothing = wilson(0, 0)
    return Matcher(learner, BetaCalibration(), 0.5, Cuts(0.9, 0.1, nothing, nothing), names, 300, 90, {})


class Weighing:
    """A learner with given contributions by feature group."""

    name = "weighing"

    def __init__(self, **groups: float) -> None:
        self._weights = np.zeros(len(NAMES) + 1)
        for i, feature in enumerate(FEATURES):
            self._weights[i] = groups.pop(feature.group.replace(" ", "_"), 0.0)
        assert not groups, "no such group"

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.full(len(vectors), self._weights.sum())

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.tile(self._weights, (len(vectors), 1))

    def to_json(self) -> dict[str, object]:
        return {}


def said(query: Product, candidate: Product, **groups: float) -> list[str]:
    """The reasons of a pair with these contributions by group."""
    builder = FeatureBuilder([query], [candidate], VOCABULARY)
    zero = np.zeros(1, np.int64)
    row = builder.compute(zero, zero, np.array([0.91], np.float32))[0]
    names = tuple(feature.name for feature in builder.features)
    weighing = Weighing(**groups)
    padded = np.zeros(len(names) + 1)
    for i, name in enumerate(NAMES):
        padded[names.index(name)] = weighing._weights[i]
    weighing._weights = padded
    found = Explainer(matcher(weighing, names), VOCABULARY, lambda _: 1).explain(query, candidate, row)
    return [reason.text for reason in (*found.pros, *found.cons)]


@pytest.mark.parametrize("name", LEARNERS)
def test_contributions_add_up_to_the_score(name: str) -> None:
    vectors, _ = data()
    learner = LEARNERS[name]
    assert learner.contributions(vectors).sum(axis=1) == pytest.approx(learner.scores(vectors), abs=1e-6)


@pytest.mark.parametrize("name", LEARNERS)
def test_reasons_what_is_not_told_and_the_start_add_up_to_the_score(name: str) -> None:
    vectors, _ = data()
    explainer = Explainer(matcher(LEARNERS[name]), VOCABULARY, lambda _: 1)
    query, candidate = product("A red mouse"), product("A red mouse and 2 cats")
    baselines = LEARNERS[name].contributions(vectors[:20])[:, -1]
    for row, baseline in zip(vectors[:20], baselines, strict=True):
        found = explainer.explain(query, candidate, row)
        assert found.baseline == pytest.approx(baseline, abs=1e-6)
        told = sum(reason.contribution for reason in (*found.pros, *found.cons))
        assert told + found.other + found.baseline == pytest.approx(found.score, abs=1e-6)
        assert found.score == pytest.approx(LEARNERS[name].scores(row[None, :])[0], abs=1e-6)


def test_groups_that_measure_one_thing_are_one_concept() -> None:
    names = (
        "model_likeness",
        "model_edits",
        "codes_shared",
        "cosine",
        "token_set",
        "words_lead",
        "query_length",
        "new",
    )
    sums = by_group(names, np.arange(9.0))
    assert sums == {
        "model number": 1.0, "codes": 2.0, "similarity": 3.0, "text": 4.0, "rivals": 5.0, OTHER: 13.0
    }  # fmt: skip
    assert by_concept(sums) == {
        "model number": {"model number": 1.0, "codes": 2.0},
        "text": {"similarity": 3.0, "text": 4.0},
        "rivals": {"rivals": 5.0},
    }


def test_a_concept_is_told_by_what_adds_most_to_it() -> None:
    query, candidate = product("Canon battery duo"), product("Canon battery")
    assert said(query, candidate, similarity=2, text=-0.2, query_words=-0.3) == ["similarity 0.91"]
    assert said(query, candidate, similarity=0.2, query_words=-0.3) == ["the candidate lacks 'duo'"]
    # No group with a negative contribution has a negative fact.
    assert said(query, candidate, similarity=-2, query_words=0.3) == []


def test_at_most_three_either_way_the_strongest_first() -> None:
    query = product("Canon battery 16 GB black 2nd generation refurbished", "Canon", price=10.0)
    candidate = product("Canon battery 8 GB red 3rd generation refurbished", "Canon", price=10.0)
    texts = said(
        query, candidate,
        similarity=1, brand=2, price=0.1, condition=0.01, colour=-1, quantities=-0.2, numbers=-0.1, generation=-0.3,
    )  # fmt: skip
    assert texts == [
        "brand Canon in both", "similarity 0.91", "about the same price",
        "black against red", "generation 2 against 3", "16 GB against 8 GB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "groups", "text"),
    [
        (("Battery", "Canon", "EN-EL14"), ("Pack", "Canon", "en el14"), {"model_number": 1},
         "model number EN-EL14 stands in both"),
        (("Battery", "Canon", "EN-EL14"), ("Battery EN-EL14", "Canon"), {"model_number": 1},
         "model number EN-EL14 stands in the candidate's title"),
        (("Battery", "", "ENEL14"), ("Battery", "", "ENEL15"), {"model_number": -1},
         "model number ENEL14 against ENEL15"),
        (("Stick 16 GB",), ("Stick 16GB",), {"quantities": 1}, "16 GB in both"),
        (("Juice pack of 24",), ("Juice pack of 12",), {"pack": -1}, "pack of 24 against pack of 12"),
        (("Juice 24 x 330ml",), ("Juice 12er Pack",), {"pack": -1}, "pack of 24 against pack of 12"),
        (("Juice pack of 24",), ("Juice, pack of 24",), {"pack": 1}, "pack of 24 in both"),
        (("Stick",), ("Stick 16 GB",), {"quantities": -1}, "16 GB only in the candidate"),
        (("Stick 16 GB",), ("Stick",), {"quantities": -1}, "16 GB only in the query"),
        (("Mouse", "Canon"), ("Canon mouse",), {"brand": 1}, "brand Canon of the query stands in the other title"),
        (("Canon mouse",), ("Mouse", "Canon"), {"brand": 1}, "brand Canon of the candidate stands in the other title"),
        (("Mouse, black",), ("Mouse, red",), {"colour": -1}, "black against red"),
        (("Mouse", "", "", 10.0), ("Mouse", "", "", 24.0), {"price": -1}, "price 2.4 times higher"),
        (("Mouse", "", "", 24.0), ("Mouse", "", "", 10.0), {"price": -1}, "price 2.4 times lower"),
        (("Mouse duo",), ("Mouse",), {"query_words": -1}, "the candidate lacks 'duo'"),
        (("Mouse",), ("Mouse",), {"query_words": 1}, "the candidate has every word of the query's title"),
        (("Drive",), ("Drive refurbished",), {"condition": -1}, "refurbished only in the candidate"),
        (("Used drive",), ("Drive, used",), {"condition": 1}, "condition used in both"),
        (("Battery compatible with Canon",), ("Canon battery",), {"condition": -1},
         "only the query fits or replaces another maker's product"),
        (("Canon battery",), ("Battery compatible with Canon",), {"condition": -1},
         "only the candidate fits or replaces another maker's product"),
        (("Used drive",), ("Drive refurbished",), {"condition": -1}, "used against refurbished"),
        (("Fire 2nd generation",), ("Fire 3rd generation",), {"generation": -1}, "generation 2 against 3"),
        (("Mouse",), ("Mouse",), {"similarity": 1}, "similarity 0.91"),
    ],
)  # fmt: skip
def test_in_words(one: tuple, other: tuple, groups: dict[str, float], text: str) -> None:
    assert said(product(*one), product(*other, source="b"), **groups) == [text]


@pytest.mark.parametrize(
    ("one", "other", "groups"),
    [
        (("Mouse", "Canon"), ("Mouse", "Canon"), {"brand": -1}),
        (("Mouse", "", "", 10.0), ("Mouse", "", "", 24.0), {"price": 1}),
        (("A", "", "EL14"), ("B", "", "EL14"), {"model_number": -1}),
        (("Mouse",), ("Mouse",), {"similarity": -1}),
        (("Mouse, black",), ("Mouse, black",), {"text": -1}),
        (("Mouse",), ("Lawn trimmer",), {"text": 1}),
        (("Drive",), ("Drive refurbished",), {"condition": 1}),
        (("Drive",), ("Drive",), {"condition": 1}),
    ],
)
def test_what_counts_against_its_meaning_is_no_reason(one: tuple, other: tuple, groups: dict[str, float]) -> None:
    assert said(product(*one), product(*other, source="b"), **groups) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_technical_or_missing_is_no_reason(sign: int) -> None:
    groups = dict.fromkeys(("other", "price", "GTIN", "pack", "quantities", "generation", "condition"), sign)
    assert said(product("Mouse"), product("A mouse for right hands", source="b"), **groups) == []


@pytest.mark.parametrize(
    ("value", "texts"),
    [(2.0, ["categories Toys and Games often go together"]), (0.0, []), (-2.0, ["categories Toys and Games seldom go"
     " together"]), (float("nan"), [])],
)  # fmt: skip
def test_categories_lean_by_how_often_they_meet(value: float, texts: list[str]) -> None:
    query, candidate = Product("w", "1", "t", category="Toys"), Product("a", "2", "t", category="Games")
    facts = PairDescriber(VOCABULARY, len).facts("category", query, candidate, {"categories": value})
    assert [fact.text for fact in facts if fact.sign] == texts
    same = PairDescriber(VOCABULARY, len).facts("category", query, query, {"categories": -2.0})
    assert not any(fact.sign for fact in same)


@pytest.mark.parametrize(
    ("group", "known", "sign"),
    [
        ("brand", {"query_brand_found": 0.0}, [-1]),
        ("model number", {"query_model_contained": 0.0}, [-1]),
        ("rivals", {"characters_place": 1.0, "characters_place_back": 1.0}, [1]),
        ("rivals", {"characters_place": 3.0, "characters_place_back": 1.0}, [-1, 1]),
        ("rivals", {"characters_place": 30.0, "characters_place_back": 1.0}, [-1]),
    ],
)
def test_which_way_features_leans(group: str, known: dict[str, float], sign: list[int]) -> None:
    query, candidate = product("Battery", "Canon", "EN-EL14"), product("Charger", source="b")
    assert [fact.sign for fact in PairDescriber(VOCABULARY, len).facts(group, query, candidate, known)] == sign


@pytest.mark.parametrize(
    ("rank", "rank_back", "texts"),
    [
        (1.0, 1.0, ["no other candidate is as similar"]),
        (1.0, 2.0, ["no other candidate is as similar", "1 other query is at least as similar"]),
        (1.0, 3.0, ["no other candidate is as similar", "2 other queries are at least as similar"]),
        (2.0, 1.0, ["1 other candidate is at least as similar", "rank 2 in the whole catalogue by text similarity"]),
        (5.0, 1.0, ["4 other candidates are at least as similar", "rank 5 in the whole catalogue by text similarity"]),
        (6.0, 1.0, ["5 other candidates are at least as similar"]),
        (50.0, 1.0, ["49 other candidates are at least as similar"]),
        (51.0, 1.0, ["50 or more other candidates are at least as similar"]),
        (float("nan"), 2.0, []),
    ],
)
def test_the_rivals_of_a_pair_in_words(rank: float, rank_back: float, texts: list[str]) -> None:
    values = {"characters_place": rank, "characters_place_back": rank_back}
    facts = PairDescriber(VOCABULARY, len).facts("rivals", product("Battery"), product("Charger"), values)
    assert [fact.text for fact in facts] == texts


@pytest.mark.parametrize(("share", "signs"), [(0.4, [-1]), (0.41, []), (0.59, []), (0.6, [1]), (float("nan"), [])])
def test_a_share_speaks_for_a_match_from_60_percent_and_against_it_up_to_40(share: float, signs: list[int]) -> None:
    describer, one = PairDescriber(VOCABULARY, len), product("Battery")
    for group, feature in (("text", "characters"), ("details", "listing_words")):
        assert [fact.sign for fact in describer.facts(group, one, one, {feature: share})] == signs


def test_facts_of_every_group_are_bounded() -> None:
    hostile = "x" * 5000 + " \x1b[2J [/] 16 GB pack of 3 red"
    pairs = [(product("", ""), product("")), (product(hostile, hostile, hostile), product(hostile + "y 8 GB black"))]
    describer = PairDescriber(VOCABULARY, lambda _: 1)
    for query, candidate in pairs:
        for group in {feature.group for feature in FEATURES} - {OTHER}:
            facts = describer.facts(group, query, candidate, {})
            assert all(fact.sign and fact.text not in {"", group} and len(fact.text) < 400 for fact in facts)


def test_a_reason_as_json() -> None:
    vectors, _ = data()
    found = Explainer(matcher(LEARNERS["linear"]), VOCABULARY, lambda _: 1).explain(
        product("A"), product("B"), vectors[0]
    )
    value = json.loads(json.dumps(found.to_json()))
    figures = found.score, found.baseline, found.other
    assert [value[name] for name in ("score", "start", "rest")] == pytest.approx(figures, abs=1e-4)
    assert {reason["direction"] for reason in value["for"]} <= {Direction.FOR}
    assert all(reason["contribution"] < 0 and reason["text"] for reason in value["against"])
    assert Reasons.from_json(value).to_json() == value


@pytest.mark.parametrize(
    ("query", "candidate", "facts"),
    [
        ("ab", "ab", [("a, b in both", 1)]),
        ("ab", "cd", [("a, b against c, d", -1)]),
        ("ab", "bc", [("b in both", 1), ("a only in the query", -1), ("c only in the candidate", -1)]),
        ("ab", "", [("a, b only in the query", -1)]),
        ("", "ab", [("a, b only in the candidate", -1)]),
        ("", "", []),
        ("abcd", "dcba", [("a, b, c in both", 1)]),
    ],
)
def test_two_sets_of_words_compared(query: str, candidate: str, facts: list[tuple[str, int]]) -> None:
    assert [(fact.text, fact.sign) for fact in compare_sets(query, candidate)] == facts


@pytest.mark.parametrize(
    ("currency", "said"),
    [
        ("USD", ["about the same price"]),
        ("EUR", []),
        ("", ["about the same price (USD assumed)"]),
    ],
)
def test_prices_of_two_currencies_are_no_reason(currency: str, said: list[str]) -> None:
    query = Product("w", "1", "t", price=10.0, currency="USD")
    candidate = Product("a", "2", "t", price=10.0, currency=currency)
    facts = PairDescriber(VOCABULARY, len).facts("price", query, candidate, {})
    assert [fact.text for fact in facts] == said
