"""Kill a program that acts on a ledger at random moments: nothing that it acknowledged may be lost, nothing torn.

    python -m tests.bench.kill_ledger [--rounds 500] [--seed 1] [--rows 40]

Each round forks a child that decides, takes back, imports, backs up, restores, or migrates a ledger of the first
schema, and says so on a pipe when an act is done. It is killed with SIGKILL; then the file is opened by others. A
kill takes the process, not the machine: what the disk has not written yet, the kernel still will.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from labels import migrations  # noqa: F401 - loaded once, before the forks
from tests.bench.kill_acts import ACTS, Ack, act_until_killed
from tests.bench.kill_left import Left, first_head, look, make_template

#: How long a child may live after its first word, in seconds: most acts take a few milliseconds.
_LIVES_S = 0.25
#: How often a round begins with a migration, of a ledger made anew.
_ANEW = 0.25


@dataclass
class Killer:
    """A ledger, and children that are killed while they act on it.

    Attributes:
        home: the folder of the ledger.
        template: a ledger of the first schema, to begin with now and again.
        killed: by act, how many kills hit it, and how many of these acts were on disk all the same.
        acknowledged: by act, how many were done.
    """

    home: Path
    template: Path
    rng: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    landed: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    drafts: int = 0

    def __post_init__(self) -> None:
        self.first = self.known = first_head(self.template)

    @property
    def path(self) -> Path:
        """The ledger."""
        return self.home / "labels.db"

    def round(self) -> list[str]:
        """Act, kill, look. Returns what is wrong."""
        if not self.path.exists() or self.rng.random() < _ANEW:
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir()
            shutil.copy(self.template, self.path)
            self.known = self.first
        said = self._child()
        if said and "failed" in said[-1]:
            return [str(said[-1]["failed"])]
        acks = [Ack(**line["done"]) for line in said if "done" in line]
        begun = [line["begun"] for line in said if "begun" in line]
        self.acknowledged.update(ack.act for ack in acks)
        hit = begun[-1] if len(begun) > len(acks) else {"act": "between acts"}
        self.killed[hit["act"]] += 1
        left = look(self.path, self.known, acks, hit)
        self._count(left, hit["act"])
        self.known = left.head or self.known
        return left.problems

    def _count(self, left: Left, act: str) -> None:
        self.landed[act] += left.landed
        self.cut += left.cut
        self.drafts += left.drafts

    def _child(self) -> list[dict[str, dict[str, str]]]:
        """What a child said until it was killed."""
        reading, writing = os.pipe()
        seed = self.rng.getrandbits(32)
        if not (child := os.fork()):
            os.close(reading)
            act_until_killed(self.path, seed, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            lines = [pipe.readline()]
            time.sleep(self.rng.uniform(0, _LIVES_S) * self.rng.random())
            os.kill(child, signal.SIGKILL)
            lines += pipe.read().splitlines()
        os.waitpid(child, 0)
        return [json.loads(line) for line in lines if line]


def table(killer: Killer) -> str:
    """The counts, an act a line."""
    lines = [f"{'act':<14}{'done':>8}{'killed amid':>13}{'of these on disk':>18}"]
    lines += [
        f"{act:<14}{killer.acknowledged[act]:>8,}{killer.killed[act]:>13,}{killer.landed[act]:>18,}"
        for act in [*ACTS, "between acts"]
    ]
    cut = f"{killer.cut:,} kills left a journal to roll back, {killer.drafts:,} left drafts, which do no harm"
    return "\n".join([*lines, cut, ""])


def main() -> None:
    """Kill, count, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kill_ledger", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=40, help="the first ledger, so many times over")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="samesku-kill-ledger-"))
    template = make_template(folder / "first.db", options.rows)
    killer = Killer(folder / "home", template, random.Random(options.seed))
    begun = time.monotonic()
    for number in range(1, options.rounds + 1):
        if problems := killer.round():
            sys.stdout.write(table(killer))
            sys.exit("\n".join([f"Round {number} of seed {options.seed} failed; see {killer.home}", *problems]))
        if sys.stderr.isatty():
            sys.stderr.write(f"\rround {number} of {options.rounds}\x1b[K" + "\n" * (number == options.rounds))
    shutil.rmtree(folder)
    sys.stdout.write(f"{options.rounds} rounds in {time.monotonic() - begun:.0f} s, seed {options.seed}\n")
    sys.stdout.write(table(killer) + "every acknowledged act is there, and `labels verify` is content every time\n")


if __name__ == "__main__":
    main()
