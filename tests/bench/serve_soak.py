"""Requests to the HTTP service while encoders are promoted and the catalogue is indexed again: none may fail.

    python -m tests.bench.serve_soak [--requests 10000] [--clients 16]

The workspace is the demo's catalogue with two tiny encoders of random weights, so that a promotion takes seconds.
It is promoted twice, to the second encoder and back, and between the two the catalogue changes and is indexed. Requests
go on until that is done, however many it takes; nothing is cached.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from core.catalog.demo import demo_catalogue
from core.catalog.store import CatalogStore
from core.demo import answer_from_gold
from core.interpreter import module_command
from core.jobs.progress import Silent
from core.judge.cache import percentile
from core.matching.run import bring_up_to_date
from core.retrieval.encoder_files import weights_sha256
from core.retrieval.encoder_registry import ModelCard, Registry, new_tuned_id
from core.settings import load_settings
from core.workspace import Workspace
from labels.model import Stream
from tests.bench.serve import _say, _server
from tests.support.tiny_encoder import write_tiny_sentence_encoder

_SETTINGS = """\
[encoder]
model = "{encoder}"
"""
#: Queries that are answered first, so that there is a fitted matcher.
_ANSWERS = 150
#: Shares of the requests after which the workspace changes.
_CHANGES_AT = (0.2, 0.4, 0.6)


def main() -> None:
    """Prepare a workspace, and ask."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serve_soak")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="samesku-soak-") as folder:
        workspace = _prepare(Path(folder))
        with _server(workspace, max_batch=128) as server:
            sys.exit(asyncio.run(_Soak(workspace, server.address, options.requests).run(options.clients)))


def _prepare(folder: Path) -> Workspace:
    """A workspace with two encoders, of which the base is the champion."""
    demo = demo_catalogue()
    workspace = Workspace(folder / "home").create()
    titles = [product.title for product in (*demo.queries, *demo.products)]
    encoder = write_tiny_sentence_encoder(folder / "tiny", titles)
    workspace.settings.write_text(_SETTINGS.format(encoder=encoder))
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", demo.queries)
        catalog.replace("amazon", "catalog", demo.products)
    settings = load_settings(workspace.settings)
    registry = Registry(workspace, settings)
    bring_up_to_date(workspace, settings, registry.champion(), Silent())
    answer_from_gold(workspace, settings, Stream.TRIAGE, "soak", _ANSWERS)
    bring_up_to_date(workspace, settings, registry.champion(), Silent())
    # Not trained: that takes minutes, and only another encoder is needed.
    second = new_tuned_id(has_adapter=False)
    merged = registry.folder(second) / "merged"
    merged.parent.mkdir(parents=True)
    write_tiny_sentence_encoder(folder / "second", titles, seed=2).rename(merged)
    base = registry.base().id
    registry.add(ModelCard(second, base, base, weights_sha256(merged), datetime.now(UTC).isoformat()))
    return workspace


def _core(workspace: Workspace, *arguments: str) -> None:
    command = module_command("core", "--home", str(workspace.home), *arguments)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr}")


class _Soak:
    """Clients, and the changes beside them.

    Args:
        workspace: with two encoders.
        address: of its service.
        requests: at the least.
    """

    def __init__(self, workspace: Workspace, address: str, requests: int) -> None:
        self._workspace, self._address, self._requests = workspace, address, requests
        self._queries = demo_catalogue().queries
        self._numbers = count()
        self._statuses: Counter[str] = Counter()
        self._seconds: list[float] = []
        self._changed = False

    async def run(self, clients: int) -> int:
        """Ask until all requests are answered and all changes are made; returns an exit code."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._change())
            for _ in range(clients):
                group.create_task(self._client())
        total = time.monotonic() - started
        async with httpx.AsyncClient(base_url=self._address) as http:
            metrics = (await http.get("/metrics")).text
        swaps = next(line for line in metrics.splitlines() if line.startswith("samesku_index_swaps_total "))
        seconds = sorted(self._seconds)
        p50, p99 = (f"{percentile(seconds, share) * 1000:,.0f}" for share in (0.5, 0.99))
        _say(f"{len(seconds):,} requests by {clients} clients in {total:,.0f} s; p50 {p50} ms, p99 {p99} ms; {swaps}")
        _say(f"answers: {dict(self._statuses)}")
        return 0 if self._statuses.keys() == {"200"} and int(swaps.split()[1]) >= len(_CHANGES_AT) else 1

    async def _client(self) -> None:
        async with httpx.AsyncClient(base_url=self._address, timeout=120) as http:
            while (number := next(self._numbers)) < self._requests or not self._changed:
                started = time.perf_counter()
                try:
                    status = str((await http.post("/match", json=self._body(number))).status_code)
                except httpx.HTTPError as error:
                    status = type(error).__name__
                self._statuses[status] += 1
                self._seconds.append(time.perf_counter() - started)

    def _body(self, number: int) -> dict[str, Any]:
        """By id, or with a new text, or with a filter."""
        query = self._queries[number % len(self._queries)]
        if number % 10 == 0:
            return {"products": [{"source": query.source, "title": f"{query.title} no {number}"}], "k": 3}
        if number % 10 == 1:
            return {"ids": [f"walmart/{query.id}"], "filters": {"max_price": 100.0}}
        return {"ids": [f"walmart/{query.id}"], "reasons": number % 10 == 2}

    async def _change(self) -> None:
        """Promote the second encoder, change and index the catalogue, and go back to the base."""
        settings = load_settings(self._workspace.settings)
        (second,) = Registry(self._workspace, settings).ids()
        for share, arguments in zip(
            _CHANGES_AT,
            (("models", "promote", second, "--force"), ("index",), ("models", "rollback")),
            strict=True,
        ):
            while len(self._seconds) < share * self._requests:
                await asyncio.sleep(0.1)
            if arguments == ("index",):
                self._reword()
            begun = time.monotonic()
            await asyncio.to_thread(_core, self._workspace, *arguments)
            _say(f"{' '.join(arguments)}: {time.monotonic() - begun:.0f} s, after {len(self._seconds):,} requests")
            await asyncio.sleep(3)  # until the service has looked
        self._changed = True

    def _reword(self) -> None:
        with CatalogStore(self._workspace.catalog) as catalog:
            products = [
                replace(each, title=f"{each.title} (new)") if number % 20 == 0 else each
                for number, each in enumerate(catalog.iter(source="amazon"))
            ]
            catalog.replace("amazon", "catalog", products)


if __name__ == "__main__":
    main()
