"""Training in several processes: the same result as in one, and no process that is left behind."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import until
from tiny_encoder import write_tiny_sentence_encoder

from core.errors import ModelError, SettingsError
from core.evaluation.training_cost import PARAMETERS
from core.jobs.progress import Silent
from core.retrieval.encoder_files import EncoderModel
from core.training.cost import batch_size, epochs, steps
from core.training.examples import Example
from core.training.fine_tuning import fine_tune
from core.training.processes import Task, train_in_processes
from core.training.recipes.recipe import LoraKeys, Recipe
from core.training.trainer_hooks import METRIC, ProbeQuery

TWO = Recipe(processes=2)


class Heard(Silent):
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}
        self.metrics: list[tuple[int, float]] = []
        self.stages: list[tuple[str, int | None]] = []

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def loss(self, step: int, value: float) -> None:
        self.losses[step] = value

    def metric(self, step: int, name: str, value: float) -> None:
        if name == METRIC:
            self.metrics.append((step, value))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A task for processes that do not read it."""
    return Task(base={}, examples=[], folder=str(tmp_path / "draft"), recipe={}, max_tokens=8, stage="train")


#: Runs a script in place of a training process; `folder`, `rank` and `say` are defined.
Run = Callable[[str], None]


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Sets the script of the training processes."""

    def run(script: str) -> None:
        prelude = (
            "import json, os, sys, time; from pathlib import Path; folder = Path(sys.argv[1]);"
            " rank = int(os.environ['RANK'])\n"
            "def say(**event): (folder / 'events.jsonl').open('a').write(json.dumps({'t': 1.0, **event}) + chr(10))\n"
        )
        monkeypatch.setattr(
            "core.training.processes.module_command",
            lambda _, folder: [sys.executable, "-c", prelude + script, folder],
        )

    return run


def test_progress_and_values_are_those_of_the_main_process(task: Task, child: Run) -> None:
    child(
        "if rank == 0:\n"
        "    say(kind='stage', stage='train', total=2); say(kind='loss', step=1, loss=0.5)\n"
        "    say(kind='metric', step=1, name='MRR', value=0.25)\n"
        "    (folder / '0-result.json').write_text(json.dumps({'values': {'change': float(os.environ['WORLD_SIZE'])}}))"
    )
    heard = Heard()
    assert train_in_processes(task, TWO, heard) == {"change": 2.0}
    assert (heard.stages, heard.losses, heard.metrics) == ([("train", 2)], {1: 0.5}, [(1, 0.25)])
    assert list(Path(task.folder).iterdir()) == []


def test_a_process_that_dies_ends_the_others(task: Task, child: Run) -> None:
    # The second one ends only when its standard input is closed.
    child("print('no memory left'); sys.exit(3) if rank == 0 else sys.stdin.read()")
    with pytest.raises(ModelError, match=r"Training process 1 of 2 ended with code 3\.") as error:
        train_in_processes(task, TWO, Silent())
    assert error.value.hint == "no memory left"


def test_an_error_of_a_process_is_that_of_the_training(task: Task, child: Run) -> None:
    child(
        "outcome = {'error': 'lora.rank: 64 is too high.', 'hint': 'Lower it.', 'is_setting': True}\n"
        "if rank == 1: (folder / '1-result.json').write_text(json.dumps(outcome)); sys.exit(1)\n"
        "sys.stdin.read()"
    )
    with pytest.raises(SettingsError, match=r"lora\.rank: 64 is too high") as error:
        train_in_processes(task, TWO, Silent())
    assert error.value.hint == "Lower it."


def test_a_training_that_is_ended_early_leaves_no_process(task: Task, child: Run, tmp_path: Path) -> None:
    child(
        f"Path('{tmp_path}', str(os.getpid())).touch()\n"
        "if rank == 0: say(kind='loss', step=1, loss=0.5)\n"
        "sys.stdin.read()"
    )

    class Stops(Silent):
        def loss(self, step: int, value: float) -> None:
            until(lambda: len(pids()) == 2)
            raise KeyboardInterrupt

    def pids() -> list[int]:
        return [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]

    with pytest.raises(KeyboardInterrupt):
        train_in_processes(task, TWO, Stops())
    for pid in pids():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_batch_is_a_multiple_of_the_processes() -> None:
    recipe = Recipe(batch_size=8, processes=4, epochs=1, min_steps=1)
    assert [batch_size(recipe, examples) for examples in (2, 7, 8, 100)] == [4, 4, 8, 8]
    assert (epochs(recipe, 100), steps(recipe, 100)) == (1, 12)  # the 4 rows that are left are not shared
    assert steps(recipe.model_copy(update={"processes": 1}), 100) == 13


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_train_like_one(tmp_path: Path) -> None:
    products = [f"{kind} model {number}" for kind in ("camera", "printer", "phone", "cable") for number in range(8)]
    encoder = write_tiny_sentence_encoder(tmp_path / "tiny", products)
    # Dropout differs by process.
    config = json.loads((encoder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (encoder / "config.json").write_text(json.dumps(config))
    base = EncoderModel("tiny", encoder)
    examples = [Example(product, f"new {product} box", (f"used {product} case",)) for product in products]
    probes = [ProbeQuery(each, (f"new {each} box",), tuple(products[:4])) for each in products[8:12]]

    def train(count: int, heard: Heard) -> dict[str, float]:
        recipe = Recipe(
            epochs=2, min_steps=1, batch_size=8, hard_negatives=1, learning_rate=0.01,
            lora=LoraKeys(rank=4, dropout=0.0), processes=count,
        )  # fmt: skip
        folder = tmp_path / f"{count} processes"
        values = fine_tune(base, examples, folder, recipe, max_tokens=32, reporter=heard, probes=probes)
        assert {path.name for path in folder.iterdir()} == {"adapter", "merged"}
        return values

    one, two = Heard(), Heard()
    alone, together = train(1, one), train(2, two)
    assert one.stages == two.stages == [("train", 8), ("merge the adapter", None)]
    assert list(one.losses) == list(range(1, 9))
    assert one.losses[8] < one.losses[1]
    assert two.losses == pytest.approx(one.losses, abs=2e-3)
    assert dict(two.metrics) == pytest.approx(dict(one.metrics), abs=1e-4)
    assert together["change"] == pytest.approx(alone["change"], rel=0.02)
    assert together.keys() == alone.keys()
    assert together[PARAMETERS] == alone[PARAMETERS]
