"""What a job writes, and what a watcher reads of it."""

import json
from pathlib import Path

import pytest
from disk import full_disk

from core.errors import JobError
from core.jobs.events import EventWriter, last_events, read_events, replay
from core.jobs.progress import Pace, Silent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_what_is_written_is_read(path: Path) -> None:
    writer = EventWriter(path)
    writer.stage("encode", total=2)
    writer.advance(2)
    writer.loss(1, 0.123456789)
    writer.message("zwei\nZeilen")
    writer.result({"model": "m"})
    writer.close()
    events, offset = read_events(path)
    assert [{k: v for k, v in e.items() if k not in {"t", "rate", "left_s"}} for e in events] == [
        {"kind": "stage", "stage": "encode", "total": 2},
        {"kind": "progress", "stage": "encode", "done": 2, "total": 2},
        {"kind": "loss", "step": 1, "loss": 0.12346},
        {"kind": "message", "text": "zwei\nZeilen"},
        {"kind": "result", "model": "m"},
    ]
    assert offset == path.stat().st_size
    assert all(event["t"] > 1_600_000_000 for event in events)


def test_progress_is_written_a_few_times_a_second_and_always_at_the_end(path: Path) -> None:
    writer = EventWriter(path)
    writer.stage("encode", total=5000)
    for done in range(1, 5001):
        writer.advance(done)
    writer.close()
    done = [e["done"] for e in read_events(path)[0] if e["kind"] == "progress"]
    assert done[-1] == 5000
    assert len(done) < 500


def test_a_torn_last_line_waits_until_it_is_complete(path: Path) -> None:
    line = json.dumps({"kind": "message", "text": "ü"}, ensure_ascii=False).encode() + b"\n"
    path.write_bytes(line + line[:-4])
    events, offset = read_events(path)
    assert (len(events), offset) == (1, len(line))
    with path.open("ab") as file:
        file.write(line[-4:])
    events, offset = read_events(path, offset)
    assert ([e["text"] for e in events], offset) == (["ü"], 2 * len(line))
    assert read_events(path, offset) == ([], offset)


def test_a_line_torn_by_a_crash_hides_no_other(path: Path) -> None:
    path.write_bytes(b'{"kind": "done"}\n{"kind": "mess\n[1]\n\xff\xfe\n{"kind": "message", "text": ""}\n')
    assert [e["kind"] for e in read_events(path)[0]] == ["done", "message"]


def test_no_file_yet_means_no_events(path: Path) -> None:
    assert read_events(path) == ([], 0)


@pytest.mark.parametrize(
    ("total", "calls", "expected"),
    [
        (100, [(0, 0.0), (50, 10.0)], (5.0, 10.0)),
        # What was there at the beginning is not speed.
        (100, [(60, 0.0), (80, 10.0)], (2.0, 10.0)),
        (None, [(0, 0.0), (30, 10.0)], (3.0, None)),
        # Nor is the time before: a model is loaded in it.
        (100, [(1, 90.0), (21, 100.0)], (2.0, 39.5)),
        (100, [(0, 0.0)], (None, None)),
        (100, [(0, 0.0), (0, 9.0)], (None, None)),
        (100, [(0, 0.0), (100, 10.0)], (10.0, 0.0)),
    ],
)
def test_the_pace_is_that_of_this_run(
    total: int | None, calls: list[tuple[int, float]], expected: tuple[float | None, float | None]
) -> None:
    pace = Pace(total)
    answers = [pace.at(done, now) for done, now in calls]
    assert answers[-1] == expected


def test_steps_that_finish_in_batches_count_with_the_silence_before_them() -> None:
    pace = Pace(96, start=0.0)
    steps = [(32 * batch + step, 400.0 * (batch + 1) + step / 1000) for batch in range(3) for step in range(1, 33)]
    answers = [pace.at(done, now) for done, now in steps]
    # One batch tells nothing; before, its 31 further steps in as many milliseconds were taken for the speed.
    assert answers[:33] == [(None, None)] * 33
    after_two, third_begins, end = answers[63], answers[64], answers[95]
    assert after_two == (pytest.approx(32 / 400, rel=0.01), pytest.approx(400, rel=0.01))
    assert third_begins == (pytest.approx(32 / 400, rel=0.01), pytest.approx(31 / 32 * 400, rel=0.01))
    assert end == (pytest.approx(32 / 400, rel=0.01), 0.0)


# -- the end of the file -------------------------------------------------------------------------------------


def test_where_a_job_is_stands_at_the_end_of_its_file(path: Path) -> None:
    writer = EventWriter(path)
    writer.stage("encode", total=9)
    writer.stage("train", total=200_000)
    for step in range(4000):
        writer.loss(step, 1.0)
        writer.write("progress", stage="train", done=step, total=200_000)
    writer.close()
    last = last_events(path)
    assert set(last) == {"progress"}
    assert (last["progress"]["stage"], last["progress"]["done"]) == ("train", 3999)


@pytest.mark.parametrize("longest", [10, 200_000])
def test_a_result_before_the_last_word_is_found_however_long_it_is(path: Path, longest: int) -> None:
    writer = EventWriter(path)
    writer.stage("judge")
    writer.result({"text": "x" * longest})
    writer.write("done")
    writer.close()
    last = last_events(path)
    assert set(last) == {"stage", "result", "done"}
    assert len(last["result"]["text"]) == longest


def test_a_torn_end_and_no_file_at_all(path: Path) -> None:
    assert last_events(path) == {}
    path.write_bytes(b'{"kind": "stage", "stage": "a", "total": null}\n{"kind": "done')
    assert set(last_events(path)) == {"stage"}


class Heard(Silent):
    """Writes down what it hears, in order."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def stage(self, name: str, total: int | None = None) -> None:
        self.heard.append((name, total))

    def advance(self, done: int) -> None:
        self.heard.append(done)

    def loss(self, step: int, value: float) -> None:
        self.heard.append(("loss", step, value))

    def metric(self, step: int, name: str, value: float) -> None:
        self.heard.append((name, step, value))

    def message(self, text: str) -> None:
        self.heard.append(text)


def test_what_a_job_told_can_be_told_again(path: Path) -> None:
    writer = EventWriter(path)
    writer.stage("encode", total=2)
    writer.write("progress", stage="encode", done=1, total=2)
    writer.advance(2)
    writer.stage("train", total=5)
    writer.metric(0, "MRR", 0.5)
    writer.loss(1, 2.0)
    writer.write("progress", stage="train", done=1, total=5)
    writer.message("well")
    writer.close()
    heard = Heard()
    replay(read_events(path)[0], heard)
    # Of a stage that is over only the end is told, and no speed can be made of it.
    assert heard.heard == [("encode", 2), 2, ("train", 5), ("MRR", 0, 0.5), ("loss", 1, 2.0), "well", 1]


def test_a_line_that_a_full_disk_cut_off_takes_no_other_along(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.message("before")
    with full_disk(path.stat().st_size + 10), pytest.raises(JobError, match="cannot be written"):
        writer.message("cut off")
    writer.write("failed", error="The disk was full.")
    writer.close()
    events, _ = read_events(path)
    assert [event["kind"] for event in events] == ["message", "failed"]
