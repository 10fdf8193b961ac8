"""Known matches: what the labels of other pairs say of a pair.

Where A matches B, and C reads nearly like B, A is likely to match C. Offers of many shops repeat their products, so
that most pairs have such labels near them. Labelled matches connect listings to groups. For both listings of a pair,
the other one is compared with the group of the first, its known matches, and with the groups that a labelled non-match
separates from it: by character trigrams, and by trees that are fitted to the labelled pairs. A logistic regression over
these comparisons and the matcher's score, and trees fitted to its residual, give the score of such a pair. A pair
without such labels keeps its score.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, cycle
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from core.matching.labelled_texts import LabelledTexts, NearTexts, PairTexts, normal
from core.matching.learners import Boosted, Linear, Scale, Stacked, fit_linear, fit_stacked
from core.matching.text_comparer import PreparedTexts, TextComparer, TextFeatures

#: Cosine from which a listing reads like a known non-match. On generated offers of families without labels, where less
#: similar ones say nothing, 0.7 costs no average precision, 0.5 costs 0.008.
_MIN_OPPOSED = 0.7
#: Size of the texts in the matcher's file, which is read up to twice this size. More labels have no known matches.
_MAX_STORED_BYTES = 2**27
#: Folds in which the labels of other pairs of the same listings are known.
_FOLDS = 10
#: Standard errors by which the log-loss must fall.
_MIN_STANDARD_ERRORS = 2.0

#: Columns of `_design`, and their scale: scores are clipped at three of it, as the regression does.
_WIDTH, _SCORE_SPREAD = 20, 5.0
_MAX_SCORE = 3 * _SCORE_SPREAD
_SCALE = Scale(np.zeros(_WIDTH), np.array([_SCORE_SPREAD, *[1.0] * (_WIDTH - 1)]))
#: The mean of the prior: the score as it is.
_UNCORRECTED = np.array([_SCORE_SPREAD, *[0.0] * (_WIDTH - 1)])
#: Log-odds of two texts at which they are clipped, and what they are divided by.
_MAX_LOG_ODDS, _LOG_ODDS_SPREAD = 6.0, 3.0

#: Largest weight in a file, far above fitted ones: with larger ones, scores are no numbers.
_MAX_WEIGHT = 1e6

#: Reads the texts of a part of the pairs, which are needed only where the matcher has known matches.
ReadTexts = Callable[[slice], PairTexts]


class Comparisons(NamedTuple):
    """How the listings of n pairs compare with known texts; NaN where there are none.

    The two columns of each array are for the candidate, compared with known texts of the query, and for the query,
    compared with those of the candidate.

    Attributes:
        match_cosine: the highest cosine of character trigrams to a known match, shape (n, 2).
        non_match_cosine: to a known non-match; NaN below `_MIN_OPPOSED`.
        match: the highest log-odds to be one product with a known match.
        match_mean: their mean over the known matches that are nearest.
        non_match: the highest log-odds to be one product with a known non-match; NaN without known matches. Where only
            non-matches are known, it misleads: on generated offers of families without labels, average precision
            falls from 0.815 to 0.779.
    """

    match_cosine: NDArray[np.float64]
    non_match_cosine: NDArray[np.float64]
    match: NDArray[np.float64]
    match_mean: NDArray[np.float64]
    non_match: NDArray[np.float64]

    @property
    def has_any(self) -> NDArray[np.bool_]:
        """Whether there are known texts to compare with, shape (n,)."""
        return np.asarray(~np.isnan(np.concatenate(self, axis=1)).all(axis=1))

    def part(self, chosen: NDArray[np.bool_]) -> "Comparisons":
        """Those of the chosen pairs."""
        return Comparisons(*(each[chosen] for each in self))


@dataclass(frozen=True)
class KnownListings:
    """Labelled listings, and what compares others with them.

    Attributes:
        labelled: their texts, and how they are connected.
        comparer: gives the log-odds that two texts are of one product.
    """

    labelled: LabelledTexts
    comparer: TextComparer

    def warm_up(self) -> None:
        """Compute what the first pair would wait for: the weights of terms, seconds for tens of thousands of texts."""
        texts = self.labelled.texts[:1]
        self.labelled.nearest(PairTexts(texts, texts))
        self.comparer.scores(texts, texts)

    def compare(self, pairs: PairTexts, prepared: PreparedTexts | None = None) -> Comparisons:
        """Compare the listings of n pairs with known matches and non-matches; `prepared` are all of their texts."""
        count, near = len(pairs.queries), self.labelled.nearest(pairs)
        log_odds = self._log_odds(pairs, near, prepared)
        cosines = [_highest(each, each.cosine, count) for each in near]
        highest = [_highest(each, values, count) for each, values in zip(near, log_odds, strict=True)]
        means = [_mean(each, values, count) for each, values in zip(near[:2], log_odds[:2], strict=True)]
        match, opposed, non_match = (np.stack(each, axis=1) for each in (highest[:2], cosines[2:], highest[2:]))
        opposed[opposed < _MIN_OPPOSED] = np.nan
        non_match[np.isnan(match)] = np.nan
        return Comparisons(np.stack(cosines[:2], axis=1), opposed, match, np.stack(means, axis=1), non_match)

    def _log_odds(
        self, pairs: PairTexts, near: Sequence[NearTexts], prepared: PreparedTexts | None
    ) -> list[NDArray[np.float64]]:
        """The log-odds of each known text with the listing that it is near to: of candidates and queries in turn."""
        sides = [list(map(normal, side)) for side in reversed(pairs)]
        others = [[side[pair] for pair in each.pair.tolist()] for side, each in zip(cycle(sides), near, strict=False)]
        known = [[self.labelled.texts[place] for place in each.known.tolist()] for each in near]
        found = self.comparer.scores([*chain(*known)], [*chain(*others)], prepared)
        ends = np.cumsum([len(each.pair) for each in near])[:-1]
        return np.split(np.clip(found, -_MAX_LOG_ODDS, _MAX_LOG_ODDS), ends)


def _highest(near: NearTexts, values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The highest value of each of n pairs, shape (n,); NaN where it has none."""
    found = np.full(count, np.nan)
    np.fmax.at(found, near.pair, values)
    return found


def _mean(near: NearTexts, values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The mean value of each of n pairs, shape (n,); NaN where it has none."""
    sums, counts = (np.bincount(near.pair, each, count) for each in (values, None))
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / counts)


@dataclass(frozen=True)
class KnownMatches:
    """Corrects the scores of pairs whose listings are labelled.

    Attributes:
        listings: of the labelled pairs, and what compares others with them.
        correction: over the columns of `_design`.
    """

    listings: KnownListings
    correction: Stacked

    def correct(self, scores: NDArray[np.float64], texts: PairTexts) -> NDArray[np.float64]:
        """The scores of n pairs with what the labels of other pairs say, shape (n,)."""
        return self.corrected(scores, self.listings.compare(texts))

    def corrected(self, scores: NDArray[np.float64], comparisons: Comparisons) -> NDArray[np.float64]:
        """The same, given the comparisons."""
        return _corrected(self.correction, scores, comparisons)

    def to_json(self) -> dict[str, Any]:
        """The parts as numbers, strings and lists."""
        labelled = self.listings.labelled
        return {
            "texts": list(labelled.texts),
            "group": labelled.group.tolist(),
            "opposed": labelled.opposed.tolist(),
            "comparer": self.listings.comparer.to_json(),
            "weights": self.correction.linear.weights.tolist(),
            "intercept": self.correction.linear.intercept,
            "trees": self.correction.trees.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: the parts do not belong together.
        """
        texts = value["texts"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or not texts:
            raise ValueError("no texts")
        group, opposed = _integers(value["group"]).reshape(-1), _integers(value["opposed"]).reshape(-1, 2)
        weights, intercept = np.array(value["weights"], float).reshape(-1), float(value["intercept"])
        if len(group) != len(texts) or group.min() < 0 or group.max() >= len(texts):
            raise ValueError("groups of other texts")
        if opposed.min(initial=0) < 0 or opposed.max(initial=0) > group.max():
            raise ValueError("non-matches of other groups")
        if len(weights) != len(_UNCORRECTED) or not (np.abs([*weights, intercept]) <= _MAX_WEIGHT).all():
            raise ValueError("weights of other comparisons")
        labelled = LabelledTexts(tuple(texts), group, opposed)
        comparer = TextComparer.from_json(value["comparer"], labelled.texts)
        trees = Boosted.from_json(value["trees"], _WIDTH)
        return cls(KnownListings(labelled, comparer), Stacked(Linear(_SCALE, weights, intercept), trees))


def _integers(value: object) -> NDArray[np.int64]:
    """An array of the integers of a file; ValueError for any other values, which would be rounded."""
    found = np.array(value)
    if found.size and found.dtype.kind != "i":
        raise ValueError("numbers that are not integers")
    return found.astype(np.int64)


def fit_known_matches(
    scores: NDArray[np.float64],
    texts: PairTexts,
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    folds: NDArray[np.int64],
    seed: int,
) -> tuple[KnownMatches, NDArray[np.float64]] | None:
    """The correction, and the corrected scores of the labelled pairs.

    None if it does not lower their log-loss, or if the texts are too large for the matcher's file.

    It is fitted to pairs of queries without other labels, and again to the same pairs beside all other labels, since
    both kinds are scored later. The log-loss is that of the former, which have less to go by.

    Args:
        scores: of each pair by a matcher that was not fitted to its query, shape (n,).
        texts: of the pairs.
        labels: shape (n,).
        weights: of the labels, shape (n,).
        folds: by query, shape (n,).
        seed: of the folds by pair, and of the trees.
    """
    if sum(len(json.dumps(text)) for text in {*map(normal, chain(*texts))}) > _MAX_STORED_BYTES:
        return None
    pairs = _LabelledPairs.of(texts, labels, weights, seed)
    number = _pair_numbers(texts)
    by_query = pairs.compared(folds, number)
    by_pair = pairs.compared(np.random.default_rng(seed).integers(0, _FOLDS, number.max(initial=0) + 1)[number], number)
    clipped = np.clip(scores, -_MAX_SCORE, _MAX_SCORE)
    columns = np.concatenate([_design(clipped, by_query), _design(clipped, by_pair)])
    has_any = np.concatenate([by_query.has_any, by_pair.has_any])

    def fit(chosen: NDArray[np.bool_]) -> Stacked | None:
        rows = has_any & np.tile(chosen, 2)
        if not _are_both_classes(np.tile(labels, 2)[rows]):
            return None
        of_rows = columns[rows], np.tile(labels, 2)[rows], np.tile(weights, 2)[rows] / 2
        linear = fit_linear(*of_rows, _SCALE, _UNCORRECTED, intercept=0.0, precision=1.0)
        return fit_stacked(*of_rows, linear, seed=seed, boosters=1)

    corrected = scores.copy()
    for fold in np.unique(folds):
        part = folds == fold
        if (of_others := fit(~part)) is not None:
            corrected[part] = _corrected(of_others, scores[part], by_query.part(part))
    gain = weights * (_log_loss(scores, labels) - _log_loss(corrected, labels))
    if gain.mean() <= _MIN_STANDARD_ERRORS * gain.std() / np.sqrt(len(gain)):
        return None
    every = np.ones(len(labels), bool)
    correction = fit(every)
    return None if correction is None else (KnownMatches(pairs.known(every), correction), corrected)


@dataclass(frozen=True)
class _LabelledPairs:
    """Labelled pairs, and the features of their texts.

    Attributes:
        prepared: all texts on both sides.
        features: of all texts.
        vectors: the features of each pair and of the pair in reverse, shape (2 n, features).
    """

    texts: PairTexts
    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]
    seed: int
    features: TextFeatures
    prepared: PreparedTexts
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, texts: PairTexts, labels: NDArray[np.bool_], weights: NDArray[np.float64], seed: int) -> Self:
        features = TextFeatures(LabelledTexts.of(texts, labels).texts)
        queries, candidates = ([*map(normal, side)] for side in texts)
        prepared = features.prepare([*queries, *candidates], [*queries, *candidates])
        vectors = prepared.compute([*queries, *candidates], [*candidates, *queries])
        return cls(texts, labels, weights, seed, features, prepared, vectors)

    def known(self, chosen: NDArray[np.bool_]) -> KnownListings:
        """What the labels of the chosen pairs say."""
        both = np.tile(chosen, 2)
        comparer = TextComparer.fit(
            self.features, self.vectors[both], np.tile(self.labels, 2)[both], np.tile(self.weights, 2)[both], self.seed
        )
        return KnownListings(LabelledTexts.of(self.texts.part(chosen), self.labels[chosen]), comparer)

    def compared(self, folds: NDArray[np.int64], number: NDArray[np.int64]) -> Comparisons:
        """Each pair compared with the labelled listings of the other folds, if these are of both classes.

        The same two texts in a pair of another fold do not count: they have its label.

        Args:
            folds: shape (n,).
            number: equal for pairs of the same texts, shape (n,).
        """
        others = {fold: (folds != fold) & ~np.isin(number, number[folds == fold]) for fold in np.unique(folds).tolist()}
        numbers = [fold for fold, chosen in others.items() if _are_both_classes(self.labels[chosen])]
        found = Comparisons(*(np.full((len(self.labels), 2), np.nan) for _ in Comparisons._fields))

        def compare(fold: int) -> Comparisons:
            return self.known(others[fold]).compare(self.texts.part(folds == fold), self.prepared)

        with ThreadPoolExecutor() as pool:
            for fold, each in zip(numbers, pool.map(compare, numbers), strict=True):
                for whole, part in zip(found, each, strict=True):
                    whole[folds == fold] = part
        return found


def _are_both_classes(labels: NDArray[np.bool_]) -> bool:
    return bool(labels.any() and not labels.all())


def _pair_numbers(texts: PairTexts) -> NDArray[np.int64]:
    """A number of each pair, from 0, shape (n,): equal for the same two texts, in either order."""
    number: dict[tuple[str, ...], int] = {}
    pairs = (tuple(sorted(map(normal, pair))) for pair in zip(*texts, strict=True))
    return np.array([number.setdefault(pair, len(number)) for pair in pairs], np.int64)


def _corrected(correction: Stacked, scores: NDArray[np.float64], comparisons: Comparisons) -> NDArray[np.float64]:
    rows = comparisons.has_any
    corrected = scores.copy()
    if rows.any():
        of_rows = scores[rows]
        # What is clipped of a score stays: it would be explained as what other labels say.
        clipped = np.clip(of_rows, -_MAX_SCORE, _MAX_SCORE)
        corrected[rows] = correction.scores(_design(clipped, comparisons.part(rows))) + of_rows - clipped
    return corrected


def _design(scores: NDArray[np.float64], comparisons: Comparisons) -> NDArray[np.float32]:
    """The columns of the regression, shape (n, `_WIDTH`).

    The score, and the higher cosine to a known match; for each listing, whether it has known matches, their cosine and
    its square; whether it reads like known non-matches, and their cosine; the log-odds of known matches, their highest
    and their mean; whether it has known non-matches, and the highest log-odds of them.
    """
    has_match, has_opposed, _, _, has_non_match = (~np.isnan(each) for each in comparisons)
    cosine, opposed, *log_odds = map(np.nan_to_num, comparisons)
    match, mean, non_match = (each / _LOG_ODDS_SPREAD for each in log_odds)
    parts = [scores[:, None], cosine.max(axis=1)[:, None]]
    parts += [has_match, cosine, cosine**2, has_opposed, opposed, match, mean, has_non_match, non_match]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _log_loss(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.logaddexp(0.0, np.where(labels, -scores, scores))
    return found
