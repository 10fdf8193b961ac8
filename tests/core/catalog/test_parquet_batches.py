"""Parquet files that unpack to more than they should, and those that are as they should be."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attack_files import (
    parquet_columns,
    parquet_delta,
    parquet_list,
    parquet_page,
    parquet_repeated_value,
    parquet_rows,
)

from core.catalog.readers import parquet, read_table
from core.catalog.readers.parquet import (
    DELTA_BYTE_ARRAY,
    DamagedError,
    TooLargeError,
    footer_length,
    pages,
    parquet_file,
)
from core.catalog.readers.rows import BadRow, Row
from core.errors import CatalogError

pytestmark = pytest.mark.slow

LISTS = [["p", "q"], [], None]
TABLE = pa.table(
    {
        "text": ["x", "é", None] * 500,
        "number": pa.array([1, 2, None] * 500),
        "list": LISTS * 500,
        "struct": [{"amount": 1.5, "currency": "EUR"}] * 1500,
        "map": pa.array([[("k", "v")], [], None] * 500, pa.map_(pa.string(), pa.string())),
        "dictionary": pa.array(["a", "b", "c"] * 500).dictionary_encode(),
        "numbers named": pa.array([7, 8, 9] * 500).dictionary_encode(),
        "fixed": pa.array([b"1234"] * 1500, pa.binary(4)),
        "nothing": pa.nulls(1500),
        "large": pa.array(["z"] * 1500, pa.large_string()),
        "view": pa.array(["q"] * 1500, pa.string_view()),
        "time": pa.array([0] * 1500, pa.timestamp("us")),
        "deep": [[{"u": ["x", "y"]}]] * 1500,
        "pair": pa.array([[1.0, 2.0]] * 1500, pa.list_(pa.float32(), 2)),
        "true": [True, False, None] * 500,
    }
)


def objects(path: Path) -> list[dict[str, Any]]:
    with parquet_file(path) as (_, batches):
        return [row for batch in batches for row in batch.rows.to_pylist()]


@pytest.mark.parametrize(
    "options",
    [
        {}, {"use_dictionary": False}, {"data_page_version": "2.0", "compression": "zstd"}, {"row_group_size": 100},
        {"data_page_size": 64, "compression": "gzip"}, {"store_schema": False},
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY", "large": "DELTA_LENGTH_BYTE_ARRAY"}},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("budget", [1 << 26, 5_000])
def test_every_kind_of_column_is_read_as_pyarrow_reads_it(
    tmp_path: Path, options: dict[str, Any], budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_BATCH_BYTES", budget)
    path = tmp_path / "t.parquet"
    pq.write_table(TABLE, path, **options)
    with parquet_file(path) as (_, batches):
        parts = list(batches)
    assert not any(part.too_long for part in parts)
    assert [row for part in parts for row in part.rows.to_pylist()] == pq.read_table(path).to_pylist()
    assert (len(parts) > 100) == (budget == 5_000)


def test_the_headers_of_pages_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    texts = [f"{number:050}" for number in range(5000)]
    pq.write_table(
        pa.table({"a": texts, "b": texts}), path, use_dictionary=["a"], column_encoding={"b": "DELTA_BYTE_ARRAY"},
        data_page_size=10_000, compression="snappy", row_group_size=4000,
    )  # fmt: skip
    metadata = pq.read_metadata(path)
    with path.open("rb") as file:
        assert footer_length(file) == metadata.serialized_size
        for group in range(2):
            for number, kinds in enumerate(({2, 0}, {0})):
                chunk = metadata.row_group(group).column(number)
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                found = list(pages(file, start, chunk.total_compressed_size, chunk.num_values))
                assert {page.kind for page in found} == kinds
                assert sum(page.values for page in found) == chunk.num_values
                assert sum(page.size for page in found) <= chunk.total_uncompressed_size
                assert (number == 1) == all(page.encoding == DELTA_BYTE_ARRAY for page in found)


def test_a_long_text_that_every_row_names_comes_in_small_batches(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    parquet_repeated_value(path, rows=400)
    assert path.stat().st_size < 20_000
    with parquet_file(path) as (_, batches):
        assert next(batches).rows.num_rows * 2**20 <= parquet._BATCH_BYTES
    with pytest.raises(CatalogError, match="unpacks to more than 268,435,456 bytes"):
        list(read_table(path).rows)


def test_texts_that_repeat_the_one_before_come_in_small_batches(tmp_path: Path) -> None:
    path = tmp_path / "delta.parquet"
    parquet_delta(path, rows=100)
    with parquet_file(path) as (_, batches):
        assert next(batches).rows.num_rows < 65


def test_a_list_of_repeating_texts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"l": LISTS}), path, use_dictionary=False, column_encoding={"l.list.element": "DELTA_BYTE_ARRAY"}
    )
    with pytest.raises(TooLargeError, match=r"in the lists in l\.list\.element"):
        objects(path)


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY"])
def test_a_dictionary_that_was_given_up_half_way_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.parquet"
    texts = [f"{number:0100}" for number in range(5_000)]
    table = pa.table(
        {"text": texts, "list": [[text, None] for text in texts], "struct": [{"t": text} for text in texts]}
    )
    pq.write_table(
        table, path, dictionary_pagesize_limit=50_000, data_page_size=10_000, write_batch_size=100,
        data_page_version="2.0",
    )  # fmt: skip
    assert objects(path) == table.to_pylist()
    part = table.select(["text", "list"])
    encodings = {"text": encoding, "list.list.element": encoding}
    pq.write_table(part, path, use_dictionary=False, column_encoding=encodings)
    assert objects(path) == part.to_pylist()


def test_a_page_that_unpacks_to_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.parquet"
    parquet_page(path, 2_000_000)
    assert len(list(read_table(path).rows)) == 250_000
    monkeypatch.setattr(parquet, "_PAGES_BYTES", 1_000_000)
    with pytest.raises(CatalogError, match="is too large to be read: it needs more than 1,000,000 bytes") as refusal:
        read_table(path)
    assert refusal.value.hint


def test_a_list_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    parquet_list(path, 17_000_000)
    with pytest.raises(CatalogError, match="more than 16,777,216 elements in its lists"):
        read_table(path)


def test_a_row_that_is_too_long_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    many = ["y"] * 1_000_000
    pq.write_table(pa.table({"id": ["1", "2", "3"], "title": ["a", "b", "c"], "list": [[], many, ["x"]]}), path)
    assert [type(row) for row in read_table(path).rows] == [Row, BadRow, Row]


def test_rows_without_end_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.parquet"
    parquet_rows(path, 1_000_000)
    monkeypatch.setattr(parquet, "_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(CatalogError, match="unpacks to more than"):
        list(read_table(path).rows)


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    parquet_columns(path, 5000)
    with pytest.raises(CatalogError, match="it has 5,002 columns, and a table may have 4,096"):
        read_table(path)


def test_what_is_damaged_ends_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(TABLE, path)
    data = path.read_bytes()
    for place in range(4, len(data), len(data) // 200):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with suppress(CatalogError):  # what is changed in a value shows nowhere
            list(read_table(path).rows)
    path.write_bytes(data[:-8] + struct.pack("<I", 2**31) + b"PAR1")
    with pytest.raises(CatalogError, match="it has no valid footer"):
        read_table(path)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x00",
        b"\x15\x00\x15\xff",
        b"\x15" + b"\xff" * 20,
        b"\x15\x00\x15\x01\x15\x01\x00",
        b"\x1c" * 100,
        b"\x19\x00",
    ],
)
def test_what_is_no_header_of_a_page(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(header)
    with path.open("rb") as file, pytest.raises(DamagedError):
        list(pages(file, 0, 1000, 1000))


def test_an_empty_row_group_has_no_longest_value(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pq.ParquetWriter(path, pa.schema([("id", pa.string())])) as writer:
        writer.write_table(pa.table({"id": pa.array([], pa.string())}))
    with path.open("rb") as file:
        group = parquet.RowGroup(dictionaries={"id": 9000})
        assert parquet._batch_size(file, pq.read_metadata(file), 0, group) == 1000
