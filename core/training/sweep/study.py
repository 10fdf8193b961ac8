"""The trials of a sweep in an Optuna study, which is kept in a file of JSON lines, so that a sweep can be resumed.

The caller holds the lock of this work: only one process writes the file, and a trial that is not finished in it belongs
to a process that was killed.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError, SettingsError
from core.packages import install_hint, require_packages
from core.text.safe import safe
from core.training.sweep.space import SearchSpace
from labels.errors import SameskuError
from labels.files import require_regular

#: States of a trial. `stopped` is an early end by the pruner, `interrupted` a killed process.
DONE, STOPPED, FAILED, INTERRUPTED = "done", "stopped early", "failed", "interrupted"

#: Trials without a model of the values, and before one is stopped early.
_STARTUP_TRIALS = 5
#: How often a trial whose process was killed is begun again.
_MAX_REPEATS = 3
#: Names of a trial's attributes in the file.
_ERROR, _SECONDS, _REPEATS, _SAME_AS = "error", "seconds", "repeats", "same_as"
_NAME = "sweep"


class StoppedEarly(Exception):  # noqa: N818 - not an error
    """The pruner ended a trial."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """A trial.

    Attributes:
        number: from 0, in the order of their start.
        state: `done`, `stopped early`, `failed` or `interrupted`.
        score: metric on the held-out queries; of a stopped trial, the last one during training; else None.
        seconds: that it took.
        values: dotted recipe key → value.
        error: why it failed, a sentence.
        same_as: number of an earlier trial with the same values, whose score it has; None if it was trained.
    """

    number: int
    state: str
    score: float | None
    seconds: float | None
    values: Mapping[str, object]
    error: str = ""
    same_as: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it is one of the trials asked for; an interrupted one is begun again."""
        return self.state != INTERRUPTED


class OpenTrial:
    """A trial that is running.

    Args:
        trial: of Optuna.
        space: of the sweep.
    """

    def __init__(self, trial: Any, space: SearchSpace) -> None:
        self._trial = trial
        self.number: int = trial.number
        self.values = space.suggest(trial)

    def report(self, part: int, score: float) -> None:
        """Report the metric after a part of the training.

        Args:
            part: number of the part, by which trials are compared.
            score: the metric.

        Raises:
            StoppedEarly: other trials were better by then.
        """
        self._trial.report(score, part)
        if self._trial.should_prune():
            raise StoppedEarly


def require_optuna() -> None:
    """Raise SettingsError if Optuna is not installed."""
    require_packages("A sweep needs", ["optuna"], install_hint("sweep"), SettingsError)


class SweepStudy:
    """The study in a file.

    Args:
        path: the file; created if it does not exist.
        space: of the sweep.
        seed: of the sampler.

    Raises:
        SettingsError: Optuna is not installed.
        CoreError: the file cannot be read or written, or is damaged.
    """

    def __init__(self, path: Path, space: SearchSpace, seed: int) -> None:
        require_optuna()
        self._path, self._space = path, space
        with self._readable_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            require_regular(path)
            _remove_incomplete_line(path)
            self._study = _open(path, seed)

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except SameskuError:
            raise
        except OSError as error:
            raise CoreError(
                f"{self._path} cannot be read or written: {error.strerror}.", "Is there room on the disk?"
            ) from error
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise CoreError(
                f"{self._path} is damaged.", "Move its folder away; the sweep then begins again."
            ) from error

    def results(self) -> list[TrialResult]:
        """All trials that have ended, in the order of their start."""
        from optuna.trial import TrialState

        with self._readable_errors():
            trials = self._study.get_trials(deepcopy=False)
            ended = [trial for trial in trials if trial.state not in {TrialState.RUNNING, TrialState.WAITING}]
            return [self._result(trial) for trial in ended]

    def _result(self, trial: Any) -> TrialResult:
        from optuna.trial import TrialState

        attributes = trial.user_attrs
        error = safe(str(attributes.get(_ERROR, "")))
        if not error and attributes.get(_REPEATS, 0) >= _MAX_REPEATS:
            error = f"Its process was killed {_MAX_REPEATS + 1} times."
        failed = FAILED if error else INTERRUPTED
        return TrialResult(
            number=trial.number,
            state={TrialState.COMPLETE: DONE, TrialState.PRUNED: STOPPED}.get(trial.state, failed),
            score=trial.value,
            seconds=attributes.get(_SECONDS),
            values=self._space.values(trial.params),
            error=error if trial.state == TrialState.FAIL else "",
            same_as=attributes.get(_SAME_AS),
        )

    def begin(self, first: Mapping[str, object] | None) -> None:
        """Prepare for further trials: repeat those whose process was killed.

        Args:
            first: Optuna parameters of the first trial of a new study; None to draw them.
        """
        from optuna.trial import TrialState

        with self._readable_errors():
            if first is not None and not self._study.get_trials(deepcopy=False):
                self._study.enqueue_trial(dict(first))
            for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                repeats = int(trial.user_attrs.get(_REPEATS, 0))
                if repeats < _MAX_REPEATS:
                    self._study.enqueue_trial(trial.params, user_attrs={_REPEATS: repeats + 1})
                self._study.tell(trial.number, state=TrialState.FAIL)

    def run(self, score: Callable[[OpenTrial], float], seconds: Callable[[], float]) -> TrialResult:
        """Run the next trial.

        With the values of an earlier trial that ended, it gets that one's result without training.

        Args:
            score: trains and returns the metric. `SameskuError` is a failed trial; all other exceptions end the sweep,
                and the trial is repeated when it is resumed.
            seconds: monotonic time.
        """
        from optuna.trial import TrialState

        earlier = {_identity(result.values): result for result in self.results() if result.state in {DONE, STOPPED}}
        with self._readable_errors():
            trial = self._study.ask()
            opened = OpenTrial(trial, self._space)
            same = earlier.get(_identity(opened.values))
            if same is not None:
                trial.set_user_attr(_SAME_AS, same.number if same.same_as is None else same.same_as)
                trial.set_user_attr(_SECONDS, 0.0)
                if same.state == DONE:
                    return self._result(self._study.tell(trial, same.score))
                if same.score is not None:
                    trial.report(same.score, 0)
                return self._result(self._study.tell(trial, state=TrialState.PRUNED))
        started, value, state = seconds(), None, TrialState.COMPLETE
        try:
            value = score(opened)
        except StoppedEarly:
            state = TrialState.PRUNED
        except SameskuError as error:
            state = TrialState.FAIL
            trial.set_user_attr(_ERROR, error.message)
        with self._readable_errors():
            trial.set_user_attr(_SECONDS, round(seconds() - started, 3))
            return self._result(self._study.tell(trial, value, state))


def best_of(results: Sequence[TrialResult]) -> TrialResult | None:
    """The trial with the highest score, the first of equals; None if none was trained to its end."""
    done = [result for result in results if result.state == DONE and result.score is not None]
    return max(done, key=lambda result: (result.score or 0.0, -result.number), default=None)


def _identity(values: Mapping[str, object]) -> str:
    return repr(sorted(values.items()))


def _open(path: Path, seed: int) -> Any:
    """The study, with a sampler that does not repeat its draws when a sweep is resumed."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    class HeldLock(JournalFileSymlinkLock):
        """Does nothing: the caller holds a lock, and a lock file would outlive a killed process."""

        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(path), lock_obj=HeldLock(str(path))))
    study = optuna.create_study(storage=storage, study_name=_NAME, direction="maximize", load_if_exists=True)
    known = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=(seed + known) % 2**32, n_startup_trials=_STARTUP_TRIALS)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS)
    return study


def _remove_incomplete_line(path: Path) -> None:
    """Remove what a crash of the machine left of a last line, which would damage the next one."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)
