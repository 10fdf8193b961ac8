"""Labels of replaced or removed products are left out until someone decides again."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from samples import PRODUCTS, QUERIES, c, match, no_match, q, write_workspace

from core.catalog.product import Product
from core.catalog.store import CatalogStore, ImportRules
from core.matching.fitting import read_training_labels
from core.queue.label_counts import label_counts, outdated_counts
from core.settings import Settings
from core.splits.current_labels import current_conflicts, current_labels, outdated
from core.splits.split import splits_of, training_labels
from core.workspace import Workspace
from labels.consensus import Rule
from labels.model import MACHINE, ActionDetails, Judgement, Pair, Stratum, Verb
from labels.store import LabelStore

LONG_AGO = "2026-01-01T00:00:00.000+00:00"
HOSE = "Garden hose 25 ft green"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write_workspace(tmp_path / "home")


def decide(
    workspace: Workspace, query: str, judgements: Iterable[Judgement], annotator: str = "ada", at: str | None = LONG_AGO
) -> None:
    with LabelStore(workspace.labels, **({"now": lambda: at} if at else {})) as store:
        store.record(annotator, Verb.ACCEPT, q(query), list(judgements), ActionDetails(closes=True))


def replaced(workspace: Workspace, *ids: str, by: str = HOSE) -> list[Product]:
    """The candidates, with other products under some ids."""
    return [Product("amazon", p.id, by, "Gilmour", model="GH25") if p.id in ids else p for p in PRODUCTS]


def bring_in(workspace: Workspace, products: list[Product], role: str = "catalog", *, prune: bool = False) -> None:
    source = products[0].source
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace(source, "query" if role == "query" else "catalog", products, prune=prune)


def trained(workspace: Workspace) -> dict[str, bool | None]:
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        return {label.pair.candidate.id: label.match for label in current_labels(store, catalog)}


def waiting(workspace: Workspace) -> dict[str, str]:
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        return {query.id: words for query, words in outdated(store, catalog).waiting.items()}


def test_a_label_on_another_article_is_left_out_everywhere_and_its_query_asked_about_again(
    workspace: Workspace,
) -> None:
    decide(workspace, "q1", [*match("q1-c1"), *no_match("q1-c2")])
    decide(workspace, "q2", match("q2-c1"))
    bring_in(workspace, replaced(workspace, "q1-c1"))
    assert trained(workspace) == {"q1-c2": False, "q2-c1": True}
    assert {label.pair.candidate.id for label in read_training_labels(workspace, Settings()).labels} == {
        "q1-c2",
        "q2-c1",
    }
    splits = splits_of(workspace, Settings())
    assert Pair(q("q1"), c("q1-c1")) not in {label.pair for label in (*splits.train, *splits.eval_labels)}
    assert q("q1") not in splits.matches
    assert list(waiting(workspace)) == ["q1"]
    assert "amazon q1-c1 is another product since this was answered" in waiting(workspace)["q1"]
    assert QUERIES[0].title in waiting(workspace)["q1"]


def test_a_small_edit_leaves_the_label_as_it_is(workspace: Workspace) -> None:
    decide(workspace, "q1", match("q1-c1"))
    edited = [replace(p, title=p.title.replace("Rebel", "Rebell"), price=1.0) for p in PRODUCTS]
    bring_in(workspace, edited)
    assert trained(workspace) == {"q1-c1": True}
    assert waiting(workspace) == {}


def test_a_new_decision_counts_and_the_old_one_of_somebody_else_does_not(workspace: Workspace) -> None:
    decide(workspace, "q1", match("q1-c1"), "ada")
    bring_in(workspace, replaced(workspace, "q1-c1"))
    decide(workspace, "q1", no_match("q1-c1"), "bob", at=None)
    assert trained(workspace) == {"q1-c1": False}
    assert waiting(workspace) == {}
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        assert store.conflicts()
        assert not current_conflicts(store, catalog)
        assert outdated_counts(store, catalog).sentence() == ""


def test_confirming_the_label_brings_it_back(workspace: Workspace) -> None:
    decide(workspace, "q1", match("q1-c1"))
    bring_in(workspace, replaced(workspace, "q1-c1"))
    decide(workspace, "q1", match("q1-c1"), at=None)
    assert trained(workspace) == {"q1-c1": True}


def test_the_former_article_brings_its_label_back(workspace: Workspace) -> None:
    decide(workspace, "q1", match("q1-c1"))
    bring_in(workspace, replaced(workspace, "q1-c1"))
    bring_in(workspace, PRODUCTS)
    assert trained(workspace) == {"q1-c1": True}
    assert waiting(workspace) == {}


def test_a_match_that_is_gone_leaves_the_question_until_it_is_answered(workspace: Workspace) -> None:
    decide(workspace, "q1", [*match("q1-c1"), *no_match("q2-c1")])
    bring_in(workspace, [p for p in PRODUCTS if p.id not in {"q1-c1", "q2-c1"}], prune=True)
    assert trained(workspace) == {}
    assert "amazon q1-c1 has left the catalogue" in waiting(workspace)["q1"]
    decide(workspace, "q1", match("q1-c2"), at=None)
    assert trained(workspace) == {"q1-c2": True}
    assert waiting(workspace) == {}
    bring_in(workspace, PRODUCTS)
    assert trained(workspace) == {"q1-c1": True, "q1-c2": True, "q2-c1": False}


def test_what_was_rejected_asks_no_question_when_it_goes(workspace: Workspace) -> None:
    decide(workspace, "q1", [*match("q1-c1"), *no_match("q1-c2")])
    bring_in(workspace, [p for p in PRODUCTS if p.id != "q1-c2"], prune=True)
    assert trained(workspace) == {"q1-c1": True}
    assert waiting(workspace) == {}


def test_a_query_that_is_another_article_is_asked_about_again(workspace: Workspace) -> None:
    decide(workspace, "q1", [*match("q1-c1"), *no_match("q1-c2")])
    bring_in(workspace, [Product("walmart", "q1", HOSE), *QUERIES[1:]], "query")
    assert trained(workspace) == {}
    assert "walmart q1 is another product" in waiting(workspace)["q1"]


def test_what_the_machine_decided_on_another_article_is_open_again(workspace: Workspace) -> None:
    with LabelStore(workspace.labels, now=lambda: LONG_AGO) as store:
        store.record_all(MACHINE, [(q("q1"), match("q1-c1"), True)])
    bring_in(workspace, replaced(workspace, "q1-c1"))
    assert list(waiting(workspace)) == ["q1"]


def test_labels_of_a_source_that_changed_its_role_do_not_count(workspace: Workspace) -> None:
    decide(workspace, "q1", match("q1-c1"))
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "catalog", QUERIES, rules=ImportRules(change_role=True))
    assert trained(workspace) == {}


def test_the_counts_say_what_is_left_out(workspace: Workspace) -> None:
    decide(workspace, "q1", [*match("q1-c1"), *no_match("q1-c2")])
    decide(workspace, "q2", match("q2-c1"))
    kept = [p for p in replaced(workspace, "q1-c1") if p.id != "q1-c2"]
    bring_in(workspace, kept, prune=True)
    figures = label_counts(workspace, Settings())
    assert figures["outdated"] == {"changed": 1, "gone": 1, "queries": 1}
    assert (figures["training_pairs"], figures["queries_answered"], figures["matches"]) == (1, 1, 1)
    assert figures["streams"]["triage"] == {"done": 1, "total": 4}
    assert figures["streams"]["audit"] == {"done": 0, "total": 0}
    with LabelStore(workspace.labels) as store:
        store.draw_audit({q("q3"): Stratum("high", 2.0)}, seed=1)
    assert label_counts(workspace, Settings())["streams"]["audit"] == {"done": 0, "total": 1}
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        assert outdated_counts(store, catalog).sentence().startswith("2 labels are left out, 1 on products that were")
        assert len(training_labels(store, Rule.UNANIMOUS, catalog)) == 1
