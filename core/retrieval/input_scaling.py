"""Scales the inputs of an encoder's linear layers, so that its weights and inputs can be rounded to 8 bits.

All inputs of a layer share one scale when they are rounded. In transformers a few channels are far larger than the
others, which are rounded to almost nothing. Each channel is therefore divided by a factor, and the weights of that
channel are multiplied with it, which changes no output (SmoothQuant: Xiao et al. 2023, arXiv:2211.10438). Layers with
the same input share its factors, so that it is scaled and rounded once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor, nn

#: How much of the difference between channels moves from inputs to weights, in [0, 1]. The mean cosine of MiniLM
#: in 8 bits and in float32 is 0.9930 without scaling, and 0.9893, 0.9975, 0.9978, 0.9968 with 0.5, 0.7, 0.8, 0.9.
_SHARE = 0.8
#: Layers whose inputs are also divided by the largest of each token: those behind the activation of the first blocks,
#: whose outliers change from token to token. MiniLM's mean cosine is 0.9980, 0.9982, 0.9984, 0.9986 with 0, 1, 2, 6 of
#: them, for 0, 2, 4 and 13 % of the time.
_TOKEN_SCALED = 2
#: Lower bound of a maximum: a channel that is always 0 needs no factor.
_TINY = 1e-5


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The inputs of some layers.

    Attributes:
        layers: names of those that get the same tensor.
        maxima: the largest absolute input of each channel.
    """

    layers: tuple[str, ...]
    maxima: "Tensor"


@contextmanager
def scaled_inputs(model: "SentenceTransformer", texts: Sequence[str]) -> Iterator[None]:
    """Replace the linear layers of an encoder by scaled ones for a while.

    Args:
        model: gives the same vectors meanwhile, but for rounding.
        texts: from which the size of each channel is measured.
    """
    import torch

    layers = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    measured = _measure(model, layers, texts)
    passed = [name for inputs in measured for name in inputs.layers]
    narrowing = [name for name in passed if layers[name].in_features > layers[name].out_features]
    for inputs in measured:
        factors = _factors([layers[name] for name in inputs.layers], inputs.maxima)
        inverse = torch.nn.Parameter(1 / factors, requires_grad=False)
        for name in inputs.layers:
            by_token = name in narrowing[:_TOKEN_SCALED]
            _replace(model, name, _scaled(layers[name], factors, inverse, by_token=by_token))
    try:
        yield
    finally:
        for name in passed:
            _replace(model, name, layers[name])


def _replace(model: "nn.Module", name: str, layer: "nn.Module") -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, layer)


def _measure(model: "SentenceTransformer", layers: "dict[str, nn.Module]", texts: Sequence[str]) -> list[_Inputs]:
    """The inputs of the layers that texts pass, in that order."""
    first: dict[str, Any] = {}
    maxima: dict[str, Any] = {}

    def measure(name: str) -> Callable[[Any, tuple[Any, ...]], None]:
        def hook(_: Any, inputs: tuple[Any, ...]) -> None:
            first.setdefault(name, inputs[0])
            found = inputs[0].detach().abs().flatten(0, -2).amax(0)
            maxima[name] = found if name not in maxima else maxima[name].maximum(found)

        return hook

    hooks = [layer.register_forward_pre_hook(measure(name)) for name, layer in layers.items()]
    try:
        model.encode(list(texts[:1]), show_progress_bar=False)  # alone, since these inputs are kept to be compared
        model.encode(list(texts), show_progress_bar=False)
    finally:
        for hook in hooks:
            hook.remove()
    sharing: dict[int, list[str]] = {}
    for name, tensor in first.items():
        sharing.setdefault(id(tensor), []).append(name)
    return [_Inputs(tuple(names), maxima[names[0]]) for names in sharing.values()]


def _factors(layers: "Sequence[nn.Module]", maxima: "Tensor") -> "Tensor":
    """What to divide each channel of the common input of some layers by."""
    import torch

    weights = torch.stack([layer.weight.detach().abs().amax(0) for layer in layers]).amax(0)
    return maxima.clamp(min=_TINY) ** _SHARE / weights.clamp(min=_TINY) ** (1 - _SHARE)


def _scaled(layer: Any, factors: "Tensor", inverse: "nn.Parameter", *, by_token: bool) -> "nn.Module":
    """A layer with the same outputs, whose channels are of more similar size.

    Args:
        layer: the layer.
        factors: of the channels of its input.
        inverse: 1 / factors; the same object for layers with the same input, which ONNX Runtime then scales once.
        by_token: whether the input is also divided by the largest value of each token.
    """
    import torch

    class Scaled(torch.nn.Module):  # type: ignore[misc]
        """Divides the channels, and goes on to the layer with the multiplied weights."""

        def __init__(self) -> None:
            super().__init__()
            self.inverse = inverse
            self.weight = torch.nn.Parameter(layer.weight.detach() * factors, requires_grad=False)
            self.bias = layer.bias

        def forward(self, states: Any) -> Any:
            states = states * self.inverse
            if not by_token:
                return torch.nn.functional.linear(states, self.weight, self.bias)
            largest = states.amax(-1, keepdim=True).maximum(-states.amin(-1, keepdim=True)).clamp(min=_TINY)
            scaled = torch.nn.functional.linear(states / largest, self.weight) * largest
            return scaled if self.bias is None else scaled + self.bias

    return Scaled().eval()
