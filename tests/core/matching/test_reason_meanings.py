"""The sign of a reason agrees with how people read it, over a generated catalogue and for every learner."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from core.catalog.demo import generated_catalogue
from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.product import Product
from core.matching.bands import Cuts
from core.matching.calibration import BetaCalibration
from core.matching.explain import Explainer
from core.matching.features.builder import FeatureBuilder
from core.matching.learners import Learner, fit_boosted, fit_linear, fit_stacked, scale_of
from core.matching.matcher import Matcher
from core.matching.prior import packaged_prior
from core.matching.reason import Reason
from core.stats.wilson import wilson
from core.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.load()
#: Candidates of a query by their words, beside its matches.
_CANDIDATES = 6
#: How people read a reason: for a match or against one. A reason that none of these describes says neither.
_READ = [
    (r" in both$| every word | often go together$|^about the same price$|^no other candidate is as similar$", +1),
    (r" is (like|part of) | stands in (the|both)|^rank [2-5] in the whole catalogue ", +1),
    (r" against | lacks '| only in the | seldom go together$| times (higher|lower)$| is not in the ", -1),
    (r"^only the \w+ fits|\d (or more )?other .* at least as similar$", -1),
]


@dataclass(frozen=True)
class Sample:
    """Pairs of a generated catalogue with their features, and which of them are matches."""

    pairs: list[tuple[Product, Product]]
    features: tuple[str, ...]
    vectors: NDArray[np.float32]
    labels: NDArray[np.bool_]


@pytest.fixture(scope="module")
def sample() -> Sample:
    from rapidfuzz import fuzz, process  # noqa: PLC0415

    catalogue = generated_catalogue("reasons", DEPARTMENTS[:3])
    queries, products = catalogue.queries[:80], catalogue.products
    alike = process.cdist([q.title for q in queries], [p.title for p in products], scorer=fuzz.token_set_ratio)
    gold = np.array([[(q.id, p.id) in catalogue.gold for p in products] for q in queries])
    chosen = gold | (np.argsort(np.argsort(-alike, axis=1, kind="stable"), axis=1) < _CANDIDATES)
    rows, columns = np.nonzero(chosen)
    builder = FeatureBuilder(queries, products, VOCABULARY)
    # Without an encoder: a lexical similarity in the range of its cosines.
    cosines = (0.4 + 0.6 * alike[rows, columns] / 100).astype(np.float32)
    return Sample(
        [(queries[row], products[column]) for row, column in zip(rows, columns, strict=True)],
        tuple(feature.name for feature in builder.features),
        builder.compute(rows, columns, cosines),
        gold[rows, columns],
    )


@pytest.fixture(params=["prior", "linear", "stacked", "boosted"])
def learner(request: pytest.FixtureRequest, sample: Sample) -> Learner:
    prior = packaged_prior()
    if request.param == "prior":
        return prior.learner(sample.features, sample.vectors)
    labels, weights = sample.labels, np.ones(len(sample.labels))
    if request.param == "boosted":
        return fit_boosted(sample.vectors, labels, weights, seed=1, boosters=2, trees=60)
    expected = prior.mean(sample.features)
    scale = scale_of(sample.vectors, sample.features)
    linear = fit_linear(sample.vectors, labels, weights, scale, expected.weights, intercept=expected.intercept)
    if request.param == "linear":
        return linear
    return fit_stacked(sample.vectors, labels, weights, linear, seed=1, boosters=2)


def reading(text: str) -> int:
    """+1 for what reads as evidence for a match, -1 against, 0 for neither."""
    if share := re.search(r"(\d+)% (alike|of the)", text):
        return _side(int(share[1]), 40, 60)
    if cosine := re.fullmatch(r"similarity (-?[\d.]+)", text):
        return _side(float(cosine[1]), 0.6, 0.75)
    return next((way for pattern, way in _READ if re.search(pattern, text)), 0)


def _side(value: float, low: float, high: float) -> int:
    return 1 if value >= high else -1 if value <= low else 0


def test_no_reason_contradicts_what_it_says(sample: Sample, learner: Learner) -> None:
    nothing = wilson(0, 0)
    matcher = Matcher(
        learner, BetaCalibration(), 0.5, Cuts(0.9, 0.1, nothing, nothing), sample.features, 300, 90, {}
    )  # fmt: skip
    explained = Explainer(matcher, VOCABULARY, lambda _: 1).explain_many(sample.pairs, sample.vectors)
    scores = learner.scores(sample.vectors)
    told: list[Reason] = []
    for each, score in zip(explained, scores, strict=True):
        shown = [*each.pros, *each.cons]
        assert each.baseline + each.other + sum(reason.contribution for reason in shown) == pytest.approx(
            score, abs=1e-6
        )
        told += shown
    wrong = [reason for reason in told if reading(reason.text) * reason.contribution <= 0]
    assert not wrong, f"{len(wrong)} of {len(told)}, such as {wrong[:5]}"
    # Most pairs have reasons both ways.
    assert len(told) > 2 * len(scores)
    assert {reason.contribution > 0 for reason in told} == {True, False}
