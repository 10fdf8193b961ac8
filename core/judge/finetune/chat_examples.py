"""Chat training examples: writing them from labels in mlx-lm's file format, and tokenizing them for training."""

import json
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError, ModelError
from core.jobs.progress import Reporter
from core.judge.backend import load_local_tokenizer
from core.judge.chat_template import ChatTemplate
from core.judge.finetune.llm_recipe import RECIPE_FILE, Recipe, short_recipe, write_recipe
from core.judge.finetune.splits import Labels, TrainValidTest, downsample_negatives
from core.judge.finetune.storage import save_training_pairs
from core.judge.pair_context import PairContext, pair_contexts
from core.judge.prompt import Message, training_conversation
from core.workspace import Workspace
from labels.exchange.files import create_folder, output_text, require_folder, unreadable_message
from labels.exchange.json_values import json_text
from labels.files import open_regular
from labels.model import Pair
from labels.wording import counted


@dataclass(frozen=True, slots=True)
class TrainingDataSummary:
    """What `write_training_data` has written.

    Attributes:
        train, valid, test: number of examples.
        train_matches, valid_matches, test_matches: matches among them.
        left_out: pairs excluded because they would leak between the splits.
        unknown: pairs skipped because a product is missing from the catalogue.
        longest: tokens of the longest example; None if the model's tokenizer is not on this machine.
        max_seq_length: as set in the recipe.
    """

    train: int
    valid: int
    test: int
    train_matches: int
    valid_matches: int
    test_matches: int
    left_out: int
    unknown: int
    longest: int | None
    max_seq_length: int


def write_training_data(
    workspace: Workspace,
    splits: TrainValidTest,
    out: Path,
    model: str,
    reporter: Reporter,
    *,
    balance: float | None,
    seed: int,
    short: bool = False,
) -> TrainingDataSummary:
    """Write `train.jsonl`, `valid.jsonl`, `test.jsonl`, the recipe and the list of training pairs to a folder.

    Args:
        workspace: provides the products.
        splits: the labelled pairs.
        out: the folder; existing files of these names are replaced.
        model: the language model to be fine-tuned.
        reporter: receives progress.
        balance: maximum number of non-matches per match in the training split; None for no limit.
        seed: of the sample and the order.
        short: write short prompts whose answer is the verdict alone, and a recipe for them.

    Raises:
        CoreError: there are no training pairs, or the model is a folder that does not exist.
        LabelsError: the parent of the folder does not exist, or a file cannot be written.
    """
    require_folder(out)
    if not splits.train:
        raise _no_training_pairs()
    tokenizer = load_local_tokenizer(model)
    create_folder(out)
    train = splits.train if balance is None else downsample_negatives(splits.train, balance, seed)
    counts: dict[str, int] = {}
    unknown = 0
    for name, labels in (("train", train), ("valid", splits.valid), ("test", splits.test)):
        reporter.stage(f"{name}.jsonl", total=len(labels))
        contexts = pair_contexts(workspace, _shuffled(labels, seed))
        counts[name], counts[f"{name}_matches"] = _write_examples(
            out / f"{name}.jsonl", contexts, labels, reporter, short=short
        )
        unknown += len(labels) - counts[name]
    if not counts["train"]:
        raise _no_training_pairs()
    save_training_pairs(out, [*train, *splits.valid])
    recipe, lengths = _write_recipe_for(model, out, tokenizer, reporter, epochs_of=counts["train"] if short else None)
    return TrainingDataSummary(
        **counts, left_out=splits.left_out, unknown=unknown,
        longest=max(lengths, default=None), max_seq_length=recipe.max_seq_length,
    )  # fmt: skip


def _no_training_pairs() -> CoreError:
    return CoreError("There is nothing for a judge to learn from yet.", "Accept and reject some candidates first.")


def _shuffled(labels: Labels, seed: int) -> list[Pair]:
    """The pairs in a random order that depends on the pairs and the seed alone."""
    return random.Random(seed).sample(sorted(labels), len(labels))  # noqa: S311 - no secret


def _write_examples(
    path: Path, contexts: Iterable[PairContext], labels: Labels, reporter: Reporter, *, short: bool
) -> tuple[int, int]:
    """Write one example per line.

    Returns:
        the number of examples, and of matches among them.
    """
    count = matches = 0
    with output_text(path) as lines:
        for context in contexts:
            match = labels[context.pair]
            lines.write(json_text({"messages": training_conversation(context, match, short=short)}) + "\n")
            count, matches = count + 1, matches + match
            reporter.advance(count)
    return count, matches


def _write_recipe_for(
    model: str, out: Path, tokenizer: Any | None, reporter: Reporter, *, epochs_of: int | None
) -> tuple[Recipe, list[int]]:
    """Write a recipe whose `max_seq_length` fits the examples in a folder.

    Args:
        model: the language model.
        out: the folder.
        tokenizer: the model's, if it is on this machine.
        reporter: receives progress.
        epochs_of: number of short training examples; None for those with reasoning.

    Returns:
        the recipe, and the length of each example; no lengths without a tokenizer.
    """
    # Absolute, since mlx-lm's own command resolves the path from its working directory.
    recipe = Recipe(model=model, data=str(out.absolute()))
    lengths: list[int] = []
    if tokenizer is not None:
        reporter.stage("measure the examples", total=None)
        lengths = example_lengths(recipe, tokenizer)
    recipe = recipe.model_copy(update={"max_seq_length": fit_max_seq_length(lengths)})
    if epochs_of is not None:
        recipe = recipe.model_copy(update=short_recipe(epochs_of))
    write_recipe(recipe, out / RECIPE_FILE)
    return recipe, lengths


#: The tokens of a conversation, and the number of leading ones without a loss: the prompt.
ChatExample = tuple[list[int], int]


@dataclass(frozen=True, slots=True)
class ChatExamples:
    """Tokenized training and validation examples.

    Attributes:
        train: to train on.
        valid: to monitor the training.
        too_long: number of examples skipped because truncation would cut off their verdict.
    """

    train: list[ChatExample]
    valid: list[ChatExample]
    too_long: int

    @property
    def counts(self) -> dict[str, int]:
        """The counts as recorded on the card."""
        return {"train": len(self.train), "valid": len(self.valid), "too long": self.too_long}

    @property
    def tokens(self) -> list[int]:
        """The tokens of all examples."""
        return [token for sequence, _ in (*self.train, *self.valid) for token in sequence]

    @property
    def summary(self) -> str:
        """The counts in a sentence."""
        skipped = f"; {self.too_long:,} skipped as too long" if self.too_long else ""
        return f"{counted(len(self.train), 'training example')}, {len(self.valid):,} for validation{skipped}"


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What a training run has used and reached.

    Attributes:
        examples: number of examples, as on the card.
        losses: last training loss, and last validation loss if there is one.
    """

    examples: dict[str, int]
    losses: dict[str, float]


def read_examples(recipe: Recipe, tokenizer: Any) -> ChatExamples:
    """Read and tokenize the files of a recipe's data folder.

    Raises:
        ModelError: a file is missing or invalid, or at least half of the training examples are too long.
    """
    limit = recipe.max_seq_length
    all_train, all_valid = (_read_file(recipe, name, tokenizer) for name in ("train", "valid"))
    train, valid = ([example for example in side if len(example[0]) <= limit] for side in (all_train, all_valid))
    if 2 * len(train) <= len(all_train):
        too_long = len(all_train) - len(train)
        raise ModelError(
            f"{too_long:,} of {counted(len(all_train), 'training example is', 'training examples are')} longer than"
            f" {limit} tokens.",
            f"Set max_seq_length: {fit_max_seq_length([len(tokens) for tokens, _ in all_train])} in the recipe, and"
            " start again.",
        )
    return ChatExamples(train, valid, len(all_train) + len(all_valid) - len(train) - len(valid))


def example_lengths(recipe: Recipe, tokenizer: Any) -> list[int]:
    """The number of tokens of each training and validation example.

    Raises:
        ModelError: a file is missing or invalid.
    """
    return [len(tokens) for name in ("train", "valid") for tokens, _ in _read_file(recipe, name, tokenizer)]


def fit_max_seq_length(lengths: Sequence[int]) -> int:
    """A `max_seq_length` that fits 99 % of the examples: 512, or the smallest multiple of 128 above."""
    length = sorted(lengths)[math.ceil(0.99 * len(lengths)) - 1] if lengths else 0
    return max(512, 128 * math.ceil(length / 128))


def _read_file(recipe: Recipe, name: str, tokenizer: Any) -> list[ChatExample]:
    path = Path(recipe.data) / f"{name}.jsonl"
    # As in mlx-lm's own training: models that can think are rendered with thinking enabled.
    template = ChatTemplate(tokenizer, recipe.model, thinking=bool(getattr(tokenizer, "has_thinking", False)))
    try:
        with open_regular(path) as file:
            conversations = [json.loads(line) for line in file.read().decode().split("\n") if line.strip()]
        # A list, since mlx-lm sorts it by length into batches; its own dataset class assumes equal lengths.
        return [_tokenize(conversation["messages"], template, tokenizer, recipe) for conversation in conversations]
    except FileNotFoundError:
        raise ModelError(f"There is no {path}.", "`samesku judge prepare` writes it.") from None
    except OSError as error:
        raise ModelError(*unreadable_message(path, error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} holds no conversations.", "`samesku judge prepare` writes it again.") from error


def _tokenize(messages: list[Message], template: ChatTemplate, tokenizer: Any, recipe: Recipe) -> ChatExample:
    def tokens(part: list[Message], *, answer_begins: bool) -> list[int]:
        return list(tokenizer.encode(template.render(part, answer_begins=answer_begins), add_special_tokens=False))

    conversation = tokens(messages, answer_begins=False)
    if not recipe.mask_prompt:
        return conversation, 0
    return conversation, len(tokens(messages[:-1], answer_begins=messages[-1]["role"] == "assistant"))
