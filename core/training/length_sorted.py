"""A loss that embeds the texts of a batch in chunks of similar length, so that little padding is computed.

Sentence-transformers pads the texts of a column, or of all candidate columns, to the longest of them. Product titles
have very different lengths, so that about half of what a processor computes is padding. On a GPU the larger number of
forward passes costs more than the padding.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from core.training.frozen_blocks import FrozenBlocks, frozen_blocks

if TYPE_CHECKING:
    from torch import Tensor, nn

#: Texts of a chunk. Smaller chunks have less padding, and more calls of the layers.
_CHUNK = 16


def length_sorted(loss: Any) -> Any:
    """A module with the value and the gradients of a loss, computed on chunks of texts of similar length.

    Args:
        loss: of sentence-transformers, with `model` and `compute_loss_from_embeddings`.

    Returns:
        a module that takes `(features of each column, labels)`, like the loss. Features that are not plain token
        matrices of one kind are embedded a column at a time.
    """
    from torch import nn

    class LengthSorted(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            # The trainer replaces `model` in the losses inside by the one that it has wrapped.
            self.loss = loss
            self.frozen: FrozenBlocks | None = None

        def forward(self, sentence_features: Iterable[dict[str, Any]], labels: "Tensor") -> "Tensor":
            embeddings = _embed(self.loss.model, list(sentence_features), self.frozen)
            value: Tensor = self.loss.compute_loss_from_embeddings(embeddings, labels)
            return value

    return LengthSorted()


@contextmanager
def frozen_blocks_replayed(loss: Any, texts: Sequence[str]) -> Iterator[None]:
    """A context in which a loss from `length_sorted` computes the frozen lower blocks of its model once for each text.

    Other losses, and models without such blocks, are trained as without it.

    Args:
        loss: with the model, whose parameters to train are chosen.
        texts: all training texts.
    """
    # By its attribute, since the class exists only once torch is imported.
    frozen = frozen_blocks(loss.loss.model) if hasattr(loss, "frozen") else None
    if frozen is None:
        yield
        return
    loss.frozen = frozen
    try:
        frozen.compute(texts)
        yield
    finally:
        loss.frozen = None
        frozen.close()


def _embed(model: "nn.Module", columns: list[dict[str, Any]], frozen: FrozenBlocks | None = None) -> list["Tensor"]:
    """The embeddings of each column, shape (rows, dimensions)."""
    import torch
    from sentence_transformers.base.losses.merged_forward import merge_feature_batches

    texts = merge_feature_batches(columns)
    if texts is None or not _are_tokens(texts):
        return [model(column)["sentence_embedding"] for column in columns]
    mask = texts["attention_mask"]
    order = mask.sum(dim=1).argsort(stable=True)
    chunks = []
    for rows in order.split(_CHUNK):
        features = _trimmed(texts, rows)
        with nullcontext() if frozen is None else frozen.replaying(features):
            chunks.append(model(features)["sentence_embedding"])
    in_order = torch.cat(chunks)[order.argsort()]
    return list(in_order.split([len(column["attention_mask"]) for column in columns]))


def _are_tokens(features: dict[str, Any]) -> bool:
    """Whether all tensors but the length of the prompt have one value per token."""
    import torch

    shape = features["attention_mask"].shape if "attention_mask" in features else None
    tensors = [value for key, value in features.items() if isinstance(value, torch.Tensor) and key != "prompt_length"]
    return all(value.shape == shape for value in tensors)


def _trimmed(features: dict[str, Any], rows: "Tensor") -> dict[str, Any]:
    """Some rows, without the positions that are padding in all of them. Padding may be on either side."""
    used = features["attention_mask"][rows].any(dim=0).nonzero()
    first, last = int(used[0]), int(used[-1]) + 1
    shape = features["attention_mask"].shape
    return {
        key: value[rows, first:last] if getattr(value, "shape", None) == shape else value
        for key, value in features.items()
    }
