"""How long a job still takes over all its stages, going by an earlier one of its kind."""

from core.jobs.course import Course, Stage
from core.jobs.job import Job


def seconds_left(job: Job, course: Course, earlier: Course) -> float | None:
    """Seconds left of all stages; None where the earlier job had no such stage.

    Args:
        job: one that runs.
        course: what it told so far.
        earlier: the course of one that ran to its end. Its later stages are expected to take as long again; trainings,
            whose number of steps is known from the first one, in proportion to it.
    """
    place = _same_place(course, earlier)
    if place is None or course.told_at is None:
        return None
    here = course.stages[-1]
    then = earlier.seconds[place] * _ratio(here, earlier.stages[place])
    now = job.left_s if job.left_s is not None else max(0.0, then - (course.told_at - here.begun))
    more = _training_ratio(course, earlier)
    later = zip(earlier.stages[place + 1 :], earlier.seconds[place + 1 :], strict=True)
    return now + sum(seconds * (more if stage.losses else 1.0) for stage, seconds in later)


def _same_place(course: Course, earlier: Course) -> int | None:
    """Where the earlier job was when it was where this one is: at the stage of the same name, as often begun."""
    if not course.stages:
        return None
    name = course.stages[-1].name
    times = sum(stage.name == name for stage in course.stages)
    places = [place for place, stage in enumerate(earlier.stages) if stage.name == name]
    return places[times - 1] if len(places) >= times else None


def _ratio(now: Stage, then: Stage) -> float:
    return now.total / then.total if now.total and then.total else 1.0


def _training_ratio(course: Course, earlier: Course) -> float:
    first = next((stage for stage in course.stages if stage.losses), None)
    before = next((stage for stage in earlier.stages if stage.losses), None)
    return _ratio(first, before) if first and before else 1.0
