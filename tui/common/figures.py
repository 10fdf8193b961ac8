"""Formats metrics with their 95 % confidence interval and no more digits than the interval justifies."""

from tui.common.words import UNKNOWN

Interval = tuple[float, float] | None

#: Retrieval metrics in display order, with their display names.
METRICS = {"hit@1": "hit@1", "hit@5": "hit@5", "hit@10": "hit@10", "mrr@10": "MRR@10", "recall@10": "recall@10"}

#: An interval narrower than this justifies a third digit.
_NARROW_INTERVAL = 0.02


def digits(interval: Interval) -> int:
    """Decimal places that an interval justifies: three if it is narrow, else two."""
    return 3 if interval is not None and interval[1] - interval[0] < _NARROW_INTERVAL else 2


def share(value: float | None, interval: Interval) -> str:
    """A share without its interval; a value outside 0 to 1 is unknown."""
    return UNKNOWN if value is None or not 0 <= value <= 1 else f"{value:.{digits(interval)}f}"


def measured(value: float | None, interval: Interval) -> str:
    """A share with its interval: `0.88 (0.82–0.92)`."""
    text = share(value, interval)
    if interval is None or text == UNKNOWN:
        return text
    return f"{text} ({interval[0]:.{digits(interval)}f}–{interval[1]:.{digits(interval)}f})"


def signed(value: float, places: int) -> str:
    """A difference with its sign."""
    # Adding 0.0 turns negative zero into zero.
    return f"{round(value, places) + 0.0:+.{places}f}".replace("-", "−")


def change_between(interval: Interval) -> str:
    """The interval of a difference: `+0.06 to +0.13`; a phrase if nothing changed."""
    if interval is None:
        return "no difference"
    return f"{signed(interval[0], digits(interval))} to {signed(interval[1], digits(interval))}"
