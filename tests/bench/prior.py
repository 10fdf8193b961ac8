"""Fit the matcher's weights before any label to generated catalogues, and measure them on families not seen.

    python -m tests.bench.prior [--out FILE]

The demo's generator makes catalogues with other items and other words, half of them of one half of the departments.
Some retailers have no model numbers, others no brands or no prices, so each catalogue lacks something else. Weights are
pulled towards what is expected of each feature (`core/matching/prior_weights.py`); no benchmark and no label of a user
takes part. Printed is what weights from one half of the departments say of the other half; written are those from both.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.catalog.demo import DemoCatalogue, generated_catalogue
from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.demo.items import Department
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.jobs.progress import Silent
from core.matching.features.differences import DifferenceFeatures
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.learners import Linear, Scale, fit_linear, scale_of
from core.matching.prior import PRIOR_FILE
from core.matching.prior_weights import prior_weights
from core.matching.run import bring_up_to_date
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.workspace import Workspace

#: Shares of products whose field is empty, by catalogue. The seeds are part of what makes the file.
_LACKING: dict[str, dict[str, float]] = {
    "full": {},
    "no models": {"model": 1.0},
    "no brands": {"brand": 1.0},
    "no prices": {"price": 1.0},
    "half filled": {"model": 0.5, "brand": 0.5},
    "no codes": {"upc": 1.0},
}
_HALVES: dict[str, Sequence[Department]] = {"first": DEPARTMENTS[0::2], "second": DEPARTMENTS[1::2]}
#: Features that take no part: a generated catalogue does not know how retailers' numbers go wrong, and its titles lack
#: the boilerplate and the many spellings that make the words left of two titles hard to judge.
_LEFT_OUT = ("gtin_equal", "gtin_conflict", "audiences", *(feature.name for feature in DifferenceFeatures.features))
#: Where `prior:high` and `prior:low` are cut, of sigmoid(score): so that the printed precision on departments that were
#: not seen is above 0.97 and above 0.99.
_HIGH, _LOW = 0.98, 0.05
_DIGITS = 4
#: How firmly weights are held to what is expected: with twelve catalogues 30 is better than 10, 60 and more on
#: departments that were not seen.
_PRECISION = 30.0


@dataclass(frozen=True)
class Generated:
    """The candidates of one catalogue.

    Attributes:
        table: their vectors.
        labels: which of them are matches, shape (n,).
        rank: their places after retrieval, shape (n,).
    """

    table: FeatureTable
    labels: NDArray[np.bool_]
    rank: NDArray[np.int64]

    @property
    def scale(self) -> Scale:
        """Of the features over these candidates alone."""
        return scale_of(self.table.vectors)


def main() -> None:
    """Generate, measure, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PRIOR_FILE)
    out = parser.parse_args().out
    made = {half: [_generated(f"prior {name}", departments, lacking) for name, lacking in _LACKING.items()]
            for half, departments in _HALVES.items()}  # fmt: skip
    first, second = made["first"], made["second"]
    _report([(each, _fit(first)) for each in second] + [(each, _fit(second)) for each in first])
    _write(out, first + second)


def _generated(seed: str, departments: Sequence[Department], lacking: Mapping[str, float]) -> Generated:
    """The candidates of a catalogue by the untuned encoder, as an index run leaves them."""
    catalogue = generated_catalogue(seed, departments)
    _say(f"{seed}: {len(catalogue.queries)} queries, {len(catalogue.products)} products")
    with tempfile.TemporaryDirectory() as folder:
        workspace, settings = Workspace(Path(folder)), Settings()
        workspace.create()
        with CatalogStore(workspace.catalog) as catalog:
            catalog.replace("walmart", "query", _worn(catalogue.queries, lacking, f"{seed} queries"))
            catalog.replace("amazon", "catalog", _worn(catalogue.products, lacking, f"{seed} products"))
        bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), Silent())
        return _read(workspace, catalogue)


def _worn(products: Sequence[Product], lacking: Mapping[str, float], seed: str) -> list[Product]:
    """The products without some of their fields."""
    draw = random.Random(seed)

    def worn(product: Product) -> Product:
        empty = {name for name, share in lacking.items() if draw.random() < share}
        return replace(
            product,
            upc="" if "upc" in empty else product.upc,
            model="" if "model" in empty else product.model,
            brand="" if "brand" in empty else product.brand,
            price=None if "price" in empty else product.price,
        )

    return [worn(product) for product in products]


def _read(workspace: Workspace, catalogue: DemoCatalogue) -> Generated:
    vectors, candidates = FeatureStore(workspace.derived), CandidateStore(workspace.derived)
    try:
        table = vectors.read()
        rank = {(query, candidate.ref): candidate.rank for query, candidate in candidates.all()}
    finally:
        vectors.close()
        candidates.close()
    assert table is not None
    labels = [(pair.query.id, pair.candidate.id) in catalogue.gold for pair in table.pairs]
    taken = [place for place, name in enumerate(table.features) if name not in _LEFT_OUT]
    table = FeatureTable(tuple(table.features[place] for place in taken), table.pairs, table.vectors[:, taken])
    return Generated(table, np.array(labels), np.array([rank[tuple(pair)] for pair in table.pairs], np.int64))


def _fit(catalogues: Sequence[Generated]) -> Linear:
    """Weights in spreads of each catalogue's own candidates."""
    features = catalogues[0].table.features
    scaled = np.vstack([each.scale(each.table.vectors) for each in catalogues]).astype(np.float32)
    labels = np.concatenate([each.labels for each in catalogues])
    same = Scale(np.zeros(len(features)), np.ones(len(features)))
    return fit_linear(scaled, labels, np.ones(len(labels)), same, prior_weights(features), precision=_PRECISION)


def _report(measured: Sequence[tuple[Generated, Linear]]) -> None:
    """What weights say of catalogues that they were not fitted to."""
    scores = [Linear(each.scale, fit.weights, fit.intercept).scores(each.table.vectors) for each, fit in measured]
    matcher = [_hit(each, score) for (each, _), score in zip(measured, scores, strict=True)]
    fused = [_hit(each, -each.rank.astype(float)) for each, _ in measured]
    _say(f"hit@1 on unseen departments: {np.mean(matcher):.3f}, as retrieved {np.mean(fused):.3f}")
    chance = 1 / (1 + np.exp(-np.concatenate(scores)))
    labels = np.concatenate([each.labels for each, _ in measured])
    for low, high in _bins():
        inside = (chance >= low) & (chance < high)
        _say(f"{low:.2f} to {high:.2f}: {inside.sum():>6,} pairs, said {chance[inside].mean():.3f}, "
             f"true {labels[inside].mean():.3f}")  # fmt: skip
    above, below = chance >= _HIGH, chance < _LOW
    _say(f"prior:high {labels[above].sum():,} of {above.sum():,} right, {labels[above].mean():.3f}")
    _say(f"prior:low {(~labels[below]).sum():,} of {below.sum():,} right, {1 - labels[below].mean():.4f}")


def _bins() -> Iterator[tuple[float, float]]:
    ends = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.01)
    return pairwise(ends)


def _hit(each: Generated, scores: NDArray[np.float64]) -> float:
    """The share of queries with a match among their candidates whose first candidate is one."""
    best: dict[object, tuple[float, int, bool]] = {}
    matched = set()
    for pair, score, rank, label in zip(each.table.pairs, scores, each.rank, each.labels, strict=True):
        best[pair.query] = max(best.get(pair.query, (-np.inf, 0, False)), (float(score), -int(rank), bool(label)))
        if label:
            matched.add(pair.query)
    return sum(best[query][2] for query in matched) / len(matched)


def _write(out: Path, catalogues: Sequence[Generated]) -> None:
    fit, features = _fit(catalogues), catalogues[0].table.features
    scale = scale_of(np.vstack([each.table.vectors for each in catalogues]))
    rows = zip(features, scale.centre, scale.spread, fit.weights, strict=True)
    value = {
        "made_by": "make prior",
        "weights": {name: [round(float(number), _DIGITS) for number in row] for name, *row in rows},
        "intercept": round(fit.intercept, _DIGITS),
        "high": _HIGH,
        "low": _LOW,
    }
    out.write_text(json.dumps(value, indent=1) + "\n")
    _say(f"written: {out}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
