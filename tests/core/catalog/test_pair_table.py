"""Tables that name a pair in each row, in every format."""

import re
from pathlib import Path

import pytest

from core.catalog.pair_table import PairLine, labelled_lines, pair_lines, read_pair_table
from core.transfer.label_files import read_label_table
from labels.errors import LabelsError, SameskuError
from labels.exchange.fields import normalize_id
from labels.exchange.tasks import Defaults


@pytest.mark.parametrize(
    "header",
    ["", "\ufeff", "query_id,candidate_id\n", "ltable_id,rtable_id\n", "query,candidate\n", " Query , Candidate \n"],
)
def test_the_header_is_optional(tmp_path: Path, header: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(header + "17, 20431,\n\n007,a\n'-5,b\n", encoding="utf-8")
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
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"query_id,candidate_id\n", "has no pairs"),
        (b"1,2\n3\n", "line 2: a pair is two ids"),
        (b"1,2\n,\n3,4,5\n", "line 3: wrong column count"),
        (b"1\n2\n", "has only one column"),
        (b"query_id,rank\n17,1\n", "no column that looks like the candidate_id. It has: query_id, rank"),
    ],
)
def test_what_is_no_file_of_pairs_is_refused_with_a_way_out(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(SameskuError, match=complaint) as caught:
        pair_lines(tmp_path / "pairs.csv")
    assert caught.value.hint


def test_a_file_that_is_not_there_and_one_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SameskuError, match=r"^There is no file .*none\.csv\.$"):
        pair_lines(tmp_path / "none.csv")
    with pytest.raises(SameskuError, match="is a folder"):
        pair_lines(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "ltable_id;rtable_id;label\n1;a;1\n2;b;0\n",
        "sep=;\nltable_id;rtable_id;label\n1;a;1\n2;b;0\n",
        "id_left\tid_right\tlabel\n1.0\ta\t1.0\n2.0\tb\t0.0\n",
        "query_id,candidate_id,is_match\n1,a,True\n2,b,False\n",
        "query_id|candidate_id|Label\n1|a|yes\n2|b|no\n",
        "id1,id2,match\n1,a,match\n2,b,non-match\n",
        '{"query_id": 1, "candidate_id": "a", "label": 1}\n{"query_id": 2.0, "candidate_id": "b", "label": 0}\n',
        '[{"query_id": 1, "candidate_id": "a", "label": true}, {"query_id": 2, "candidate_id": "b", "label": false}]',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_labels_in_every_dialect(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content.encode(encoding))
    found = labelled_lines(path)
    assert [(normalize_id(line.query), line.candidate, match) for line, match in found.items()] == [
        ("1", "a", True), ("2", "b", False),
    ]  # fmt: skip


def test_columns_are_named_where_they_cannot_be_guessed(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("ours,theirs,verdict\n1,a,1\n")
    mapping = {"query_id": "Ours", "candidate_id": "theirs"}
    assert list(read_pair_table(path, mapping).rows) == [PairLine(2, "1", "a", "1")]
    for wrong, says in (({"query": "ours"}, "no field 'query'"), ({"query_id": "mine"}, "no column 'mine'")):
        with pytest.raises(LabelsError, match=says) as caught:
            read_pair_table(path, wrong)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ours,theirs,decided\n1,a,1\n", "no header, and its first line is: ours, theirs, decided."),
        ("1,a,1,x\n", "no header, and its first line is: 1, a, 1, x."),
        ("query_id,candidate_id,same_or_not,by\n1,a,1,x\n", "It has: query_id, candidate_id, same_or_not, by."),
    ],
)
def test_a_file_without_labels_is_told_with_all_its_columns(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(content)
    for read in (labelled_lines, lambda file: read_label_table(file, Defaults("ada"))):
        with pytest.raises(LabelsError, match=re.escape(says)):
            read(path)


def test_a_mapping_that_leaves_the_label_out_is_told_with_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("ours,theirs,decided\n1,a,1\n")
    with pytest.raises(LabelsError, match=r"looks like the label\. It has: ours, theirs, decided"):
        read_label_table(path, Defaults("ada"), {"query_id": "ours", "candidate_id": "theirs"})
    with pytest.raises(LabelsError, match=r"looks like the candidate_id\. It has: ours, theirs, decided"):
        read_label_table(path, Defaults("ada"), {"label": "decided", "query_id": "ours"})


def test_what_is_unsure_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("query_id,candidate_id,label\n1,a,unsure\n2,b,1\n")
    assert [line.query for line in labelled_lines(path)] == ["2"]
