"""A server on localhost that does to each request what a test says, and keeps what it was asked."""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

VERDICT_TEXT = "Same model number.\n**Verdict:** MATCH"

#: No test waits so long; it only keeps a broken one from hanging.
_PATIENCE = 120.0


@dataclass(frozen=True)
class Request:
    """What came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


#: What is done to a request: bytes are written until the function returns, and then the connection is closed.
Act = Callable[[socket.socket, Request], None]


class Misbehaving:
    """Answers the first request with the first act, and so on; the last act serves for all that follow."""

    def __init__(self, *acts: Act) -> None:
        self._acts = list(acts)
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.hung_up = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        #: What a judge calls it.
        self.told = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"http://{self.told}/v1"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Misbehaving":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(_PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        with connection:
            try:
                request = _read(connection)
            except (OSError, ValueError):
                return
            with self._lock:
                self.requests.append(request)
                act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
            try:
                act(connection, request)
            except OSError:
                self.hung_up.set()


def _read(connection: socket.socket) -> Request:
    with connection.makefile("rb") as stream:
        _, path, _ = stream.readline().decode().split()
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Request(path, headers, json.loads(stream.read(int(headers["content-length"]))))


def raw(*pieces: bytes) -> Act:
    """These bytes, and then the end."""
    return lambda connection, _: [connection.sendall(piece) for piece in pieces] and None


def head(status: int = 200, *, length: int | None = None, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {length}"] if length is not None else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status(code: int, body: bytes = b"", **headers: str) -> Act:
    return raw(head(code, length=len(body), **headers), body)


def says(body: object) -> Act:
    """A JSON body; bytes as they are."""
    told = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(head(length=len(told), content_type="application/json"), told)


def echo(connection: socket.socket, request: Request) -> None:
    """Says what the last message says."""
    says(completion(request.body["messages"][-1]["content"]))(connection, request)


def streams(*events: object, end: bytes = b"data: [DONE]\n\n") -> Act:
    """Server-sent events, one write each."""
    lines = [event if isinstance(event, bytes) else f"data: {json.dumps(event)}\n\n".encode() for event in events]
    return raw(head(content_type="text/event-stream"), *lines, end)


def silence(*before: bytes) -> Act:
    """Says no more after that, until the other end hangs up."""

    def act(connection: socket.socket, _: Request) -> None:
        for piece in before:
            connection.sendall(piece)
        if not connection.recv(1):
            raise ConnectionResetError

    return act


def dripping(*before: bytes, drop: bytes = b" ") -> Act:
    """A little each hundredth of a second, for ever."""

    def act(connection: socket.socket, _: Request) -> None:
        for piece in before:
            connection.sendall(piece)
        connection.settimeout(0.01)
        while True:
            connection.sendall(drop)
            try:
                if not connection.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                pass

    return act


def flood(*before: bytes) -> Act:
    """As many bytes as the other end takes."""

    def act(connection: socket.socket, _: Request) -> None:
        for piece in before:
            connection.sendall(piece)
        while True:
            connection.sendall(b"[" * 65536)

    return act


def when(event: threading.Event, act: Act) -> Act:
    """The same, but not before the event."""

    def waiting(connection: socket.socket, request: Request) -> None:
        event.wait(_PATIENCE)
        act(connection, request)

    return waiting


def completion(text: str | None = VERDICT_TEXT, places: Iterable[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A body as OpenAI describes it."""
    choice: dict[str, Any] = {
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text},
    }  # fmt: skip
    if places is not None:
        choice["logprobs"] = {"content": list(places)}
    return {"choices": [choice], "usage": {"prompt_tokens": 300, "completion_tokens": 20}}


def delta(
    text: str | None, places: Iterable[dict[str, Any]] | None = None, finish: str | None = None
) -> dict[str, Any]:
    """A piece of a stream."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish, "delta": {"content": text}}
    if places is not None:
        choice["logprobs"] = {"content": list(places)}
    return {"choices": [choice]}


def place(token: str, log_p: float, **others: float) -> dict[str, Any]:
    """A place of an answer: what was written there, and what else could have been (`_` is a space)."""
    top = {token: log_p} | {other.replace("_", " "): other_p for other, other_p in others.items()}
    return {
        "token": token, "logprob": log_p,
        "top_logprobs": [{"token": other, "logprob": other_p} for other, other_p in top.items()],
    }  # fmt: skip


def certain(*tokens: str) -> list[dict[str, Any]]:
    """Places of which only what was written is told."""
    return [place(token, -0.001) for token in tokens]
