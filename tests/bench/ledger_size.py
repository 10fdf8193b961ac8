"""The ledger after years: a million events, and what people wait for with them.

    python -m tests.bench.ledger_size [EVENTS]

Twenty people have answered a query in ten events each; one query in five is still open. Ten candidates a query.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.queue.session import ReviewSession
from core.queue.source import QueueSource
from core.retrieval.candidates import Candidate, CandidateStore
from core.settings import Settings
from core.workspace import Workspace
from labels import chain, projection
from labels.database import transaction
from labels.leases import Leases
from labels.model import ProductRef
from labels.statistics import label_stats
from labels.store import LabelStore
from labels.verify import verify

_PER_QUERY, _OPEN, _PEOPLE, _ROUNDS = 10, 5, 20, 200
T = TypeVar("T")


def main() -> None:
    """Make the file, measure, print."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    _say(f"{os.cpu_count()} cores, of which others keep {os.getloadavg()[0]:.1f} busy; {events:,} events")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        answered = events // _PER_QUERY
        with LabelStore(workspace.labels) as store:
            _timed("write the events, in one go", lambda: _fill(store, answered))
            _timed("rebuild the projections (bar: 120 s)", lambda: _rebuild(store))
            _timed("statistics (bar: 1 s)", lambda: label_stats(store))
        _catalogue(workspace, answered + answered // _OPEN)
        _next_query(workspace)
        found = _timed("verify (bar: 60 s)", lambda: verify(workspace.labels))
    _say(f"{found.events:,} events; " + ("; ".join(found.problems) or "all is well"))
    sys.exit(not found.ok)


def _fill(store: LabelStore, queries: int) -> None:
    names = ", ".join((*chain.COLUMNS, "hash"))
    marks = ", ".join("?" for _ in (*chain.COLUMNS, "hash"))
    with transaction(store.connection):
        store.connection.executemany(f"INSERT INTO events ({names}) VALUES ({marks})", _events(queries))  # noqa: S608


def _events(queries: int) -> Iterator[tuple[object, ...]]:
    previous, seq = chain.GENESIS, 0
    for query in range(queries):
        person, action = f"person {query % _PEOPLE}", f"{query:032x}"
        for place in range(_PER_QUERY):
            seq += 1
            verdict = ("match", "explicit") if place == 0 else ("no_match", "implied")
            values = [
                seq, action, "2026-01-01T00:00:00.000+00:00", person, "accept", "walmart", f"q{query}", "amazon",
                f"c{query}-{place}", *verdict, "triage", "train", 0, 1, 2400, place + 1, 0.8, 0.9, "encoder", None, "",
            ]  # fmt: skip
            previous = chain.event_hash(previous, values)
            yield (*values, previous)


def _rebuild(store: LabelStore) -> None:
    with transaction(store.connection):
        projection.rebuild(store.connection)


def _catalogue(workspace: Workspace, queries: int) -> None:
    """The products and candidates that a desk shows; only those that are asked about get a name."""
    open_from = queries - queries // (_OPEN + 1)
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace(
            "walmart", "query", [Product("walmart", f"q{n}", f"query {n}") for n in range(open_from, queries)]
        )
        catalog.replace("amazon", "catalog", [Product("amazon", f"c{n}", f"candidate {n}") for n in range(_PER_QUERY)])
    candidates = CandidateStore(workspace.derived)
    rows = ((ProductRef("walmart", f"q{n}"), _ten(0.95 - n % 97 / 200)) for n in range(queries))
    candidates.replace(rows, model="encoder", fingerprint="bench")
    candidates.close()


def _ten(best: float) -> list[Candidate]:
    return [
        Candidate(ProductRef("amazon", f"c{place}"), place + 1, best - place / 50, 0.9, None, None)
        for place in range(_PER_QUERY)
    ]


def _next_query(workspace: Workspace) -> None:
    store, claims = LabelStore(workspace.labels), Leases(workspace.labels)
    catalog, candidates = CatalogStore(workspace.catalog), CandidateStore(workspace.derived)
    source = _timed("read the queue, once a sitting", lambda: QueueSource(catalog, candidates, Settings()))
    session = ReviewSession(store, claims, source, "person 1")
    _timed("the first query of a sitting", session.advance)
    _timed("how far the stream is", session.progress)
    taken = []
    for _ in range(_ROUNDS):
        assert session.item is not None
        begun = time.perf_counter()
        session.none_match(session.item.options)
        session.progress()
        taken.append((time.perf_counter() - begun) * 1000)
    taken.sort()
    _say(
        f"decide, and show the next query (bar: 20 ms): p50 {taken[_ROUNDS // 2]:.1f} ms,"
        f" p99 {taken[int(_ROUNDS * 0.99)]:.1f} ms"
    )
    begun = time.perf_counter()
    for _ in range(20):
        session.undo()
    _say(f"undo: {(time.perf_counter() - begun) * 50:.1f} ms")
    for file in (store, claims, catalog, candidates):
        file.close()


def _timed(what: str, work: Callable[[], T]) -> T:
    begun = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - begun
    _say(f"{what}: {seconds * 1000:,.0f} ms" if seconds < 1 else f"{what}: {seconds:,.1f} s")
    return result


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
