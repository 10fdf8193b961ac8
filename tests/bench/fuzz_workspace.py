"""Damage the files of a workspace in every way, and see what every verb and desk makes of it.

    python -m tests.bench.fuzz_workspace [--cases 1000] [--seed 7] [--only N]

Each case copies a small workspace, damages one of its files or two (bytes flipped, cut off, emptied, deleted, replaced
by a link, a FIFO, a folder, another file), with a desk open or not, and goes on working: verbs, a plain desk by a pipe,
the desk in a terminal. There may be no traceback, no hang, no other exit code than 0, 1 and 2; no decision that was
acknowledged may be lost; a restore of the ledger is proposed only where the ledger is damaged; and what can be rebuilt
is rebuilt, with the same result. The cases go through every path and damage in an order drawn by the seed.
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.forks.runs import Runs
from tests.bench.fuzz.case import Case, Reference
from tests.bench.fuzz.checks import Finding
from tests.bench.fuzz.damage import Damage, all_damages
from tests.bench.fuzz.template import Template

#: How often a case has a second damage.
_TWO = 0.15
#: Of a path in the table: what names one of many.
_ONE_OF_MANY = re.compile(r"\d{8}-?T?\d{6}Z?|[0-9a-f]{8,}|(?<=-)[0-9a-f]{4}\b|-\d+(?=\.db)")


def plan(damages: Sequence[Damage], number: int, seed: int) -> list[Damage]:
    """The damages of one case: over the cases all of them come up in turn, before any does again."""
    turn, place = divmod(number, len(damages))
    # Two generators, so that a case is the same however many there are.
    order = random.Random(f"{seed}:{turn}").sample(damages, len(damages))
    rng = random.Random(f"{seed}:{number}:second")
    return [order[place], rng.choice(damages)] if rng.random() < _TWO else [order[place]]


def fuzz(folder: Path, seed: int, numbers: Iterable[int]) -> list[Case]:
    """Run the cases.

    Args:
        folder: where all of it is made; a case's own folder goes when nothing was found.
        numbers: of the cases.

    Returns:
        the cases, each with its findings.
    """
    with Runs(folder) as runs:
        template = Template(folder)
        template.make(runs)
        reference = Reference.of(template, runs)
        damages = all_damages(template.home)
        made = [
            Case(template, reference, runs, n, seed, plan(damages, n, seed), folder / "cases" / str(n)) for n in numbers
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done, case in enumerate(pool.map(_run, made), 1):
                _tell(case, done, len(made))
    return made


def _run(case: Case) -> Case:
    try:
        case.run()
    except Exception:  # noqa: BLE001 - one case must not end the others
        case.findings.append(Finding("the fuzz run itself", traceback.format_exc()))
    if not case.findings:
        shutil.rmtree(case.folder, ignore_errors=True)
    return case


def _tell(case: Case, done: int, total: int) -> None:
    for finding in case.findings:
        damages = ", ".join(f"{damage.kind}: {damage.path}" for damage in case.damages)
        sys.stdout.write(f"{case.number} [{case.scene}] {damages} -> {finding}\n")
    if case.findings:
        sys.stdout.write(f"    {'; '.join(case.story)}\n    again: {again(case)}\n")
    if done % 50 == 0 or done == total:
        sys.stderr.write(f"{done} of {total} cases\n")
    sys.stdout.flush()


def again(case: Case) -> str:
    """The command that does a case once more."""
    return f"python -m tests.bench.fuzz_workspace --seed {case.seed} --only {case.number}"


def table(cases: Iterable[Case]) -> str:
    """Path by damage: of how many cases how many found something."""
    runs: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for case in cases:
        for damage in case.damages:
            runs[general(damage.path), damage.kind][bool(case.findings)] += 1
    kinds = sorted({kind for _, kind in runs})
    paths = sorted({path for path, _ in runs})
    width = max(map(len, paths))
    lines = [" ".join([" " * width, *(f"{kind[:14]:>14}" for kind in kinds)])]
    for path in paths:
        cells = [runs.get((path, kind)) for kind in kinds]
        told = ["" if c is None else f"{c[True]}/{c.total()}" if c[True] else f"ok {c.total()}" for c in cells]
        lines.append(" ".join([f"{path:<{width}}", *(f"{cell:>14}" for cell in told)]))
    return "\n".join(lines)


def general(text: str) -> str:
    """A path or a sentence without what names one of many."""
    return _ONE_OF_MANY.sub("…", text)


def causes(cases: Iterable[Case]) -> str:
    """What was found, the same things counted together."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for case in cases:
        damages = ", ".join(f"{damage.kind}: {general(damage.path)}" for damage in case.damages)
        for finding in case.findings:
            # Of a hang the damage is the cause, of all else what was said.
            text = damages if finding.kind in {"hang", "desk stopped"} else finding.text
            text = re.sub(r"/\S*/cases/\d+/", "", text)
            found[finding.kind, re.sub(r"\d+", "#", general(text))[:200]].append(case.number)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -len(item[1])))
    return "\n".join(f"{len(n):>4}  {kind}: {text}  (case {n[0]})" for (kind, text), n in ordered)


def main() -> None:
    """Run, tell, exit 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fuzz_workspace", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", type=int, help="this case alone; its folder is kept")
    options = parser.parse_args()
    folder, begun = Path(tempfile.mkdtemp(prefix="samesku-fuzz-")), time.monotonic()
    numbers = range(options.cases) if options.only is None else [options.only]
    cases = fuzz(folder, options.seed, numbers)
    failed = [case for case in cases if case.findings]
    sys.stdout.write(f"\n{table(cases)}\n\n")
    sys.stdout.write(f"{len(cases)} cases, seed {options.seed}, in {time.monotonic() - begun:.0f} s\n")
    if failed:
        sys.stdout.write(f"{len(failed)} of them found something; their folders are in {folder / 'cases'}\n")
        sys.exit(causes(failed))
    if options.only is None:
        shutil.rmtree(folder)
    sys.stdout.write("no traceback, no hang, nothing lost, and what can be rebuilt was rebuilt\n")


if __name__ == "__main__":
    main()
