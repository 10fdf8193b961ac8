"""Import and export of labels as files."""

from pathlib import Path

import pytest
from samples import c, match, no_match, q, unsure

from core.catalog.pair_table import read_pairs
from labels.errors import LabelsError, SameskuError
from labels.exchange.decisions import LabelImport, PortableDecision, SplitChoice, import_decisions
from labels.exchange.labels_csv import export_csv
from labels.model import ActionDetails, Decision, Pair, Side, Verb
from labels.store import LabelStore


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["ltable_id,rtable_id,label", *lines]) + "\n", encoding="utf-8")
    return path


def pairs(**labels: int) -> dict[Pair, bool]:
    """`pairs(q1_a=1)` is the pair of query q1 and candidate a, a match."""
    return {Pair(q(n.split("_")[0]), c(n.split("_")[1])): bool(v) for n, v in labels.items()}


def import_labels(
    store: LabelStore, labels: dict[Pair, bool], annotator: str, split: SplitChoice = "auto"
) -> LabelImport:
    decisions = (
        PortableDecision(annotator, pair, Decision.MATCH if match else Decision.NO_MATCH)
        for pair, match in labels.items()
    )
    return import_decisions(store, list(decisions), split)


# -- files ---------------------------------------------------------------------------------------------------


def test_labels_survive_a_round_trip(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *no_match("b")])
    ledger.record("ada", Verb.ACCEPT, q('2,"x"'), match("é"))
    assert export_csv(ledger, tmp_path / "out.csv") == 3
    assert read_pairs(tmp_path / "out.csv", "walmart", "amazon") == {
        Pair(q("1"), c("a")): True,
        Pair(q("1"), c("b")): False,
        Pair(q('2,"x"'), c("é")): True,
    }


def test_conflicts_and_abstentions_are_not_exported(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a", "b"), *unsure("d")])
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    assert export_csv(ledger, tmp_path / "out.csv") == 1
    assert (tmp_path / "out.csv").read_bytes() == b"ltable_id,rtable_id,label\n1,b,1\n"


def test_one_side_is_exported_by_the_side_of_the_label(ledger: LabelStore, tmp_path: Path) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"), ActionDetails(side=Side.VALIDATION))
    ledger.record("bob", Verb.ACCEPT, q("1"), match("a"), ActionDetails(side=Side.TRAIN))
    ledger.record("bob", Verb.ACCEPT, q("2"), match("b"))
    export_csv(ledger, tmp_path / "train.csv", Side.TRAIN)
    export_csv(ledger, tmp_path / "valid.csv", Side.VALIDATION)
    assert read_pairs(tmp_path / "train.csv", "walmart", "amazon") == pairs(**{"2_b": 1})
    assert read_pairs(tmp_path / "valid.csv", "walmart", "amazon") == pairs(**{"1_a": 1})


def test_an_export_that_fails_leaves_the_old_file(ledger: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "occupied").mkdir()
    with pytest.raises(LabelsError, match="cannot be written"):
        export_csv(ledger, tmp_path / "occupied")
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".part") == []


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["1,a,1", "1,b,2"], "line 3: '2' is not a label"),
        (["1,a"], "line 2: '' is not a label"),
        ([",a,1"], "line 2: a pair is two ids"),
        (["1,a,1", "2,b,0", "1,a,0"], "line 4: the pair 1,a has both labels"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(LabelsError, match=complaint):
        read_pairs(written(tmp_path / "bad.csv", *lines), "walmart", "amazon")


def test_duplicate_lines_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    path = written(tmp_path / "twice.csv", "1, a ,1", "1,a, 1")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_pairs(path, "walmart", "amazon") == pairs(**{"1_a": 1})


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"id,label\n1,1\n", "no column that looks like the query_id"),
        (b"", "is empty"),
        (b"ltable_id,rtable_id,label\n\n", "has no pairs"),
        (b"1,a,1\n", "looks like the label"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "other.csv").write_bytes(content)
    with pytest.raises(SameskuError, match=complaint):
        read_pairs(tmp_path / "other.csv", "walmart", "amazon")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SameskuError, match=r"There is no file .*none\.csv"):
        read_pairs(tmp_path / "none.csv", "walmart", "amazon")


# -- imports -------------------------------------------------------------------------------------------------


def test_auto_keeps_the_workspaces_validation_queries_out_of_training(ledger: LabelStore) -> None:
    ledger.draw_validation([q("v")], seed=1)
    result = import_labels(ledger, pairs(v_a=1, v_b=0, t_a=1), "eve")
    assert (result.written, result.validation, result.repeated, result.shared_queries) == (3, 2, 0, 0)
    assert {(d.pair.query.id, d.side.value) for d in ledger.decisions()} == {("v", "validation"), ("t", "train")}


def test_a_decision_made_before_is_a_repeat(ledger: LabelStore) -> None:
    import_labels(ledger, pairs(t_a=1, t_b=0), "eve")
    again = import_labels(ledger, pairs(t_a=1, t_b=1, t_d=0), "eve")
    assert (again.written, again.repeated) == (2, 1)
    assert {d.pair.candidate.id: d.decision.value for d in ledger.decisions()} == {
        "a": "match",
        "b": "match",
        "d": "no_match",
    }
    assert import_labels(ledger, pairs(t_a=1), "bob").written == 1


@pytest.mark.parametrize(("first", "second"), [("train", "validation"), ("validation", "train")])
def test_a_pair_on_both_sides_is_refused_and_nothing_is_written(ledger: LabelStore, first: str, second: str) -> None:
    import_labels(ledger, pairs(t_a=1), "eve", first)
    with pytest.raises(LabelsError, match="1 pair is already on the other side, the first is t,a"):
        import_labels(ledger, pairs(u_b=1, t_a=1), "bob", second)
    assert len(ledger.decisions()) == 1


def test_a_validation_pair_seen_in_triage_is_refused_for_training(ledger: LabelStore) -> None:
    import_labels(ledger, pairs(t_a=1), "eve", "validation")
    ledger.record("ada", Verb.ACCEPT, q("t"), match("a"))
    with pytest.raises(LabelsError, match="other side"):
        import_labels(ledger, pairs(t_a=1), "bob", "train")


def test_the_workspaces_validation_queries_cannot_be_imported_for_training(ledger: LabelStore) -> None:
    ledger.draw_validation([q("v")], seed=1)
    with pytest.raises(LabelsError, match="1 query of the file is for validation in this workspace"):
        import_labels(ledger, pairs(v_a=1), "eve", "train")
    assert ledger.decisions() == []


def test_queries_on_both_sides_are_counted(ledger: LabelStore) -> None:
    import_labels(ledger, pairs(s_a=1, t_a=0), "eve", "train")
    result = import_labels(ledger, pairs(s_b=0, u_a=1), "eve", "validation")
    assert (result.validation, result.shared_queries) == (2, 1)
    assert result.as_dict() == {"written": 2, "repeated": 0, "validation": 2, "shared_queries": 1}


def test_a_query_is_answered_by_an_imported_match_and_not_by_rejections(ledger: LabelStore) -> None:
    import_labels(ledger, pairs(t_a=0, u_a=1, u_b=0), "eve")
    assert ledger.closed_queries() == {q("u")}
