"""The processors that this process may use."""

import os


def available_processors() -> int:
    """How many there are: those that the process is restricted to, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
