"""Articles of two invented retailers: kinds, brands, variants, trade item numbers.

Apart from the demo's catalogue on purpose: what was tuned or fitted on that one is measured here on other words.
"""

import itertools
import random
from dataclasses import dataclass

from core.catalog.gtin import check_digit

#: Of all listings of the queries' retailer, so many have no counterpart.
_UNLISTED_SHARE = 0.1
QUERIES, CANDIDATES = 400, 2_000


@dataclass(frozen=True)
class Kind:
    """A kind of article.

    Attributes:
        nouns: names of the kind, by retailer.
        department: its department, by retailer.
        brands: makers, each with lines of its own.
        lines: names of series.
        axes: what variants differ in: per axis a list of values, each written in one way per retailer.
        price: of the smallest variant, in dollars.
        has_model: whether makers give model numbers.
    """

    nouns: tuple[str, str]
    department: tuple[str, str]
    brands: tuple[str, ...]
    lines: tuple[str, ...]
    axes: tuple[tuple[tuple[str, str], ...], ...]
    price: float
    has_model: bool = False


@dataclass(frozen=True)
class Article:
    """One article, as its maker sells it."""

    kind: Kind
    brand: str
    line: str
    values: tuple[tuple[str, str], ...]
    model: str
    gtin: str
    price: float

    @property
    def family(self) -> tuple[Kind, str, str]:
        """What its variants share."""
        return self.kind, self.brand, self.line


def _same(*values: str) -> tuple[tuple[str, str], ...]:
    return tuple((value, value) for value in values)


_COLOURS = _same("Black", "White", "Navy", "Crimson", "Sage Green")
KINDS = (
    Kind(
        ("LED TV", "Smart Television UHD"),
        ("Electronics", "Electronics > Television & Video"),
        ("Kelvane", "Orvix", "Tamura", "Halden"),
        ("Aurora", "Spectra", "Lumen"),
        (tuple((f'{n}"', f"{n}-Inch") for n in (43, 50, 55, 65, 75)), _same("4K", "1080p")),
        249.0,
        has_model=True,
    ),
    Kind(
        ("Paper Towels", "Kitchen Paper Towel Rolls"),
        ("Household", "Health & Household > Paper"),
        ("Brightfold", "Plumere", "Tessel"),
        ("Select", "Ultra", "Everyday"),
        (_same("Mega", "Super Mega", "Double"), tuple((f"{n} ct", f"{n} Rolls") for n in (6, 8, 12, 30))),
        8.0,
    ),
    Kind(
        ("Ground Coffee", "Coffee Ground, Arabica"),
        ("Grocery", "Grocery & Gourmet Food > Coffee"),
        ("Café Mirélle", "Norte", "Höhenröster"),
        ("Breakfast Blend", "Dark Roast", "Colombia"),
        (
            tuple((f"{n} oz", f"{n} Ounce") for n in (12, 24, 30)),
            (("", ""), ("2 pk", "Pack of 2"), ("3 pk", "Pack of 3")),
        ),
        7.5,
    ),
    Kind(
        ("Toner", "Toner Cartridge Compatible for Laser Printer"),
        ("Office", "Office Products > Ink & Toner"),
        ("Printone", "Larsen & Roth", "Inkwell"),
        ("HL", "MFC"),
        (_same("Black", "Cyan", "Magenta", "Yellow"), (("Std", "Standard Yield"), ("XL", "High Yield XL"))),
        34.0,
        has_model=True,
    ),
    Kind(
        ("Dog Food", "Dry Dog Food, Adult"),
        ("Pets", "Pet Supplies > Dogs"),
        ("Burrow's", "Fetchwell", "Alder Creek"),
        ("Chicken & Rice", "Salmon", "Grain Free Lamb"),
        (tuple((f"{n} lb", f"{n}-Pound Bag") for n in (5, 15, 30, 40)),),
        12.0,
    ),
    Kind(
        ("USB-C Cable", "USB C Charging Cable, Braided Cord"),
        ("Electronics", "Electronics > Accessories"),
        ("Voltari", "Linkwise", "Cordia"),
        ("Pro", "Flex", "Basic"),
        (tuple((f"{n}ft", f"{n} Feet") for n in (3, 6, 10)), _COLOURS[:3], (("", ""), ("2-Pack", "2 Pack"))),
        9.0,
        has_model=True,
    ),
    Kind(
        ("Drill Driver Kit", "Cordless Drill/Driver Kit with Battery"),
        ("Hardware", "Tools & Home Improvement"),
        ("Ironmark", "Tolva", "Grenn"),
        ("Compact", "Brushless", "Max"),
        (tuple((f"{n}V", f"{n}-Volt") for n in (12, 18, 20)), (("1/2 in", "1/2-Inch"), ("3/8 in", "3/8-Inch"))),
        79.0,
        has_model=True,
    ),
    Kind(
        ("Phone Case", "Protective Case Shockproof Cover"),
        ("Electronics", "Cell Phones & Accessories"),
        ("Shellby", "Casemont", "Armadel"),
        ("Clear", "Rugged", "Slim"),
        (_same("Nova 14", "Nova 14 Plus", "Nova 14 Pro", "Nova 13"), _COLOURS),
        15.0,
    ),
    Kind(
        ("Shampoo", "Hair Shampoo Sulfate Free"),
        ("Beauty", "Beauty & Personal Care > Hair Care"),
        ("Lumière", "Silken", "Peña & Co"),
        ("Repair", "Volume", "Colour Care"),
        (tuple((f"{n} fl oz", f"{n} Fl Oz") for n in (8.5, 12, 33.8)), (("", ""), ("Twin Pack", "Pack of 2"))),
        6.5,
    ),
    Kind(
        ("AA Batteries", "AA Alkaline Batteries Long Lasting"),
        ("Household", "Health & Household > Batteries"),
        ("Duravolt", "Enercel"),
        ("Max", "Industrial", "Everyday"),
        (tuple((f"{n} count", f"{n} Count (Pack of 1)") for n in (4, 8, 16, 24, 48)),),
        4.5,
    ),
    Kind(
        ("Sheet Set", "Bed Sheets Set, Microfiber, Deep Pocket"),
        ("Home", "Home & Kitchen > Bedding"),
        ("Linnaea", "Softmoor", "Casa Brisa"),
        ("Classic", "Hotel", "Cooling"),
        (_same("Twin", "Full", "Queen", "King"), _COLOURS),
        22.0,
    ),
    Kind(
        ("Blender", "Countertop Blender for Smoothies"),
        ("Home", "Home & Kitchen > Small Appliances"),
        ("Whirla", "Tamura", "Kestrel"),
        ("One", "Pulse", "Chef"),
        (tuple((f"{n}W", f"{n} Watts") for n in (500, 900, 1200)), _COLOURS[:3]),
        49.0,
        has_model=True,
    ),
    Kind(
        ("Running Shoes", "Road Running Shoe Lightweight Mesh"),
        ("Apparel", "Clothing, Shoes & Jewelry > Shoes"),
        ("Stridewell", "Corsa", "Pacer"),
        ("Glide", "Trail", "Tempo"),
        (tuple((f"Sz {n}", f"Size {n} US") for n in ("7", "8", "8.5", "9", "10", "11")), _COLOURS),
        59.0,
    ),
    Kind(
        ("Interior Paint", "Interior Wall Paint & Primer, Eggshell"),
        ("Hardware", "Tools & Home Improvement > Paint"),
        ("Huewell", "Bernhard's", "Coatline"),
        ("Premium", "Contractor", "Zero"),
        (_COLOURS, (("1 qt", "1 Quart"), ("1 gal", "1 Gallon"), ("5 gal", "5 Gallon Bucket"))),
        14.0,
    ),
    Kind(
        ("LED Light Bulb", "LED Bulbs A19 E26 Base"),
        ("Hardware", "Tools & Home Improvement > Light Bulbs"),
        ("Lumino", "Sunara", "Glowtech"),
        ("Eco", "Dimmable"),
        (
            tuple((f"{n}W equiv", f"{n} Watt Equivalent") for n in (40, 60, 75, 100)),
            tuple((f"{n} pk", f"{n}-Pack") for n in (2, 4, 8)),
            _same("2700K", "4000K", "5000K"),
        ),
        6.0,
    ),
    Kind(
        ("Vitamin C", "Vitamin C Supplement Tablets"),
        ("Health", "Health & Household > Vitamins"),
        ("Naturalis", "Vitaform", "Müller Gesund"),
        ("Plus Zinc", "Chewable", "Timed Release", "Vegan"),
        (
            tuple((f"{n} mg", f"{n}mg") for n in (250, 500, 1000)),
            tuple((f"{n} tabs", f"{n} Tablets") for n in (60, 120, 250)),
        ),
        7.0,
    ),
    Kind(
        ("Portable SSD", "External Solid State Drive USB 3.2"),
        ("Electronics", "Electronics > Computers > Storage"),
        ("Datavault", "Orvix", "Quartz", "Memora"),
        ("T5", "Shield", "Go"),
        (_same("500GB", "1TB", "2TB", "4TB"), _same("Black", "Blue")),
        59.0,
        has_model=True,
    ),
    Kind(
        ("Spiral Notebook", "Spiral Notebooks for School, Wide Ruled"),
        ("Office", "Office Products > Notebooks"),
        ("Pageworth", "Scrivo", "Campusline"),
        ("Basic", "Poly", "Recycled"),
        (
            tuple((f"{n} sht", f"{n} Sheets") for n in (70, 100, 120, 200)),
            (("1 subj", "1 Subject"), ("3 subj", "3 Subject"), ("5 subj", "5 Subject")),
        ),
        3.0,
    ),
)


def articles(seed: int) -> list[Article]:
    """Every article of every kind, in a random order; each has a model number and a valid GTIN of its own."""
    rng = random.Random(seed)
    made: list[Article] = []
    for kind in KINDS:
        for brand, line in itertools.product(kind.brands, kind.lines):
            prefix, series = f"{rng.randrange(10, 99)}{rng.randrange(100, 999)}", rng.randrange(2, 9)
            for place, values in enumerate(itertools.product(*kind.axes)):
                digits = f"{rng.choice('0678')}{prefix}{rng.randrange(10**5):05d}"
                model = f"{brand[:2].upper()}{line[0]}{series}{rng.randrange(100, 999)}{'ABCDEFGH'[place % 8]}"
                model = model if kind.has_model else ""
                price = round(kind.price * (1 + 0.35 * place) * rng.uniform(0.95, 1.05), 2)
                made.append(Article(kind, brand, line, values, model, digits + check_digit(digits), price))
    rng.shuffle(made)
    return made


def assortment(seed: int) -> tuple[list[Article], list[Article], set[Article]]:
    """The articles that the one retailer asks about, those that the other one lists, and those of both.

    The other one lists the variants of what it does not list: a listing without a counterpart has look-alikes.
    """
    rng = random.Random(seed + 1)
    every = articles(seed)
    queries = every[:QUERIES]
    unlisted = set(rng.sample(queries, int(QUERIES * _UNLISTED_SHARE)))
    asked = {article.family for article in queries}
    others = sorted(every[QUERIES:], key=lambda article: article.family not in asked)
    listed = [article for article in queries if article not in unlisted]
    candidates = [*listed, *others][:CANDIDATES]
    rng.shuffle(candidates)
    return queries, candidates, set(listed)
