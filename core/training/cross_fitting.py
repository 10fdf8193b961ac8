"""Cosines of the training pairs by encoders that have not seen them.

An encoder gives the pairs that it was trained on too good a cosine, and a matcher that learns from those trusts the
cosine too much on all others. So the labelled queries are parted in two, an encoder is trained on each half, and
gives the cosines of the other half. Only the matcher learns from them; the champion, trained on all, serves. With few
matches a half teaches an encoder nothing, and the untuned one, which has seen none of them, speaks for all.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.template import render
from core.jobs.progress import Reporter
from core.retrieval.encoder import Encoder
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import Corpus
from core.settings import Settings
from core.splits.split import Splits
from core.stats.sampling import draw_share
from core.training.recipe import FEWEST_FOR_HALVES
from labels.model import Pair, ProductRef

#: Trains an encoder on the labels of a split, in a stage of that name, and says where it lies.
Train = Callable[[Splits, str], EncoderModel]


def out_of_fold_cosines(
    settings: Settings, corpus: Corpus, splits: Splits, base: EncoderModel, train: Train, reporter: Reporter
) -> dict[Pair, float]:
    """The cosine of each training pair by an encoder that was not trained on its query.

    Args:
        settings: of the encoder's texts, and the seed that parts the queries.
        corpus: all products.
        splits: what the champion was trained on.
        base: the untuned encoder.
        train: makes an encoder of a split; what it makes is removed again.
        reporter: hears progress.
    """
    queries = sorted({label.pair.query for label in splits.train})
    first = frozenset(draw_share(queries, 0.5, settings.retrain.seed))
    known = {product.ref: product for product in [*corpus.queries, *corpus.products]}
    pairs = [label.pair for label in splits.train if label.pair.query in known and label.pair.candidate in known]
    if sum(bool(label.match) for label in splits.train) < FEWEST_FOR_HALVES:
        return _cosines(settings, base, known, pairs, reporter)
    found: dict[Pair, float] = {}
    for number, held in enumerate((first, frozenset(queries) - first), 1):
        reporter.message(f"Encoder {number} of 2 that has not seen the matcher's labels")
        model = train(_without(splits, held), f"train half {number} of 2")
        try:
            unseen = [pair for pair in pairs if pair.query in held]
            found |= _cosines(settings, model, known, unseen, reporter)
        finally:
            shutil.rmtree(model.path.parent, ignore_errors=True)
    return found


def _without(splits: Splits, held: frozenset[ProductRef]) -> Splits:
    return replace(splits, train=tuple(label for label in splits.train if label.pair.query not in held))


def _cosines(
    settings: Settings,
    model: EncoderModel,
    known: dict[ProductRef, Product],
    pairs: Sequence[Pair],
    reporter: Reporter,
) -> dict[Pair, float]:
    reporter.stage("score labelled pairs")
    encoder = Encoder(model, max_tokens=settings.encoder.max_tokens, batch_size=settings.encoder.batch_size)

    def vectors(refs: set[ProductRef], prefix: str) -> dict[ProductRef, NDArray[np.float32]]:
        # Texts of like length side by side waste no padding.
        texts = sorted(
            ((prefix + render(settings.encoder.template, known[ref]), ref) for ref in refs),
            key=lambda entry: (len(entry[0]), entry[1]),
        )
        return dict(zip((ref for _, ref in texts), encoder.encode([text for text, _ in texts]), strict=True))

    queries = vectors({pair.query for pair in pairs}, model.query_prefix)
    candidates = vectors({pair.candidate for pair in pairs}, model.candidate_prefix)
    return {pair: float(queries[pair.query] @ candidates[pair.candidate]) for pair in pairs}
