"""What small files cost a process of its own: bounded memory, an end, and nothing half done."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import attack_files
import pytest
from attack_files import TREE, cost
from samples import write_catalogue

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from Linux's /proc")

#: What a process may take. Most take 50 to 100 MiB, a Parquet file of a long text 400; before they took gigabytes.
MOST_MIB = 700
#: Generous: these take seconds, and took minutes or no end.
PATIENCE_S = 240


@needs_proc
@pytest.mark.parametrize(
    ("write", "name", "ends"),
    [
        (attack_files.parquet_repeated_value, "p.parquet", 1),
        (attack_files.parquet_list, "p.parquet", 1),
        (attack_files.sqlite_endless_view, "p.db", 1),
        (attack_files.sqlite_large_view, "p.db", 1),
        (attack_files.sqlite_generated, "p.db", 0),
        (attack_files.jsonl_keys, "p.jsonl", 1),
        (attack_files.zeros, "p.csv", 1),
    ],
)
def test_products(tmp_path: Path, write: Callable[[Path], None], name: str, ends: int) -> None:
    write(tmp_path / name)
    table = ["--table", "products"] if name.endswith(".db") else []
    took = cost(
        ["--home", tmp_path / "home", "import", "products", tmp_path / name, "--source", "s", *table], PATIENCE_S
    )
    assert took.code == ends, took.said
    assert took.mib < MOST_MIB
    assert "Traceback" not in took.said


@needs_proc
@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "parquet"])
def test_labels_from_a_sparse_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"l.{ending}"
    attack_files.zeros(path)
    write_catalogue(tmp_path / "home")
    took = cost(["--home", tmp_path / "home", "labels", "import", path], PATIENCE_S)
    assert took.code == 1, took.said
    assert "Error: " in took.said
    assert "Traceback" not in took.said
    assert took.mib < MOST_MIB


#: An import that is interrupted inside its transaction, when its pages no longer fit in memory.
INTERRUPTED_IMPORT = """
import signal
from core.catalog import upsert
from core.cli.app import main

count, write = 0, upsert._Update._write

def counted(update, product):
    global count
    count += 1
    if count == 8_000:
        signal.raise_signal(signal.SIGINT)
    write(update, product)

upsert._Update._write = counted
main()
"""


def test_ctrl_c_leaves_the_catalogue_as_it_was(tmp_path: Path) -> None:
    home, path = tmp_path / "home", tmp_path / "p.csv"
    path.write_text("id,title\n1,before\n")
    words = ["--home", str(home), "import", "products", str(path), "--source", "s"]
    subprocess.run([sys.executable, "-m", "core", *words], check=True, cwd=TREE, capture_output=True)
    title = "after " * 100
    with path.open("w") as out:
        out.write("id,title\n")
        out.writelines(f"{number},{title}\n" for number in range(10_000))
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT, *words], cwd=TREE, capture_output=True, check=False
    )
    assert done.returncode == 130, done.stderr
    with closing(sqlite3.connect(home / "catalog.db")) as db:
        assert db.execute("SELECT id, title FROM products").fetchall() == [("1", "before")]
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not list((home / "reports").glob("*"))
