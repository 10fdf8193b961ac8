"""Estimate of a job's remaining time over all its stages.

The expected duration of each stage comes from the last successful job of the same kind, or else from the job's own
outline. It is scaled by how fast this job has been so far.
"""

from dataclasses import dataclass, replace

from core.jobs.job import Job
from core.jobs.progress_log import ProgressLog, Stage

#: The share of a stage that must be done before it counts for the speed of this job: its first steps load a model or
#: warm up.
_MIN_STAGE_SHARE = 0.1
#: Expected seconds that must have passed before they count for the speed.
_MIN_MEASURED_S = 2.0
#: Bounds of the speed relative to the expectation: from 1/20 to 20.
_MAX_SLOWDOWN = 20.0


@dataclass(frozen=True, slots=True)
class _ExpectedStage:
    """A stage with its expected duration, and whether it trains a model."""

    name: str
    seconds: float
    is_training: bool


def eta_seconds(job: Job, log: ProgressLog, earlier: ProgressLog | None) -> float | None:
    """Seconds left of all stages of a running job; None if nothing is known about them.

    Args:
        job: a running job.
        log: its progress so far.
        earlier: the log of the last successful job of the same kind; None if there is none, so that only the outline
            counts. Its stages are expected to take as long again, except that trainings scale with their number of
            steps, and everything with the speed of this job.
    """
    plans = [plan for plan in (_plan_from_earlier(log, earlier), _plan_from_outline(log)) if plan]
    if not plans or not log.stages or log.last_event_at is None:
        return None
    for plan in plans:
        place, stage = _locate(log.stages, plan)
        if place is not None:
            return _remaining(job, log.last_event_at, log, plan, place, stage)
    # None of the expected stages has begun. If it trains all the same, it is a run of another kind.
    return None if log.training else sum(each.seconds for each in plans[0])


def _remaining(job: Job, now: float, log: ProgressLog, plan: list[_ExpectedStage], place: int, stage: Stage) -> float:
    """Seconds left of a job whose `stage` is at `place` of the plan."""
    elapsed = now - stage.started_at
    # A stage that is not in the plan runs after the planned one before it, of which nothing is left then.
    left = job.stage_eta_s if stage is log.stages[-1] else 0.0
    expected, actual = sum(each.seconds for each in plan[:place]), stage.started_at - log.stages[0].started_at
    if left is not None and elapsed >= _MIN_STAGE_SHARE * (elapsed + left):
        expected, actual = expected + plan[place].seconds, actual + elapsed + left
    slowdown = 1.0
    if expected >= _MIN_MEASURED_S and actual > 0:
        slowdown = max(1 / _MAX_SLOWDOWN, min(_MAX_SLOWDOWN, actual / expected))
    if left is None:
        left = max(0.0, slowdown * plan[place].seconds - elapsed)
    return left + slowdown * sum(each.seconds for each in plan[place + 1 :])


def _plan_from_earlier(log: ProgressLog, earlier: ProgressLog | None) -> list[_ExpectedStage]:
    """The stages of an earlier job, their durations adapted to this job's numbers of steps; empty without one."""
    if earlier is None or not log.stages:
        return []
    training = _training_ratio(log, earlier)
    stages = zip(earlier.stages, earlier.seconds, strict=True)
    plan = [_ExpectedStage(s.name, seconds * (training if s.losses else 1.0), bool(s.losses)) for s, seconds in stages]
    for count in range(1, len(log.stages) + 1):
        place, stage = _locate(log.stages[:count], plan)
        if place is not None and not plan[place].is_training:
            seconds = earlier.seconds[place] * _step_ratio(stage, earlier.stages[place])
            plan[place] = replace(plan[place], seconds=seconds)
    return plan


def _plan_from_outline(log: ProgressLog) -> list[_ExpectedStage]:
    return [_ExpectedStage(name, seconds, name.startswith("train")) for name, seconds in log.outline]


def _locate(stages: tuple[Stage, ...], plan: list[_ExpectedStage]) -> tuple[int | None, Stage]:
    """How far a job has got in a plan: the index of the last stage reached, or None, and the job's stage there.

    Stages that are not in the plan are skipped. Planned ones may be missing, except trainings.
    """
    place, reached = None, stages[0]
    for stage in stages:
        for at in range(0 if place is None else place + 1, len(plan)):
            if plan[at].name == stage.name:
                place, reached = at, stage
                break
            if plan[at].is_training:
                break
    return place, reached


def _step_ratio(stage: Stage, earlier: Stage) -> float:
    return stage.total / earlier.total if stage.total and earlier.total else 1.0


def _training_ratio(log: ProgressLog, earlier: ProgressLog) -> float:
    first = next((stage for stage in log.stages if stage.losses), None)
    before = next((stage for stage in earlier.stages if stage.losses), None)
    return _step_ratio(first, before) if first and before else 1.0
