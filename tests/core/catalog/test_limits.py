"""One limit for a value, a row, the columns and an id, the same in every format; and what computes is not read."""

import csv
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attack_files import csv_columns, sqlite_endless_view, sqlite_generated, sqlite_large_view, sqlite_of

from core.catalog.benchmarks import import_walmart_amazon
from core.catalog.importer import ImportOptions, import_file
from core.catalog.product import Product, Role
from core.catalog.readers import BadRow, Reason, Row, read_table
from core.catalog.store import CatalogStore, ImportRules
from core.cli.import_ import products
from core.errors import CatalogError
from labels.exchange.files import MAX_COLUMNS, MAX_NAME, MAX_ROW, MAX_VALUE
from labels.model import ProductRef

Rows = list[dict[str, str]]


def as_csv(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def as_tsv(path: Path, rows: Rows) -> None:
    path.write_text("\n".join("\t".join(cells) for cells in (rows[0].keys(), *(row.values() for row in rows))))


def as_jsonl(path: Path, rows: Rows) -> None:
    path.write_text("\n".join(map(json.dumps, rows)))


def as_parquet(path: Path, rows: Rows) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


def as_sqlite(path: Path, rows: Rows) -> None:
    columns = ", ".join(f'"{name}"' for name in rows[0])
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"CREATE TABLE p ({columns})")
        places = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT INTO p VALUES ({places})", [tuple(row.values()) for row in rows])  # noqa: S608
        db.commit()


FORMATS = (as_csv, as_tsv, as_jsonl, as_parquet, as_sqlite)


def written(folder: Path, write: Callable[[Path, Rows], None], rows: Rows) -> Path:
    ending = {"jsonl": "jsonl"}.get(write.__name__.removeprefix("as_"), "x")
    path = folder / f"products.{ending}"
    path.unlink(missing_ok=True)
    write(path, rows)
    return path


def row(id_: str, **more: str) -> dict[str, str]:
    return {"id": id_, "title": "a", "one": "", "two": "", "three": "", "four": "", "five": ""} | more


@pytest.mark.parametrize("write", FORMATS)
def test_a_row_over_a_limit_is_rejected_and_the_others_come_in(
    tmp_path: Path, write: Callable[[Path, Rows], None]
) -> None:
    most, part = "x" * MAX_VALUE, "y" * (MAX_VALUE - 10)
    rows = [
        row("1", one=most), row("2", one=most + "x"), row("3"),
        row("4", one=part, two=part, three=part, four=part, five=part), row("5"),
    ]  # fmt: skip
    read = list(read_table(written(tmp_path, write, rows)).rows)
    good = [found.values["id"] for found in read if isinstance(found, Row)]
    bad = {found.reason for found in read if isinstance(found, BadRow)}
    assert (good, len(read)) == (["1", "3", "5"], 5)
    assert bad == {Reason.LONG_VALUE, Reason.TOO_LONG}


@pytest.mark.parametrize("write", [as_csv, as_tsv, as_jsonl, as_parquet])
def test_a_table_with_too_many_columns_is_refused(tmp_path: Path, write: Callable[[Path, Rows], None]) -> None:
    names = [f"c{number}" for number in range(MAX_COLUMNS - 2)]
    path = written(tmp_path, write, [{"id": "1", "title": "a"} | dict.fromkeys(names, "x")])
    assert len(list(read_table(path).rows)) == 1
    path = written(tmp_path, write, [{"id": "1", "title": "a", "more": "x"} | dict.fromkeys(names, "x")])
    with pytest.raises(CatalogError, match="columns") as refusal:
        read_table(path)
    assert refusal.value.hint
    assert len(refusal.value.message) < 300


@pytest.mark.parametrize("write", FORMATS)
def test_a_name_of_a_column_has_a_length(tmp_path: Path, write: Callable[[Path, Rows], None]) -> None:
    path = written(tmp_path, write, [{"id": "1", "title": "a", "n" * (MAX_NAME + 1): "x"}])
    with pytest.raises(
        CatalogError, match="column name too long" if write is as_jsonl else "a name may have"
    ) as refusal:
        read_table(path)
    assert len(refusal.value.message) < 300


def test_a_million_columns_are_refused_at_once(tmp_path: Path) -> None:
    csv_columns(tmp_path / "wide.csv", 400_000)
    with pytest.raises(CatalogError, match="400,002 columns; a table may have 4,096"):
        read_table(tmp_path / "wide.csv")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        yield opened


@pytest.mark.parametrize("write", FORMATS)
def test_ids_that_act_or_are_too_long_are_rejected(
    tmp_path: Path, store: CatalogStore, write: Callable[[Path, Rows], None]
) -> None:
    bad = ["\x1b[31m1", "2\u202e", "3\x9b", "4\ufeff5", "6\u200e", "7\x7f8", "9\u2028x"]
    ids = ["1", *bad, "x" * MAX_NAME, "x" * (MAX_NAME + 1), "zero\u200bwidth", "é\\x1b"]
    if write is as_jsonl:
        ids += ["tab\there", "line\nfeed"]
    path, rejects = written(tmp_path, write, [row(id_) for id_ in ids]), tmp_path / "rejects.csv"
    report = import_file(store, path, "shop", ImportOptions(role="catalog", rejects_path=rejects))
    assert report.rejected == {
        Reason.BAD_ID: len(bad) + 2 * (write is as_jsonl), Reason.LONG_ID: 1,
    }  # fmt: skip
    assert [product.id for product in store.iter()] == ["1", "x" * MAX_NAME, "zero\u200bwidth", "é\\x1b"]
    listed = rejects.read_text()
    assert "\\x1b[31m1" in listed
    assert r"\u202e" in listed
    # A tab between two cells is no part of either.
    listed = listed.replace("\t", "") if write is as_tsv else listed
    assert not any(sign in listed for sign in "\x1b\u202e\x9b\ufeff\u200e\x7f\u2028\t\r")


def test_the_list_of_rejected_rows_acts_nowhere(tmp_path: Path, store: CatalogStore) -> None:
    path, rejects = tmp_path / "p.csv", tmp_path / "rejects.csv"
    path.write_text('id,title\n,"\x1b]52;c;ZXZpbA==\x07 \u202egnp \x9b2J two\nlines"\n\x1b[2J\n', encoding="utf-8")
    import_file(store, path, "shop", ImportOptions(role="catalog", rejects_path=rejects))
    with rejects.open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[1][2:] == ["", r"\x1b]52;c;ZXZpbA==\x07 \u202egnp \x9b2J two\x0alines"]
    assert rows[2][2:] == [r"\x1b[2J", ""]
    assert "\x1b" not in rejects.read_text()


def test_the_help_names_the_limits() -> None:
    for limit in (MAX_VALUE, MAX_ROW, MAX_NAME, MAX_COLUMNS):
        assert f"{limit:,}" in (products.__doc__ or "")


# -- SQLite --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [sqlite_endless_view, sqlite_large_view])
def test_a_view_is_not_read(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "v.db")
    with pytest.raises(CatalogError, match="products is a view; only tables are read") as refusal:
        read_table(tmp_path / "v.db", "products")
    assert "Its tables: other." in refusal.value.hint
    assert read_table(tmp_path / "v.db").columns == ("id", "title")


def test_a_database_of_views_alone(tmp_path: Path) -> None:
    sqlite_of(tmp_path / "v.db", "CREATE VIEW v AS SELECT 1 AS id, 2 AS title")
    with pytest.raises(CatalogError, match="without tables") as refusal:
        read_table(tmp_path / "v.db")
    assert "view" in refusal.value.hint


def test_a_virtual_table_is_not_read(tmp_path: Path) -> None:
    sqlite_of(tmp_path / "v.db", "CREATE TABLE p (id, title)", "CREATE VIRTUAL TABLE v USING fts5 (id, title)")
    with pytest.raises(CatalogError, match="v is a virtual table"):
        read_table(tmp_path / "v.db", "v")


@pytest.mark.slow
def test_a_column_that_is_computed_is_left_out(tmp_path: Path) -> None:
    sqlite_generated(tmp_path / "g.db")
    table = read_table(tmp_path / "g.db")
    assert table.columns == ("id", "title")
    assert list(table.rows) == [Row(1, {"id": "1", "title": "a"})]
    sqlite_of(tmp_path / "s.db", "CREATE TABLE p (id, title AS (id || 'x') STORED)", "INSERT INTO p VALUES (1)")
    assert list(read_table(tmp_path / "s.db").rows) == [Row(1, {"id": "1", "title": "1x"})]


def test_a_table_that_turns_out_to_be_a_view_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "forged.db"
    sqlite_of(path, "CREATE TABLE p (id, title)", "CREATE TABLE q (id)", "INSERT INTO p VALUES (1, 'secret')")
    sqlite_of(
        path, "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE VIEW q AS SELECT id, title FROM p, p, p' WHERE name = 'q'",
    )  # fmt: skip
    with pytest.raises(CatalogError) as refusal:
        list(read_table(path, "q").rows)
    assert refusal.value.hint


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_value_that_is_too_large_to_be_read_costs_its_row(tmp_path: Path, place: int) -> None:
    path = tmp_path / "large.db"
    sqlite_of(path, "CREATE TABLE p (id, title, rowid TEXT)")
    for number in range(3):
        title = "zeroblob(20000000)" if number == place else "'a'"
        sqlite_of(path, f"INSERT INTO p VALUES ({number}, {title}, 'r')")  # noqa: S608 - constants
    found = list(read_table(path).rows)
    assert [each.line for each in found] == [1, 2, 3]
    assert [isinstance(each, BadRow) for each in found] == [number == place for number in range(3)]
    assert [each.values["id"] for each in found if isinstance(each, Row)] == [str(n) for n in range(3) if n != place]


def test_a_table_without_numbers_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    sqlite_of(path, "CREATE TABLE p (id PRIMARY KEY, title) WITHOUT ROWID", "INSERT INTO p VALUES (1, 'a'), (2, 'b')")
    assert [row.line for row in read_table(path).rows] == [1, 2]
    sqlite_of(path, "INSERT INTO p VALUES (3, zeroblob(20000000))")
    with pytest.raises(CatalogError, match="is longer than"):
        list(read_table(path).rows)


def test_a_locked_database_is_called_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.catalog.readers.sqlite._WAIT_S", 0.05)
    path = tmp_path / "locked.db"
    sqlite_of(path, "CREATE TABLE p (id, title)")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CatalogError, match=r"is locked\.$") as refusal:
            read_table(path)
        assert "try again" in refusal.value.hint


def test_a_damaged_table_that_leads_in_circles_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "circle.db"
    sqlite_of(path, "PRAGMA page_size = 512", "CREATE TABLE p (id, title)")
    with closing(sqlite3.connect(path)) as db:
        db.executemany("INSERT INTO p VALUES (?, ?)", [(str(number), "x" * 50) for number in range(200)])
        db.commit()
        (root,) = db.execute("SELECT rootpage FROM sqlite_master").fetchone()
    data = bytearray(path.read_bytes())
    start = (root - 1) * 512
    inner = data[start : start + 512]
    assert inner[0] == 5  # a page that leads to others: https://www.sqlite.org/fileformat.html#b_tree_pages
    cells = int.from_bytes(inner[3:5])
    places = [8, *(int.from_bytes(inner[12 + 2 * cell : 14 + 2 * cell]) for cell in range(cells))]
    leaf, pages = int.from_bytes(inner[8:12]), len(data) // 512
    # Six such pages below one another, each of which leads to the next a dozen times: millions of times to one leaf.
    for level in range(6):
        for place in places:
            inner[place : place + 4] = (leaf if level == 5 else pages + 1 + level).to_bytes(4)
        if level == 0:
            data[start : start + 512] = inner
        else:
            data += inner
    data[28:32] = (len(data) // 512).to_bytes(4)
    path.write_bytes(data)
    with pytest.raises(CatalogError, match="returns more data than it contains"):
        list(read_table(path).rows)


# -- broken off ----------------------------------------------------------------------------------------------


def test_an_import_that_is_broken_off_leaves_the_catalogue_as_it_was(tmp_path: Path, store: CatalogStore) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title\n1,before\n")
    import_file(store, path, "shop", ImportOptions(role="catalog"))
    path.write_text("id,title\n1,after\n" + "".join(f"{number},b\n" for number in range(2, 1500)))

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    options = ImportOptions(role="query", rejects_path=tmp_path / "rejects.csv", rules=ImportRules(change_role=True))
    with pytest.raises(KeyboardInterrupt):
        import_file(store, path, "shop", options, interrupted)
    assert [(product.id, product.title) for product in store.iter(role="catalog")] == [("1", "before")]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["catalog.db", "p.csv"]


def test_both_tables_of_the_benchmark_come_in_or_neither(tmp_path: Path, store: CatalogStore) -> None:
    (tmp_path / "tableA.csv").write_text("id,title\n1,a\n")
    (tmp_path / "tableB.csv").write_text("no,columns\n")
    with pytest.raises(CatalogError):
        import_walmart_amazon(store, tmp_path)
    assert store.sources() == []
    (tmp_path / "tableB.csv").unlink()
    os.mkfifo(tmp_path / "tableB.csv")
    with pytest.raises(CatalogError, match="is a FIFO"):
        import_walmart_amazon(store, tmp_path)
    assert store.sources() == []


def test_ids_of_earlier_versions_stay_as_they_are(tmp_path: Path, store: CatalogStore) -> None:
    role: Role = "catalog"
    store.replace("shop", role, [Product("shop", "\x1b[31m1", "old")])
    path = tmp_path / "p.csv"
    path.write_text("id,title\n2,new\n")
    import_file(store, path, "shop", ImportOptions(role=role))
    assert store.get(ProductRef("shop", "\x1b[31m1")) is not None
