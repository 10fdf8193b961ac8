"""The ledger under load: many writers at once on one file, in both journal modes, and one alone.

    python -m tests.bench.ledger [WRITERS [DECISIONS]]

Every writer is a process of its own, as twenty desks are. It takes a query that nobody holds, decides on it and gives
it back, as fast as it can; a real labeller leaves seconds between. Then the file is looked at: every decision that was
acknowledged is there once, no query was ever held by two, and `verify` finds nothing.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from labels import database
from labels.leases import Leases
from labels.model import ActionDetails, Decision, Judgement, ProductRef, Strength, Verb
from labels.store import LabelStore
from labels.verify import verify

#: Milliseconds that 99 of 100 decisions may take.
_BAR_MS = {1: 15, 20: 100}


@dataclass
class Report:
    """What one writer saw: milliseconds of each decision and each claim, and when it held which query."""

    decisions_ms: list[float]
    claims_ms: list[float]
    held: list[tuple[str, float, float]]
    actions: list[str]
    trouble: str = ""


def main() -> None:
    """Measure and print; exit 1 where something was lost, doubled or held by two."""
    writers = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    decisions = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    load = os.getloadavg()[0]
    _say(f"{os.cpu_count()} cores, of which others keep {load:.1f} busy; one fsync takes {_fsync_ms():.1f} ms")
    failed = False
    for mode in ("persist", "wal"):
        for count in (1, writers):
            failed |= not _campaign(mode, count, decisions)
    sys.exit(failed)


def _campaign(mode: str, writers: int, decisions: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.db"
        context = multiprocessing.get_context("fork")
        database.journal_mode = lambda _: mode
        LabelStore(path).close()
        start, results = context.Event(), context.Queue()
        processes = [
            context.Process(target=_write, args=(path, number, decisions, writers, start, results))
            for number in range(writers)
        ]
        for process in processes:
            process.start()
        begun = time.perf_counter()
        start.set()
        reports: list[Report] = [results.get() for _ in processes]
        seconds = time.perf_counter() - begun
        for process in processes:
            process.join()
        problems = _problems(path, reports, writers * decisions)
    taken = sorted(ms for report in reports for ms in report.decisions_ms)
    claimed = sorted(ms for report in reports for ms in report.claims_ms)
    bar = f" (bar: {_BAR_MS[writers]})" if writers in _BAR_MS else ""
    _say(
        f"journal {mode}, {writers:>2} writers: {len(taken):,} decisions, {len(taken) / seconds:,.0f} a second; "
        f"a decision p50 {_at(taken, 0.5):.1f} ms, p99 {_at(taken, 0.99):.1f} ms{bar}; "
        f"a claim p99 {_at(claimed, 0.99):.1f} ms; {'; '.join(problems) or 'nothing lost, doubled or held by two'}"
    )
    return not problems


def _write(path: Path, number: int, decisions: int, writers: int, start, results) -> None:  # type: ignore[no-untyped-def]
    """One desk that never pauses. Queries are few enough for two to want the same one."""
    report = Report([], [], [], [])
    name = f"person {number}"
    try:
        store, claims = LabelStore(path), Leases(path)
        start.wait()
        queries = [ProductRef("walmart", str(n)) for n in range(writers * 4)]
        place = number
        while len(report.actions) < decisions:
            query = queries[place % len(queries)]
            place += 1
            begun = time.perf_counter()
            if not claims.take(query, name):
                continue
            held_from = time.monotonic()
            report.claims_ms.append((time.perf_counter() - begun) * 1000)
            others = [Judgement(ProductRef("amazon", f"c{n}"), Decision.NO_MATCH, Strength.IMPLIED) for n in range(9)]
            chosen = Judgement(ProductRef("amazon", "m"), Decision.MATCH)
            begun = time.perf_counter()
            action = store.record(name, Verb.ACCEPT, query, [chosen, *others], ActionDetails(closes=True))
            report.decisions_ms.append((time.perf_counter() - begun) * 1000)
            report.actions.append(action)
            report.held.append((query.id, held_from, time.monotonic()))
            claims.release(query, name)
    except Exception as error:  # noqa: BLE001 - the parent tells
        report.trouble = f"{name}: {type(error).__name__}: {error}"
    results.put(report)


def _problems(path: Path, reports: list[Report], expected: int) -> list[str]:
    problems = [report.trouble for report in reports if report.trouble]
    with LabelStore(path) as store:
        rows = store.connection.execute("SELECT id FROM actions").fetchall()
    written = Counter(row[0] for row in rows)
    said = {action for report in reports for action in report.actions}
    if lost := said - written.keys():
        problems.append(f"{len(lost)} acknowledged decisions are not there")
    if len(written) != expected or max(written.values()) > 1:
        problems.append(f"{len(written)} actions instead of {expected}")
    spans: dict[str, list[tuple[float, float]]] = {}
    for report in reports:
        for query, begin, end in report.held:
            spans.setdefault(query, []).append((begin, end))
    for query, held in spans.items():
        held.sort()
        if any(later[0] < earlier[1] for earlier, later in pairwise(held)):
            problems.append(f"query {query} was held by two")
    return [*problems, *verify(path).problems]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def _fsync_ms() -> float:
    """What the disk takes for one durable write: no decision can be faster."""
    with tempfile.NamedTemporaryFile() as file:
        begun = time.perf_counter()
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        return (time.perf_counter() - begun) * 20


if __name__ == "__main__":
    main()
