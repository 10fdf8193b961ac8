"""Kill the desk at random moments while a script types decisions: nothing that it acknowledged may be lost.

    python -m tests.bench.kill_desk [--rounds 100] [--home FOLDER] [--seed 1] [--rows 24] [--columns 80]

Each round starts the real desk in a terminal, types, sends SIGKILL, and then looks: does the ledger hold every decision
that the screen had moved past, is what was there before still there, does `labels verify` pass, does the desk open
again? Works on a workspace of its own, made from the demo catalogue, or on a copy of FOLDER. Needs no model. The seed
decides on keys and moments; what a moment meets is up to the machine.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.workspace import Workspace
from labels.errors import SameskuError
from labels.verify import verify
from tests.bench.kill_checks import Events, acts_of, explain, read_events
from tests.bench.screen_reader import ScreenReader
from tests.bench.terminal import Terminal
from tests.bench.typist import PATIENCE_S, NothingToTypeError, Typist
from tests.bench.workspaces import copy_workspace, make_workspace

ANNOTATOR = "killer"
DESK = (sys.executable, "-m", "tui")
#: When the kill comes, in seconds after the first query was painted.
DELAY_S = (0.05, 3.0)

_ROOT = Path(__file__).parents[2]
#: Ways to spend a round, and how often: killed while opening, amid keys typed at once, at any moment, at rest.
_WAYS = (("start-up", 4), ("burst", 8), ("typing", 5), ("rest", 3))
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
#: What a kill hit, in the words of the summary.
_HITS = {
    "start-up": "at start-up",
    "burst": "in a burst of keys",
    "one key": "between a key and its answer",
    "idle": "idle",
}
#: More than a fast machine answers in a round, so that the queue lasts.
_QUERIES_A_ROUND = 30


# -- one round ---------------------------------------------------------------------------------------------


@dataclass
class Killer:
    """A workspace, and the desk that is killed on it again and again.

    Attributes:
        command: the desk's program; a test puts another in its place.
        counts: what the rounds added up to, in words.
    """

    workspace: Workspace
    rng: random.Random
    rows: int = 24
    columns: int = 80
    command: Sequence[str] = DESK
    delay_s: tuple[float, float] = DELAY_S
    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.5

    def __post_init__(self) -> None:
        self.reader = ScreenReader(self.workspace)
        self.events = Events()
        if self.workspace.labels.exists():
            self.events = read_events(self.workspace.labels)

    def round(self, way: str | None = None) -> list[str]:
        """Start, type, kill, look; in one of the ways above, drawn unless it is named. Returns what is wrong.

        Raises:
            NothingToTypeError: the desk shows no query.
        """
        names, weights = zip(*_WAYS, strict=True)
        drawn = self.rng.choices(names, weights)[0]
        # The first desks, until one of them lives long enough, are killed while they make the ledger.
        way = way or (drawn if self.workspace.labels.exists() else "start-up")
        typist = Typist(self.reader, self.rng)
        with self._desk(typist) as terminal:
            self._type_until_killed(terminal, typist, way)
            code = terminal.drain()
        self.counts[f"killed: {typist.hit}"] += 1
        self.counts["keys"] += len(typist.keys)
        problems = [] if code == -signal.SIGKILL else [f"the desk ended by itself, with {code}"]
        return problems + self._look(typist) + self._open_again()

    def _desk(self, typist: Typist) -> Terminal:
        return Terminal(
            [*self.command, "--home", str(self.workspace.home), "--as", ANNOTATOR, "review"],
            rows=self.rows, columns=self.columns, folder=_ROOT, on_frame=typist.look,
        )  # fmt: skip

    def _type_until_killed(self, terminal: Terminal, typist: Typist, way: str) -> None:
        delay = self.rng.uniform(*self.delay_s)
        if way == "start-up":
            self._kill_in(self.rng.uniform(0, self.slowest_s), terminal, typist)
        if not typist.open(terminal):
            return
        if way in {"typing", "rest"}:
            self._kill_in(delay, terminal, typist)
        begun, hurry = time.monotonic(), {"typing": 0.1, "rest": 0.1}.get(way, 0.7)
        while not terminal.ended:
            spent = time.monotonic() - begun
            if way == "rest" and spent > delay / 2:
                terminal.wait_for(lambda _: False, PATIENCE_S)
            elif way == "burst" and spent > delay:
                self._kill_in(self.rng.uniform(0, 0.3), terminal, typist)
                way = "last burst"
                typist.type_burst(terminal)
            elif self.rng.random() < hurry:
                typist.type_burst(terminal)
            else:
                typist.type_key(terminal)

    def _kill_in(self, seconds: float, terminal: Terminal, typist: Typist) -> None:
        """Kill from beside the typing, so that the moment has nothing to do with it."""

        def kill() -> None:
            typist.hit = typist.phase
            terminal.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()

    # -- looking at what is left ---------------------------------------------------------------------------

    def _look(self, typist: Typist) -> list[str]:
        """What is wrong with the ledger, as the kill left it."""
        labels, before = self.workspace.labels, self.events
        if not labels.exists():
            return ["the ledger is gone"] if before.rows or typist.sights else []
        self.counts["cut"] += was_cut_off(labels)
        problems = _verified(labels)
        self.events = read_events(labels)
        if self.events.rows[: len(before.rows)] != before.rows:
            problems.append("events from before the round are gone or changed")
            return problems
        old, acts = acts_of(before, ANNOTATOR), acts_of(self.events, ANNOTATOR)
        found = explain(typist.sights, typist.keys, old, acts[len(old) :], self.reader.options)
        self.counts["events"] += len(self.events.rows) - len(before.rows)
        self.counts["actions"] += len(acts) - len(old)
        self.counts["acknowledged"] += found.acknowledged
        return [*problems, found.problem] if found.problem else problems

    def _open_again(self) -> list[str]:
        """What is wrong with the desk that opens next: it must show what is on disk, and write nothing."""
        typist, begun = Typist(self.reader, self.rng), time.monotonic()
        with self._desk(typist) as terminal:
            if not typist.open(terminal):
                return ["the desk did not open again:", *(line for line in terminal.lines if line.strip())]
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
            terminal.kill()
            terminal.drain()
        acts = acts_of(self.events, ANNOTATOR)
        found = explain(typist.sights, "", acts, [], self.reader.options)
        problems = [f"opened again: {found.problem}"] if found.problem else []
        if read_events(self.workspace.labels).rows != self.events.rows:
            problems.append("opening the desk changed the events")
        return problems + _verified(self.workspace.labels)


def _verified(labels: Path) -> list[str]:
    try:
        return [f"verify: {problem}" for problem in verify(labels).problems]
    except SameskuError as error:
        return [f"verify: {error.message} {error.hint}"]


def was_cut_off(labels: Path) -> bool:
    """Whether a write was cut off in the middle: a rollback journal that has not been put away."""
    journal = labels.with_name(labels.name + "-journal")
    return journal.exists() and journal.read_bytes()[:8] == _JOURNAL_MAGIC


# -- the command -------------------------------------------------------------------------------------------


def main() -> None:
    """Kill, count, tell."""
    options = _options()
    home = Path(tempfile.mkdtemp(prefix="samesku-kill-"))
    workspace = (
        make_workspace(home, options.rounds * _QUERIES_A_ROUND)
        if options.home is None
        else copy_workspace(options.home, home)
    )
    rng = random.Random(options.seed)
    killer = Killer(workspace, rng, options.rows, options.columns)
    begun = time.monotonic()
    for number in range(1, options.rounds + 1):
        try:
            problems = killer.round()
        except NothingToTypeError as error:
            problems = ["the desk shows no query that could be read:", str(error)]
        if problems:
            sys.exit("\n".join([f"\nRound {number} of seed {options.seed} failed; see {home}", *problems]))
        _tell_progress(number, options.rounds, time.monotonic() - begun)
    # The matcher of a desk that was killed may still write there for a moment.
    shutil.rmtree(home, ignore_errors=True)
    took = f"{time.monotonic() - begun:.0f} s, seed {options.seed}, {options.columns}x{options.rows}"
    sys.stdout.write(f"{options.rounds} rounds in {took}\n{summary(killer)}")


def summary(killer: Killer) -> str:
    """The counts in sentences."""
    counts = killer.counts
    hits = ", ".join(f"{words} {counts[f'killed: {phase}']}" for phase, words in _HITS.items())
    beyond = counts["actions"] - counts["acknowledged"]
    return (
        f"killed {hits}; {counts['cut']} of these in the middle of a write\n"
        f"{counts['keys']:,} keys typed, {counts['actions']:,} actions on disk ({counts['events']:,} events): "
        f"{counts['acknowledged']:,} that the screen had moved past, {beyond:,} beyond\n"
        f"every acknowledged decision is on disk, no event from before changed, `labels verify` passed after every "
        f"kill, and the desk opened again each time (within {killer.slowest_s:.1f} s)\n"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kill_desk", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--home", type=Path, help="work on a copy of this workspace")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=24, help="24 or more, so that all candidates are shown")
    parser.add_argument("--columns", type=int, default=80)
    options = parser.parse_args()
    if options.home is not None and not Workspace(options.home).catalog.exists():
        parser.error(f"there is no workspace at {options.home}")
    if options.rounds < 1 or options.rows < 24 or options.columns < 80:
        parser.error("at least 1 round and 80x24")
    return options


def _tell_progress(done: int, total: int, seconds: float) -> None:
    """One line that is written over on a terminal; every tenth round a line elsewhere."""
    left = f"{seconds / done * (total - done):.0f} s left"
    line = f"round {done} of {total}, {60 * done / seconds:.0f} a minute, {left}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K" + ("\n" if done == total else ""))
    elif done % 10 == 0 or done == total:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
