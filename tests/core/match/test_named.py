"""Files of pairs and the catalogue."""

from pathlib import Path

import pytest
from samples import c, q, write_catalogue

from core.errors import CatalogError
from core.match.named import named_labels, named_matches, named_pairs, refs_by_id
from core.search.build import Corpus
from labels.model import Pair


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.read(write_catalogue(tmp_path_factory.mktemp("named")))


def test_pairs_come_in_the_order_of_the_file(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("q4,x1\nq1,q1-c1\n")
    assert named_pairs(corpus, path) == [Pair(q("q4"), c("x1")), Pair(q("q1"), c("q1-c1"))]


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
        named_pairs(corpus, path)
    assert "query_id,candidate_id" in caught.value.hint


def test_of_a_file_of_labels_the_matches_are_read(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("query_id,candidate_id,label\nq1,q1-c1,1\nq1,x1,0\n")
    assert named_matches(corpus, path) == [Pair(q("q1"), c("q1-c1"))]
    assert named_labels(corpus, path) == {Pair(q("q1"), c("q1-c1")): True, Pair(q("q1"), c("x1")): False}
    path.write_text("ltable_id,rtable_id,label\nq1,x1,0\n")
    with pytest.raises(CatalogError, match="holds no match"):
        named_matches(corpus, path)


def test_ids_that_two_sources_share_cannot_be_named() -> None:
    assert refs_by_id([q("1"), q("2"), q("1")], "query") == {"1": q("1"), "2": q("2")}
    with pytest.raises(CatalogError, match="id 1 stands in two sources, walmart and amazon"):
        refs_by_id([q("1"), c("1")], "query")
