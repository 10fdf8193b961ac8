"""The speed of `POST /match`: requests per second and latencies at 1, 8 and 32 clients, batching against none.

    python -m tests.bench.serve [--home FOLDER] [--requests 200]

`--home` is an indexed workspace, which is only read; without one the demo's is made in a folder for the while, with its
encoder. Each server is a process of its own without a cache; the clients are in this one. Requests are of one product:
by its id, with its stored candidates, and with a title that nobody has asked before. At the end the same title again
and again, from the cache.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.demo import build_demo
from core.jobs.progress import Silent
from core.judge.cache import percentile
from core.serving import loaded_index
from core.serving.api_keys import ApiKeys
from core.serving.guard import Limits
from core.serving.server import open_socket, run_server
from core.serving.service import ServiceOptions, build_service
from core.settings import load_settings
from core.workspace import Workspace

_CLIENTS = (1, 8, 32)
_WARM_UP = 20
#: Requests per second from which no decimal is printed.
_MANY = 100
#: A busy machine gives figures of little use, but no error.
_TIMEOUT_S = 600

Body = dict[str, Any]


def main() -> None:
    """Measure and print, or serve for a measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serve", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--home", type=Path, help="An indexed workspace.")
    parser.add_argument("--requests", type=int, default=200, help="Requests of each measurement.")
    parser.add_argument("--max-batch", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.max_batch:
        _serve(Workspace(options.home), options.max_batch, options.cache)
        return
    with tempfile.TemporaryDirectory(prefix="samesku-serve-") as folder:
        workspace = Workspace(options.home or Path(folder) / "home")
        if not options.home:
            build_demo(workspace, Silent())
        _measure(workspace.require(), options.requests)


def _serve(workspace: Workspace, max_batch: int, cache: int) -> None:
    loaded_index.CACHE_SIZE = cache
    options = ServiceOptions(max_batch=max_batch, limits=Limits(request_s=_TIMEOUT_S))
    with open_socket("127.0.0.1", 0) as bound:
        app = build_service(
            workspace, partial(load_settings, workspace.settings), ApiKeys(workspace), options, Silent()
        )
        run_server(app, bound, drain_s=1, announce=partial(print, flush=True))


@dataclass(frozen=True)
class _Server:
    """A running server.

    Attributes:
        address: such as http://127.0.0.1:8080.
        stat: where the kernel tells of its process; only on Linux.
    """

    address: str
    stat: Path

    def cpu_seconds(self) -> float:
        """The processor time that all threads of the server have used; 0 where it is not known."""
        if not self.stat.exists():
            return 0.0
        user, system = self.stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class _Measured:
    """What requests took.

    Attributes:
        total: seconds of all of them together.
        seconds: of each, ascending.
        cpu: seconds of the server's processor time.
    """

    total: float
    seconds: list[float]
    cpu: float


@contextmanager
def _server(workspace: Workspace, max_batch: int, cache: int = 0) -> Iterator["_Server"]:
    command = [sys.executable, "-m", "tests.bench.serve", "--home", workspace.home, "--max-batch", str(max_batch)]
    process = subprocess.Popen([*command, "--cache", str(cache)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            sys.exit("The server did not start.")
        yield _Server(address, Path(f"/proc/{process.pid}/stat"))
    finally:
        process.terminate()
        process.wait()


def _measure(workspace: Workspace, requests: int) -> None:
    with CatalogStore(workspace.catalog) as catalog:
        queries = list(catalog.iter(role="query"))
        products = catalog.count("catalog")
    _say(f"{len(queries):,} queries, {products:,} products; {requests} requests of one product each")
    fresh = count()
    kinds: dict[str, Callable[[int], Body]] = {
        "by id": lambda number: _by_id(queries, number),
        "new text": lambda _: _new_text(queries, next(fresh)),
    }
    rates: dict[tuple[str, int], list[float]] = {}
    for name, max_batch in (("batches", 128), ("no batches", 1)):
        with _server(workspace, max_batch) as server:
            for kind, body in kinds.items():
                for clients in _CLIENTS:
                    found = asyncio.run(_ask(server, body, clients, _WARM_UP if clients == 1 else 0, requests))
                    rates.setdefault((kind, clients), []).append(_print(f"{name}, {kind}", clients, found))
    for (kind, clients), (batches, none) in rates.items():
        _say(f"{kind}, {clients} clients: {batches / none:.2f} times the requests/s without batches")
    with _server(workspace, 128, cache=1000) as server:
        same = _new_text(queries, next(fresh))
        _print("the same text, cached", 8, asyncio.run(_ask(server, lambda _: same, 8, _WARM_UP, requests)))


def _by_id(queries: Sequence[Product], number: int) -> Body:
    return {"ids": ["/".join(queries[number % len(queries)].ref)]}


def _new_text(queries: Sequence[Product], number: int) -> Body:
    query = queries[number % len(queries)]
    return {"products": [{"source": query.source, "title": f"{query.title} no {number}", "brand": query.brand}]}


async def _ask(server: _Server, body: Callable[[int], Body], clients: int, warm_up: int, requests: int) -> _Measured:
    numbers = iter(range(requests))
    seconds: list[float] = []

    async def client(http: httpx.AsyncClient) -> None:
        for number in numbers:
            started = time.perf_counter()
            answer = await http.post("/match", json=body(number))
            seconds.append(time.perf_counter() - started)
            answer.raise_for_status()

    async with AsyncExitStack() as stack:
        # Before the clock starts: each takes 15 ms, in which all others wait.
        https = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=server.address, timeout=_TIMEOUT_S))
            for _ in range(clients)
        ]
        for number in range(warm_up):
            (await https[0].post("/match", json=body(number))).raise_for_status()
        started, used = time.perf_counter(), server.cpu_seconds()
        await asyncio.gather(*map(client, https))
        return _Measured(time.perf_counter() - started, sorted(seconds), server.cpu_seconds() - used)


def _print(what: str, clients: int, found: _Measured) -> float:
    count = len(found.seconds)
    rate, cpu = count / found.total, found.cpu / count * 1000
    p50, p95, p99 = (f"{percentile(found.seconds, share) * 1000:,.0f}" for share in (0.5, 0.95, 0.99))
    _say(
        f"{what}, {clients} clients: {rate:,.{0 if rate >= _MANY else 1}f} requests/s;"
        f" p50 {p50} ms, p95 {p95} ms, p99 {p99} ms; {cpu:.1f} ms of the server's processor"
    )
    return rate


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
