"""Commands in child processes: answers, failures, progress and cancelling."""

import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from desk_bench import Bench, settled
from samples import until
from textual import on
from textual.app import App, ComposeResult

from labels.errors import SameskuError
from tui.common.pane import VerbProgress
from tui.errors import VerbEndedError, VerbError
from tui.messages import Answered, Failed
from tui.ports import StageProgress
from tui.services.processes import VerbRun, VerbRunner

#: Does what its first argument after the global options says.
CHILD = """
import json, os, signal, sys, time
home, word = sys.argv[sys.argv.index("--home") + 1], sys.argv[-1]
if word == "answer": print(json.dumps({"arguments": sys.argv[1:]}))
if word == "refuse": sys.exit("Reading.\\nError: There is no [such] file.\\nName another\\nfile.")
if word == "wrong": print(json.dumps({"ok": False})); sys.exit(1)
if word == "die": sys.exit(3)
if word == "chatter": print("no json")
if word in {"work", "stubborn"}:
    if word == "stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(os.environ["SAMESKU_JOB"] + "/events.jsonl", "a") as events:
        for event in ({"kind": "stage", "stage": "old", "total": 5}, {"kind": "progress", "stage": "old", "done": 5},
                      {"kind": "stage", "stage": "hashes", "total": 100},
                      {"kind": "progress", "stage": "hashes", "done": 40, "total": 100, "left_s": 12.0}):
            print(json.dumps({"t": 0, **event}), file=events, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def verbs(tmp_path: Path) -> Iterable[VerbRunner]:
    made = VerbRunner(tmp_path, "ada", (sys.executable, "-c", CHILD))
    yield made
    made.close()


def test_a_command_runs_on_the_workspace_as_the_annotator(verbs: VerbRunner, tmp_path: Path) -> None:
    values = verbs.ask("labels", "answer").answer()
    assert values == {"arguments": ["--home", str(tmp_path), "--as", "ada", "--json", "labels", "answer"]}


def test_a_failure_is_a_sentence_with_a_hint(verbs: VerbRunner) -> None:
    with pytest.raises(VerbError) as refused:
        verbs.ask("refuse").answer()
    assert (refused.value.message, refused.value.hint) == ("There is no [such] file.", "Name another file.")


def test_a_failed_check_still_answers(verbs: VerbRunner) -> None:
    assert verbs.ask("wrong").answer() == {"ok": False}


@pytest.mark.parametrize("word", ["die", "chatter"])
def test_unreadable_output_is_an_error(verbs: VerbRunner, word: str) -> None:
    with pytest.raises(VerbError, match="said nothing"):
        verbs.ask(word).answer()


def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VerbError, match="cannot be started"):
        VerbRun([str(tmp_path / "nothing")]).answer()


def _begun(asked: VerbRun) -> tuple[threading.Thread, list[SameskuError]]:
    """The verb at work in a thread, once it has told how far it is; and what it will raise."""
    raised: list[SameskuError] = []

    def work() -> None:
        try:
            asked.answer()
        except SameskuError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: asked.progress() == StageProgress("hashes", 40, 100, 12.0))
    return thread, raised


@pytest.mark.parametrize("word", ["work", "stubborn"])
def test_a_command_can_be_cancelled(verbs: VerbRunner, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.services.processes._CLEAN_UP_S", 0.0)
    asked = verbs.ask(word)
    assert asked.progress() is None
    thread, raised = _begun(asked)
    asked.cancel()
    asked.cancel()
    thread.join(120)
    assert not thread.is_alive()
    assert isinstance(raised[0], VerbEndedError)


def test_a_command_cancelled_before_its_start_never_starts(verbs: VerbRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = verbs.ask("answer")
    asked.cancel()
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(VerbEndedError):
        asked.answer()


def test_closing_cancels_all_commands(verbs: VerbRunner) -> None:
    thread, raised = _begun(verbs.ask("work"))
    verbs.close()
    thread.join(120)
    assert isinstance(raised[0], VerbEndedError)


def test_the_real_command_line_answers(bench: Bench) -> None:
    desk = bench.desk()
    assert desk.verbs.ask("labels", "stats").answer()["events"] == 0
    with pytest.raises(VerbError, match="no such side") as refused:
        desk.verbs.ask("labels", "export", "x.csv", "--side", "left").answer()
    assert refused.value.hint == "The sides are train and validation."


class Page(App[None]):
    """One line that asks."""

    def __init__(self, asked: VerbRun) -> None:
        super().__init__()
        self.asked = asked
        self.heard: list[Answered | Failed] = []

    def compose(self) -> ComposeResult:
        yield VerbProgress(self.asked, "Counting …", name="counts")

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        self.heard.append(message)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.heard.append(message)


async def test_a_progress_line_posts_the_answer(verbs: VerbRunner) -> None:
    app = Page(verbs.ask("wrong"))
    async with app.run_test() as pilot:
        assert app.query_one(VerbProgress).render().plain == "Counting …"
        await settled(pilot)
        assert app.heard == [Answered({"ok": False}, "counts")]


async def test_a_progress_line_posts_the_failure(verbs: VerbRunner) -> None:
    app = Page(verbs.ask("refuse"))
    async with app.run_test() as pilot:
        await settled(pilot)
        assert app.heard == [Failed("There is no [such] file.", "Name another file.")]


async def test_removing_a_progress_line_cancels_the_command(verbs: VerbRunner) -> None:
    asked = verbs.ask("work")
    app = Page(asked)
    async with app.run_test() as pilot:
        until(lambda: asked.progress() == StageProgress("hashes", 40, 100, 12.0))
        line = app.query_one(VerbProgress)
        line._begun -= 5
        assert line.render().plain == "Counting …  hashes 40%, 12 s left"
        await line.remove()
        await settled(pilot)
        assert asked.has_ended
        assert app.heard == []
