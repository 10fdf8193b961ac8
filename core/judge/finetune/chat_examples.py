"""Lessons as a language model learns them: tokens, and where the answer begins."""

import json
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError, ModelError
from core.jobs.progress import Reporter
from core.judge.calibrated import save_training_pairs
from core.judge.chat_template import ChatTemplate
from core.judge.finetune.recipe import FILE, Recipe, write_recipe
from core.judge.finetune.splits import Known, TrainValidTest, balanced
from core.judge.mlx_model import tokenizer_here
from core.judge.pair_context import PairContext, pair_contexts
from core.judge.prompt import Message, lesson
from core.workspace import Workspace
from labels.exchange.files import output_text, unreadable_message
from labels.exchange.json_values import json_text
from labels.files import open_regular
from labels.model import Pair
from labels.wording import counted

#: The tokens of a conversation, and how many of them are the question.
ChatExample = tuple[list[int], int]


@dataclass(frozen=True, slots=True)
class ChatExamples:
    """What is learnt from, and what the learning is watched by.

    Attributes:
        too_long: lessons left out, since cut off they would teach an answer without a verdict.
    """

    train: list[ChatExample]
    valid: list[ChatExample]
    too_long: int

    @property
    def counts(self) -> dict[str, int]:
        """How many of each, for the card."""
        return {"train": len(self.train), "valid": len(self.valid), "too long": self.too_long}

    @property
    def told(self) -> str:
        """The same in a sentence."""
        longer = f"; {counted(self.too_long, 'is', 'are')} too long and left out" if self.too_long else ""
        return f"{counted(len(self.train), 'lesson')} to learn from, {len(self.valid):,} to watch it by{longer}"


def read_examples(recipe: Recipe, tokenizer: Any) -> ChatExamples:
    """The files of a recipe's data folder, as the tokenizer reads them.

    Raises:
        ModelError: a file is absent or holds something else, or hardly any lesson is short enough.
    """
    train, valid = (_read(Path(recipe.data) / f"{name}.jsonl", recipe, tokenizer) for name in ("train", "valid"))
    most = recipe.max_seq_length
    short = [[lesson for lesson in side if len(lesson[0]) <= most] for side in (train, valid)]
    if 2 * len(short[0]) <= len(train):
        raise ModelError(
            f"{len(train) - len(short[0]):,} of {counted(len(train), 'lesson is', 'lessons are')} longer than"
            f" {most} tokens.",
            f"Set max_seq_length: {length_for([len(tokens) for tokens, _ in train])} in the recipe, and begin anew.",
        )
    return ChatExamples(short[0], short[1], len(train) + len(valid) - len(short[0]) - len(short[1]))


def example_lengths(recipe: Recipe, tokenizer: Any) -> list[int]:
    """How many tokens each lesson has that is learnt from or watched.

    Raises:
        ModelError: a file is absent or holds something else.
    """
    sides = (_read(Path(recipe.data) / f"{name}.jsonl", recipe, tokenizer) for name in ("train", "valid"))
    return [len(tokens) for side in sides for tokens, _ in side]


def length_for(lengths: Sequence[int]) -> int:
    """A `max_seq_length` that holds 99 in 100 of the lessons: 512, or the smallest multiple of 128 above."""
    fits = sorted(lengths)[math.ceil(0.99 * len(lengths)) - 1] if lengths else 0
    return max(512, 128 * math.ceil(fits / 128))


def _read(path: Path, recipe: Recipe, tokenizer: Any) -> list[ChatExample]:
    # As mlx-lm's own training writes them: a model that can think aloud is told that it may.
    template = ChatTemplate(tokenizer, recipe.model, thinking=bool(tokenizer.has_thinking))
    try:
        with open_regular(path) as file:
            conversations = [json.loads(line) for line in file.read().decode().split("\n") if line.strip()]
        # As a list it is sorted by length into batches; mlx-lm's own cache holds all lengths to be equal.
        return [_lesson(conversation["messages"], template, tokenizer, recipe) for conversation in conversations]
    except FileNotFoundError:
        raise ModelError(f"There is no {path}.", "`samesku judge prepare` writes it.") from None
    except OSError as error:
        raise ModelError(*unreadable_message(path, error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} holds no conversations.", "`samesku judge prepare` writes it anew.") from error


def _lesson(messages: list[Message], template: ChatTemplate, tokenizer: Any, recipe: Recipe) -> ChatExample:
    """The tokens of a conversation; of these, what comes before the last message is the question."""

    def tokens(part: list[Message], *, answer_begins: bool) -> list[int]:
        return list(tokenizer.encode(template.write(part, answer_begins=answer_begins), add_special_tokens=False))

    whole = tokens(messages, answer_begins=False)
    if not recipe.mask_prompt:
        return whole, 0
    return whole, len(tokens(messages[:-1], answer_begins=messages[-1]["role"] == "assistant"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written: lessons on each side, and the matches among them.

    Attributes:
        left_out: pairs that would have been on two sides.
        unknown: pairs of products that the catalogue lacks.
        longest: tokens of the longest lesson; None where the model's tokenizer is not at hand.
        max_seq_length: what the recipe says.
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


def prepare(
    workspace: Workspace,
    sides: TrainValidTest,
    out: Path,
    model: str,
    reporter: Reporter,
    *,
    balance: float | None,
    seed: int,
) -> Prepared:
    """Write `train.jsonl`, `valid.jsonl`, `test.jsonl`, the recipe `lora.yaml` and what is taught to a folder.

    Args:
        workspace: whose catalogue says what the products are.
        sides: the pairs and their answers.
        out: the folder; files of these names in it are replaced.
        model: the language model that is to be tuned.
        reporter: hears how far it is.
        balance: how many NO MATCH there may be for each MATCH in training; None for as many as there are. What is
            watched and measured stays as it is.
        seed: of the draw and of the order.

    Raises:
        CoreError: there is nothing to learn from, or the model is a folder that is not there.
        LabelsError: a file cannot be written.
    """
    if not sides.train:
        raise _nothing()
    tokenizer = tokenizer_here(model)
    train = sides.train if balance is None else balanced(sides.train, balance, seed)
    named: dict[str, Known] = {"train": train, "valid": sides.valid, "test": sides.test}
    counts: dict[str, int] = {}
    unknown = 0
    for name, known in named.items():
        reporter.stage(f"{name}.jsonl", total=len(known))
        written = _write(out / f"{name}.jsonl", pair_contexts(workspace, _mixed(known, seed)), known, reporter)
        counts[name], counts[f"{name}_matches"] = written
        unknown += len(known) - written[0]
    if not counts["train"]:
        raise _nothing()
    save_training_pairs(out, [*train, *sides.valid])
    # mlx-lm reads the folder from wherever it is started.
    recipe = Recipe(model=model, data=str(out.absolute()))
    lengths: list[int] = []
    if tokenizer is not None:
        reporter.stage("measure the lessons", total=None)
        lengths = example_lengths(recipe, tokenizer)
    recipe = recipe.model_copy(update={"max_seq_length": length_for(lengths)})
    write_recipe(recipe, out / FILE)
    return Prepared(
        **counts, left_out=sides.left_out, unknown=unknown,
        longest=max(lengths, default=None), max_seq_length=recipe.max_seq_length,
    )  # fmt: skip


def _nothing() -> CoreError:
    return CoreError("There is nothing for a judge to learn from yet.", "Accept and reject some candidates first.")


def _write(path: Path, found: Iterable[PairContext], known: Known, reporter: Reporter) -> tuple[int, int]:
    """Write a lesson a line. Returns how many, and how many of a match."""
    count = matches = 0
    with output_text(path) as lines:
        for case in found:
            match = known[case.pair]
            lines.write(json_text({"messages": lesson(case, match)}) + "\n")
            count, matches = count + 1, matches + match
            reporter.advance(count)
    return count, matches


def _mixed(known: Known, seed: int) -> list[Pair]:
    """The pairs in a random order that is the same each time."""
    return random.Random(seed).sample(sorted(known), len(known))  # noqa: S311 - no secret
