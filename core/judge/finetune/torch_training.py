"""LoRA training of a language model by torch and peft, on a processor or CUDA.

Two things make it bearable on a processor. The layers below the first adapted one never change, so their output for an
example is computed once and kept, in memory, for all epochs. And the output layer runs only at the tokens of the
answer, which are the only ones with a loss.
"""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.judge.finetune.chat_examples import ChatExample, TrainingOutcome, read_examples
from core.judge.finetune.checkpoints import TorchCheckpoints
from core.judge.finetune.llm_recipe import Recipe
from core.judge.finetune.storage import ADAPTER_WEIGHTS
from core.judge.lora_file import from_peft
from core.judge.prompt_encoder import require_in_vocabulary
from core.judge.torch_judge import load_model
from core.model_files import model_errors

if TYPE_CHECKING:
    from torch import Tensor

#: Bytes of kept outputs at most; the examples beyond are computed again in every epoch.
_MAX_KEPT_BYTES = 2 * 2**30


def train_with_torch(
    base: str, recipe: Recipe, adapter: Path, checkpoints_folder: Path, reporter: Reporter
) -> TrainingOutcome:
    """Run the remaining steps of a training, and write the adapter's weights in the format of mlx-lm.

    Arguments and errors as for `core.judge.finetune.mlx_training.train_with_mlx`. An optimizer step is `batch_size`
    examples, one after the other.
    """
    if recipe.fine_tune_type != "lora":
        raise ModelError(f"torch cannot train {recipe.fine_tune_type} here.", "Set fine_tune_type: lora in the recipe.")
    model, tokenizer = load_model(base, precise=True)
    examples = read_examples(recipe, tokenizer)
    require_in_vocabulary(examples.tokens, model.get_output_embeddings().weight.shape[0], base)
    reporter.message(examples.summary)
    with model_errors(Path(base), "Use mlx (judge.backend), or another model."):
        training = _Training(model, recipe)
    losses = training.run(examples.train, examples.valid, TorchCheckpoints(checkpoints_folder), reporter)
    training.save(adapter)
    return TrainingOutcome(examples.counts, losses)


#: Tokens of the text on which both ways through a model are compared.
_PROBE_TOKENS = 8


class _Training:
    """A model with a trainable adapter on its last layers.

    Args:
        model: a causal language model of transformers, float32; changed in place.
        recipe: hyperparameters.
    """

    def __init__(self, model: Any, recipe: Recipe) -> None:
        import torch
        from peft import LoraConfig, get_peft_model

        self._recipe = recipe
        layers = len(model.base_model.layers)
        if recipe.num_layers > layers:
            raise ModelError(f"The model has only {layers} layers.", "Set num_layers: -1 for all of them.")
        first = 0 if recipe.num_layers == -1 else layers - recipe.num_layers
        rank = recipe.lora_parameters.rank
        torch.manual_seed(recipe.seed)
        config = LoraConfig(
            r=rank, lora_alpha=recipe.lora_parameters.scale * rank, lora_dropout=recipe.lora_parameters.dropout,
            target_modules=_linear_layers(model.base_model.layers, first), bias="none", task_type="CAUSAL_LM",
        )  # fmt: skip
        self._model = get_peft_model(model, config).train()
        self._inner = model.base_model
        self._head = model.get_output_embeddings()
        self._frozen = self._choose_layers(first)
        self._parameters = {name: p for name, p in self._model.named_parameters() if p.requires_grad}
        optimizer_class = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimizer]
        self._optimizer = optimizer_class(self._parameters.values(), lr=recipe.learning_rate)

    def _choose_layers(self, first: int) -> "_FrozenLayers":
        """The decoder with kept outputs, or without where its layers need more than one another's output.

        Some architectures give each layer other arguments, such as its own position embeddings, or scale the logits.

        Raises:
            ModelError: the output layer's logits are not those of the model.
        """
        import torch

        ids = torch.arange(1, _PROBE_TOKENS + 1, device=self._head.weight.device)
        self._model.eval()
        with torch.no_grad():
            wanted = self._model(input_ids=ids[None], use_cache=False).logits
            for layer in (first, 0):
                chosen = _FrozenLayers(self._inner, layer)
                try:
                    found = self._head(chosen.last_hidden_state(ids, 0))
                except (AttributeError, TypeError):  # of another architecture
                    continue
                if torch.allclose(found, wanted, rtol=1e-3, atol=1e-3):
                    self._model.train()
                    return _FrozenLayers(self._inner, layer)
        raise ModelError("torch cannot train a model of this architecture here.", "Use mlx (judge.backend).")

    def run(
        self,
        train: Sequence[ChatExample],
        valid: Sequence[ChatExample],
        checkpoints: TorchCheckpoints,
        reporter: Reporter,
    ) -> dict[str, float]:
        """Run the steps that no checkpoint has. Returns the last training and validation loss, as far as computed."""
        recipe, losses = self._recipe, dict[str, float]()
        start = checkpoints.restore(self._parameters, self._optimizer)
        # A different order than before the interruption: which examples of the epoch were already used is not recorded.
        order = _endless_order(len(train), recipe.seed + start)
        batch_size = min(recipe.batch_size, len(train))
        reporter.stage("train", total=recipe.iters)
        reporter.advance(start)
        recent: list[float] = []
        for step in range(start + 1, recipe.iters + 1):
            recent.append(self._step([(i, train[i]) for i in (next(order) for _ in range(batch_size))]))
            if not math.isfinite(recent[-1]):
                raise ModelError(
                    f"The training diverged: the loss is NaN or infinite at step {step}.",
                    "Lower learning_rate, and retry.",
                )
            reporter.advance(step)
            if step % recipe.steps_per_report == 0 or step == recipe.iters:
                losses["training"] = sum(recent) / len(recent)
                recent = []
                reporter.loss(step, losses["training"])
            if step % recipe.save_every == 0:
                checkpoints.write(step, self._parameters, self._optimizer)
            if valid and (step % recipe.steps_per_eval == 0 or step == recipe.iters):
                losses["validation"] = self._validate(valid)
                reporter.metric(step, "validation loss", losses["validation"])
        return losses

    def save(self, adapter: Path) -> None:
        """Write the adapter's weights."""
        from safetensors.torch import save_file

        save_file(from_peft(self._parameters), adapter / ADAPTER_WEIGHTS)

    def _step(self, batch: Iterable[tuple[int, ChatExample]]) -> float:
        """One optimizer step. Returns the mean loss of the examples."""
        from torch.nn.utils import clip_grad_norm_

        self._optimizer.zero_grad()
        losses = []
        examples = list(batch)
        for key, example in examples:
            loss = self._loss(example, key)
            (loss / len(examples)).backward()
            losses.append(float(loss.detach()))
        clip_grad_norm_(self._parameters.values(), 1.0)
        self._optimizer.step()
        return sum(losses) / len(losses)

    def _validate(self, examples: Sequence[ChatExample]) -> float:
        import torch

        count = self._recipe.batch_size * self._recipe.val_batches
        chosen = examples if count < 0 else examples[:count]
        self._model.eval()
        with torch.no_grad():
            losses = [float(self._loss(example, -1 - i)) for i, example in enumerate(chosen)]
        self._model.train()
        return sum(losses) / len(losses)

    def _loss(self, example: ChatExample, key: int) -> "Tensor":
        """The mean cross-entropy of the answer's tokens."""
        import torch
        from torch.nn.functional import cross_entropy

        tokens, prompt = example
        ids = torch.tensor(tokens, device=self._head.weight.device)
        hidden = self._frozen.last_hidden_state(ids, key)
        # The token at a position is predicted by the position before it.
        first = max(prompt, 1)
        return cross_entropy(self._head(hidden[0, first - 1 : -1]).float(), ids[first:])


def _linear_layers(layers: Any, first: int) -> list[str]:
    """The ends of the names of all linear maps in a decoder's layers from one on."""
    from torch import nn

    return [
        f"layers.{index}.{name}"
        for index, layer in enumerate(layers)
        if index >= first
        for name, module in layer.named_modules()
        if isinstance(module, nn.Linear)
    ]


class _FrozenLayers:
    """Runs a decoder, and keeps the input of its first adapted layer for each example.

    Args:
        decoder: of transformers, without the output layer.
        first: index of the first adapted layer.
    """

    def __init__(self, decoder: Any, first: int) -> None:
        self._decoder = decoder
        self._first = first
        self._kept: dict[int, tuple[Tensor, dict[str, Any]]] = {}
        self._bytes = 0

    def last_hidden_state(self, ids: "Tensor", key: int) -> "Tensor":
        """The decoder's output for the tokens of shape (n,), of shape (1, n, hidden).

        Args:
            ids: the tokens.
            key: identifies the example; its tokens are the same in every call.
        """
        if key not in self._kept:
            if not self._first or self._bytes > _MAX_KEPT_BYTES:
                return self._decoder(input_ids=ids[None], use_cache=False).last_hidden_state
            self._keep(ids, key)
        hidden, arguments = self._kept[key]
        for layer in self._decoder.layers[self._first :]:
            output = layer(hidden, **arguments)
            hidden = output[0] if isinstance(output, tuple) else output
        return self._decoder.norm(hidden)

    def _keep(self, ids: "Tensor", key: int) -> None:
        """Run the layers below, and keep what the first adapted layer is called with."""
        import torch

        def stop(_: Any, positional: tuple[Any, ...], arguments: dict[str, Any]) -> None:
            hidden = positional[0] if positional else arguments.pop("hidden_states")
            self._kept[key] = hidden.detach(), arguments
            self._bytes += hidden.nbytes
            raise _StopForwardError

        hook = self._decoder.layers[self._first].register_forward_pre_hook(stop, with_kwargs=True)
        try:
            with torch.no_grad(), suppress(_StopForwardError):
                self._decoder(input_ids=ids[None], use_cache=False)
        finally:
            hook.remove()


class _StopForwardError(Exception):
    """Ends a forward pass whose further layers are not needed."""


def _endless_order(count: int, seed: int) -> Iterator[int]:
    """The numbers below `count` in random order, epoch after epoch."""
    random_order = random.Random(seed)  # noqa: S311 - no secret
    while True:
        yield from random_order.sample(range(count), count)
