"""JSON documents as APIs, shop systems and pandas write them."""

import json
from pathlib import Path

import pytest

from core.catalog.readers import BadRow, Reason, Row, json_files, read_table
from core.errors import CatalogError

ROWS = [{"id": "1", "title": "a"}, {"id": "2", "title": "b"}]


def rows_of(path: Path, text: str) -> list[dict[str, str]]:
    path.write_text(text)
    return [row.values for row in read_table(path).rows if isinstance(row, Row)]


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        {"products": ROWS},
        {"meta": {"count": 2, "tags": [{"x": 1}]}, "data": {"items": ROWS}},
        {"1": {"title": "a"}, "2": {"title": "b"}},
        {"id": ["1", "2"], "title": ["a", "b"]},
        {"id": {"0": "1", "1": "2"}, "title": {"0": "a", "1": "b"}},
        {"columns": ["id", "title"], "index": [0, 1], "data": [["1", "a"], ["2", "b"]]},
        [["id", "title"], ["1", "a"], ["2", "b"]],
        {"edges": [{"node": row} for row in ROWS]},
        {"hits": {"hits": [{"id": row["id"], "_source": {"title": row["title"]}} for row in ROWS]}},
    ],
    ids=lambda value: json.dumps(value)[:30],
)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["p.json", "p.txt"])
def test_the_list_of_products_is_found(tmp_path: Path, value: object, indent: int | None, name: str) -> None:
    assert rows_of(tmp_path / name, json.dumps(value, indent=indent)) == ROWS


def test_where_it_was_found_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"data": {"items": ROWS}}))
    assert read_table(tmp_path / "p.json").notes == ("Read from .data.items in the file.",)


def test_objects_one_after_the_other(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "p.json", "\n".join(map(json.dumps, ROWS))) == ROWS
    assert rows_of(tmp_path / "p.json", "\n".join(json.dumps(row, indent=1) for row in ROWS)) == ROWS
    assert rows_of(tmp_path / "p.json", json.dumps({**ROWS[0], "variants": [{"sku": 1}]})) == [
        {**ROWS[0], "variants": '[{"sku": 1}]'}
    ]


def test_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    text = '[{"id": 12345678901234567890, "price": 12.50, "nested": {"amount": 12.50, "n": 3}, "none": null}]'
    assert rows_of(tmp_path / "p.json", text) == [
        {
            "id": "12345678901234567890",
            "price": "12.50",
            "nested": '{"amount": 12.5, "n": 3}',
            "none": "",
        }
    ]


def test_what_is_no_object_costs_its_row(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('[{"id": "1"}, 5, {"id": "\\ud800"}]')
    assert [row.reason for row in read_table(tmp_path / "p.json").rows if isinstance(row, BadRow)] == [
        Reason.NOT_AN_OBJECT, Reason.UNDECODABLE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "no list of objects"), ("[1]", "no list of objects"), ('{"a": 1\n', "not readable"),
        ('[{"a": 1}', "not readable"), ("[{" * 100_000, "not readable"), ('[{"a": 1}] x', "not readable"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CatalogError, match=says) as caught:
        rows_of(tmp_path / "p.json", text)
    assert caught.value.hint


def test_a_document_has_a_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "MAX_DOCUMENT_BYTES", 10)
    with pytest.raises(CatalogError, match="longer than 10 bytes") as caught:
        rows_of(tmp_path / "p.json", json.dumps(ROWS))
    assert "jq -c" in caught.value.hint
