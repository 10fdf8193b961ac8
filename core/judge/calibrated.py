"""A judge whose probabilities keep their word."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

from core.errors import CoreError
from core.judge.calibration import Calibration, fit_calibration
from core.judge.case import Case
from core.judge.parsed import answer_of
from core.judge.remembered import Remembered
from core.judge.verdict import Answer, Verdict
from core.kept import keep, kept
from core.match.training import lessons_of
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair


class Calibrated:
    """A judge with its calibration; its own probability stands where there is none, or it tells no log-odds.

    Args:
        judge: who is asked.
        path: the calibration's file, which may be absent.
    """

    def __init__(self, judge: Remembered, path: Path) -> None:
        self._judge = judge
        self._path = path

    @property
    def name(self) -> str:
        """The judge's own: what is kept of it is not calibrated, and stays when the calibration changes."""
        return self._judge.name

    @cached_property
    def calibration(self) -> Calibration | None:
        """What it is calibrated by; None before there are labels enough, and where the file is damaged."""
        try:
            found = kept(self._path, Calibration)
        except (FileNotFoundError, CoreError):
            return None
        return found if found.judge == self.name else None

    def known(self, case: Case) -> Verdict | None:
        """What it has said of exactly this before."""
        known = self._judge.known(case)
        return known and self._calibrated(known)

    def latest(self) -> dict[Pair, Verdict]:
        """What it said last of every pair, whether or not its products have changed since."""
        return {pair: self._calibrated(verdict) for pair, verdict in self._judge.latest().items()}

    def verdicts(self, cases: Iterable[Case]) -> Iterator[Verdict]:
        """One verdict for each case."""
        return map(self._calibrated, self._judge.verdicts(cases))

    def talk(self, case: Case) -> Generator[str, None, Verdict]:
        """The reasoning, and in the end the verdict."""
        return self._calibrated((yield from self._judge.talk(case)))

    def taught(self) -> frozenset[Pair]:
        """What the judge was trained on."""
        return self._judge.taught()

    def close(self) -> None:
        """Let go of the judge."""
        self._judge.close()

    def calibrate(self, workspace: Workspace, settings: Settings) -> list[Calibration]:
        """Fit the calibration anew to what the judge has said of labelled pairs, and keep it.

        Only labels of the training side that the judge was not trained on count. Nothing is asked for this, and with
        too few labels everything stays as it is.

        Returns:
            what was fitted, if anything.
        """
        labels = lessons_of(workspace, settings, self.taught()).labels
        fitted = fit_calibration(self.name, labels, self._judge.latest())
        if fitted is not None:
            keep(self._path, asdict(fitted))
            self.__dict__["calibration"] = fitted
        return [fitted] if fitted else []

    def _calibrated(self, verdict: Verdict) -> Verdict:
        if self.calibration is None or verdict.log_odds is None:
            return verdict
        probability = self.calibration.probability(verdict.log_odds)
        if answer_of(verdict.reasoning) is not None:
            return replace(verdict, probability=probability)
        # No words of its own decide: then its answer is what the labels say that its odds mean.
        answer = Answer.MATCH if probability >= 0.5 else Answer.NO_MATCH
        return replace(verdict, answer=answer, probability=probability)
