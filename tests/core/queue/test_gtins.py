"""GTINs in the review."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from samples import q

from core.catalog.store import CatalogStore
from core.matching.bands import Band
from core.queue.session import ReviewSession
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.workspace import Workspace
from labels.model import ProductRef

Sit = Callable[..., ReviewSession]
UPC, EAN = "036000291452", "0036000291452"
#: Of the prior, as the cosine's bands give them.
BEFORE_LABELS = MatcherSummary(0.5, 0.81, 0.19, 0)


@pytest.fixture
def coded(workspace: Workspace) -> Workspace:
    """The query q1 and its second candidate carry one number, q2 a placeholder that one of its candidates has too."""
    codes = {"q1": UPC, "q1-c2": EAN, "q2": "999999999999", "q2-c1": "999999999999"}
    with CatalogStore(workspace.catalog) as catalog:
        for source, role in (("walmart", "query"), ("amazon", "catalog")):
            products = [replace(p, upc=codes.get(p.id, "")) for p in list(catalog.iter(source=source))]
            catalog.replace(source, role, products)  # type: ignore[arg-type]
    return workspace


def score(workspace: Workspace, **probabilities: float) -> None:
    store = CandidateStore(workspace.derived)
    try:
        rows = list(store.all())
        told = ((query, each.ref, probabilities.get(each.ref.id.replace("-", "_"), 0.5)) for query, each in rows)
        store.score(told, BEFORE_LABELS)
    finally:
        store.close()


def test_the_reason_line_names_the_candidate_with_the_same_gtin(coded: Workspace, sit: Sit) -> None:
    review = sit()
    review.show(q("q1"))
    assert review.item is not None
    assert review.item.reason.startswith("Same GTIN: candidate 2. Best similarity 0.81: medium band")
    review.show(q("q2"))
    assert "GTIN" not in review.item.reason
    review.toggle_blind()
    review.show(q("q1"))
    assert "GTIN" not in review.item.reason


def test_before_labels_order_and_band_are_the_priors(coded: Workspace, sit: Sit) -> None:
    score(coded, q1_c1=0.6, q1_c2=0.99, q1_c3=0.01)
    review = sit()
    review.show(q("q1"))
    assert review.item is not None
    assert [option.band for option in review.item.options] == [Band.HIGH, Band.MEDIUM, Band.LOW]
    assert {option.probability for option in review.item.options} == {None}, "it is no probability yet"


def test_where_nothing_was_scored_the_band_is_that_of_the_cosine(coded: Workspace, sit: Sit) -> None:
    review = sit()
    review.show(q("q1"))
    assert review.item is not None
    assert review.item.options[0].band is Band.MEDIUM
    assert review.item.options[0].product.ref == ProductRef("amazon", "q1-c1")
