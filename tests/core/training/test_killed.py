"""Trainings that are killed: what they leave is gone after the next one, and nothing of it was ever a model."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from samples import match, q
from small_retrain import write_small_retrain

from core.cli.context import Context
from core.cli.doctor import diagnose
from core.judge.finetune.storage import judges_folder
from core.matching.run import out_of_fold_path
from core.retrieval.encoder_registry import Registry
from core.settings import load_settings
from core.workspace import Workspace
from labels.files import DRAFT_PREFIX, folder_bytes
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Train = Callable[..., int]

#: Runs trainings that are killed the moment that they report a stage, or a loss, after so many of these. The libraries
#: are imported once: a line of input is a training, in a fork of this process, and its exit status is a line of output.
_CHILD = """
import gc, os, sys, traceback
from pathlib import Path
import faiss, peft, sentence_transformers.cross_encoder.trainer, sentence_transformers.trainer
import peft.utils.transformers_weight_conversion, sklearn.feature_extraction.text, torch.profiler
import transformers.models.bert.modeling_bert
from core.jobs.progress import Silent
from core.judge.finetune import cross_encoder
from core.settings import load_settings
from core.training import checkpoints, cross_fitting, run, trainer
from core.workspace import Workspace

class Killed(Silent):
    def __init__(self, stage, passed):
        self.last, self.left = stage, int(passed)

    def stage(self, name, total=None):
        if name == self.last:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), 9)

    def loss(self, step, value):
        self.stage("loss")

cross_fitting.MIN_CROSS_FITTING_MATCHES = 2
trainer._INTERVAL_S, trainer._INTERVAL_SHARE = 0.0, 0  # a checkpoint at every step
cross_encoder._MIN_STEPS = 4

def retrain_with_halves(*arguments):
    run.is_hopeless = lambda *_: False  # a few steps of a tiny encoder improve nothing
    run.retrain(*arguments)

trainings = {
    "retrain": run.retrain, "retrain with halves": retrain_with_halves, "judge": cross_encoder.train_cross_encoder
}
gc.freeze()  # a collection in a fork would copy all that was imported
for line in sys.stdin:
    home, verb, stage, passed = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if not child:
        status = 1
        try:
            workspace, reporter = Workspace.locate(Path(home)), Killed(stage, passed)
            complete = checkpoints.StageCheckpoints.complete
            def half_written(*arguments):
                reporter.stage("half a checkpoint")
                complete(*arguments)
            checkpoints.StageCheckpoints.complete = half_written
            trainings[verb](workspace, load_settings(workspace.settings), reporter)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    # At 0.05, some orders of the labels lead to an encoder that gives all texts the same vector.
    return write_small_retrain(tmp_path, steps=2, rate=0.01)


@pytest.fixture(scope="module")
def train() -> Iterator[Train]:
    """Trains in a process of its own; returns how that ended."""

    def run(home: Workspace, verb: str, stage: str = "", passed: int = 0) -> int:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{home.home}\t{verb}\t{stage}\t{passed}\n")
        child.stdin.flush()
        return int(child.stdout.readline())

    with subprocess.Popen(
        [sys.executable, "-c", _CHILD], cwd=Path(__file__).parents[3], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        yield run


def drafts(home: Workspace) -> list[Path]:
    """What was left, a minute later."""
    found = list(home.models.rglob(f"{DRAFT_PREFIX}*"))
    for draft in found:
        os.utime(draft, (1, 1))
    return found


def test_killed_retrains(home: Workspace, train: Train) -> None:
    registry = Registry(home, load_settings(home.settings))
    for stage, passed in (("loss", 0), ("merge the adapter", 0), ("evaluate", 1)):
        assert train(home, "retrain", stage, passed) == -9
        assert len(drafts(home)) == 1
        assert registry.ids() == []
    assert sum(map(folder_bytes, drafts(home))) > 0
    assert len(list(home.index.glob("lora-*"))) == 1
    assert "killed runs" in str(diagnose(Context(home.home))["left behind"])
    assert "MB of interrupted retrains" in str(diagnose(Context(home.home))["checkpoints"])
    assert train(home, "retrain") == 0
    (model,) = registry.ids()
    assert drafts(home) == []
    assert {path.name for path in home.models.iterdir() if path.is_dir()} == {model}
    assert {path.name for path in home.index.glob("lora-*")} == {model}
    assert registry.get(model).path == home.models / model / "merged"
    assert not {"left behind", "checkpoints"} & diagnose(Context(home.home)).keys()


def test_a_killed_retrain_goes_on_and_ends_in_the_same_encoder(home: Workspace, train: Train, tmp_path: Path) -> None:
    home.settings.write_text(home.settings.read_text().replace("min_steps = 2", "min_steps = 4"))
    with LabelStore(home.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4"):
            store.record("ada", Verb.ACCEPT, q(id_), match(f"{id_}-c3"), ActionDetails(closes=True))
    whole = Workspace(shutil.copytree(home.home, tmp_path / "whole"))
    assert train(whole, "retrain with halves") == 0
    # Each run goes on from where the one before was killed, so that these points are ever later ones.
    for stage, passed in (
        ("loss", 1),
        ("half a checkpoint", 0),
        ("half a checkpoint", 1),
        ("merge the adapter", 0),
        ("train half 1 of 2", 0),
        ("loss", 0),  # of a half: the encoder itself is trained
        ("half a checkpoint", 2),
        ("train half 2 of 2", 0),
        ("fit the matcher", 0),
    ):
        assert train(home, "retrain with halves", stage, passed) == -9, stage
    assert train(home, "retrain with halves", "loss", 0) == 0, "a step was trained again"
    cards = [Registry(each, load_settings(each.settings)).cards() for each in (whole, home)]
    (expected,), (found,) = cards
    assert found.sha256 == expected.sha256
    assert found.metrics.keys() == expected.metrics.keys()
    measured = found.metrics.keys() - {"training_seconds", "peak_memory_bytes"}
    assert {name: found.metrics[name] for name in measured} == {name: expected.metrics[name] for name in measured}
    assert found.decision == expected.decision
    assert found.data["sha256"] == expected.data["sha256"]
    cosines = [out_of_fold_path(each, one[-1].id).read_text() for each, one in zip((whole, home), cards, strict=True)]
    assert cosines[0] == cosines[1]
    assert not home.checkpoints.exists()


def test_a_killed_retrain_starts_over_with_other_labels(home: Workspace, train: Train) -> None:
    assert train(home, "retrain", "loss", 1) == -9
    with LabelStore(home.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c3"), ActionDetails(closes=True))
    assert train(home, "retrain", "loss", 0) == -9, "no step was trained again"


def test_a_killed_training_of_a_judge(home: Workspace, train: Train) -> None:
    assert train(home, "judge", "loss") == -9
    assert len(drafts(home)) == 1
    assert list(judges_folder(home).glob("*/judge.json")) == []
    assert train(home, "judge") == 0
    assert drafts(home) == []
    (judge,) = judges_folder(home).iterdir()
    assert (judge / "judge.json").is_file()
    assert not (judge / "trainer").exists()
