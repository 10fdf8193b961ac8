"""Kill desks, imports, merges, backups and restores that act on one ledger at once: nothing acknowledged may be lost.

    python -m tests.bench.kill_mixed [--kills 500] [--seed 1]

Two plain desks label while four programs import, merge, back up and restore without end; each is killed with SIGKILL at
random moments and started again. A restore gives up what came after its backup, and keeps it: so in the end every act
that was acknowledged must be in the ledger, or in a ledger that a restore has kept. A desk that was open at a restore
must refuse, not write where nothing is found. The seed decides on acts and moments; what a moment meets is up to the
machine.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from labels.errors import SameskuError
from labels.leases import Leases
from labels.verify import verify
from tests.bench.forks.runs import Dialogue, Runs
from tests.bench.kill_mixed_acts import ACTS, rest
from tests.bench.kill_mixed_left import Kept, strangers
from tests.bench.workspaces import make_workspace

DESKS = ("ada", "bob")
#: Of what each has said, so many lines at most are waited for; then the kill comes within so many seconds.
_WORDS, _DELAY_S = 8, 0.2
#: Deciding lines, by the verb of the event that each becomes.
_LINES = {
    "accept 1": "accept", "reject 2": "reject", "none": "none", "unsure 1": "unsure", "skip": "skip", "flag": "flag",
    "comment": "comment",
}  # fmt: skip
#: What is said of a ledger that was restored while a store had it open.
_GONE = "was deleted, moved or restored"
#: Nothing hangs that waits for others, or for a slow disk, for less than this.
_PATIENCE_S = 600.0
#: More than the desks answer.
_QUERIES = 4000


@dataclass
class Tally:
    """What all of them added up to; any thread adds.

    Attributes:
        said: by annotator, how many acts of each verb a desk has acknowledged.
        heads: number and hash of the last event at the end of every act of the others.
        counts: for the summary.
        problems: what must not be.
    """

    said: dict[str, Counter[str]] = field(default_factory=dict)
    heads: set[tuple[int, str]] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass
class Mixed:
    """A workspace, and those who act on it until the kills are used up."""

    runs: Runs
    home: Path
    kills: int
    seed: int
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._left = self.kills
        self.environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.home.parent), "USER": "ada", "LC_ALL": "C.UTF-8",
            "TMPDIR": str(self.home.parent / "tmp"), "SAMESKU_LABELS__BACKUPS": "1000",
            "SAMESKU_DESK__PRACTICE": "false", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1",
        }  # fmt: skip

    def run(self) -> None:
        """All at once, until so many kills were made."""
        threads = [
            threading.Thread(target=self._again_and_again, args=(live, name))
            for live, names in ((self._desk, DESKS), (self._act, ACTS))
            for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _again_and_again(self, live: Callable[[str, random.Random], None], name: str) -> None:
        rng = random.Random(f"{self.seed}:{name}")
        try:
            while self._takes_a_kill(name):
                live(name, rng)
        except Exception as error:  # noqa: BLE001 - told in the end, with the others
            self.tally.problems.append(f"{name}: {type(error).__name__}: {error}")

    def _takes_a_kill(self, name: str) -> bool:
        with self._lock:
            self._left -= 1
            self.tally.counts[f"kills of {name}"] += self._left >= 0
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{self.kills - self._left} of {self.kills} kills\x1b[K")
            return self._left >= 0 and not self.tally.problems

    # -- those who act ---------------------------------------------------------------------------------------

    def _desk(self, name: str, rng: random.Random) -> None:
        """One plain desk, or several where restores make them leave, until one is killed."""
        counts = self.tally.said.setdefault(name, Counter())
        killed = False
        while not killed:
            command = ["tui", "--home", str(self.home), "--as", name, "review", "--plain"]
            with self._dialogue(command) as desk:
                self._talk(desk, rng, counts)
                desk.send("quit\n")
                desk.end_input()
                outcome = desk.outcome()
            killed = outcome.code == -9
            if not killed and (outcome.code not in (0, 1) or "Traceback" in outcome.text):
                self.tally.problems.append(f"the desk of {name} ended with {outcome.code}: {outcome.text[-2000:]}")
                return

    def _talk(self, desk: Dialogue, rng: random.Random, counts: Counter[str]) -> None:
        """Say lines until it is killed, or says that the ledger is another."""
        last = rng.randint(0, _WORDS)
        for number in itertools.count():
            line, mark, begun = rng.choice(list(_LINES)), f"@{number}", len(desk.text)
            rest()
            if number == last:
                self._kill_soon(desk, rng)
            desk.send(f"{line}{' remark' if line == 'comment' else ''}\n{mark}\n")
            answered = desk.hear(f"“{mark}”")
            said = desk.text[begun:]
            if "Saved." in said.splitlines():
                counts[_LINES[line]] += 1
                self.tally.counts["decisions"] += 1
            if not answered:
                return
            if _GONE in said:
                self.tally.counts["desks that a restore ended"] += 1
                return

    def _dialogue(self, command: list[str]) -> Dialogue:
        return Dialogue(self.runs, command, self.environment, self.home.parent, idle_s=_PATIENCE_S, wall_s=_PATIENCE_S)

    def _kill_soon(self, one: Dialogue, rng: random.Random) -> None:
        timer = threading.Timer(rng.uniform(0, _DELAY_S), one.kill)
        timer.daemon = True
        timer.start()

    def _act(self, act: str, rng: random.Random) -> None:
        """One program until it is killed."""
        arguments = [str(self.home / "labels.db"), act, str(rng.getrandbits(32))]
        command = ["tests.bench.kill_mixed_acts", *arguments]
        with self._dialogue(command) as program:
            words = rng.randint(1, _WORDS)
            program.hear_until(lambda text: text.count("\n") >= words)
            self._kill_soon(program, rng)
            outcome = program.outcome()
        if outcome.code != -9:
            self.tally.problems.append(f"{act} ended with {outcome.code}: {outcome.text[-2000:]}")
            return
        amid = False
        for line in outcome.text.splitlines():
            ((what, told),) = json.loads(line).items()
            amid = what == "begun"
            if what == "done":
                self.tally.heads.add((told["events"], told["hash"]))
            self.tally.counts[f"{act} {what}"] += 1
        self.tally.counts[f"{act} amid"] += amid

    # -- afterwards ------------------------------------------------------------------------------------------

    def look(self) -> list[str]:
        """What is wrong when all are killed and the next have come."""
        labels = self.home / "labels.db"
        problems = [*self.tally.problems, *_verified(labels)]
        kept = Kept.of(self.home)
        problems += kept.missing(self.tally.said, self.tally.heads)
        self.tally.counts["ledgers"] = kept.files
        private = self.home.parent / "tmp"
        for draft in (*self.home.rglob(".samesku-draft-*"), *private.iterdir()):
            os.utime(draft, (0, 0))  # as if it were old enough to be nobody's
        for name in DESKS:
            problems += self._ends_well("--as", name, "review", "--plain")
        for verb in ("verify", "backup"):
            problems += self._ends_well("labels", verb)
        problems += [f"{name} was left" for name in strangers(self.home)]
        problems += [f"{path.name} was left in the temporary folder" for path in private.iterdir()]
        with closing(Leases(labels)) as claims:
            problems += [f"{query} is still reserved for {who}" for query, who in claims.held_by_others("").items()]
        problems += [f"process {pid} still runs" for pid in self.runs.wait()]
        return problems + _verified(labels)

    def _ends_well(self, *arguments: str) -> list[str]:
        done = self.runs.run(
            "--home", str(self.home), *arguments, environment=self.environment, folder=self.home.parent, text="quit\n"
        )
        return [] if done.code == 0 else [f"{arguments} ended with {done.code}: {done.text[-500:]}"]


def _verified(labels: Path) -> list[str]:
    try:
        return [f"verify: {problem}" for problem in verify(labels).problems]
    except SameskuError as error:
        return [f"verify: {error.message} {error.hint}"]


def summary(tally: Tally) -> str:
    """The counts in sentences."""
    counts = tally.counts
    desks = sum(counts[f"kills of {name}"] for name in DESKS)
    lines = [f"{desks} kills of desks; {counts['desks that a restore ended']} more were ended by a restore"]
    lines += [
        f"{counts[f'kills of {act}']} kills of {act}, {counts[f'{act} amid']} amid an act; "
        f"{counts[f'{act} done']} done, {counts[f'{act} refused']} refused"
        for act in ACTS
    ]
    said = f"{counts['decisions']:,} decisions and {len(tally.heads):,} other acts were acknowledged"
    return "\n".join([*lines, f"{said}; the ledger and {counts['ledgers'] - 1} kept files hold all of them"])


def main() -> None:
    """Kill, look, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kill_mixed", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder, begun = Path(tempfile.mkdtemp(prefix="samesku-kill-mixed-")), time.monotonic()
    (folder / "tmp").mkdir()
    make_workspace(folder / "home", _QUERIES)
    with Runs(folder, models=False) as runs:
        mixed = Mixed(runs, folder / "home", options.kills, options.seed)
        mixed.run()
        problems = mixed.look()
    took = f"{options.kills} kills in {time.monotonic() - begun:.0f} s, seed {options.seed}"
    sys.stdout.write(f"\n{took}\n{summary(mixed.tally)}\n")
    if problems:
        sys.exit("\n".join([f"failed; see {folder}", *problems]))
    shutil.rmtree(folder)
    sys.stdout.write("nothing acknowledged is lost, `labels verify` passes, nothing is left running or reserved\n")


if __name__ == "__main__":
    main()
