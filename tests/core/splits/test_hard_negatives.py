"""Hard negatives from several sources, and their mix."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import c, q

from core.catalog.product import Product
from core.retrieval.candidates import Candidate
from core.splits.groups import ConnectedGroups
from core.splits.hard_negatives import Mixer, NegativeFinder, NegativeSource, in_fixed_order
from core.splits.triplets import NegativeOptions, Triplet, build_triplets
from labels.consensus import Label, LabelState
from labels.model import Pair, ProductRef, Side, Strength

SOURCES = list(NegativeSource)
REFS = st.lists(st.integers(0, 12).map(lambda n: c(f"{n}")), unique=True, max_size=6)
POOLS = st.dictionaries(st.sampled_from(SOURCES), REFS)
RATIOS = st.dictionaries(st.sampled_from(SOURCES).map(str), st.floats(0, 5), min_size=1).filter(
    lambda ratios: sum(ratios.values()) > 0.1
)


@given(RATIOS, st.lists(POOLS, max_size=8), st.integers(1, 5))
def test_a_mix_takes_distinct_negatives_of_wanted_sources_only(
    ratios: dict[str, float], every: list[dict[NegativeSource, list[ProductRef]]], count: int
) -> None:
    mixer = Mixer(ratios)
    for pools in every:
        chosen = mixer.choose(pools, count)
        refs = [ref for ref, _ in chosen]
        assert len(set(refs)) == len(refs) <= count
        assert all(ref in pools[source] and ratios.get(source, 0) > 0 for ref, source in chosen)
        offered = {ref for source, refs in pools.items() for ref in refs if ratios.get(source, 0) > 0}
        assert len(refs) == min(count, len(offered)), "no place stays empty while there is a negative"


@given(RATIOS, st.integers(1, 5), st.integers(1, 40))
def test_a_mix_keeps_the_ratio_where_every_source_has_enough(
    ratios: dict[str, float], count: int, matches: int
) -> None:
    mixer = Mixer(ratios)
    pools = {source: [c(f"{source} {n}") for n in range(count)] for source in SOURCES}
    counts = Counter(source for _ in range(matches) for _, source in mixer.choose(pools, count))
    for source in SOURCES:
        share = ratios.get(source, 0) / sum(ratios.values())
        assert counts[source] == pytest.approx(share * count * matches, abs=len(SOURCES))


@given(POOLS, st.integers(1, 6))
def test_the_fixed_order_reserves_one_place_for_a_mined_negative(
    pools: dict[NegativeSource, list[ProductRef]], count: int
) -> None:
    chosen = in_fixed_order(pools, count)
    assert len(chosen) <= count
    if pools.get(NegativeSource.MINED):
        assert NegativeSource.MINED in {source for _, source in chosen}
    assert {source for _, source in chosen}.isdisjoint({NegativeSource.SAME_BRAND, NegativeSource.RANDOM})


# -- sources --------------------------------------------------------------------------------------------------


def finder(*products: Product, **options: object) -> NegativeFinder:
    every = {product.ref: product for product in products}
    catalogue = sorted(ref for ref in every if ref.source == "amazon")
    given = {"excluded": frozenset(), "connected": ConnectedGroups(), "candidates": {}, **options}
    return NegativeFinder(every, catalogue=catalogue, **given)  # type: ignore[arg-type]


QUERY = Product("walmart", "1", "Samsung 55 TV", "Samsung", model="UN55J6300")
MATCH = Product("amazon", "a", "Samsung TV 55 inch", "SAMSUNG", model="UN55J6300AFXZA")


def samsung(id_: str, title: str, model: str, brand: str = "Samsung") -> Product:
    return Product("amazon", id_, title, brand, model=model)


def test_another_model_of_the_brand_most_similar_titles_first() -> None:
    products = [
        samsung("far", "Samsung Phone", "SM-G900"), samsung("near", "Samsung TV 65 inch", "UN65J6300"),
        samsung("same", "Samsung TV", "un55j6300"), samsung("variant", "Samsung TV", "UN55J6300AFX"),
        samsung("none", "Samsung TV", ""), samsung("other", "Sony TV", "KDL-55", "Sony"),
        samsung("known", "Samsung TV", "UN40"), samsung("banned", "Samsung TV", "UN41"),
        samsung("twin", "Samsung TV", "UN42"), samsung("likely", "Samsung TV", "UN43"),
    ]  # fmt: skip
    found = finder(
        QUERY, MATCH, *products, excluded=frozenset({c("banned")}), connected=ConnectedGroups([(c("a"), c("twin"))]),
        likely=0.5, candidates={q("1"): [Candidate(c("likely"), 1, 0.9, 0.9, 1, 1, 0.5)]},
    )  # fmt: skip
    assert found.same_brand(q("1"), c("a"), {c("known")}) == [c("near"), c("far")]


def test_without_brand_or_model_number_no_product_is_another_model() -> None:
    other = samsung("b", "Samsung TV", "UN65")
    for plain in (Product("amazon", "a", "x"), Product("amazon", "a", "x", "Samsung"), samsung("a", "x", "", "")):
        assert finder(Product("walmart", "1", "x"), plain, other).same_brand(q("1"), c("a"), set()) == []


def test_a_large_brand_is_sampled() -> None:
    many = [samsung(f"{n}", f"Samsung {n}", f"X{n}") for n in range(500)]
    found = finder(QUERY, MATCH, *many)
    drawn = found.same_brand(q("1"), c("a"), set())
    assert 150 <= len(drawn) <= 200
    assert drawn == found.same_brand(q("1"), c("a"), set())


def test_a_likely_match_by_the_matcher_is_never_mined() -> None:
    probabilities = [("b", 0.49), ("d", 0.5), ("e", None)]
    candidates = [Candidate(c("a"), 1, 0.9, 1.0, 1, 1, 0.9)]
    candidates += [Candidate(c(id_), 2, 0.5, 0.5, 2, 2, p) for id_, p in probabilities]
    others = [Product("amazon", id_, id_) for id_, _ in probabilities]
    for likely, expected in ((None, ["b", "d", "e"]), (0.5, ["b", "e"])):
        found = finder(QUERY, MATCH, *others, candidates={q("1"): candidates}, likely=likely)
        assert [ref.id for ref in found.mined(q("1"), c("a"), {c("a")})] == expected


@given(st.integers(0, 5), st.sets(st.integers(0, 9), max_size=6), st.integers(0, 3))
def test_random_negatives_are_unknown_products_of_the_catalogue(seed: int, known: set[int], count: int) -> None:
    products = [Product("amazon", f"{n}", f"{n}") for n in range(10)]
    found = finder(QUERY, *products, seed=seed)
    drawn = found.drawn(q("1"), c("0"), {c(f"{n}") for n in known}, count)
    assert len(set(drawn)) == len(drawn) <= count
    assert not set(drawn) & {c("0"), *(c(f"{n}") for n in known)}
    assert len(drawn) == min(count, 10 - len(known | {0}))
    assert drawn == found.drawn(q("1"), c("0"), {c(f"{n}") for n in known}, count)


# -- together -------------------------------------------------------------------------------------------------


def build(mix: dict[str, float], **options: object) -> list[Triplet]:
    """Ten matches with a rejection of each kind, five candidates, and thirty products of a brand."""
    products = [Product("walmart", f"{n}", f"TV {n}", "Samsung", model=f"Q{n}00") for n in range(10)]
    products += [samsung(f"{n}", f"TV {n}", f"Z{n}00" if n >= 10 else f"Q{n}00") for n in range(40)]
    labels, candidates = [], {}
    for n in range(10):
        for place, (verdict, strength) in enumerate(
            ((True, Strength.EXPLICIT), (False, Strength.EXPLICIT), (False, Strength.IMPLIED))
        ):
            pair = Pair(q(f"{n}"), c(f"{n + place * 10}"))
            labels.append(Label(pair, verdict, strength, Side.TRAIN, LabelState.AGREED))
        candidates[q(f"{n}")] = [
            Candidate(c(f"{(n + step) % 40}"), step + 1, 0.5, 1 - step / 10, None, None) for step in range(6)
        ]
    catalogue = sorted(product.ref for product in products if product.source == "amazon")
    every = {product.ref: product for product in products}
    return build_triplets(labels, candidates, every, NegativeOptions(3, mix, None, catalogue), **options)  # type: ignore[arg-type]


def test_a_mix_is_spread_over_all_matches() -> None:
    ratios = {"explicit": 1.0, "implied": 1.0, "same_brand": 2.0, "mined": 1.0, "random": 1.0}
    counts = Counter(source.value for triplet in build(ratios) for source in triplet.sources)
    assert counts == {"explicit": 5, "implied": 5, "same_brand": 10, "mined": 5, "random": 5}
    assert build(ratios) == build(ratios)


@pytest.mark.parametrize("source", ["explicit", "implied", "same_brand", "mined", "random"])
def test_no_source_offers_an_excluded_product_or_an_evaluated_pair(source: str) -> None:
    excluded, evaluated = frozenset({c("3"), c("4")}), {q(f"{n}"): frozenset({c("5")}) for n in range(10)}
    triplets = build({source: 1.0}, excluded_products=excluded, excluded_pairs=evaluated)
    if source in {"same_brand", "mined", "random"}:
        assert {c("3"), c("4"), c("5")}.isdisjoint({ref for triplet in triplets for ref in triplet.negatives})
    for triplet in triplets:
        assert triplet.positive not in triplet.negatives
        assert set(triplet.sources) == {source}
