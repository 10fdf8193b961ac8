"""Purchase histories in the forms that shops export."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog.purchases import PurchaseHistory, read_purchases
from core.errors import CatalogError
from labels.model import ProductRef

DAY = date(2026, 3, 4).toordinal()


def find(retailer: str, id_: str) -> ProductRef | None:
    return ProductRef(retailer, id_) if retailer in {"walmart", "amazon"} else None


def read(folder: Path, content: str, **mapping: str) -> PurchaseHistory:
    path = folder / "p.csv"
    path.write_text(content, encoding="utf-8")
    return read_purchases(path, find, mapping)


@pytest.mark.parametrize(
    ("header", "mapping"),
    [
        ("customer,retailer,product,date", {}),
        ("Customer ID,Store Name,SKU,Order Date", {}),
        ("Kundennummer,Händler,Artikelnummer,Kaufdatum", {}),
        ("who,where,what,when", {"customer": "who", "retailer": "where", "product": "what", "date": "When"}),
        ("date,retailer,product,Sold on", {"customer": "date", "date": "Sold on"}),
    ],
)
def test_columns_are_recognised_or_mapped(tmp_path: Path, header: str, mapping: dict[str, str]) -> None:
    found = read(tmp_path, f"{header}\n7.0,walmart,a1,2026-03-04\n", **mapping)
    assert [(p.customer, p.product, p.day) for p in found.purchases] == [("7", ProductRef("walmart", "a1"), DAY)]


@pytest.mark.parametrize(
    "text", ["2026-03-04", "2026-03-04T23:59:59Z", "2026-03-04 10:00", "20260304", "2026/3/4", "04.03.2026", "4.3.2026"]
)
def test_dates_in_common_notations(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, f"customer,retailer,product,date\nann,amazon,1,{text}\n")
    assert [purchase.day for purchase in found.purchases] == [DAY]


@pytest.mark.parametrize(("other", "day"), [("25/03/2026", date(2026, 4, 3)), ("03/25/2026", date(2026, 3, 4))])
def test_the_file_tells_the_order_of_day_and_month(tmp_path: Path, other: str, day: date) -> None:
    rows = "".join(f"ann,amazon,1,{text}\n" for text in ("03/04/2026", other))
    found = read(tmp_path, f"customer,retailer,product,date\n{rows}")
    assert found.purchases[0].day == day.toordinal()
    assert found.notes == ()


def test_an_ambiguous_order_is_reported(tmp_path: Path) -> None:
    found = read(tmp_path, "customer,retailer,product,date\nann,amazon,1,03/04/2026\n")
    assert (found.purchases[0].day, len(found.notes)) == (DAY, 1)


def test_unusable_rows_are_counted_by_reason(tmp_path: Path) -> None:
    rows = [
        "ann,amazon,1,2026-03-04", ",amazon,1,2026-03-04", "ann,amazon,1,yesterday", "ann,amazon,1,2026-02-30",
        "ann,target,1,2026-03-04", "ann,amazon,1,2026-03-04,,extra", "ann,amazon,1,13/13/2026",
    ]  # fmt: skip
    found = read(tmp_path, "customer,retailer,product,date\n" + "\n".join(rows) + "\n")
    assert (found.rows, len(found.purchases)) == (7, 1)
    assert found.skipped == {
        "no customer": 1, "no readable date": 3, "product not in the catalogue": 1, "wrong column count": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "mapping", "message"),
    [
        ("customer,retailer,product\n1,2,3\n", {}, "looks like the date"),
        ("id,x\n1,2\n", {}, "looks like the customer or the retailer or the product or the date"),
        ("customer,retailer,product,date\n1,2,3,4\n", {"when": "date"}, "no field 'when'"),
        ("customer,retailer,product,date\n1,2,3,4\n", {"date": "day"}, "no column 'day'"),
        ("", {}, "is empty"),
        ("\x00\x01\x02\x03\x04\x05", {}, "not text"),
    ],
)
def test_a_file_without_purchases_is_refused(
    tmp_path: Path, content: str, mapping: dict[str, str], message: str
) -> None:
    with pytest.raises(CatalogError, match=message):
        read(tmp_path, content, **mapping)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_no_date_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("purchases")
    cell = text.replace('"', '""')
    found = read(folder, f'customer,retailer,product,date\nann,amazon,1,"{cell}"\n')
    assert found.rows >= 1
