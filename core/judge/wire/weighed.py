"""From the probabilities of tokens to those of the options.

All options follow `**Verdict:** `, and the answer is one text up to there. The token with which the option's first
letter was written is where the model decided; what else could have stood there, and how likely that was, weighs the
others. What the text says of its own certainty counts for nothing.
"""

import math
import re
from collections.abc import Callable, Sequence

from core.judge.verdict import VERDICT
from core.judge.wire.completion import Completion, Place

#: What may follow a verdict: a full stop, a line's end, and the end of the turn, such as `<|im_end|>`.
_REST = re.compile(r"\.?\s*(<[^<>\n]{1,40}>\s*)*")

#: A probability that is told as 1 may be less by so much: it was a float32.
_ROUNDING = 1e-7


def weighed(completion: Completion, options: Sequence[str]) -> tuple[float, ...] | None:
    """The natural logarithm of each option's probability where it was decided; None where the server does not tell.

    An option that is not among the likeliest tokens counts as likely as it can be: no more than the least of those,
    and no more than all that they leave over.
    """
    last = verdict_in(completion.text, options)
    if last is None:
        return None
    for reading in (_as_told, _as_likeliest):
        found = _decided(completion.places, last, reading)
        if found is not None:
            return _logs(*found, options)
    return None


def verdict_in(text: str, options: Sequence[str]) -> str | None:
    """The last line, where it is a verdict on one of the options."""
    last = text.strip().rpartition("\n")[2].strip().removesuffix(".")
    return last if last in {f"{VERDICT} {option}" for option in options} else None


def _as_told(place: Place) -> str:
    return place.told.text if place.told else ""


def _as_likeliest(place: Place) -> str:
    """At temperature 0 the likeliest is what was written.

    mlx_lm.server lists the likeliest tokens in no order, and says that the first of them was written. Among equals its
    choice is the one with the least number.
    """
    return max(place.likeliest, key=lambda token: (token.log_p, -token.number)).text if place.likeliest else ""


def _decided(places: Sequence[Place], verdict: str, reading: Callable[[Place], str]) -> tuple[Place, str] | None:
    """The place where the verdict's word begins, and what its token holds before that word.

    The verdict must end the text that the tokens add up to, as it ends the answer's.
    """
    pieces = [reading(place) for place in places]
    text = "".join(pieces)
    start = text.rfind(verdict)
    if start < 0 or not _REST.fullmatch(text, start + len(verdict)):
        return None
    word, offset = start + len(VERDICT) + 1, 0
    for place, piece in zip(places, pieces, strict=True):
        if offset <= word < offset + len(piece):
            return place, piece[: word - offset]
        offset += len(piece)
    return None


def _logs(place: Place, before: str, options: Sequence[str]) -> tuple[float, ...]:
    tokens = {token.text: token.log_p for token in (*place.likeliest, *((place.told,) if place.told else ()))}
    left = math.log(max(1.0 - sum(math.exp(log_p) for log_p in tokens.values()), _ROUNDING))
    most = min(*tokens.values(), left)
    return tuple(
        _sum([log_p for text, log_p in tokens.items() if _begins(text, before, option)], most) for option in options
    )


def _begins(token: str, before: str, option: str) -> bool:
    """Whether a token leads to an option: it is the beginning of its words, or all of them."""
    word = token.removeprefix(before).rstrip(" .\n")
    return token.startswith(before) and bool(word) and option.startswith(word)


def _sum(log_ps: Sequence[float], otherwise: float) -> float:
    """The logarithm of a sum of probabilities."""
    if not log_ps:
        return otherwise
    most = max(log_ps)
    return most + math.log(sum(math.exp(log_p - most) for log_p in log_ps))
