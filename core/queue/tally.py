"""What one sitting has done in one stream, and how fast."""

from dataclasses import dataclass

#: Seconds of looking at one query that count as work at most; who is away longer has a coffee.
_PAUSE_S = 120.0
#: Fewer answers say nothing of a pace.
_PACE_FROM = 5


@dataclass
class Tally:
    """Answers, and the seconds that went into them.

    Attributes:
        mine: queries answered in this sitting.
        worked_s: seconds of looking, pauses left out.
    """

    mine: int = 0
    worked_s: float = 0.0

    def looked(self, seconds: float) -> None:
        """Count a look that ended in an act."""
        self.worked_s += min(seconds, _PAUSE_S)

    @property
    def hourly(self) -> float | None:
        """Answers an hour; None while there are too few to tell."""
        return self.mine / self.worked_s * 3600 if self.mine >= _PACE_FROM and self.worked_s > 0 else None
