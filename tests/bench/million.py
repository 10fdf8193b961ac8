"""The whole pipeline on a large catalogue: time and memory of each stage, runs after a change, kills, one query.

    python -m tests.bench.million [--data FOLDER] [--products 1000000] [--queries 100000] [--home WORKSPACE]

FOLDER holds tableA.csv and tableB.csv of Walmart-Amazon, from which listings are recombined (`tests.bench.lexical`).
The encoder is a random projection of character 3-grams, so that encoding costs little. Each run of the index is a
process of its own. Its memory is what the process has allocated (RssAnon): pages of mapped files are left out, since
the system takes them back when it needs them. Each line printed is a JSON object; `candidates` is a hash of candidates,
features and probabilities, so that the first run, which is killed, has that of the full one after it.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.jobs.progress import Silent, StageTimer
from core.matching.query_scorer import QueryScorer, indexed_corpus
from core.matching.run import bring_up_to_date, saved_matcher
from core.retrieval import corpus_vectors, index_run
from core.retrieval.encoder_files import EncoderModel
from core.sqlite_cache import SqliteCache
from core.workspace import Workspace
from tests.bench.ann import memory_mib, say
from tests.bench.lexical import Row, read_rows, recombined_rows
from tests.bench.scale import SETTINGS, Projection
from tests.bench.walmart_amazon import SHARED

#: Queries whose latency is measured, and those before, which read the files.
_TIMED, _WARM = 300, 20
_SAMPLE_S = 0.05


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="keeps the workspace, and goes on with it")
    parser.add_argument("--kill-after", default="60,180", help="seconds after which the first run is killed")
    parser.add_argument("--in-blocks", action="store_true", help="index a small catalogue as a large one")
    parser.add_argument("--steps", default="first,unchanged,full,changed,latency")
    parser.add_argument("--one", choices=["index", "rebuild", "latency"], help="internal: one step, in this process")
    given = parser.parse_args()
    if given.in_blocks:
        index_run.MAX_IN_MEMORY = 0
    corpus_vectors.Encoder = lambda *_, **__: Projection()  # type: ignore[assignment,misc]
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Workspace(given.home or Path(temporary) / "workspace")
        if given.one == "latency":
            _measure_latency(workspace, given.data)
        elif given.one:
            _index(workspace, rebuild=given.one == "rebuild")
        else:
            _measure(workspace, given)


def _measure(workspace: Workspace, given: argparse.Namespace) -> None:
    options = ["--home", str(workspace.home), "--data", str(given.data), *["--in-blocks"] * given.in_blocks]
    if not workspace.catalog.exists():
        say(step="import", seconds=_import(workspace, given.data, given.products, given.queries))
    for step in given.steps.split(","):
        if step == "changed":
            _change(workspace, 0.01)
        if step == "first":
            for seconds in filter(None, given.kill_after.split(",")):
                _kill(options, float(seconds))
        name = {"latency": "latency", "full": "rebuild"}.get(step, "index")
        begun = time.monotonic()
        _child(name, options).wait()
        say(step=step, process_s=round(time.monotonic() - begun, 1), candidates=_digest(workspace))


def _child(step: str, options: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.bench.million", "--one", step, *options])


def _kill(options: list[str], seconds: float) -> None:
    """Start a run, and kill it after a while."""
    child = _child("index", options)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    say(step="killed", after_s=seconds, code=child.returncode)


def _index(workspace: Workspace, *, rebuild: bool) -> None:
    begun, used, timer, peaks = time.monotonic(), time.process_time(), _Stages(), dict[str, int]()
    with _sampled(timer, peaks):
        done = bring_up_to_date(workspace, SETTINGS, EncoderModel("projection", workspace.home), timer, rebuild=rebuild)
    stages = {name: [round(seconds, 1), peaks.get(name, 0)] for name, seconds in timer.seconds.items()}
    report = done.index
    say(
        seconds=round(time.monotonic() - begun, 1), cpu_s=round(time.process_time() - used, 1),
        peak_mib=max(peaks.values()), full=report.full, touched=report.added + report.changed + report.removed,
        updated=report.updated, stages_s_mib=stages,
    )  # fmt: skip


class _Stages(StageTimer):
    """The seconds of each stage, and the present stage."""

    now = "read the catalogue"

    def __init__(self) -> None:
        super().__init__(Silent())
        self.stage(self.now)

    def stage(self, name: str, total: int | None = None) -> None:
        super().stage(name, total)
        self.now = name
        sys.stderr.write(f"{time.strftime('%X')} {name} {total or ''} {memory_mib('RssAnon')} MiB\n")


@contextmanager
def _sampled(stages: _Stages, peaks: dict[str, int]) -> Iterator[None]:
    """Record the highest memory of each stage, in MiB."""
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_S):
            peaks[stages.now] = max(peaks.get(stages.now, 0), memory_mib("RssAnon"))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _measure_latency(workspace: Workspace, data: Path) -> None:
    """One query at a time, from its text to its ranked ten with probabilities."""
    begun, model = time.monotonic(), EncoderModel("projection", workspace.home)
    matcher = saved_matcher(workspace)
    assert matcher is not None
    with QueryScorer(
        workspace, SETTINGS, model, indexed_corpus(workspace, SETTINGS, model), matcher, Silent()
    ) as scorer:
        loaded, seconds, used = time.monotonic() - begun, [], []
        rows = Random(3).sample(read_rows(data / "tableA.csv"), _WARM + _TIMED)
        for row in rows:
            begun, begun_cpu = time.perf_counter(), time.thread_time()
            scorer.candidates([_product("new", row["id"], row)])
            seconds.append(time.perf_counter() - begun)
            used.append(time.thread_time() - begun_cpu)
        (p50, p99), (cpu50, cpu99) = (np.percentile(each[_WARM:], [50, 99]) * 1e3 for each in (seconds, used))
        say(
            p50_ms=round(p50, 1), p99_ms=round(p99, 1), cpu_p50_ms=round(cpu50, 1), cpu_p99_ms=round(cpu99, 1),
            load_s=round(loaded, 1), memory_mib=memory_mib("RssAnon"),
        )  # fmt: skip


def _digest(workspace: Workspace) -> str:
    """A hash of all candidates with their features and probabilities."""
    digest = hashlib.sha256()
    file = SqliteCache(workspace.derived, lambda _: None, lambda _: True, hint="")
    with closing(file), file.reading() as connection:
        for table in ("candidates", "evidence"):
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4"):  # noqa: S608
                digest.update(repr(row).encode())
    return digest.hexdigest()[:16]


def _import(workspace: Workspace, data: Path, products: int, queries: int) -> float:
    begun = time.monotonic()
    with CatalogStore(workspace.create().catalog) as catalog:
        for source, role, table, count in (
            ("walmart", "query", "tableA.csv", queries),
            ("amazon", "catalog", "tableB.csv", products),
        ):
            rows = recombined_rows(read_rows(data / table), count)
            catalog.replace(source, role, (_product(source, f"{source[0]}{n}", row) for n, row in enumerate(rows)))  # type: ignore[arg-type]
    return round(time.monotonic() - begun, 1)


def _product(source: str, id_: str, row: Row) -> Product:
    price = float(row["price"]) if row["price"] else None
    return Product(source, id_, row["title"], row["brand"], row["category"], row["modelno"], price)


def _change(workspace: Workspace, share: float) -> None:
    """Change titles and prices of some products."""
    pick = Random(7)
    with CatalogStore(workspace.catalog) as catalog:

        def changed() -> Iterator[Product]:
            for n, old in enumerate(catalog.iter(source="amazon")):
                if pick.random() < share:
                    yield replace(old, title=f"{old.title} {n % 7}", price=round((old.price or 9) * 1.05, 2))

        catalog.replace("amazon", "catalog", list(changed()))


if __name__ == "__main__":
    main()
