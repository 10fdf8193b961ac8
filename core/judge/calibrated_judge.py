"""A judge with calibrated probabilities, and the labelled pairs that it may be calibrated on."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

from core.errors import CoreError
from core.json_store import load, save
from core.judge.cache import CachingJudge
from core.judge.calibration import Calibration, fit_calibration
from core.judge.interface import StoredVerdictsJudge
from core.judge.pair_context import PairContext
from core.judge.prompt import parse_verdict
from core.judge.verdict import Answer, Verdict
from core.matching.fitting import read_training_labels
from core.settings import Settings
from core.stats.sampling import shuffled_by_query
from core.workspace import Workspace
from labels.model import Pair


class CalibratedJudge:
    """Applies a calibration to a judge's verdicts.

    The cache holds uncalibrated verdicts, so a new calibration applies to earlier verdicts too. Without a calibration a
    verdict has no probability: how sure a model is of its own words says little about how often it is right. The
    log-odds stay, and the next calibration is fitted on them.

    Args:
        judge: the wrapped judge.
        path: the calibration file, which may be absent.
    """

    def __init__(self, judge: CachingJudge, path: Path) -> None:
        self._judge = judge
        self._path = path

    @property
    def name(self) -> str:
        """The wrapped judge's name."""
        return self._judge.name

    @cached_property
    def calibration(self) -> Calibration | None:
        """The stored calibration; None if there is none for this judge or the file is damaged."""
        try:
            stored = load(self._path, Calibration)
        except (FileNotFoundError, CoreError):
            return None
        return stored if stored.judge == self.name else None

    def lookup(self, context: PairContext) -> Verdict | None:
        """The cached verdict on exactly this content."""
        cached = self._judge.lookup(context)
        return cached and self._calibrate(cached)

    def latest_verdicts(self) -> dict[Pair, Verdict]:
        """The most recent verdict on every pair, even if its products have changed since."""
        return {pair: self._calibrate(verdict) for pair, verdict in self._judge.latest_verdicts().items()}

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one verdict per pair, in input order."""
        return map(self._calibrate, self._judge.verdicts(contexts))

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """Stream the reasoning; return the verdict."""
        return self._calibrate((yield from self._judge.stream(context)))

    def training_pairs(self) -> frozenset[Pair]:
        """The pairs that the judge was trained on."""
        return self._judge.training_pairs()

    def close(self) -> None:
        """Release the judge."""
        self._judge.close()

    def calibrate(self, workspace: Workspace, settings: Settings) -> list[Calibration]:
        """Refit the calibration to cached verdicts on labelled pairs, and save it.

        Only labels of the training split that the judge was not trained on are used. The judge is not run. With too few
        labels the current calibration stays.

        Returns:
            the fitted calibration, if any.
        """
        labels = read_training_labels(workspace, settings, self.training_pairs()).labels
        fitted = fit_calibration(self.name, labels, self._judge.latest_verdicts())
        if fitted is not None:
            save(self._path, asdict(fitted))
            self.__dict__["calibration"] = fitted
        return [fitted] if fitted else []

    def _calibrate(self, verdict: Verdict) -> Verdict:
        if self.calibration is None or verdict.log_odds is None:
            return replace(verdict, probability=None)
        probability = self.calibration.probability(verdict.log_odds)
        if parse_verdict(verdict.reasoning) is not None:
            return replace(verdict, probability=probability)
        # Without a verdict line in the text, the answer follows from the calibrated probability.
        answer = Answer.MATCH if probability >= 0.5 else Answer.NO_MATCH
        return replace(verdict, answer=answer, probability=probability)


_CALIBRATION_SEED = 29


def calibration_pairs(workspace: Workspace, settings: Settings, judge: StoredVerdictsJudge) -> list[Pair]:
    """The labelled pairs of the training split that a judge was not trained on, in random order of their queries.

    The order makes the pairs that fit into a budget an unbiased sample.
    """
    labels = read_training_labels(workspace, settings, judge.training_pairs()).labels
    return shuffled_by_query((label.pair for label in labels), _CALIBRATION_SEED)
