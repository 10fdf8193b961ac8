"""Every trap of matching is in the demo catalogue: look-alikes that differ, and twins that look different."""

import re
from collections.abc import Iterator

import pytest

from core.catalog.demo import demo_catalogue
from core.catalog.demo.items import Item
from core.catalog.demo.listings import AMAZON_BRANDS, WALMART_BRANDS, Assortment, assortment
from core.catalog.product import Product

OUNCES = re.compile(r"([\d.]+) (?:fl )?oz\b", re.IGNORECASE)
MILLILITRES = re.compile(r"([\d.]+) (ml|L)\b")
GRAMS = re.compile(r"\b(\d+) g\b")


@pytest.fixture(scope="module")
def shelves() -> Assortment:
    return assortment()


@pytest.fixture(scope="module")
def unanswered(shelves: Assortment) -> list[Item]:
    listed = {item for item, _ in shelves.offers}
    return [item for item in shelves.queries if item not in listed]


@pytest.fixture(scope="module")
def matches() -> list[tuple[Product, Product]]:
    shops = demo_catalogue()
    queries = {product.id: product for product in shops.queries}
    products = {product.id: product for product in shops.products}
    return [(queries[query], products[product]) for query, product in sorted(shops.gold)]


def neighbours(shelves: Assortment, queries: list[Item], axis: str) -> Iterator[tuple[Item, Item]]:
    """Queries with a listed item that differs from them on the one axis (or `brand`) and nowhere else."""
    for query in queries:
        for item, _ in shelves.offers:
            if item.family is not query.family:
                continue
            here, there = (
                {"brand": query.brand, **dict(query.values)},
                {"brand": item.brand, **dict(item.values)},
            )
            if [name for name in here if here[name] != there[name]] == [axis]:
                yield query, item


@pytest.mark.parametrize(
    "axis",
    [
        *("screen", "storage", "count", "rolls", "volume", "weight", "colour", "generation", "mark"),
        *("bundle", "condition", "fits", "brand", "flavour", "pieces", "measure", "kind"),
    ],
)
def test_a_query_without_answer_has_a_look_alike(shelves: Assortment, unanswered: list[Item], axis: str) -> None:
    assert next(neighbours(shelves, unanswered, axis), None) is not None


def test_queries_without_answer_have_several_near_misses(shelves: Assortment, unanswered: list[Item]) -> None:
    for query in unanswered:
        assert sum(item.family is query.family for item, _ in shelves.offers) >= 3


def test_plain_milk_of_two_store_brands_is_two_products(shelves: Assortment, unanswered: list[Item]) -> None:
    milk = [item for item in unanswered if "Milk" in item.family.walmart_noun and item.brand == "Great Value"]
    assert milk
    listed = {item.brand for item, _ in shelves.offers if item.family is milk[0].family}
    assert "365 by Whole Foods Market" in listed


def test_store_brands_are_sold_by_their_owner_alone(shelves: Assortment) -> None:
    assert not {item.brand for item in shelves.queries} & AMAZON_BRANDS
    assert not {item.brand for item, _ in shelves.offers} & WALMART_BRANDS
    assert {item.brand for item in shelves.queries} & WALMART_BRANDS
    assert {item.brand for item, _ in shelves.offers} & AMAZON_BRANDS


def test_new_is_asked_where_only_renewed_is_sold_and_the_other_way_round(
    shelves: Assortment, unanswered: list[Item]
) -> None:
    asked = {query.value("condition") for query, _ in neighbours(shelves, unanswered, "condition")}
    assert asked == {"new", "renewed"}


def test_some_items_are_on_both_shelves_as_renewed(matches: list[tuple[Product, Product]]) -> None:
    both = [
        (query, product)
        for query, product in matches
        if re.search("Refurbished|Restored", query.title) and re.search("Renewed|Refurbished", product.title)
    ]
    assert both


def test_ounces_match_the_same_volume_in_millilitres(matches: list[tuple[Product, Product]]) -> None:
    converted = 0
    for query, product in matches:
        ounces, metric = OUNCES.search(query.title), MILLILITRES.search(product.title)
        if ounces and metric:
            millilitres = float(metric[1]) * (1000 if metric[2] == "L" else 1)
            # Rounded to a millilitre or to a hundredth of a litre, as on a label.
            assert millilitres == pytest.approx(float(ounces[1]) * 29.5735, rel=0.01, abs=0.5)
            converted += 1
    assert converted >= 3


def test_ounces_match_the_same_weight_in_grams(matches: list[tuple[Product, Product]]) -> None:
    converted = 0
    for query, product in matches:
        ounces, grams = OUNCES.search(query.title), GRAMS.search(product.title)
        if ounces and grams:
            assert float(grams[1]) == pytest.approx(float(ounces[1]) * 28.3495, abs=0.5)
            converted += 1
    assert converted >= 1


def test_accessories_name_the_product_they_fit(shelves: Assortment) -> None:
    titles = [product.title for product in demo_catalogue().products]
    camera = [title for title in titles if "Mirrorless" in title and "R70" in title]
    accessory = [title for title in titles if re.search(r"(for|with|Fits) Canon EOS R70\b", title)]
    assert camera
    assert accessory


def test_near_identical_model_numbers_are_side_by_side() -> None:
    models = {product.model for product in demo_catalogue().products if product.model}
    one_sign_apart = {
        (left, right)
        for left in models
        for right in models
        if left < right and len(left) == len(right) and sum(a != b for a, b in zip(left, right, strict=True)) == 1
    }
    assert len(one_sign_apart) >= 50


def test_the_second_sellers_words_differ(shelves: Assortment) -> None:
    shops = demo_catalogue()
    titles: dict[str, list[str]] = {}
    products = {product.id: product for product in shops.products}
    for query, product in sorted(shops.gold):
        titles.setdefault(query, []).append(products[product].title)
    twice = [both for both in titles.values() if len(both) == 2]
    assert twice
    assert all(first != second for first, second in twice)


def test_an_item_is_on_a_shelf_once_per_seller(shelves: Assortment) -> None:
    assert len(set(shelves.offers)) == len(shelves.offers)
    keys = [item.key for item in shelves.queries]
    assert len(set(keys)) == len(keys)
