"""Files that name a pair a line."""

from pathlib import Path

import pytest
from labels.exchange.pair_lines import PairLine, pair_lines

from labels.errors import LabelsError


@pytest.mark.parametrize(
    "header",
    ["", "\ufeff", "query_id,candidate_id\n", "ltable_id,rtable_id\n", "query,candidate\n", " Query , Candidate \n"],
)
def test_the_header_is_optional(tmp_path: Path, header: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(header + "17, 20431,1\n\n007,a\n'-5,b\n", encoding="utf-8")
    first = 1 + header.count("\n")
    assert pair_lines(path) == [
        PairLine(first, "17", "20431"), PairLine(first + 2, "007", "a"), PairLine(first + 3, "-5", "b"),
    ]  # fmt: skip


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "matches.csv"
    path.write_text("query_id,rank,candidate_id,band\n17,1,20431,high\n")
    assert pair_lines(path) == [PairLine(2, "17", "20431")]
    path.write_text("label,candidate,query\n1,20431,17\n")
    assert pair_lines(path) == [PairLine(2, "17", "20431", "1")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no pairs"),
        (b"\n\n", "holds no pairs"),
        (b"query_id,candidate_id\n", "holds no pairs"),
        (b"1,2\n3\n", "line 2: a pair is two ids"),
        (b"1,\n", "line 1: a pair is two ids"),
        (b"query_id,rank\n17,1\n", "has no column rtable_id"),
        (b"\xff\xfe", "is no UTF-8 text"),
    ],
)
def test_what_is_no_file_of_pairs_is_refused_with_what_one_looks_like(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(LabelsError, match=complaint) as caught:
        pair_lines(tmp_path / "pairs.csv")
    assert "query_id,candidate_id" in caught.value.hint


def test_a_file_that_is_not_there_and_one_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"^There is no file .*none\.csv\.$"):
        pair_lines(tmp_path / "none.csv")
    with pytest.raises(LabelsError, match="is a folder, not a regular file"):
        pair_lines(tmp_path)
