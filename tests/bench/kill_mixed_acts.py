"""A program that does one kind of act to a ledger that others work on at the same time, until it is killed.

python -m tests.bench.kill_mixed_acts LEDGER ACT SEED

It says on standard output what it begins and what is done, a line each. What the ledger refuses is said, too: a store
that was restored under it, a lock that took too long.
"""

import json
import random
import sys
import time
from pathlib import Path

from labels.errors import LabelsError
from labels.store import LabelStore
from tests.bench.kill_acts import one_act

#: Between two acts of one program, in seconds at most: often enough that they meet.
_PAUSE_S = 0.3
#: Every so many seconds all writers rest for some: a restore is refused while somebody writes, as it should be.
_PERIOD_S, _REST_S = 5.0, 2.0
#: Few rows, so that the ledger stays small. No backup is rotated away: what a restore kept must be found in the end.
_ROWS = 5
ACTS: dict[str, dict[str, object]] = {
    "import": {"rows": _ROWS}, "merge": {"rows": _ROWS}, "backup": {"keep": None}, "restore": {"force": True},
}  # fmt: skip


def rest() -> None:
    """Wait where it is time for the writers to rest."""
    into = time.time() % _PERIOD_S
    if into < _REST_S:
        time.sleep(_REST_S - into)


def main() -> None:
    """Act without end."""
    path, act = Path(sys.argv[1]), sys.argv[2]
    rng = random.Random(int(sys.argv[3]))
    store: LabelStore | None = None
    while True:
        time.sleep(rng.uniform(0, _PAUSE_S))
        if act in ("import", "merge"):
            rest()
        try:
            store = one_act(act, store or LabelStore(path), rng, **ACTS[act])
        except LabelsError as error:
            sys.stdout.write(json.dumps({"refused": {"act": act, "why": error.message}}) + "\n")
            sys.stdout.flush()
            if store is not None:
                store.close()
            store = None


if __name__ == "__main__":
    main()
