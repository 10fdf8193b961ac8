"""The course of a job: what it told on its way, and what is known of the time that is left."""

from pathlib import Path

import pytest

from core.jobs.board import Jobs
from core.jobs.eta import eta_seconds
from core.jobs.events import EventWriter
from core.jobs.job import Job, JobState
from core.jobs.progress_log import ProgressLog

Events = list[dict[str, object]]


def stage(t: float, name: str, total: int | None = None) -> dict[str, object]:
    return {"t": t, "kind": "stage", "stage": name, "total": total}


def loss(t: float, step: int, value: float) -> dict[str, object]:
    return {"t": t, "kind": "loss", "step": step, "loss": value}


RETRAIN: Events = [
    stage(0, "encode", 100),
    stage(10, "train", 2),
    {"t": 11, "kind": "metric", "step": 0, "name": "MRR", "value": 0.5},
    loss(20, 1, 2.0),
    loss(30, 2, 1.0),
    {"t": 31, "kind": "metric", "step": 2, "name": "MRR", "value": 0.75},
    stage(32, "encode", 100),
    {"t": 33, "kind": "message", "text": "hello"},
    stage(42, "train half 1 of 2", 1),
    loss(52, 1, 3.0),
    stage(62, "fit the matcher"),
    {"t": 70, "kind": "done"},
]


def course(events: Events) -> ProgressLog:
    return ProgressLog().extended(events, 0)


def test_each_stage_has_what_it_told() -> None:
    told = course(RETRAIN)
    assert [s.name for s in told.stages] == ["encode", "train", "encode", "train half 1 of 2", "fit the matcher"]
    assert told.seconds == [10, 22, 10, 20, 8]
    assert told.stages[1].losses == ((1, 2.0), (2, 1.0))
    assert told.stages[1].metrics == {"MRR": ((0, 0.5), (2, 0.75))}
    assert (told.messages, told.last_event_at) == (("hello",), 70)
    assert told.lines[2:] == (
        (32, "encode (100)"), (33, "hello"), (42, "train half 1 of 2 (1)"), (62, "fit the matcher"), (70, "done"),
    )  # fmt: skip


@pytest.mark.parametrize("cut", range(len(RETRAIN) + 1))
def test_what_is_read_in_pieces_is_the_same(cut: int) -> None:
    assert course(RETRAIN[:cut]).extended(RETRAIN[cut:], 0) == course(RETRAIN)


def test_the_training_that_is_shown_is_the_one_that_runs_else_the_first() -> None:
    shown = [course(RETRAIN[:end]).training for end in (3, 5, 10, 12)]
    assert [each and each.name for each in shown] == [None, "train", "train half 1 of 2", "train"]


def running(left_s: float | None = None) -> Job:
    return Job("2", ("retrain",), JobState.RUNNING, "2026-01-01T00:00:00+00:00", 1, stage_eta_s=left_s)


@pytest.mark.parametrize(
    ("now", "left_s", "expected"),
    [
        # The second encoding: 3 of 10 seconds gone, then a half and the matcher.
        ([*RETRAIN[:7], {"t": 35, "kind": "message", "text": ""}], None, 7 + 20 + 8),
        # What the stage itself says comes first.
        (RETRAIN[:7], 4.0, 4 + 20 + 8),
        # Twice the steps: the trainings to come take twice as long, all else does not.
        ([stage(0, "encode", 100), stage(10, "train", 4), loss(20, 1, 1.0)], 34.0, 34 + 10 + 2 * 20 + 8),
        # Half as fast as then, as the first stage shows, and the second once enough of it is done.
        ([stage(0, "encode", 100), stage(20, "train", 2)], None, 2 * (22 + 10 + 20 + 8)),
        ([stage(0, "encode", 100), stage(20, "train", 2), loss(42, 1, 1.0)], 22.0, 22 + 2 * (10 + 20 + 8)),
        # What the earlier job did not have, or not so often, is no reason to know nothing.
        ([stage(0, "dream")], None, 70),
        ([stage(0, "encode", 100), stage(10, "dream"), stage(12, "encode", 100)], None, 1.2 * 60),
        ([], None, None),
    ],
)
def test_the_time_left_in_all_goes_by_an_earlier_job(now: Events, left_s: float | None, expected: float | None) -> None:
    assert eta_seconds(running(left_s), course(now), course(RETRAIN)) == expected


OUTLINE: Events = [
    {"t": 0, "kind": "outline", "stages": [["train", 100.0], ["encode", 50.0], ["fit the matcher", 10.0]]}
]


@pytest.mark.parametrize(
    ("now", "left_s", "expected"),
    [
        ([], None, None),
        ([stage(0, "encode", 5)], None, 160),
        ([stage(0, "train", 2)], 100.0, 100 + 60),
        # Four times as slow as was expected.
        ([stage(0, "train", 2), loss(200, 1, 1.0)], 200.0, 200 + 4 * 60),
        ([stage(0, "train", 2), stage(400, "merge the adapter")], None, 4 * 60),
        ([stage(0, "train", 2), stage(400, "encode", 5)], 150.0, 150 + 4 * 10),
        ([stage(0, "train", 2), stage(100, "fit the matcher"), stage(120, "more")], None, 0),
    ],
)
def test_the_first_job_of_its_kind_goes_by_its_outline(
    now: Events, left_s: float | None, expected: float | None
) -> None:
    assert eta_seconds(running(left_s), course([*OUTLINE, *now]), None) == expected
    assert eta_seconds(running(left_s), course(now), None) is None


# -- by way of the files -------------------------------------------------------------------------------------


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "jobs")


def reported(jobs: Jobs, job_id: str) -> EventWriter:
    folder = jobs.folder / job_id
    folder.mkdir(parents=True)
    return EventWriter(folder / "events.jsonl")


def test_of_what_was_read_before_only_what_was_added_is_read(jobs: Jobs) -> None:
    writer = reported(jobs, "j1")
    writer.stage("train", 2)
    writer.metric(0, "MRR", 0.123456789)
    first = jobs.progress_log("j1")
    path = jobs.folder / "j1" / "events.jsonl"
    path.write_bytes(b"\n" * path.stat().st_size)
    writer.loss(1, 2.0)
    second = jobs.progress_log("j1", first)
    assert second.stages[0].losses == ((1, 2.0),)
    assert second.stages[0].metrics == {"MRR": ((0, 0.12346),)}
    assert jobs.progress_log("j1", second) == second
    writer.close()


def test_of_a_course_nonsense_is_left_out(jobs: Jobs) -> None:
    writer = reported(jobs, "j1")
    writer.stage("train", 2)
    writer.write("loss", step="one")
    writer.loss(1, 2.0)
    writer.close()
    assert jobs.progress_log("j1").stages[0].losses == ((1, 2.0),)
