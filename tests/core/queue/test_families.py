"""Which queries are one question asked twice."""

import pytest

from core.catalog.product import Product
from core.queue.families import families

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
    one, other = families([ONE, Product("walmart", "2", title, model=model)])
    assert (one == other) is same
