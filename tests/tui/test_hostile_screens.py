"""Every screen of the desk in a workspace where every text of a stranger is hostile: inert, and nothing crashes.

The screens are those of `SCENES`, of the menu and of the keys: a new one is tested by being there.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from inspect import getmembers, isclass
from typing import Any

import desk_matcher
import pytest
from comparisons import evaluations, two_encoders
from desk_bench import Bench, screen_text
from desk_jobs import log_of_a_retrain, something_to_learn_from, three_jobs
from desk_judge import FakeJudge
from desk_verbs import STATISTICS, WRITTEN, Answer, answered
from hostile import ACTING, HOSTILE, some, stray
from hostile_home import spoil, spoilt_answer
from rich.color import ColorSystem
from test_snapshots import SCENES, SIZES, Scene, disputed
from textual.pilot import Pilot
from textual.screen import Screen

import tui
from core.jobs.board import Jobs
from core.workspace import Workspace
from tui.app import DeskApp
from tui.background import tell
from tui.errors import VerbError
from tui.jobs.screen import JobsScreen
from tui.key_bindings import REVIEW
from tui.menu import commands
from tui.messages import Copied, Failed
from tui.review.screen import ReviewScreen
from tui.textual_compat import ChopsUpdate, LayoutUpdate, Update, update_lines

#: What leads on from a screen without deciding anything there, and then to its end.
_ONWARD = ("down", "tab", "pagedown", "end")


class Watched:
    """What the desk paints and sends, all of it, and the screens that it shows."""

    def __init__(self) -> None:
        self.painted: set[str] = set()
        self.sent: list[str] = []
        self.screens: set[type[Screen[Any]]] = set()

    def paint(self, update: Update) -> None:
        """Keep the texts of a frame: whoever looks at them need not paint the screen once more."""
        for _, pieces in update_lines(update):
            self.painted.update(segment.text for _, strip in pieces for segment in strip)

    def check(self, where: str) -> None:
        """Fail on anything that acts, in what was painted and sent until now."""
        for text in self.painted:
            assert not ACTING.search(text), (where, text)
        assert not stray("".join(self.sent)), where
        self.painted.clear()
        self.sent.clear()


def full(workspace: Workspace) -> None:
    """Jobs, models, evaluations, disagreements and labels: no screen is empty."""
    for prepare in (two_encoders, evaluations, log_of_a_retrain, something_to_learn_from, disputed):
        prepare(workspace)


VERBS: Mapping[str, Answer] = {
    **STATISTICS,
    **WRITTEN,
    "doctor": {"problem": "It is broken.", "settings": "fine", "packages": {HOSTILE[2]: HOSTILE[3]}},
    "": VerbError(some(0, 79), some(40, 9)),
}

#: What has no picture, as it would hold paths of the machine that it was made on, and what covers another screen.
ALL = SCENES | {
    "settings": Scene(choose="Settings"),
    "doctor": Scene(choose="Doctor", verbs=VERBS),
    "doctor-fails": Scene(choose="Doctor", verbs={"": VERBS[""]}),
    "statistics-fail": Scene(choose="Statistics", verbs={"": VERBS[""]}),
    "export-fails": Scene("enter", choose="Export", verbs={"": VERBS[""]}),
    "end-a-job": Scene("x", choose="Jobs", prepare=lambda workspace: three_jobs(workspace.jobs)),
    "promote": Scene("j p", choose="Models", prepare=two_encoders),
    "job-failed": Scene("j j", choose="Jobs", prepare=lambda workspace: three_jobs(workspace.jobs)),
    "theme": Scene(choose="Theme"),
}
#: Where a stranger's text must be seen, so that the test is about something.
_THEIRS = {
    "review", "review-learning", "review-blind", "why", "history", "comment", "search", "past", "flagged", "looked-up",
    "adjudication", "trail", "guidelines", "models", "models-queries", "evaluation", "jobs", "export-written",
    "statistics-people", "statistics-agreement", "job-log", "doctor", "doctor-fails", "export-fails", "job-failed",
}  # fmt: skip

#: All screens that these tests looked at, and the scenes.
_SEEN: set[type[Screen[Any]]] = set()
_PLAYED: set[str] = set()
#: What no screen says of its own accord.
_WORDS = ("␛", "�", "␇", "[/]", "⃝", "吋")


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Look at what every desk of the test sends; no job is started."""
    found = Watched()

    def display(app: DeskApp, screen: Screen[Any], renderable: object) -> None:
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            found.paint(renderable)
            found.sent.append(app._frame_diff.difference(renderable, app.size, ColorSystem.TRUECOLOR))
        found.screens.add(type(screen))

    monkeypatch.setattr(DeskApp, "_display", display)
    monkeypatch.setattr(Jobs, "start", lambda *_: "20260102-100000-aaaa")
    monkeypatch.setattr(desk_matcher, "REASONS", spoilt_answer(desk_matcher.REASONS))
    answer = desk_matcher.rescored
    monkeypatch.setattr(desk_matcher, "rescored", lambda *queries, **more: spoilt_answer(answer(*queries, **more)))
    yield found
    _SEEN.update(found.screens)


def hostile(scene: Scene) -> Scene:
    """The same scene in a workspace full of hostile text."""

    def prepare(workspace: Workspace) -> None:
        scene.prepare(workspace)
        spoil(workspace)

    return replace(scene, prepare=prepare, verbs={name: _spoilt(answer) for name, answer in scene.verbs.items()})


def _spoilt(answer: object) -> Any:
    return spoilt_answer(dict(answer)) if isinstance(answer, Mapping) else answer


async def look_around(pilot: Pilot[None], watched: Watched, where: str) -> None:
    """Look at a screen, at what its keys lead to, and at the larger size."""
    await go_on(pilot, watched, where)
    for key in _ONWARD:
        await pilot.press(key)
        await go_on(pilot, watched, where)
    await pilot.resize_terminal(*SIZES[-1])
    await go_on(pilot, watched, where)


async def go_on(pilot: Pilot[None], watched: Watched, where: str) -> None:
    """Wait for the screen: the desk is there, and nothing of what it painted acts."""
    await answered(pilot)
    assert pilot.app.is_running, where
    watched.check(where)


@pytest.mark.parametrize("name", ALL)
async def test_scene(bench: Bench, watched: Watched, name: str) -> None:
    scene = hostile(ALL[name])
    app = scene.open(bench)
    if scene.judged:
        app.desk.judge = FakeJudge(reasoning="\n".join(HOSTILE))  # type: ignore[misc]
    async with app.run_test(size=SIZES[0]) as pilot:
        await scene.play(pilot, app.theme)
        shown = screen_text(app)
        assert any(word in shown for word in _WORDS) or name not in _THEIRS
        await look_around(pilot, watched, name)
    _PLAYED.add(name)


async def test_every_command_of_the_menu_that_no_scene_takes(bench: Bench, watched: Watched) -> None:
    app = hostile(Scene(prepare=full, verbs=VERBS)).open(bench)
    async with app.run_test(size=SIZES[0]) as pilot:
        taken = {scene.choose for scene in ALL.values()} | {"Quit"}
        looked_at: set[type[Screen[Any]]] = set()
        for command in commands(app):
            if command.name in taken:
                continue
            await answered(pilot)
            command.run()
            await pilot.pause()
            await go_on(pilot, watched, command.name)
            # Several commands lead to the jobs, and more to another state of the review screen.
            if type(app.screen) not in looked_at:
                looked_at.add(type(app.screen))
                await look_around(pilot, watched, command.name)
                await pilot.resize_terminal(*SIZES[0])
            await app._close_screens()
        assert {JobsScreen, ReviewScreen} <= looked_at


async def test_every_key_of_the_review_screen(bench: Bench, watched: Watched) -> None:
    app = hostile(Scene(learns=True, prepare=full, verbs=VERBS)).open(bench)
    async with app.run_test(size=SIZES[0]) as pilot:
        await answered(pilot)
        for act in REVIEW:
            if act.id not in {"quit", "suspend"}:
                await pilot.press(act.keys.split(",")[0])
                await go_on(pilot, watched, act.id)
                await app._close_screens()


async def test_greeting_news_and_failures(bench: Bench, watched: Watched) -> None:
    spoil(bench.workspace)
    for text in HOSTILE[::16]:
        desk = bench.desk(text)
        app = DeskApp(desk, some(0, 79), welcome=True)
        async with app.run_test(size=SIZES[0]) as pilot:
            await answered(pilot)
            tell(app, Failed(some(0, 79), text))
            app.post_message(Copied(bench.workspace.reports / text))
            await look_around(pilot, watched, "greeting")
            await app._close_screens()
            await go_on(pilot, watched, text)
        desk.close()


def test_no_screen_was_left_out() -> None:
    if len(_PLAYED) < len(ALL):
        pytest.skip("only where all scenes were played before")
    modules = [
        import_module(module.name)
        for module in pkgutil.walk_packages(tui.__path__, "tui.")
        if not module.name.startswith("tui.web") and not module.name.endswith("__main__")
    ]
    ours = {each for module in modules for _, each in getmembers(module, isclass) if issubclass(each, Screen)}
    leaves = {each for each in ours if each.__module__.startswith("tui.") and not ours & set(each.__subclasses__())}
    assert {each.__name__ for each in leaves - _SEEN} == set()
