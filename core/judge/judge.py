"""What a judge is, whichever model is behind it."""

from collections.abc import Generator, Iterable, Iterator
from typing import Protocol, runtime_checkable

from core.judge.case import Case
from core.judge.verdict import Verdict


class Judge(Protocol):
    """Gives verdicts. Loading is lazy: making one costs nothing, and needs no library."""

    @property
    def name(self) -> str:
        """Model, adapter and version of the prompt: all that a verdict depends on besides the case."""
        ...

    def verdicts(self, cases: Iterable[Case]) -> Iterator[Verdict]:
        """One verdict for each case, in their order, as soon as it is there.

        Raises:
            ModelError: the model cannot be had, or does not answer at all. A case that it has no answer for is a
                verdict without one, and no error.
        """
        ...

    def close(self) -> None:
        """Let go of the model or the connection."""
        ...


@runtime_checkable
class TalkingJudge(Judge, Protocol):
    """A judge that can be listened to while it reasons."""

    def talk(self, case: Case) -> Generator[str, None, Verdict]:
        """The reasoning piece by piece, and in the end the verdict. Closing the generator ends the work."""
        ...
