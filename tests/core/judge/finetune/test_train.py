import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from samples import PRODUCTS, QUERIES, write_catalogue

from core.errors import ModelError
from core.jobs.progress import Silent
from core.judge.finetune.chat_examples import write_training_data
from core.judge.finetune.checkpoints import MlxCheckpoints
from core.judge.finetune.llm_recipe import RECIPE_FILE, LoraParameters, Recipe, read_recipe
from core.judge.finetune.mlx_training import _make_callback
from core.judge.finetune.splits import TrainValidTest
from core.judge.finetune.storage import TunedCard, adapter_folder, judge_folder, load_card
from core.judge.finetune.train import create_tuned_judge
from core.judge.finetune.train import tune as tune_by
from core.judge.mlx import MlxJudge
from core.judge.mlx_model import load_model
from core.judge.pair_context import pair_contexts
from core.judge.prompt import PROMPT_VERSION
from core.workspace import Workspace
from labels.model import Pair

KNOWN = {
    Pair(query.ref, product.ref): product.id == f"{query.id}-c1"
    for query in QUERIES[:4]
    for product in PRODUCTS
    if product.id.startswith(query.id)
}
STEPS, CHECKPOINT, BREAK = 12, 5, 8


#: The training by torch has tests of its own.
tune = partial(tune_by, backend="mlx")


@dataclass
class RecordingReporter(Silent):
    """Records what is reported, and interrupts the run at a step as a signal would."""

    ends_at: int | None = None
    losses: dict[int, float] = field(default_factory=dict)
    metrics: dict[int, float] = field(default_factory=dict)
    stages: list[tuple[str, int | None]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def advance(self, done: int) -> None:
        self.done.append(done)
        if done == self.ends_at:
            raise KeyboardInterrupt

    def loss(self, step: int, value: float) -> None:
        self.losses[step] = value

    def metric(self, step: int, name: str, value: float) -> None:
        assert name == "validation loss"
        self.metrics[step] = value


@dataclass(frozen=True)
class Trained:
    """A training that was interrupted and resumed."""

    workspace: Workspace
    card: TunedCard
    first: RecordingReporter
    second: RecordingReporter


@pytest.fixture(scope="module")
def home(tiny_llm: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Recipe]:
    """A workspace with training examples, and a recipe that learns in a few steps."""
    workspace = write_catalogue(tmp_path_factory.mktemp("tuned") / "home")
    data = workspace.home / "examples"
    valid = dict(list(KNOWN.items())[:2])
    write_training_data(
        workspace, TrainValidTest(KNOWN, valid, {}), data, str(tiny_llm), Silent(), balance=None, seed=1
    )
    quick = {
        "iters": STEPS, "batch_size": 2, "learning_rate": 1e-3, "max_seq_length": 1024, "steps_per_report": 3,
        "save_every": CHECKPOINT, "steps_per_eval": 10, "grad_checkpoint": False,
        "lora_parameters": LoraParameters(rank=4),
    }  # fmt: skip
    return workspace, read_recipe(data / RECIPE_FILE).model_copy(update=quick)


@pytest.fixture(scope="module")
def trained(home: tuple[Workspace, Recipe]) -> Trained:
    workspace, recipe = home
    card = create_tuned_judge(workspace, recipe)
    first, second = RecordingReporter(ends_at=BREAK), RecordingReporter()
    with pytest.raises(KeyboardInterrupt):
        tune(workspace, card.id, first)
    assert not load_card(workspace, card.id).sha256
    return Trained(workspace, tune(workspace, card.id, second, fuse=True), first, second)


def test_loss_decreases_and_is_reported(trained: Trained) -> None:
    losses = {**trained.first.losses, **trained.second.losses}
    assert list(losses) == list(range(1, STEPS + 1))
    early, late = (sum(losses[step] for step in steps) / 4 for steps in (range(1, 5), range(STEPS - 3, STEPS + 1)))
    assert late < 0.85 * early
    assert trained.first.metrics[0] > trained.second.metrics[STEPS - 1]
    assert trained.first.stages == [("load", None), ("train", STEPS)]
    assert trained.second.stages == [("load", None), ("train", STEPS), ("fuse", None)]


def test_interrupted_run_resumes_from_checkpoint(trained: Trained) -> None:
    assert trained.first.done == [0, *range(1, BREAK + 1)]
    assert trained.second.done == list(range(CHECKPOINT, STEPS + 1))
    # It has learnt: the next step is not where it began.
    assert trained.second.losses[CHECKPOINT + 1] < 0.9 * trained.first.losses[1]
    assert not (judge_folder(trained.workspace, trained.card.id) / "checkpoints").exists()


def test_interruption_while_fusing_resumes_without_training(
    home: tuple[Workspace, Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    workspace, recipe = home
    card = create_tuned_judge(workspace, recipe.model_copy(update={"iters": 2, "save_every": 2}))
    with monkeypatch.context() as patched:
        patched.setattr("core.judge.finetune.train.fuse_adapter", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tune(workspace, card.id, Silent(), fuse=True)
    again = RecordingReporter()
    assert tune(workspace, card.id, again, fuse=True).steps == 2
    assert (again.done, again.losses) == ([2], {})
    assert (judge_folder(workspace, card.id) / "fused" / "model.safetensors").is_file()


def test_card(trained: Trained, home: tuple[Workspace, Recipe], tiny_llm: Path) -> None:
    card = trained.card
    assert card == load_card(trained.workspace, card.id)
    assert (card.base, card.steps, card.prompt) == (str(tiny_llm), STEPS, PROMPT_VERSION)
    assert card.trained_on == {"train": len(KNOWN), "valid": 2, "too long": 0}
    assert card.losses["training"] == trained.second.losses[STEPS]
    assert Recipe.model_validate(card.recipe) == home[1]
    with pytest.raises(ModelError, match="is finished"):
        tune(trained.workspace, card.id, Silent())
    for name in ("../x", "", "nobody"):
        with pytest.raises(ModelError):
            load_card(trained.workspace, name)


def test_adapter_and_fused_model_agree(trained: Trained, tiny_llm: Path) -> None:
    adapter = adapter_folder(trained.workspace, trained.card.id)
    fused = judge_folder(trained.workspace, trained.card.id) / "fused"
    base, tuned, whole = (
        MlxJudge(str(model), str(with_), mode="fast", max_tokens=16)
        for model, with_ in ((tiny_llm, ""), (tiny_llm, adapter), (fused, ""))
    )
    assert len({base.name, tuned.name, whole.name}) == 3
    assert (base.training_pairs(), tuned.training_pairs(), whole.training_pairs()) == (
        frozenset(),
        KNOWN.keys(),
        KNOWN.keys(),
    )
    some = list(pair_contexts(trained.workspace, KNOWN))
    odds = [[verdict.log_odds for verdict in judge.verdicts(some)] for judge in (base, tuned, whole)]
    assert odds[1] == pytest.approx(odds[2], abs=1e-3)
    assert max(abs(one - other) for one, other in zip(odds[0], odds[1], strict=True)) > 0.1
    assert not list(fused.glob("*.bin"))


def test_adapter_of_another_model_is_refused(trained: Trained, tmp_path: Path) -> None:
    from tiny_llm import write_tiny_llm  # noqa: PLC0415

    other = write_tiny_llm(tmp_path, hidden=128, layers=1)
    adapter = adapter_folder(trained.workspace, trained.card.id)
    [case] = pair_contexts(trained.workspace, list(KNOWN)[:1])
    with pytest.raises(ModelError, match="is for another model than"):
        list(MlxJudge(str(other), str(adapter), mode="fast", max_tokens=16).verdicts([case]))


@pytest.mark.parametrize("content", ["{", "{}", '{"num_layers": -1, "lora_parameters": {}}', None])
def test_damaged_adapter_is_refused(trained: Trained, tiny_llm: Path, tmp_path: Path, content: str | None) -> None:
    for file in adapter_folder(trained.workspace, trained.card.id).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    if content is None:
        (tmp_path / "adapters.safetensors").write_bytes(b"no weights")
    else:
        (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        load_model(str(tiny_llm), str(tmp_path))
    assert str(tmp_path) in caught.value.message
    assert "is damaged" in caught.value.message
    assert "judge train" in caught.value.hint


def test_judge_folder_can_be_named_as_adapter(trained: Trained, tiny_llm: Path) -> None:
    folder, adapter = (of(trained.workspace, trained.card.id) for of in (judge_folder, adapter_folder))
    by_folder, by_adapter = (MlxJudge(str(tiny_llm), str(f), mode="fast", max_tokens=16) for f in (folder, adapter))
    assert by_folder.name == by_adapter.name
    assert by_folder.training_pairs() == by_adapter.training_pairs() == KNOWN.keys()


@pytest.fixture
def uncompiled() -> Iterator[None]:
    """As mlx computes without a compiler: on a processor it runs one for each kind of kernel, half a second each."""
    import mlx.core as mx  # noqa: PLC0415

    mx.disable_compile()
    yield
    mx.enable_compile()


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(("kind", "bits"), [("dora", None), ("lora", 4)], ids=["dora", "qlora"])
def test_dora_qlora_and_gradient_checkpointing(home: tuple[Workspace, Recipe], kind: str, bits: int | None) -> None:
    workspace, recipe = home
    recipe = recipe.model_copy(update={"fine_tune_type": kind, "grad_checkpoint": True, "iters": 2})
    card = create_tuned_judge(workspace, recipe, bits=bits)
    card = tune(workspace, card.id, Silent())
    config = json.loads((Path(card.base) / "config.json").read_text("utf-8"))
    assert config.get("quantization", {}).get("bits") == bits
    judge = MlxJudge(card.base, str(adapter_folder(workspace, card.id)), mode="reasoned", max_tokens=4)
    # Gradient checkpointing has left the model's class as it was.
    assert [verdict.tokens_out for verdict in judge.verdicts(list(pair_contexts(workspace, KNOWN))[:3])] == [4, 4, 4]


def test_impossible_runs_are_refused(home: tuple[Workspace, Recipe]) -> None:
    workspace, recipe = home
    still = create_tuned_judge(workspace, recipe.model_copy(update={"learning_rate": 1e-60, "iters": 1}))
    with pytest.raises(ModelError, match="changed nothing"):
        tune(workspace, still.id, Silent())
    short = create_tuned_judge(workspace, recipe.model_copy(update={"max_seq_length": 64}))
    with pytest.raises(ModelError, match="longer than 64 tokens") as raised:
        tune(workspace, short.id, Silent())
    assert "max_seq_length" in raised.value.hint
    absent = create_tuned_judge(workspace, recipe.model_copy(update={"data": str(workspace.home / "nowhere")}))
    with pytest.raises(ModelError, match="There is no"):
        tune(workspace, absent.id, Silent())


def test_nan_loss_ends_the_run(home: tuple[Workspace, Recipe]) -> None:
    workspace, recipe = home
    checkpoints = MlxCheckpoints(workspace.home / "checkpoints")
    callback = _make_callback(None, None, recipe, checkpoints, 5, Silent())
    with pytest.raises(ModelError, match="NaN or infinite at step 8"):
        callback.on_train_loss_report({"iteration": 3, "train_loss": math.nan})
