"""Whether a listing under the same id is still about the same article."""

from dataclasses import replace

import pytest

from core.catalog.listing_identity import is_different_article
from core.catalog.product import Product


def listing(title: str, brand: str = "", model: str = "", upc: str = "") -> Product:
    return Product("shop", "1", title, brand, model=model, upc=upc)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (listing("Sonny 55 inch TV"), listing("Sony 55 inch TV")),
        (listing("Sony 55&quot; TV"), listing('Sony 55" TV')),
        (listing("Sony TV 55in"), listing("55in TV, Sony")),
        (listing("Sony TV", "Sony", "XBR55"), listing("Sony Bravia 4K TV 2023 black", "Sony", "XBR-55X900F")),
        (listing("Whirlpool Dishwasher"), listing("Whirlpool Dishwasher", "Whirlpool", "WDF520")),
        (listing("Coke 12pk", upc="049000028904"), listing("Soft drink, Coca-Cola", upc="0049000028904")),
        (listing("Sony 55in LED TV blk"), listing("Sony 55 inch LED Television Black")),
        (listing("HP ink", model="A-1"), listing("HP ink", model="A1")),
        (listing("日本語テレビ55型"), listing("日本語テレビ55型 黒")),
    ],
)
def test_edits_leave_it_the_same_article(before: Product, after: Product) -> None:
    assert not is_different_article(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (listing("Samsung 55 inch LED TV", "Samsung", "UN55"), listing("Garden hose 25 ft green", "Gilmour", "GH25")),
        (listing("Samsung 55 inch LED TV"), listing("Samsung 65 inch LED TV")),
        (listing("Cola 6 pack"), listing("Cola 12 pack")),
        (listing("Cola 6 x 330ml"), listing("Cola 24 x 330ml")),
        (listing("Cola 6er Pack"), listing("Cola 12er Pack")),
        (listing("Sony headphones black", "Sony", "WH1000XM4"), listing("Sony earbuds black", "Sony", "WFC500")),
        (listing("Logitech M325 mouse"), listing("Logitech K350 mouse")),
        (listing("Ink", model="950", upc="888182115817"), listing("Ink", model="951", upc="888182115824")),
        (listing("Hose", upc="049000028904"), listing("Television", upc="049000028904")),
        (listing("日本語テレビ55型"), listing("園芸用ホース")),
    ],
)
def test_another_product_under_the_same_id_is_another_article(before: Product, after: Product) -> None:
    assert is_different_article(before, after)


def test_price_category_and_attributes_say_nothing_of_the_article() -> None:
    before = listing("Sony TV", "Sony")
    after = replace(before, price=9.0, category="garden", extra={"colour": "green"})
    assert not is_different_article(before, after)
