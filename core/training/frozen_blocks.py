"""The output of the lower transformer blocks that a training leaves as they are, computed once for each text.

An adapter in the upper blocks changes nothing below them, so the lower ones would compute the same for a text in every
epoch. They run without dropout, so that there is one output to keep. All texts are computed before the first step, in
an order that depends on the texts alone: an interrupted training goes on with exactly the same values.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor, nn

#: Texts that are computed at a time.
_CHUNK = 64
#: Most that is kept, in bytes. What does not fit is computed whenever it is needed.
_MAX_BYTES = 2**30


class _Reached(Exception):  # noqa: N818 - a way out of the forward pass, no error
    """The first trained block has its input; the rest of the forward pass is not needed."""


class FrozenBlocks:
    """Replays the output of the frozen lower blocks of an encoder. It changes the encoder until it is closed.

    Args:
        model: on the processor, with the parameters to train chosen.
        blocks: its transformer blocks in order.
        count: how many of them are frozen, at least 1.
    """

    def __init__(self, model: "SentenceTransformer", blocks: "Sequence[nn.Module]", count: int) -> None:
        self._model, self._frozen, self._first = model, blocks[:count], blocks[count]
        self._kept: dict[bytes, Tensor] = {}
        self._bytes = 0
        self._replayed: Tensor | None = None
        self._is_computing = False
        self._returns_tuple = False
        self._hook = self._first.register_forward_pre_hook(self._enter, with_kwargs=True)
        for block in self._frozen:
            block.forward = self._skipping(block.forward)

    def close(self) -> None:
        """Take the encoder back to what it was, and forget all outputs."""
        self._hook.remove()
        for block in self._frozen:
            del block.forward
        self._kept.clear()

    def compute(self, texts: Sequence[str]) -> None:
        """Compute and keep the output of some texts."""
        distinct = sorted(set(texts), key=lambda text: (len(text), text))
        for start in range(0, len(distinct), _CHUNK):
            self._outputs(self._model.preprocess(distinct[start : start + _CHUNK]))

    @contextmanager
    def replaying(self, features: dict[str, Any]) -> Iterator[None]:
        """A context in which a forward pass of these features starts at the first trained block."""
        mask = features["attention_mask"].bool()
        outputs = self._outputs(features)
        replayed = outputs[0].new_zeros(*mask.shape, outputs[0].shape[-1])
        for row, output in enumerate(outputs):
            replayed[row, mask[row]] = output
        self._replayed = replayed
        try:
            yield
        finally:
            self._replayed = None

    def _outputs(self, features: dict[str, Any]) -> "list[Tensor]":
        """The output of each row without its padding, shape (tokens, width)."""
        import torch

        mask = features["attention_mask"].bool()
        keys = [ids[used].numpy().tobytes() for ids, used in zip(features["input_ids"], mask, strict=True)]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        rows = torch.tensor([row for row, key in enumerate(keys) if key not in found])
        if len(rows):
            for row, output in zip(rows.tolist(), self._run(features, rows), strict=True):
                found[keys[row]] = output[mask[row]].clone()
                self._keep(keys[row], found[keys[row]])
        return [found[key] for key in keys]

    def _keep(self, key: bytes, output: "Tensor") -> None:
        if self._bytes + output.nbytes <= _MAX_BYTES:
            self._kept[key] = output
            self._bytes += output.nbytes

    def _run(self, features: dict[str, Any], rows: "Tensor") -> "Tensor":
        """The input of the first trained block for some rows, shape (rows, tokens, width)."""
        import torch

        shape = features["attention_mask"].shape
        chosen = {
            key: value[rows] if getattr(value, "shape", None) == shape else value for key, value in features.items()
        }
        was_training, self._is_computing = self._model.training, True
        self._model.eval()
        try:
            with torch.no_grad():
                self._model(chosen)
        except _Reached as reached:
            hidden: Tensor = reached.args[0]
            return hidden
        finally:
            self._model.train(was_training)
            self._is_computing = False
        raise RuntimeError("the forward pass did not reach the transformer blocks")

    def _enter(self, _block: "nn.Module", given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Before the first trained block: take its input, or put the kept one in its place."""
        if self._is_computing:
            raise _Reached(given[0] if given else named["hidden_states"])
        if self._replayed is None:
            return None
        return ((self._replayed, *given[1:]), named) if given else ((), named | {"hidden_states": self._replayed})

    def _skipping(self, forward: Any) -> Any:
        def skip(*given: Any, **named: Any) -> Any:
            if self._replayed is None:
                result = forward(*given, **named)
                self._returns_tuple = isinstance(result, tuple)
                return result
            hidden = given[0] if given else named["hidden_states"]
            return (hidden,) if self._returns_tuple else hidden

        return skip


def frozen_blocks(model: "SentenceTransformer") -> FrozenBlocks | None:
    """The frozen lower blocks of an encoder; None if there are none, or if something below them is trained.

    Args:
        model: with the parameters to train chosen.
    """
    from torch import nn

    transformer = model.transformers_model
    trained = {id(values) for values in transformer.parameters() if values.requires_grad}
    for module in transformer.modules():
        if not isinstance(module, nn.ModuleList) or not trained:
            continue
        blocks = list(module)
        of_block = [sum(id(values) in trained for values in block.parameters()) for block in blocks]
        if sum(of_block) == len(trained) and len(blocks) > 1:
            count = next(at for at, number in enumerate(of_block) if number)
            return FrozenBlocks(model, blocks, count) if count else None
    return None
