"""How sure a language model is: the probabilities of the tokens at which its answers part.

` MATCH` and ` NO MATCH` are one token or several, and what stands before may be merged with them, as each tokenizer
likes. So all answers are tokenised whole, with what leads to them; they begin alike, and at the first token that
differs the model says what it holds likelier. What follows that token is spelling.

Logistic function and softmax are of single numbers here, in plain Python: the extras `judge` and `llm` install no
scipy, and importing it would delay the first verdict.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import ModelError
from core.judge.verdict import VERDICT


@dataclass(frozen=True, slots=True)
class BranchToken:
    """Where answers part: the tokens that they share, and the one with which each goes on."""

    shared: list[int]
    tokens: tuple[int, ...]


def branch_token(encode: Callable[[str], list[int]], begun: str, options: Sequence[str]) -> BranchToken:
    """Where the text goes apart if it continues in one option or another behind a space.

    Raises:
        ModelError: two options have the same token there, or one adds none.
    """
    ways = [encode(f"{begun} {option}") for option in options]
    at = shared_length(ways)
    if any(len(way) == at for way in ways) or len({way[at] for way in ways}) < len(ways):
        raise ModelError(
            "The model's tokenizer does not tell the answers apart by one token.", "Take another model as the judge."
        )
    return BranchToken(ways[0][:at], tuple(way[at] for way in ways))


def shared_length(ways: Sequence[Sequence[int]]) -> int:
    """How many tokens all have in common from the beginning."""
    length = 0
    for column in zip(*ways, strict=False):
        if len(set(column)) > 1:
            break
        length += 1
    return length


def verdict_at(decode: Callable[[list[int]], str], tokens: Sequence[int], places: Sequence[int]) -> int | None:
    """The place at which the last line's verdict stands, of those where a token of the fork was written.

    None where the last line does not begin as a verdict does, or goes on in other tokens than a tokenizer would choose.
    """
    for place in sorted(places, reverse=True):
        before, after = decode(list(tokens[:place])), decode(list(tokens[place:]))
        if before.rpartition("\n")[2].strip() == VERDICT and "\n" not in after.strip():
            return place
    return None


def log_odds_of(match: float, no_match: float) -> float:
    """The difference of two log-probabilities, which is ln P(MATCH) / P(NO MATCH); finite.

    Two that are both minus infinity are even: 0.
    """
    return 0.0 if match == no_match else max(-_MOST, min(_MOST, match - no_match))


def probability_of(log_odds: float) -> float:
    """P(MATCH) where there is only MATCH and NO MATCH: the logistic function."""
    return 1 / (1 + math.exp(-log_odds))


def shares(logs: Sequence[float]) -> list[float]:
    """The probabilities of options that exclude each other and leave nothing else: softmax."""
    most = max(logs)
    weights = [math.exp(max(log - most, -_MOST)) for log in logs]
    return [weight / sum(weights) for weight in weights]


#: Beyond this a 64-bit probability is 0 or 1; a log-probability may be minus infinity.
_MOST = 700.0
