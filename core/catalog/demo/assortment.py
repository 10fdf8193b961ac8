"""Which items Walmart asks about and which ones Amazon lists: all that the right answers follow from."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.catalog.demo.chance import happens
from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.demo.family import Department, Item, expand

# Store brands are sold by their owner alone, so the other retailer has only look-alikes.
WALMART_BRANDS = frozenset(
    {
        "Great Value",
        "Equate",
        "Parent's Choice",
        "onn.",
        "Mainstays",
        "Hyper Tough",
        "Ozark Trail",
        "Pen+Gear",
    }
)
AMAZON_BRANDS = frozenset({"365 by Whole Foods Market", "Amazon Basics", "Happy Belly", "Solimo", "Mama Bear"})

FIRST_SELLER = "Amazon.com"
SECOND_SELLER = "Bluefin Goods"
# Of the queries with a match, every so many-th has two.
TWICE_EVERY = 7
# Of all other items, so many are listed by a second seller too: duplicates are no sign of a match.
TWICE_SHARE = 0.03

# What a family's queries are, by the family's turn: is the answer listed? Several of a family, since a lesson learnt
# from one variant should show on the next.
TURNS: tuple[tuple[bool, ...], ...] = ((True, False, True), (False, True, False))


@dataclass(frozen=True, slots=True)
class Assortment:
    """The shops' shelves.

    Attributes:
        queries: items at Walmart, each once.
        offers: items at Amazon with their sellers.
    """

    queries: tuple[Item, ...]
    offers: tuple[tuple[Item, str], ...]


def assortment(departments: Sequence[Department] = DEPARTMENTS) -> Assortment:
    """Puts every item of every department on the shelves where it belongs."""
    queries: list[Item] = []
    offers: list[tuple[Item, str]] = []
    answered = 0
    families = [(department, family) for department in departments for family in department.families]
    for turn, (department, family) in enumerate(families):
        items = expand(department, family)
        roles = _queried(items, TURNS[turn % len(TURNS)])
        queries.extend(roles)
        for item in items:
            if item.brand in WALMART_BRANDS or roles.get(item) is False:
                continue
            offers.append((item, FIRST_SELLER))
            if item in roles:
                answered += 1
                twice = answered % TWICE_EVERY == 0
            else:
                twice = happens(TWICE_SHARE, "twice", item.key)
            if twice:
                offers.append((item, SECOND_SELLER))
    return Assortment(tuple(queries), tuple(offers))


def _queried(items: list[Item], turn: tuple[bool, ...]) -> dict[Item, bool]:
    """The family's queries, and for each whether Amazon lists it."""
    at_walmart = [item for item in items if item.brand not in AMAZON_BRANDS]
    roles: dict[Item, bool] = {}
    for listed in turn:
        free = [item for item in at_walmart if item not in roles]
        own = [item for item in free if item.brand in WALMART_BRANDS]
        shared = [item for item in free if item.brand not in WALMART_BRANDS]
        # A store brand is the best question without an answer, and can be no other.
        choice = shared if listed else own or shared
        if choice:
            roles[choice[0]] = listed
    return roles
