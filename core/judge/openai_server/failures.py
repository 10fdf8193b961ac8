"""Server failures as errors with a sentence and a way out."""

import json
from typing import Any

from core.errors import ModelError
from core.judge.openai_server.address import KEY_VARIABLE, without_key
from core.text.safe import safe

#: Characters of a server's own error message that are shown.
_MAX_MESSAGE_LENGTH = 200


class ServerError(ModelError):
    """A request failed.

    Attributes:
        status: the HTTP status; 0 if there was no response.
        transient: whether a retry may succeed.
        retry_after_s: seconds that the server asks to wait; None if it does not say.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int = 0,
        transient: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.transient = transient
        self.retry_after_s = retry_after_s


def unreachable(server: str, reason: str) -> ServerError:
    """No connection could be established."""
    shown = without_key(safe(reason[:_MAX_MESSAGE_LENGTH])).strip(" .")
    return ServerError(
        f"No connection to {server}{': ' + shown if shown else ''}.",
        "Start the server, or set judge.server_url.",
        transient=True,
    )


def connection_lost(server: str) -> ServerError:
    """The connection ended before the answer was complete."""
    return ServerError(f"{server} broke off in the middle of an answer.", "Its own log may say why.", transient=True)


def stream_error(server: str, event: dict[str, Any]) -> ServerError:
    """The server reported an error in the middle of a stream."""
    text = error_text(event)
    return ServerError(f"{server} gave up in the middle of an answer{': ' + text if text else ''}.", "Ask again.")


def timed_out(server: str, seconds: float) -> ServerError:
    """The answer was not complete in time. Not transient: a retry would be as slow, and add load."""
    return ServerError(
        f"{server} gave no whole answer in {seconds:g} seconds.",
        "Raise judge.server_timeout_s, or lower judge.server_concurrency or judge.max_tokens.",
    )


def response_too_long(server: str) -> ServerError:
    """The response exceeds the limit for an answer."""
    return ServerError(f"{server} sends more than any answer can be long.", "Look at judge.server_url.")


def invalid_response(server: str) -> ServerError:
    """The response is no chat completion."""
    return ServerError(
        f"{server} does not answer as an OpenAI-compatible server does.",
        "Look at judge.server_url: it mostly ends in /v1.",
    )


def http_error(
    server: str, status: int, body: bytes, *, model: str, has_key: bool, retry_after_s: float | None
) -> ServerError:
    """The server responded with a status other than 200."""
    text = error_text(body)
    detail = f": {text}" if text else ""
    if status in {401, 403}:
        message = f"{server} refuses the key." if has_key else f"{server} wants a key."
        return ServerError(message, f"Set ${KEY_VARIABLE}.", status=status)
    if status == 404:
        return ServerError(
            f"{server} has no model {safe(model)}, or nothing at this URL{detail}.",
            "judge.server_model is the server's own name for it; judge.server_url mostly ends in /v1.",
            status=status,
        )
    if 300 <= status < 400:
        return ServerError(
            f"{server} redirects to another address, which is not followed.",
            "Set judge.server_url to the address itself.",
            status=status,
        )
    if status == 429:
        return ServerError(
            f"{server} has too many requests{detail}.", "Lower judge.server_concurrency, or continue later.",
            status=status, transient=True, retry_after_s=retry_after_s,
        )  # fmt: skip
    if status >= 500:
        return ServerError(
            f"{server} has an error of its own ({status}){detail}.", "Its own log may say why.",
            status=status, transient=status != 501, retry_after_s=retry_after_s,
        )  # fmt: skip
    return ServerError(
        f"{server} refuses the request ({status}){detail}.",
        "Look at the section judge of samesku.toml, and at the server's limits.",
        status=status,
        transient=status in {408, 425},
    )


def error_text(body: bytes | dict[str, Any]) -> str:
    """The server's own error message, safe to display; empty if there is none or it quotes a part of the key."""
    try:
        value = json.loads(body) if isinstance(body, bytes) else body
    except (ValueError, RecursionError):
        return ""
    # The message may be nested one level, as in {"error": {"message": …}}.
    for _ in range(2):
        if isinstance(value, dict):
            value = next((value[name] for name in ("error", "message", "detail") if name in value), "")
    if not isinstance(value, str):
        return ""
    line = " ".join(without_key(safe(value[: 10 * _MAX_MESSAGE_LENGTH])).split()).rstrip(".")
    return line if len(line) <= _MAX_MESSAGE_LENGTH else line[: _MAX_MESSAGE_LENGTH - 1].rstrip() + "…"
