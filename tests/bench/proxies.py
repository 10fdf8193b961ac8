"""How well the matcher does on data that it was not tuned on: altered forms of Walmart-Amazon, and generated offers.

    python -m tests.bench.proxies [FOLDER] [--seeds 1 2] [--only NAME …]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv. No encoder is needed. Each proxy is cross-validated over
groups of queries, so that every labelled pair counts: folds by query, by brand or by category of the query. F1 alone is
noisy; average precision and log-loss decide.
"""

import argparse
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, log_loss

from core.catalog.product import Product
from core.matching.features.builder import FeatureBuilder
from core.matching.fitting import TrainingSet, fit_matcher, fold_of
from core.matching.labelled_texts import PairTexts
from core.retrieval.index_run import lexical_texts
from core.text.vocabulary import Vocabulary
from tests.bench.match import NO_BENCHMARK, SHARED, Labelled, labelled_pairs, no_cosines, read_products
from tests.bench.offers import TRANSLATIONS, Shop, generated_offers, shops

_FOLDS = 4
_WORD = re.compile(r"[^\W\d_]+")

Change = Callable[[Product, random.Random, Sequence[Shop]], Product]


@dataclass(frozen=True)
class Proxy:
    """Listings and labelled pairs.

    Attributes:
        queries, products: pairs refer to them by index.
        pairs: query, product, and whether they match.
        groups: of each pair; no group is in two folds.
    """

    queries: list[Product]
    products: list[Product]
    pairs: Labelled
    groups: list[str]


def titles_only(product: Product, _: random.Random, __: Sequence[Shop]) -> Product:
    """The title with brand and model number, as far as it lacks them."""
    parts = [part for part in (product.brand, product.model) if part.lower() not in product.title.lower()]
    title = " ".join([product.title, *parts])
    return replace(product, title=title, brand="", model="", category="", price=None, upc="", extra={})


def with_boilerplate(product: Product, draw: random.Random, known: Sequence[Shop]) -> Product:
    """The title as a shop writes it around the name of the product."""
    product = titles_only(product, draw, known)
    return replace(product, title=draw.choice(known).decorate(product.title, draw))


def translated(product: Product, draw: random.Random, known: Sequence[Shop]) -> Product:
    """The same, with colours, genders and some nouns in the shop's language."""
    shop, product = draw.choice(known), titles_only(product, draw, known)
    words = TRANSLATIONS.get(shop.language, {})
    title = _WORD.sub(lambda match: words.get(match[0].lower(), match[0]), product.title)
    return replace(product, title=shop.decorate(title, draw))


def as_it_is(product: Product, _: random.Random, __: Sequence[Shop]) -> Product:
    """All columns."""
    return product


VARIANTS: dict[str, Change] = {
    "all columns": as_it_is,
    "titles": titles_only,
    "boilerplate": with_boilerplate,
    "translated": translated,
}


def altered(data: Path, change: Change, seed: int) -> tuple[list[Product], list[Product], Labelled, list[Product]]:
    """The listings of Walmart-Amazon's labelled pairs after a change, the pairs, and the unchanged queries."""
    queries, products = read_products(data / "tableA.csv", "walmart"), read_products(data / "tableB.csv", "amazon")
    places = {p.id: i for i, p in enumerate(queries)}, {p.id: i for i, p in enumerate(products)}
    pairs = [pair for name in ("train.csv", "valid.csv") for pair in labelled_pairs(data / name, *places)]
    rows, columns = sorted({q for q, _, _ in pairs}), sorted({p for _, p, _ in pairs})
    row, column = {q: i for i, q in enumerate(rows)}, {p: i for i, p in enumerate(columns)}
    draw = random.Random(seed)
    ours, theirs = shops(draw, 25), shops(draw, 25)
    original = [queries[q] for q in rows]
    return (
        [change(query, draw, ours) for query in original],
        [change(products[p], draw, theirs) for p in columns],
        [(row[q], column[p], match) for q, p, match in pairs],
        original,
    )


def proxies(data: Path, seed: int) -> Iterator[tuple[str, Proxy]]:
    """All proxies by name."""
    for name, change in VARIANTS.items():
        queries, products, pairs, original = altered(data, change, seed)
        yield f"{name}, by query", Proxy(queries, products, pairs, [original[q].id for q, _, _ in pairs])
        yield f"{name}, by brand", Proxy(queries, products, pairs, [original[q].brand for q, _, _ in pairs])
        if name == "boilerplate":
            yield f"{name}, by category", Proxy(queries, products, pairs, [original[q].category for q, _, _ in pairs])
    offers = generated_offers(seed)
    yield "offers, by pair", Proxy(offers.products, offers.products, offers.pairs, [str(p) for p in offers.pairs])
    queries = [str(a) for a, _, _ in offers.pairs]
    yield "offers, by query", Proxy(offers.products, offers.products, offers.pairs, queries)
    families = [str(offers.families[a]) for a, _, _ in offers.pairs]
    yield "offers, by family", Proxy(offers.products, offers.products, offers.pairs, families)


def measure(proxy: Proxy, seed: int) -> dict[str, float]:
    """F1 at the fitted thresholds, average precision and log-loss, out of fold."""
    builder = FeatureBuilder(proxy.queries, proxy.products, Vocabulary.load())
    names = tuple(feature.name for feature in builder.features)
    rows, columns = (np.array([pair[side] for pair in proxy.pairs], np.int64) for side in (0, 1))
    vectors = builder.compute(rows, columns, no_cosines(len(rows)))
    texts = PairTexts(*(_texts(side, at) for side, at in ((proxy.queries, rows), (proxy.products, columns))))
    labels = np.array([pair[2] for pair in proxy.pairs])
    folds = fold_of(np.unique(proxy.groups, return_inverse=True)[1], labels, seed, _FOLDS)
    probabilities, called = np.zeros(len(labels)), np.zeros(len(labels), bool)
    for fold in range(_FOLDS):
        rest, part = folds != fold, folds == fold
        ours, theirs = texts.part(rest), texts.part(part)
        training = TrainingSet(vectors[rest], labels[rest], np.ones(int(rest.sum())), rows[rest], texts=ours)
        matcher = fit_matcher(training, names, background=vectors, seed=seed)
        probabilities[part] = matcher.probabilities(vectors[part], lambda _, found=theirs: found)
        called[part] = probabilities[part] >= matcher.threshold
    return {
        "f1": 2 * float((called & labels).sum()) / float(called.sum() + labels.sum()),
        "average_precision": float(average_precision_score(labels, probabilities)),
        "log_loss": float(log_loss(labels, probabilities)),
    }


def _texts(listings: Sequence[Product], places: NDArray[np.int64]) -> list[str]:
    texts = lexical_texts(listings)
    return [texts[place] for place in places]


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.proxies", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", default=SHARED)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", default=[""], help="proxies whose name begins so")
    arguments = parser.parse_args()
    if not (arguments.data / "valid.csv").is_file():
        sys.exit(NO_BENCHMARK.format(arguments.data))
    sys.stdout.write("| proxy | seed | F1 | average precision | log-loss |\n| --- | ---: | ---: | ---: | ---: |\n")
    for seed in arguments.seeds:
        for name, proxy in proxies(arguments.data, seed):
            if name.startswith(tuple(arguments.only)):
                figures = " | ".join(f"{value:.4f}" for value in measure(proxy, seed).values())
                sys.stdout.write(f"| {name} | {seed} | {figures} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
