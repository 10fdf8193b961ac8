"""Training examples: triplets as texts, and their padding with random negatives."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import ModelError


@dataclass(frozen=True, slots=True)
class Example:
    """A triplet as texts, including prefixes. All examples of a run have the same number of negatives.

    Attributes:
        never: texts that are never drawn as a negative: other known matches, and evaluated candidates.
        altered: places of the negatives that are an altered copy of the match.
    """

    anchor: str
    positive: str
    negatives: tuple[str, ...]
    never: frozenset[str] = frozenset()
    altered: frozenset[int] = frozenset()


def pad_negatives(examples: Sequence[Example], pool: Sequence[str], negatives: int, seed: int) -> list[Example]:
    """Fill up every example to `negatives` negatives with random texts from the catalogue.

    Random negatives help: in a published ablation on Walmart-Amazon, a blocker that was trained on labelled negatives
    only kept 80.9 % of the matches among its candidates, and 92.2 % with random negatives added.

    Raises:
        ModelError: the pool is too small.
    """
    distinct = set(pool)
    too_few = ModelError(
        f"The catalogue has too few products for {negatives} negatives to each match.",
        "Import more products, or lower hard_negatives in the recipe.",
    )
    # The pool may contain the anchor and its match, which are not negatives.
    if len(distinct) < negatives + 2:
        raise too_few
    rng = random.Random(seed)  # noqa: S311 - a repeatable draw, not a secret
    padded = []
    for example in examples:
        texts = list(example.negatives[:negatives])
        taken = {example.anchor, example.positive, *texts, *example.never}
        if len(texts) + len(distinct) - len(distinct & taken) < negatives:
            raise too_few
        while len(texts) < negatives:
            text = pool[rng.randrange(len(pool))]
            if text not in taken:
                taken.add(text)
                texts.append(text)
        padded.append(Example(example.anchor, example.positive, tuple(texts), example.never))
    return padded
