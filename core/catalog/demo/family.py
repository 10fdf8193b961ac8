"""Families of products and the items they expand to; an item is what "the same product" means here."""

from dataclasses import dataclass
from itertools import product

from core.catalog.demo.chance import draw

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
