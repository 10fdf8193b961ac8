"""The protocols that judges implement, independent of the model behind them."""

from collections.abc import Generator, Iterable, Iterator
from typing import Protocol, runtime_checkable

from core.judge.calibration import Calibration
from core.judge.pair_context import PairContext
from core.judge.verdict import Verdict
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair


class Judge(Protocol):
    """Gives verdicts on pairs. The model is loaded on first use: constructing a judge needs no model library."""

    @property
    def name(self) -> str:
        """Model, adapter and prompt version: everything besides the pair that a verdict depends on."""
        ...

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one verdict per pair, in input order, each as soon as it is available.

        The input is consumed lazily, at most one batch ahead, so that a caller can stop it when a budget is spent.
        Every pair consumed gets a verdict.

        Raises:
            ModelError: the model is unavailable or fails altogether. A pair on which the model gives no answer is no
                error: its verdict has no answer.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection."""
        ...


@runtime_checkable
class StreamingJudge(Judge, Protocol):
    """A judge that streams its reasoning."""

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """Yield the reasoning in chunks and return the verdict. Closing the generator cancels the request.

        An empty chunk is a heartbeat: it lets the caller cancel while the model is silent.
        """
        ...


@runtime_checkable
class TrainedJudge(Judge, Protocol):
    """A judge that was trained on labels."""

    def training_pairs(self) -> frozenset[Pair]:
        """The labelled pairs that it was trained on; they are excluded from its calibration and evaluation."""
        ...


class StoredVerdictsJudge(StreamingJudge, TrainedJudge, Protocol):
    """The interface that callers use: a judge with a verdict cache, streaming, training pairs and calibration."""

    def lookup(self, context: PairContext) -> Verdict | None:
        """The stored verdict on exactly this content, or None."""
        ...

    def latest_verdicts(self) -> dict[Pair, Verdict]:
        """The most recent verdict on every pair, even if its products have changed since."""
        ...

    def calibrate(self, workspace: Workspace, settings: Settings) -> list[Calibration]:
        """Refit the calibration to stored verdicts on labelled pairs outside the training set.

        Returns:
            the calibrations that were fitted.
        """
        ...
