"""Files of pairs, resolved by the catalogue."""

from pathlib import Path

import pytest
from samples import c, q, write_catalogue

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.errors import CatalogError
from core.matching.pair_file import read_named_labels, read_named_matches, read_named_pairs
from core.retrieval.corpus import Corpus
from labels.model import Pair, ProductRef


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.read(write_catalogue(tmp_path_factory.mktemp("named")))


def test_pairs_come_in_the_order_of_the_file(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("q4,x1\nq1,q1-c1\n")
    assert read_named_pairs(corpus, path) == [Pair(q("q4"), c("x1")), Pair(q("q1"), c("q1-c1"))]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("nope,x1", "line 3: there is no query nope"), ("q1,nope", "line 3: there is no candidate nope"),
     ("x1,q1", "line 3: there is no query x1")],
)  # fmt: skip
def test_an_unknown_id_is_told_with_its_line_and_place(
    corpus: Corpus, tmp_path: Path, line: str, complaint: str
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(f"query,candidate\nq1,x1\n{line}\n")
    with pytest.raises(CatalogError, match=complaint) as caught:
        read_named_pairs(corpus, path)
    assert "query_id,candidate_id" in caught.value.hint


def test_of_a_file_of_labels_the_matches_are_read(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("query_id,candidate_id,label\nq1,q1-c1,1\nq1,x1,0\n")
    assert read_named_matches(corpus, path) == [Pair(q("q1"), c("q1-c1"))]
    assert read_named_labels(corpus, path) == {Pair(q("q1"), c("q1-c1")): True, Pair(q("q1"), c("x1")): False}
    path.write_text("ltable_id,rtable_id,label\nq1,x1,0\n")
    with pytest.raises(CatalogError, match="is a match"):
        read_named_matches(corpus, path)


def test_a_file_says_in_columns_which_of_two_sources_is_meant(tmp_path: Path) -> None:
    workspace = write_catalogue(tmp_path / "home")
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace(
            "target", "query", [Product("target", "q1", "Canon EOS Rebel T6"), Product("target", "t9", "x")]
        )
    corpus, path = Corpus.read(workspace), tmp_path / "pairs.csv"
    path.write_text("query_id,candidate_id,query_source\nq1,x1,target\nq1,x1,walmart\nt9,x1,\n")
    found = [
        Pair(ProductRef("target", "q1"), c("x1")),
        Pair(q("q1"), c("x1")),
        Pair(ProductRef("target", "t9"), c("x1")),
    ]
    assert read_named_pairs(corpus, path) == found
    path.write_text("query_id,candidate_id\nq2,x1\nq1,x1\n")
    with pytest.raises(CatalogError, match="line 3: the query id q1 occurs in several sources") as caught:
        read_named_pairs(corpus, path)
    assert "query_source" in caught.value.hint
    path.write_text("query_id,candidate_id,query_source\nt9,x1,walmart\n")
    with pytest.raises(CatalogError, match="no query t9 of walmart"):
        read_named_pairs(corpus, path)


def test_two_lines_about_one_pair_must_say_the_same(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("query_id,candidate_id,label,query_source\nq1,x1,0,walmart\nq1,x1,1,\n")
    with pytest.raises(CatalogError, match="line 3: the pair q1,x1 has both labels"):
        read_named_labels(corpus, path)


def test_an_unknown_id_is_answered_with_one_that_may_be_meant(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("Q-1,x1\n")
    with pytest.raises(CatalogError) as caught:
        read_named_pairs(corpus, path)
    assert caught.value.hint.startswith("Did you mean q1?")
