"""Reading what a server says: JSON whole, or piece by piece. Nothing in it is believed to be what it should be."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.judge.verdict import VERDICT

#: Characters that an answer has at most; 8192 tokens of English have some 40,000.
MOST_TEXT = 100_000


class MisreadError(ValueError):
    """This is no answer of an OpenAI-compatible server."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was, or could have been, written: its text, ln of its probability, its number where it is told."""

    text: str
    log_p: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """One place of an answer: the token that is said to stand there, and the likeliest ones."""

    told: Token | None
    likeliest: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class ServerCompletion:
    """An answer: its text, its places where the server tells them, and the tokens read and written."""

    text: str
    places: tuple[Place, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0


def parse_completion(body: bytes) -> ServerCompletion:
    """An answer that came as a whole.

    Raises:
        MisreadError: it is none.
    """
    growing = StreamedCompletion("message")
    if growing.add(parsed(body)) is None:
        raise MisreadError
    return growing.completion()


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        MisreadError: it is none.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise MisreadError from None
    if not isinstance(said, dict):
        raise MisreadError
    return said


class StreamedCompletion:
    """An answer that comes piece by piece.

    Attributes:
        whole: whether the server said that this is all.
    """

    def __init__(self, field: Literal["message", "delta"] = "delta") -> None:
        self._field = field
        self._pieces: list[str] = []
        self._length = 0
        self._places: list[Place] = []
        self._tokens = (0, 0)
        self.whole = False

    def add(self, said: dict[str, Any]) -> str | None:
        """Take one piece in; its text, or None where it holds no answer, only figures.

        Raises:
            MisreadError: it is no piece of an answer, or with it the answer is too long.
        """
        usage = said.get("usage")
        if isinstance(usage, dict):
            self._tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
        choices = said.get("choices")
        if not isinstance(choices, list):
            raise MisreadError
        if not choices:
            return None
        choice = choices[0]
        if not isinstance(choice, dict) or not isinstance(choice.get(self._field), dict):
            raise MisreadError
        text = choice[self._field].get("content")
        if not isinstance(text, str | None):
            raise MisreadError
        text = (text or "").encode("utf-8", "replace").decode()  # half a surrogate pair can be written nowhere
        self._length += len(text)
        if self._length > MOST_TEXT:
            raise MisreadError
        self._pieces.append(text)
        self._places += _places(choice.get("logprobs"))
        self.whole = self.whole or choice.get("finish_reason") is not None
        return text

    def completion(self) -> ServerCompletion:
        """All that came so far."""
        return ServerCompletion("".join(self._pieces), tuple(self._places), *self._tokens)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0


def _places(logprobs: object) -> list[Place]:
    listed = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(listed, list):
        return []
    return [_place(entry) if isinstance(entry, dict) else Place(None, ()) for entry in listed]


def _place(entry: dict[str, Any]) -> Place:
    others = entry.get("top_logprobs")
    likeliest = [_token(other) for other in others] if isinstance(others, list) else []
    return Place(_token(entry), tuple(token for token in likeliest if token is not None))


def _token(entry: object) -> Token | None:
    """One token; None where its text or its probability is no such thing (NaN, above 1)."""
    if not isinstance(entry, dict):
        return None
    text, log_p, number = _text(entry), entry.get("logprob"), entry.get("id")
    if text is None or isinstance(log_p, bool) or not isinstance(log_p, int | float):
        return None
    # Rounded sums of probabilities may be a little above 1, and integers too large for a float are no logarithm.
    if not -1e9 < log_p < 1e-2:
        return None
    return Token(text, min(float(log_p), 0.0), number if isinstance(number, int) else 0)


def _text(entry: dict[str, Any]) -> str | None:
    """A token's text: from its bytes, where a server tells them, else as it is written.

    mlx_lm.server writes the vocabulary's own pieces, in which Ġ or ▁ is a space and Ċ a line's end.
    """
    raw, text = entry.get("bytes"), entry.get("token")
    if isinstance(raw, list) and raw and all(isinstance(byte, int) and 0 <= byte < 256 for byte in raw):
        return bytes(raw).decode("utf-8", "replace")
    return text.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n") if isinstance(text, str) else None


#: What may follow a verdict: a full stop, a line's end, and the end of the turn, such as `<|im_end|>`.
_REST = re.compile(r"\.?\s*(<[^<>\n]{1,40}>\s*)*")

#: A probability that is told as 1 may be less by so much: it was a float32.
_ROUNDING = 1e-7


def option_logprobs(completion: ServerCompletion, options: Sequence[str]) -> tuple[float, ...] | None:
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
