"""`samesku judge prepare` and `judge train`: what they refuse, and what they say when they end. Nothing is trained."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from samples import match, no_match, q

from core.jobs.exclusive import Holder, Work, exclusive
from core.jobs.progress import Silent
from core.judge.finetune.storage import TunedCard, adapter_folder, save_card
from core.judge.finetune.train import tune
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.model import Verb
from labels.store import LabelStore

Call = Callable[..., object]
CARD = TunedCard("judge-1", "some/" + "long-" * 20 + "model", "1", {}, "2026-01-01T00:00:00+00:00", sha256="0")
CROSS_ENCODER = {"id": "cross-encoder-1", "base": "mini", "pairs": 1234, "matches": 99}
READY_MODEL = ["judge-1 is trained. To use it, set in samesku.toml, under [judge]:", 'use = ["mlx"]']
READY_CROSS_ENCODER = [
    "cross-encoder-1 is trained on 1,234 labelled pairs.",
    "`samesku judge test --judge cross-encoder` evaluates it. To use it, set in samesku.toml, under [judge]:",
    'use = ["cross-encoder"]',
]


@pytest.fixture
def has_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with a library for language models."""
    monkeypatch.setattr("core.cli.judge_training.require_any_backend", lambda: None)


def write_job(workspace: Workspace, *arguments: str, result: dict[str, object] | None = None) -> str:
    """A training as its files tell it: done with a result, without one running."""
    job_id = "20260101-000000-aaaa"
    folder = workspace.jobs / job_id
    folder.mkdir(parents=True)
    facts = {"arguments": arguments, "pid": os.getpid(), "started_at": "2026-01-01T00:00:00+00:00"}
    (folder / "job.json").write_text(json.dumps(facts))
    events = [] if result is None else [{"kind": "result", "t": 1, **result}, {"kind": "done", "t": 2}]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return job_id


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["mlx.core", "mlx_lm"])
@pytest.mark.parametrize("more", [[], ["--detach"]])
def test_without_mlx_nothing_is_resumed(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, missing: str, more: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setitem(sys.modules, "torch", None)
    answer = call("judge", "train", "--resume", "judge-1", *more, "--home", workspace.home)
    assert answer.code == 1
    assert "Error: A language model on this machine needs mlx-lm, which is not installed here." in answer.err
    assert "pip install" in answer.err
    assert not workspace.jobs.exists()
    with pytest.raises(SameskuError, match="needs mlx-lm"):
        tune(workspace, "judge-1", Silent())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cross-encoder", "--bits", "4"], "--bits requires --config"),
        (["--resume", "judge-1", "--bits", "4"], "--bits requires --config"),
        (["--cross-encoder", "--fuse"], "--fuse requires --config or --resume"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_would_do_nothing_are_refused(
    workspace: Workspace, call: Call, arguments: list[str], said: str
) -> None:
    answer = call("judge", "train", *arguments, "--home", workspace.home)
    assert (answer.code, said in answer.err) == (2, True)


@pytest.mark.parametrize("more", [["--cross-encoder"], ["--resume", "judge-1"], ["--cross-encoder", "--detach"]])
def test_beside_a_training_that_runs_no_other_begins(workspace: Workspace, call: Call, more: list[str]) -> None:
    holder = Holder.here(("judge", "train", "--cross-encoder"), "mia", "20260101-000000-aaaa")
    with exclusive(workspace.jobs, Work.JUDGES, holder):
        answer = call("judge", "train", *more, "--home", workspace.home)
    assert (answer.code, "Train the cross-encoder is already running, started by mia, since 20" in answer.err) == (
        1,
        True,
    )
    assert "samesku jobs tail 20260101-000000-aaaa" in answer.err
    assert not (workspace.models / "judge").exists()


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """With something to learn from."""
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4"):
            store.record("ada", Verb.ACCEPT, q(id_), [*match(f"{id_}-c1"), *no_match(f"{id_}-c2")])
    return workspace


def test_lessons_are_not_written_through_a_file(labelled: Workspace, call: Call, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("read me")
    answer = call("judge", "prepare", "--out", tmp_path / "README.md", "--model", "m", "--home", labelled.home)
    assert answer.code == 1
    assert "README.md is not a folder." in answer.err


def test_lessons_are_for_a_model_that_may_be_elsewhere_but_not_for_a_folder_that_is_nowhere(
    labelled: Workspace, call: Call, tmp_path: Path
) -> None:
    given = ["judge", "prepare", "--out", tmp_path / "lessons", "--home", labelled.home]
    told = call(*given, "--model", "some/model")
    assert "max_seq_length is 512" in told.out
    nowhere = call(*given, "--model", "/nowhere")
    assert (nowhere.code, "There is no folder /nowhere." in nowhere.err) == (1, True)


def test_without_labels_no_lesson_is_begun(workspace: Workspace, call: Call, tmp_path: Path) -> None:
    answer = call("judge", "prepare", "--out", tmp_path / "out", "--model", "some/model", "--home", workspace.home)
    assert (answer.code, "There is nothing for a judge to learn from yet." in answer.err) == (1, True)
    assert "train.jsonl" not in answer.err


# -- the end -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("has_backend")
@pytest.mark.parametrize("detached", [False, True])
def test_a_tuned_model_is_put_in_use_by_lines_to_copy(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, detached: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    if detached:
        job_id = write_job(workspace, "judge", "train", "--resume", "judge-1", result=asdict(CARD))
        answer = call("jobs", "tail", job_id, "--home", workspace.home)
    else:
        monkeypatch.setattr("core.cli.judge_training.tune", lambda *_, **__: CARD)
        answer = call("judge", "train", "--resume", "judge-1", "--home", workspace.home)
    lines = [*READY_MODEL, f'mlx_model = "{CARD.base}"', f'mlx_adapter = "{adapter_folder(workspace, "judge-1")}"']
    assert answer.code == 0
    assert answer.out.splitlines()[: len(lines)] == lines


@pytest.mark.parametrize("detached", [False, True])
def test_a_cross_encoder_is_put_in_use_by_lines_to_copy(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, detached: bool
) -> None:
    if detached:
        job_id = write_job(workspace, "judge", "train", "--cross-encoder", result=CROSS_ENCODER)
        answer = call("jobs", "tail", job_id, "--home", workspace.home)
    else:
        monkeypatch.setattr("core.cli.judge_training.train_cross_encoder", lambda *_: dict(CROSS_ENCODER))
        monkeypatch.setattr("core.cli.judge_training._calibrate", lambda *_: 0)
        answer = call("judge", "train", "--cross-encoder", "--home", workspace.home)
    assert answer.code == 0
    assert answer.out.splitlines()[:3] == READY_CROSS_ENCODER


@pytest.mark.usefixtures("has_backend")
@pytest.mark.parametrize(
    ("arguments", "training", "said"),
    [
        (
            ["--cross-encoder"],
            "core.cli.judge_training.train_cross_encoder",
            "the training was discarded.",
        ),
        (
            ["--resume", "judge-1", "--fuse"],
            "core.cli.judge_training.tune",
            "`samesku judge train --resume judge-1 --fuse` continues from the last checkpoint.",
        ),
    ],
    ids=["cross-encoder", "language model"],
)
def test_ctrl_c_says_what_is_kept(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, arguments: list[str], training: str, said: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    save_card(workspace, CARD)
    monkeypatch.setattr(training, interrupted)
    answer = call("judge", "train", *arguments, "--home", workspace.home)
    assert (answer.code, answer.out, answer.err.splitlines()[-1]) == (130, "", f"Ended; {said}")


def test_ids_of_jobs_are_never_cut(workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    error = "The model of some/very/long/name is not on this machine, and the hub is switched off."
    job_id = write_job(workspace, "judge", "train", "--resume", "judge-1", result={})
    with (workspace.jobs / job_id / "events.jsonl").open("a") as events:
        events.write(json.dumps({"kind": "failed", "t": 3, "error": error}) + "\n")
    written = call("jobs", "list", "--home", workspace.home).out.splitlines()
    assert written[1].startswith(f"{job_id}  ")
    assert written[1].rstrip().endswith(error)  # a file has no edge
    monkeypatch.setenv("TERM", "dumb")  # a terminal of eighty columns to rich
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = call("jobs", "list", "--home", workspace.home).out.splitlines()
    assert shown[1].startswith(f"{job_id}  ")
    assert all(len(line) <= 80 for line in shown)
    assert len(shown) > len(written)
