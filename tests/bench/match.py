"""The matcher's speed on Walmart-Amazon, as ratios to a plain version, and what it gets right.

    python -m tests.bench.match [FOLDER]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv. No encoder is needed: cosines are missing, as before the
first index run. The plain version makes the same kinds of vectors pair by pair from strings and sets, in this file.
"""

import csv
import difflib
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.catalog.prices import read_price
from core.catalog.product import Product
from core.evaluation.pairs import pair_metrics
from core.matching.features.builder import FeatureBuilder
from core.matching.features.lexical import words
from core.matching.fitting import TrainingSet, fit_matcher
from core.text.model_numbers import alphanumeric, model_codes
from core.text.packs import pack_count
from core.text.quantities import quantities, same_quantity
from core.text.vocabulary import Vocabulary

SHARED = Path(__file__).parents[3] / "shared" / "data" / "walmart_amazon"
_PAIRS, _PLAIN_PAIRS, _QUEUE, _FEW, _MANY, _ROUNDS = 25_000, 1_000, 25_540, 1_000, 6_000, 5

NO_BENCHMARK = "No benchmark at {}. Fetch it (samesku fetch walmart-amazon --into DIR), then name DATA=DIR"

Labelled = list[tuple[int, int, bool]]
T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    if not (data / "valid.csv").is_file():
        sys.exit(NO_BENCHMARK.format(data))
    queries, products = read_products(data / "tableA.csv", "walmart"), read_products(data / "tableB.csv", "amazon")
    places = {p.id: i for i, p in enumerate(queries)}, {p.id: i for i, p in enumerate(products)}
    train, valid = (labelled_pairs(data / name, *places) for name in ("train.csv", "valid.csv"))
    load = f"{os.cpu_count()} cores, of which others keep {os.getloadavg()[0]:.1f} busy"
    _say(f"{load}; {len(queries):,} queries, {len(products):,} products")
    # What costs once per process, such as reading the units, is no part of a rate.
    FeatureBuilder(queries[:9], products[:9], Vocabulary.load()).compute(*(np.zeros((2, 9), np.int64)), no_cosines(9))
    prepared, builder = _timed(lambda: FeatureBuilder(queries, products, Vocabulary.load()), rounds=1)
    _say(f"prepare the vectors: {prepared:.1f} s, {(len(queries) + len(products)) / prepared:,.0f} products/s")
    _throughput(builder, queries, products, [*train, *valid])
    vectors = _features(builder, [*train, *valid])
    _refit(vectors, train, _queue(builder, len(queries), len(products)), builder)
    _quality(vectors, train, valid, builder)


def _throughput(builder: FeatureBuilder, queries: list[Product], products: list[Product], labelled: Labelled) -> None:
    random = np.random.default_rng(7)
    rows = np.r_[[q for q, _, _ in labelled], random.integers(0, len(queries), _PAIRS - len(labelled))]
    columns = np.r_[[p for _, p, _ in labelled], random.integers(0, len(products), _PAIRS - len(labelled))]
    seconds, _ = _timed(lambda: builder.compute(rows, columns, no_cosines(len(rows))))
    chosen = random.choice(len(rows), _PLAIN_PAIRS, replace=False)
    plain = _Plain([*queries, *products])
    plain_seconds, _ = _timed(
        lambda: [plain.vectors(queries[rows[i]], products[columns[i]]) for i in chosen], rounds=1
    )  # fmt: skip
    fast, slow = len(rows) / seconds, _PLAIN_PAIRS / plain_seconds
    _say(f"vectors: {fast:,.0f} pairs/s over {len(rows):,} pairs, {len(builder.features)} features (bar: 20,000)")
    _say(f"plain Python: {slow:,.0f} pairs/s over {_PLAIN_PAIRS:,} of them; ratio {fast / slow:.0f}")


def _queue(builder: FeatureBuilder, queries: int, products: int) -> NDArray[np.float32]:
    """As many pairs as ten candidates for every query are."""
    random = np.random.default_rng(8)
    rows, columns = np.arange(_QUEUE) % queries, random.integers(0, products, _QUEUE)
    return builder.compute(rows, columns, no_cosines(_QUEUE))


def _refit(vectors: NDArray[np.float32], train: Labelled, queue: NDArray[np.float32], builder: FeatureBuilder) -> None:
    names = tuple(feature.name for feature in builder.features)
    order = np.random.default_rng(9).permutation(len(train))
    found = {}
    for count in (_FEW, _MANY):
        training = _training(vectors, train, order[:count])

        def refit(training: TrainingSet = training) -> None:
            fit_matcher(training, names, background=queue, seed=7).probabilities(queue)

        refit()
        found[count], _ = _timed(refit, rounds=_ROUNDS if count == _FEW else 1)
    bar = f"(bar: 300 ms at {_FEW:,})"
    few, many = (found[count] * 1000 for count in (_FEW, _MANY))
    _say(f"refit + rescore of {_QUEUE:,} pairs: {few:,.0f} ms at {_FEW:,} labels {bar}")
    _say(f"the same at {_MANY:,} labels: {many:,.0f} ms; ratio {many / few:.1f}")


def _quality(vectors: NDArray[np.float32], train: Labelled, valid: Labelled, builder: FeatureBuilder) -> None:
    names = tuple(feature.name for feature in builder.features)
    matcher = fit_matcher(_training(vectors, train, np.arange(len(train))), names, background=vectors, seed=7)
    probabilities = matcher.probabilities(vectors[len(train) :])
    metrics = pair_metrics([label for _, _, label in valid], probabilities.tolist(), matcher.threshold)
    figures = ", ".join(f"{name} {metrics[name]:.4f}" for name in ("f1", "average_precision", "ece"))
    _say(f"fitted on train.csv without an encoder ({matcher.learner.name}), on valid.csv: {figures}")


def _training(vectors: NDArray[np.float32], labelled: Labelled, chosen: NDArray[np.int64]) -> TrainingSet:
    return TrainingSet(
        vectors[chosen],
        np.array([labelled[i][2] for i in chosen]),
        np.ones(len(chosen)),
        np.array([labelled[i][0] for i in chosen], np.int64),
    )


def _features(builder: FeatureBuilder, labelled: Labelled) -> NDArray[np.float32]:
    rows, columns = (np.array([pair[side] for pair in labelled], np.int64) for side in (0, 1))
    return builder.compute(rows, columns, no_cosines(len(labelled)))


def no_cosines(count: int) -> NDArray[np.float32]:
    """Unknown cosines, shape (count,)."""
    return np.full(count, np.nan, np.float32)


def _timed(work: Callable[[], T], rounds: int = 3) -> tuple[float, T]:
    """The least seconds of some rounds: what else the machine does only ever adds."""
    least = math.inf
    for _ in range(rounds):
        begun = time.perf_counter()
        result = work()
        least = min(least, time.perf_counter() - begun)
    return least, result


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def read_products(path: Path, source: str) -> list[Product]:
    """The products of a table in the DeepMatcher layout."""
    with path.open(newline="", encoding="utf-8") as lines:
        return [
            Product(source, r["id"], r["title"], r["brand"], r["category"], r["modelno"], read_price(r["price"]).amount)
            for r in csv.DictReader(lines)
        ]


def labelled_pairs(path: Path, queries: dict[str, int], products: dict[str, int]) -> Labelled:
    """The labelled pairs of a file, by indices."""
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return [(queries[r["ltable_id"]], products[r["rtable_id"]], r["label"] == "1") for r in rows]


class _Plain:
    """The same kinds of features, pair by pair, as one would first write them."""

    def __init__(self, products: Iterable[Product]) -> None:
        texts = [set(words(self._text(product))) for product in products]
        counts = Counter(word for text in texts for word in text)
        self._rarity = {word: math.log(len(texts) / count) for word, count in counts.items()}
        self._vocabulary = Vocabulary.load()

    @staticmethod
    def _text(product: Product) -> str:
        return f"{product.title} {product.brand} {product.model}"

    def vectors(self, query: Product, candidate: Product) -> list[float]:
        """About one pair."""
        return [
            *self._words(self._text(query), self._text(candidate)),
            *self._words(query.title, candidate.title),
            *self._alike(query.title.lower(), candidate.title.lower()),
            *self._models(query, candidate),
            *self._stated(query.title, candidate.title),
            *self._fields(query, candidate),
        ]

    def _words(self, one: str, other: str) -> list[float]:
        left, right = set(words(one)), set(words(other))
        shared, only, missing = (self._weight(part) for part in (left & right, left - right, right - left))
        return [shared, only, missing, shared / (shared + only or 1), shared / (shared + missing or 1)]

    def _weight(self, found: set[str]) -> float:
        return sum(self._rarity[word] for word in found)

    def _alike(self, one: str, other: str) -> list[float]:
        grams = [Counter(text[i : i + 3] for i in range(len(text) - 2)) for text in (one, other)]
        dot = sum(count * grams[1][gram] for gram, count in grams[0].items())
        lengths = [math.sqrt(sum(count * count for count in counts.values())) for counts in grams]
        by_words = [" ".join(sorted(text.split())) for text in (one, other)]
        return [
            dot / (lengths[0] * lengths[1] or 1),
            difflib.SequenceMatcher(None, one, other, autojunk=False).ratio(),
            difflib.SequenceMatcher(None, *by_words, autojunk=False).ratio(),
            math.log((len(one) + 1) / (len(other) + 1)),
        ]

    def _models(self, query: Product, candidate: Product) -> list[float]:
        one, other = alphanumeric(query.model), alphanumeric(candidate.model)
        left, right = (model_codes(f"{product.title} {product.model}") for product in (query, candidate))
        best = max((_likeness(a, b) for a in left for b in right), default=math.nan)
        return [
            _likeness(one, other), float(one in other), float(one in alphanumeric(candidate.title)),
            float(other in alphanumeric(query.title)), len(left & right), len(left - right), len(right - left), best,
        ]  # fmt: skip

    def _stated(self, one: str, other: str) -> list[float]:
        left, right = quantities(one), quantities(other)
        equal = sum(any(same_quantity(a, b) for b in right) for a in left)
        both = {a.dimension for a in left} & {b.dimension for b in right}
        found = [float(equal), float(len(both)), float(pack_count(one) == pack_count(other))]
        sets = (self._vocabulary.colours, self._vocabulary.kinds, self._vocabulary.generations)
        found += [float(len(read(one) & read(other))) for read in sets]
        found.append(float(self._vocabulary.condition(one) == self._vocabulary.condition(other)))
        return [*found, float(self._vocabulary.compatible(one) == self._vocabulary.compatible(other))]

    def _fields(self, query: Product, candidate: Product) -> list[float]:
        prices = query.price, candidate.price
        ratio = math.log(prices[0] / prices[1]) if prices[0] and prices[1] else math.nan
        brands = [self._vocabulary.brand(product.brand) for product in (query, candidate)]
        return [ratio, _likeness(*brands), float(brands[0] in alphanumeric(self._text(candidate)))]


def _likeness(one: str, other: str) -> float:
    """1 less the Levenshtein distance over the longer length."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, opposite in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != opposite))
    return 1 - row[-1] / max(len(one), len(other), 1)


if __name__ == "__main__":
    main()
