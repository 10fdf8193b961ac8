"""Clustering: how long a million listings take, and how good the groups of three demo catalogues are.

    python -m tests.bench.cluster [--listings N] [--quality]

The listings have synthetic links: ten candidates for each query, of which the true ones are likely and one in twenty of
the others is above the threshold. Printed are seconds, CPU seconds and peak memory, all methods in one process. With
--quality, the demo with a third retailer in both roles is indexed, and the groups are compared with the known products:
after 300 single pairs were decided, one of each query; and, without those, after 30 and after 300 answered queries.
Then a twentieth of the listings changes. That takes some minutes.
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np

from core.catalog.demo import demo_sources
from core.catalog.store import CatalogStore
from core.clustering.constraints import constraints_of
from core.clustering.gold import score_clustering
from core.clustering.links import LinkGraph, link_graph
from core.clustering.methods import Method, cluster
from core.clustering.product_ids import NO_IDS, load_ids
from core.clustering.run import Clustering, cluster_workspace, record_ids
from core.clustering.table import holding_links
from core.demo import answer_queries
from core.jobs.progress import Silent
from core.matching.run import bring_up_to_date
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.workspace import Workspace
from labels.consensus import Label, LabelState
from labels.model import ActionDetails, Decision, Judgement, Pair, ProductRef, Side, Stream, Strength, Verb
from labels.store import LabelStore
from tests.support.three_sources import reworded, write_sources

Result = TypeVar("Result")

_SOURCES = ("amazon", "target", "walmart")
_CANDIDATES = 10
_THRESHOLD = 0.5
#: Decisions of people on the synthetic listings.
_DECISIONS = 10_000
#: Numbers of queries that are answered on the demo before the groups are compared; an answer labels ten pairs or so.
_QUERIES = (30, 300)
#: Single pairs that are decided instead, and index runs between them, each of which fits the matcher.
_PAIRS, _ROUNDS = 300, 6
_CHANGED = 0.05


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listings", type=int, default=1_000_000)
    parser.add_argument("--quality", action="store_true")
    options = parser.parse_args()
    _measure_scale(options.listings)
    if options.quality:
        _measure_quality()


# -- scale ---------------------------------------------------------------------------------------------------


def _measure_scale(count: int) -> None:
    sys.stdout.write("| step | seconds | CPU seconds | peak memory |\n")
    listings, item = _listings(count)
    labels = list(_labels(listings, item))
    graph = _timed("build the graph", lambda: link_graph(listings, _scored(listings, item)))
    sys.stdout.write(f"| {len(graph.listings):,} listings, {len(graph.left):,} links | | | |\n")
    constraints = _timed(f"{_DECISIONS:,} decisions", lambda: constraints_of(graph.listings, labels))
    for method in Method:
        found = _timed(f"{method}", lambda method=method: cluster(graph, constraints, method, _THRESHOLD))  # type: ignore[misc]
        sys.stdout.write(f"| {int(found.max()) + 1:,} groups | | | |\n")
        if method is Method.ONE_PER_SOURCE:
            group = found
    summary = MatcherSummary(_THRESHOLD, 0.9, 0.1, 300, 100)
    clustering = Clustering(graph, constraints, group, Method.ONE_PER_SOURCE, _THRESHOLD, summary, NO_IDS)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        _timed("assign and write the ids", lambda: record_ids(workspace, clustering))
        earlier = _timed("read the ids", lambda: load_ids(workspace.product_ids))
        later = Clustering(graph, constraints, group, Method.ONE_PER_SOURCE, _THRESHOLD, summary, earlier)
        _timed("assign the same ids again", lambda: later.assigned)
    _timed("the link that holds each listing", lambda: holding_links(clustering))


def _timed(what: str, work: Callable[[], Result]) -> Result:
    begun, worked = time.monotonic(), time.process_time()
    result = work()
    seconds, cpu = time.monotonic() - begun, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(f"| {what} | {seconds:.1f} s | {cpu:.1f} s | {peak:.2f} GiB |\n")
    sys.stdout.flush()
    return result


def _listings(count: int) -> tuple[list[ProductRef], dict[ProductRef, int]]:
    """Listings of three sources in turn, and their items: two listings of three share one with another."""
    listings = [ProductRef(_SOURCES[i % 3], f"{i:08d}") for i in range(count)]
    # Neighbouring listings are of different sources.
    return listings, {ref: i // 2 if i % 6 < 4 else count + i for i, ref in enumerate(listings)}


def _scored(listings: list[ProductRef], item: dict[ProductRef, int]) -> Iterator[tuple[ProductRef, ProductRef, float]]:
    """Candidates at Amazon for each listing of the two others, which are near in the list."""
    random = np.random.default_rng(7)
    amazon = [ref for ref in listings if ref.source == "amazon"]
    for i, query in enumerate(listings):
        if query.source == "amazon":
            continue
        first = max(0, min(i // 3 - _CANDIDATES // 2, len(amazon) - _CANDIDATES))
        chances = random.random((2, _CANDIDATES))
        for chance, luck, candidate in zip(*chances.tolist(), amazon[first : first + _CANDIDATES], strict=True):
            likely = item[query] == item[candidate] or luck < 0.05
            yield query, candidate, 0.5 + chance / 2 if likely else chance / 2


def _labels(listings: list[ProductRef], item: dict[ProductRef, int]) -> Iterator[Label]:
    random = Random(7)
    for _ in range(_DECISIONS):
        i = random.randrange(len(listings) - 1)
        pair = Pair(listings[i], listings[i + 1])
        match = item[pair.query] == item[pair.candidate]
        yield Label(pair, match, Strength.EXPLICIT, Side.TRAIN, LabelState.AGREED)


# -- quality -------------------------------------------------------------------------------------------------


def _measure_quality() -> None:
    sources, settings = demo_sources(), Settings()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "home")
        write_sources(sources, workspace, target="both")
        _index(workspace, settings)
        sys.stdout.write("| queries, pairs | method | threshold | B-cubed P | R | F1 | pairwise F1 | closest F1 |\n")
        of_pairs = Workspace(Path(folder) / "pairs")
        shutil.copytree(workspace.home, of_pairs.home)
        for _ in range(_ROUNDS):
            _decide_pairs(of_pairs, sources.item, _PAIRS // _ROUNDS)
            _index(of_pairs, settings)
        for method in Method:
            _print_scores(str(_PAIRS), cluster_workspace(of_pairs, settings, method, None, Silent()), sources.item)
        answered = 0
        for queries in _QUERIES:
            answered += _answer(workspace, settings, sources.item, queries - answered)
            _index(workspace, settings)
            for method in Method:
                found = cluster_workspace(workspace, settings, method, None, Silent())
                _print_scores(str(answered), found, sources.item)
        for method, f1 in _best_possible(found.graph, sources.item).items():
            sys.stdout.write(f"| every link right | {method} | | | | {f1:.3f} | | |\n")
        before = cluster_workspace(workspace, settings, Method.ONE_PER_SOURCE, None, Silent())
        record_ids(workspace, before)
        changed = _change(workspace)
        _index(workspace, settings)
        after = cluster_workspace(workspace, settings, Method.ONE_PER_SOURCE, None, Silent())
        _print_kept(before, after, changed)


def _print_scores(queries: str, found: Clustering, item: dict[ProductRef, str]) -> None:
    scores = score_clustering(found, item)
    b_cubed, pairwise, closest = (scores[name] for name in ("b_cubed", "pairwise", "closest_cluster"))
    figures = (found.threshold, b_cubed.precision, b_cubed.recall, b_cubed.f1, pairwise.f1, closest.f1)
    cells = " | ".join(f"{figure:.3f}" for figure in figures)
    sys.stdout.write(f"| {queries}, {found.summary.labels} | {found.method} | {cells} |\n")
    sys.stdout.flush()


def _decide_pairs(workspace: Workspace, item: dict[ProductRef, str], count: int) -> None:
    """Decide on one pair of each of the next queries: the nearest to the threshold, the least certain first.

    That is uncertainty sampling by pairs, as a program may do it through `POST /feedback`.
    """
    with closing(CandidateStore(workspace.derived)) as candidates, LabelStore(workspace.labels) as store:
        summary = candidates.matcher_summary
        assert summary is not None
        skipped = store.validation_queries() | {each.pair.query for each in store.decisions()}
        nearest: dict[ProductRef, tuple[float, ProductRef]] = {}
        for query, each in candidates.all():
            if query not in skipped and each.probability is not None:
                distance = abs(each.probability - summary.threshold)
                nearest[query] = min(nearest.get(query, (1.0, each.ref)), (distance, each.ref))
        chosen = sorted(nearest.items(), key=lambda entry: (entry[1][0], entry[0]))[:count]
        for query, (_, candidate) in chosen:
            match = item[query] == item[candidate]
            verb, decision = (Verb.ACCEPT, Decision.MATCH) if match else (Verb.REJECT, Decision.NO_MATCH)
            store.record("bench", verb, query, [Judgement(candidate, decision)], ActionDetails(closes=match))


def _answer(workspace: Workspace, settings: Settings, item: dict[ProductRef, str], queries: int) -> int:
    """Answer queries of the triage stream by the known products; returns their number."""
    return answer_queries(
        workspace,
        settings,
        Stream.TRIAGE,
        "bench",
        lambda pair: item[pair.query] == item[pair.candidate],
        queries,
    )


def _index(workspace: Workspace, settings: Settings) -> None:
    bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), Silent())


def _best_possible(graph: LinkGraph, item: dict[ProductRef, str]) -> dict[Method, float]:
    """B-cubed F1 with the probability 1 for every true candidate and 0 for all others, by method."""
    of = [item[ref] for ref in graph.listings]
    scored = [
        (graph.listings[left], graph.listings[right], float(of[left] == of[right]))
        for left, right in zip(graph.left.tolist(), graph.right.tolist(), strict=True)
    ]
    right = link_graph(graph.listings, scored)
    constraints, summary = constraints_of(graph.listings, ()), MatcherSummary(0.5, 0.9, 0.1, 0)
    found = {}
    for method in Method:
        group = cluster(right, constraints, method, 0.5)
        clustering = Clustering(right, constraints, group, method, 0.5, summary, NO_IDS)
        found[method] = score_clustering(clustering, item)["b_cubed"].f1
    return found


def _change(workspace: Workspace) -> set[ProductRef]:
    """Reword a twentieth of the listings of each source."""
    random, changed = Random(7), set[ProductRef]()
    with CatalogStore(workspace.catalog) as catalog:
        for source in catalog.sources():
            products = list(catalog.iter(source=source.name))
            chosen = set(random.sample(range(len(products)), round(_CHANGED * len(products))))
            changed |= {products[i].ref for i in chosen}
            products = [reworded(product) if i in chosen else product for i, product in enumerate(products)]
            catalog.replace(source.name, source.role, products)
    return changed


def _print_kept(before: Clustering, after: Clustering, changed: set[ProductRef]) -> None:
    """Of the groups without a changed listing: how many are one group with the same id, and how many keep the id."""
    new = {ref: id_ for group, id_ in zip(after.groups, after.assigned.ids, strict=True) for ref in group}
    old = [
        (group, id_) for group, id_ in zip(before.groups, before.assigned.ids, strict=True) if changed.isdisjoint(group)
    ]
    whole = sum({new[ref] for ref in group} == {id_} for group, id_ in old)
    kept = sum(id_ in {new[ref] for ref in group} for group, id_ in old)
    sys.stdout.write(
        f"{len(changed):,} listings changed; of {len(old):,} untouched groups {kept / len(old):.2%} keep their id,"
        f" {whole / len(old):.2%} whole\n"
    )


if __name__ == "__main__":
    main()
