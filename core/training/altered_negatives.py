"""Negatives that are a copy of the match with another model number, size or count.

Labels seldom contain a product that differs from a match in nothing but a digit, and an encoder that has never seen one
ranks such variants by the words that they share. On Walmart-Amazon one altered copy in place of a mined negative is
worth about a point of hit@1; see docs/explanation/figures.md.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from core.training.examples import Example

#: Words with a digit: model numbers, sizes, counts.
_WITH_DIGIT = re.compile(r"\S*\d\S*")
_MIN_LENGTH = 2
#: Of the words with a digit, the longest say most about which product it is.
_LONGEST = 3
#: Changed characters in the chosen word, one of these at random.
_CHANGES = (1, 1, 2)
_DIGITS = "0123456789"
#: Without letters that are easily read as a digit.
_LETTERS = "abcdefghkmnprstvwxz"


def with_altered_negatives(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """Replace negatives of each example by altered copies of its match.

    The first and the last negative stay: usually a labelled non-match, and a product that the index found. Examples
    whose match has no word with a digit stay as they are.

    Args:
        examples: with all their negatives.
        count: negatives to replace in each.
        seed: of the changes; the same ones for the same text and seed.
    """
    return [_with_altered(example, count, seed) for example in examples]


def altered(text: str, rng: random.Random) -> str | None:
    """The text with one or two characters changed in one of its longest words with a digit. None if it has none."""
    words = {word for word in _WITH_DIGIT.findall(text) if len(word) >= _MIN_LENGTH}
    if not words:
        return None
    word = rng.choice(sorted(words, key=lambda each: (-len(each), each))[:_LONGEST])
    characters = list(word)
    places = [place for place, character in enumerate(word) if character.isalnum()]
    for place in rng.sample(places, min(len(places), rng.choice(_CHANGES))):
        others = _DIGITS if word[place].isdigit() else _LETTERS
        characters[place] = rng.choice([each for each in others if each != word[place].lower()])
    return text.replace(word, "".join(characters))


def _with_altered(example: Example, count: int, seed: int) -> Example:
    rng = random.Random(f"{seed}\0{example.anchor}\0{example.positive}")  # noqa: S311 - repeatable, not a secret
    negatives, places = list(example.negatives), set[int]()
    # From the last but one backwards, since the hardest come first.
    for place in range(len(negatives) - 2, max(0, len(negatives) - 2 - count), -1):
        copy = altered(example.positive, rng)
        if copy is not None and copy not in negatives and copy not in example.never:
            negatives[place] = copy
            places.add(place)
    return replace(example, negatives=tuple(negatives), altered=frozenset(places))
