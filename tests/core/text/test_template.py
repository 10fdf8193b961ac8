"""Templates: what of a product is encoded."""

from dataclasses import replace

import pytest

from core.catalog.product import Product
from core.catalog.template import check, render
from core.errors import SettingsError

PRODUCT = Product("amazon", "1", "  Canon   T6\nkit ", "Canon", "cameras", "T6", 449.0, "0123")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{title}", "Canon T6 kit"),
        ("{title} {brand} {model}", "Canon T6 kit Canon T6"),
        ("{category}: {upc}", "cameras: 0123"),
        ("{title} {gtin}", "Canon T6 kit"),
    ],
)
def test_fields_are_filled_in_and_white_space_is_single(template: str, text: str) -> None:
    assert render(check(template), PRODUCT) == text


def test_a_gtin_is_filled_in_as_fourteen_digits() -> None:
    assert render("{gtin}", replace(PRODUCT, upc="36000291452")) == "00036000291452"


def test_braces_in_a_product_are_only_text() -> None:
    assert render("{title}", Product("a", "1", "{brand} {0.__class__}")) == "{brand} {0.__class__}"


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{title} {colour}", "colour"),
        ("{title.__class__}", "title.__class__"),
        ("{}", "encoder.template"),
        ("title", "it has no field"),
        ("{title", "encoder.template"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(template: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        check(template)
