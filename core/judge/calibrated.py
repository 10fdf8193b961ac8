"""A judge whose probabilities keep their word."""

import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

from core.errors import CoreError, ModelError
from core.json_store import load, save, text_file
from core.judge.cache import CachingJudge
from core.judge.calibration import Calibration, fit_calibration
from core.judge.interface import StoredVerdictsJudge
from core.judge.pair_context import PairContext
from core.judge.prompt import answer_of
from core.judge.verdict import Answer, Verdict
from core.matching.fitting import read_training_labels
from core.settings import Settings
from core.stats.sampling import shuffled_by_query
from core.workspace import Workspace
from labels.files import read_bounded
from labels.model import Pair, ProductRef


class CalibratedJudge:
    """A judge with its calibration; its own probability stands where there is none, or it tells no log-odds.

    Args:
        judge: who is asked.
        path: the calibration's file, which may be absent.
    """

    def __init__(self, judge: CachingJudge, path: Path) -> None:
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
            found = load(self._path, Calibration)
        except (FileNotFoundError, CoreError):
            return None
        return found if found.judge == self.name else None

    def known(self, case: PairContext) -> Verdict | None:
        """What it has said of exactly this before."""
        known = self._judge.known(case)
        return known and self._calibrated(known)

    def latest(self) -> dict[Pair, Verdict]:
        """What it said last of every pair, whether or not its products have changed since."""
        return {pair: self._calibrated(verdict) for pair, verdict in self._judge.latest().items()}

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """One verdict for each case."""
        return map(self._calibrated, self._judge.verdicts(cases))

    def stream(self, case: PairContext) -> Generator[str, None, Verdict]:
        """The reasoning, and in the end the verdict."""
        return self._calibrated((yield from self._judge.stream(case)))

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
        labels = read_training_labels(workspace, settings, self.taught()).labels
        fitted = fit_calibration(self.name, labels, self._judge.latest())
        if fitted is not None:
            save(self._path, asdict(fitted))
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


_SEED = 29


def calibration_pairs(workspace: Workspace, settings: Settings, judge: StoredVerdictsJudge) -> list[Pair]:
    """Pairs with a label of the training side that a judge was not trained on, in random order.

    So a budget that does not reach for all of them is spent on a fair sample.
    """
    labels = read_training_labels(workspace, settings, judge.taught()).labels
    return shuffled_by_query((label.pair for label in labels), _SEED)


_FILE = "taught.json"
#: Far more than all labelled pairs take.
_MAX_BYTES = 256 * 2**20


def save_training_pairs(folder: Path, pairs: Iterable[Pair]) -> None:
    """Write down what the judge in a folder was trained on."""
    rows = sorted([*pair.query, *pair.candidate] for pair in pairs)
    with text_file(folder / _FILE) as out:
        out.write(json.dumps(rows) + "\n")


def load_training_pairs(folder: Path) -> frozenset[Pair]:
    """What the judge in a folder was trained on; nothing where it does not say.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        rows = json.loads(read_bounded(folder / _FILE, _MAX_BYTES))
        return frozenset(Pair(ProductRef(a, b), ProductRef(c, d)) for a, b, c, d in rows)
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{folder / _FILE} cannot be read, and it says what the judge was trained on.", "Train it anew."
        ) from error
