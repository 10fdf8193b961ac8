"""How quick, how quiet and how small the desk is, measured from outside: the real program in a pseudo-terminal."""

import re
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.workspace import Workspace
from tests.bench.terminal import Terminal

ROOT = Path(__file__).parents[2]
TRUE_COLOUR: Mapping[str, str | None] = {"COLORTERM": "truecolor"}
SIXTEEN: Mapping[str, str | None] = {"TERM": "xterm-16color", "COLORTERM": None}

#: Native libraries of what the desk must not load, as their files are called.
_HEAVY = re.compile(r"/(torch|sklearn|lightgbm|faiss|numpy|scipy|pyarrow|mlx|rapidfuzz)[/_.]")
#: Silence that ends an answer; a refit of the matcher comes later, and is counted as such.
QUIET_S = 0.06
_PATIENCE_S = 30.0
_SHOWN = re.compile(r"(?:^|\W)1/\d+ ─")


@dataclass
class Answers:
    """What keys cost: seconds to the last byte, and bytes."""

    seconds: list[float] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)

    def add(self, answer: tuple[float, int]) -> None:
        """One more key."""
        self.seconds.append(answer[0])
        self.bytes.append(answer[1])

    def told(self) -> str:
        """Half of them, 99 of 100, and the bytes."""
        p50, p99 = (1000 * percentile(self.seconds, share) for share in (0.5, 0.99))
        return (
            f"key to last byte p50 {p50:.1f} ms, p99 {p99:.1f} ms; bytes p50 {statistics.median(self.bytes):,.0f},"
            f" p99 {percentile(self.bytes, 0.99):,.0f}, most {max(self.bytes):,} ({len(self.bytes):,} keys)"
        )


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def desk(
    workspace: Workspace, rows: int = 24, columns: int = 80, colours: Mapping[str, str | None] = TRUE_COLOUR
) -> Iterator[Terminal]:
    """The desk with its first query on the screen; ended like a person ends it."""
    command = [sys.executable, "-m", "tui", "--home", str(workspace.home), "--as", "bench", "review"]
    with Terminal(command, rows=rows, columns=columns, folder=ROOT, environment=colours) as terminal:
        if not terminal.wait_for(is_open, _PATIENCE_S):
            sys.exit("The desk shows no query:\n" + "\n".join(terminal.lines))
        yield terminal
        terminal.send("q")
        terminal.drain()


def is_open(terminal: Terminal) -> bool:
    """Whether a query is on the screen."""
    return any(_SHOWN.search(line) for line in terminal.lines)


def settle(terminal: Terminal, quiet_s: float = 2.0) -> int:
    """Read until nothing has come for so long. Returns how many bytes came."""
    before = terminal.bytes_read
    while terminal.pump(quiet_s):
        pass
    return terminal.bytes_read - before


def opening(workspace: Workspace, times: int) -> list[float]:
    """Seconds from the start of the process to the first query, each time."""
    found = []
    for _ in range(times):
        begun = time.monotonic()
        with desk(workspace) as terminal:
            found.append(terminal.read_at - begun)
    return found


def decide(terminal: Terminal, keys: int, quiet_s: float = QUIET_S, key: str = "n") -> Answers:
    """Decide and go on, so many times."""
    answers = Answers()
    for _ in range(keys):
        answers.add(terminal.exchange(key, quiet_s))
        if not is_open(terminal):
            break
    return answers


def resident_mib(terminal: Terminal) -> float:
    """Memory that the desk's process holds."""
    status = Path(f"/proc/{terminal.process.pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def heavy_libraries(terminal: Terminal) -> set[str]:
    """Native libraries in the desk's process that should not be there."""
    maps = Path(f"/proc/{terminal.process.pid}/maps").read_text(encoding="utf-8")
    return {found[1] for found in _HEAVY.finditer(maps)}


def search(terminal: Terminal, text: str) -> Answers:
    """Open the search, type a text key by key, and leave it again."""
    terminal.exchange("/", 0.3)
    answers = Answers()
    for key in text:
        answers.add(terminal.exchange(key, QUIET_S))
    terminal.exchange("\x1b", 0.5)
    return answers
