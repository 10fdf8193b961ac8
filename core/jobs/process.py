"""Telling one process from another: a process id alone may have gone to another program since."""

import subprocess
from pathlib import Path


def process_birth(pid: int) -> str | None:
    """When a process began, as its system tells; None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _birth_by_ps(pid)
    # Field 3 of proc(5) is the state, Z for a process that ended and was not waited for; 22 the start time.
    return None if fields[0] == "Z" else fields[19]


def _birth_by_ps(pid: int) -> str | None:
    """The same on macOS, which has no /proc."""
    answer = subprocess.run(  # noqa: S603
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None
