"""Trainings that are killed: what they leave is gone after the next one, and nothing of it was ever a model."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from samples import PRODUCTS, QUERIES, match, no_match, q, write_catalogue
from tiny_encoder import write_tiny_sentence_encoder

from core.cli.context import Context
from core.cli.doctor import diagnose
from core.judge.finetune.storage import judges_folder
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
import os, sys
from pathlib import Path
import peft, sentence_transformers.cross_encoder.trainer, sentence_transformers.trainer
from core.jobs.progress import Silent
from core.judge.finetune.cross_encoder import train_cross_encoder
from core.settings import load_settings
from core.training import cross_fitting, run
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
trainings = {"retrain": run.retrain, "judge": train_cross_encoder}
for line in sys.stdin:
    home, verb, stage, passed = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if not child:
        status = 1
        try:
            workspace = Workspace.locate(Path(home))
            trainings[verb](workspace, load_settings(workspace.settings), Killed(stage, passed))
            status = 0
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

_SETTINGS = """\
[validation]
share = 0.2
[encoder]
model = "{}"
[retrain]
epochs = 1
min_steps = 2
batch_size = 2
hard_negatives = 1
rank = 2
learning_rate = 0.05
"""


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    """A few labels, and an encoder that is trained in a second."""
    workspace = write_catalogue(tmp_path / "home")
    encoder = write_tiny_sentence_encoder(tmp_path / "tiny", [product.title for product in [*QUERIES, *PRODUCTS]])
    workspace.settings.write_text(_SETTINGS.format(encoder))
    with LabelStore(workspace.labels) as store:
        store.draw_validation([q("qv")], seed=1)
        for id_ in ("q1", "q2", "q3", "q4", "qv"):
            store.record(
                "ada", Verb.ACCEPT, q(id_), [*match(f"{id_}-c1"), *no_match(f"{id_}-c2")], ActionDetails(closes=True)
            )
    return workspace


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
    assert train(home, "retrain") == 0
    (model,) = registry.ids()
    assert drafts(home) == []
    assert {path.name for path in home.models.iterdir() if path.is_dir()} == {model}
    assert {path.name for path in home.index.glob("lora-*")} == {model}
    assert registry.get(model).path == home.models / model / "merged"
    assert "left behind" not in diagnose(Context(home.home))


def test_a_killed_training_of_a_judge(home: Workspace, train: Train) -> None:
    assert train(home, "judge", "loss") == -9
    assert len(drafts(home)) == 1
    assert list(judges_folder(home).glob("*/judge.json")) == []
    assert train(home, "judge") == 0
    assert drafts(home) == []
    (judge,) = judges_folder(home).iterdir()
    assert (judge / "judge.json").is_file()
    assert not (judge / "trainer").exists()
