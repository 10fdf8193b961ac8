"""Model number features: similarity and containment of the model fields, and of model-like words (codes)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler, Levenshtein, Prefix

from core.catalog.product import Product
from core.matching.features.base import LONGEST, Feature, SmallSets, compare_texts
from core.matching.features.parsed import KnownTexts, known_texts
from core.retrieval.array_file import TextRows
from core.text.model_numbers import alphanumeric, model_codes

#: Characters from which containment counts: shorter model numbers occur in titles by chance.
_MIN_LENGTH = 3


class ModelNumberFeatures:
    """Normalised model numbers, and words of the titles that look like one."""

    features = (
        Feature("model_likeness", "share", "Similarity of the model numbers (Levenshtein)", "model number"),
        Feature("model_edits", "characters", "Characters to change to make the model numbers equal", "model number"),
        Feature("model_start", "share", "Similarity of the model numbers, weighted to the start (Jaro-Winkler)",
                "model number"),
        Feature("model_prefix", "share", "Length of the model numbers' common prefix, as a share", "model number"),
        Feature("model_part", "share", "Share of the shorter model number found in the longer", "model number"),
        Feature("query_model_found", "share", "Share of the query's model number found in the candidate's title",
                "model number"),
        Feature("candidate_model_found", "share",
                "Share of the candidate's model number found in the query's title", "model number"),
        Feature("model_contained", "yes or no", "One model number is part of the other", "model number"),
        Feature("query_model_contained", "yes or no", "The query's model number occurs in the candidate's title",
                "model number"),
        Feature("candidate_model_contained", "yes or no", "The candidate's model number occurs in the query's title",
                "model number"),
        Feature("codes_shared", "codes", "Model-like words of both listings", "codes"),
        Feature("query_codes_only", "codes", "Model-like words of the query that the candidate lacks", "codes"),
        Feature("candidate_codes_only", "codes", "Model-like words of the candidate that the query lacks", "codes"),
        Feature("codes_likeness", "share", "Similarity of the two most alike model-like words", "codes"),
    )  # fmt: skip

    def __init__(
        self, queries: Sequence[Product], products: Sequence[Product], known: KnownTexts | None = None
    ) -> None:
        """Prepare both lists; `known` is of products, as in `parsed` of another instance."""
        sides = (queries, products)
        self._models = [[alphanumeric(p.model)[:LONGEST] for p in side] for side in sides]
        self._titles = [[alphanumeric(p.title)[:LONGEST] for p in side] for side in sides]
        self._codes = [
            [*map(_codes, queries)],
            [
                _codes(product) if text is None else frozenset(text.split())
                for product, text in zip(products, known_texts(known, len(products)), strict=True)
            ],
        ]
        #: Model-like words of the products, or of the corpus if they are known.
        self.parsed = known.texts if known is not None else TextRows.of(map(_joined, self._codes[1]))
        self._sets = SmallSets(self._codes)

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        left, right = [self._models[0][r] for r in rows], [self._models[1][c] for c in columns]
        both_stated = np.array([bool(one and other) for one, other in zip(left, right, strict=True)])

        def similarity(scorer: Any, scale: float = 1.0) -> NDArray[np.float32]:
            scores = compare_texts(left, right, scorer) * scale
            return np.where(both_stated, scores, np.nan).astype(np.float32)

        def found_share(models: Sequence[str], titles: Sequence[str]) -> NDArray[np.float32]:
            scores = compare_texts(models, titles, fuzz.partial_ratio) / 100
            long_enough = np.array([len(model) >= _MIN_LENGTH for model in models])
            return np.where(long_enough, scores, np.nan).astype(np.float32)

        return [
            similarity(Levenshtein.normalized_similarity),
            similarity(Levenshtein.distance),
            similarity(JaroWinkler.similarity),
            similarity(Prefix.normalized_similarity),
            similarity(fuzz.partial_ratio, 0.01),
            found_share(left, [self._titles[1][c] for c in columns]),
            found_share(right, [self._titles[0][r] for r in rows]),
            _contained(left, right, both_ways=True),
            _contained(left, [self._titles[1][c] for c in columns]),
            _contained(right, [self._titles[0][r] for r in rows]),
            *self._shared_codes(rows, columns),
            self._best_code_similarity(rows, columns),
        ]

    def _shared_codes(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        shared, of_query, of_candidate = self._sets.compare(rows, columns)
        neither = (of_query == 0) & (of_candidate == 0)
        return [np.where(neither, np.nan, shared).astype(np.float32), of_query - shared, of_candidate - shared]

    def _best_code_similarity(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """The similarity of the two most similar codes, shape (n,), in one call over all pairs."""
        left, right, place = [], [], []
        for i, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            for one in self._codes[0][row]:
                for other in self._codes[1][column]:
                    left.append(one)
                    right.append(other)
                    place.append(i)
        best = np.full(len(rows), np.nan, np.float32)
        if place:
            scores = compare_texts(left, right, Levenshtein.normalized_similarity)
            np.fmax.at(best, place, scores)
        return best


def parsed_codes(products: Iterable[Product]) -> TextRows:
    """What `ModelNumberFeatures` stores of products, in less memory."""
    return TextRows.of(_joined(_codes(product)) for product in products)


def _codes(product: Product) -> frozenset[str]:
    return model_codes(f"{product.title} {product.model}")


def _joined(codes: frozenset[str]) -> str:
    return " ".join(sorted(codes))


def _contained(models: Sequence[str], texts: Sequence[str], *, both_ways: bool = False) -> NDArray[np.float32]:
    """1 where the text contains the model number (or, both ways, the reverse), else 0; NaN if too short."""
    return np.array(
        [
            float(model in text or (both_ways and text in model)) if len(model) >= _MIN_LENGTH and text else np.nan
            for model, text in zip(models, texts, strict=True)
        ],
        np.float32,
    )
