"""A program that has the ledger open from before a restore does not harm the new file."""

import subprocess
import sys
from pathlib import Path

import pytest
from samples import implied, match, q

from labels.backup import backup
from labels.errors import LabelsError
from labels.restore import restore
from labels.store import LabelStore
from labels.verify import verify

ROOT = Path(__file__).parents[2]

#: In the middle of a transaction that is too large for memory: its journal is on disk, and a part of its pages.
_AMID_A_WRITE = """
import sys
from pathlib import Path
from labels.store import LabelStore

connection = LabelStore(Path(sys.argv[1])).connection
connection.execute("PRAGMA cache_size=2")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE actions SET text = text || hex(zeroblob(300))")
print("amid", flush=True)
sys.stdin.read()
"""


def test_a_read_of_the_old_file_leaves_the_journal_of_the_new_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    answers = [(q(str(number)), match("m") + implied(*"abcdefgh"), True) for number in range(260)]
    with LabelStore(path) as store:
        store.record_all("ada", answers[:200])
        made = backup(path, tmp_path / "backups")
    with LabelStore(path) as before:
        before.record_all("ada", answers[200:])
        restore(made.path, path, force=True)
        command = [sys.executable, "-c", _AMID_A_WRITE, str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"amid\n"
            with pytest.raises(LabelsError, match="restored while it was open"):
                before.decisions()
            writer.kill()
    assert verify(path).problems == ()


def test_a_read_after_the_file_was_replaced_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        store.record_all("ada", [(q("q1"), match("m"), True)])
        made = backup(path, tmp_path / "backups")
        assert len(store.decisions()) == 1
        store.record_all("ada", [(q("q2"), match("m"), True)])
        restore(made.path, path, force=True)
        with pytest.raises(LabelsError, match="restored while it was open"):
            store.decisions()
