"""Families of products and the items they expand to; an item is what "the same product" means here."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

T = TypeVar("T")

#: Stands before the words of every choice; empty for the demo's own catalogue.
_seed: ContextVar[str] = ContextVar("seed", default="")


@contextmanager
def seeded(seed: str) -> Iterator[None]:
    """Let every choice in this block come out otherwise, and the same for the same seed."""
    token = _seed.set(seed)
    try:
        yield
    finally:
        _seed.reset(token)


def draw(*words: str) -> int:
    """A whole number below 2**64, the same for the same words on every machine and in every run."""
    seed = _seed.get()
    digest = hashlib.sha256("\x1f".join((seed, *words) if seed else words).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def happens(share: float, *words: str) -> bool:
    """Whether something that happens in `share` (0 to 1) of all cases happens in this one."""
    return fraction(*words) < share


def fraction(*words: str) -> float:
    """A number in [0, 1)."""
    # 2**53 steps are all that a float can tell apart below 1.
    return (draw(*words) >> 11) / 2**53


def pick(options: Sequence[T], *words: str) -> T:
    """One of the options."""
    return options[draw(*words) % len(options)]


def shuffled(options: Iterable[str], *words: str) -> list[str]:
    """The options in an order of their own."""
    return sorted(options, key=lambda option: draw(*words, option))


# Not every combination of size, colour and pack exists in a shop; the rest are near-misses enough.
MOST_ITEMS = 13


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Products that differ only along known axes, such as size or colour.

    Attributes:
        brands: who sells it; two brands are two identities, even of plain milk.
        line: the maker's name for the range, such as `Crystal CU70`; may be empty.
        walmart_noun: what it is, in Walmart's few words.
        amazon_noun: what it is, in Amazon's many.
        keywords: phrases that an Amazon seller adds.
        price: of the first value on every axis, in dollars.
        model: pattern of the model number, filled with the codes of the axes' values; may be empty.
        axes: name and values of each axis, the first value being the plain one.
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
        """Tells the family from every other one."""
        return f"{'|'.join(self.brands)}/{self.line}/{self.walmart_noun}"


@dataclass(frozen=True, slots=True, eq=False)
class Department:
    """A part of the shop: families under the two retailers' names for one category."""

    walmart_category: str
    amazon_category: str
    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One product that can be bought: a family with one value chosen on every axis."""

    department: Department
    family: Family
    brand: str
    values: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """The identity: listings with equal keys sell the same product, all others do not."""
        chosen = ",".join(f"{axis}={value}" for axis, value in self.values)
        return f"{self.family.name}/{self.brand}/{chosen}"

    @property
    def model(self) -> str:
        """The maker's model number, empty where such goods have none."""
        codes = {axis: _code(value) for axis, value in self.values}
        return self.family.model.format_map(codes)

    def value(self, axis: str) -> str:
        """What the item has on the axis, empty where its family does not vary along it."""
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
    """One row of a department's table: `|` parts brands and an axis's values, `;` the keywords."""
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
    """The family's items, at most `MOST_ITEMS` of all the combinations, in an order without meaning."""
    names = [axis for axis, _ in of.axes]
    items = [
        Item(department, of, brand, tuple(zip(names, combination, strict=True)))
        for brand in of.brands
        for combination in product(*(values for _, values in of.axes))
    ]
    return sorted(items, key=lambda item: draw("expand", item.key))[:MOST_ITEMS]


def _code(value: str) -> str:
    """What a value becomes inside a model number: `Black` is BK, `Blue` BE, `1TB` 1TB, `16.9` 169."""
    letters = "".join(sign for sign in value.upper() if sign.isalnum())
    if not letters or any(sign.isdigit() for sign in letters):
        return letters
    return letters[0] + letters[-1]


# What an Amazon id is written with.
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def walmart_id(key: str) -> str:
    """Eight or nine digits, the first of them not 0."""
    return str(10_000_000 + draw("walmart id", key) % 989_999_999)


def amazon_id(key: str) -> str:
    """`B0` and eight capitals or digits."""
    number = draw("amazon id", key)
    signs = []
    for _ in range(8):
        number, rest = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[rest])
    return "B0" + "".join(signs)


def universal_product_code(brand: str, key: str) -> str:
    """Twelve digits: four of the brand's, seven of the item's, and the check digit."""
    # 0, 6, 7 and 8 begin ordinary goods; the other first digits are for coupons, drugs and goods by weight.
    first = "0678"[draw("upc first", brand) % 4]
    body = f"{first}{draw('upc brand', brand) % 1000:03d}{draw('upc item', key) % 10_000_000:07d}"
    return body + check_digit(body)


def check_digit(body: str) -> str:
    """The twelfth digit to the eleven of `body`: odd places count three times, and the sum ends in 0."""
    odd, even = sum(map(int, body[0::2])), sum(map(int, body[1::2]))
    return str(-(3 * odd + even) % 10)
