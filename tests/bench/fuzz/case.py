"""One case: a copy of the template, a damage, what people do then, and whether all holds that must."""

import csv
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labels.files import require_regular
from tests.bench.forks.runs import Dialogue, Runs
from tests.bench.fuzz import checks
from tests.bench.fuzz.checks import Before, Finding
from tests.bench.fuzz.damage import CONTENT_DAMAGES, Damage, apply
from tests.bench.fuzz.template import Template
from tests.bench.fuzz.verbs import (
    CHANGE_LABELS,
    CHANGES_CATALOGUE,
    DECIDING,
    arguments_of,
    draw_lines,
    draw_verbs,
)
from tests.bench.terminal import Terminal

#: What samesku can make again, by the beginning of the path.
_REBUILDABLE = ("derived.db", "claims.db", "index/", "models/matcher.json", "reports/", "sittings/", "jobs/")
#: All candidates that are kept of a query.
_ALL = "10"
#: What may be written to besides the workspace.
_OUT = "out"
#: How long a screen may take to answer a key, or to close.
_PATIENCE_S = 30.0

#: What a case is about, and how often.
_SCENES = {"verbs": 11, "plain desk": 7, "screen": 2}


@dataclass(frozen=True, slots=True)
class Reference:
    """What the undamaged template gives.

    Attributes:
        rows: the events of its ledger.
        matches: of `match`: query, rank, candidate, similarity, probability, band.
        query: the id of one of its queries.
    """

    rows: frozenset[checks.Row]
    matches: Sequence[Sequence[str]]
    query: str

    @classmethod
    def of(cls, template: Template, runs: Runs) -> "Reference":
        """Ask the template."""
        out = template.home.parent / "reference.csv"
        arguments = ["--home", str(template.home), "match", "--k", _ALL, "--out", str(out)]
        done = runs.run(*arguments, environment=template.environment, folder=template.home)
        if done.code:
            raise RuntimeError(done.text)
        rows = _table(out)
        return cls(frozenset(checks.rows_of(template.home / "labels.db")), rows, rows[0][0])


@dataclass
class Case:
    """One case.

    Args:
        number: which; with the seed it decides on everything.
        damages: what happens to the workspace.
        folder: of its own.

    Attributes:
        scene: what it is about.
        findings: what must not be.
        story: what was done, in order.
    """

    template: Template
    reference: Reference
    runs: Runs
    number: int
    seed: int
    damages: Sequence[Damage]
    folder: Path
    scene: str = ""
    findings: list[Finding] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}:{self.number}")
        self.home, self.outside = self.folder / "home", self.folder / "outside"
        self._acknowledged: dict[str, Counter[str]] = {}
        self._copies: dict[str, str] = {}
        self._before = Before(set(self.reference.rows))
        self._same_labels, self._same_catalogue = True, True
        for name in (self.outside, self.folder / _OUT, self.folder / "tmp"):
            name.mkdir(parents=True)
        self.environment = {
            **self.template.environment, "HOME": str(self.folder / "tmp"), "TMPDIR": str(self.folder / "tmp"),
        }  # fmt: skip

    def run(self) -> None:
        """Do it, and look."""
        shutil.copytree(self.template.home, self.home, symlinks=True)
        self.scene = self.rng.choices(list(_SCENES), list(_SCENES.values()))[0]
        {"verbs": self._verbs, "plain desk": self._plain_desk, "screen": self._screen}[self.scene]()
        self._look()

    # -- scenes ----------------------------------------------------------------------------------------------

    def _verbs(self) -> None:
        self._damage()
        for verb in draw_verbs([damage.path for damage in self.damages], self.rng):
            self._do(verb)

    def _plain_desk(self) -> None:
        """A desk that is open when it happens, and one that opens after it."""
        if self.rng.random() < 0.7:
            with self._desk("fuzz") as desk:
                self._talk(desk, "fuzz", draw_lines(self.rng.randint(1, 3), self.rng))
                self._damage()
                if self.rng.random() < 0.3:
                    for verb in draw_verbs([damage.path for damage in self.damages], self.rng)[:1]:
                        self._do(verb)
                self._talk(desk, "fuzz", draw_lines(self.rng.randint(3, 6), self.rng))
                self._leave(desk)
        else:
            self._damage()
        with self._desk("fuzz2") as desk:
            self._talk(desk, "fuzz2", draw_lines(self.rng.randint(2, 4), self.rng))
            self._leave(desk)

    def _screen(self) -> None:
        """The desk in a terminal. What it acknowledges by moving on, `kill_desk` looks at."""
        command = [str(self.runs.stand_in), "-m", "tui", "--home", str(self.home), "--as", "fuzz", "review"]
        keys = "".join(self.rng.choice("anxusjkzZwfvbtohgR?") for _ in range(self.rng.randint(4, 9)))
        self.story.append(f"screen: n, then {keys}")
        heard: list[bytes] = []
        before = self.rng.random() < 0.5
        if before:
            self._damage()
        self._same_labels = False
        changes: dict[str, str | None] = {**dict.fromkeys(_INHERITED), **self.environment}
        with Terminal(command, folder=self.folder, environment=changes) as terminal:
            terminal.on_read = heard.append
            opened = terminal.wait_for(_shows_a_query, _PATIENCE_S)
            if opened:
                self._press(terminal, "n")
                if not before:
                    self._damage()
                for key in keys:
                    self._press(terminal, key)
            elif not before:
                self._damage()
            text = self._close(terminal)
        told = text + b"".join(heard).decode(errors="replace")
        self.findings += checks.of_text(told, "review", labels_damaged=self._before.damaged)

    def _press(self, terminal: Terminal, key: str) -> None:
        frames = terminal.frames
        terminal.send(key)
        terminal.wait_for(lambda t: t.frames > frames, 0.5)

    def _close(self, terminal: Terminal) -> str:
        """Leave the desk, from whatever dialog is open. Returns what the screen showed last."""
        seen = "\n".join(terminal.lines)
        deadline = time.monotonic() + _PATIENCE_S
        while not terminal.ended and time.monotonic() < deadline:
            # A dialog takes the first for itself, a field the second.
            for key in ("\x1b", "q"):
                terminal.send(key)
                terminal.wait_for(lambda t: t.ended, 0.5)
        if not terminal.ended:
            shown = [line.strip() for line in terminal.lines if line.strip()]
            self.findings.append(Finding("hang", "the screen does not close: " + " / ".join(shown)[:1500]))
            terminal.kill(signal.SIGTERM)
            terminal.wait_for(lambda t: t.ended, 5)
        if terminal.ended:
            code = terminal.drain(5)
            if code not in (0, 1, 2, -signal.SIGTERM):
                self.findings.append(Finding("exit code", f"{code}: review on a screen"))
        return seen

    # -- steps -----------------------------------------------------------------------------------------------

    def _damage(self) -> None:
        labels, kept = self.home / "labels.db", self.outside / "copy-of-labels.db"
        on_ledger = any(damage.path == "labels.db" for damage in self.damages)
        before = checks.rows_of(labels) if on_ledger else set()
        for damage in self.damages:
            apply(damage, self.home, self.outside, self.rng)
            self.story.append(f"{damage.kind}: {damage.path}")
        self._copies = {path.name: checks.digest(path) for path in self.outside.glob("copy-of-*") if path.is_file()}
        if on_ledger:
            # What the damage took, nobody can give back: what can still be read must stay, and what comes now.
            rows = before & (checks.rows_of(labels) | checks.rows_of(kept))
            self._before = Before(rows, damaged=True, digest=checks.digest(labels), sound=False)
            self._acknowledged.clear()
        elif any(damage.path.startswith(("labels.db", "backups")) for damage in self.damages):
            self._before = replace(self._before, sound=False)

    def _do(self, verb: str) -> None:
        self.story.append(verb)
        self._same_labels &= verb not in CHANGE_LABELS
        self._same_catalogue &= verb != CHANGES_CATALOGUE
        arguments = arguments_of(verb, self.template, self.folder / _OUT, self.reference.query)
        done = self.runs.run(
            "--home", str(self.home), *arguments, environment=self.environment, folder=self.folder / _OUT
        )
        self.findings += checks.of_output(done, labels_damaged=self._before.damaged)
        if done.code == 0 and "--detach" in verb:
            self._do("jobs tail")  # so that nothing goes on when the case is over

    def _desk(self, annotator: str) -> Dialogue:
        self.story.append(f"desk of {annotator}")
        command = ["tui", "--home", str(self.home), "--as", annotator, "review", "--plain"]
        return Dialogue(self.runs, command, self.environment, self.folder)

    def _talk(self, desk: Dialogue, annotator: str, lines: Sequence[str]) -> None:
        """Say the lines, each with a mark after it, and note what was acknowledged."""
        for line in lines:
            self.story.append(line)
            begun, mark = len(desk.text), f"@{len(self.story)}"
            desk.send(f"{line} {mark[1:]}\n{mark}\n" if line == "comment" else f"{line}\n{mark}\n")
            if not desk.hear(f"“{mark}”"):
                break
            if line in DECIDING and "Saved." in desk.text[begun:].splitlines():
                self._acknowledged.setdefault(annotator, Counter())[DECIDING[line]] += 1
                self._same_labels = False
            self._same_labels &= line not in ("undo", "redo")

    def _leave(self, desk: Dialogue) -> None:
        desk.send("quit\n")
        desk.end_input()
        self.findings += checks.of_output(desk.outcome(), labels_damaged=self._before.damaged)

    # -- afterwards ------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.findings += checks.of_ledger(self.home, self.outside, self._before, self._acknowledged)
        for log in sorted(self.home.glob("jobs/*/log.txt")):
            if log.is_file() and not log.is_symlink():
                text = log.read_text(errors="replace")
                self.findings += checks.of_text(text, f"jobs/{log.parent.name}", labels_damaged=self._before.damaged)
        if all(_can_be_rebuilt(damage) for damage in self.damages):
            self._rebuild()
        self.findings += checks.of_links(self.outside, self._copies)

    def _rebuild(self) -> None:
        """Index and match, and compare with what the template gives."""
        self.story.append("rebuild")
        out = self.folder / "rebuilt.csv"
        for arguments in (["index"], ["match", "--k", _ALL, "--out", str(out)]):
            done = self.runs.run(
                "--home", str(self.home), *arguments, environment=self.environment, folder=self.folder / _OUT
            )
            self.findings += checks.of_output(done, labels_damaged=False)
            if done.code:
                said = (
                    done.text.strip().splitlines()[-1:] if "Traceback" in done.text else done.text.split("Error: ")[1:]
                )
                self.findings.append(Finding("not rebuilt", f"{arguments[0]}: {''.join(said)[:240]}"))
                return
        view = list if self._same_labels else _without_labels
        if self._same_catalogue and view(_table(out)) != view(self.reference.matches):
            self.findings.append(Finding("not rebuilt", "match gives other rows than before"))


#: What a run must not know of whoever started the fuzz run.
_INHERITED = ("SAMESKU_HOME", "XDG_RUNTIME_DIR", "SSH_CONNECTION", "SSH_TTY", "TMUX")


def _shows_a_query(terminal: Terminal) -> bool:
    return terminal.frames > 1 and any("│" in line or "1" in line for line in terminal.lines)


def _can_be_rebuilt(damage: Damage) -> bool:
    """Whether samesku makes a path again by itself: each of its files, and a folder that is gone."""
    if damage.path.endswith(".lock"):
        # What is no regular file cannot be replaced: two programs could then hold a lock each.
        return damage.kind in CONTENT_DAMAGES
    folders = {name.rstrip("/") for name in _REBUILDABLE}
    return damage.path.startswith(_REBUILDABLE) or (damage.path in folders and damage.kind == "delete")


def _table(path: Path) -> list[list[str]]:
    require_regular(path)
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


def _without_labels(rows: Sequence[Sequence[str]]) -> list[tuple[str, str, str]]:
    """What no label changes: query, candidate and similarity, in an order of their own."""
    return sorted((row[0], row[2], row[3]) for row in rows)
