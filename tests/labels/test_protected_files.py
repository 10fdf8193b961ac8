"""Outputs of commands never replace what holds people's work."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from labels.errors import LabelsError
from labels.exchange.files import output_file, output_text, require_writable
from labels.files import atomic_write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The files of a workspace, and a database that is none of it."""
    for name in ("labels.db", "catalog.db", "other.db"):
        with closing(sqlite3.connect(tmp_path / name)) as database:
            database.execute("CREATE TABLE t (x)")
            database.commit()
    for name in ("samesku.toml", "product_ids.jsonl", "monitoring.json", "pseudonyms.key"):
        (tmp_path / name).write_text("sound")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["labels.db", "catalog.db", "samesku.toml", "product_ids.jsonl", "monitoring.json", "pseudonyms.key"]
)
def test_no_output_replaces_a_file_of_a_workspace(home: Path, name: str) -> None:
    before = (home / name).read_bytes()
    for check in (output_text, output_file):
        with pytest.raises(LabelsError, match="belongs to the workspace"), check(home / name):
            pass
    with pytest.raises(LabelsError, match="belongs to the workspace"):
        require_writable(home / name)
    assert (home / name).read_bytes() == before


def test_no_database_is_replaced_wherever_it_is(home: Path) -> None:
    before = (home / "other.db").read_bytes()
    with pytest.raises(LabelsError, match="database"), output_text(home / "other.db"):
        pass
    with pytest.raises(OSError, match="database"), atomic_write(home / "other.db"):
        pass
    assert (home / "other.db").read_bytes() == before


def test_the_same_names_elsewhere_are_ordinary_files(tmp_path: Path) -> None:
    with output_text(tmp_path / "product_ids.jsonl") as out:
        out.write("mine")
    assert (tmp_path / "product_ids.jsonl").read_text() == "mine"
