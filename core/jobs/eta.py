"""How long a job still takes over all its stages: by an earlier one of its kind or its own outline, and by its pace."""

from dataclasses import dataclass, replace

from core.jobs.job import Job
from core.jobs.progress_log import ProgressLog, Stage

#: A stage says how fast this run is once this share of it is done: its first steps load a model, or warm up.
_TELLING = 0.1
#: What is expected in fewer seconds is no measure of a machine's speed.
_MEASURED_S = 2.0
#: No run is more often than this slower or faster than was expected.
_MOST = 20.0


@dataclass(frozen=True, slots=True)
class _Expected:
    """A stage as it is expected: its name, seconds, and whether a model is trained in it."""

    name: str
    seconds: float
    trains: bool


def eta_seconds(job: Job, course: ProgressLog, earlier: ProgressLog | None) -> float | None:
    """Seconds left of all stages; None where nothing is known of them.

    Args:
        job: one that runs.
        course: what it told so far.
        earlier: the course of one that ran to its end; None where there was none, and the job's own outline is all
            there is. The stages to come are expected to take as long again, trainings in proportion to the number of
            steps of the first one, and all of them in proportion to how long this run has taken so far.
    """
    known = [each for each in (_of_earlier(course, earlier), _of_outline(course)) if each]
    if not known or not course.stages or course.told_at is None:
        return None
    places = [(expected, *_place(course.stages, expected)) for expected in known]
    found = next(((expected, place, stage) for expected, place, stage in places if place is not None), None)
    if found is None:
        # Before the first of these stages; but a training that is none of them is of another kind of run.
        return None if course.training else sum(each.seconds for each in known[0])
    return _from(job, course.told_at, course, *found)


def _from(job: Job, now: float, course: ProgressLog, expected: list[_Expected], place: int, stage: Stage) -> float:
    """Seconds left from a stage on that stands at this place of what is expected."""
    gone = now - stage.begun
    # What is not expected is done after the stage before it.
    left = job.stage_left_s if stage is course.stages[-1] else 0.0
    before, took = sum(each.seconds for each in expected[:place]), stage.begun - course.stages[0].begun
    if left is not None and gone >= _TELLING * (gone + left):
        before, took = before + expected[place].seconds, took + gone + left
    pace = max(1 / _MOST, min(_MOST, took / before)) if before >= _MEASURED_S and took > 0 else 1.0
    if left is None:
        left = max(0.0, pace * expected[place].seconds - gone)
    return left + pace * sum(each.seconds for each in expected[place + 1 :])


def _of_earlier(course: ProgressLog, earlier: ProgressLog | None) -> list[_Expected]:
    """What is to be expected after an earlier job, if this one has other numbers of steps; nothing without one."""
    if earlier is None or not course.stages:
        return []
    more = _training_ratio(course, earlier)
    stages = zip(earlier.stages, earlier.seconds, strict=True)
    expected = [_Expected(s.name, seconds * (more if s.losses else 1.0), bool(s.losses)) for s, seconds in stages]
    for count in range(1, len(course.stages) + 1):
        place, stage = _place(course.stages[:count], expected)
        if place is not None and not expected[place].trains:
            as_long = earlier.seconds[place] * _ratio(stage, earlier.stages[place])
            expected[place] = replace(expected[place], seconds=as_long)
    return expected


def _of_outline(course: ProgressLog) -> list[_Expected]:
    return [_Expected(name, seconds, name.startswith("train")) for name, seconds in course.outline]


def _place(stages: tuple[Stage, ...], expected: list[_Expected]) -> tuple[int | None, Stage]:
    """How far a job is in what is expected, and its stage that got there; None before the first of them.

    A stage that is not expected belongs to the one before it, and no training is passed over.
    """
    place, reached = None, stages[0]
    for stage in stages:
        for at in range(0 if place is None else place + 1, len(expected)):
            if expected[at].name == stage.name:
                place, reached = at, stage
                break
            if expected[at].trains:
                break
    return place, reached


def _ratio(now: Stage, then: Stage) -> float:
    return now.total / then.total if now.total and then.total else 1.0


def _training_ratio(course: ProgressLog, earlier: ProgressLog) -> float:
    first = next((stage for stage in course.stages if stage.losses), None)
    before = next((stage for stage in earlier.stages if stage.losses), None)
    return _ratio(first, before) if first and before else 1.0
