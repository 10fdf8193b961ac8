"""Reasons are the matcher's own arithmetic, in words."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from core.catalog.product import Product
from core.match.bands import Cuts, wilson
from core.match.blend import Blend
from core.match.boosted import fit_boosted
from core.match.calibration import BetaCalibration
from core.match.evidence.builder import FEATURES, EvidenceBuilder
from core.match.learner import Learner
from core.match.linear import fit_linear, scale_of
from core.match.matcher import Matcher
from core.match.prior import CosinePrior
from core.match.reason import Direction, Reasons
from core.match.reasons import Explainer, by_group
from core.match.stacked import fit_stacked
from core.match.wording import Teller
from core.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.load()
NAMES = tuple(feature.name for feature in FEATURES)


def product(title: str, brand: str = "", model: str = "", price: float | None = None, *, source: str = "a") -> Product:
    return Product(source, title[:8], title, brand, model=model, price=price)


def data(features: int = len(NAMES)) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    evidence = rng.normal(size=(300, features)).astype(np.float32)
    labels = evidence[:, 0] + evidence[:, 3] > 0.8
    evidence[rng.random(evidence.shape) < 0.1] = np.nan
    return evidence, labels


def learners() -> dict[str, Learner]:
    evidence, labels = data()
    weights = np.ones(len(labels))
    linear = fit_linear(evidence, labels, weights, scale_of(evidence))
    boosted = fit_boosted(evidence, labels, weights, seed=1, boosters=2, trees=20)
    stacked = fit_stacked(evidence, labels, weights, linear, seed=1, boosters=2)
    blend = Blend((linear, boosted))
    return {"prior": CosinePrior(0.8), "linear": linear, "boosted": boosted, "blend": blend, "stacked": stacked}


LEARNERS = learners()


def matcher(learner: Learner, names: tuple[str, ...] = NAMES) -> Matcher:
    nothing = wilson(0, 0)
    return Matcher(learner, BetaCalibration(), 0.5, Cuts(0.9, 0.1, nothing, nothing), names, 300, 90, {})


class Weighing:
    """A learner that adds given weights, so that a test can say which group counts which way."""

    name = "weighing"

    def __init__(self, **groups: float) -> None:
        self._weights = np.zeros(len(NAMES) + 1)
        for i, feature in enumerate(FEATURES):
            self._weights[i] = groups.pop(feature.group.replace(" ", "_"), 0.0)
        assert not groups, "no such group"

    def scores(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.full(len(evidence), self._weights.sum())

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.tile(self._weights, (len(evidence), 1))

    def to_json(self) -> dict[str, object]:
        return {}


def said(query: Product, candidate: Product, **groups: float) -> list[str]:
    """What is said of a pair when these groups count so much."""
    builder = EvidenceBuilder([query], [candidate], VOCABULARY)
    zero = np.zeros(1, np.int64)
    row = builder.of(zero, zero, np.array([0.91], np.float32))[0]
    names = tuple(feature.name for feature in builder.features)
    weighing = Weighing(**groups)
    padded = np.zeros(len(names) + 1)
    for i, name in enumerate(NAMES):
        padded[names.index(name)] = weighing._weights[i]
    weighing._weights = padded
    found = Explainer(matcher(weighing, names), VOCABULARY, lambda _: 1).reasons(query, candidate, row)
    return [reason.text for reason in (*found.pros, *found.cons)]


@pytest.mark.parametrize("name", LEARNERS)
def test_contributions_add_up_to_the_score(name: str) -> None:
    evidence, _ = data()
    learner = LEARNERS[name]
    assert learner.contributions(evidence).sum(axis=1) == pytest.approx(learner.scores(evidence), abs=1e-6)


@pytest.mark.parametrize("name", LEARNERS)
def test_reasons_what_is_not_told_and_the_start_add_up_to_the_score(name: str) -> None:
    evidence, _ = data()
    explainer = Explainer(matcher(LEARNERS[name]), VOCABULARY, lambda _: 1)
    query, candidate = product("A red mouse"), product("A red mouse and 2 cats")
    for row in evidence[:20]:
        found = explainer.reasons(query, candidate, row)
        told = sum(reason.contribution for reason in (*found.pros, *found.cons))
        assert told + found.rest + found.start == pytest.approx(found.score, abs=1e-6)
        assert found.score == pytest.approx(LEARNERS[name].scores(row[None, :])[0], abs=1e-6)


def test_features_of_one_group_are_one_reason() -> None:
    sums = by_group(("model_likeness", "model_edits", "cosine", "words_lead", "unheard_of"), np.arange(6.0))
    assert sums == {"model number": 1.0, "similarity": 2.0, "rivals": 3.0, "unheard_of": 4.0}


def test_at_most_three_either_way_the_strongest_first() -> None:
    query, candidate = product("Canon battery 16 GB black", "Canon"), product("Canon battery 8 GB red", "Canon")
    texts = said(
        query, candidate,
        similarity=1, brand=2, text=0.5, price=0.1, length=-0.001, colour=-1, quantities=-0.2, numbers=-0.1, pack=-0.1,
    )  # fmt: skip
    assert len(texts) == 6
    assert {"brand Canon in both", "similarity 0.91", "black against red", "16 GB against 8 GB"} <= set(texts)


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
        (("Mouse, black",), ("Mouse, red",), {"colour": -1}, "black against red"),
        (("Mouse", "", "", 10.0), ("Mouse", "", "", 24.0), {"price": -1}, "price 2.4 times higher"),
        (("Mouse", "", "", 24.0), ("Mouse", "", "", 10.0), {"price": -1}, "price 2.4 times lower"),
        (("Mouse duo",), ("Mouse",), {"query_words": -1}, "the candidate lacks 'duo'"),
        (("Mouse",), ("Mouse",), {"query_words": 1}, "the candidate has every word of the query's title"),
        (("Drive",), ("Drive refurbished",), {"condition": -1}, "refurbished only in the candidate"),
        (("Drive",), ("Drive refurbished",), {"condition": 1}, "condition: not stated and refurbished"),
        (("Drive",), ("Drive",), {"condition": 1}, "condition: not stated in either title"),
        (("Used drive",), ("Drive, used",), {"condition": 1}, "condition used in both"),
        (("Used drive",), ("Drive refurbished",), {"condition": -1}, "used against refurbished"),
        (("Fire 2nd generation",), ("Fire 3rd generation",), {"generation": -1}, "generation 2 against 3"),
        (("Mouse",), ("Mouse",), {"similarity": 1}, "similarity 0.91"),
    ],
)  # fmt: skip
def test_in_words(one: tuple, other: tuple, groups: dict[str, float], text: str) -> None:
    assert said(product(*one), product(*other, source="b"), **groups) == [text]


@pytest.mark.parametrize(
    ("one", "other", "groups", "text"),
    [
        (("Mouse", "Canon"), ("Mouse", "Canon"), {"brand": -1}, "brand: Canon and Canon"),
        (("Mouse", "", "", 10.0), ("Mouse", "", "", 24.0), {"price": 1}, "prices 10.00 and 24.00"),
        (("A", "", "EL14"), ("B", "", "EL14"), {"model_number": -1}, "model number: EL14 and EL14"),
    ],
)
def test_what_counts_the_other_way_is_worded_neutrally(
    one: tuple, other: tuple, groups: dict[str, float], text: str
) -> None:
    assert said(product(*one), product(*other, source="b"), **groups) == [text]


def test_every_group_has_words_and_none_is_endless() -> None:
    hostile = "x" * 5000 + " \x1b[2J [/] 16 GB pack of 3 red"
    pairs = [(product("", ""), product("")), (product(hostile, hostile, hostile), product(hostile + "y 8 GB black"))]
    for query, candidate in pairs:
        for group in {feature.group for feature in FEATURES}:
            for sign in (1.0, -1.0):
                (text,) = said(query, candidate, **{group.replace(" ", "_"): sign})
                assert text
                assert text != group
                assert len(text) < 400


def test_a_reason_as_json() -> None:
    evidence, _ = data()
    found = Explainer(matcher(LEARNERS["linear"]), VOCABULARY, lambda _: 1).reasons(
        product("A"), product("B"), evidence[0]
    )
    value = json.loads(json.dumps(found.to_json()))
    assert {reason["direction"] for reason in value["for"]} <= {Direction.FOR}
    assert all(reason["contribution"] < 0 and reason["text"] for reason in value["against"])
    assert Reasons.from_json(value).to_json() == value


@pytest.mark.parametrize(
    ("currency", "said"),
    [
        ("USD", ["about the same price", "prices 10.00 USD and 10.00 USD"]),
        ("EUR", ["prices in two currencies, 10.00 USD and 10.00 EUR"]),
        ("", ["about the same price (USD assumed)", "prices 10.00 USD and 10.00 (USD assumed)"]),
    ],
)
def test_prices_of_two_currencies_are_no_reason(currency: str, said: list[str]) -> None:
    query = Product("w", "1", "t", price=10.0, currency="USD")
    candidate = Product("a", "2", "t", price=10.0, currency=currency)
    facts = Teller(VOCABULARY, len).facts("price", query, candidate, {})
    assert [fact.text for fact in facts] == said
    assert any(fact.leans for fact in facts) == (currency != "EUR")
