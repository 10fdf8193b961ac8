"""The keys of a training recipe.

A docstring below a key is its help text, in `samesku retrain --list-recipes` and in the documentation.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

#: Learning rates of `auto`. LoRA needs about ten times the rate of full fine-tuning (Biderman et al. 2024,
#: arXiv:2405.09673). On Walmart-Amazon, 2e-5, the usual rate for BERT-like encoders, has almost no effect with LoRA;
#: 5e-4 raises MiniLM's hit@1 from 0.75 to 0.90 in four epochs.
LORA_LEARNING_RATE = 5e-4
FULL_LEARNING_RATE = LORA_LEARNING_RATE / 10
#: A LoRA learning rate below this one has almost no effect.
MIN_LORA_LEARNING_RATE = 5e-5

_PAIR_LOSSES = ("cosent", "cosine")


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class _Keys(BaseModel):
    # Strict, so that `rank: yes` is not 1 and `epochs: 4.0` is not 4.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Names = Annotated[tuple[_Name, ...], BeforeValidator(_as_tuple), Field(max_length=64)]


class LoraKeys(_Keys):
    """The LoRA adapter (Hu et al. 2021, arXiv:2106.09685); for the methods `lora` and `qlora`."""

    rank: Annotated[int, Field(ge=1, le=1024)] = 16
    """Rank of the adapter matrices; at most the width of the layers."""
    alpha: Literal["auto"] | Annotated[int, Field(ge=1, le=4096)] = "auto"
    """The adapter's output is scaled by alpha / rank; `auto` is twice the rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout of the adapter's input; on a processor, 0.1 costs a fifth of the time."""
    rslora: bool = False
    """Rank-stabilised LoRA: scale by alpha / √rank (Kalajdzievski 2023, arXiv:2312.03732), for ranks above 32."""
    dora: bool = False
    """Weight-decomposed LoRA (Liu et al. 2024, arXiv:2402.09353): more expressive at low ranks, and slower."""
    target_modules: Literal["auto"] | _Names = "auto"
    """Names of the linear layers that get an adapter; `auto` chooses by architecture."""
    layers: Literal["all", "upper-two-thirds", "upper-half"] = "all"
    """Which of them: `all`, or only those in the upper part of the transformer blocks. On the processor, the lower
    blocks are then computed once for each text, and not in every epoch."""
    modules_to_save: _Names = ()
    """Names of modules that are trained in full beside the adapter."""

    @property
    def scaled_alpha(self) -> int:
        """Alpha with `auto` resolved."""
        return 2 * self.rank if self.alpha == "auto" else self.alpha

    @field_validator("target_modules")
    @classmethod
    def _has_targets(cls, names: object) -> object:
        if names == ():
            raise ValueError("the list is empty; name at least one layer, or auto")
        return names


class Recipe(_Keys):
    """All keys of a recipe; a key that a file leaves out has the value of `standard`."""

    description: Annotated[str, Field(max_length=200)] = ""
    """One line for the list of recipes."""
    base: Annotated[str, Field(min_length=1, max_length=1000)] = "auto"
    """The encoder to fine-tune: a preset, a folder or a name on the hub; `auto` is `encoder.model` of the settings."""
    method: Literal["lora", "full", "qlora"] = "lora"
    """`lora` trains an adapter, `full` all weights, `qlora` an adapter on a base in 4 bits (NF4, double quantisation;
    needs bitsandbytes)."""
    lora: LoraKeys = LoraKeys()
    epochs: Annotated[int, Field(ge=1, le=100)] = 4
    """Passes over the training data."""
    min_steps: Annotated[int, Field(ge=0, le=100_000)] = 20
    """Minimum number of optimizer steps: with few labels, more epochs are run."""
    patience: Annotated[int, Field(ge=0, le=100)] = 0
    """Epochs without a better MRR on validation queries after which the training ends; the weights are then those of
    the best epoch. 0 trains all epochs. The encoders of the matcher's halves always train all."""
    learning_rate: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = "auto"
    """Peak learning rate; `auto` is 5e-4 for `lora` and `qlora`, and a tenth of it for `full`."""
    schedule: Literal["cosine", "linear"] = "cosine"
    """How the learning rate decreases to zero after the warm-up."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps in which the learning rate rises."""
    averaged: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of the steps, at the end, whose weights are averaged; 0 takes the last weights, as `patience` does those of
    the best epoch."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Weight decay of AdamW."""
    batch_size: Annotated[int, Field(ge=2, le=4096)] = 32
    """Examples in a batch. In the contrastive losses, all texts of a batch are negatives of one another."""
    gradient_accumulation: Annotated[int, Field(ge=1, le=1024)] = 1
    """Batches per optimizer step. More do not add negatives; the loss `cached-mnr` does."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third slower."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes on this machine that train together, one per GPU; each takes an equal part of every batch."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision of the computation; `auto` is bf16 on a CUDA device that supports it, else fp32."""
    loss: Literal["mnr", "cached-mnr", "symmetric-mnr", "gist", "cosent", "cosine"] = "mnr"
    """`mnr` (multiple negatives ranking), the same cached or symmetric, `gist` (leaves out likely false negatives),
    or on pairs: `cosent`, `cosine`."""
    mini_batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Texts that are encoded at a time with `cached-mnr` and `gist`; bounds the memory of a large batch."""
    matryoshka: Annotated[tuple[Annotated[int, Field(ge=1, le=16384)], ...], BeforeValidator(_as_tuple)] = ()
    """Prefix lengths that the loss is also computed on (Kusupati et al. 2022, arXiv:2205.13147), e.g. [256, 128]."""
    hard_negatives: Annotated[int, Field(ge=1, le=10)] = 3
    """Hard negatives of each match."""
    altered_negatives: Annotated[int, Field(ge=0, le=9)] = 1
    """Hard negatives of each match that are a copy of it with another model number, size or count; at least two remain
    other products."""
    join_model_numbers: bool = True
    """Train and save a tokenizer that reads model numbers without hyphens and slashes: DCB-309 as DCB309."""
    scale: Annotated[float, Field(gt=0, le=1000)] = 20.0
    """Inverse temperature of the contrastive losses."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 13
    """Of dropout, the adapter's initial weights and the order of the examples."""

    @field_validator("matryoshka")
    @classmethod
    def _distinct_lengths(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(lengths)) < len(lengths):
            raise ValueError("a length is given twice; give each once")
        return lengths

    @model_validator(mode="after")
    def _equal_parts(self) -> "Recipe":
        if self.batch_size % self.processes:
            # Of the whole recipe, so that the error has no place of its own.
            raise ValueError(
                f"processes: {self.processes} does not divide batch_size ({self.batch_size}), of which each takes an"
                " equal part"
            )
        return self

    @property
    def has_adapter(self) -> bool:
        """Whether an adapter is trained, rather than all weights."""
        return self.method != "full"

    @property
    def rate(self) -> float:
        """The learning rate with `auto` resolved."""
        if self.learning_rate != "auto":
            return self.learning_rate
        return LORA_LEARNING_RATE if self.has_adapter else FULL_LEARNING_RATE

    @property
    def on_pairs(self) -> bool:
        """Whether the loss takes pairs with a score, rather than anchors with a match and negatives."""
        return self.loss in _PAIR_LOSSES

    @property
    def warnings(self) -> list[str]:
        """What is allowed but unlikely to be intended, a sentence each."""
        if self.has_adapter and self.rate < MIN_LORA_LEARNING_RATE:
            return [
                f"A LoRA learning rate of {self.rate:g} does next to nothing: below {MIN_LORA_LEARNING_RATE:g} the"
                f" adapter hardly changes. {LORA_LEARNING_RATE:g} is the default."
            ]
        return []

    def record(self) -> dict[str, Any]:
        """Its values for a model card, with `auto` resolved where the recipe alone decides, without irrelevant keys."""
        values = self.model_dump(mode="json", exclude=None if self.has_adapter else {"lora"})
        values["learning_rate"] = self.rate
        if self.has_adapter:
            values["lora"]["alpha"] = self.lora.scaled_alpha
        return values
