"""Validation of names, and round trips of any name through every file format."""

import json
import re
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledgers import contents, opened
from samples import match, q

from core.catalog.pair_table import read_pairs
from core.transfer.ledger_parquet import export_parquet, import_parquet
from labels.consensus import Rule
from labels.errors import LabelsError
from labels.exchange.decisions import explicit_decisions, import_decisions
from labels.exchange.fields import CONTROLS
from labels.exchange.label_studio import export_label_studio, read_label_studio
from labels.exchange.labels_csv import export_csv
from labels.exchange.merge import export_ledger, import_ledger, merge_ledger
from labels.exchange.prodigy import export_prodigy, read_prodigy
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.records import Anonymizer
from labels.exchange.tasks import Defaults
from labels.model import MACHINE, ActionDetails, Decision, Judgement, ProductRef, ShownScores, Verb
from labels.names import MAX_NAME_LENGTH, is_valid_name, name_problem
from labels.store import LabelStore
from labels.verify import verify

#: Every text that SQLite can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
#: What is hard to carry: controls, bidi marks, line ends, and what reads like their escapes.
TRICKY = st.text(st.sampled_from("\x00\x07\x1b\n\r\t\x7f\x85\x9b\u061c\u200e\u2028\u202e\u2066\ufeff\\xu0127be'\"=, "))
NAMES = TEXTS | TRICKY.filter(bool)
DEFAULTS = Defaults("eve", "walmart", "amazon")

LEDGER_FORMATS = {
    "jsonl": (export_ledger, import_ledger),
    "parquet": (export_parquet, import_parquet),
    "merge": (lambda store, path: store.path.rename(path), merge_ledger),
}


def title(ref: ProductRef) -> str:
    return f"title of {ref.id}"


@contextmanager
def ledgers():
    with (
        TemporaryDirectory() as folder,
        opened(Path(folder) / "a.db") as one,
        opened(Path(folder) / "b.db") as other,
    ):
        yield one, other, Path(folder) / "file"


def fill(store: LabelStore, name: str, source: str, id_: str, model: str, text: str) -> None:
    """A ledger that has each of them in every column that takes it."""
    shown = ShownScores(rank=1, similarity=0.5, probability=0.5, model=model)
    judgements = [Judgement(ProductRef(source, id_), Decision.MATCH, shown=shown)]
    query = ProductRef(source, id_)
    store.draw_validation([ProductRef(source, f"{id_}v")], seed=1)
    store.draw_audit({query: (source, 2.0)}, seed=1)  # type: ignore[dict-item]
    store.record(name, Verb.ACCEPT, query, judgements, ActionDetails(closes=True))
    store.record(name, Verb.COMMENT, query, details=ActionDetails(text=text))
    store.undo(name)
    store.redo(name)
    store.record_all(MACHINE, [(query, judgements, True)], batch=text)


@settings(max_examples=60)
@given(NAMES, NAMES, NAMES, NAMES, NAMES, st.sampled_from(sorted(LEDGER_FORMATS)))
@example("ada\x07", "a\x1b[2J", "\r\n", "m\u202e", "\x00", "jsonl")
@example("\\x1b", "\\\\u202e", "\\x07\\", "x" * MAX_NAME_LENGTH, " ", "parquet")
def test_any_ledger_round_trips_through_every_format(
    name: str, source: str, id_: str, model: str, text: str, how: str
) -> None:
    write, read = LEDGER_FORMATS[how]
    with ledgers() as (one, other, file):
        fill(one, name, source, id_, model, text)
        before = contents(one)
        write(one, file)
        assert read(other, file).events == len(before[0])
        assert contents(other) == before
        assert verify(other.path).ok


@settings(max_examples=60)
@given(NAMES, NAMES, NAMES, st.sampled_from([(export_prodigy, read_prodigy), (export_label_studio, read_label_studio)]))
def test_names_round_trip_through_other_programs(name: str, source: str, id_: str, how: tuple) -> None:
    with ledgers() as (one, other, file):
        fill(one, name, source, id_, "m", "text")
        how[0](one, file, title)
        import_decisions(other, [decision for _, decision in how[1](file, DEFAULTS).decisions])
        assert {(d.annotator, d.pair, d.decision) for d in explicit_decisions(other)} == {
            (d.annotator, d.pair, d.decision) for d in explicit_decisions(one)
        }
        assert {name, MACHINE} == {d.annotator for d in explicit_decisions(other)}


@settings(max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
@example([" a", "a ", " ", "  ", "a\\ ", "\\x20", "\u3000x", "a\\\xa0"])
def test_ids_round_trip_through_csv(ids: list[str]) -> None:
    with ledgers() as (one, _, file):
        for id_ in ids:
            one.record("ada", Verb.ACCEPT, q(id_), match(id_))
        export_csv(one, file, rule=Rule.UNANIMOUS)
        assert {(pair.query.id, pair.candidate.id) for pair in read_pairs(file, "walmart", "amazon")} == {
            (id_, id_) for id_ in ids
        }


@settings(max_examples=40)
@given(NAMES, st.sampled_from(["jsonl", "parquet"]))
def test_pseudonyms_stand_for_any_name(name: str, how: str) -> None:
    write, read = LEDGER_FORMATS[how]
    names = Pseudonyms(b"k" * 32)
    with ledgers() as (one, other, file):
        fill(one, name, "walmart", "1", "m", "text")
        write(one, file, Anonymizer(names))
        read(other, file)
        assert {d.annotator for d in other.decisions()} == {names(name), MACHINE}
        assert verify(other.path).ok


@given(NAMES)
def test_exports_have_no_control_characters(name: str) -> None:
    with ledgers() as (one, _, file):
        fill(one, name, name, name, name, name)
        for write in (export_ledger, lambda store, path: export_prodigy(store, path, title)):
            write(one, file)
            assert not set(file.read_text(encoding="utf-8")) & acting() - {"\n"}


def acting() -> set[str]:
    """The characters that a terminal obeys."""
    return set(re.findall(f"[{CONTROLS}]", "".join(map(chr, (*range(0xD800), 0xFEFF)))))


# -- the rule ------------------------------------------------------------------------------------------------


@given(st.text(max_size=30) | TRICKY)
def test_the_reason_why_a_name_is_refused(name: str) -> None:
    fault = name_problem(name)
    assert bool(fault) is not (is_valid_name(name) and name.strip() != "" and name != MACHINE)
    assert fault.isascii()
    assert "\n" not in fault


@pytest.mark.parametrize(
    "name", ["ada", "Ada Lovelace", "кот", "a" * MAX_NAME_LENGTH, "zero\u200bwidth", "e\u0301", "ada@x", "\\x1b"]
)
def test_names_accepted_before_are_still_accepted(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "\t", MACHINE, "a\x07", "\x1b[2J", "a\nb", "a\rb", "a\x00", "\x7f", "\x9b2J", "\u202eada", "a\u2066",
        "a\u2028b", "\udcff", "a" * (MAX_NAME_LENGTH + 1),
    ],
)  # fmt: skip
def test_invalid_names_are_refused(name: str) -> None:
    assert name_problem(name)


REFUSED = ["ada\x07", "\x1b]52;c;x\x07", "a\nb", "\u202eada", "a\x9b", "a\u2028", ""]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("read", [read_prodigy, read_label_studio])
def test_imports_of_other_programs_refuse_invalid_names(tmp_path: Path, name: str, read: Callable) -> None:
    pair = {"query_id": "1", "candidate_id": "a"}
    result = [{"from_name": "decision", "value": {"choices": ["match"]}}]
    content = {
        read_prodigy: {"text": "t", "meta": pair, "answer": "accept", "_annotator_id": name},
        read_label_studio: [{"data": pair, "annotations": [{"result": result, "completed_by": name}]}],
    }[read]
    (tmp_path / "file").write_text(json.dumps(content))
    found = read(tmp_path / "file", DEFAULTS)
    assert not found.decisions
    assert ["no valid name" in each.reason for each in found.skipped] == [True]


@pytest.mark.parametrize("name", REFUSED)
def test_ledger_imports_refuse_unescaped_names(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / "a.db") as one, opened(tmp_path / "b.db") as other:
        fill(one, "ada", "walmart", "1", "m", "t")
        export_ledger(one, tmp_path / "e.jsonl")
        text = (tmp_path / "e.jsonl").read_text().replace('"ada"', json.dumps(name))
        (tmp_path / "e.jsonl").write_text(text)
        export_parquet(one, tmp_path / "e.parquet")
        table = pq.read_table(tmp_path / "e.parquet")
        column = table.column_names.index("annotator")
        changed = pa.array([name if value == "ada" else value for value in table["annotator"].to_pylist()], pa.string())
        pq.write_table(table.set_column(column, "annotator", changed), tmp_path / "e.parquet")
        for read, file in ((import_ledger, "e.jsonl"), (import_parquet, "e.parquet")):
            with pytest.raises(LabelsError, match="annotator cannot be"):
                read(other, tmp_path / file)
        assert not any(contents(other))
