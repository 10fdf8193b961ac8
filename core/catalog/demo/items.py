"""Families of products, the items they expand to, and their ids and codes. Listings of one item match.

All choices are deterministic: a hash of the words that describe a choice is used instead of `random`. A choice thus
depends on its own item only, and adding a family leaves all other listings unchanged.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

T = TypeVar("T")

#: Prefix of the words of every choice; empty for the demo catalogue.
_seed: ContextVar[str] = ContextVar("seed", default="")


@contextmanager
def seeded(seed: str) -> Iterator[None]:
    """Make all choices in a `with` block depend on a seed."""
    token = _seed.set(seed)
    try:
        yield
    finally:
        _seed.reset(token)


def draw(*words: str) -> int:
    """An integer below 2**64 that depends only on the words and the seed."""
    seed = _seed.get()
    digest = hashlib.sha256("\x1f".join((seed, *words) if seed else words).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def happens(share: float, *words: str) -> bool:
    """True with probability `share`, for the case described by the words."""
    return fraction(*words) < share


def fraction(*words: str) -> float:
    """A number in [0, 1), uniformly distributed."""
    # A float has 53 bits of precision.
    return (draw(*words) >> 11) / 2**53


def pick(options: Sequence[T], *words: str) -> T:
    """One of the options."""
    return options[draw(*words) % len(options)]


def shuffled(options: Iterable[str], *words: str) -> list[str]:
    """The options in random order."""
    return sorted(options, key=lambda option: draw(*words, option))


#: Maximum items of a family, since not every combination of size, colour and pack is sold.
MAX_ITEMS = 13


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Products that differ only along known axes, such as size or colour.

    Attributes:
        brands: brands that sell it; another brand is another product, even for plain milk.
        line: the brand's product line, such as `Crystal CU70`; may be empty.
        walmart_noun: the product type in Walmart's titles.
        amazon_noun: the product type in Amazon's titles.
        keywords: phrases that Amazon sellers add.
        price: in dollars, for the first value of every axis.
        model: template of the model number, filled with the codes of the axes' values; may be empty.
        axes: name and values of each axis; the first value is the plain one.
    """

    brands: tuple[str, ...]
    line: str
    walmart_noun: str
    amazon_noun: str
    keywords: tuple[str, ...]
    price: float
    model: str
    axes: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def name(self) -> str:
        """A unique name."""
        return f"{'|'.join(self.brands)}/{self.line}/{self.walmart_noun}"


@dataclass(frozen=True, slots=True, eq=False)
class Department:
    """Families of one category, with each retailer's name of the category."""

    walmart_category: str
    amazon_category: str
    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A concrete product: a family with a brand and one value per axis."""

    department: Department
    family: Family
    brand: str
    values: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """The identity: listings match if and only if their items' keys are equal."""
        chosen = ",".join(f"{axis}={value}" for axis, value in self.values)
        return f"{self.family.name}/{self.brand}/{chosen}"

    @property
    def model(self) -> str:
        """The model number; empty if the family has none."""
        codes = {axis: _code(value) for axis, value in self.values}
        return self.family.model.format_map(codes)

    def value(self, axis: str) -> str:
        """The item's value on an axis; empty if the family does not have it."""
        return dict(self.values).get(axis, "")


def family(
    brands: str,
    line: str,
    walmart_noun: str,
    *,
    amazon: str,
    keywords: str,
    price: float,
    model: str = "",
    **axes: str,
) -> Family:
    """Build a family from text: brands and an axis's values are separated by `|`, keywords by `;`."""
    return Family(
        brands=tuple(brands.split("|")),
        line=line,
        walmart_noun=walmart_noun,
        amazon_noun=amazon,
        keywords=tuple(phrase.strip() for phrase in keywords.split(";")),
        price=price,
        model=model,
        axes=tuple((axis, tuple(values.split("|"))) for axis, values in axes.items()),
    )


def expand(department: Department, of: Family) -> list[Item]:
    """The family's items in random order: at most `MAX_ITEMS` of all combinations."""
    names = [axis for axis, _ in of.axes]
    items = [
        Item(department, of, brand, tuple(zip(names, combination, strict=True)))
        for brand in of.brands
        for combination in product(*(values for _, values in of.axes))
    ]
    return sorted(items, key=lambda item: draw("expand", item.key))[:MAX_ITEMS]


def _code(value: str) -> str:
    """The code of a value in a model number: `Black` is BK, `Blue` BE, `1TB` 1TB, `16.9` 169."""
    letters = "".join(sign for sign in value.upper() if sign.isalnum())
    if not letters or any(sign.isdigit() for sign in letters):
        return letters
    return letters[0] + letters[-1]


#: Characters of an Amazon id.
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def walmart_id(key: str) -> str:
    """A Walmart id: eight or nine digits, not beginning with 0."""
    return str(10_000_000 + draw("walmart id", key) % 989_999_999)


def amazon_id(key: str) -> str:
    """An Amazon id: `B0` and eight capitals or digits."""
    number = draw("amazon id", key)
    signs = []
    for _ in range(8):
        number, rest = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[rest])
    return "B0" + "".join(signs)


def universal_product_code(brand: str, key: str) -> str:
    """A UPC of twelve digits: four for the brand, seven for the item, and the check digit."""
    # Ordinary goods begin with 0, 6, 7 or 8; other first digits are for coupons, drugs and goods by weight.
    first = "0678"[draw("upc first", brand) % 4]
    body = f"{first}{draw('upc brand', brand) % 1000:03d}{draw('upc item', key) % 10_000_000:07d}"
    return body + check_digit(body)


def check_digit(body: str) -> str:
    """The check digit of a UPC's first eleven digits: odd positions have weight three, and the total is 0 modulo 10."""
    odd, even = sum(map(int, body[0::2])), sum(map(int, body[1::2]))
    return str(-(3 * odd + even) % 10)
