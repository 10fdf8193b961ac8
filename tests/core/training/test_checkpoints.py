"""A training that was interrupted goes on from its last complete checkpoint, and ends as if it had not been."""

import errno
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from tiny_encoder import write_tiny_sentence_encoder

from core.errors import ModelError
from core.jobs.progress import Silent
from core.retrieval.encoder_files import EncoderModel, weights_sha256
from core.training import fine_tuning, trainer
from core.training.checkpoints import RunCheckpoints, StageCheckpoints, run_key
from core.training.examples import Example
from core.training.fine_tuning import fine_tune
from core.training.recipes.recipe import LoraKeys, Recipe
from core.training.trainer_hooks import ProbeQuery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOUNS = ["camera", "mouse", "toner", "router", "drive", "lens", "charger", "cable", "kettle", "lamp", "drill", "tent"]
EXAMPLES = [
    Example(f"{noun} model {n}5", f"{n}5 {noun}", (f"{noun} model {n}6", f"{noun} case"))
    for n, noun in enumerate(NOUNS)
]
#: Two epochs of four steps, with dropout, which depends on the state of the random numbers.
RECIPE = Recipe(
    lora=LoraKeys(rank=4, dropout=0.3), epochs=2, min_steps=0, batch_size=3, learning_rate=5e-2, hard_negatives=2
)
STEPS = 8


class Watcher(Silent):
    """Remembers losses by step and messages, and interrupts the training when it hears the loss of a step."""

    def __init__(self, interrupt_at: int = 0) -> None:
        self.losses: dict[int, float] = {}
        self.messages: list[str] = []
        self.advanced: list[int] = []
        self.metrics: list[tuple[int, str, float]] = []
        self._interrupt_at = interrupt_at

    def metric(self, step: int, name: str, value: float) -> None:
        self.metrics.append((step, name, value))

    def advance(self, done: int) -> None:
        self.advanced.append(done)

    def loss(self, step: int, value: float) -> None:
        # Before the checkpoint of this step is written.
        if step == self._interrupt_at:
            raise SystemExit(1)
        self.losses[step] = value

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> EncoderModel:
    import torch  # noqa: PLC0415

    torch.manual_seed(1)
    texts = [text for e in EXAMPLES for text in (e.anchor, e.positive, *e.negatives)]
    return EncoderModel("tiny", write_tiny_sentence_encoder(tmp_path_factory.mktemp("tiny"), texts))


@pytest.fixture(autouse=True)
def _checkpoint_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "_INTERVAL_S", 0.0)
    monkeypatch.setattr(trainer, "_INTERVAL_SHARE", 0)


def train(
    base: EncoderModel,
    folder: Path,
    recipe: Recipe,
    checkpoints: StageCheckpoints | None,
    interrupt_at: int = 0,
    probes: Sequence[ProbeQuery] = (),
) -> Watcher:
    watcher = Watcher(interrupt_at)
    with pytest.raises(SystemExit) if interrupt_at else nullcontext():
        fine_tune(
            base, EXAMPLES, folder, recipe, max_tokens=16, reporter=watcher, checkpoints=checkpoints, probes=probes
        )
    return watcher


def stage(tmp_path: Path, data: str = "data") -> StageCheckpoints:
    return RunCheckpoints(tmp_path / "checkpoints", "run").stage("train", data)


@pytest.mark.parametrize(
    ("changes", "done"),
    [
        ({}, (1, 3, 4, 7)),  # 4 is the end of an epoch
        ({"method": "full", "learning_rate": 1e-2, "weight_decay": 0.1}, (2,)),
        ({"gradient_accumulation": 2, "min_steps": 4}, (3,)),
        ({"loss": "cached-mnr", "schedule": "linear", "warmup": 0.5}, (3,)),
        ({"averaged": 0.5}, (2, 5, 7)),  # before and within the steps that are averaged
        ({"method": "qlora"}, (3,)),
        ({"lora": LoraKeys(rank=4, dropout=0.3, layers="upper-half")}, (2, 5)),
        ({"lora": LoraKeys(rank=4, dora=True, modules_to_save=("pooler",))}, (3,)),
    ],
    ids=str,
)
def test_a_resumed_training_has_the_same_losses_and_weights(
    tiny: EncoderModel, tmp_path: Path, changes: dict[str, object], done: tuple[int, ...]
) -> None:
    recipe = RECIPE.model_copy(update=changes)
    if recipe.method == "qlora":
        pytest.importorskip("bitsandbytes", reason="needs bitsandbytes")
    whole = train(tiny, tmp_path / "whole", recipe, None)
    for step in done:
        interrupted = train(tiny, tmp_path / "killed", recipe, stage(tmp_path), interrupt_at=step + 1)
        assert f"The checkpoint of step {step} is kept" in interrupted.messages[-1]
    resumed = train(tiny, tmp_path / "resumed", recipe, stage(tmp_path))
    assert f"from its checkpoint of step {done[-1]}." in resumed.messages[0]
    assert resumed.losses == {step: loss for step, loss in whole.losses.items() if step > done[-1]}
    assert resumed.advanced[0] == done[-1]
    assert weights_sha256(tmp_path / "resumed" / "merged") == weights_sha256(tmp_path / "whole" / "merged")


def falling(*metrics: float) -> Callable[..., float]:
    """A probe metric with given values: before the first step, then after each epoch."""
    values = iter(metrics)
    return lambda *_, **__: next(values)


PROBES = [ProbeQuery(e.anchor, (e.positive,), e.negatives) for e in EXAMPLES[:3]]
PATIENT = RECIPE.model_copy(update={"epochs": 6, "patience": 2})


def test_patience_ends_a_training_and_takes_the_best_epoch(
    tiny: EncoderModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_tuning, "mean_reciprocal_rank", falling(0.1, 0.5, 0.9, 0.8, 0.7, 0.6, 0.5))
    patient = train(tiny, tmp_path / "patient", PATIENT, None, probes=PROBES)
    assert max(patient.losses) == 4 * 4  # the third and fourth epochs were no better than the second
    assert [step for step, name, _ in patient.metrics if name == "MRR"] == [0, 4, 8, 12, 16]
    assert not (tmp_path / "patient" / "trainer").exists()
    # The best weights: those that a training has which is interrupted after the second epoch.
    train(tiny, tmp_path / "cut", PATIENT.model_copy(update={"patience": 0}), stage(tmp_path), interrupt_at=9)
    best = load_file(stage(tmp_path).folder / "checkpoint-8" / "trained.safetensors")
    adapter = load_file(tmp_path / "patient" / "adapter" / "adapter_model.safetensors")
    assert sorted(values.sum() for values in best.values()) == sorted(values.sum() for values in adapter.values())


def test_patience_counts_on_after_an_interruption(
    tiny: EncoderModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [0.1, 0.5, 0.9, 0.8, 0.7, 0.6, 0.5]

    def run(folder: Path, checkpoints: StageCheckpoints | None, measured: int = 0, interrupt_at: int = 0) -> Watcher:
        monkeypatch.setattr(fine_tuning, "mean_reciprocal_rank", falling(*values[measured:]))
        return train(tiny, folder, PATIENT, checkpoints, interrupt_at, probes=PROBES)

    run(tmp_path / "whole", None)
    for interrupt_at in (10, 13, 15):
        place = tmp_path / str(interrupt_at)
        run(place / "killed", stage(place), interrupt_at=interrupt_at)
        resumed = run(place / "resumed", stage(place), 1 + (interrupt_at - 1) // 4)
        assert max(resumed.losses) == 16, interrupt_at
        ended = run(place / "ended", stage(place), len(values))
        assert ended.losses == {}, interrupt_at
        weights = {weights_sha256(each / "merged") for each in (tmp_path / "whole", place / "resumed", place / "ended")}
        assert len(weights) == 1, interrupt_at


def test_an_end_after_the_training_trains_no_step_again(tiny: EncoderModel, tmp_path: Path) -> None:
    train(tiny, tmp_path / "first", RECIPE, stage(tmp_path))
    assert [path.name for path in stage(tmp_path).folder.glob("checkpoint-*")] == [f"checkpoint-{STEPS}"]
    second = train(tiny, tmp_path / "second", RECIPE, stage(tmp_path))
    assert second.losses == {}
    assert f"checkpoint of step {STEPS}" in second.messages[0]
    assert weights_sha256(tmp_path / "second" / "merged") == weights_sha256(tmp_path / "first" / "merged")


def test_a_warning_is_not_repeated_after_an_interruption(
    tiny: EncoderModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.loss_watch._MAX_GAP", -99.0)
    killed = train(tiny, tmp_path / "killed", RECIPE, stage(tmp_path), interrupt_at=6, probes=PROBES)
    assert sum("validation loss" in message for message in killed.messages) == 1
    resumed = train(tiny, tmp_path / "resumed", RECIPE, stage(tmp_path), probes=PROBES)
    assert [step for step, _, _ in resumed.metrics] == [8, 8]
    assert not any("validation loss" in message for message in resumed.messages)


def test_a_half_written_checkpoint_is_skipped(tiny: EncoderModel, tmp_path: Path) -> None:
    whole = train(tiny, tmp_path / "whole", RECIPE, None)
    train(tiny, tmp_path / "killed", RECIPE, stage(tmp_path), interrupt_at=6)
    assert {path.name for path in stage(tmp_path).folder.glob("checkpoint-*")} == {"checkpoint-4", "checkpoint-5"}
    for damage in ("unmarked", "truncated", "missing"):
        place = tmp_path / damage
        shutil.copytree(tmp_path / "checkpoints", place / "checkpoints")
        last = stage(place).folder / "checkpoint-5"
        if damage == "unmarked":
            (last / "complete.json").unlink()
        elif damage == "truncated":
            (last / "optimizer.pt").write_bytes((last / "optimizer.pt").read_bytes()[:-9])
        else:
            (last / "trained.safetensors").unlink()
        resumed = train(tiny, place / "resumed", RECIPE, stage(place))
        assert "from its checkpoint of step 4." in resumed.messages[0], damage
        assert resumed.losses == {step: loss for step, loss in whole.losses.items() if step > 4}, damage


def test_other_data_starts_over_and_says_so(tiny: EncoderModel, tmp_path: Path) -> None:
    train(tiny, tmp_path / "killed", RECIPE, stage(tmp_path), interrupt_at=4)
    fresh = train(tiny, tmp_path / "fresh", RECIPE, stage(tmp_path, "other data"))
    assert fresh.messages == ["The training data changed since this training was interrupted: it starts over."]
    assert min(fresh.losses) == 1


def test_a_full_disk_after_the_training_keeps_the_checkpoint(
    tiny: EncoderModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sentence_transformers.SentenceTransformer.save", full)
    with pytest.raises(ModelError, match="No space left"):
        train(tiny, tmp_path / "full", RECIPE, stage(tmp_path))
    monkeypatch.undo()
    assert train(tiny, tmp_path / "out", RECIPE, stage(tmp_path)).losses == {}


def test_a_checkpoint_that_cannot_be_loaded_is_removed(tiny: EncoderModel, tmp_path: Path) -> None:
    train(tiny, tmp_path / "killed", RECIPE, stage(tmp_path), interrupt_at=4)
    # Complete, but of another model.
    for path in stage(tmp_path).folder.glob("checkpoint-*"):
        record = json.loads((path / "complete.json").read_text())
        del record["files"]["trained.safetensors"]
        (path / "complete.json").write_text(json.dumps(record))
        (path / "trained.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be loaded; it was removed"):
        train(tiny, tmp_path / "out", RECIPE, stage(tmp_path))
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    assert min(train(tiny, tmp_path / "out", RECIPE, stage(tmp_path)).losses) == 1


def test_a_training_whose_check_fails_keeps_no_checkpoint(tiny: EncoderModel, tmp_path: Path) -> None:
    useless = RECIPE.model_copy(update={"learning_rate": 1e-12})
    with pytest.raises(ModelError, match="gives the vectors of the base encoder"):
        train(tiny, tmp_path / "out", useless, stage(tmp_path))
    assert not stage(tmp_path).folder.exists()


def test_the_key_of_a_run_depends_on_recipe_and_base(tiny: EncoderModel) -> None:
    key = run_key(RECIPE, tiny, 16)
    assert run_key(RECIPE.model_copy(update={"description": "other words"}), tiny, 16) == key
    assert run_key(RECIPE.model_copy(update={"seed": 1}), tiny, 16) != key
    assert run_key(RECIPE, tiny, 32) != key
    assert run_key(RECIPE, EncoderModel("other", tiny.path), 16) != key


def test_only_the_latest_interrupted_runs_are_kept(tmp_path: Path) -> None:
    for key in "abcd":
        RunCheckpoints(tmp_path, key).stage("train", "data").begin(Silent())
        RunCheckpoints(tmp_path, key).remove_others()
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / "d" / "train").is_dir()
    for path in list(tmp_path.iterdir()):
        RunCheckpoints(tmp_path, path.name).remove()
    assert not tmp_path.exists()
