"""Clusters of near-duplicate queries."""

import pytest

from core.catalog.product import Product
from core.queue.batches import near_duplicates

ONE = Product("walmart", "1", "Sony 16GB USB Drive, Black", model="USM-16")


@pytest.mark.parametrize(
    ("title", "model", "same"),
    [
        ("sony usb drive black 16GB", "USM16", True),
        ("Sony Sony 16GB USB Drive Black!", "usm-16", True),
        ("Sony 16GB USB Drive, White", "USM-16", False),
        ("Sony 32GB USB Drive, Black", "USM-16", False),
        ("Sony 16GB USB Drive, Black", "USM-32", False),
    ],
)
def test_order_case_and_punctuation_make_no_other_product(title: str, model: str, same: bool) -> None:
    one, other = near_duplicates([ONE, Product("walmart", "2", title, model=model)])
    assert (one == other) is same


def test_listings_of_one_retailer_with_one_gtin_are_one_question_and_join_those_that_say_the_same() -> None:
    queries = [
        Product("walmart", "1", "Red mug"),
        Product("walmart", "2", "Mug, large, red", upc="036000291452"),
        Product("walmart", "3", "mug red", upc="0036000291452"),
        Product("target", "4", "Mug by another retailer", upc="036000291452"),
        Product("walmart", "5", "Bowl", upc="999999999999"),
        Product("walmart", "6", "Plate", upc="999999999999"),
    ]
    found = near_duplicates(queries)
    assert found[0] == found[1] == found[2]
    assert len(set(found)) == 4
