"""Texts embedded in chunks of similar length: the same loss and gradients, with less padding."""

from typing import TYPE_CHECKING, Any

import pytest
from tiny_encoder import write_tiny_sentence_encoder

from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel
from core.training.length_sorted import length_sorted
from core.training.losses import make_loss
from core.training.recipes.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

pytestmark = pytest.mark.slow

WORDS = ["lens", "camera", "with", "case", "strap", "and", "cable", "for", "the", "bag", "in", "black", "red", "blue"]
ANCHORS = [" ".join(WORDS[: 1 + n % 12]) for n in range(24)]
POSITIVES = [" ".join(WORDS[n % 5 : 2 + n % 13]) or "lens" for n in range(24)]
NEGATIVES = [" ".join(WORDS[: 1 + (n * 7) % 13]) for n in range(24)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> "SentenceTransformer":
    made = load(EncoderModel("tiny", write_tiny_sentence_encoder(tmp_path_factory.mktemp("tiny"), WORDS)), 64)
    made.eval()  # without dropout, so that two passes can be compared
    return made


def result_of(
    model: "SentenceTransformer", loss: Any, columns: list[list[str]], labels: Any
) -> tuple[float, list[Any]]:
    """The value of a loss on some columns, and its gradients."""
    model.zero_grad()
    value = loss([model.preprocess(column) for column in columns], labels)
    value.backward()
    return value.item(), [p.grad.clone() for p in model.parameters() if p.grad is not None]


def tokens_computed(model: "SentenceTransformer", loss: Any, columns: list[list[str]], labels: Any) -> int:
    seen: list[int] = []
    hook = model.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]["attention_mask"].numel()))
    loss([model.preprocess(column) for column in columns], labels)
    hook.remove()
    return sum(seen)


@pytest.mark.parametrize("name", ["mnr", "symmetric-mnr", "cosent", "cosine"])
def test_the_loss_and_its_gradients_are_the_same(model: "SentenceTransformer", name: str) -> None:
    import torch  # noqa: PLC0415

    recipe = Recipe.model_validate({"loss": name})
    pairs = recipe.on_pairs
    columns = [ANCHORS, POSITIVES] if pairs else [ANCHORS, POSITIVES, NEGATIVES]
    labels = torch.tensor([float(n % 2) for n in range(24)]) if pairs else torch.arange(24)
    sorted_loss = make_loss(recipe, model, None)
    value, gradients = result_of(model, sorted_loss.loss, columns, labels)
    other, others = result_of(model, sorted_loss, columns, labels)
    assert other == pytest.approx(value, rel=1e-4)
    assert len(others) == len(gradients) > 0
    for one, two in zip(gradients, others, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)


def test_less_padding_is_computed(model: "SentenceTransformer") -> None:
    import torch  # noqa: PLC0415

    columns, labels = [ANCHORS, POSITIVES, NEGATIVES], torch.arange(24)
    sorted_loss = make_loss(Recipe(), model, None)
    needed = sum(int(model.preprocess(column)["attention_mask"].sum()) for column in columns)
    computed = tokens_computed(model, sorted_loss, columns, labels)
    assert needed <= computed < 1.2 * needed
    assert computed < 0.8 * tokens_computed(model, sorted_loss.loss, columns, labels)


class Embedder:
    """A loss that sums embeddings, and a model that takes the features themselves for them."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.widths: list[int] = []

    def model(self, features: dict[str, Any]) -> dict[str, Any]:
        self.widths.append(features[self.key].shape[1])
        return {"sentence_embedding": features[self.key].sum(dim=1, keepdim=True)}

    def compute_loss_from_embeddings(self, embeddings: list[Any], _labels: Any) -> Any:
        return [part.flatten().tolist() for part in embeddings]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_is_cut(side: str) -> None:
    import torch  # noqa: PLC0415

    lengths = [3, 9, 1, *range(1, 30)]
    tokens = torch.zeros(len(lengths), 40, dtype=torch.long)
    for row, length in enumerate(lengths):
        place = slice(40 - length, 40) if side == "left" else slice(0, length)
        tokens[row, place] = row + 1
    loss = Embedder("input_ids")
    column = {"input_ids": tokens, "attention_mask": (tokens > 0).long(), "prompt_length": 2}
    assert length_sorted(loss)([column], None) == [[(row + 1) * length for row, length in enumerate(lengths)]]
    assert loss.widths == [13, 29]


def test_columns_that_are_no_tokens_are_embedded_one_by_one() -> None:
    import torch  # noqa: PLC0415

    columns = [{"pixels": torch.ones(2, 3)}, {"pixels": torch.ones(4, 5)}]
    loss = Embedder("pixels")
    assert length_sorted(loss)(columns, None) == [[3, 3], [5, 5, 5, 5]]
    assert loss.widths == [3, 5]
