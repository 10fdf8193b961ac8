"""Which decisions are compared, and in which groups."""

import json

import pytest
from opinions import said
from samples import q

from core.evaluation.agreement import agreement_report
from core.retrieval.candidates import MatcherSummary
from core.stats.agreement import shared_pairs

STANDING = MatcherSummary(threshold=0.5, high=0.9, low=0.2, labels=100)


def test_only_pairs_with_two_opinions_are_in_common() -> None:
    found = shared_pairs([
        said("ada", "q1/a", True), said("bob", "q1/a", False),
        said("ada", "q1/b", True),
        said("ada", "q1/c", True), said("bob", "q1/c", None),
    ])  # fmt: skip
    assert [(each.pair.candidate.id, each.votes) for each in found] == [("a", {"ada": True, "bob": False})]


def test_an_adjudication_is_no_independent_opinion() -> None:
    assert shared_pairs([said("ada", "q1/a", True), said("eve", "q1/a", True, ruling=True)]) == []


def test_implied_decisions_are_counted_apart() -> None:
    given = [
        said("ada", "q1/a", True), said("bob", "q1/a", True),
        said("ada", "q1/b", False, explicit=False), said("bob", "q1/b", False),
    ]  # fmt: skip
    found, wider = (agreement_report(given, {}, None, implied=implied) for implied in (False, True))
    assert (found.overall.pairs, found.implied_pairs) == (1, 1)
    assert (wider.overall.pairs, wider.implied_pairs) == (2, 1)


def test_abstentions_are_counted_and_never_compared() -> None:
    found = agreement_report([said("ada", "q1/a", None), said("bob", "q1/a", True)], {}, None)
    assert (found.unsure, found.decisions, found.overall.pairs) == (1, 2, 0)


def test_three_agree_only_where_all_do() -> None:
    given = [said(who, f"q{n}/a", vote) for n, votes in enumerate(["111", "110", "000"])
             for who, vote in zip(("ada", "bob", "eve"), (v == "1" for v in votes), strict=True)]  # fmt: skip
    found = agreement_report(given, {}, None)
    assert (found.overall.agreement.right, found.overall.agreement.labels) == (2, 3)
    agreed = {names: (each.agreement.right, each.pairs) for names, each in found.couples.items()}
    assert agreed == {("ada", "bob"): (3, 3), ("ada", "eve"): (2, 3), ("bob", "eve"): (2, 3)}


def test_figures_are_broken_down_by_category_and_by_band() -> None:
    shown = {"q1": 0.95, "q2": 0.5, "q3": 0.1, "q4": None}
    given = [
        said(who, f"{query}/a", True, probability=p and (p if who == "ada" else 0.99))
        for query, p in shown.items()
        for who in ("ada", "bob")
    ]
    found = agreement_report(given, {q("q1"): "TVs", q("q2"): "TVs", q("q3"): "mice"}, STANDING)
    assert {name: each.pairs for name, each in found.categories.items()} == {"TVs": 2, "": 1, "mice": 1}
    assert next(iter(found.categories)) == "TVs", "most pairs first"
    # By what the first was shown; the second's probability has learnt from the first's answer.
    assert {name: each.pairs for name, each in found.bands.items()} == {"high": 1, "medium": 1, "low": 1, "unknown": 1}
    assert list(found.bands) == ["high", "medium", "low", "unknown"]
    assert agreement_report(given, {}, None).bands == {}


@pytest.mark.parametrize("given", [[], [said("ada", "q1/a", True), said("bob", "q1/a", True)]])
def test_what_is_undefined_is_null(given: list) -> None:
    answer = json.loads(json.dumps(agreement_report(given, {}, None).as_dict(), allow_nan=False))
    kappa = answer["overall"]["kappa"]
    assert (kappa["value"], kappa["low"]) == (None, None)
    assert kappa["undefined"] == ("one class only" if given else "no overlap")
    assert (answer["overall"]["agreement"]["share"] is None) == (not given)
