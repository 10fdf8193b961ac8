"""Lower blocks without an adapter: computed once for each text, with the same loss and gradients."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny_encoder import write_tiny_model

from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel
from core.training import frozen_blocks as frozen_blocks_module
from core.training.adapters import unit_vectors
from core.training.architecture import read_architecture
from core.training.fine_tuning import _add_adapter
from core.training.frozen_blocks import frozen_blocks
from core.training.length_sorted import frozen_blocks_replayed
from core.training.losses import make_loss
from core.training.recipes.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

pytestmark = pytest.mark.slow

WORDS = ["lens", "camera", "with", "case", "strap", "and", "cable", "for", "the", "bag", "in", "black", "red", "blue"]
COLUMNS = [[" ".join(WORDS[column : column + 1 + (n * 5) % 12]) for n in range(20)] for column in range(3)]
TEXTS = [text for column in COLUMNS for text in column]


def adapted(folder: Path, kind: str, layers: str = "upper-half") -> "SentenceTransformer":
    """An encoder of two blocks with an adapter, without dropout, so that two passes can be compared."""
    import torch  # noqa: PLC0415

    encoder = EncoderModel(kind, write_tiny_model(folder, WORDS, kind))
    model = load(encoder, 64)
    recipe = Recipe.model_validate({"lora": {"rank": 4, "layers": layers}})
    _add_adapter(model, recipe, read_architecture(encoder.path))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for name, values in model.named_parameters():
        if "lora_B" in name:  # zero at first, when nothing else would have a gradient
            torch.nn.init.constant_(values, 0.01)
    return model.train()


def result_of(model: "SentenceTransformer", loss: Any) -> tuple[float, list[Any]]:
    import torch  # noqa: PLC0415

    model.zero_grad()
    value = loss([model.preprocess(column) for column in COLUMNS], torch.arange(20))
    value.backward()
    return value.item(), [values.grad.clone() for values in model.parameters() if values.grad is not None]


@contextmanager
def calls(model: "SentenceTransformer") -> Iterator[Counter[str]]:
    """How many rows pass the attention of each block."""
    seen: Counter[str] = Counter()
    hooks = [
        module.register_forward_pre_hook(
            lambda _, given, named, name=name: seen.update({name: len((given or [*named.values()])[0])}),
            with_kwargs=True,
        )
        for name, module in model.transformers_model.named_modules()
        if name.endswith(".attention")
    ]
    yield seen
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("kind", ["bert", "mpnet", "qwen2", "mistral", "clip"])
def test_the_loss_and_its_gradients_are_the_same(tmp_path: Path, kind: str) -> None:
    import torch  # noqa: PLC0415

    model = adapted(tmp_path, kind)
    loss = make_loss(Recipe(), model, None)
    value, gradients = result_of(model, loss)
    vectors = unit_vectors(model, TEXTS)
    model.train()
    with frozen_blocks_replayed(loss, TEXTS):
        assert loss.frozen is not None
        for _ in range(2):
            again, others = result_of(model, loss)
            assert again == pytest.approx(value, rel=1e-5)
            assert len(others) == len(gradients) > 0
            for one, two in zip(gradients, others, strict=True):
                torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-6)
        # Outside of the loss the encoder is as before.
        assert abs(unit_vectors(model, TEXTS) - vectors).max() < 1e-6
        model.train()
    assert loss.frozen is None
    assert result_of(model, loss)[0] == value


def test_each_text_passes_the_lower_block_once(tmp_path: Path) -> None:
    model = adapted(tmp_path, "bert")
    loss = make_loss(Recipe(), model, None)
    with calls(model) as seen, frozen_blocks_replayed(loss, TEXTS):
        assert set(seen) == {"encoder.layer.0.attention"}
        result_of(model, loss)
        result_of(model, loss)
    assert seen == {"encoder.layer.0.attention": len(set(TEXTS)), "encoder.layer.1.attention": 2 * len(TEXTS)}


def test_texts_that_were_not_kept_are_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted(tmp_path, "bert")
    loss = make_loss(Recipe(), model, None)
    value, _ = result_of(model, loss)
    monkeypatch.setattr(frozen_blocks_module, "_MAX_BYTES", 5_000)
    with frozen_blocks_replayed(loss, TEXTS[:30]):
        assert result_of(model, loss)[0] == pytest.approx(value, rel=1e-5)
        assert 0 < loss.frozen._bytes <= 5_000


def test_what_is_trained_below_is_not_frozen(tmp_path: Path) -> None:
    model = adapted(tmp_path, "bert", layers="all")
    assert frozen_blocks(model) is None
    loss = make_loss(Recipe(), model, None)
    with frozen_blocks_replayed(loss, TEXTS):
        assert loss.frozen is None
    upper = adapted(tmp_path / "upper", "bert")
    upper.transformers_model.embeddings.word_embeddings.weight.requires_grad_(requires_grad=True)
    assert frozen_blocks(upper) is None
    for values in upper.parameters():
        values.requires_grad_(requires_grad=False)
    assert frozen_blocks(upper) is None
