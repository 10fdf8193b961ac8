"""The hash chain of draws, and how events, merges and backups cover it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ledgers import contents, opened
from samples import match, q
from tampering import change_unseen

from core.transfer.ledger_parquet import export_parquet, import_parquet
from labels import chain
from labels.backup import backup
from labels.backup_index import FOLDER, backups
from labels.errors import LabelsError
from labels.exchange.merge import export_ledger, import_ledger, merge_ledger
from labels.model import ActionDetails, Stratum, Verb
from labels.restore import restore
from labels.store import LabelStore
from labels.verify import verify

FIXTURES = Path(__file__).parent
FORMAT_1 = FIXTURES / "ledger_format1.jsonl"


def act(store: LabelStore, query: str = "1") -> None:
    store.record("ada", Verb.ACCEPT, q(query), match("a"), ActionDetails(closes=True))


def drawn(store: LabelStore) -> list[tuple[object, ...]]:
    return store.connection.execute("SELECT number, purpose, version, queries FROM draws ORDER BY number").fetchall()


def test_a_draw_has_a_record_and_later_events_cover_it(ledger: LabelStore) -> None:
    act(ledger, "1")
    assert ledger.draw_validation([q("v"), q("w"), q("1")], seed=1) == 2
    act(ledger, "2")
    assert ledger.draw_audit({q("1"): Stratum("high", 2.0)}, seed=2) == 1
    assert ledger.draw_audit({}, seed=3) == 2  # nothing is recorded of nothing
    act(ledger, "3")
    assert drawn(ledger) == [(1, "validation", 1, 2), (2, "audit", 1, 1)]
    assert ledger.connection.execute("SELECT drawn FROM events ORDER BY seq").fetchall() == [(0,), (1,), (2,)]
    assert verify(ledger.path).ok


def test_deleting_forty_of_ninety_seven_queries_is_detected(ledger: LabelStore) -> None:
    ledger.draw_validation([q(f"v{number:02}") for number in range(97)], seed=1)
    change_unseen(ledger.path, "DELETE FROM validation WHERE query_id < 'v40'")
    assert verify(ledger.path).problems == ("draw 1 (validation 1) was changed: it holds 57 of 97 queries",)


@pytest.mark.parametrize(
    ("queries", "problem"),
    [
        (["v"], "1 query of validation 1 belongs to no recorded draw"),
        (["v", "w"], "2 queries of validation 1 belong to no recorded draw"),
    ],
)
def test_queries_without_a_recorded_draw_are_counted(ledger: LabelStore, queries: list[str], problem: str) -> None:
    ledger.draw_validation([q(id_) for id_ in queries], seed=1)
    change_unseen(ledger.path, "DELETE FROM draws")
    assert problem in verify(ledger.path).problems


def test_a_changed_query_and_a_missing_draw_are_named(ledger: LabelStore) -> None:
    for seed in (1, 2, 3):
        ledger.draw_audit({q(str(seed)): Stratum("high", 2.0)}, seed=seed)
    change_unseen(ledger.path, "DELETE FROM draws WHERE number = 2", "UPDATE audits SET weight = 3 WHERE version = 1")
    assert verify(ledger.path).problems == (
        "draw 1 (audit 1) was changed, or a draw is missing before it",
        "draws are missing: draw 3 (audit 3) follows draw 1",
        "draw 3 (audit 3) was changed, or a draw is missing before it",
        "1 query of audit 2 belongs to no recorded draw",
    )


def test_concurrent_draws_have_different_numbers(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    LabelStore(path).close()
    code = (
        "import sys\nfrom pathlib import Path\nfrom labels.model import ProductRef, Stratum, Verb\n"
        "from labels.store import LabelStore\n"
        "with LabelStore(Path(sys.argv[1])) as store:\n"
        "    for number in range(20):\n"
        "        store.draw_audit({ProductRef('walmart', sys.argv[2]): Stratum('high', 2.0)}, seed=number)\n"
        "        store.draw_validation([ProductRef('walmart', f'{sys.argv[2]}-{number}')], seed=number)\n"
        "        store.record(sys.argv[2], Verb.SKIP, ProductRef('walmart', 'x'))\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path), f"p{n}"]) for n in range(2)]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]
    with LabelStore(path) as store:
        found = drawn(store)
        assert sorted(row[2] for row in found if row[1] == "audit") == list(range(1, 41))
        assert sorted(row[2] for row in found if row[1] == "validation") == list(range(1, 41))
    assert verify(path).problems == ()


# -- programs and files of earlier versions ------------------------------------------------------------------


@pytest.fixture
def third(tmp_path: Path) -> Path:
    """A ledger of schema 3, before draws were chained."""
    path = tmp_path / "third" / "labels.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FIXTURES / "labels_v3.sql").read_text(encoding="utf-8"))
    return path


def test_the_migration_records_earlier_draws(third: Path) -> None:
    with LabelStore(third) as store:
        assert drawn(store) == [(1, "validation", 1, 2), (2, "audit", 1, 2), (3, "audit", 2, 2)]
        assert {row[0] for row in store.connection.execute("SELECT drawn FROM events")} == {0}
        act(store, "new")
        assert store.connection.execute("SELECT drawn FROM events ORDER BY seq DESC").fetchone() == (3,)
    change_unseen(third, "DELETE FROM audits WHERE version = 1")
    assert any("draw 2 (audit 1)" in problem for problem in verify(third).problems)


def test_an_open_desk_of_an_earlier_version_cannot_break_the_chain(third: Path) -> None:
    with closing(sqlite3.connect(third, isolation_level=None)) as earlier:
        seq, previous = chain.head(earlier)
        columns = [*chain.COLUMNS, "hash"]
        row = list(earlier.execute(f"SELECT {', '.join(columns)} FROM events WHERE seq = 6").fetchone())  # noqa: S608
        row[0], row[1] = seq + 1, "by an earlier program"
        row[-1] = chain.event_hash(previous, row[:-1])
        LabelStore(third).close()
        with pytest.raises(sqlite3.IntegrityError, match="events is a chain"):
            earlier.execute(f"INSERT INTO events ({', '.join(columns)}) VALUES ({', '.join('?' * 23)})", row)  # noqa: S608
        with pytest.raises(sqlite3.IntegrityError, match="a draw is recorded"):
            earlier.execute("INSERT INTO validation VALUES ('walmart', 'z', 1, 'now', 2, '', 1.0)")
    assert verify(third).ok


def in_parquet(file: Path, path: Path) -> Path:
    """The same records as an earlier program wrote them to Parquet."""
    header, *records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    names = list(dict.fromkeys(name for record in records for name in record))
    table = pa.table({name: [record.get(name) for record in records] for name in names})
    pq.write_table(table.replace_schema_metadata({"samesku.ledger": json.dumps(header)}), path)
    return path


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_an_import_of_format_1_equals_a_migration(third: Path, tmp_path: Path, kind: str) -> None:
    with opened(tmp_path / "labels.db") as store, LabelStore(third) as migrated:
        if kind == "jsonl":
            merged = import_ledger(store, FORMAT_1)
        else:
            merged = import_parquet(store, in_parquet(FORMAT_1, tmp_path / "events.parquet"))
        assert (merged.events, merged.validation, merged.audits) == (20, 2, 4)
        assert contents(store) == contents(migrated)
        assert import_ledger(store, FORMAT_1).events == 0
        assert contents(store) == contents(migrated)
    assert verify(tmp_path / "labels.db").ok


# -- out, in and together ------------------------------------------------------------------------------------


def fill(store: LabelStore) -> None:
    """Draws before, between and after events."""
    store.draw_validation([q("v1"), q("v2")], seed=1)
    act(store, "1")
    store.draw_audit({q("1"): Stratum("high", 2.0), q("2"): Stratum("low", 3.5)}, seed=2)
    store.draw_validation([q("v3")], seed=3, strata={q("v3"): Stratum("rare", 7.0)})
    act(store, "v1")
    act(store, "2")
    store.draw_audit({q("1"): Stratum("high", 4.0)}, seed=4)


@pytest.mark.parametrize("how", [(export_ledger, import_ledger), (export_parquet, import_parquet)])
def test_an_export_into_an_empty_ledger_gives_the_same_chains(ledger: LabelStore, tmp_path: Path, how: tuple) -> None:
    fill(ledger)
    kept = backup(ledger.path, tmp_path / "copies").path.parent
    how[0](ledger, tmp_path / "file")
    with opened(tmp_path / "other" / "labels.db") as other:
        how[1](other, tmp_path / "file")
        assert contents(other) == contents(ledger)
    assert verify(tmp_path / "other" / "labels.db", [kept]).ok


def test_merged_draws_stay_separate_without_duplicates(ledger: LabelStore, tmp_path: Path) -> None:
    with opened(tmp_path / "b" / "labels.db") as other:
        fill(other)
        ledger.draw_validation([q("v2"), q("v9")], seed=9)
        act(ledger, "9")
        merged = merge_ledger(ledger, other.path)
        assert (merged.events, merged.validation, merged.audits) == (3, 2, 3)
        assert drawn(ledger) == [
            (1, "validation", 1, 2), (2, "validation", 2, 1), (3, "audit", 1, 2), (4, "validation", 3, 1),
            (5, "audit", 2, 1),
        ]  # fmt: skip
        before = contents(ledger)
        again = merge_ledger(ledger, other.path)
        assert (again.events, again.validation, again.audits) == (0, 0, 0)
        assert contents(ledger) == before
    assert verify(ledger.path).ok


@pytest.mark.parametrize("statement", ["DELETE FROM audits WHERE version = 1", "UPDATE validation SET weight = 9"])
def test_a_ledger_whose_draws_were_changed_is_not_merged(ledger: LabelStore, tmp_path: Path, statement: str) -> None:
    with opened(tmp_path / "b" / "labels.db") as other:
        fill(other)
    change_unseen(other.path, statement)
    with pytest.raises(LabelsError, match="was changed"):
        merge_ledger(ledger, other.path)
    assert contents(ledger) == [[], [], [], []]


# -- backups as anchors --------------------------------------------------------------------------------------

LACKS = "the ledger lacks what was drawn in the backup of"
#: Leaves a sound ledger: the last draw, its queries and its number are gone.
WITHOUT_LAST = (
    "DELETE FROM audits WHERE version = 2",
    "DELETE FROM draws WHERE number = 4",
    "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'draws'",
)


def test_a_backup_detects_a_removed_last_draw(ledger: LabelStore, tmp_path: Path) -> None:
    fill(ledger)
    elsewhere = tmp_path / "elsewhere"
    backup(ledger.path, elsewhere)
    change_unseen(ledger.path, *WITHOUT_LAST)
    assert verify(ledger.path).ok  # nothing in the file tells
    (problem,) = verify(ledger.path, [elsewhere]).problems
    assert problem.startswith(LACKS)
    shutil.copytree(elsewhere, tmp_path / FOLDER)
    assert verify(ledger.path).problems == (problem,)
    assert verify(ledger.path, [tmp_path / FOLDER]).problems == (problem,)  # said once


def test_a_backup_of_an_earlier_schema_is_compared_query_by_query(third: Path, tmp_path: Path) -> None:
    original = third.read_bytes()
    change_unseen(third, "DELETE FROM audits WHERE version = 2")
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "labels-20260309T000000Z-20.db").write_bytes(original)
    LabelStore(third).close()
    assert verify(third).ok
    (problem,) = verify(third, [kept]).problems
    assert problem.startswith(LACKS)


def test_a_migrated_ledger_continues_from_its_earlier_backups(third: Path) -> None:
    with LabelStore(third) as store:
        act(store, "new")
        store.draw_audit({q("9"): Stratum("low", 3.0)}, seed=5)
        backup(store.path, third.parent / FOLDER)
    assert len(backups(third.parent / FOLDER)) == 2
    assert verify(third).problems == ()


def test_a_restore_sets_backups_with_later_draws_aside(ledger: LabelStore, tmp_path: Path) -> None:
    fill(ledger)
    first = backup(ledger.path, tmp_path / FOLDER)
    ledger.draw_audit({q("7"): Stratum("low", 2.0)}, seed=5)
    ledger.close()
    done = restore(first.path, ledger.path)
    assert [path.parent.name.partition("-")[0] for path in done.set_aside] == ["replaced"]
    with LabelStore(ledger.path) as store:
        assert store.audit_version() == 2
        store.draw_audit({q("8"): Stratum("low", 2.0)}, seed=6)
    assert verify(ledger.path).problems == ()


def test_a_draw_during_a_restore_is_not_lost(
    ledger: LabelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(ledger)
    first = backup(ledger.path, tmp_path / FOLDER)
    act(ledger, "2")

    def keep(path: Path, folder: Path) -> object:
        made = backup(path, folder)
        ledger.draw_validation([q("v")], seed=1)
        return made

    monkeypatch.setattr("labels.restore.backup", keep)
    with pytest.raises(LabelsError, match="Somebody is labelling"):
        restore(first.path, ledger.path)
    assert ledger.validation_queries() == {q("v")}


@pytest.mark.parametrize("what", ["missing", "empty", "a file"])
def test_verify_against_a_folder_without_backups_is_refused(ledger: LabelStore, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "copies"
    if what == "empty":
        folder.mkdir()
    elif what == "a file":
        folder.write_text("no folder")
    with pytest.raises(LabelsError, match="There are no backups in") as caught:
        verify(ledger.path, [folder])
    assert "labels backup --to" in caught.value.hint


def test_a_view_in_place_of_a_table_makes_a_backup_unusable(ledger: LabelStore, tmp_path: Path) -> None:
    act(ledger)
    folder = tmp_path / "copies"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "labels-20260101T000000Z-1.db")) as connection:
        connection.execute(
            "CREATE VIEW events AS WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n) SELECT * FROM n"
        )
    (problem,) = verify(ledger.path, [folder]).problems
    assert problem.startswith("a backup is unusable")
