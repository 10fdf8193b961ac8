"""What a server, named as its address tells it, may do wrong: each in a sentence and a way out."""

import json
from typing import Any

from core.errors import ModelError
from core.judge.openai_server.address import KEY, without_key
from core.text.safe import safe

#: So much of what a server says about its error is repeated.
_MOST_WORDS = 200


class ServerError(ModelError):
    """A request got no answer.

    Attributes:
        status: what HTTP calls it; 0 where it did not come that far.
        passing: whether it may work the next time.
        wanted: seconds that the server asks to be left alone; None where it does not say.
    """

    def __init__(
        self, message: str, hint: str = "", *, status: int = 0, passing: bool = False, wanted: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.passing = passing
        self.wanted = wanted


def unreachable(server: str, why: str) -> ServerError:
    """No connection comes about."""
    said = without_key(safe(why[:_MOST_WORDS])).strip(" .")
    return ServerError(
        f"No connection to {server}{': ' + said if said else ''}.",
        "Start the server, or set judge.server_url.",
        passing=True,
    )


def broken_off(server: str) -> ServerError:
    """The connection ended before the answer did."""
    return ServerError(f"{server} broke off in the middle of an answer.", "Its own log may say why.", passing=True)


def gave_up(server: str, said: dict[str, Any]) -> ServerError:
    """The server says in the middle of a stream that it cannot go on."""
    words = error_text(said)
    return ServerError(f"{server} gave up in the middle of an answer{': ' + words if words else ''}.", "Ask again.")


def too_late(server: str, seconds: float) -> ServerError:
    """The answer was not there in time. Another try would be as slow, and the server busier."""
    return ServerError(
        f"{server} gave no whole answer in {seconds:g} seconds.",
        "Raise judge.server_timeout_s, or lower judge.server_concurrency or judge.max_tokens.",
    )


def too_long(server: str) -> ServerError:
    """More came than an answer can be long."""
    return ServerError(f"{server} sends more than any answer can be long.", "Look at judge.server_url.")


def not_understood(server: str) -> ServerError:
    """Something came, and it is no answer."""
    return ServerError(
        f"{server} does not answer as an OpenAI-compatible server does.",
        "Look at judge.server_url: it mostly ends in /v1.",
    )


def refused(server: str, status: int, body: bytes, *, model: str, keyed: bool, wanted: float | None) -> ServerError:
    """The server answered with a status that is no success."""
    words = error_text(body)
    said = f": {words}" if words else ""
    if status in {401, 403}:
        message = f"{server} refuses the key." if keyed else f"{server} wants a key."
        return ServerError(message, f"Set ${KEY}.", status=status)
    if status == 404:
        return ServerError(
            f"{server} has no model {safe(model)}, or nothing at this URL{said}.",
            "judge.server_model is the server's own name for it; judge.server_url mostly ends in /v1.",
            status=status,
        )
    if 300 <= status < 400:
        return ServerError(
            f"{server} sends the request on to another address, which is not followed.",
            "Set judge.server_url to the address itself.",
            status=status,
        )
    if status == 429:
        return ServerError(
            f"{server} has too many requests{said}.",
            "Lower judge.server_concurrency, or go on later.",
            status=status, passing=True, wanted=wanted,
        )  # fmt: skip
    if status >= 500:
        return ServerError(
            f"{server} has an error of its own ({status}){said}.", "Its own log may say why.",
            status=status, passing=status != 501, wanted=wanted,
        )  # fmt: skip
    hint = "Look at the section judge of samesku.toml, and at the server's limits."
    return ServerError(
        f"{server} refuses the request ({status}){said}.", hint, status=status, passing=status in {408, 425}
    )


def error_text(body: bytes | dict[str, Any]) -> str:
    """What a server says of its error, fit to be shown; empty where that is nothing, or a part of the key."""
    try:
        told = json.loads(body) if isinstance(body, bytes) else body
    except (ValueError, RecursionError):
        return ""
    for _ in range(2):
        if isinstance(told, dict):
            told = next((told[name] for name in ("error", "message", "detail") if name in told), "")
    if not isinstance(told, str):
        return ""
    line = " ".join(without_key(safe(told[: 10 * _MOST_WORDS])).split()).rstrip(".")
    return line if len(line) <= _MOST_WORDS else line[: _MOST_WORDS - 1].rstrip() + "…"
