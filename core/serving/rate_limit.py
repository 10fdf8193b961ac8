"""A limit on the requests of each key: a token bucket."""

import math
import time
from collections.abc import Callable

#: Seconds of the allowed rate that may come at once.
_BURST_S = 2.0


class RateLimit:
    """Limits the requests per second of each name.

    Args:
        per_second: requests; 0 for no limit.
        clock: monotonic seconds.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._size = max(1.0, per_second * _BURST_S)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_s(self, name: str) -> int:
        """0 if a request may pass, which then counts; else the seconds after which to try again."""
        if not self._rate:
            return 0
        now = self._clock()
        tokens, at = self._buckets.get(name, (self._size, now))
        tokens = min(self._size, tokens + (now - at) * self._rate)
        if tokens < 1:
            self._buckets[name] = tokens, now
            return math.ceil((1 - tokens) / self._rate)
        self._buckets[name] = tokens - 1, now
        return 0
