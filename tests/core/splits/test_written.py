"""Training data as files, without evaluation data."""

import json
from pathlib import Path

import pytest
from samples import match, no_match, q

from core.errors import CoreError
from core.settings import Settings
from core.transfer.training_files import Kind, write_dataset
from core.workspace import Workspace
from labels.model import ActionDetails, Verb
from labels.store import LabelStore


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """q1 trains; qv is for validation, and its match is a leak candidate."""
    with LabelStore(workspace.labels) as store:
        store.record(
            "ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("q1-c2", "qv-c1")], ActionDetails(closes=True)
        )
        store.record("ada", Verb.ACCEPT, q("qv"), [*match("qv-c1"), *no_match("qv-c2")], ActionDetails(closes=True))
    return workspace


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_triplets_are_of_the_training_side(labelled: Workspace, tmp_path: Path) -> None:
    written = write_dataset(labelled, Settings(), Kind.TRIPLETS, tmp_path / "t.jsonl")
    found = rows(tmp_path / "t.jsonl")
    assert (written.rows, written.held_out) == (len(found), 0)
    assert list(found[0]) == ["anchor", "positive", "negative"]
    assert {str(row["anchor"])[:5] for row in found} == {"Canon"}
    assert any("Renewed" in str(row["negative"]) for row in found)
    assert not any("Sony" in json.dumps(row) for row in found)


def test_pairs_have_a_label_of_one_for_a_match(labelled: Workspace, tmp_path: Path) -> None:
    write_dataset(labelled, Settings(), Kind.PAIRS, tmp_path / "p.jsonl")
    found = rows(tmp_path / "p.jsonl")
    assert [list(row) for row in found] == [["sentence1", "sentence2", "label"]] * 2
    assert sorted(row["label"] for row in found) == [0, 1]
    assert not any("Sony" in json.dumps(row) for row in found)


def test_a_folder_is_a_dataset_on_disk(labelled: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "triplets"
    out.parent.mkdir()
    written = write_dataset(labelled, Settings(), Kind.TRIPLETS, out)
    from datasets import load_from_disk  # noqa: PLC0415 - takes seconds, in every test process

    dataset = load_from_disk(str(out))
    assert (dataset.column_names, len(dataset)) == (["anchor", "positive", "negative"], written.rows)
    assert [path.name for path in out.parent.iterdir()] == ["triplets"]
    with pytest.raises(CoreError, match="already exists"):
        write_dataset(labelled, Settings(), Kind.TRIPLETS, out)


def test_without_a_validation_set_queries_are_held_out(workspace: Workspace, tmp_path: Path) -> None:
    with LabelStore(workspace.labels) as store:
        for query in ("q1", "q2", "q3", "q4"):
            store.record(
                "ada",
                Verb.ACCEPT,
                q(query),
                [*match(f"{query}-c1"), *no_match(f"{query}-c2")],
                ActionDetails(closes=True),
            )
    written = write_dataset(workspace, Settings(), Kind.PAIRS, tmp_path / "p.jsonl")
    assert written.held_out >= 1
    assert written.rows == 2 * (4 - written.held_out)


@pytest.mark.parametrize("kind", Kind)
def test_nothing_to_learn_from_is_said(workspace: Workspace, tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(CoreError, match=f"no {kind} to write"):
        write_dataset(workspace, Settings(), kind, tmp_path / "t.jsonl")
    assert not (tmp_path / "t.jsonl").exists()
