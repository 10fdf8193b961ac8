"""What the team calls the same product."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Guidelines:
    """A text for people.

    Attributes:
        text: Markdown whose lines are safe to show.
        own: whether the team wrote it; else it is what the desk says by itself.
        cut: whether there was more than anybody reads.
    """

    text: str
    own: bool
    cut: bool = False


class GuidelinesShelf(Protocol):
    """Where the guidelines are kept."""

    def read(self) -> Guidelines:
        """The guidelines as they are now. Any thread.

        Raises:
            DeskError: there are some, but they cannot be read.
        """
