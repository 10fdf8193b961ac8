"""Rows of the list: whatever the width and the columns beside the title, two products never look the same."""

import pytest
from desk_bench import Bench, screen_text, settled
from test_abbreviate import FAMILIES

from core.catalog.product import Product
from core.matching.bands import Band
from core.queue.item import Option
from labels.annotations import StandingDecision
from labels.model import Decision, ShownScores, Stream, Strength
from tui.review.candidates import Columns, row_lines


def options_of(titles: list[str], *, people: tuple[str, ...] = (), ids: list[str] | None = None) -> list[Option]:
    products = [
        Product("amazon" if place % 2 else "ebay", (ids or [])[place] if ids else f"B{place:09}", title, price=9.0)
        for place, title in enumerate(titles)
    ]
    return [
        Option(
            product, rank, 0.8, rank, rank, Band.MEDIUM, retrieved=rank,
            opinions=tuple(
                StandingDecision(
                    product.ref, name, Decision.MATCH, Strength.EXPLICIT, Stream.TRIAGE, "2025-01-01T00:00:00Z",
                    900, False, ShownScores(),
                )
                for name in people
            ),
        )
        for rank, product in enumerate(products, 1)
    ]  # fmt: skip


def rows(options: list[Option], width: int, lines: int, *, blind: bool) -> list[str]:
    """What the rows show beside their number: of rows with equal scores and prices, only the title."""
    columns = Columns.of(options, "Some query", width, lines, blind=blind)
    found = [row_lines(place, option, columns, cursor=False) for place, option in enumerate(options)]
    assert all(len(row) == lines and all(line.cell_length <= width for line in row) for row in found)
    return ["\n".join(line.plain[3:] for line in row) for row in found]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("width", "lines", "people"),
    [(80, 1, ()), (62, 2, ()), (62, 1, ()), (40, 1, ()), (80, 1, ("ada", "bob")), (62, 2, ("ada", "bob"))],
)
def test_no_two_rows_look_the_same(family: str, width: int, lines: int, people: tuple[str, ...]) -> None:
    options = options_of(FAMILIES[family], people=people)
    for blind in (False, True):
        assert len(set(rows(options, width, lines, blind=blind))) == len(options)


def test_a_row_of_two_lines_has_more_than_the_price_on_the_second() -> None:
    short, long = "Sony headphones", "Sony headphones with a very long title that needs a second line of the row"
    products = [
        Product("amazon", "B1", short, brand="Sony", model="MDR-7506", price=9.0),
        Product("amazon", "B2", f"{short} MDR7506", brand="Sony", model="MDR-7506", price=9.0),
        Product("amazon", "B3", f"{short} Black", price=9.0),
        Product("amazon", "B4", long, brand="Sony", model="MDR-7506", price=9.0),
        Product("amazon", "B5", short, brand="A brand with a name that is longer than the column", price=9.0),
    ]
    options = [Option(product, 1, 0.8, 1, 1, Band.MEDIUM) for product in products]
    found = [row.split("\n")[1].split("  ") for row in rows(options, 62, 2, blind=False)]
    seconds = [[part.strip() for part in row if part.strip()] for row in found]
    assert seconds == [
        ["MDR-7506", "9.00"], ["amazon B2", "9.00"], ["amazon B3", "9.00"],
        ["that needs a second line of the row", "9.00"],
        ["A brand with a name that is longer than …", "9.00"],
    ]  # fmt: skip


def test_details_do_not_make_a_row_look_like_one_with_a_longer_title() -> None:
    first, second = "Sony headphones with a cable of 3 metres", "noise-cancelling model"
    products = [
        Product("amazon", "B1", first, brand=second), Product("amazon", "B2", f"{first} {second}", brand="Sony"),
    ]  # fmt: skip
    options = [Option(product, 1, 0.8, 1, 1, Band.MEDIUM) for product in products]
    assert len(set(rows(options, 62, 2, blind=True))) == 2


def test_equal_titles_and_ids_of_two_sources_are_shown_with_both() -> None:
    found = rows(options_of(["Sony MDR"] * 2, ids=["17", "17"]), 80, 1, blind=True)
    assert ["ebay 17" in found[0], "amazon 17" in found[1]] == [True, True]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_headings_are_above_their_columns(bench: Bench, size: tuple[int, int]) -> None:
    app = bench.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        lines = screen_text(app).splitlines()
        title = next(at for at, line in enumerate(lines) if " title " in line)
        assert not lines[title].partition(" title ")[0].endswith(("=", "≈", "≠"))  # one title: nothing to compare
        assert "walmart q3" not in lines[title - 1]
        assert "amazon q3-c1" in lines[title - 1]
        heading = next(line for line in lines[title:] if "walmart q3" in line)
        brand = next(line for line in lines[title:] if " brand " in line)
        for name, value in (
            ("walmart q3", brand.index("WD", brand.index(" brand "))),
            ("amazon q3-c1", brand.rindex("WD")),
        ):
            assert heading.index(name) == value
