"""JSON lines, Parquet, SQLite, and files that hold no table."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog.readers import BadRow, Reason, Row, read_table
from core.errors import CatalogError


def rows_of(path: Path, table: str | None = None) -> list[dict[str, str]]:
    return [row.values for row in read_table(path, table).rows if isinstance(row, Row)]


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"id": 12345678901234567890, "title": "a", "price": 12.50, "new": true, "gone": null}\n'
        "\n"
        "not json\n"
        "[1]\n"
        '{"id": 2, "title": "\\ud800"}\n'
        '{"id": 3, "title": "\\u0000", "sizes": ["S", 1.5], "more": {"ü": null}}\n'
    )
    table = read_table(path)
    assert table.columns == ("id", "title", "price", "new", "gone", "sizes", "more")
    rows = list(table.rows)
    assert rows[0] == Row(1, {"id": "12345678901234567890", "title": "a", "price": "12.50", "new": "true", "gone": ""})
    assert [(row.line, row.reason) for row in rows if isinstance(row, BadRow)] == [
        (3, Reason.NOT_AN_OBJECT),
        (4, Reason.NOT_AN_OBJECT),
        (5, Reason.UNDECODABLE),
    ]
    assert rows[-1] == Row(6, {"id": "3", "title": "\ufffd", "sizes": '["S", 1.5]', "more": '{"ü": null}'})


def test_json_lines_are_recognised_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text('{"id": "1", "title": "' + "x" * 100_000 + '"}\n')
    assert len(rows_of(path)) == 1


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": ' * 50_000, "9" * 10_000, '{"a": [' + "9" * 10_000 + "]}"])
def test_hostile_json_is_a_bad_row(tmp_path: Path, line: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": 1}\n' + line + "\n")
    assert [row.line for row in read_table(path).rows if isinstance(row, BadRow)] == [2]


TEXT = st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.dictionaries(TEXT, TEXT, min_size=1), min_size=1), ascii_only=st.booleans())
def test_json_lines_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], ascii_only: bool
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "t.jsonl"
    # Some control characters are let through: json escapes them, or the file counts as binary.
    text = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    path.write_text(text, encoding="utf-8")
    assert rows_of(path) == rows


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "products",
        {
            "id": [1.0, 2.0],
            "title": ["a", None],
            "price": [12.5, float("nan")],
            "tags": [["x", "y"], []],
            "picture": [b"\xff\xd8", b"text"],
        },
    )
    assert list(read_table(path).rows) == [
        Row(1, {"id": "1", "title": "a", "price": "12.5", "tags": '["x", "y"]', "picture": ""}),
        Row(2, {"id": "2", "title": "", "price": "", "tags": "[]", "picture": "text"}),
    ]


def test_text_in_parquet_that_is_not_utf8_costs_one_row(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    broken = pa.array([b"good", b"\xff"], pa.binary()).view(pa.string())
    rows = list(read_table(parquet(tmp_path / "p.parquet", {"title": broken})).rows)
    assert rows == [Row(1, {"title": "good"}), BadRow(2, Reason.UNDECODABLE, "\\xff", {"title": "\\xff"})]


def test_a_truncated_parquet_file_is_one_sentence(tmp_path: Path) -> None:
    path = parquet(tmp_path / "p.parquet", {"id": list(range(1000))})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CatalogError, match="Parquet"):
        read_table(path)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.parquet"
    path.write_bytes(b"PAR1....PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CatalogError) as caught:
        read_table(path)
    assert "'.[train]'" in caught.value.hint


def database(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()
    return path


def test_the_only_table_of_a_database(tmp_path: Path) -> None:
    path = database(
        tmp_path / "p#1 %.db",
        "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, title, price)",
        "INSERT INTO p (title, price) VALUES ('a', 1.5), (CAST(x'ff' AS TEXT), 2), (NULL, 3.0)",
    )
    before = path.read_bytes()
    assert list(read_table(path).rows) == [
        Row(1, {"id": "1", "title": "a", "price": "1.5"}),
        BadRow(2, Reason.UNDECODABLE, "2,\\xff,2", {"id": "2", "title": "\\xff", "price": "2"}),
        Row(3, {"id": "3", "title": "", "price": "3"}),
    ]
    assert path.read_bytes() == before


def test_one_of_several_tables_must_be_named(tmp_path: Path) -> None:
    path = database(tmp_path / "p.db", "CREATE TABLE one (id)", 'CREATE TABLE "t""w; o" (id)')
    with pytest.raises(CatalogError, match='one, t"w; o') as caught:
        read_table(path)
    assert "p.db#NAME" in caught.value.hint
    assert rows_of(path, 't"w; o') == rows_of(path.with_name('p.db#t"w; o')) == []
    with pytest.raises(CatalogError, match="no table 'three'"):
        read_table(path, "three")


def test_a_database_that_a_writer_left_is_not_called_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "db.execute('CREATE TABLE p (id, title)'); db.execute('PRAGMA cache_size = 2'); db.execute('BEGIN IMMEDIATE');"
        "[db.execute('INSERT INTO p VALUES (?, ?)', (n, 'x' * 100)) for n in range(5000)]; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", write, str(path)], check=True)
    with pytest.raises(CatalogError, match="a program that wrote to it was interrupted") as caught:
        read_table(path)
    assert "complete" not in caught.value.hint


def test_a_database_without_tables(tmp_path: Path) -> None:
    path = database(tmp_path / "p.db", "CREATE TABLE t (id)", "DROP TABLE t")
    with pytest.raises(CatalogError, match="without tables"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "empty"),
        ("blank.csv", b" \n\r\n ", "empty"),
        ("sheet.xlsx", b"PK\x03\x04rest", "spreadsheet"),
        ("p.csv.gz", b"\x1f\x8brest", "gzip"),
        ("p.pdf", b"%PDF-1.7", "PDF"),
        ("p.png", b"\x89PNG\r\n\x1a\n", "image"),
        ("p.csv", b"\n<!DOCTYPE html>\n<html></html>", "web page"),
        ("p.bin", bytes(range(256)) * 4, "not text"),
        ("zeros", b"\0" * 100, "not text"),
        ("p.json", b"[1, 2]", "no list of objects"),
        ("p.csv", b'{\n  "id": 1\n', "not readable JSON"),
        ("p.jsonl", b"nothing\n", "JSON object"),
        ("mark.csv", b"\xef\xbb\xbf", "header"),
        ("h.csv", b'id,"title\n1,a\n', "header"),
    ],
)
def test_what_is_no_table_is_refused_with_a_way_out(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=says) as caught:
        read_table(path)
    assert caught.value.hint


def test_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="folder"):
        read_table(tmp_path)
    with pytest.raises(CatalogError, match="no file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(CatalogError, match="no file"):
        read_table(tmp_path / "a\0b")
