"""Files that are small and cost a careless reader gigabytes or for ever; how much a command takes of both.

`python tests/support/attack_files.py FOLDER [CHECKOUT]` writes them all and prints what `samesku` takes for each.
"""

import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MIB = 2**20
TREE = Path(__file__).parents[2]


def parquet_repeated_value(path: Path, rows: int = 1_000, length: int = MIB) -> None:
    """A dictionary of one long text, which every row names."""
    index = pa.array([0] * rows, pa.int32())
    text = pa.DictionaryArray.from_arrays(index, pa.array(["x" * length]))
    ids = pa.array([str(number) for number in range(rows)])
    pq.write_table(
        pa.table({"id": ids, "title": ids, "text": text}), path, compression="zstd", dictionary_pagesize_limit=2**30,
    )  # fmt: skip


def parquet_delta(path: Path, rows: int = 800, length: int = MIB) -> None:
    """Every text says: the same as the one before."""
    with pq.ParquetWriter(
        path, pa.schema({"id": pa.string(), "title": pa.string(), "text": pa.string()}), compression="zstd",
        use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}, write_statistics=False,
        data_page_size=2**30, write_batch_size=rows,
    ) as writer:  # fmt: skip
        ids = pa.array([str(number) for number in range(rows)])
        writer.write_table(pa.table({"id": ids, "title": ids, "text": pa.array(["x" * length] * rows)}))


def parquet_page(path: Path, length: int = 300 * MIB) -> None:
    """One page of zeros that unpacks to so many bytes."""
    numbers = pa.array(np.zeros(length // 8))
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(length // 8, np.int32)), pa.array(["1"]))
    pq.write_table(
        pa.table({"id": ids, "title": ids, "weight": numbers}), path, compression="zstd", use_dictionary=["id"],
        data_page_size=2**31 - 1, write_batch_size=length, max_rows_per_page=2**40, row_group_size=length,
    )  # fmt: skip


def parquet_list(path: Path, elements: int = 40_000_000) -> None:
    """One row whose list has so many elements."""
    many = pa.ListArray.from_arrays(pa.array([0, elements], pa.int32()), pa.array(np.zeros(elements, np.int8)))
    pq.write_table(pa.table({"id": ["1"], "title": ["a"], "pictures": many}), path, compression="zstd")


def parquet_rows(path: Path, rows: int = 100_000_000) -> None:
    """Rows without end, of nothing."""
    empty = pa.nulls(rows, pa.string())
    pq.write_table(
        pa.table({"id": empty, "title": empty}), path, row_group_size=rows, max_rows_per_page=2**40,
        data_page_size=2**31 - 1,
    )  # fmt: skip


def parquet_columns(path: Path, columns: int = 100_000) -> None:
    """A table as wide as others are long."""
    pq.write_table(pa.table({"id": ["1"], "title": ["a"], **{f"c{n}": ["x"] for n in range(columns)}}), path)


def sqlite_of(path: Path, *statements: str) -> None:
    """A database of these statements."""
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def sqlite_endless_view(path: Path) -> None:
    """A view without an end."""
    sqlite_of(
        path, "CREATE TABLE other (id, title)",
        "CREATE VIEW products AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)"
        " SELECT id, 'a' AS title FROM n WHERE id < 0",
    )  # fmt: skip


def sqlite_large_view(path: Path) -> None:
    """A view that makes a gigabyte out of nothing."""
    sqlite_of(
        path, "CREATE TABLE other (id, title)",
        "CREATE VIEW products AS SELECT 1 AS id, printf('%.*c', 900000000, 'x') AS title",
    )  # fmt: skip


def sqlite_generated(path: Path) -> None:
    """A table with a column that is computed when it is read."""
    sqlite_of(
        path, "CREATE TABLE products (id, title)", "INSERT INTO products VALUES (1, 'a')",
        "ALTER TABLE products ADD COLUMN text AS (printf('%.*c', 900000000, 'x'))",
    )  # fmt: skip


def sqlite_large_value(path: Path) -> None:
    """A table one of whose values is large; the rows around it are not."""
    sqlite_of(
        path, "CREATE TABLE products (id, title)", "INSERT INTO products VALUES (1, 'a')",
        "INSERT INTO products VALUES (2, printf('%.*c', 300000000, 'x'))", "INSERT INTO products VALUES (3, 'c')",
    )  # fmt: skip


def csv_columns(path: Path, columns: int = 1_000_000) -> None:
    """A table as wide as others are long."""
    head = "id,title," + ",".join(f"c{number}" for number in range(columns))
    path.write_text(head + "\n" + "1,a," + "x," * (columns - 1) + "x\n")


def csv_endless_line(path: Path, length: int = 200 * MIB) -> None:
    """A file whose second line never ends."""
    path.write_text("id,title\n1,a\n2," + "x" * length)


def csv_unclosed_quote(path: Path, rows: int = 400_000) -> None:
    """A quote is opened and never closed."""
    path.write_text("id,title\n" + "".join(f'{n},"a {n}\n' for n in range(rows)))


def csv_long_ids(path: Path, rows: int = 300, length: int = MIB) -> None:
    """Ids as long as books."""
    with path.open("w") as out:
        out.write("id,title\n")
        for number in range(rows):
            out.write(f"{number}{'x' * (length - 10)},a\n")


def jsonl_keys(path: Path, rows: int = 4, keys: int = 400_000) -> None:
    """Objects of many keys, other ones in each line."""
    with path.open("w") as out:
        for row in range(rows):
            out.write(json.dumps({"id": row, "title": "a", **{f"{row}k{n}": "" for n in range(keys)}}) + "\n")


def jsonl_nested(path: Path, depth: int = 1_000_000) -> None:
    """A list in a list in a list."""
    path.write_text('{"id": "1", "title": "a"}\n{"id": "2", "title": "b", "x": ' + "[" * depth + "]" * depth + "}\n")


def jsonl_number(path: Path, digits: int = 900_000) -> None:
    """A number of many digits."""
    path.write_text(f'{{"id": "1", "title": "a", "x": {"9" * digits}, "y": [{"9" * digits}]}}\n')


def zeros(path: Path, length: int = 8 * 1024 * MIB) -> None:
    """A sparse file, which takes no room on disk."""
    path.touch()
    os.truncate(path, length)


#: What is brought in as products, by the name of the file.
PRODUCTS: dict[str, Callable[[Path], None]] = {
    "repeated.parquet": parquet_repeated_value, "delta.parquet": parquet_delta, "page.parquet": parquet_page,
    "list.parquet": parquet_list, "rows.parquet": parquet_rows, "wide.parquet": parquet_columns,
    "endless_view.sqlite": sqlite_endless_view, "large_view.sqlite": sqlite_large_view,
    "generated.sqlite": sqlite_generated, "large_value.sqlite": sqlite_large_value,
    "wide.csv": csv_columns, "endless.csv": csv_endless_line, "unclosed.csv": csv_unclosed_quote,
    "long_ids.csv": csv_long_ids, "keys.jsonl": jsonl_keys, "nested.jsonl": jsonl_nested, "number.jsonl": jsonl_number,
    "zeros.csv": zeros,
}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What a process took: how it ended (None where it was stopped), its peak memory, and its last words."""

    code: int | None
    mib: float
    seconds: float
    said: str


def cost(arguments: Sequence[str | Path], timeout: float = 60, tree: Path = TREE) -> Cost:
    """What `samesku ARGUMENTS` takes. Linux only: the peak is the kernel's, looked at every few milliseconds."""
    started = time.monotonic()
    peak = 0
    with tempfile.TemporaryFile() as said:
        process = Popen(
            [sys.executable, "-m", "tui", *map(str, arguments)], stdin=DEVNULL, stdout=said, stderr=said, cwd=tree,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        while process.poll() is None and time.monotonic() - started < timeout:
            peak = max(peak, _peak(process.pid))
            time.sleep(0.005)
        code = process.poll()
        process.kill()
        process.wait()
        said.seek(0)
        return Cost(code, peak / 1024, time.monotonic() - started, said.read().decode("utf-8", "replace"))


def _peak(pid: int) -> int:
    """The most memory that a process had so far, in KiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def main(folder: Path, tree: Path) -> None:
    """Write the files and print what each costs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in PRODUCTS.items():
        path = folder / name
        if not path.exists():
            write(path)
        table = ["--table", "products"] if path.suffix == ".sqlite" else []
        with tempfile.TemporaryDirectory(dir=folder) as home:
            took = cost(["--home", home, "import", "products", path, "--source", "shop", *table], tree=tree)
        words = " | ".join(took.said.strip().split("\n")[-3:])[:200]
        size = path.stat().st_size
        sys.stdout.write(
            f"{name:22} {size / 1024:>12,.0f} kB {took.mib:7,.0f} MiB {took.seconds:6.1f} s {took.code}  {words}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else TREE)
