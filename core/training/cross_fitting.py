"""Out-of-fold cosines of the training pairs, by two-fold cross-fitting of the encoder.

An encoder overestimates the cosine of the matches that it was trained on, and a matcher that is trained on those
cosines trusts the cosine too much on all other pairs. The labelled queries are therefore split into two halves, by
connected group of products; an encoder is trained on each, and computes the cosines of the other half. Only the matcher
is trained on them; the champion, trained on all labels, is used everywhere else. With few matches a half is too small
to train an encoder, and the base encoder, which has seen no label, computes all cosines.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.template import render
from core.jobs.progress import Reporter
from core.retrieval.corpus import Corpus
from core.retrieval.encoder import Encoder, leading_dimensions
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.splits.groups import ConnectedGroups
from core.splits.match_groups import known_groups
from core.splits.split import Splits
from core.splits.weak_labels import without_products
from core.stats.sampling import draw_share
from core.training.cost import MIN_CROSS_FITTING_MATCHES
from labels.model import Pair, ProductRef

#: Trains an encoder on the training labels of a split, in a stage of that name.
Train = Callable[[Splits, str], EncoderModel]


def out_of_fold_cosines(
    settings: Settings, corpus: Corpus, splits: Splits, base: EncoderModel, train: Train, reporter: Reporter
) -> dict[Pair, float]:
    """The cosine of each training pair by an encoder that was not trained on its query.

    Args:
        settings: of the encoder, and the seed of the split into halves.
        corpus: all products.
        splits: the champion's training labels.
        base: the base encoder.
        train: trains an encoder on a split; its folder is deleted afterwards.
        reporter: receives progress.
    """
    queries = sorted({label.pair.query for label in splits.train})
    first = _first_half(queries, known_groups(splits, corpus), settings.retrain.seed)
    products = {product.ref: product for product in [*corpus.queries, *corpus.products]}
    pairs = [label.pair for label in splits.train if label.pair.query in products and label.pair.candidate in products]
    if sum(bool(label.match) for label in splits.train) < MIN_CROSS_FITTING_MATCHES:
        return _cosines(settings, base, products, pairs, reporter)
    found: dict[Pair, float] = {}
    for number, held_out in enumerate((first, frozenset(queries) - first), 1):
        reporter.message(f"Cross-fitting encoder {number} of 2")
        model = train(_without(splits, held_out), f"train half {number} of 2")
        try:
            unseen = [pair for pair in pairs if pair.query in held_out]
            found |= _cosines(settings, model, products, unseen, reporter)
        finally:
            shutil.rmtree(model.path.parent, ignore_errors=True)
    return found


def _first_half(queries: Sequence[ProductRef], groups: ConnectedGroups[ProductRef], seed: int) -> frozenset[ProductRef]:
    """About half of the queries; those that are known to be one product are on one side.

    Args:
        queries: sorted.
        groups: the groups of products that are known to be the same.
        seed: of the draw, which depends on the first query of each group.
    """
    first_of: dict[ProductRef, ProductRef] = {}
    representative = {}
    for query in queries:
        group = groups.group(query)
        representative[query] = query if group is None else first_of.setdefault(group, query)
    drawn = frozenset(draw_share(set(representative.values()), 0.5, seed))
    return frozenset(query for query in queries if representative[query] in drawn)


def _without(splits: Splits, queries: frozenset[ProductRef]) -> Splits:
    """The split without the labels of some queries, and without weak labels of them or of their matches."""
    matched = frozenset[ProductRef]().union(*(splits.matches.get(query, frozenset()) for query in queries))
    return replace(
        splits,
        train=tuple(label for label in splits.train if label.pair.query not in queries),
        weak=without_products(splits.weak, queries | matched),
    )


def _cosines(
    settings: Settings,
    model: EncoderModel,
    products: dict[ProductRef, Product],
    pairs: Sequence[Pair],
    reporter: Reporter,
) -> dict[Pair, float]:
    reporter.stage("score labelled pairs")
    encoder = Encoder(model, max_tokens=settings.encoder.max_tokens, batch_size=settings.encoder.batch_size)

    def vectors(refs: set[ProductRef], prefix: str) -> dict[ProductRef, NDArray[np.float32]]:
        # Sorted by length, since batches of similar length need little padding.
        texts = sorted(
            ((prefix + render(settings.encoder.template, products[ref]), ref) for ref in refs),
            key=lambda entry: (len(entry[0]), entry[1]),
        )
        whole = encoder.encode([text for text, _ in texts])
        found = leading_dimensions(whole, settings.encoder.dimensions)
        return dict(zip((ref for _, ref in texts), found, strict=True))

    queries = vectors({pair.query for pair in pairs}, model.query_prefix)
    candidates = vectors({pair.candidate for pair in pairs}, model.candidate_prefix)
    return {pair: float(queries[pair.query] @ candidates[pair.candidate]) for pair in pairs}
