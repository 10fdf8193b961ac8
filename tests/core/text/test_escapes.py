"""Escape sequences are removed whole: on import, and where texts of earlier imports are split into words."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import write_catalogue

from core.catalog.importer import ImportOptions, import_file
from core.catalog.product import Product, without_escape_sequences
from core.catalog.store import CatalogStore
from core.matching.explain import PairDescriber
from core.retrieval.corpus import Corpus
from core.text.escapes import without_escapes
from core.text.normalization import clean_text
from core.text.vocabulary import Vocabulary

SEQUENCES = (
    "\x1b[31m",
    "\x1b[0m",
    "\x1b[1;38;5;208m",
    "\x1b[38:2::1:2:3m",
    "\x1b[2K",
    "\x1b[?25l",
    "\x1b[4 q",
    "\x1b]0;window title\x07",
    "\x1b]8;;https://example.org\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1bPq#0;2;0;0;0\x1b\\",
    "\x1b_private\x1b\\",
    "\x1b(B",
    "\x1b7",
    "\x1bc",
    "\x1b",
)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_a_sequence_leaves_nothing_of_itself(sequence: str) -> None:
    assert without_escapes(f"{sequence}Red{sequence} lamp{sequence}") == "Red lamp"
    assert clean_text(f"{sequence}Red{sequence} lamp{sequence}") == "Red lamp"
    encoded = sequence.replace("\x1b", "&#27;").replace("\x07", "&#7;")
    assert clean_text(f"{encoded}Red lamp") == "Red lamp"


def test_a_string_without_an_end_loses_no_text() -> None:
    assert without_escapes("\x1b]0;Red lamp") == "Red lamp"
    assert without_escapes("Red lamp \x1b[") == "Red lamp "


@given(st.text(st.sampled_from("\x1b\x07[]P\\;019 mKaé")))
def test_no_escape_is_left_and_the_result_is_stable(text: str) -> None:
    once = without_escapes(text)
    assert "\x1b" not in once
    assert clean_text(clean_text(text)) == clean_text(text)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_an_import_removes_sequences(tmp_path: Path, sequence: str) -> None:
    path = tmp_path / "products.jsonl"
    row = {"id": "1", "title": f"{sequence}Red lamp", "brand": f"{sequence}Acme", "shade": f"{sequence}Dark"}
    path.write_text(json.dumps(row) + "\n")
    with CatalogStore(tmp_path / "catalog.db") as store:
        import_file(store, path, "shop", ImportOptions())
        (product,) = store.iter()
    assert (product.title, product.brand, product.extra) == ("Red lamp", "Acme", {"shade": "Dark"})


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_reasons_and_features_of_earlier_imports_have_none(tmp_path: Path, sequence: str) -> None:
    query = Product("walmart", "1", f"{sequence}Red lamp", brand=f"{sequence}Acme")
    candidate = Product("amazon", "1", "Green lamp")
    facts = PairDescriber(Vocabulary.load(), lambda _: 1).facts("query words", query, candidate, {})
    assert "the candidate lacks 'red'" in [fact.text for fact in facts]
    workspace = write_catalogue(tmp_path / "home")
    with CatalogStore(workspace.catalog) as store:
        store.replace("walmart", "query", [query])
    assert without_escape_sequences(query) in Corpus.read(workspace).queries
