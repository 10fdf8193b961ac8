"""Lossless export, import and merge of ledgers."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import IDS, acts, contents, opened, perform, standing
from samples import c, implied, match, no_match, q
from tampering import change_unseen

from core.transfer.ledger_parquet import export_parquet, import_parquet
from labels import chain
from labels.draws import QUERY_COLUMNS, Digest
from labels.errors import LabelsError
from labels.exchange.files import MAX_ROW
from labels.exchange.merge import export_ledger, import_ledger, merge_ledger, merge_records
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.records import FORMAT, Anonymizer, Record, records
from labels.exchange.validation import COLUMNS
from labels.model import MACHINE, ActionDetails, Decision, Judgement, ShownScores, Side, Stratum, Stream, Verb
from labels.store import LabelStore
from labels.verify import verify

DRAWS = st.lists(st.lists(IDS, max_size=2), max_size=2)


def fill(store: LabelStore) -> None:
    store.draw_validation([q("v")], seed=7)
    store.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")], ActionDetails(closes=True, look_ms=900))
    store.record("bob", Verb.ACCEPT, q("v"), match("a"), ActionDetails(stream=Stream.VALIDATION, blind=True))
    store.record("ada", Verb.COMMENT, q("1"), details=ActionDetails(text="zwei Zeilen\nмир"))
    store.undo("ada")
    store.draw_audit({q("1"): Stratum("high", 4.0)}, seed=3)


# -- out and in ----------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(acts(), DRAWS, st.sampled_from([(export_ledger, import_ledger), (export_parquet, import_parquet)]))
def test_an_export_round_trips(row: list, draws: list, how: tuple) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "a.db") as one, opened(Path(folder) / "b.db") as other:
        perform(one, row, draws)
        count = how[0](one, Path(folder) / "file")
        assert how[1](other, Path(folder) / "file").events == count
        assert contents(other) == contents(one)
        again = how[1](other, Path(folder) / "file")
        assert (again.events, again.known, again.validation) == (0, count, 0)
        assert contents(other) == contents(one)
        assert verify(Path(folder) / "b.db").ok


@pytest.mark.parametrize("similarity", [-0.0, 1, 0.1 + 0.2, 5e-324])
def test_a_number_is_hashed_as_it_is_stored(ledger: LabelStore, tmp_path: Path, similarity: float) -> None:
    shown = ShownScores(similarity=similarity, probability=similarity)
    ledger.record("ada", Verb.ACCEPT, q("1"), [Judgement(c("a"), Decision.MATCH, shown=shown)])
    assert verify(ledger.path).ok
    with opened(tmp_path / "b.db") as other:
        assert merge_ledger(other, ledger.path).events == 1


def test_all_columns_of_an_event_are_exported() -> None:
    assert set(COLUMNS[FORMAT]["event"]) == set(chain.STORED_COLUMNS)


def test_the_draws_come_before_the_events_and_the_counts_before_all(ledger: LabelStore, tmp_path: Path) -> None:
    fill(ledger)
    assert export_ledger(ledger, tmp_path / "events.jsonl") == 5
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[0] == {"kind": "ledger", "format": 2, "validation": 1, "audit": 1, "draw": 2, "event": 5}
    assert [line["kind"] for line in lines[1:]] == ["validation", "audit", "draw", "draw", *["event"] * 5]
    assert (lines[8]["text"], lines[9]["target"]) == ("zwei Zeilen\nмир", lines[8]["action"])


@pytest.mark.parametrize("how", [(export_ledger, import_ledger), (export_parquet, import_parquet)])
def test_audits_are_exported(ledger: LabelStore, tmp_path: Path, how: tuple) -> None:
    fill(ledger)
    how[0](ledger, tmp_path / "file")
    with opened(tmp_path / "b.db") as other:
        assert (how[1](other, tmp_path / "file").audits, how[1](other, tmp_path / "file").audits) == (1, 0)
        assert contents(other) == contents(ledger)


# -- merging -------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(acts(st.sampled_from(["ada", "eve"])), acts(st.sampled_from(["bob", "кот"])), DRAWS)
def test_merging_is_symmetric_and_without_duplicates(ours: list, theirs: list, draws: list) -> None:
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.db" for i in range(2)]
        ledgers = [opened(path) for path in paths]
        for store, row in zip(ledgers, (ours, theirs), strict=True):
            perform(store, [], draws)
            perform(store, row)
        count = sum(len(contents(store)[0]) for store in ledgers)
        before = sorted(standing(ledgers[0]) + standing(ledgers[1]))
        merge_ledger(ledgers[0], paths[1])
        merge_ledger(ledgers[1], paths[0])
        for store, other in zip(ledgers, reversed(paths), strict=True):
            assert len(contents(store)[0]) == count
            assert standing(store) == before
            assert merge_ledger(store, other).events == 0
            assert verify(store.path).ok
            store.close()


def test_merging_a_continued_copy_adds_only_new_events(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    with opened(tmp_path / "copy.db") as copy:
        assert merge_ledger(copy, ledger.path).events == 1
        copy.undo("ada")
        copy.record("bob", Verb.ACCEPT, q("2"), match("b"))
        ledger.record("eve", Verb.ACCEPT, q("3"), match("d"))
        merged = merge_ledger(ledger, copy.path)
        assert (merged.events, merged.known) == (2, 1)
    assert [(d.annotator, d.pair.query.id) for d in ledger.decisions()] == [("eve", "3"), ("bob", "2")]
    assert verify(ledger.path).ok


def test_a_changed_ledger_is_not_merged_and_the_event_is_named(ledger: LabelStore, tmp_path: Path) -> None:
    fill(ledger)
    change_unseen(ledger.path, "UPDATE events SET text = 'x' WHERE seq = 3")
    with opened(tmp_path / "b.db") as other:
        with pytest.raises(LabelsError, match=f"{ledger.path}.*event 3: the hash chain is broken"):
            merge_ledger(other, ledger.path)
        assert contents(other) == [[], [], [], []]


def test_merged_draws_get_new_versions(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.draw_validation([q("1"), q("2")], seed=1)
    with opened(tmp_path / "b.db") as other:
        other.draw_validation([q("2"), q("3")], seed=2)
        other.draw_validation([q("4")], seed=3)
        assert merge_ledger(ledger, other.path).validation == 2
    found = ledger.connection.execute("SELECT query_id, version, seed FROM validation ORDER BY 1").fetchall()
    assert found == [("1", 1, 1), ("2", 1, 1), ("3", 2, 2), ("4", 3, 3)]


def test_training_decisions_on_a_validation_query_move_to_validation(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.draw_validation([q("v")], seed=1)
    with opened(tmp_path / "b.db") as other:
        other.record("bob", Verb.ACCEPT, q("v"), match("a"))
        merged = merge_ledger(ledger, other.path)
        assert (merged.events, merged.judging) == (1, 1)
        assert [d.side for d in ledger.decisions()] == [Side.VALIDATION]
        # And back: their query trains there already; nothing is doubled.
        back = merge_ledger(other, ledger.path)
        assert (back.events, back.known, back.left, back.validation) == (0, 1, 1, 0)
    assert verify(ledger.path).ok
    assert merge_ledger(ledger, tmp_path / "b.db").judging == 0


def test_validation_decisions_stay_validation_where_the_query_trains(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.record("ada", Verb.ACCEPT, q("v"), match("a"))
    with opened(tmp_path / "b.db") as other:
        other.draw_validation([q("v")], seed=1)
        other.record("bob", Verb.REJECT, q("v"), no_match("b"))
        assert merge_ledger(ledger, other.path).left == 1
    assert {d.annotator: d.side for d in ledger.decisions()} == {"ada": Side.TRAIN, "bob": Side.VALIDATION}
    assert verify(ledger.path).ok


def test_merging_a_ledger_of_an_earlier_version_leaves_it_unchanged(ledger: LabelStore, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "labels.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "labels_v1.sql").read_text(encoding="utf-8"))
        count = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    assert merge_ledger(ledger, path).events == count > 0
    assert verify(ledger.path).ok
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1


@pytest.mark.parametrize("content", [None, b"no ledger at all" * 100])
def test_a_file_that_is_not_a_ledger_cannot_be_merged(
    ledger: LabelStore, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LabelsError, match=r"There is no labels file|not a labels file"):
        merge_ledger(ledger, path)
    assert (path.read_bytes() if content is not None else None) == content


# -- what does not fit ---------------------------------------------------------------------------------------


def edited(path: Path, line: int, **changes: object) -> None:
    """One line of a file, changed."""
    lines = path.read_text(encoding="utf-8").splitlines()
    record = json.loads(lines[line - 1]) | changes
    lines[line - 1] = json.dumps({name: value for name, value in record.items() if value is not ...})
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rechained(path: Path) -> None:
    """The hashes made to fit, as whoever forges a file would."""
    previous, lines = chain.GENESIS, []
    drawn, sets = [chain.GENESIS], defaultdict(Digest)
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == "event":
            number = record.get("drawn")
            draw = (number, drawn[number]) if isinstance(number, int) else chain.NO_DRAW
            previous = record["hash"] = chain.event_hash(previous, [record.get(name) for name in chain.COLUMNS], draw)
        elif record["kind"] == "draw" and "purpose" in record:
            digest = sets[record["purpose"], record["version"]]
            record["hash"] = digest.link(drawn[-1], len(drawn), record["purpose"], record["version"], digest.queries)
            drawn.append(record["hash"])
        elif record["kind"] in ("validation", "audit"):
            sets[record["kind"], record["version"]].add([record[name] for name in QUERY_COLUMNS])
        lines.append(json.dumps(record))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "changes", "complaint"),
    [
        (1, {"format": 3}, "line 1: it was written by a newer samesku"),
        (1, {"event": 4}, "its end: 1 event record is too many"),
        (1, {"event": "5"}, "line 1: this is not an export of a ledger"),
        (1, {"draw": ...}, "line 1: this is not an export of a ledger"),
        (2, {"kind": "audit"}, "line 4: the draw was changed"),
        (2, {"version": 2}, "line 4: the draw was changed"),
        (3, {"kind": "draw"}, "line 3: there is no column 'drawn_at'"),
        (4, {"number": 2}, "line 4: the draw was changed"),
        (4, {"queries": 2}, "line 4: the draw was changed"),
        (4, {"purpose": "event"}, "line 4: purpose cannot be 'event'"),
        (6, {"drawn": 0.5}, "line 6: drawn cannot be 0.5"),
        (6, {"drawn": ...}, "line 6: the column drawn is missing"),
        (2, {"kind": ["event"]}, "line 2: its kind of record is unknown"),
        (2, {"weight": "heavy"}, "line 2: weight cannot be 'heavy'"),
        (2, {"version": 0}, "line 2: version cannot be 0"),
        (2, {"version": 2**31}, "line 2: version cannot be 2147483648"),
        (6, {"rank": 2**63}, "line 6: rank cannot be 9223372036854775808"),
        (6, {"similarity": "1"}, "line 6: similarity cannot be '1'"),
        (6, {"look_ms": True}, "line 6: look_ms cannot be True"),
        (6, {"blind": 2}, "line 6: blind cannot be 2"),
        (6, {"decision": "perhaps"}, "line 6: decision cannot be 'perhaps'"),
        (6, {"decision": {"a": 1}}, "line 6: decision cannot be a dict"),
        (6, {"annotator": "ada\x1b]52;c;x\x07"}, "line 6: annotator cannot be 'ada\\\\x1b"),
        (6, {"annotator": ""}, "line 6: annotator cannot be ''"),
        (6, {"at": "yesterday"}, "line 6: at cannot be 'yesterday'"),
        (6, {"at": 20260101}, "line 6: at cannot be 20260101"),
        (6, {"at": "2026-01-01\x1b00:00:00+00:00"}, "line 6: at cannot be '2026-01-01\\\\x1b00:00:00"),
        (6, {"text": "\ud800"}, "line 6: text cannot be '\\\\ud800'"),
        (6, {"candidate_id": None}, "line 6: a decision needs a candidate"),
        (6, {"strength": None}, "line 6: a decision has a strength"),
        (6, {"colour": "red"}, "line 6: there is no column 'colour'"),
        (6, {"text": ...}, "line 6: the column text is missing"),
        (7, {"look_ms": 1}, "line 7: the events of one action differ"),
        (10, {"target": "f" * 32}, "line 10: its target is not an action"),
        (10, {"annotator": "bob"}, "line 10: its target is not an action"),
        (10, {"target": None}, "line 10: undo and redo name their target"),
    ],
)
def test_an_invalid_line_is_named_and_nothing_is_imported(
    ledger: LabelStore, tmp_path: Path, line: int, changes: dict, complaint: str
) -> None:
    fill(ledger)
    path = tmp_path / "events.jsonl"
    export_ledger(ledger, path)
    edited(path, line, **changes)
    if "\ud800" not in changes.values():
        rechained(path)
    with opened(tmp_path / "b.db") as other:
        with pytest.raises(LabelsError, match=complaint):
            import_ledger(other, path)
        assert contents(other) == [[], [], [], []]
        # The ledger is as good as before.
        other.record("ada", Verb.ACCEPT, q("1"), match("a"))


def test_queries_without_their_draw_are_refused(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.draw_validation([q("v")], seed=7)
    path = tmp_path / "events.jsonl"
    assert export_ledger(ledger, path) == 0
    header, query, _ = path.read_text(encoding="utf-8").splitlines()
    path.write_text(header.replace('"draw": 1', '"draw": 0') + "\n" + query + "\n", encoding="utf-8")
    with opened(tmp_path / "b.db") as other:
        with pytest.raises(LabelsError, match="the queries of validation 1 belong to no draw"):
            import_ledger(other, path)
        assert contents(other) == [[], [], [], []]


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        (7, {"decision": "match"}), (8, {"seq": 4}), (6, {"hash": "0" * 64}), (6, {"drawn": 0}), (6, {"drawn": 2}),
        (6, {"drawn": 3}), (6, {"drawn": -1}),
    ],
)  # fmt: skip
def test_a_broken_chain_is_named(ledger: LabelStore, tmp_path: Path, line: int, changes: dict) -> None:
    fill(ledger)
    export_ledger(ledger, tmp_path / "events.jsonl")
    edited(tmp_path / "events.jsonl", line, **changes)
    with opened(tmp_path / "b.db") as other, pytest.raises(LabelsError, match=f"line {line}: the hash chain"):
        import_ledger(other, tmp_path / "events.jsonl")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "its end: this is not an export of a ledger"),
        ("[]\n", "line 1: this is not a JSON object"),
        ("{\n", "line 1: this is not JSON"),
        ('{"kind": "ledger", "kind": "ledger"}\n', "line 1: this is not JSON: a key occurs twice"),
        ('{"kind": NaN}\n', "line 1: this is not JSON: NaN is not a number"),
        ('{"kind": ' + "9" * 5000 + "}\n", "line 1: this is not JSON"),
        ("[" * 100_000 + "\n", "line 1: it is nested too deeply"),
        ('{"a": "' + "x" * MAX_ROW + '"}\n', "line 1: it is longer than"),
    ],
)
def test_hostile_lines_are_refused(ledger: LabelStore, tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "events.jsonl").write_text(text)
    with pytest.raises(LabelsError, match=complaint) as refusal:
        import_ledger(ledger, tmp_path / "events.jsonl")
    assert len(refusal.value.message) < 400
    assert refusal.value.hint


def test_binary_and_missing_files_are_refused(ledger: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(LabelsError, match="is not UTF-8 text"):
        import_ledger(ledger, tmp_path / "events.jsonl")
    with pytest.raises(LabelsError, match="There is no file"):
        import_ledger(ledger, tmp_path / "none.jsonl")


def test_an_action_with_other_content_is_refused(ledger: LabelStore, tmp_path: Path) -> None:
    fill(ledger)
    path = tmp_path / "events.jsonl"
    export_ledger(ledger, path)
    edited(path, 7, decision="match")
    rechained(path)
    before = contents(ledger)
    with pytest.raises(LabelsError, match=r"line 6: the action .* is here already with other content"):
        import_ledger(ledger, path)
    assert contents(ledger) == before


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense PAR1", b"x" * 100])
def test_a_file_that_is_not_parquet_is_refused(ledger: LabelStore, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events.parquet").write_bytes(content)
    with pytest.raises(LabelsError, match="cannot be read as Parquet"):
        import_parquet(ledger, tmp_path / "events.parquet")


def test_a_parquet_file_of_something_else_is_refused(ledger: LabelStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"seq": [1]}), tmp_path / "other.parquet")
    with pytest.raises(LabelsError, match="does not have the columns"):
        import_parquet(ledger, tmp_path / "other.parquet")
    fill(ledger)
    export_parquet(ledger, tmp_path / "events.parquet")
    table = pq.read_table(tmp_path / "events.parquet")
    nan = pa.array([float("nan")] * len(table))
    pq.write_table(table.set_column(table.schema.names.index("weight"), "weight", nan), tmp_path / "nan.parquet")
    with opened(tmp_path / "b.db") as other, pytest.raises(LabelsError, match="row 1: weight cannot be nan"):
        import_parquet(other, tmp_path / "nan.parquet")


# -- in disguise ---------------------------------------------------------------------------------------------


def test_an_anonymized_export_is_a_valid_ledger_without_names(ledger: LabelStore, tmp_path: Path) -> None:
    fill(ledger)
    ledger.record(MACHINE, Verb.ACCEPT, q("9"), match("a"))
    names = Pseudonyms.from_key_file(tmp_path / "pseudonyms.key")
    export_ledger(ledger, tmp_path / "e.jsonl", Anonymizer(names, comments=False))
    text = (tmp_path / "e.jsonl").read_text(encoding="utf-8")
    assert not any(told in text for told in ('"ada"', '"bob"', "Zeilen"))
    with opened(tmp_path / "b.db") as other:
        import_ledger(other, tmp_path / "e.jsonl")
        assert {d.annotator for d in other.decisions()} == {names("ada"), names("bob"), MACHINE}
        assert standing(other) == sorted((names(str(row[0])), *row[1:]) for row in standing(ledger))
    assert verify(tmp_path / "b.db").ok


def test_an_anonymized_export_refuses_a_broken_chain(ledger: LabelStore, tmp_path: Path) -> None:
    fill(ledger)
    change_unseen(ledger.path, "UPDATE events SET decision = 'no_match' WHERE seq = 1")
    with pytest.raises(LabelsError, match="broken at event 1"):
        export_ledger(ledger, tmp_path / "e.jsonl", Anonymizer(str, comments=False))
    assert not (tmp_path / "e.jsonl").exists()


def test_an_import_reports_a_full_disk(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.draw_validation([q(f"{number:0200}") for number in range(500)], seed=1)

    def found(store: LabelStore) -> Iterator[tuple[str, Record]]:
        for number, record in enumerate(records(ledger)):
            if number == 1:
                store.connection.execute("PRAGMA incoming.max_page_count = 10")
            yield f"line {number}", record

    with LabelStore(tmp_path / "other.db") as store:
        with pytest.raises(LabelsError, match="disk is full"):
            merge_records(store, "ledger.jsonl", found(store))
        assert merge_records(store, "ledger.jsonl", (("", record) for record in records(ledger))).validation == 500
