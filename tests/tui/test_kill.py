"""The desk under SIGKILL, and the check itself: it must find a desk out that moves on before it writes."""

import random
import shutil
import sys
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("pyte", reason="needs the extra 'dev'")
pytest.importorskip("termios", reason="needs pseudo-terminals")

from labels import draws
from labels.database import journal_mode
from labels.model import ActionDetails, Decision, Judgement, ProductRef, Strength, Verb
from labels.store import LabelStore
from labels.verify import verify
from tests.bench.kill_checks import acts_of, explain, read_events
from tests.bench.kill_desk import ANNOTATOR, Killer, was_cut_off
from tests.bench.screen_reader import Sight
from tests.bench.workspaces import make_workspace

#: A desk that commits only every hundredth write, as if that were good enough.
_LATE = """
from contextlib import contextmanager
import labels.leases, labels.store

writes = 0

@contextmanager
def late(connection):
    global writes
    if not connection.in_transaction:
        connection.execute("BEGIN IMMEDIATE")
    yield connection
    writes += 1
    if writes % 100 == 0:
        connection.execute("COMMIT")

labels.store.transaction = late
# The leases are in the same file, which stays locked.
labels.leases.Leases.take = lambda *_: True
labels.leases.Leases.held_by_others = lambda *_: {}

from tui.__main__ import main
main()
"""

FIRST, SECOND, THIRD = (ProductRef("walmart", key) for key in ("q1", "q2", "q3"))
OPTIONS = {
    query: [ProductRef("amazon", f"{query.id}-c{place}") for place in (1, 2)] for query in (FIRST, SECOND, THIRD)
}
KEYS = "ajxuz"
SIGHTS = [
    Sight(FIRST, "  ", 0, ""),
    Sight(SECOND, "  ", 0, "", 1, "a"),
    Sight(SECOND, "  ", 1, "", 2, "j"),
    Sight(SECOND, " ✗", 0, "", 3, "x"),
    Sight(THIRD, "  ", 0, "", 4, "u"),
    Sight(SECOND, " ✗", 0, "Undone: unsure.", 5, "z"),
]


def killer_on(home: Path, **changes: object) -> Killer:
    """Somebody who kills the desk on a fresh workspace, sooner than the benchmark does."""
    return Killer(make_workspace(home, 188), random.Random(5), delay_s=(0.4, 0.9), **changes)


def test_what_a_killed_desk_acknowledged_is_on_disk(tmp_path: Path) -> None:
    killer = killer_on(tmp_path / "home")
    assert [killer.round(way) for way in ("start-up", "burst", "typing")] == [[], [], []]
    # A slow machine may acknowledge nothing before the kill.
    while killer.counts["acknowledged"] == 0:
        assert killer.round("typing") == []
    assert killer.counts["actions"] >= killer.counts["acknowledged"]


def test_a_desk_that_moves_on_before_it_writes_is_found_out(tmp_path: Path) -> None:
    killer = killer_on(tmp_path / "home", command=(sys.executable, "-c", _LATE))
    problems = next(filter(None, (killer.round("typing") for _ in count())))
    assert len(problems) == 1
    assert "no action in the ledger accounts for it" in problems[0]


def test_a_write_that_was_cut_off_is_rolled_back_before_the_ledger_is_verified(
    ledger: LabelStore, tmp_path: Path
) -> None:
    ledger.record(ANNOTATOR, Verb.SKIP, FIRST)
    # A small cache puts pages into the file before the commit, as a kill in the middle of one leaves them.
    ledger.connection.execute("PRAGMA cache_size = 5")
    ledger.connection.execute("BEGIN IMMEDIATE")
    rows = [("walmart", f"q{number}", 7, "now", "", 1.0) for number in range(2000)]
    draws.record(ledger.connection, "validation", 1, rows)
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in ledger.path.parent.glob("labels.db*"):
        shutil.copy(file, killed)
    ledger.connection.execute("ROLLBACK")
    assert was_cut_off(killed / "labels.db") or journal_mode(ledger.path) == "wal"
    assert len(read_events(killed / "labels.db").rows) == 1
    checked = verify(killed / "labels.db")
    assert (checked.events, checked.problems) == (1, ())


@pytest.fixture
def typed(ledger: LabelStore) -> LabelStore:
    """A ledger that bears out `SIGHTS`."""
    (first, second), (third, fourth) = OPTIONS[FIRST], OPTIONS[SECOND]
    implied = Judgement(second, Decision.NO_MATCH, Strength.IMPLIED)
    ledger.record(
        ANNOTATOR, Verb.ACCEPT, FIRST, [Judgement(first, Decision.MATCH), implied], ActionDetails(closes=True)
    )
    ledger.record(ANNOTATOR, Verb.REJECT, SECOND, [Judgement(fourth, Decision.NO_MATCH)])
    ledger.record(ANNOTATOR, Verb.UNSURE, SECOND, [Judgement(third, Decision.UNSURE)], ActionDetails(closes=True))
    ledger.undo(ANNOTATOR)
    return ledger


def test_a_ledger_bears_out_what_was_seen(typed: LabelStore) -> None:
    found = explain(SIGHTS, KEYS, [], acts_of(read_events(typed.path), ANNOTATOR), OPTIONS)
    assert (found.acknowledged, found.problem) == (4, "")


def test_what_was_written_but_not_yet_seen_is_no_fault(typed: LabelStore) -> None:
    found = explain(SIGHTS[:4], KEYS, [], acts_of(read_events(typed.path), ANNOTATOR), OPTIONS)
    assert (found.acknowledged, found.problem) == (2, "")


@pytest.mark.parametrize("lost", range(4))
def test_a_ledger_that_lacks_an_acknowledged_decision_is_refused(typed: LabelStore, lost: int) -> None:
    acts = acts_of(read_events(typed.path), ANNOTATOR)
    del acts[lost]
    assert explain(SIGHTS, KEYS, [], acts, OPTIONS).problem


def test_a_decision_that_nobody_typed_is_refused(typed: LabelStore) -> None:
    typed.record(ANNOTATOR, Verb.SKIP, SECOND)
    found = explain(SIGHTS, KEYS, [], acts_of(read_events(typed.path), ANNOTATOR), OPTIONS)
    assert "no key asked for" in found.problem


def test_a_decision_on_another_candidate_than_the_highlighted_one_is_refused(ledger: LabelStore) -> None:
    ledger.record(
        ANNOTATOR, Verb.UNSURE, FIRST, [Judgement(OPTIONS[FIRST][1], Decision.UNSURE)], ActionDetails(closes=True)
    )
    sights = [Sight(FIRST, "  ", 0, ""), Sight(SECOND, "  ", 0, "", 1, "u")]
    assert explain(sights, "u", [], acts_of(read_events(ledger.path), ANNOTATOR), OPTIONS).problem


def test_accepting_and_staying_does_not_explain_that_the_query_was_left(ledger: LabelStore) -> None:
    matched = [Judgement(OPTIONS[FIRST][0], Decision.MATCH)]
    ledger.record(ANNOTATOR, Verb.ACCEPT, FIRST, matched, ActionDetails(closes=True))
    sights = [Sight(FIRST, "  ", 0, ""), Sight(SECOND, "  ", 0, "", 2)]
    acts = acts_of(read_events(ledger.path), ANNOTATOR)
    assert explain(sights, "An", [], acts, OPTIONS).problem
    assert not explain(sights, "na", [], acts, OPTIONS).problem
