"""Files into the store: which column is what, which rows are kept out, and the list of those."""

import csv
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.catalog.columns import choose_columns
from core.catalog.import_report import ImportReport
from core.catalog.importer import ImportOptions, import_file
from core.catalog.product import Product
from core.catalog.store import CatalogStore, ImportCount, ImportRules
from core.errors import CatalogError
from labels.model import ProductRef

BAD = """sku,Product Name,price,brand
1,good,5.00,x
,no id,5.00,x
3,   ,5.00,x
1,again,5.00,x
4,not a price,cheap,x
5,negative,-5,x
6,short
7,"=1+1 also good",,x
8,one, cell too many,5.00,x
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        yield opened


def load(store: CatalogStore, content: str, **options: Any) -> ImportReport:
    path = store.path.with_name("products.csv")
    path.write_text(content)
    options = {"source": "shop", "role": "catalog"} | options
    source, progress = options.pop("source"), options.pop("progress", None)
    return import_file(store, path, source, ImportOptions(**options), progress)


def test_columns_are_guessed_and_the_others_kept(store: CatalogStore) -> None:
    load(
        store,
        "ASIN,Product Title,Manufacturer,Department,Model-Number,List Price,GTIN,Color,Empty\n"
        'B01,"Nice, TV",Acme,TVs,X-1,"$1,234.50",0012345678905,black,  \n',
    )
    assert store.get(ProductRef("shop", "B01")) == Product(
        "shop", "B01", "Nice, TV", "Acme", "TVs", "X-1", 1234.5, "0012345678905", {"Color": "black"}, "USD"
    )


def test_the_likeliest_name_wins_and_the_rest_is_extra(store: CatalogStore) -> None:
    load(store, "name,id,title,sku\nn,1,t,s\n")
    assert store.get(ProductRef("shop", "1")) == Product("shop", "1", "t", extra={"name": "n", "sku": "s"})


def test_a_mapping_overrides_the_guesses(store: CatalogStore) -> None:
    load(
        store,
        "id,title,bezeichnung,brand\n1,t,b,x\n",
        mapping={"title": "Bezeichnung", "brand": ""},
    )
    assert store.get(ProductRef("shop", "1")) == Product("shop", "1", "b", extra={"title": "t", "brand": "x"})


def test_a_column_that_is_not_there_is_an_error_that_lists_those_that_are(store: CatalogStore) -> None:
    with pytest.raises(CatalogError, match="no column 'nom'") as caught:
        load(store, "id,title\n1,a\n", mapping={"title": "nom"})
    assert "id, title" in caught.value.hint
    with pytest.raises(CatalogError, match="no field 'titel'"):
        load(store, "id,title\n1,a\n", mapping={"titel": "title"})


@pytest.mark.parametrize(("header", "field"), [("key,title", "id"), ("id,words", "title")])
def test_without_an_id_or_a_title_the_way_out_is_named(store: CatalogStore, header: str, field: str) -> None:
    with pytest.raises(CatalogError, match=field) as caught:
        load(store, header + "\n1,a\n")
    assert f"--map {field}=" in caught.value.hint


def test_a_message_about_columns_stays_short(store: CatalogStore) -> None:
    with pytest.raises(CatalogError) as caught:
        load(store, ",".join("x" * 1000 for _ in range(100)) + "\n")
    assert len(caught.value.message) < 1500


def test_bad_rows_are_counted_and_listed_and_stop_nothing(store: CatalogStore, tmp_path: Path) -> None:
    rejects = tmp_path / "out" / "rejects.csv"
    report = load(store, BAD, rejects_path=rejects)
    assert report.counts == ImportCount(added=5)
    assert report.rejected == {
        "no id": 1,
        "no title": 1,
        "duplicate id": 1,
        "wrong column count": 1,
    }
    assert report.rejects_path == rejects
    with rejects.open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["rejected_line", "rejected_reason", *BAD.partition("\n")[0].split(",")]
    assert [(row[0], row[1]) for row in rows[1:]] == [
        ("3", "no id"),
        ("4", "no title"),
        ("5", "duplicate id"),
        ("10", "wrong column count"),
    ]
    assert rows[-1][2:] == ["8", "one", " cell too many", "5.00", "x"]
    assert [path.name for path in rejects.parent.iterdir()] == ["rejects.csv"]


def test_the_list_disappears_when_nothing_was_rejected(store: CatalogStore, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    load(store, BAD, rejects_path=rejects)
    report = load(store, "id,title\n1,a\n", rejects_path=rejects)
    assert report.rejects_path is None
    assert not rejects.exists()


def test_a_failed_import_leaves_the_old_list_and_the_old_products(store: CatalogStore, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    load(store, BAD, rejects_path=rejects)
    before = rejects.read_text()
    with pytest.raises(CatalogError, match="no valid row"):
        load(store, "id,title\n,a\n", rejects_path=rejects, prune=True)
    assert rejects.read_text() == before
    assert store.count() == 5
    assert not list(tmp_path.glob(".rejects*"))


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_rejected_row_is_no_formula(store: CatalogStore, tmp_path: Path, start: str) -> None:
    rejects = tmp_path / "rejects.csv"
    load(store, f"title,id\n{start}cmd|' /C calc'!A0,\n", rejects_path=rejects)
    with rejects.open(newline="") as handle:
        assert list(csv.reader(handle))[1][2].startswith("'" + start)


def test_a_list_that_cannot_be_written_changes_nothing(store: CatalogStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="cannot be written"):
        load(store, BAD, rejects_path=tmp_path / "file" / "rejects.csv")
    assert store.count() == 0


def test_importing_twice_changes_nothing(store: CatalogStore) -> None:
    load(store, BAD)
    assert load(store, BAD).counts == ImportCount(unchanged=5)


@pytest.mark.parametrize("prune", [False, True])
def test_a_dry_run_tells_what_would_be_done_and_does_nothing(store: CatalogStore, tmp_path: Path, prune: bool) -> None:
    load(store, "id,title\n1,as before\n2,old\n9,gone\n")
    content = BAD.replace("sku,", "id,").replace("1,good,5.00,x", "1,as before,,") + "2,new,,\n8,fresh,,\n8,twice,,\n"
    options: dict[str, Any] = {"prune": prune, "role": "query", "rules": ImportRules(change_role=True)}
    told = load(store, content, dry=True, rejects_path=tmp_path / "rejects.csv", **options)
    assert [(each.role, each.products) for each in store.sources()] == [("catalog", 3)]
    assert store.get(ProductRef("shop", "2")) == Product("shop", "2", "old")
    assert not (tmp_path / "rejects.csv").exists()
    done = load(store, content, **options)
    assert (told.counts, told.columns, told.rejected) == (done.counts, done.columns, done.rejected)
    assert done.counts == ImportCount(added=5, changed=1, unchanged=1, removed=int(prune), vanished=1, unread=1)


def test_what_the_file_no_longer_has_is_reported_and_pruned_on_request(store: CatalogStore) -> None:
    load(store, "id,title\n1,a\n2,b\n")
    assert load(store, "id,title\n1,c\n").counts == ImportCount(changed=1, vanished=1)
    assert load(store, "id,title\n1,c\n", prune=True).counts == ImportCount(unchanged=1, removed=1, vanished=1)


def test_progress_counts_rows(store: CatalogStore) -> None:
    seen: list[int] = []
    load(store, "id,title\n" + "".join(f"{number},t\n" for number in range(2500)), progress=seen.append)
    assert seen == [1000, 2000, 2500]


@pytest.mark.parametrize("source", ["", " ", "a\nb", " walmart"])
def test_a_source_needs_a_name(store: CatalogStore, source: str) -> None:
    with pytest.raises(CatalogError, match="source"):
        load(store, "id,title\n1,a\n", source=source)


def test_a_later_json_line_may_have_more_columns(store: CatalogStore, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": 1, "title": "a"}\n' * 1 + '{"id": 2, "title": "b", "color": "red"}\n{"id": 3}\n')
    report = import_file(store, path, "shop", ImportOptions(role="query"))
    assert report.rejected == {"no title": 1}
    found = store.get(ProductRef("shop", "2"))
    assert found is not None
    assert found.extra == {"color": "red"}


def remarks_of(store: CatalogStore, content: str, **options: Any) -> str:
    return "\n".join(load(store, content, **options).remarks())


def test_a_price_that_cannot_be_read_costs_the_price_alone(store: CatalogStore) -> None:
    content = (
        'id,title,price\n1,a,$12.99 - $19.99\n2,b,N/A\n3,c,Call for price\n4,d,12.99 each\n5,e,\n6,f,"1.299,00 €"\n'
    )
    report = load(store, content)
    assert [(each.price, each.currency) for each in store.iter()] == [
        (12.99, "USD"), (None, ""), (None, ""), (12.99, ""), (None, ""), (1299.0, "EUR"),
    ]  # fmt: skip
    assert (report.counts.added, report.rejected) == (6, {})
    assert report.prices.as_dict() == {
        "unknown": 2, "lower_end": 1, "examples": ["N/A", "Call for price"], "currencies": {"USD": 1, "EUR": 1},
        "without_currency": 1,
    }  # fmt: skip
    told = "\n".join(report.remarks())
    assert "2 rows with an unreadable price, such as 'N/A', 'Call for price'" in told
    assert "1 row with a price range: the lower end was taken." in told
    assert "several currencies (USD 1, EUR 1)" in told


def test_what_is_assumed_of_a_price_without_a_currency_is_said(store: CatalogStore) -> None:
    plain, euros = "id,title,price\n1,a,12.99\n2,b,5\n", "id,title,price\n1,a,€12.99\n"
    # Nothing names a currency: there is nothing to assume.
    assert "currency" not in remarks_of(store, plain, source="ours", role="query")
    assert "currency" not in remarks_of(store, plain, source="theirs")
    load(store, euros, source="ours too", role="query")
    told = remarks_of(store, plain, source="theirs")
    assert "2 prices without a currency: assumed to be in EUR when compared." in told
    assert "--map currency=COLUMN" in told


def test_prices_with_a_currency_say_what_they_are_compared_with(store: CatalogStore) -> None:
    load(store, "id,title,price\n1,a,12.99\n", source="ours", role="query")
    told = remarks_of(store, "id,title,price\n1,a,€12.99\n", source="theirs")
    assert "prices of ours have no currency: they are assumed to be in EUR when compared." in told
    assert "without a currency" not in remarks_of(store, "id,title,price\n1,a,\n", source="third")


def test_a_source_does_not_count_as_another_when_its_role_changes(store: CatalogStore) -> None:
    load(store, "id,title,price\n1,a,12.99\n", source="ours", role="query")
    euros = "id,title,price\n1,a,€12.99\n"
    for dry in (True, False):
        rules = ImportRules(change_role=True)
        assert "no currency" not in remarks_of(store, euros, source="ours", role="catalog", rules=rules, dry=dry)


@pytest.mark.parametrize(
    "header", ["id,title,price,currency", "id,title,Preis,Währung", "id,title,prix,price_currency"]
)
def test_a_column_of_currencies_belongs_to_the_price(store: CatalogStore, header: str) -> None:
    load(store, f"{header}\n1,a,12.99,eur\n2,b,$5,EUR\n")
    assert [(each.currency, each.extra) for each in store.iter()] == [("EUR", {}), ("USD", {})]


@pytest.mark.parametrize("name", ["price_eur", "Preis (€)", "Price EUR"])
def test_the_name_of_a_column_says_the_currency(store: CatalogStore, name: str) -> None:
    load(store, f"id,title,{name}\n1,a,12.99\n")
    assert [(each.price, each.currency) for each in store.iter()] == [(12.99, "EUR")]


def test_text_comes_in_clean_and_placeholders_are_missing(store: CatalogStore) -> None:
    report = load(
        store,
        "id,title,brand,model,category,Color\n1,55&quot; <b>TV</b>,Unbranded,N/A,CafÃ©,nan\n2,nan,x,,,\n"
        "3,５５ TV,-,123456.0,,red\n",
    )
    assert list(store.iter()) == [
        Product("shop", "1", '55" TV', category="Café"),
        Product("shop", "3", "55 TV", model="123456", extra={"Color": "red"}),
    ]
    assert report.rejected == {"no title": 1}


def test_a_workspace_has_placeholders_of_its_own(store: CatalogStore, tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocabulary.toml"
    vocabulary.write_text('[[placeholders]]\nname = "brand"\nspellings = ["Hausmarke"]\n')
    load(store, "id,title,brand\n1,a,HAUSMARKE\n", vocabulary=vocabulary)
    assert [each.brand for each in store.iter()] == [""]


def test_nested_values_give_their_text(store: CatalogStore, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"_id": {"$oid": "65a"}, "name": "Sony TV", "brand": {"@type": "Brand", "name": "Sony"},'
        ' "categories": ["TV", "LED"], "offers": {"price": "12.99", "priceCurrency": "CAD"}}\n'
    )
    import_file(store, path, "shop", ImportOptions(role="query"))
    assert list(store.iter()) == [
        Product("shop", "65a", "Sony TV", "Sony", "TV > LED", price=12.99, currency="CAD"),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "sku,Item Description,Mfr,Dept,Part Number,Retail,UPC Code",
        "asin,product_title,Brand Name,category_path,MPN,Unit Price,barcode",
        "Item Number,Product Name,Manufacturer,Department,Model Number,retail_price,GTIN",
        "Artikelnummer,Bezeichnung,Hersteller,Warengruppe,Modellnummer,Verkaufspreis,EAN",
        "Référence,Libellé,Marque,Catégorie,Modèle,Prix TTC,Code-barres",
        "Código,Nombre,Marca,Categoría,Modelo,Precio,Código de barras",
    ],
)
def test_names_of_columns_as_retailers_have_them(store: CatalogStore, header: str) -> None:
    load(store, f"{header}\n1,a title,a brand,a category,M-1,5,012345678905\n")
    assert list(store.iter()) == [Product("shop", "1", "a title", "a brand", "a category", "M-1", 5.0, "012345678905")]


def test_which_of_several_columns_was_taken_is_said(store: CatalogStore) -> None:
    told = remarks_of(store, "product_id,sku,name,description,price,list price\n1,s,a,words,5,6\n")
    assert "id is read from product_id, not sku; to change it: --map id=sku" in told
    assert "price is read from price, not list price; to change it: --map price='list price'" in told
    assert "title" not in told
    assert "imported as further attributes: description" in told
    assert "no column is read as brand or model; if one holds it: --map brand=COLUMN" in told


def test_fields_without_a_column_are_named_only_where_a_column_is_left(store: CatalogStore) -> None:
    assert "no column is read" not in remarks_of(store, "id,title,price\n1,a,5\n")
    assert "no column is read" not in remarks_of(store, "id,title,brand,model,price,colour\n1,a,b,c,5,red\n")
    told = remarks_of(store, "id,title,Retail Pric,colour\n1,a,5,red\n")
    assert "no column is read as brand or model; if one holds it: --map brand=COLUMN" in told


def test_a_column_without_values_gives_way_to_another(store: CatalogStore) -> None:
    load(store, "id,title,price,Sale Price,upc,EAN\n1,a,,5,,4006381333931\n")
    assert [(each.price, each.upc) for each in store.iter()] == [(5.0, "4006381333931")]


def test_a_column_that_is_not_used_is_named_with_the_nearest_field(store: CatalogStore) -> None:
    told = remarks_of(store, "id,title,Retail Pric,Colour\n1,a,5,red\n")
    assert "'Retail Pric' is not used as the price; if that is what it holds: --map price='Retail Pric'" in told
    assert "imported as further attributes: Colour" in told
    with pytest.raises(CatalogError, match="looks like the title") as caught:
        load(store, "id,Producct Name\n1,a\n")
    assert "--map title='Producct Name'" in caught.value.hint
    with pytest.raises(CatalogError, match=r"looks like the id or the title\. It has: Codes, Producct Nme") as caught:
        load(store, "Codes,Producct Nme\n1,a\n")
    assert caught.value.hint.endswith("--map id=COLUMN --map title='Producct Nme'")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Item #", "id"), ("SKU#", "id"), ("Product Name (EN)", "title"), ("Titel [de]", "title"),
        ("BRAND/Mfr", "brand"), ("Category / Department", "category"), ("Model #", "model"), ("UPC/EAN", "upc"),
        ("Price (incl. VAT)", "price"), ("Preis (EUR)", "price"), ("UPC #", "upc"),
    ],
)  # fmt: skip
def test_headers_with_additions_are_recognised(header: str, field: str) -> None:
    columns = {"id": "id", "title": "title"} | {field: header}
    assert choose_columns([*columns.values()], {}, "p.csv").by_field == columns


@pytest.mark.parametrize(
    ("header", "field"),
    [("cost", "price"), ("Unit Cost", "price"), ("Amount", "price"), ("Supplier", "brand"), ("Group", "category")],
)
def test_a_column_that_may_be_a_field_is_suggested_but_not_chosen(header: str, field: str) -> None:
    choice = choose_columns(["id", "title", header], {}, "p.csv")
    assert field not in choice.by_field
    assert choice.suggested == {header: field}


@pytest.mark.parametrize("dry", [True, False])
def test_a_field_that_products_lose_is_named(store: CatalogStore, dry: bool) -> None:
    content = "id,title,cost,brand\n1,a,5,x\n2,b,,x\n3,c,7,\n"
    load(store, content, mapping={"price": "cost"})
    assert "lose" not in "".join(load(store, content, mapping={"price": "cost"}).remarks())
    told = load(store, content, dry=dry).remarks()
    assert told[0] == "2 products lose their price, which no column of this file is read as: --map price=COLUMN"
    assert load(store, content.replace(",x", ","), dry=dry, mapping={"price": "cost"}).remarks() == []


def test_a_price_per_unit_is_no_price() -> None:
    assert "price" not in choose_columns(["id", "title", "price/100 g"], {}, "p.csv").by_field


def test_ids_are_the_same_in_every_format(store: CatalogStore, tmp_path: Path) -> None:
    load(store, 'id,title\n12345.0,a\n="00123",b\n')
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": 12345.0, "title": "a"}\n{"id": "00123", "title": "b"}\n')
    report = import_file(store, path, "shop", ImportOptions(role="catalog"))
    assert report.counts == ImportCount(unchanged=2)
    assert [each.id for each in store.iter()] == ["12345", "00123"]


def test_an_id_that_an_earlier_version_took_stays(store: CatalogStore) -> None:
    store.replace("shop", "catalog", [Product("shop", "12345.0", "a")])
    assert load(store, "id,title\n12345.0,a\n12346.0,b\n").counts == ImportCount(added=1, unchanged=1)
    assert [each.id for each in store.iter()] == ["12345.0", "12346"]


def test_rounded_ids_are_told(store: CatalogStore) -> None:
    assert "1 id was rounded by a spreadsheet" in remarks_of(store, "id,title\n1.23457E+11,a\n")


def test_what_another_version_read_differently_is_said_once(store: CatalogStore) -> None:
    store.replace("shop", "catalog", [Product("shop", "1", "55&quot; TV")])
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE sources SET reader_version = 0")
    content = "id,title\n1,55&quot; TV\n"
    for dry in (True, False):
        report = load(store, content, dry=dry)
        assert report.counts.changed == 1
        assert "although the file is the same" in "\n".join(report.remarks())
    again = load(store, content)
    assert (again.counts, again.remarks()) == (ImportCount(unchanged=1), [])
