"""The links of a clustering: candidates of the last index run, and equal GTINs."""

import math

import pytest
from clusterings import listing, problem
from hypothesis import given
from hypothesis import strategies as st
from samples import write_workspace

from core.clustering.links import link_graph, read_links
from core.errors import CoreError
from core.jobs.progress import Silent
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.workspace import Workspace


def rows(names: str, links: dict[str, float], **gtins: str) -> list[tuple[str, str, float, bool]]:
    graph = problem(names, links, gtins=gtins).graph
    names_ = [ref.source[0] + ref.id for ref in graph.listings]
    return [
        (names_[left], names_[right], probability, gtin)
        for left, right, probability, gtin in zip(
            graph.left.tolist(), graph.right.tolist(), graph.probability.tolist(), graph.gtin.tolist(), strict=True
        )
    ]


def test_a_pair_counts_once_with_its_highest_probability() -> None:
    assert rows("a1 w1", {"w1-a1": 0.2, "a1-w1": 0.7}) == [("a1", "w1", 0.7, False)]


def test_a_listing_that_is_gone_and_a_listing_with_itself_have_no_link() -> None:
    assert rows("a1 w1", {"w1-a9": 0.9, "w1-w1": 1.0}) == []


def test_equal_gtins_link_listings_that_are_no_candidates_of_each_other() -> None:
    found = rows("a1 t1 w1", {"w1-a1": 0.3}, a1="5", t1="5", w1="5")
    assert [row[:2] for row in found] == [("a1", "t1"), ("a1", "w1"), ("t1", "w1")]
    assert all(gtin for *_, gtin in found)
    # The matcher has seen the GTINs of a scored pair: its probability stands.
    assert [math.isnan(row[2]) for row in found] == [True, False, True]
    graph = problem("a1 t1 w1", {"w1-a1": 0.3}, gtins={"a1": "5", "t1": "5", "w1": "5"}).graph
    assert graph.strength.tolist() == [1.0, 0.3, 1.0]


def test_no_listings_are_no_links() -> None:
    graph = link_graph([], [])
    assert (graph.listings, len(graph.left), len(graph.keys)) == ([], 0, 0)


@given(st.permutations(["w1-a1", "w2-a1", "w1-a2", "w2-a2", "t1-a1"]), st.permutations(["a1", "a2", "t1", "w1", "w2"]))
def test_the_order_of_the_input_has_no_influence(links: list[str], names: list[str]) -> None:
    def graph(names: list[str], links: list[str]) -> tuple[object, ...]:
        found = problem(" ".join(names), {link: int(link[1]) / 10 for link in links}).graph
        return list(found.listings), found.left.tolist(), found.right.tolist(), found.probability.tolist()

    assert graph(names, links) == graph(sorted(names), sorted(links))


def test_keys_are_ascending_and_found_by_both_ends() -> None:
    graph = problem("a1 t1 w1", {"w1-a1": 0.3, "t1-a1": 0.5, "w1-t1": 0.1}).graph
    assert graph.keys.tolist() == sorted(graph.keys.tolist())
    assert [graph.key(2, 1), graph.key(1, 2)] == [graph.keys[2]] * 2


def test_links_of_a_workspace(workspace: Workspace) -> None:
    candidates = CandidateStore(workspace.derived)
    scored = [(query, each.ref, 0.9 - each.rank / 10) for query, each in candidates.all()]
    with pytest.raises(CoreError, match="no probabilities yet"):
        read_links(workspace, Silent())
    summary = MatcherSummary(0.5, 0.9, 0.1, 20, 10)
    candidates.score(scored, summary)
    candidates.close()
    graph, found = read_links(workspace, Silent())
    assert found == summary
    assert (len(graph.listings), len(graph.left)) == (21, 15)
    assert graph.listings[int(graph.left[0])].source == "amazon"


def test_nothing_indexed_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    workspace = write_workspace(tmp_path_factory.mktemp("w") / "home")
    workspace.derived.unlink()
    with pytest.raises(CoreError, match="There are no candidates yet"):
        read_links(workspace, Silent())


def test_names_of_test_listings() -> None:
    assert listing("w1") == ("walmart", "1")
