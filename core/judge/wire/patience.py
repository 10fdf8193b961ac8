"""How long to wait before a request is tried again."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

#: Seconds before the second try; twice as many before each further one.
FIRST_PAUSE = 0.5

#: No pause is longer, whatever a server asks for: a run that stands still for an hour looks dead.
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """What a request may wait for.

    Attributes:
        retries: how often it is tried again.
        sleep: waits some seconds.
        share: a random number from 0 to 1, so that many who were refused together do not come back together.
        now: the time of day, in seconds since 1970.
    """

    retries: int
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    share: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def pause(self, tried: int, wanted: float | None) -> float:
        """Seconds to wait after so many tries: as long as the server wants, else twice as long each time, ± a half."""
        if wanted is not None:
            return min(wanted, LONGEST_PAUSE)
        return min(FIRST_PAUSE * 2.0 ** min(tried - 1, 20) * (0.5 + self.share()), LONGEST_PAUSE)

    def wanted(self, retry_after: str | None) -> float | None:
        """Seconds that a `Retry-After` header asks for, as a number or a date; None where it says neither."""
        if retry_after is None:
            return None
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), 1e9)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.now())
        except (ValueError, TypeError, OverflowError, OSError):
            return None
