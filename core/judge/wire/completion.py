"""Reading what a server says: JSON whole, or piece by piece. Nothing in it is believed to be what it should be."""

import json
from dataclasses import dataclass
from typing import Any, Literal

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
class Completion:
    """An answer: its text, its places where the server tells them, and the tokens read and written."""

    text: str
    places: tuple[Place, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0


def completion_of(body: bytes) -> Completion:
    """An answer that came as a whole.

    Raises:
        MisreadError: it is none.
    """
    growing = Growing("message")
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


class Growing:
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

    def completion(self) -> Completion:
        """All that came so far."""
        return Completion("".join(self._pieces), tuple(self._places), *self._tokens)


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
