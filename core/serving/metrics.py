"""Counters of the service, for Prometheus."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence

from core.prometheus_text import MetricsText

#: Upper bounds of the buckets: seconds of a request, and queries of a batch.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_QUERIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class _Histogram:
    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def write(self, out: MetricsText, name: str, **labels: str) -> None:
        out.histogram(name, self._bounds, self._counts, self._sum, **labels)


class Metrics:
    """What the service counts. Thread-safe.

    Attributes:
        waiting: tells how many queries wait.
    """

    def __init__(self) -> None:
        self.waiting: Callable[[], int] = lambda: 0
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: dict[str, _Histogram] = {}
        self._batches = _Histogram(_QUERIES)
        self._hits = self._misses = self._swaps = 0

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: of HTTP.
            route: its path template, never a path as it was sent: there are endlessly many of those.
            status: of the response.
            seconds: from its first byte to the response.
        """
        with self._lock:
            self._requests[method, route, status] += 1
            self._seconds.setdefault(route, _Histogram(_SECONDS)).add(seconds)

    def batch(self, queries: int) -> None:
        """Count a batch of queries that were scored together."""
        with self._lock:
            self._batches.add(queries)

    def cache(self, hits: int, misses: int) -> None:
        """Count queries that were answered from the cache, and others."""
        with self._lock:
            self._hits += hits
            self._misses += misses

    def swap(self) -> None:
        """Count a replacement of the index."""
        with self._lock:
            self._swaps += 1

    def text(self) -> str:
        """All metrics."""
        out = MetricsText()
        with self._lock:
            out.family("samesku_requests_total", "counter", "Requests by method, route and status.")
            for (method, route, status), count in sorted(self._requests.items()):
                out.sample("samesku_requests_total", count, method=method, route=route, status=status)
            out.family("samesku_request_seconds", "histogram", "Duration of requests.")
            for route, histogram in sorted(self._seconds.items()):
                histogram.write(out, "samesku_request_seconds", route=route)
            out.family("samesku_batch_queries", "histogram", "Queries that were scored together.")
            self._batches.write(out, "samesku_batch_queries")
            for name, value, description in (
                ("samesku_cache_hits_total", self._hits, "Queries that were answered from the cache."),
                ("samesku_cache_misses_total", self._misses, "Queries that were scored."),
                ("samesku_index_swaps_total", self._swaps, "Replacements of the index or its matcher."),
            ):
                out.family(name, "counter", description)
                out.sample(name, value)
            out.family("samesku_waiting_queries", "gauge", "Queries that wait to be scored.")
            out.sample("samesku_waiting_queries", self.waiting())
        return str(out)
