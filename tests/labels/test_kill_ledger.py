"""The ledger survives SIGKILL at random times; `make bench-ledger-kill` does it five hundred times."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_that_was_acknowledged_is_lost() -> None:
    # In a process of its own: a fork takes no threads along, and who knows what the other tests have started.
    command = [sys.executable, "-m", "tests.bench.kill_ledger", "--rounds", "20", "--rows", "10"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every acknowledged act is there" in done.stdout
