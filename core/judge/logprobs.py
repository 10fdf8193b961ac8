"""Probabilities of a language model's answers, from the log-probabilities of single tokens.

` MATCH` and ` NO MATCH` may be one token or several, and a tokenizer may merge them with the preceding text. Therefore
all options are tokenized together with the text that leads to them. The tokenizations share a prefix; the first token
at which they differ is where the model decides, and the log-probabilities at that position are those of the options.
The tokens after it are spelling.

`sigmoid` and `softmax` work on single numbers in plain Python: the extras `judge` and `llm` do not install scipy, and
importing it would delay the first verdict.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import ModelError
from core.judge.verdict import VERDICT

#: Log-odds beyond which a 64-bit probability is exactly 0 or 1; log-probabilities may be minus infinity.
_MAX_LOG_ODDS = 700.0


@dataclass(frozen=True, slots=True)
class BranchToken:
    """The position at which the tokenizations of several options diverge.

    Attributes:
        shared: the tokens of the common prefix.
        tokens: the next token of each option.
    """

    shared: list[int]
    tokens: tuple[int, ...]


def branch_token(encode: Callable[[str], list[int]], prefix: str, options: Sequence[str]) -> BranchToken:
    """The branch token of options that follow a text and a space.

    Raises:
        ModelError: two options have the same token at that position, or one ends before it.
    """
    sequences = [encode(f"{prefix} {option}") for option in options]
    length = common_prefix_length(sequences)
    if any(len(tokens) == length for tokens in sequences) or len({tokens[length] for tokens in sequences}) < len(
        sequences
    ):
        raise ModelError(
            "The model's tokenizer cannot distinguish the answers by a single token.", "Use another model as the judge."
        )
    return BranchToken(sequences[0][:length], tuple(tokens[length] for tokens in sequences))


def common_prefix_length(sequences: Sequence[Sequence[int]]) -> int:
    """The number of leading tokens that all sequences share."""
    length = 0
    for column in zip(*sequences, strict=False):
        if len(set(column)) > 1:
            break
        length += 1
    return length


def find_verdict_position(
    decode: Callable[[list[int]], str], tokens: Sequence[int], positions: Sequence[int]
) -> int | None:
    """The position of the branch token that belongs to the verdict in the last line.

    Args:
        decode: from tokens to text.
        tokens: the generated tokens.
        positions: where a branch token was generated.

    Returns:
        None if the last line is not a verdict, or is tokenized differently from what the tokenizer would produce.
    """
    for position in sorted(positions, reverse=True):
        before, after = decode(list(tokens[:position])), decode(list(tokens[position:]))
        if before.rpartition("\n")[2].strip() == VERDICT and "\n" not in after.strip():
            return position
    return None


def log_odds_from_logprobs(match: float, no_match: float) -> float:
    """Ln P(MATCH) / P(NO MATCH), clipped to finite values; 0 if both log-probabilities are minus infinity."""
    return 0.0 if match == no_match else max(-_MAX_LOG_ODDS, min(_MAX_LOG_ODDS, match - no_match))


def sigmoid(log_odds: float) -> float:
    """The probability for log-odds."""
    return 1 / (1 + math.exp(-log_odds))


def softmax(logprobs: Sequence[float]) -> list[float]:
    """The probabilities of mutually exclusive options, normalised to 1."""
    largest = max(logprobs)
    weights = [math.exp(max(logprob - largest, -_MAX_LOG_ODDS)) for logprob in logprobs]
    return [weight / sum(weights) for weight in weights]
