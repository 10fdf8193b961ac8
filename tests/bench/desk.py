"""The desk as a labeller meets it: how soon it opens, what a key costs, how it ages, how many keys a query takes.

    python -m tests.bench.desk [--home FOLDER] [--data FOLDER] [--keys 300] [--shift 10000] [--products 1000000]

Drives the real program in a pseudo-terminal, on a copy of an indexed workspace (`--home`, best Walmart-Amazon's), else
on one made from the demo catalogue. `--data`, the folder of the four published files, gives the answers for the count
of keys per query. Figures depend on the machine and on what else it does; the ratios do not much.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from core.catalog.pair_table import read_pairs
from core.workspace import Workspace
from labels.database import marker_path
from labels.model import ProductRef
from tests.bench.desk_annotator import campaign
from tests.bench.desk_pace import (
    SIXTEEN,
    TRUE_COLOUR,
    decide,
    desk,
    heavy_libraries,
    opening,
    percentile,
    resident_mib,
    search,
    settle,
)
from tests.bench.workspaces import copy_workspace, enlarge, make_workspace

#: Words as people type them, the frequent ones among them: those cost most.
_SEARCHES = ("samsung 55 led", "black case", "canon ink cartridge 8", "wireless mouse")


def main() -> None:
    """All parts, one after the other."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="samesku-desk-") as folder:
        workspace = _workspace(options.home, Path(folder) / "home")
        base = _opening(workspace)
        _keys(workspace, options.keys)
        if options.products:
            _many_products(_workspace(options.home, Path(folder) / "many"), options.products, base)
        if options.shift:
            _shift(make_workspace(Path(folder) / "shift", options.shift + 100), options.shift)
        if options.home and options.data:
            _keystrokes(_workspace(options.home, Path(folder) / "campaign"), options.data)


def _workspace(home: Path | None, folder: Path) -> Workspace:
    return make_workspace(folder, 2_500) if home is None else copy_workspace(home, folder)


def _opening(workspace: Workspace) -> float:
    """Returns the memory held, in MiB."""
    opening(workspace, 1)  # what is cold costs what the disk costs
    seconds = opening(workspace, 7)
    with desk(workspace) as terminal:
        settle(terminal)
        held, heavy = resident_mib(terminal), heavy_libraries(terminal)
        idle = settle(terminal, 10.0)
    _say(f"start to first query: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s of 7")
    _say(f"memory: {held:.0f} MiB; model libraries in the process: {', '.join(sorted(heavy)) or 'none'}")
    _say(f"idle for 10 s: {idle} bytes")
    return held


def _keys(workspace: Workspace, keys: int) -> None:
    for colours, name in ((TRUE_COLOUR, "true colour"), (SIXTEEN, "16 colours")):
        for columns, rows in ((80, 24), (120, 36)):
            with desk(workspace, rows, columns, colours) as terminal:
                settle(terminal)
                _, whole = terminal.exchange("\x0c", 0.3)
                answers = decide(terminal, keys)
                _say(f"decide and go on, {columns}x{rows}, {name}: {answers.told()}; a whole frame {whole:,} bytes")
                settle(terminal)


def _many_products(workspace: Workspace, products: int, base: float) -> None:
    enlarge(workspace, products)
    with desk(workspace) as terminal:
        settle(terminal)
        held = resident_mib(terminal)
        _say(f"memory with {products:,} products: {held:.0f} MiB, {held / base:.2f} times as much")
        for text in _SEARCHES:
            _say(f"search {text!r} key by key: {search(terminal, text).told()}")
        _say(f"memory after the searches: {resident_mib(terminal):.0f} MiB")


def _shift(workspace: Workspace, decisions: int) -> None:
    """Eight hours of decisions, in tenths: does it age?"""
    tenth = decisions // 10
    with desk(workspace) as terminal:
        settle(terminal)
        for number in range(1, 11):
            begun = time.monotonic()
            answers = decide(terminal, tenth, 0.01, "n" if number % 2 else "a")
            p50, p99 = (1000 * percentile(answers.seconds, share) for share in (0.5, 0.99))
            _say(
                f"shift, decisions {(number - 1) * tenth + 1:,} to {number * tenth:,}: p50 {p50:.1f} ms,"
                f" p99 {p99:.1f} ms, {resident_mib(terminal):.0f} MiB, {time.monotonic() - begun:.0f} s"
            )


def _keystrokes(workspace: Workspace, data: Path) -> None:
    workspace.labels.unlink()
    marker_path(workspace.labels).unlink()
    gold: dict[ProductRef, set[ProductRef]] = {}
    for name in ("train.csv", "valid.csv"):
        for pair, match in read_pairs(data / name, "walmart", "amazon").items():
            if match:
                gold.setdefault(pair.query, set()).add(pair.candidate)
    done = asyncio.run(campaign(workspace, gold, 10_000))
    _say(
        f"keys per query: {done.keys / done.queries:.3f} ({done.keys:,} keys, {done.queries:,} queries,"
        f" {done.matches:,} known matches, {done.beyond} of them not among the ten)"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.desk", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, help="work on copies of this indexed workspace")
    parser.add_argument("--data", type=Path, help="the folder of the published files, for the answers")
    parser.add_argument("--keys", type=int, default=300, help="decisions at each size")
    parser.add_argument("--shift", type=int, default=10_000, help="decisions of the long shift; 0 leaves it out")
    parser.add_argument("--products", type=int, default=1_000_000, help="of the large catalogue; 0 leaves it out")
    return parser.parse_args()


if __name__ == "__main__":
    main()
