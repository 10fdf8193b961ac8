"""labels/SCHEMA.md documents every column of the file, and no other."""

import re
from pathlib import Path

import pytest

import labels
from labels.database import SCHEMA_VERSION
from labels.sql_query import query
from labels.store import LabelStore

DOCUMENT = Path(labels.__file__).with_name("SCHEMA.md").read_text(encoding="utf-8")


def documented() -> dict[str, list[str]]:
    """The columns of each table, in the document's order."""
    sections = re.split(r"^## (\w+)\n", DOCUMENT, flags=re.MULTILINE)
    return {
        name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
        for name, text in zip(*[iter(sections[1:])] * 2, strict=True)
    }


def test_the_documented_columns_are_those_of_the_schema(ledger: LabelStore) -> None:
    names = [row[0] for row in ledger.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    real = {
        name: [row[1] for row in ledger.connection.execute(f"PRAGMA table_info({name})")]
        for name in names
        if not name.startswith("sqlite_")
    }
    assert documented() == real


def test_the_document_names_the_schema_version() -> None:
    assert f"version of this schema: {SCHEMA_VERSION}." in DOCUMENT


@pytest.mark.parametrize("example", re.findall(r"^SELECT .*;$", DOCUMENT, re.MULTILINE))
def test_the_example_queries_run(ledger: LabelStore, example: str) -> None:
    assert query(ledger.path, example).more is False
