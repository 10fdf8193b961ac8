"""The demo catalogue as its users see it: counts, ids, codes and the answer key."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from core.catalog.demo import DemoCatalogue, demo_catalogue
from core.catalog.demo.items import check_digit
from core.catalog.product import Product

FINGERPRINT = """
import hashlib
from core.catalog.demo import demo_catalogue
shops = demo_catalogue()
everything = repr((shops.queries, shops.products, sorted(shops.gold)))
print(hashlib.sha256(everything.encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def shops() -> DemoCatalogue:
    return demo_catalogue()


@pytest.fixture(scope="module")
def matches(shops: DemoCatalogue) -> list[tuple[Product, Product]]:
    queries = {product.id: product for product in shops.queries}
    products = {product.id: product for product in shops.products}
    return [(queries[query], products[product]) for query, product in sorted(shops.gold)]


def test_sizes_are_as_promised(shops: DemoCatalogue) -> None:
    assert 350 <= len(shops.queries) <= 400
    assert 1250 <= len(shops.products) <= 1500


def test_there_are_many_departments(shops: DemoCatalogue) -> None:
    asked = Counter(product.category for product in shops.queries)
    listed = Counter(product.category for product in shops.products)
    assert len(asked) >= 8
    assert len(listed) == len(asked)
    assert min(asked.values()) >= 8
    assert min(listed.values()) >= 50


def test_sources_and_ids_are_the_retailers_own(shops: DemoCatalogue) -> None:
    assert {product.source for product in shops.queries} == {"walmart"}
    assert {product.source for product in shops.products} == {"amazon"}
    assert all(product.id.isdigit() and len(product.id) in (8, 9) for product in shops.queries)
    assert all(product.id.startswith("B0") and len(product.id) == 10 for product in shops.products)
    assert all(product.id.isalnum() and product.id.isupper() for product in shops.products)
    for side in (shops.queries, shops.products):
        assert len({product.id for product in side}) == len(side)


def test_gold_names_existing_products(shops: DemoCatalogue) -> None:
    assert {query for query, _ in shops.gold} <= {product.id for product in shops.queries}
    assert {product for _, product in shops.gold} <= {product.id for product in shops.products}


def test_half_match_nothing_and_some_match_twice(shops: DemoCatalogue) -> None:
    answers = Counter(query for query, _ in shops.gold)
    assert 0.4 <= 1 - len(answers) / len(shops.queries) <= 0.6
    assert sum(count == 2 for count in answers.values()) >= 8
    assert max(answers.values()) == 2
    # No Amazon product answers two queries: Walmart lists an item once.
    assert max(Counter(product for _, product in shops.gold).values()) == 1


def test_codes_are_well_formed_and_common(shops: DemoCatalogue) -> None:
    for side in (shops.queries, shops.products):
        codes = [product.upc for product in side if product.upc]
        assert 0.3 <= len(codes) / len(side) <= 0.4
        assert all(len(code) == 12 and code.isdigit() for code in codes)
        assert all(code[11] == check_digit(code[:11]) for code in codes)


def test_check_digit_agrees_with_a_code_from_a_real_shelf() -> None:
    # 0 36000 29145 2, a code printed on a real box of tissues.
    assert check_digit("03600029145") == "2"


def test_codes_say_the_same_as_gold(shops: DemoCatalogue, matches: list[tuple[Product, Product]]) -> None:
    coded = [(query.upc, product.upc) for query, product in matches if query.upc and product.upc]
    assert len(coded) >= 5
    assert all(left == right for left, right in coded)
    for query in shops.queries:
        for product in shops.products:
            if query.upc and query.upc == product.upc:
                assert (query.id, product.id) in shops.gold


def test_prices_of_matches_are_near_and_sometimes_unknown(
    shops: DemoCatalogue, matches: list[tuple[Product, Product]]
) -> None:
    priced = [(query.price, product.price) for query, product in matches if query.price and product.price]
    assert len(priced) >= 50
    assert all(0.75 <= left / right <= 1.34 for left, right in priced)
    assert any(left != right for left, right in priced)
    for side in (shops.queries, shops.products):
        assert 0 < sum(product.price is None for product in side) < 0.15 * len(side)
        assert all(product.price is None or product.price > 0 for product in side)


def test_brand_and_model_are_missing_on_either_side(shops: DemoCatalogue) -> None:
    for side in (shops.queries, shops.products):
        assert 0 < sum(not product.brand for product in side) < 0.5 * len(side)
        assert 0 < sum(bool(product.model) for product in side) < len(side)


def test_retailers_title_the_same_item_differently(matches: list[tuple[Product, Product]]) -> None:
    assert all(query.title.lower() != product.title.lower() for query, product in matches)
    longer = sum(len(product.title) > len(query.title) for query, product in matches)
    assert longer > 0.95 * len(matches)


def test_no_two_listings_of_one_shop_read_the_same(shops: DemoCatalogue) -> None:
    # Equal words for two items would make a pair that nobody can decide.
    for side in (shops.queries, shops.products):
        assert len({(product.title, product.brand) for product in side}) == len(side)


def test_extra_attributes_are_never_empty(shops: DemoCatalogue) -> None:
    assert all(all(product.extra.values()) for product in (*shops.queries, *shops.products))


@pytest.mark.parametrize("side", ["queries", "products"])
def test_text_is_tidy(shops: DemoCatalogue, side: str) -> None:
    for product in getattr(shops, side):
        assert product.title == " ".join(product.title.split())
        assert "{" not in product.title + product.model
        assert product.title.isprintable()


def test_every_process_gets_the_same_catalogue() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
    assert len(seen.pop().strip()) == 64


def test_catalogue_is_built_once() -> None:
    assert demo_catalogue() is demo_catalogue()
