"""The layers of an encoder as its weights file declares them: adapter targets, widths and parameter counts.

Only the headers of the safetensors files are read. Nothing is downloaded, and no model library is imported.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import ModelError, SettingsError
from core.model_files import RefusedError, check_encoder_files, encoder_modules, read_json, weight_files
from core.text.safe import safe
from core.training.recipes.recipe import LoraKeys, Recipe

_HINT = "Name another model as base in the recipe, or as encoder.model."

#: The linear layers that get an adapter, by architecture: attention and feed-forward.
TARGET_MODULES = {
    "BERT": ("query", "key", "value", "dense"),
    "MPNet": ("q", "k", "v", "o", "dense"),
    "Qwen, Llama and Mistral": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "CLIP": ("q_proj", "v_proj", "out_proj"),
}
#: Weights with two dimensions that are looked up rather than multiplied.
_LOOKUP = re.compile(r"embed|relative_attention_bias|(^|\.)(wte|wpe|shared)$")
#: Parts of a multimodal model that texts do not pass through.
NON_TEXT = re.compile(r"(^|\.)(vision|visual|image|audio)")
#: Sizes in config.json: dimensions, layers and attention heads.
_SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads")
#: Names of layers in a message.
_MAX_SHOWN = 20


#: The name of the transformer blocks and the number of one, in the name of a layer.
_BLOCK = re.compile(r"(?:^|\.)(?P<blocks>[^.]+\.(?P<number>\d+))\.")


#: Of how many equal parts of the blocks, counted from below, the lowest gets no adapter.
_PARTS = {"upper-half": 2, "upper-two-thirds": 3}


@dataclass(frozen=True, slots=True)
class Layer:
    """A module with weights, by its name in the weights file.

    Attributes:
        name: dotted, such as `encoder.layer.0.attention.self.query`.
        shapes: of its parameters, by name, such as `{"weight": (384, 384), "bias": (384,)}`.
    """

    name: str
    shapes: dict[str, tuple[int, ...]]

    @property
    def leaf(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def parameters(self) -> int:
        """Number of its parameters."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def is_linear(self) -> bool:
        """Whether it is a linear layer that texts pass through."""
        return len(self.shapes.get("weight", ())) == 2 and not (_LOOKUP.search(self.name) or NON_TEXT.search(self.name))

    @property
    def block(self) -> int | None:
        """Number of the transformer block that it is in, from 0; None if it is in none."""
        found = _BLOCK.search(self.name)
        return int(found["number"]) if found else None

    @property
    def name_in_block(self) -> str:
        """Its name from that of the blocks on, such as `layer.3.output.dense`; the whole name if it is in none.

        What comes before can differ between the file of the weights and the loaded model.
        """
        found = _BLOCK.search(self.name)
        return self.name[found.start("blocks") :] if found else self.name

    def is_called(self, names: Iterable[str]) -> bool:
        """Whether a name of a recipe stands for it, as peft compares: its name or the end of it."""
        return any(self.name == name or self.name.endswith(f".{name}") for name in names)


@dataclass(frozen=True, slots=True)
class Architecture:
    """An encoder's transformer.

    Attributes:
        layers: modules with weights.
        other: number of parameters in the other modules of the encoder, such as a dense layer behind the pooling.
        dimension: length of the encoder's vectors; 0 if unknown.
        hidden_size, depth, heads: of config.json; 0 if it does not say.
    """

    layers: tuple[Layer, ...]
    other: int = 0
    dimension: int = 0
    hidden_size: int = 0
    depth: int = 0
    heads: int = 0

    @property
    def parameters(self) -> int:
        """Number of all parameters."""
        return self.other + sum(layer.parameters for layer in self.layers)

    def targets(self, lora: LoraKeys) -> list[Layer]:
        """The layers that get an adapter.

        Raises:
            SettingsError: the architecture is unknown, no layer has a name of `lora.target_modules`, or there are no
                blocks to take the upper ones of.
        """
        names = self.target_modules(lora)
        found = [layer for layer in self.layers if layer.is_linear and layer.is_called(names)]
        if lora.layers == "all":
            return found
        first = self.first_block(lora)
        return [layer for layer in found if layer.block is not None and layer.block >= first]

    def first_block(self, lora: LoraKeys) -> int:
        """Number of the lowest transformer block with an adapter. Errors as for `targets`."""
        if lora.layers == "all":
            return 0
        names = self.target_modules(lora)
        blocks = [layer.block for layer in self.layers if layer.is_linear and layer.is_called(names)]
        highest = max((block for block in blocks if block is not None), default=None)
        if highest is None:
            raise SettingsError(
                "lora.layers: the base has no numbered layers; it is all here.", "Set lora.layers: all."
            )
        return (highest + 1) // _PARTS[lora.layers]

    def target_modules(self, lora: LoraKeys) -> tuple[str, ...]:
        """Names of the layers that get an adapter, with `auto` resolved by architecture. Errors as for `targets`."""
        linear = [layer for layer in self.layers if layer.is_linear]
        found = sorted({layer.leaf for layer in linear})
        if lora.target_modules != "auto":
            for name in lora.target_modules:
                if not any(layer.is_called([name]) for layer in linear):
                    raise SettingsError(
                        f"lora.target_modules: no linear layer is called {safe(name)[:60]}; {_list(found)}.",
                        "Name some of these, or auto.",
                    )
            return lora.target_modules
        for names in TARGET_MODULES.values():
            if set(names) <= set(found):
                return names
        raise SettingsError(
            f"lora.target_modules: auto does not know the architecture of the base; {_list(found)}.",
            "Name those that shall get an adapter: lora.target_modules: [" + ", ".join(found[:3]) + "].",
        )

    def peft_targets(self, lora: LoraKeys) -> list[str]:
        """The layers that get an adapter, as `target_modules` of peft. Errors as for `targets`."""
        targets = self.targets(lora)
        return list(self.target_modules(lora)) if lora.layers == "all" else [each.name_in_block for each in targets]

    def saved_modules(self, lora: LoraKeys) -> list[Layer]:
        """The modules that are trained in full beside the adapter.

        Raises:
            SettingsError: no module has a name of `lora.modules_to_save`, or one of them contains another.
        """
        modules = {".".join(parts[:depth]) for layer in self.layers if (parts := layer.name.split(".")) for depth in
                   range(1, len(parts) + 1)}  # fmt: skip
        saved: set[str] = set()
        for name in lora.modules_to_save:
            # As peft compares: by the end of the name.
            found = {module for module in modules if module.endswith(name)}
            if not found:
                known = sorted({layer.leaf for layer in self.layers})
                raise SettingsError(
                    f"lora.modules_to_save: no module of the base is called {safe(name)[:60]}; {_list(known)}.",
                    "Name some of these, or none.",
                )
            saved |= found
        for inner in sorted(saved):
            if outer := next((module for module in saved if inner.startswith(f"{module}.")), None):
                raise SettingsError(
                    f"lora.modules_to_save: {outer} and {inner} both match, and one contains the other.",
                    "Give the full name of the inner one.",
                )
        return [layer for layer in self.layers if any(_is_in(layer, name) for name in saved)]

    def trainable(self, recipe: Recipe) -> int:
        """Number of parameters that a recipe trains.

        Raises:
            SettingsError: the recipe does not fit the layers.
        """
        self._check_prefixes(recipe.matryoshka)
        if not recipe.has_adapter:
            return self.parameters
        targets = self.targets(recipe.lora)
        self._check_rank(targets, recipe.lora.rank)
        saved = self.saved_modules(recipe.lora)
        adapters = sum(_adapter_parameters(layer, recipe.lora) for layer in targets)
        return adapters + sum(layer.parameters for layer in saved)

    def _check_prefixes(self, lengths: Sequence[int]) -> None:
        longest = max(lengths, default=0)
        if self.dimension and longest > self.dimension:
            raise SettingsError(
                f"matryoshka: {longest} is above the dimension of the vectors; it is a list of whole numbers from 1 to"
                f" {self.dimension}.",
                "Leave out the longer prefixes.",
            )

    def _check_rank(self, targets: Sequence[Layer], rank: int) -> None:
        narrowest = min(targets, key=lambda layer: min(layer.shapes["weight"]))
        width = min(narrowest.shapes["weight"])
        if rank > width:
            raise SettingsError(
                f"lora.rank: {rank} is above the width of the layer {narrowest.name}; it is a whole number"
                f" from 1 to {width}.",
                "An adapter of that rank would have more parameters than the layer itself.",
            )


def _adapter_parameters(layer: Layer, lora: LoraKeys) -> int:
    """Parameters of an adapter: matrices of rank × in and out × rank, and for DoRA a magnitude per output."""
    out_features, in_features = layer.shapes["weight"]
    return lora.rank * (in_features + out_features) + (out_features if lora.dora else 0)


def _is_in(layer: Layer, module: str) -> bool:
    """Whether a layer is the module of that full name, or in it."""
    return f"{layer.name}.".startswith(f"{module}.")


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(safe(name) for name in names[:_MAX_SHOWN]) or "none"
    return f"those found are {shown}{' and others' if len(names) > _MAX_SHOWN else ''}"


def read_architecture(folder: Path) -> Architecture:
    """The architecture of the encoder in a folder.

    Raises:
        ModelError: its files are damaged or request something unsafe.
    """
    check_encoder_files(folder, _HINT)
    try:
        first, *others = encoder_modules(folder)
        layers = tuple(_layers(first.folder))
        behind = [layer for module in others for layer in _layers(module.folder)]
        config = read_json(first.folder / "config.json")
    except RefusedError as refused:
        raise ModelError(f"{refused.file} cannot be loaded: {refused.why}.", _HINT) from None
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}.", _HINT) from error
    hidden_size, depth, heads = (_size(config, name) for name in _SIZES)
    widths = [hidden_size, *(shape[0] for layer in behind if len(shape := layer.shapes.get("weight", ())) == 2)]
    other = sum(layer.parameters for layer in behind)
    return Architecture(layers, other, widths[-1], hidden_size, depth, heads)


def _size(config: object, name: str) -> int:
    # A multimodal model has the sizes of its text tower in a table of their own.
    for table in (config, config.get("text_config") if isinstance(config, dict) else None):
        if isinstance(table, dict) and isinstance(value := table.get(name), int):
            return value
    return 0


def _layers(folder: Path) -> Iterator[Layer]:
    from safetensors import safe_open

    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    for file in weight_files(folder) if folder.is_dir() else []:
        with safe_open(str(file), framework="numpy") as opened:
            for tensor in opened.keys():  # noqa: SIM118 - not a dict
                module, _, parameter = tensor.rpartition(".")
                entry = opened.get_slice(tensor)
                if entry.get_dtype().startswith(("F", "BF")):  # others are buffers, such as position_ids
                    shapes.setdefault(module, {})[parameter] = tuple(entry.get_shape())
    return (Layer(name, found) for name, found in shapes.items())
