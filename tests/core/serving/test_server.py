"""The service over a real socket: start, slow clients, and the end on SIGTERM with requests in flight."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from labelled_home import IMPORTED, OTHERS
from samples import until
from service_process import running_service

from core.serving import server
from core.serving.server import is_loopback, open_socket, run_server
from core.workspace import Workspace

#: Scores only once a file appears, and says by another one that it waits for it.
_WAITS = """
import time
from core.matching.query_scorer import QueryScorer
scored = QueryScorer.scored
def waits(self, queries, *rest, **options):
    if options.get("stored", True):
        Path({folder!r}, "waits").touch()
        while not Path({folder!r}, "go").exists():
            time.sleep(0.01)
    return scored(self, queries, *rest, **options)
QueryScorer.scored = waits
"""


def test_sigterm_finishes_what_is_in_flight(home: Workspace, tmp_path: Path) -> None:
    before = _WAITS.format(folder=str(tmp_path))
    with running_service(home.home, before=before) as (process, address), ThreadPoolExecutor(2) as pool:

        def ask(body: dict[str, object]) -> httpx.Response:
            return httpx.post(f"{address}/match", json=body, timeout=120)

        asked = [pool.submit(ask, {"ids": [IMPORTED[0].id]})]
        until((tmp_path / "waits").exists)
        asked.append(pool.submit(ask, {"products": [{"title": OTHERS[0].title}]}))
        until(lambda: "samesku_waiting_queries 1" in httpx.get(f"{address}/metrics").text)
        process.send_signal(signal.SIGTERM)
        until(lambda: not _listens(address))
        assert process.poll() is None
        (tmp_path / "go").touch()
        for each in asked:
            answer = each.result()
            assert answer.status_code == 200
            assert len(answer.json()["results"][0]["candidates"]) == 10
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def _listens(address: str) -> bool:
    place = urlsplit(address)
    assert place.hostname is not None
    try:
        socket.create_connection((place.hostname, place.port or 80), 1).close()
    except OSError:
        return False
    return True


def test_headers_that_do_not_arrive_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte, so that the connection is never idle."""
    monkeypatch.setattr(server, "_HEADERS_S", 0.2)
    served: list[uvicorn.Server] = []
    startup = server._Server.startup

    async def noted(self: server._Server, sockets: list[socket.socket] | None = None) -> None:
        served.append(self)
        await startup(self, sockets)

    monkeypatch.setattr(server._Server, "startup", noted)

    async def hello(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    def trickle(address: str, first: bytes) -> bytes:
        place = urlsplit(address)
        with socket.create_connection((place.hostname or "", place.port or 80)) as connection:
            connection.sendall(first)
            answer = connection.recv(1000) if first else b""
            try:
                for _ in range(1000):
                    connection.sendall(b"G")
                    time.sleep(0.01)
            except OSError:
                return answer
        raise AssertionError("the connection was kept")

    addresses: list[str] = []
    with open_socket("127.0.0.1", 0) as bound, ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_server, hello, bound, drain_s=1, announce=addresses.append)  # type: ignore[arg-type]
        until(lambda: bool(addresses))
        try:
            assert trickle(addresses[0], b"") == b""
            whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            assert trickle(addresses[0], whole).startswith(b"HTTP/1.1 204 No Content\r\n")
            assert httpx.get(addresses[0]).status_code == 204
        finally:
            served[0].should_exit = True
            running.result(60)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
        ("0.0.0.1", False), ("::", False), ("192.168.0.7", False), ("example.com", False), ("", False),
    ],
)  # fmt: skip
def test_addresses_of_this_machine(host: str, local: bool) -> None:
    assert is_loopback(host) == local
