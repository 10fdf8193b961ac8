"""Parsing chat completions, whole or streamed, and extracting the log-probabilities of the options.

Responses are untrusted: every field is validated. `option_logprobs` uses token probabilities only; what the text claims
about its own certainty is ignored.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.judge.verdict import VERDICT

#: Characters of an answer at most; 8192 tokens of English have about 40,000.
MAX_TEXT_LENGTH = 100_000


class InvalidResponseError(ValueError):
    """The response is not a chat completion."""


@dataclass(frozen=True, slots=True)
class Token:
    """A generated or alternative token.

    Attributes:
        text: its text.
        log_p: natural logarithm of its probability.
        number: its id in the vocabulary; 0 if not reported.
    """

    text: str
    log_p: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class TokenPosition:
    """One position of an answer.

    Attributes:
        reported: the token that the server reports as generated; None if it is invalid.
        likeliest: the most likely tokens at this position.
    """

    reported: Token | None
    likeliest: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class ServerCompletion:
    """An answer.

    Attributes:
        text: its text.
        positions: its token positions; empty if the server reports no log-probabilities.
        tokens_in, tokens_out: prompt and generated tokens; 0 if not reported.
    """

    text: str
    positions: tuple[TokenPosition, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0


def parse_completion(body: bytes) -> ServerCompletion:
    """Parse a response that is not streamed.

    Raises:
        InvalidResponseError: it is not a chat completion.
    """
    completion = StreamedCompletion("message")
    if completion.add(parse_object(body)) is None:
        raise InvalidResponseError
    return completion.result()


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        InvalidResponseError: it is not one.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidResponseError from None
    if not isinstance(value, dict):
        raise InvalidResponseError
    return value


class StreamedCompletion:
    """Assembles a completion from the events of a stream.

    Attributes:
        finished: whether the server has reported a finish reason.
    """

    def __init__(self, field: Literal["message", "delta"] = "delta") -> None:
        self._field = field
        self._chunks: list[str] = []
        self._length = 0
        self._positions: list[TokenPosition] = []
        self._tokens = (0, 0)
        self.finished = False

    def add(self, event: dict[str, Any]) -> str | None:
        """Add an event.

        Returns:
            its text; None if it contains usage figures only.

        Raises:
            InvalidResponseError: the event is invalid, or the answer is too long with it.
        """
        usage = event.get("usage")
        if isinstance(usage, dict):
            self._tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise InvalidResponseError
        if not choices:
            return None
        choice = choices[0]
        if not isinstance(choice, dict) or not isinstance(choice.get(self._field), dict):
            raise InvalidResponseError
        text = choice[self._field].get("content")
        if not isinstance(text, str | None):
            raise InvalidResponseError
        text = (text or "").encode("utf-8", "replace").decode()  # a lone surrogate cannot be encoded later
        self._length += len(text)
        if self._length > MAX_TEXT_LENGTH:
            raise InvalidResponseError
        self._chunks.append(text)
        self._positions += _parse_positions(choice.get("logprobs"))
        self.finished = self.finished or choice.get("finish_reason") is not None
        return text

    def result(self) -> ServerCompletion:
        """The completion so far."""
        return ServerCompletion("".join(self._chunks), tuple(self._positions), *self._tokens)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0


def _parse_positions(logprobs: object) -> list[TokenPosition]:
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(entries, list):
        return []
    return [_parse_position(entry) if isinstance(entry, dict) else TokenPosition(None, ()) for entry in entries]


def _parse_position(entry: dict[str, Any]) -> TokenPosition:
    alternatives = entry.get("top_logprobs")
    likeliest = map(_parse_token, alternatives) if isinstance(alternatives, list) else ()
    return TokenPosition(_parse_token(entry), tuple(token for token in likeliest if token is not None))


def _parse_token(entry: object) -> Token | None:
    """A token; None if its text or its log-probability is invalid, such as NaN or above 0."""
    if not isinstance(entry, dict):
        return None
    text, log_p, number = _token_text(entry), entry.get("logprob"), entry.get("id")
    if text is None or isinstance(log_p, bool) or not isinstance(log_p, int | float):
        return None
    # Slightly above 0 is a rounding error. The lower bound also excludes integers too large for a float.
    if not -1e9 < log_p < 1e-2:
        return None
    return Token(text, min(float(log_p), 0.0), number if isinstance(number, int) else 0)


def _token_text(entry: dict[str, Any]) -> str | None:
    """A token's text, from its bytes if the server reports them.

    mlx_lm.server reports raw vocabulary entries, in which Ġ or ▁ stands for a space and Ċ for a newline.
    """
    raw, text = entry.get("bytes"), entry.get("token")
    if isinstance(raw, list) and raw and all(isinstance(byte, int) and 0 <= byte < 256 for byte in raw):
        return bytes(raw).decode("utf-8", "replace")
    return text.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n") if isinstance(text, str) else None


#: What may follow a verdict: a full stop, white space, and end-of-turn tokens such as `<|im_end|>`.
_AFTER_VERDICT = re.compile(r"\.?\s*(<[^<>\n]{1,40}>\s*)*")

#: A probability reported as 1 may be this much less, since servers compute in float32.
_ROUNDING = 1e-7


def option_logprobs(completion: ServerCompletion, options: Sequence[str]) -> tuple[float, ...] | None:
    """The natural log-probability of each option; None if the server does not report them.

    The model decides at the position of the token in which the option's first letter follows `**Verdict:** `. An option
    that is not among the likeliest tokens there gets its upper bound: the least of their probabilities, and no more
    than what they leave over.
    """
    verdict = verdict_line(completion.text, options)
    if verdict is None:
        return None
    for text_at in (_reported_text, _likeliest_text):
        decision = _find_decision(completion.positions, verdict, text_at)
        if decision is not None:
            return _logprobs_at(*decision, options)
    return None


def verdict_line(text: str, options: Sequence[str]) -> str | None:
    """The last line, without a full stop, if it is a verdict for one of the options."""
    line = text.strip().rpartition("\n")[2].strip().removesuffix(".")
    return line if line in {f"{VERDICT} {option}" for option in options} else None


def _reported_text(position: TokenPosition) -> str:
    return position.reported.text if position.reported else ""


def _likeliest_text(position: TokenPosition) -> str:
    """The text of the likeliest token, which is the generated one at temperature 0.

    mlx_lm.server lists the likeliest tokens in no order and reports the first of them as generated. Among equally
    likely tokens it generates the one with the lowest id.
    """
    if not position.likeliest:
        return ""
    return max(position.likeliest, key=lambda token: (token.log_p, -token.number)).text


def _find_decision(
    positions: Sequence[TokenPosition], verdict: str, text_at: Callable[[TokenPosition], str]
) -> tuple[TokenPosition, str] | None:
    """The position at which the option begins, and the part of its token before the option.

    None if the text of all tokens does not end with the verdict, as the answer's text does.
    """
    texts = [text_at(position) for position in positions]
    text = "".join(texts)
    start = text.rfind(verdict)
    if start < 0 or not _AFTER_VERDICT.fullmatch(text, start + len(verdict)):
        return None
    option_start, offset = start + len(VERDICT) + 1, 0
    for position, token_text in zip(positions, texts, strict=True):
        if offset <= option_start < offset + len(token_text):
            return position, token_text[: option_start - offset]
        offset += len(token_text)
    return None


def _logprobs_at(position: TokenPosition, before: str, options: Sequence[str]) -> tuple[float, ...]:
    reported = (position.reported,) if position.reported else ()
    tokens = {token.text: token.log_p for token in (*position.likeliest, *reported)}
    left_over = math.log(max(1.0 - sum(math.exp(log_p) for log_p in tokens.values()), _ROUNDING))
    upper_bound = min(*tokens.values(), left_over)
    by_option = ([log_p for text, log_p in tokens.items() if _leads_to(text, before, option)] for option in options)
    return tuple(_logsumexp(log_ps) if log_ps else upper_bound for log_ps in by_option)


def _leads_to(token: str, before: str, option: str) -> bool:
    """Whether a token begins or completes an option after the text that precedes it in the same token."""
    word = token.removeprefix(before).rstrip(" .\n")
    return token.startswith(before) and bool(word) and option.startswith(word)


def _logsumexp(log_ps: Sequence[float]) -> float:
    largest = max(log_ps)
    return largest + math.log(sum(math.exp(log_p - largest) for log_p in log_ps))
