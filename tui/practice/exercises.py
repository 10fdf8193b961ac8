"""The practice exercises: three invented queries with their correct answers and feedback texts.

In the texts, `{accept}` stands for the key of that action.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.catalog.product import Product
from core.matching.bands import Band
from core.queue.item import Option, ReviewItem
from labels.model import Stream

_HOME, _MARKET = "shop", "market"


@dataclass(frozen=True, slots=True)
class Exercise:
    """A query with a known answer.

    Attributes:
        task: shown before a decision is made.
        matches: ids of the candidates that are the same product.
        explanation: shown for the correct answer.
        hint: shown for an answer without all matches.
        differences: for each other candidate's id, why it is a different product.
    """

    item: ReviewItem
    task: str
    matches: frozenset[str]
    explanation: str
    hint: str
    differences: Mapping[str, str]


def _query(number: int, title: str, brand: str, category: str, model: str, price: float) -> Product:
    return Product(_HOME, str(number), title, brand, category, model, price)


def _item(query: Product, *candidates: tuple[str, str, str, float, float, float, Band]) -> ReviewItem:
    """A query with candidates as (title, brand, model, price, similarity, probability, band), numbered from 1."""
    options = tuple(
        Option(
            Product(_MARKET, str(rank), title, brand, query.category, model, price),
            rank, similarity, rank, rank, band, probability=probability, retrieved=rank,
        )
        for rank, (title, brand, model, price, similarity, probability, band) in enumerate(candidates, 1)
    )  # fmt: skip
    return ReviewItem(query, options, Stream.TRIAGE, blind=False, reason="Invented products for practice.")


EXERCISES = (
    Exercise(
        item=_item(
            _query(1, "Tarnby KT-204 Cordless Electric Kettle, 1.7 Liter, Steel", "Tarnby", "Kettles", "KT-204", 34.99),
            ("Tarnby 1.7L Steel Electric Kettle, Cordless (KT204)", "Tarnby", "KT204", 31.5, 0.91, 0.97, Band.HIGH),
            ("Tarnby KT-210 Cordless Electric Kettle, 1.0 Liter", "Tarnby", "KT-210", 29.99, 0.89, 0.16, Band.MEDIUM),
            ("Morvan Cordless Electric Kettle, 1.7 Liter, Steel", "Morvan", "MK-17", 34.99, 0.84, 0.004, Band.LOW),
            ("Lid for Tarnby KT-204 Electric Kettle, Steel", "Tarnby", "KT-204-L", 8.9, 0.82, 0.03, Band.LOW),
        ),
        task="Which candidate is the same product as the one on top? {down} and {up} move, {accept} accepts. "
        "Words that only one title has are marked.",
        matches=frozenset({"1"}),
        explanation="KT-204 equals KT204, and 1.7 Liter equals 1.7L. Prices vary between retailers.",
        hint="The first is the same: model number and size agree, in another spelling.",
        differences={
            "2": "KT-210 is another model, with 1.0 liter instead of 1.7.",
            "3": "Morvan is another brand, although the other words agree.",
            "4": "This is only the lid: a spare part is not the product that it fits.",
        },
    ),
    Exercise(
        item=_item(
            _query(2, 'Velmora V55U7 55" 4K Smart LED TV', "Velmora", "Televisions", "V55U7", 379.0),
            ("Velmora 65-Inch 4K Smart LED TV (V65U7)", "Velmora", "V65U7", 429.0, 0.94, 0.58, Band.MEDIUM),
            ("Velmora 55-Inch 4K Smart LED TV V55U5, Renewed", "Velmora", "V55U5", 289.0, 0.92, 0.41, Band.MEDIUM),
            ("Velmora 43-Inch 4K Smart LED TV (V43U7)", "Velmora", "V43U7", 259.0, 0.9, 0.05, Band.LOW),
            ("Wall Mount for Velmora 55-Inch TV V55U7", "Stronghold", "WM-55", 34.5, 0.81, 0.02, Band.LOW),
        ),
        task="The first candidate has a fairly high score. Is it right? {none} rejects all of them.",
        matches=frozenset(),
        explanation="The first has 65 inch, not 55; the others are another model, another size, and a mount. "
        "A score is only an estimate.",
        hint="The listings show it: 65 inch, an older model, 43 inch, and a mount. None of them is the same.",
        differences={
            "1": "65 inch is not 55 inch: check the marked numbers.",
            "2": "V55U5 is another model than V55U7, and renewed is not new.",
            "3": "43 inch is not 55 inch.",
            "4": "A wall mount is not a television, although its title names one.",
        },
    ),
    Exercise(
        item=_item(
            _query(3, "Brightwell AA Alkaline Batteries, 24 Count", "Brightwell", "Batteries", "", 11.49),
            ("Brightwell AA Alkaline Batteries, Pack of 24", "Brightwell", "", 10.99, 0.96, 0.98, Band.HIGH),
            ("Brightwell AA Alkaline Batteries, 48 Count", "Brightwell", "", 19.99, 0.95, 0.22, Band.MEDIUM),
            ("Brightwell Alkaline Batteries AA, Long Life, 24-Pack", "Brightwell", "", 12.25, 0.9, 0.9, Band.HIGH),
            ("Brightwell AAA Alkaline Batteries, 24 Count", "Brightwell", "", 11.49, 0.93, 0.08, Band.LOW),
        ),
        task="A retailer may list one product twice. {accept_stay} accepts a candidate and stays; {accept} accepts one "
        "and goes on. Count what is in each pack.",
        matches=frozenset({"1", "3"}),
        explanation="Both are the pack of 24: 24 count, pack of 24 and 24-pack are one thing.",
        hint="The first and the third are both packs of 24. {accept_stay} accepts one and stays, for the other.",
        differences={
            "2": "48 batteries are not 24, although everything else agrees.",
            "4": "AAA is a different size from AA.",
        },
    ),
)
