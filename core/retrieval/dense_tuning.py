"""Measures the kinds of dense index on a workspace's own vectors: recall@10 against latency and memory."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.jobs.progress import Reporter
from core.packages import install_hint, require_packages
from core.retrieval.dense import DenseIndex, Effort, KindName
from core.retrieval.dense_kinds import KINDS, MIN_TRAINED, NEIGHBOURS, Truth, build, efforts
from core.retrieval.vector_index import Vectors
from labels.exchange.files import output_text

#: Efforts below are of no use, and beyond the other there is nothing to gain.
_MIN_RECALL, _MAX_RECALL = 0.8, 0.999
#: Bytes per vector of an exact index, by dimension.
_FLAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Measurement:
    """An index at one effort.

    Attributes:
        kind: see `dense_kinds`.
        probes: see `Effort`.
        shortlist: likewise.
        recall: recall@10 against exact search.
        p50_ms: median latency of a single query on one core.
        p99_ms: 99th percentile.
        bytes: memory of the index, without the exact vectors that a shortlist reads.
        build_s: time to train and build it.
    """

    kind: KindName
    probes: int
    shortlist: int
    recall: float
    p50_ms: float
    p99_ms: float
    bytes: int
    build_s: float


def measure_kinds(vectors: Vectors, queries: NDArray[np.float32], reporter: Reporter) -> list[Measurement]:
    """Build every kind, and measure it at the efforts that trade recall for latency.

    Args:
        vectors: unit vectors, shape (products, dimensions).
        queries: unit vectors, shape (queries, dimensions); a sample of them is searched.
        reporter: receives the progress.
    """
    reporter.stage("search exactly")
    truth = Truth.sample(vectors, queries)
    products, dimensions = vectors.shape
    begun = time.perf_counter()
    flat = DenseIndex(vectors)
    seconds = time.perf_counter() - begun
    found = [Measurement("flat", 0, 0, 1.0, *_latency(flat, truth), products * dimensions * _FLAT_BYTES, seconds)]
    if products < MIN_TRAINED:
        reporter.message(f"Below {MIN_TRAINED:,} products, every search is exact.")
        return found
    for kind in KINDS:
        begun = time.perf_counter()
        index = DenseIndex(vectors, build(vectors, kind, reporter), kind=kind)
        seconds = time.perf_counter() - begun
        reporter.stage(f"measure {kind}")
        for effort, recall in _frontier(index, truth):
            index.effort = effort
            latency = _latency(index, truth)
            memory = products * KINDS[kind].bytes(dimensions)
            found.append(Measurement(kind, effort.probes, effort.shortlist, recall, *latency, memory, seconds))
    return found


def fastest(found: Sequence[Measurement], recall: float) -> Measurement:
    """The measurement with the lowest median latency among those that reach a recall; the exact one does."""
    return min((each for each in found if each.recall >= recall), key=lambda each: each.p50_ms)


def write_plot(path: Path, found: Sequence[Measurement], recall: float) -> None:
    """Write recall against latency as a page with an interactive chart, which loads nothing.

    Raises:
        CoreError: plotly is not installed, or the file cannot be written.
    """
    require_plot()
    import plotly.graph_objects as go

    figure = go.Figure(layout={"title": "Recall@10 against exact search, by latency on one core"})
    for kind in dict.fromkeys(each.kind for each in found):
        points = [each for each in found if each.kind == kind]
        figure.add_scatter(
            x=[each.p50_ms for each in points],
            y=[each.recall for each in points],
            mode="lines+markers",
            name=kind,
            text=[f"probes {each.probes}, shortlist {each.shortlist}, p99 {each.p99_ms:.2f} ms" for each in points],
        )
    figure.add_hline(y=recall, line_dash="dot", annotation_text="search.recall")
    figure.update_xaxes(title="p50 per query, ms", type="log")
    figure.update_yaxes(title="recall@10")
    with output_text(path) as out:
        out.write(figure.to_html(include_plotlyjs=True))


def require_plot() -> None:
    """Check that a page with a chart can be written, before anything is measured.

    Raises:
        CoreError: plotly is not installed.
    """
    require_packages("A chart needs", ["plotly"], install_hint("report"))


def _frontier(index: DenseIndex, truth: Truth) -> Iterator[tuple[Effort, float]]:
    """The efforts that find more than all cheaper ones, with their recall."""
    best = _MIN_RECALL
    for effort in efforts(index):
        index.effort = effort
        recall, _ = truth.recall(index.search(truth.queries, NEIGHBOURS)[0])
        if recall > best:
            best = recall
            yield effort, recall
        if best >= _MAX_RECALL:
            return


def _latency(index: DenseIndex, truth: Truth) -> tuple[float, float]:
    """Median and 99th percentile of a single search, in ms."""
    seconds = []
    with _one_thread():
        for query in truth.queries:
            begun = time.perf_counter()
            index.search(query[None], NEIGHBOURS)
            seconds.append(time.perf_counter() - begun)
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    return float(p50), float(p99)


@contextmanager
def _one_thread() -> Iterator[None]:
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
