"""When somebody worked: sittings, which a longer pause ends."""

from collections.abc import Iterable
from dataclasses import dataclass

from labels.said import Said

#: A longer gap between two decisions ends a sitting, in seconds.
PAUSE = 5 * 60
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Sitting:
    """One stretch of work.

    Attributes:
        begin: when the first look began, in seconds since the epoch.
        end: when the last decision fell.
        actions: the acts in it, oldest first, each with its time.
    """

    begin: float
    end: float
    actions: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.begin

    def hours(self) -> dict[str, int]:
        """In which hour of the sitting each act fell, from 1."""
        return {action: int((at - self.begin) // _HOUR) + 1 for action, at in self.actions}


def sittings(said: Iterable[Said]) -> list[Sitting]:
    """One annotator's sittings, oldest first.

    Args:
        said: decisions of one annotator; what came from a file was not worked on here, and is left out.
    """
    # One keystroke may decide on ten pairs: it is one act with one look.
    acts = {each.action: (each.at, each.look_ms or 0) for each in said if not each.imported}
    found: list[list[tuple[str, float, int]]] = []
    for action, (at, look_ms) in sorted(acts.items(), key=lambda act: act[1][0]):
        if not found or at - found[-1][-1][1] > PAUSE:
            found.append([])
        found[-1].append((action, at, look_ms))
    return [_sitting(each) for each in found]


def _sitting(acts: list[tuple[str, float, int]]) -> Sitting:
    _, first, look_ms = acts[0]
    # A look that is longer than a pause was no work: the desk stood open.
    begin = first - min(look_ms / 1000, PAUSE)
    return Sitting(begin, acts[-1][1], tuple((action, at) for action, at, _ in acts))
