"""Lessons as a language model learns them: tokens, and where the answer begins."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.judge.chat_template import ChatTemplate
from core.judge.prompt import Message
from core.judge.recipe import Recipe
from labels.exchange.text_input import unreadable
from labels.files import open_regular
from labels.wording import counted

#: The tokens of a conversation, and how many of them are the question.
Lesson = tuple[list[int], int]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learnt from, and what the learning is watched by.

    Attributes:
        too_long: lessons left out, since cut off they would teach an answer without a verdict.
    """

    train: list[Lesson]
    valid: list[Lesson]
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


def read_lessons(recipe: Recipe, tokenizer: Any) -> Lessons:
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
    return Lessons(short[0], short[1], len(train) + len(valid) - len(short[0]) - len(short[1]))


def lesson_lengths(recipe: Recipe, tokenizer: Any) -> list[int]:
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


def _read(path: Path, recipe: Recipe, tokenizer: Any) -> list[Lesson]:
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
        raise ModelError(*unreadable(path, error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} holds no conversations.", "`samesku judge prepare` writes it anew.") from error


def _lesson(messages: list[Message], template: ChatTemplate, tokenizer: Any, recipe: Recipe) -> Lesson:
    """The tokens of a conversation; of these, what comes before the last message is the question."""

    def tokens(part: list[Message], *, answer_begins: bool) -> list[int]:
        return list(tokenizer.encode(template.write(part, answer_begins=answer_begins), add_special_tokens=False))

    whole = tokens(messages, answer_begins=False)
    if not recipe.mask_prompt:
        return whole, 0
    return whole, len(tokens(messages[:-1], answer_begins=messages[-1]["role"] == "assistant"))
