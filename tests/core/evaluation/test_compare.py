"""Comparing two encoders on a workspace, and evaluating one on its validation set."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from ledgers import remove_ledger
from samples import HashEncoder, c, match, no_match, q

from core.errors import CoreError, ModelError
from core.evaluation.comparison import Move, Place, load_comparison
from core.evaluation.model_comparison import compare_models
from core.evaluation.report import load_evaluations
from core.evaluation.run import evaluate_workspace
from core.jobs.progress import Silent
from core.matching.run import bring_up_to_date, out_of_fold_path, write_out_of_fold
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import ModelCard, Registry
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ActionDetails, Stream, Verb
from labels.store import LabelStore

BASE, TUNED = "hash", "tuned"


@pytest.fixture
def judged(
    workspace: Workspace, hash_encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Workspace:
    """The tuned encoder tells equal titles, the base none, by a prefix; one validation query has its match."""
    monkeypatch.setattr(
        "core.retrieval.encoder_registry.find_base", lambda _: EncoderModel(BASE, tmp_path, query_prefix="? ")
    )
    registry = Registry(workspace, Settings())
    merged = registry.folder(TUNED) / "merged"
    merged.mkdir(parents=True)
    (merged / "model.safetensors").write_bytes(b"weights")
    registry.add(ModelCard(TUNED, BASE, BASE, hashlib.sha256(b"weights").hexdigest(), "2026-01-01"))
    with LabelStore(workspace.labels) as store:
        store.record(
            "ada",
            Verb.ACCEPT,
            q("qv"),
            [*match("qv-c1"), *no_match("qv-c2")],
            ActionDetails(stream=Stream.VALIDATION, closes=True),
        )
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *no_match("q1-c2")], ActionDetails(closes=True))
    return workspace


def compared(workspace: Workspace, before: str = BASE, after: str = TUNED) -> Any:
    return compare_models(workspace, Settings(), [before, after], Silent()).changes[0]


def test_the_judged_queries_are_held_side_by_side_and_kept(judged: Workspace) -> None:
    found = compared(judged)
    assert (found.before, found.after, found.judged_on) == (BASE, TUNED, "validation@1")
    (query,) = found.queries
    assert (query.query, query.match) == (q("qv"), c("qv-c1"))
    assert (query.title, query.match_title) == ("Sony MDR-ZX110 Headphones White",) * 2
    move = query.moves["encoder"]
    assert move.after == Place(1, "Sony MDR-ZX110 Headphones White")
    assert move.before.rank != 1
    assert found.changes["encoder"]["hit@1"].after.value == 1
    assert load_comparison(judged, BASE, TUNED) == found


def test_the_matchers_order_is_compared_where_both_encoders_have_a_fair_one(judged: Workspace) -> None:
    assert compared(judged).rankings == ("encoder", "fused")
    write_out_of_fold(out_of_fold_path(judged, TUNED), {})
    found = compared(judged)
    assert found.rankings == ("encoder", "fused", "matched")
    assert isinstance(found.queries[0].moves["matched"], Move)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [(BASE, BASE, "cannot be compared with itself"), (BASE, "another", "There is no model another here")],
)
def test_what_cannot_be_compared_is_refused(judged: Workspace, before: str, after: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        compared(judged, before, after)


def test_without_labels_there_is_nothing_to_compare_on(judged: Workspace) -> None:
    remove_ledger(judged.labels)
    with pytest.raises(CoreError, match="nothing to evaluate on"):
        compared(judged)


@pytest.mark.slow
@pytest.mark.parametrize("indexed", [False, True])
def test_pairs_of_the_validation_set_are_measured_too(judged: Workspace, indexed: bool) -> None:
    model = EncoderModel(TUNED, judged.models / TUNED / "merged")
    if indexed:
        bring_up_to_date(judged, Settings(), model, Silent())
    found = evaluate_workspace(judged, Settings(), model, Silent())
    assert (found["queries"], found["judged_on"]) == (1, "validation@1")
    assert (found["pairs"], found["pairs_judged_on"], found["recall"]) == (2, "validation@1", 1.0)
    # What it learnt from is the other query.
    assert found["matcher"]["labels"] == 2  # type: ignore[index]
    (kept,) = load_evaluations(judged).evaluations
    assert (kept.model, kept.pairs, kept.at) == (TUNED, 2, found["at"])


@pytest.mark.slow
def test_without_a_validation_set_pairs_are_not_measured(judged: Workspace) -> None:
    with LabelStore(judged.labels) as store:
        store.record(
            "ada", Verb.REJECT, q("qv"), no_match("qv-c1"), ActionDetails(stream=Stream.VALIDATION, closes=True)
        )
    found = evaluate_workspace(judged, Settings(), EncoderModel(TUNED, judged.models / TUNED / "merged"), Silent())
    assert (found["judged_on"], found["queries"]) == ("queries held out of training", 1)
    assert "f1" not in found
    assert "pairs" not in found
