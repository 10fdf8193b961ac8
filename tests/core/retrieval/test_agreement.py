"""What the fields of two products say beyond their text."""

import numpy as np
import pytest

from core.catalog.product import Product
from core.retrieval.field_boosts import PRICE_WEIGHT, FieldBoosts


@pytest.mark.parametrize(
    ("currency", "score"), [("USD", PRICE_WEIGHT / 2), ("", PRICE_WEIGHT / 2), ("EUR", 0.0), ("CAD", 0.0)]
)
def test_an_equal_amount_in_another_currency_is_no_agreement(currency: str, score: float) -> None:
    query = Product("w", "1", "t", price=10.0, currency="USD")
    found = FieldBoosts([Product("a", "2", "t", price=10.0, currency=currency)]).scores(query, np.array([0]))
    assert found == pytest.approx([score])


def test_a_query_without_a_currency_is_compared_with_every_one() -> None:
    products = [Product("a", str(n), "t", price=10.0, currency=code) for n, code in enumerate(("USD", "EUR", ""))]
    found = FieldBoosts(products).scores(Product("w", "1", "t", price=10.0), np.arange(3))
    assert found == pytest.approx([PRICE_WEIGHT / 2] * 3)
