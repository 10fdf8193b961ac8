"""Whether a retrain is expected to pay, by the candidates of the validation queries."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from comparisons import evaluation
from samples import c, q

from core.evaluation.report import save_evaluation
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.splits.split import Splits
from core.training.prospect import Prospect, retrain_prospect
from core.workspace import Workspace

MODEL = "all-MiniLM-L6-v2-53aa5117"


def splits(**matches: str) -> Splits:
    found = {q(query): frozenset({c(match)}) for query, match in matches.items()}
    return Splits((), tuple(found), found, frozenset(), {}, manual=True, name="validation@1")


def write_candidates(workspace: Workspace) -> None:
    """Each query has the candidates a, b and c in this order; the dense index has c first."""
    rows = [
        (q(query), [Candidate(c(id_), rank, 0.8, 0.9, 4 - rank, rank) for rank, id_ in enumerate("abc", 1)])
        for query in ("q1", "q2", "q3", "q4")
    ]
    with closing(CandidateStore(workspace.derived)) as store:
        store.replace(rows, model=MODEL, fingerprint="1")
        scores = [(query, each.ref, 1 - each.rank / 4) for query, candidates in rows for each in candidates]
        store.score(scores, MatcherSummary(0.5, 0.9, 0.1, 40, 20))


def test_queries_are_counted_by_what_is_wrong_with_them(workspace: Workspace) -> None:
    write_candidates(workspace)
    # First; misplaced by the matcher alone; by both; not among the candidates.
    wanted = splits(q1="a", q2="c", q3="b", q4="x")
    assert retrain_prospect(workspace, wanted) == Prospect(4, 1, 1, 1)
    assert retrain_prospect(workspace, replace(wanted, manual=False)) is None
    save_evaluation(workspace, evaluation(model=MODEL))
    found = retrain_prospect(workspace, wanted)
    assert found is not None
    assert found.f1 == pytest.approx((0.884, 0.845, 0.919))


def test_before_the_first_index_run_nothing_is_predicted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert retrain_prospect(workspace, splits(q1="a")) is None
    # An empty one would be taken for a catalogue from which all products were removed.
    assert not workspace.catalog.exists()


def test_the_prediction_is_a_sentence_with_its_figures() -> None:
    # The retrain of Walmart-Amazon with the untuned encoder, which left the matcher's ranking as it was.
    no = Prospect(186, 172, 0, 11, (0.885, 0.847, 0.919))
    assert not no.worth
    assert no.sentence == (
        "Probably not worth it for the matcher's ranking (the order at the desk): hit@1 is 0.92 (0.88–0.95), F1 of"
        " pairs 0.89 (0.85–0.92). The match is no candidate in 0 of 186 queries, and encoder and"
        " matcher both misplace it in 11: a retrain may put fewer than one right, too few for a significant gain."
    )
    yes = Prospect(186, 120, 40, 20)
    assert yes.worth
    assert yes.sentence == (
        "Probably worth it for the matcher's ranking (the order at the desk): hit@1 is 0.65 (0.57–0.71)."
        " The match is no candidate in 40 of 186 queries,"
        " and encoder and matcher both misplace it in 20, of which a retrain may put about 19 right."
    )
    assert yes.record()["worth"] is True


@pytest.mark.parametrize(
    ("missing", "misordered", "worth"),
    [
        # Some of the simulated retrains on Walmart-Amazon: noise in the cosines, four candidates or ten.
        (12, 2, True), (16, 6, True), (22, 5, True), (11, 8, True), (0, 11, False), (0, 17, False), (3, 7, False),
        (0, 10, False), (5, 8, False), (6, 6, False),
    ],
)  # fmt: skip
def test_simulated_retrains(missing: int, misordered: int, worth: bool) -> None:
    assert Prospect(186, 160, missing, misordered).worth is worth
