"""Concurrent users of one ledger survive SIGKILL; `make bench-kill-mixed` does it five hundred times."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from samples import match, q

from labels.backup import backup
from labels.files import DRAFT_PREFIX
from labels.model import ActionDetails, Verb
from labels.restore import restore
from labels.store import LabelStore
from tests.bench.kill_mixed_left import Kept, strangers

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_that_was_acknowledged_is_lost() -> None:
    command = [sys.executable, "-m", "tests.bench.kill_mixed", "--kills", "16"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing acknowledged is lost" in done.stdout


def test_the_check_finds_lost_events_but_not_restored_ones(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), match("c1"), ActionDetails(closes=True))
        first = backup(path, tmp_path / "backups")
        store.record("ada", Verb.SKIP, q("q2"))
        last = store.connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    restore(first.path, path)
    kept = Kept.of(tmp_path)
    said = Counter({"accept": 1, "skip": 1})
    assert kept.missing({"ada": said}, {tuple(last)}) == []
    assert kept.missing({"ada": said + Counter(["skip"])}, set()) == ["acknowledged to ada and nowhere: {'skip': 1}"]
    assert kept.missing({}, {(2, "0")}) == ["event 2 with the hash 0 is nowhere"]


def test_opening_a_ledger_removes_drafts_of_a_killed_restore(tmp_path: Path) -> None:
    LabelStore(tmp_path / "labels.db").close()
    abandoned, fresh = (tmp_path / f"{DRAFT_PREFIX}{name}" for name in ("abandoned", "fresh"))
    for place in (abandoned, fresh):
        place.mkdir()
        (place / "labels.db").write_bytes(b"a private copy")
    os.utime(abandoned, (0, 0))
    LabelStore(tmp_path / "labels.db").close()
    assert not abandoned.exists()
    assert fresh.exists()


def test_the_check_finds_leftover_files(tmp_path: Path) -> None:
    LabelStore(tmp_path / "labels.db").close()
    assert strangers(tmp_path) == []
    (tmp_path / ".samesku-draft-1").mkdir()
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / ".samesku-draft-2").touch()
    assert sorted(strangers(tmp_path)) == [".samesku-draft-1", "backups/.samesku-draft-2"]
