"""What a judge is, whichever model is behind it."""

from collections.abc import Generator, Iterable, Iterator
from typing import Protocol, runtime_checkable

from core.judge.calibration import Calibration
from core.judge.pair_context import PairContext
from core.judge.verdict import Verdict
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair


class Judge(Protocol):
    """Gives verdicts. Loading is lazy: making one costs nothing, and needs no library."""

    @property
    def name(self) -> str:
        """Model, adapter and version of the prompt: all that a verdict depends on besides the case."""
        ...

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """One verdict for each case, in their order, as soon as it is there.

        Cases are taken as they are needed, and no more ahead than are worked on at once: whoever asks may run out of
        money or time, and gives no more then; what was taken by then is answered.

        Raises:
            ModelError: the model cannot be had, or does not answer at all. A case that it has no answer for is a
                verdict without one, and no error.
        """
        ...

    def close(self) -> None:
        """Let go of the model or the connection."""
        ...


@runtime_checkable
class StreamingJudge(Judge, Protocol):
    """A judge that can be listened to while it reasons."""

    def stream(self, case: PairContext) -> Generator[str, None, Verdict]:
        """The reasoning piece by piece, and in the end the verdict. Closing the generator ends the work.

        A piece is empty where nothing came for a moment: whoever listens may go then, too.
        """
        ...


@runtime_checkable
class TrainedJudge(Judge, Protocol):
    """A judge that was trained on labels."""

    def taught(self) -> frozenset[Pair]:
        """The labelled pairs that it was trained on: it is neither calibrated nor measured on them."""
        ...


class StoredVerdictsJudge(StreamingJudge, TrainedJudge, Protocol):
    """A judge as everything else sees it: it is not asked twice, can be listened to, and says what it was taught."""

    def known(self, case: PairContext) -> Verdict | None:
        """What it has said of exactly this before; None where it would have to be asked."""
        ...

    def latest(self) -> dict[Pair, Verdict]:
        """What it said last of every pair, whether or not its products have changed since."""
        ...

    def calibrate(self, workspace: Workspace, settings: Settings) -> list[Calibration]:
        """Fit its calibrations anew to labels that it has spoken of and was not trained on; those that were fitted."""
        ...
