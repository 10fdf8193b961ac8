"""Three retailers: queries of two of them, and the catalogue of a third."""

from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from samples import HashEncoder
from three_sources import reworded, write_sources

from core.catalog.demo import DemoSources, generated_sources
from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.store import CatalogStore
from core.clustering.gold import score_clustering
from core.clustering.methods import Method
from core.clustering.run import Clustering, cluster_workspace, record_ids
from core.demo import answer_queries
from core.jobs.progress import Silent
from core.matching.run import bring_up_to_date
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ProductRef, Stream

SETTINGS = Settings()


@pytest.fixture(scope="module")
def sources() -> DemoSources:
    return generated_sources("", DEPARTMENTS[:2])


def index(workspace: Workspace) -> None:
    bring_up_to_date(workspace, SETTINGS, Registry(workspace, SETTINGS).champion(), Silent())


def clustered(workspace: Workspace, method: Method = Method.ONE_PER_SOURCE) -> Clustering:
    return cluster_workspace(workspace, SETTINGS, method, None, Silent())


def test_the_generator_makes_three_catalogues(sources: DemoSources) -> None:
    counts = {source: len(products) for source, products in sources.products.items()}
    assert counts.keys() == {"amazon", "target", "walmart"}
    assert min(counts.values()) > 20
    of_item: dict[str, set[str]] = {}
    for ref, item in sources.item.items():
        of_item.setdefault(item, set()).add(ref.source)
    assert Counter(map(len, of_item.values()))[3] >= 3
    assert len(sources.item) == sum(counts.values())
    own = [product for product in sources.products["target"] if "Bullseye Basics" in product.title]
    assert own
    assert all(of_item[sources.item[product.ref]] == {"target"} for product in own)


def test_queries_of_two_sources_meet_in_the_catalogue_of_a_third(
    sources: DemoSources, hash_encoder: HashEncoder, tmp_path: Path
) -> None:
    assert hash_encoder.asked == []
    workspace = Workspace(tmp_path / "home")
    write_sources(sources, workspace, target="query")
    index(workspace)
    answered = answer_queries(workspace, SETTINGS, Stream.TRIAGE, "gold", sources.is_match, 20)
    assert answered == 20
    index(workspace)
    found = clustered(workspace)
    assert {ref.source for group in found.groups for ref in group if len({r.source for r in group}) == 3} == {
        "amazon", "target", "walmart",
    }  # fmt: skip
    assert found.constraints.contradictions == ()
    # An encoder that knows nothing: what the lexical features and the GTINs tell.
    assert score_clustering(found, sources.item)["b_cubed"].f1 > 0.85

    # A twentieth of the listings changes; the groups of the others keep their ids.
    record_ids(workspace, found)
    changed = change(workspace, 0.05)
    index(workspace)
    again = clustered(workspace)
    before = {tuple(group): id_ for group, id_ in zip(found.groups, found.assigned.ids, strict=True)}
    after = {ref: id_ for group, id_ in zip(again.groups, again.assigned.ids, strict=True) for ref in group}
    untouched = {group: id_ for group, id_ in before.items() if changed.isdisjoint(group)}
    kept = [after[group[0]] == id_ and len({after[ref] for ref in group}) == 1 for group, id_ in untouched.items()]
    assert np.mean(kept) >= 0.97


def change(workspace: Workspace, share: float) -> set[ProductRef]:
    """Give a share of the listings of each source another title."""
    random, changed = Random(1), set[ProductRef]()
    with CatalogStore(workspace.catalog) as catalog:
        for source in catalog.sources():
            products = list(catalog.iter(source=source.name))
            for i in random.sample(range(len(products)), max(1, round(share * len(products)))):
                changed.add(products[i].ref)
                products[i] = reworded(products[i])
            catalog.replace(source.name, source.role, products)
    return changed
