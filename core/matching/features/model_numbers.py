"""Evidence of model numbers: equal, contained, conflicting, or one letter apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler, Levenshtein, Prefix

from core.catalog.product import Product
from core.matching.features.base import LONGEST, Feature, dots, incidence, row_sums, widen
from core.text.model_numbers import alphanumeric, model_codes

#: Shorter model numbers stand inside titles by chance.
_SHORTEST = 3


class ModelNumberFeatures:
    """Model numbers in their bare form, and what looks like one in the titles."""

    features = (
        Feature("model_likeness", "share", "Likeness of the model numbers (Levenshtein)", "model number"),
        Feature("model_edits", "characters", "Characters to change to make the model numbers equal", "model number"),
        Feature("model_start", "share", "Likeness of the model numbers, their beginnings weighing more (Jaro-Winkler)",
                "model number"),
        Feature("model_prefix", "share", "How much of the model numbers' beginning is equal", "model number"),
        Feature("model_part", "share", "How much of the shorter model number stands in the longer", "model number"),
        Feature("query_model_found", "share", "How much of the query's model number stands in the candidate's title",
                "model number"),
        Feature("candidate_model_found", "share",
                "How much of the candidate's model number stands in the query's title", "model number"),
        Feature("model_contained", "yes or no", "One model number stands in the other", "model number"),
        Feature("query_model_contained", "yes or no", "The query's model number stands in the candidate's title",
                "model number"),
        Feature("candidate_model_contained", "yes or no", "The candidate's model number stands in the query's title",
                "model number"),
        Feature("codes_shared", "codes", "Model-like words of both listings", "codes"),
        Feature("query_codes_only", "codes", "Model-like words of the query that the candidate lacks", "codes"),
        Feature("candidate_codes_only", "codes", "Model-like words of the candidate that the query lacks", "codes"),
        Feature("codes_likeness", "share", "Likeness of the two most alike model-like words", "codes"),
    )  # fmt: skip

    def __init__(self, queries: Sequence[Product], products: Sequence[Product]) -> None:
        sides = (queries, products)
        self._models = [[alphanumeric(p.model)[:LONGEST] for p in side] for side in sides]
        self._titles = [[alphanumeric(p.title)[:LONGEST] for p in side] for side in sides]
        self._codes = [[tuple(sorted(model_codes(f"{p.title} {p.model}"))) for p in side] for side in sides]
        vocabulary: dict[object, int] = {}
        matrices = [incidence(side, vocabulary) for side in self._codes]
        self._present = [widen(matrix, len(vocabulary)) for matrix in matrices]

    def of(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        left, right = [self._models[0][r] for r in rows], [self._models[1][c] for c in columns]
        both = np.array([bool(one and other) for one, other in zip(left, right, strict=True)])

        def compared(scorer: Any, scale: float = 1.0) -> NDArray[np.float32]:
            scores = process.cpdist(left, right, scorer=scorer, workers=-1, dtype=np.float32) * scale
            return np.where(both, scores, np.nan).astype(np.float32)

        def found(models: Sequence[str], titles: Sequence[str]) -> NDArray[np.float32]:
            scores = process.cpdist(models, titles, scorer=fuzz.partial_ratio, workers=-1, dtype=np.float32) / 100
            long_enough = np.array([len(model) >= _SHORTEST for model in models])
            return np.where(long_enough, scores, np.nan).astype(np.float32)

        return [
            compared(Levenshtein.normalized_similarity),
            compared(Levenshtein.distance),
            compared(JaroWinkler.similarity),
            compared(Prefix.normalized_similarity),
            compared(fuzz.partial_ratio, 0.01),
            found(left, [self._titles[1][c] for c in columns]),
            found(right, [self._titles[0][r] for r in rows]),
            _contained(left, right, both_ways=True),
            _contained(left, [self._titles[1][c] for c in columns]),
            _contained(right, [self._titles[0][r] for r in rows]),
            *self._shared(rows, columns),
            self._most_alike(rows, columns),
        ]

    def _shared(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:

        shared = dots(self._present[0][rows], self._present[1][columns])
        of_query, of_candidate = row_sums(self._present[0])[rows], row_sums(self._present[1])[columns]
        unsaid = (of_query == 0) & (of_candidate == 0)
        return [np.where(unsaid, np.nan, shared).astype(np.float32), of_query - shared, of_candidate - shared]

    def _most_alike(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """All codes of one against all of the other, in one call over all pairs."""
        left, right, place = [], [], []
        for i, (row, column) in enumerate(zip(rows, columns, strict=True)):
            for one in self._codes[0][row]:
                for other in self._codes[1][column]:
                    left.append(one)
                    right.append(other)
                    place.append(i)
        best = np.full(len(rows), np.nan, np.float32)
        if place:
            scores = process.cpdist(left, right, scorer=Levenshtein.normalized_similarity, workers=-1, dtype=np.float32)
            np.fmax.at(best, place, scores)
        return best


def _contained(models: Sequence[str], texts: Sequence[str], *, both_ways: bool = False) -> NDArray[np.float32]:
    """1 where the model number stands in the text (or, both ways, the text in it), 0 where not, NaN if too short."""
    return np.array(
        [
            float(model in text or (both_ways and text in model)) if len(model) >= _SHORTEST and text else np.nan
            for model, text in zip(models, texts, strict=True)
        ],
        np.float32,
    )
