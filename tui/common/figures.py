"""Figures as people read them: with their 95 % interval, and no more digits than the interval justifies."""

from tui.common.words import UNKNOWN

Ends = tuple[float, float] | None

#: The metrics in the order in which people look at them, as they are written.
METRICS = {"hit@1": "hit@1", "hit@5": "hit@5", "hit@10": "hit@10", "mrr@10": "MRR@10", "recall@10": "recall@10"}

#: An interval narrower than this justifies a third digit.
_NARROW = 0.02


def digits(ends: Ends) -> int:
    """How many digits after the point a figure with this interval deserves; two where nobody knows."""
    return 3 if ends is not None and ends[1] - ends[0] < _NARROW else 2


def share(value: float | None, ends: Ends) -> str:
    """A share or a mean of shares by itself; what cannot be one is unknown."""
    return UNKNOWN if value is None or not 0 <= value <= 1 else f"{value:.{digits(ends)}f}"


def measured(value: float | None, ends: Ends) -> str:
    """A share and its interval: `0.88 (0.82–0.92)`."""
    known = share(value, ends)
    if ends is None or known == UNKNOWN:
        return known
    return f"{known} ({ends[0]:.{digits(ends)}f}–{ends[1]:.{digits(ends)}f})"


def signed(value: float, places: int) -> str:
    """A change, with its sign."""
    # Adding 0.0 makes a plain zero of a negative one.
    return f"{round(value, places) + 0.0:+.{places}f}".replace("-", "−")


def change_between(ends: Ends) -> str:
    """The interval of a change: `+0.06 to +0.13`; a word where nothing changed."""
    if ends is None:
        return "alike everywhere"
    return f"{signed(ends[0], digits(ends))} to {signed(ends[1], digits(ends))}"
