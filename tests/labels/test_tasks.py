"""Exchange with Prodigy and Label Studio, pseudonyms, and escaping of CSV cells."""

import json
import re
import stat
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import c, implied, match, no_match, q, unsure

from core.catalog.pair_table import read_pairs
from labels.errors import LabelsError
from labels.exchange.decisions import PortableDecision, explicit_decisions, import_decisions
from labels.exchange.fields import CONTROLS, escape, neutralize_cell, restore_cell, unescape
from labels.exchange.formats import Format, detect_format, format_by_suffix
from labels.exchange.label_studio import CONFIG, export_label_studio, read_label_studio
from labels.exchange.labels_csv import export_csv
from labels.exchange.prodigy import export_prodigy, read_prodigy
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.tasks import Defaults, TaskFile
from labels.model import MACHINE, ActionDetails, Pair, ProductRef, Side, Stream, Verb
from labels.store import LabelStore
from labels.verify import verify

US = Defaults("eve", "walmart", "amazon")
BOTH = pytest.mark.parametrize(
    ("write", "read"), [(export_prodigy, read_prodigy), (export_label_studio, read_label_studio)]
)


def decisions_of(file: TaskFile) -> list[PortableDecision]:
    """The decisions of a file in which every task is usable."""
    assert not file.skipped
    return [decision for _, decision in file.decisions]


def title(ref: ProductRef) -> str:
    return f"title of {ref.id}"


@pytest.fixture
def filled(ledger: LabelStore) -> LabelStore:
    ledger.draw_validation([q("v")], seed=1)
    ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")])
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    ledger.record("ada", Verb.UNSURE, q("2"), unsure("-5"))
    ledger.record("bob", Verb.ACCEPT, q("v"), match("a"), ActionDetails(stream=Stream.VALIDATION))
    return ledger


# -- both programs -------------------------------------------------------------------------------------------


@BOTH
def test_explicit_decisions_round_trip(filled: LabelStore, tmp_path: Path, write, read) -> None:
    assert write(filled, tmp_path / "file", title) == 4
    decisions = decisions_of(read(tmp_path / "file", US))
    assert {(d.annotator, d.pair, d.decision, d.side) for d in decisions} == {
        (d.annotator, d.pair, d.decision, d.side) for d in explicit_decisions(filled)
    }
    again = import_decisions(filled, decisions)
    assert (again.written, again.repeated) == (0, 4)


@BOTH
def test_validation_decisions_of_a_file_never_train(filled: LabelStore, tmp_path: Path, write, read) -> None:
    write(filled, tmp_path / "file", title)
    with LabelStore(tmp_path / "other.db") as other:
        result = import_decisions(other, decisions_of(read(tmp_path / "file", US)))
        assert (result.written, result.validation) == (4, 1)
        assert [d.pair.query.id for d in other.decisions(side=Side.VALIDATION)] == ["v"]
        assert {d.annotator for d in other.decisions()} == {"ada", "bob"}
    with LabelStore(tmp_path / "third.db") as third:
        decisions = decisions_of(read(tmp_path / "file", US))
        with pytest.raises(LabelsError, match="made for validation, and never train"):
            import_decisions(third, decisions, "train")
        assert third.decisions() == []
    assert verify(tmp_path / "other.db").ok


@BOTH
def test_export_of_one_side_with_pseudonyms(filled: LabelStore, tmp_path: Path, write, read) -> None:
    names = Pseudonyms(b"k" * 32)
    assert write(filled, tmp_path / "file", title, side=Side.VALIDATION, names=names) == 1
    assert [d.annotator for d in decisions_of(read(tmp_path / "file", US))] == [names("bob")]
    assert "bob" not in (tmp_path / "file").read_text()


# -- prodigy -------------------------------------------------------------------------------------------------


def test_an_example_is_what_prodigy_writes(filled: LabelStore, tmp_path: Path) -> None:
    export_prodigy(filled, tmp_path / "e.jsonl", title)
    first, second, third, _ = (json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines())
    assert first["text"] == "walmart: title of 1\namazon: title of a"
    assert first["meta"] == {
        "query_source": "walmart", "query_id": "1", "candidate_source": "amazon", "candidate_id": "a", "side": "train",
    }  # fmt: skip
    assert (first["answer"], second["answer"], third["answer"]) == ("accept", "reject", "ignore")
    assert (first["label"], first["_annotator_id"], first["_view_id"]) == ("match", "ada", "classification")
    for name in ("_input_hash", "_task_hash"):
        assert isinstance(first[name], int)
        assert -(2**31) <= first[name] < 2**31
        assert first[name] == second[name] != third[name]
    assert first["_input_hash"] != first["_task_hash"]
    assert isinstance(first["_timestamp"], int)
    assert detect_format(tmp_path / "e.jsonl") is Format.PRODIGY
    (tmp_path / "e.jsonl").write_text('{"text": "x"}\n' + (tmp_path / "e.jsonl").read_text())
    assert detect_format(tmp_path / "e.jsonl") is Format.PRODIGY


def example(**changes: object) -> dict[str, object]:
    made = {"text": "t", "meta": {"query_id": "1", "candidate_id": 7}, "answer": "accept", **changes}
    return {name: value for name, value in made.items() if value is not ...}


def test_missing_fields_of_an_example_have_defaults(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text(json.dumps(example(_timestamp=1_700_000_000, _session_id="set-maria")) + "\n\n")
    ((_, found),) = read_prodigy(tmp_path / "e.jsonl", US).decisions
    assert (found.pair, found.annotator, found.side) == (Pair(q("1"), c("7")), "set-maria", None)
    assert found.at == "2023-11-14T22:13:20.000+00:00"
    (tmp_path / "e.jsonl").write_text(json.dumps(example()))
    ((_, found),) = read_prodigy(tmp_path / "e.jsonl", US).decisions
    assert (found.annotator, found.at) == ("eve", None)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"answer": "yes"}, "its answer must be accept, reject or ignore"),
        ({"answer": ["accept"]}, "its answer must be accept"),
        ({"answer": ...}, "its answer must be accept"),
        ({"label": "DIFFERENT"}, "the label is not"),
        ({"meta": ...}, "there is no query_id and no candidate_id"),
        ({"meta": {"query_id": "1"}}, "there is no candidate_id"),
        ({"meta": {"query_id": True, "candidate_id": "a"}}, "there is no query_id"),
        ({"meta": {"query_id": "1", "candidate_id": "a", "query_source": 3}}, "the source of its query_id is unknown"),
        ({"meta": {"query_id": "1", "candidate_id": "a", "side": "left"}}, "its side must be train or validation"),
        ({"_annotator_id": "ada\x1b[2J"}, "no valid name"),
        ({"_annotator_id": 7}, "no valid name"),
        ({"_timestamp": 1e300}, "_timestamp is not a time"),
        ({"_timestamp": "noon"}, "_timestamp is not a time"),
        ({"_timestamp": True}, "_timestamp is not a time"),
    ],
)
def test_an_invalid_example_is_skipped_and_named(tmp_path: Path, changes: dict, complaint: str) -> None:
    lines = [example(), example(**changes), example(answer="reject")]
    (tmp_path / "e.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = read_prodigy(tmp_path / "e.jsonl", US)
    assert [(number, each.decision.value) for number, each in found.decisions] == [(1, "match"), (3, "no_match")]
    ((number, reason),) = [(each.number, each.reason) for each in found.skipped]
    assert (found.place, number) == ("line", 2)
    assert complaint in reason


@pytest.mark.parametrize("line", ["{", "7", '{"a": 1, "a": 2}', "[" * 100_000])
def test_a_line_that_is_no_json_object_is_skipped(tmp_path: Path, line: str) -> None:
    (tmp_path / "e.jsonl").write_text(f"{line}\n\n{json.dumps(example())}")
    assert detect_format(tmp_path / "e.jsonl") is Format.PRODIGY
    found = read_prodigy(tmp_path / "e.jsonl", US)
    assert [number for number, _ in found.decisions] == [3]
    assert [each.number for each in found.skipped] == [1]


# -- label studio --------------------------------------------------------------------------------------------


def test_a_pair_is_a_task_and_an_annotator_an_annotation(filled: LabelStore, tmp_path: Path) -> None:
    export_label_studio(filled, tmp_path / "t.json", title)
    tasks = json.loads((tmp_path / "t.json").read_text())
    assert len(tasks) == 3
    assert (tasks[0]["data"]["query"], tasks[0]["data"]["candidate_id"]) == ("title of 1", "a")
    assert [a["completed_by"] for a in tasks[0]["annotations"]] == [{"email": "ada"}, {"email": "bob"}]
    assert tasks[0]["annotations"][0]["result"] == [
        {
            "id": "decision", "from_name": "decision", "to_name": "candidate", "type": "choices",
            "value": {"choices": ["match"]},
        }
    ]  # fmt: skip
    config = ET.fromstring(CONFIG)  # noqa: S314 - our own
    texts = {text.get("name"): text.get("value") for text in config.iter("Text")}
    assert texts == {"query": "$query", "candidate": "$candidate"}
    choices = config.find("Choices")
    assert (choices.get("name"), choices.get("toName")) == ("decision", "candidate")
    assert [choice.get("value") for choice in choices] == ["match", "no_match", "unsure"]


def task(*annotations: object, data: object = ...) -> dict[str, object]:
    return {
        "id": 1,
        "data": {"query_id": "1", "candidate_id": "a"} if data is ... else data,
        "annotations": annotations,
    }


def annotation(choice: object = "match", **changes: object) -> dict[str, object]:
    result = [{"from_name": "decision", "to_name": "candidate", "type": "choices", "value": {"choices": [choice]}}]
    return {"result": result, "completed_by": 10, "created_at": "2026-03-09T22:16:08.728353Z", **changes}


def written(path: Path, *tasks: object) -> Path:
    path.write_text(json.dumps(tasks))
    return path


def test_what_label_studio_exports_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.json",
        task(
            annotation(),
            annotation("no_match", completed_by={"id": 3, "email": "bob@example.com"}, created_at=None),
            annotation("unsure", completed_by=None),
            annotation(was_cancelled=True),
            annotation(result=[]),
            annotation(result=[{"from_name": "note", "value": {"text": ["hm"]}}]),
            annotation(completed_by={"id": 4}),
        ),
        {"data": {"query_id": "2", "candidate_id": "b"}},
    )
    found = decisions_of(read_label_studio(path, US))
    assert [(d.annotator, d.decision.value) for d in found] == [
        ("user-10", "match"), ("bob@example.com", "no_match"), ("eve", "unsure"), ("user-4", "match"),
    ]  # fmt: skip
    assert (found[0].at, found[1].at) == ("2026-03-09T22:16:08.728353Z", None)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (7, "this is not a task"),
        (task(data=None), "there is no query_id"),
        (task() | {"annotations": {}}, "annotations are not a list"),
        (task("x"), "an annotation must be an object"),
        (task(annotation(result="x")), "a list of objects"),
        (task(annotation(result=["x"])), "a list of objects"),
        (task(annotation("maybe")), "must choose one of"),
        (task(annotation(["match"])), "must choose one of"),
        (task(annotation(created_at="2026-03-09")), "created_at is not a date"),
        (task(annotation(created_at=5)), "created_at is not a date"),
        (task(annotation(completed_by="a\nb")), "no valid name"),
    ],
)
def test_an_invalid_task_is_skipped_and_named(tmp_path: Path, given: object, complaint: str) -> None:
    path = written(tmp_path / "t.json", task(annotation()), given, task(annotation()))
    assert detect_format(path) is Format.LABEL_STUDIO
    found = read_label_studio(path, US)
    assert [number for number, _ in found.decisions] == [1, 3]
    ((number, reason),) = [(each.number, each.reason) for each in found.skipped]
    assert (found.place, number) == ("task", 2)
    assert complaint in reason


def test_an_invalid_annotation_does_not_cost_the_others_of_its_task(tmp_path: Path) -> None:
    path = written(tmp_path / "t.json", task(annotation(), annotation("maybe"), annotation("unsure")))
    found = read_label_studio(path, US)
    assert [(number, each.decision.value) for number, each in found.decisions] == [(1, "match"), (1, "unsure")]
    assert [each.number for each in found.skipped] == [1]


def test_a_malformed_first_task_does_not_hide_what_the_file_is(tmp_path: Path) -> None:
    assert detect_format(written(tmp_path / "t.json", 7, task(annotation()))) is Format.LABEL_STUDIO
    assert detect_format(written(tmp_path / "t.json", 7, {"query_id": 1})) is Format.CSV
    # A malformed task does not hide what the others are.
    assert detect_format(written(tmp_path / "t.json", {"id": 5}, {}, task(annotation()))) is Format.LABEL_STUDIO


@pytest.mark.parametrize("text", ["{}", "[", "[NaN]", "[" * 100_000, "", '{"a": 1, "a": 2}'])
def test_a_file_without_a_list_of_tasks_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(LabelsError, match=r"not a list of tasks|not JSON|too deeply"):
        read_label_studio(tmp_path / "t.json", US)


# -- pseudonyms ----------------------------------------------------------------------------------------------


def test_pseudonyms_are_stable_and_the_key_is_private(tmp_path: Path) -> None:
    key = tmp_path / "pseudonyms.key"
    first = Pseudonyms.from_key_file(key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert first("ada") == Pseudonyms.from_key_file(key)("ada") != first("bob")
    assert first("ada").startswith("annotator-")
    assert first(MACHINE) == MACHINE
    assert Pseudonyms.from_key_file(tmp_path / "other.key")("ada") != first("ada")


@pytest.mark.parametrize("content", [b"", b"xyz", b"\xff", b"ab" * 8])
def test_an_invalid_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(LabelsError, match="holds no key"):
        Pseudonyms.from_key_file(tmp_path / "key")


def test_colliding_pseudonyms_are_refused() -> None:
    names = Pseudonyms(b"k" * 32)
    with pytest.raises(LabelsError, match="the same pseudonym"):
        list(map(names, map(str, range(50_000))))


# -- cells and endings ---------------------------------------------------------------------------------------


@given(st.text())
def test_neutralized_cells_round_trip_and_are_no_formulas(cell: str) -> None:
    assert restore_cell(neutralize_cell(cell)) == cell
    assert not neutralize_cell(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


#: Characters of which escapes, what looks like escapes, and formulas are made.
_TRICKY = st.text(st.sampled_from("\\xu012abe'=\x1b\t\n\x9b\u202e\u200b\ufeff"))


@given(_TRICKY)
def test_escaped_text_round_trips(text: str) -> None:
    assert unescape(escape(text)) == text
    assert restore_cell(neutralize_cell(text)) == text
    assert not re.search(f"[{CONTROLS}]", escape(text))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\x1b[7m", r"a\x1b[7m"), ("\u202egnp", r"\u202egnp"), ("tab\there", r"tab\x09here"),
        (r"5\8 \n \xzz \x41 C:\users", r"5\8 \n \xzz \x41 C:\users"), (r"literally \x1b", r"literally \\x1b"),
        ("\\\x1b", r"\\\x1b"), ("zero\u200bwidth é", "zero\u200bwidth é"),
    ],
)  # fmt: skip
def test_only_control_characters_are_escaped(text: str, written: str) -> None:
    assert escape(text) == written


def test_escaping_many_backslashes_is_fast() -> None:
    text = "\\" * 1_000_000
    assert unescape(escape(text)) == text


def test_ids_with_control_characters_round_trip_escaped(ledger: LabelStore, tmp_path: Path) -> None:
    ids = {"\x1b]52;c;eA==\x07", "\u202egnp", "two\nlines", "\x9b2J", r"\x1b", "\\\x1b", "\ttab"}
    for id_ in ids:
        ledger.record("ada", Verb.ACCEPT, q(id_), match(id_))
    export_csv(ledger, tmp_path / "l.csv")
    assert not re.search(f"[{CONTROLS}]", (tmp_path / "l.csv").read_text().replace("\n", ""))
    assert {pair.candidate.id for pair in read_pairs(tmp_path / "l.csv", "walmart", "amazon")} == ids


def test_ids_that_look_like_formulas_round_trip(ledger: LabelStore, tmp_path: Path) -> None:
    for id_ in ("-5", "=1+1", "@x", "'-5", "'quoted", "+49", "7"):
        ledger.record("ada", Verb.ACCEPT, q(id_), match("-" + id_))
    export_csv(ledger, tmp_path / "l.csv")
    assert {pair.query.id for pair in read_pairs(tmp_path / "l.csv", "walmart", "amazon")} == {
        "-5", "=1+1", "@x", "'-5", "'quoted", "+49", "7",
    }  # fmt: skip
    assert not any(line.startswith(("-", "=", "@", "+")) for line in (tmp_path / "l.csv").read_text().splitlines())


def test_the_format_by_suffix(tmp_path: Path) -> None:
    assert format_by_suffix(Path("a.PARQUET")) is Format.PARQUET
    with pytest.raises(LabelsError, match="unknown ending"):
        format_by_suffix(Path("a.txt"))
    assert detect_format(Path("a.txt")) is Format.CSV
    (tmp_path / "e.jsonl").write_text("")
    assert detect_format(tmp_path / "e.jsonl") is Format.EVENTS
