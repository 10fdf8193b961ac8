"""What the screens look like: each of `SCENES`, small and large; three of them in every look.

A picture that changed on purpose is made anew with `--snapshot-update`. A new screen joins by a line in `SCENES`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from comparisons import evaluations, two_encoders
from desk_bench import Bench, choose
from desk_files import BACKUPS, IMPORTED
from desk_jobs import log_of_a_retrain, running_retrain, something_to_learn_from, three_jobs
from desk_judge import FakeJudge
from desk_matcher import FakeMatcher
from desk_verbs import STATISTICS, WRITTEN, Answer, CannedVerbs, answered
from monitor_histories import monitored
from samples import c, implied, match, q
from textual.pilot import Pilot
from textual.widgets import Input

from core.clustering.product_ids import ProductIds, save_ids
from core.queue.session import ReviewSession
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Judgement, ShownScores, Stream, Verb
from labels.store import LabelStore
from tui.app import DeskApp
from tui.theme import ANSI_DARK, DARK, LIGHT

SIZES = [(80, 24), (120, 36)]
#: Each look with its theme.
LOOKS = {"dark": DARK.name, "light": LIGHT.name, "no-colour": ANSI_DARK.name}


def workspace_as_it_is(_: Workspace) -> None:
    """Nothing is put into the workspace before the desk opens."""


def noted(workspace: Workspace) -> None:
    """A flag, and comments of two people."""
    with LabelStore(workspace.labels) as store:
        store.record("grace", Verb.FLAG, q("q3"))
        store.record(
            "grace",
            Verb.COMMENT,
            q("q2"),
            details=ActionDetails(text="Is 55.0 the diagonal of the screen or of the whole set? See the picture."),
        )
        store.record("ada", Verb.COMMENT, q("q2"), details=ActionDetails(text="Of the screen."))


def disputed(workspace: Workspace) -> None:
    """Two people who differ about a query, and say why."""
    with LabelStore(workspace.labels) as store:
        said = [
            Judgement(c("q2-c1"), Decision.MATCH, shown=ShownScores(1, 0.92, 0.83, "m")),
            *implied("q2-c2", "q2-c3"),
        ]
        store.record("grace", Verb.ACCEPT, q("q2"), said, ActionDetails(closes=True, look_ms=14_000))
        said = [Judgement(c("q2-c1"), Decision.NO_MATCH, shown=ShownScores(1, 0.92, 0.79, "m"))]
        store.record("jo", Verb.REJECT, q("q2"), said, ActionDetails(blind=True, look_ms=41_000))
        store.record(
            "jo", Verb.ACCEPT, q("q2"), [*match("q2-c3"), *implied("q2-c4")], ActionDetails(closes=True, look_ms=9_000)
        )
        store.record(
            "grace", Verb.COMMENT, q("q2"), details=ActionDetails(text="The warranty is an extra, not another product.")
        )
        store.record(
            "jo",
            Verb.COMMENT,
            q("q2"),
            details=ActionDetails(text="Our guidelines call a bundle with a warranty the same product."),
        )


def grouped(workspace: Workspace) -> None:
    """Product ids that `samesku cluster` has recorded: some candidates are in groups."""
    groups = {"P1": [q("q3"), c("q3-c1"), q("q2")], "P2": [c("q3-c3"), *(c(f"x{n}") for n in (1, 2, 3))]}
    of = {ref: id_ for id_, refs in groups.items() for ref in refs}
    save_ids(workspace.product_ids, ProductIds(1, of))


#: What `doctor` says of a machine that lacks little.
WELL = {
    "python": "3.11.7",
    "packages": {"textual": "8.2.8", "torch": "2.13.0", "sentence-transformers": "6.2.0", "mlx": "not installed"},
    "sqlite": "3.40.1",
    "labels journal": "rollback journal (safe); the write-ahead log of this SQLite has a fault, so it is not used",
    "labels": "8,189 events, all well",
    "permissions": "only owner and group have access",
}


_PROBLEM = "labels.db is damaged or not a labels file: file is not a database. Go back to the last [/b] backup."


@dataclass(frozen=True)
class Scene:
    """How to get to a screen from the desk's first query.

    Attributes:
        keys: to press, separated by spaces, each once the last has been dealt with.
        choose: a command of the menu, taken before the keys are pressed.
        learns: whether there is an engine, so that there are probabilities and reasons after the first decision.
        prepare: puts something into the workspace before the desk opens.
        verbs: what the verbs answer that are asked beside the keyboard.
        welcome: whether somebody sits here for the first time.
        judged: whether there is a judge to ask.
    """

    keys: str = ""
    choose: str = ""
    stream: Stream = Stream.TRIAGE
    learns: bool = False
    prepare: Callable[[Workspace], None] = workspace_as_it_is
    verbs: Mapping[str, Answer] = field(default_factory=dict)
    welcome: bool = False
    judged: bool = False

    def open(self, bench: Bench) -> DeskApp:
        """The desk that the scene plays at."""
        self.prepare(bench.workspace)
        desk = bench.desk(stream=self.stream, engine=FakeMatcher("q8") if self.learns else None)
        # A page that names the workspace looks the same wherever the tests run.
        desk.facts = replace(desk.facts, home=Path("/srv/matching"))
        app = DeskApp(desk, welcome=self.welcome)
        if self.verbs:
            app.desk.verbs = CannedVerbs(self.verbs)  # type: ignore[misc]
        if self.judged:
            app.desk.judge = FakeJudge()  # type: ignore[misc]
        return app

    async def play(self, pilot: Pilot[None], theme: str) -> None:
        """Go to the screen."""
        await answered(pilot)
        pilot.app.theme = theme
        if self.choose:
            choose(pilot.app, self.choose)
            await answered(pilot)
        for key in self.keys.split():
            await pilot.press(key)
            await answered(pilot)


#: A file's name, typed into its row from the one above.
_FILE = "down a . c s v"

SCENES = {
    "review": Scene("2 x A f 4"),
    "review-learning": Scene("n 2", learns=True),
    "review-blind": Scene("3", stream=Stream.VALIDATION),
    "review-grouped": Scene("3", prepare=grouped),
    "empty": Scene(stream=Stream.ADJUDICATION),
    "why": Scene("n w", learns=True),
    "judge": Scene("2 v", judged=True),
    "history": Scene("x 3 x f h"),
    "comment": Scene("c"),
    "search": Scene("slash n i k o n down"),
    "past": Scene("x a 2 u n s f o down", prepare=noted),
    "flagged": Scene("x n o tab", prepare=noted),
    "looked-up": Scene("x 2 a o enter"),
    "adjudication": Scene("j k", stream=Stream.ADJUDICATION, prepare=disputed),
    "streams": Scene("n", choose="Streams", prepare=noted),
    "trail": Scene("a n x f s z z t down"),
    "guidelines": Scene("g"),
    "help": Scene("question_mark"),
    "menu": Scene("ctrl+p"),
    "practice": Scene("2 a", choose="Practice"),
    "retrain": Scene("up", choose="Retrain", prepare=something_to_learn_from),
    "retrain-running": Scene(choose="Retrain", prepare=lambda workspace: running_retrain(workspace.jobs)),
    "models": Scene(choose="Models", prepare=two_encoders),
    "models-queries": Scene("tab", choose="Models", prepare=two_encoders),
    "models-keys": Scene("question_mark", choose="Models", prepare=two_encoders),
    "models-none": Scene(choose="Models"),
    "evaluation": Scene(choose="Evaluation", prepare=evaluations),
    "evaluation-calibration": Scene("tab", choose="Evaluation", prepare=evaluations),
    "evaluation-none": Scene(choose="Evaluation"),
    "monitor": Scene(choose="Monitor", prepare=monitored),
    "monitor-drift": Scene("tab", choose="Monitor", prepare=monitored),
    "monitor-none": Scene(choose="Monitor"),
    "jobs": Scene(choose="Jobs", prepare=lambda workspace: three_jobs(workspace.jobs)),
    "export": Scene("j p", choose="Export"),
    "export-written": Scene("enter", choose="Export", verbs=WRITTEN),
    "import": Scene("a . c s v up space", choose="Import"),
    "import-looked": Scene(
        f"up space {_FILE} down w a l m a r t down space space enter", choose="Import", verbs=IMPORTED
    ),
    "import-done": Scene(f"up space {_FILE} down w down enter enter y", choose="Import", verbs=IMPORTED),
    "import-labels": Scene("a . c s v enter", choose="Import", verbs=IMPORTED),
    "backup": Scene("v", choose="Backup", verbs=BACKUPS),
    "backup-restore": Scene("enter", choose="Backup", verbs=BACKUPS),
    "backup-refused": Scene("j enter", choose="Backup", verbs=BACKUPS),
    "statistics": Scene(choose="Statistics", verbs=STATISTICS),
    "statistics-people": Scene("2", choose="Statistics", verbs=STATISTICS),
    "statistics-agreement": Scene("3", choose="Statistics", verbs=STATISTICS),
    "confirm": Scene("x", choose="Jobs", prepare=lambda workspace: three_jobs(workspace.jobs)),
    "settings": Scene(choose="Settings"),
    "doctor": Scene(choose="Doctor", verbs={"doctor": WELL}),
    "doctor-unwell": Scene(choose="Doctor", verbs={"doctor": WELL | {"problem": _PROBLEM}}),
    "welcome": Scene(welcome=True),
    "jobs-finished": Scene("j", choose="Jobs", prepare=lambda workspace: three_jobs(workspace.jobs)),
    "job-log": Scene("l", choose="Jobs", prepare=log_of_a_retrain),
}


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """One moment for ever, no local time, no blinking."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setitem(LabelStore.__init__.__kwdefaults__, "now", lambda: "2026-01-02T12:00:00.000+00:00")
    monkeypatch.setitem(ReviewSession.__init__.__kwdefaults__, "clock", lambda: 0.0)
    monkeypatch.setattr("tui.transfer.export.utc_now", lambda: "2026-01-02T12:00:00.000+00:00")
    monkeypatch.setattr(Input, "cursor_blink", False)


#: A list with probabilities, figures with bars and tables, and a curve: every colour that the desk has is in these.
IN_EVERY_LOOK = {"review-learning", "evaluation", "jobs"}
PICTURES = [
    pytest.param(name, size, look, id=f"{name}-{size[0]}x{size[1]}-{look}")
    for name in SCENES
    for size in SIZES
    for look in (LOOKS if name in IN_EVERY_LOOK else ["dark"])
]


@pytest.mark.parametrize(("name", "size", "look"), PICTURES)
def test_screen(
    bench: Bench,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    size: tuple[int, int],
    look: str,
) -> None:
    if look == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    scene = SCENES[name]

    async def play(pilot: Pilot[None]) -> None:
        await scene.play(pilot, LOOKS[look])

    assert snap_compare(scene.open(bench), terminal_size=size, run_before=play)


def test_the_pictures_hold_no_path_of_a_machine() -> None:
    pictures = list((Path(__file__).parent / "__snapshots__").rglob("*.svg"))
    assert pictures
    assert not [p.name for p in pictures if "/home/" in p.read_text() or "/tmp/" in p.read_text()]  # noqa: S108
