"""Rows of scored pairs, written as files."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from core.errors import CoreError
from core.matching.pair_rows import MatchRow, matches, write_table
from core.settings import Settings
from core.workspace import Workspace

ROWS = [
    MatchRow("1", 1, "é,\"x\"", 0.912345, 0.5, "high"),
    MatchRow("1", 2, "b", -0.25, None, "prior:low"),
    MatchRow("007", 1, "c", 0.75, 1.0, "medium"),
]  # fmt: skip


def read_csv(path: Path) -> list[MatchRow]:
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return [
        MatchRow(
            r["query_id"], int(r["rank"]), r["candidate_id"], float(r["similarity"]),
            float(r["probability"]) if r["probability"] else None, r["band"],
        )
        for r in rows
    ]  # fmt: skip


def read_jsonl(path: Path) -> list[MatchRow]:
    return [MatchRow(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def read_parquet(path: Path) -> list[MatchRow]:
    return [MatchRow(**row) for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize(
    ("name", "read"), [("out.csv", read_csv), ("out.jsonl", read_jsonl), ("out.parquet", read_parquet)]
)
def test_rows_survive_a_round_trip(tmp_path: Path, name: str, read) -> None:
    path = tmp_path / name
    assert write_table(iter(ROWS), path) == 3
    assert read(path) == ROWS
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_csv_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    write_table(ROWS, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "query_id,rank,candidate_id,similarity,probability,band"
    assert lines[2] == "1,2,b,-0.250000,,prior:low"


@pytest.mark.parametrize(
    ("name", "reason"), [("out.txt", "unknown ending"), ("out.xlsx", "Excel workbooks are read, but not written")]
)
def test_an_unknown_ending_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(CoreError, match=reason):
        write_table(ROWS, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_halfway_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def rows():
        yield ROWS[0]
        raise CoreError("no more")

    with pytest.raises(CoreError, match="no more"):
        write_table(rows(), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


# -- matches of a workspace ----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 10])
def test_the_first_candidates_of_every_query(workspace: Workspace, k: int) -> None:
    rows = list(matches(workspace, Settings(), k))
    assert len(rows) == 5 * min(k, 3)
    assert rows[0] == MatchRow("q1", 1, "q1-c1", 0.81, None, "cosine:medium")
    assert {row.rank for row in rows} == set(range(1, min(k, 3) + 1))


def test_more_than_was_kept_cannot_be_given(workspace: Workspace) -> None:
    with pytest.raises(CoreError, match="10 candidates are stored"):
        list(matches(workspace, Settings(), 11))


def test_before_an_index_run_there_is_nothing_to_match(tmp_path: Path) -> None:
    with pytest.raises(CoreError, match="no candidates yet") as caught:
        list(matches(Workspace(tmp_path), Settings(), 1))
    assert "samesku index" in caught.value.hint
