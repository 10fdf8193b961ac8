"""Excel workbooks."""

import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from core.catalog.readers import BadRow, Reason, Row, excel, read_table
from core.errors import CatalogError


def book(path: Path, *sheets: Sequence[Sequence[object]], formats: dict[str, str] | None = None) -> Path:
    """A workbook with sheets named A, B … and number formats for cells of the first."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for name, rows in zip("ABC", sheets, strict=False):
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    for cell, shown in (formats or {}).items():
        made["A"][cell].number_format = shown
    made.save(path)
    return path


TABLE = [("id", "title"), (1, "a"), (2, "b")]


def test_numbers_are_read_as_they_are_shown(tmp_path: Path) -> None:
    rows = [
        ("id", "title", "upc", "price", "when", "new"),
        (121, "a", 888462123456, 12.990000000000002, datetime(2024, 1, 2), True),
        (12345.0, "b", 38000518430.0, 5, datetime(2024, 1, 2, 3, 4), None),
    ]
    path = book(tmp_path / "p.xlsx", rows, formats={"A2": "00000", "D2": "[$€-407] #,##0.00", "D3": '"$"#,##0.00'})
    assert list(read_table(path).rows) == [
        Row(2, {"id": "00121", "title": "a", "upc": "888462123456", "price": "€ 12.99", "when": "2024-01-02",
                "new": "true"}),
        Row(3, {"id": "12345", "title": "b", "upc": "38000518430", "price": "$ 5", "when": "2024-01-02 03:04:00",
                "new": ""}),
    ]  # fmt: skip


def test_the_header_is_below_a_title_and_rows_may_be_short(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", [("Price list",), (), ("id", "title", None), (1,), (), (2, "b", None, "note")])
    table = read_table(path)
    assert table.columns == ("id", "title")
    long = {"id": "2", "title": "b", "column 3": "", "column 4": "note"}
    assert list(table.rows) == [
        Row(4, {"id": "1", "title": ""}),
        BadRow(6, Reason.WRONG_COLUMN_COUNT, "2,b,note", long),
    ]


def test_one_of_several_sheets_is_read_and_said(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", TABLE, [("id", "title"), (9, "z")])
    assert read_table(path).notes == ("Read from the sheet A, not from B (p.xlsx#NAME).",)
    for given in (read_table(path, "b"), read_table(path.with_name("p.xlsx#B"))):
        assert [row.values["id"] for row in given.rows if isinstance(row, Row)] == ["9"]
    with pytest.raises(CatalogError, match="no sheet 'x'") as caught:
        read_table(path, "x")
    assert "A, B" in caught.value.hint


def test_a_formula_gives_what_it_gave_when_it_was_saved(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", [("id", "title"), (1, "=UPPER(A1)")])
    assert list(read_table(path).rows) == [Row(2, {"id": "1", "title": ""})]


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "p.xlsx", TABLE)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/bomb", b"0" * 10_000_000)
    monkeypatch.setattr(excel, "_HELD_BYTES", 1_000_000)
    with pytest.raises(CatalogError, match="too large to be read") as caught:
        read_table(path)
    assert caught.value.hint
    monkeypatch.setattr(excel, "_HELD_BYTES", 1 << 28)
    monkeypatch.setattr(excel, "_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(CatalogError, match="too large to be read"):
        read_table(path)


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"])
def test_a_damaged_workbook_is_one_sentence(tmp_path: Path, part: str) -> None:
    book(tmp_path / "good.xlsx", TABLE)
    with zipfile.ZipFile(tmp_path / "good.xlsx") as good, zipfile.ZipFile(tmp_path / "bad.xlsx", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name)[:40] if name == part else good.read(name))
    with pytest.raises(CatalogError) as caught:
        list(read_table(tmp_path / "bad.xlsx").rows)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("member", "says"), [("xl/workbook.bin", "binary"), ("content.xml", "OpenDocument"), ("a.csv", "ZIP archive")]
)
def test_other_archives_are_named(tmp_path: Path, member: str, says: str) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(CatalogError, match=says) as caught:
        read_table(tmp_path / "p.zip")
    assert caught.value.hint


def test_without_openpyxl_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "p.xlsx", TABLE)
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(CatalogError, match="needs openpyxl") as caught:
        read_table(path)
    assert "pip install openpyxl" in caught.value.hint
