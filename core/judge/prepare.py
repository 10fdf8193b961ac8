"""Labels as lessons for a language model, in the files that mlx-lm reads."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError
from core.jobs.progress import Reporter
from core.judge.answer import lesson
from core.judge.case import Case, cases
from core.judge.lessons import length_for, lesson_lengths
from core.judge.local import tokenizer_here
from core.judge.recipe import FILE, Recipe, write_recipe
from core.judge.sides import Known, Sides, balanced
from core.judge.taught import keep_taught
from core.workspace import Workspace
from labels.exchange.json_output import json_text
from labels.exchange.writing import output_text
from labels.model import Pair


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
    workspace: Workspace, sides: Sides, out: Path, model: str, reporter: Reporter, *, balance: float | None, seed: int
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
        written = _write(out / f"{name}.jsonl", cases(workspace, _mixed(known, seed)), known, reporter)
        counts[name], counts[f"{name}_matches"] = written
        unknown += len(known) - written[0]
    if not counts["train"]:
        raise _nothing()
    keep_taught(out, [*train, *sides.valid])
    # mlx-lm reads the folder from wherever it is started.
    recipe = Recipe(model=model, data=str(out.absolute()))
    lengths: list[int] = []
    if tokenizer is not None:
        reporter.stage("measure the lessons", total=None)
        lengths = lesson_lengths(recipe, tokenizer)
    recipe = recipe.model_copy(update={"max_seq_length": length_for(lengths)})
    write_recipe(recipe, out / FILE)
    return Prepared(
        **counts, left_out=sides.left_out, unknown=unknown,
        longest=max(lengths, default=None), max_seq_length=recipe.max_seq_length,
    )  # fmt: skip


def _nothing() -> CoreError:
    return CoreError("There is nothing for a judge to learn from yet.", "Accept and reject some candidates first.")


def _write(path: Path, found: Iterable[Case], known: Known, reporter: Reporter) -> tuple[int, int]:
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
