"""Files into the store: which column is what, which rows are kept out, and the list of those."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.catalog.importer import ImportReport, import_file
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
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        yield opened


def load(store: CatalogStore, content: str, **options: Any) -> ImportReport:
    path = store.path.with_name("products.csv")
    path.write_text(content)
    options = {"source": "shop", "role": "catalog"} | options
    return import_file(store, path, **options)


def test_columns_are_guessed_and_the_others_kept(store: CatalogStore) -> None:
    load(
        store,
        "ASIN,Product Title,Manufacturer,Department,Model-Number,List Price,GTIN,Color,Empty\n"
        'B01,"Nice, TV",Acme,TVs,X-1,"$1,234.50",0012345678905,black,  \n',
    )
    assert store.get(ProductRef("shop", "B01")) == Product(
        "shop", "B01", "Nice, TV", "Acme", "TVs", "X-1", 1234.5, "0012345678905", {"Color": "black"}
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
    assert report.counts == ImportCount(added=2)
    assert report.rejected == {
        "no id": 1,
        "no title": 1,
        "duplicate id": 1,
        "bad price": 2,
        "wrong column count": 1,
    }
    assert report.rejects_path == rejects
    with rejects.open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["line", "reason", "row"]
    assert [(row[0], row[1]) for row in rows[1:]] == [
        ("3", "no id"),
        ("4", "no title"),
        ("5", "duplicate id"),
        ("6", "bad price"),
        ("7", "bad price"),
        ("8", "wrong column count"),
    ]
    assert rows[-1][2] == "6,short"
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
    with pytest.raises(CatalogError, match="no good row"):
        load(store, "id,title\n,a\n", rejects_path=rejects, prune=True)
    assert rejects.read_text() == before
    assert store.count() == 2
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
    assert load(store, BAD).counts == ImportCount(unchanged=2)


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
    assert done.counts == ImportCount(added=2, changed=1, unchanged=1, removed=int(prune), vanished=1, unread=2)


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
    report = import_file(store, path, source="shop", role="query")
    assert report.rejected == {"no title": 1}
    found = store.get(ProductRef("shop", "2"))
    assert found is not None
    assert found.extra == {"color": "red"}
