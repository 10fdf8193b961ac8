"""Does a key wait while a judge works? The same decisions without one, and beside one that is never out of work.

    python -m tests.bench.judge_desk --home FOLDER [--keys 350] [--turns 4]

`--home` is an indexed workspace whose settings name a judge (best Walmart-Amazon's with a trained cross-encoder). It
is copied for each turn, and the judge is asked in the process that the desk starts for it, about all candidates of one
query after another. Turns without and beside one alternate; how far those of a kind are apart is the machine's noise.
"""

import argparse
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.retrieval.candidates import CandidateStore
from core.workspace import Workspace
from tests.bench.desk_pace import Answers, decide, desk, percentile, settle
from tests.bench.workspaces import copy_workspace
from tui.errors import WorkerError
from tui.worker_client import WorkerClient


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.judge_desk", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--home", type=Path, required=True, help="an indexed workspace with a judge")
    parser.add_argument("--keys", type=int, default=350, help="decisions each turn")
    parser.add_argument("--turns", type=int, default=4, help="turns of each kind")
    options = parser.parse_args()
    turns: dict[bool, list[Answers]] = {False: [], True: []}
    for number in range(2 * options.turns):
        # Which kind comes first changes too: the machine's pace drifts.
        judged = number % 4 in {1, 2}
        turns[judged].append(_turn(options.home, options.keys, judged=judged))
    p99 = {}
    for judged, each in turns.items():
        told = Answers([s for turn in each for s in turn.seconds], [b for turn in each for b in turn.bytes])
        p99[judged] = percentile(told.seconds, 0.99)
        alone = ", ".join(f"{1000 * percentile(turn.seconds, 0.99):.0f}" for turn in each)
        sys.stdout.write(f"{'beside a judge' if judged else 'without one'}: {told.told()}; p99 by turn {alone} ms\n")
    sys.stdout.write(f"p99 beside a judge: {p99[True] / p99[False]:.2f} times that without one\n")


def _turn(home: Path, keys: int, *, judged: bool) -> Answers:
    with tempfile.TemporaryDirectory(prefix="samesku-judge-") as folder:
        workspace = copy_workspace(home, Path(folder) / "home")
        workspace.models.symlink_to(Workspace(home).models.resolve())
        with desk(workspace) as terminal:
            settle(terminal)
            if not judged:
                return decide(terminal, keys)
            with _busy_judge(workspace) as asked:
                answers = decide(terminal, keys)
            sys.stdout.write(f"the judge answered {len(asked):,} queries meanwhile\n")
            return answers


@contextmanager
def _busy_judge(workspace: Workspace) -> Iterator[list[int]]:
    """A judge at work until this is left; how many verdicts each query brought."""
    store = CandidateStore(workspace.derived)
    queries: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for query, candidate in store.all():
        queries.setdefault(query, []).append(candidate.ref)
    store.close()
    command = [sys.executable, "-m", "core.judge.worker", "--home", str(workspace.home)]
    judge, asked, over = WorkerClient(workspace.home, command, name="judge"), list[int](), threading.Event()

    def ask() -> None:
        try:
            for query, candidates in queries.items():
                if over.is_set():
                    return
                asked.append(len(judge.ask("ahead", query=query, candidates=candidates)["verdicts"]))
        except WorkerError as error:
            if not over.is_set():
                sys.stdout.write(f"the judge stopped: {error}\n")

    # The first verdict takes the loading of the model along.
    judge.ask("ahead", query=next(iter(queries)), candidates=next(iter(queries.values())))
    threading.Thread(target=ask, daemon=True).start()
    try:
        yield asked
    finally:
        over.set()
        judge.close(wait_s=10.0)


if __name__ == "__main__":
    main()
