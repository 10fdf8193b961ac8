"""Training data as files, without evaluation data."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from samples import c, match, no_match, q

from core.errors import CoreError
from core.settings import RetrainSettings, Settings
from core.splits.split import splits_of
from core.splits.weak_labels import WeakLabel, WeakSource, save_weak_labels
from core.transfer.training_files import Kind, write_dataset
from core.workspace import Workspace
from labels.model import ActionDetails, Pair, Verb
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


@pytest.mark.slow
def test_a_folder_is_a_dataset_on_disk(labelled: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "triplets"
    out.parent.mkdir()
    written = write_dataset(labelled, Settings(), Kind.TRIPLETS, out)
    from datasets import load_from_disk  # noqa: PLC0415 - takes seconds, in every test process

    dataset = load_from_disk(str(out))
    assert (dataset.column_names, len(dataset)) == (["anchor", "positive", "negative"], written.rows)
    assert json.loads((out / "card.json").read_text()) == written.card.as_dict()
    as_lines = write_dataset(labelled, Settings(), Kind.TRIPLETS, tmp_path / "t.jsonl")
    assert as_lines.card.sha256 == written.card.sha256, "the hash is of the rows, not of the file format"
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


@pytest.mark.parametrize("kind", Kind)
def test_the_card_freezes_the_rows(labelled: Workspace, tmp_path: Path, kind: Kind) -> None:
    out = tmp_path / "data.jsonl"
    written = write_dataset(labelled, Settings(), kind, out)
    assert written.card_path == tmp_path / "data.card.json"
    card = json.loads(written.card_path.read_text())
    assert card == written.card.as_dict()
    assert card["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (card["kind"], card["rows"], card["matches"]) == (kind.value, written.rows, {"explicit": 1})
    assert sum(card["negatives"].values()) == written.rows - (kind is Kind.PAIRS)
    assert card["split"] == {
        "evaluated_on": "validation@1", "manual": True, "evaluation_queries": 1, "labels": 2, "weak_labels": 0,
    }  # fmt: skip
    assert card["leakage"]["evaluation_products"] == 2
    assert card["settings"]["negative_mix"] == {}
    assert write_dataset(labelled, Settings(), kind, out).card.sha256 == card["sha256"]


def test_source_columns_are_there_on_request_and_with_weak_labels(labelled: Workspace, tmp_path: Path) -> None:
    write_dataset(labelled, Settings(), Kind.TRIPLETS, tmp_path / "t.jsonl", with_sources=True)
    found = rows(tmp_path / "t.jsonl")
    assert {(row["source"], row["negative_source"]) for row in found} == {
        ("explicit", "explicit"),
        ("explicit", "mined"),
    }
    weak = [
        WeakLabel(Pair(q("q2"), c("q2-c1")), True, WeakSource.GTIN),
        WeakLabel(Pair(q("q2"), c("q2-c3")), False, WeakSource.GTIN),
        WeakLabel(Pair(q("q3"), c("gone")), True, WeakSource.PURCHASES),
    ]  # fmt: skip
    save_weak_labels(labelled.weak_labels, weak)
    settings = Settings(retrain=RetrainSettings(weak_labels="fill"))
    write_dataset(labelled, settings, Kind.PAIRS, tmp_path / "p.jsonl")
    assert [(row["label"], row["source"]) for row in rows(tmp_path / "p.jsonl")] == [
        (1, "explicit"), (0, "explicit"), (1, "gtin"), (0, "gtin"),
    ]  # fmt: skip
    write_dataset(labelled, settings, Kind.TRIPLETS, tmp_path / "t.jsonl")
    assert {row["negative_source"] for row in rows(tmp_path / "t.jsonl") if row["source"] == "gtin"} == {
        "other_gtin", "mined",
    }  # fmt: skip


def test_a_mix_takes_negatives_of_its_sources_only(labelled: Workspace, tmp_path: Path) -> None:
    settings = Settings(retrain=RetrainSettings(negative_mix={"random": 1, "same_brand": 1}))
    written = write_dataset(labelled, settings, Kind.TRIPLETS, tmp_path / "t.jsonl", with_sources=True)
    assert {row["negative_source"] for row in rows(tmp_path / "t.jsonl")} <= {"random", "same_brand"}
    assert written.card.negatives["random"] >= 1
    # A mix takes no product of an evaluated pair. The third candidate of the query was not evaluated.
    sony = {row["negative"] for row in rows(tmp_path / "t.jsonl") if "Sony" in json.dumps(row)}
    assert all("Bundle" in str(text) for text in sony)


def test_evaluation_data_are_never_written(
    labelled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = splits_of(labelled, Settings())
    leaking = replace(splits, train=tuple(label for label in splits.eval_labels), leak_candidates=frozenset())
    monkeypatch.setattr("core.transfer.training_files.splits_of", lambda *_: leaking)
    for kind in Kind:
        with pytest.raises(CoreError, match="Evaluation data would train"):
            write_dataset(labelled, Settings(), kind, tmp_path / "t.jsonl")
    assert list(tmp_path.glob("t.*")) == []
