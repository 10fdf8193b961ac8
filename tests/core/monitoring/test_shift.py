"""What has moved between two snapshots, and what has not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog.demo import generated_catalogue
from core.catalog.product import Product
from core.monitoring.counting import QueryFacts, count_groups, words_by_source
from core.monitoring.shift import find_shifts, population_stability_index
from core.monitoring.snapshot import OTHERS, Group, Snapshot

# Many examples: they are not run while one works.
pytestmark = pytest.mark.slow

NOTHING = QueryFacts()
LISTINGS = generated_catalogue("monitor").products
VOCABULARY = words_by_source(LISTINGS)
TOYS, BABY = "Toys & Games", "Baby Products"
COUNTS = st.lists(st.integers(0, 500), min_size=2, max_size=12)


def snapshot(listings: Sequence[Product], reference: Sequence[Group] = ()) -> Snapshot:
    return Snapshot("2026-01-01", "encoder", 0, count_groups(listings, NOTHING, VOCABULARY, reference))


REFERENCE = snapshot(LISTINGS)


def delivery(seed: int, change: Callable[[Product], Product] = lambda product: product) -> list[Product]:
    """A day later: one listing in twenty has left, another has come, and the rest may have changed."""
    random = Random(seed)
    others = list(generated_catalogue(f"monitor {seed}").products)
    left = [product for product in LISTINGS if random.random() > 0.05]
    came = random.sample(others, len(LISTINGS) - len(left))
    return [change(product) for product in (*left, *came)]


def shifted(product: Product) -> Product:
    """Prices of toys in another currency, titles of baby products in another language."""
    if product.category == TOYS and product.price is not None:
        return replace(product, price=product.price * 10)
    if product.category == BABY:
        # Every word becomes another one.
        return replace(product, title=product.title.translate(str.maketrans("aeioutnrs", "eioaunrst")))
    return product


@pytest.mark.parametrize("seed", range(20))
def test_what_has_moved_is_found_and_nothing_else(seed: int) -> None:
    assert find_shifts(REFERENCE, snapshot(delivery(seed), REFERENCE.groups)) == []
    found = find_shifts(REFERENCE, snapshot(delivery(seed, shifted), REFERENCE.groups))
    assert {(each.category, each.measure) for each in found} == {(TOYS, "price"), (BABY, "known_words")}
    price = next(each for each in found if each.measure == "price")
    assert price.before is not None
    assert price.after is not None
    assert price.after / price.before == pytest.approx(10, rel=0.2)


def test_another_mix_of_categories_is_found() -> None:
    fewer = [product for i, product in enumerate(LISTINGS) if product.category != TOYS or i % 10 == 0]
    assert snapshot(LISTINGS).groups == REFERENCE.groups
    more = [*fewer, *(replace(p, id=f"{p.id}-{n}") for n in range(4) for p in LISTINGS if p.category == BABY)]
    found = find_shifts(REFERENCE, snapshot(more, REFERENCE.groups))
    assert [(each.source, each.category, each.measure) for each in found] == [("amazon", "", "category")]


def test_probabilities_and_bands_are_compared() -> None:
    def groups(high: int) -> Snapshot:
        counts = {"probability": {2: 300 - high, 18: high}}
        bands = {"high": high, "medium": 0, "low": 300 - high}
        return replace(REFERENCE, groups=[Group("walmart", "tv", 300, counts, bands)])

    found = find_shifts(groups(100), groups(220))
    assert {each.measure for each in found} == {"probability", "band"}
    assert find_shifts(groups(100), groups(105)) == []


def test_medians_are_those_of_the_values() -> None:
    prices = sorted(p.price for p in LISTINGS if p.category == TOYS and p.price)
    found = find_shifts(REFERENCE, snapshot([shifted(product) for product in LISTINGS], REFERENCE.groups))
    price = next(each for each in found if each.measure == "price")
    middle = prices[len(prices) // 2 - 1], prices[len(prices) // 2]
    assert middle[0] * 0.95 <= (price.before or 0) <= middle[1] * 1.05
    assert middle[0] * 9.5 <= (price.after or 0) <= middle[1] * 10.5


def test_small_groups_are_not_compared() -> None:
    def groups(place: int) -> Snapshot:
        return replace(REFERENCE, groups=[Group("walmart", "tv", 49, {"price": {place: 49}})])

    assert find_shifts(groups(10), groups(60)) == []


def test_the_index_by_hand() -> None:
    # Half a listing is added to each bin: (20.5, 10.5) / 31 against (10.5, 20.5) / 31.
    assert population_stability_index([20, 10], [10, 20]) == pytest.approx(10 / 31 * 2 * 0.66908, abs=1e-4)


@given(COUNTS, st.randoms())
def test_the_index_is_symmetric_and_zero_for_equal_distributions(counts: list[int], random: Random) -> None:
    other = [random.randint(0, 500) for _ in counts]
    assert population_stability_index(counts, counts) == pytest.approx(0)
    assert population_stability_index(counts, other) >= 0
    assert population_stability_index(counts, other) == pytest.approx(population_stability_index(other, counts))


def test_small_categories_are_counted_together_unless_the_reference_has_them() -> None:
    few = [replace(product, category=f"c{i % 3}") for i, product in enumerate(LISTINGS[:90])]
    assert [(each.category, each.listings) for each in count_groups(few, NOTHING, VOCABULARY)] == [(OTHERS, 90)]
    known = [Group("amazon", "c1", 60, {})]
    assert [(each.category, each.listings) for each in count_groups(few, NOTHING, VOCABULARY, known)] == [
        (OTHERS, 60), ("c1", 30),
    ]  # fmt: skip
