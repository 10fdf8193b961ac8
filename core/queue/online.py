"""The online matcher: features in memory, refitted as labels come in, and published to the workspace."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.catalog.store import CatalogStore
from core.errors import CoreError, DamagedError
from core.matching.explain import Explainer, document_frequency
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.fitting import MANY_LABELS, REFIT_SHARE
from core.matching.learners import scale_of
from core.matching.matcher import Matcher
from core.matching.run import SEED, fit_to_labels, labelled_pairs, matcher_path, publish, saved_matcher, texts_of
from core.queue.batches import near_duplicates, next_batch
from core.queue.strategies import Strategy, UnlabelledPool
from core.queue.triage import remaining_gain, triage
from core.retrieval.candidates import CandidateStore
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair, ProductRef
from labels.store import LabelStore


@dataclass(frozen=True)
class _Run:
    """The features of one index run, with everything derived from them that does not depend on labels.

    Attributes:
        fingerprint: of the features.
        model: id of the encoder that the cosines come from.
        table: the features of n pairs.
        queries: by their numbers.
        number: the query of each pair as a number, shape (n,).
        scaled: standardised features, shape (n, features).
        family: cluster of near-duplicate queries of each pair, shape (n,).
    """

    fingerprint: str
    model: str
    table: FeatureTable
    queries: list[ProductRef]
    number: NDArray[np.int64]
    scaled: NDArray[np.float64]
    family: NDArray[np.int64]

    @cached_property
    def cosine(self) -> NDArray[np.float64]:
        """The encoder's cosine of each pair, shape (n,)."""
        found: NDArray[np.float64] = self.table.vectors[:, self.table.features.index("cosine")].astype(float)
        return found


class OnlineMatcher:
    """The matcher of one workspace while a desk is open.

    Args:
        workspace: with an index.
        settings: of the workspace.
        judge_scores: returns P(match) of the pairs that the judge has scored; called at every refit.
    """

    def __init__(self, workspace: Workspace, settings: Settings, judge_scores: Callable[[], dict[Pair, float]]) -> None:
        self._workspace = workspace
        self._settings = settings
        self._catalog = CatalogStore(workspace.catalog)
        self._frequency = document_frequency(self._catalog)
        self._vocabulary = Vocabulary.load(workspace.vocabulary)
        self._judge_scores = judge_scores
        self._run: _Run | None = None
        self._matcher: Matcher | None = None
        self._scored: tuple[Matcher, NDArray[np.float64]] | None = None
        self._unpublished = False

    def close(self) -> None:
        """Publish unpublished probabilities, and close the files."""
        try:
            self.publish()
        finally:
            self._catalog.close()

    def refit(self) -> dict[str, Any]:
        """Fit to the current labels.

        Returns:
            the JSON form of a `RefitResult`: the next queries with the probabilities of their candidates.

        Raises:
            CoreError: nothing was indexed, or the labels cannot be read.
        """
        began = time.perf_counter()
        run = self._current_run()
        matcher = self._fitted(run)
        if self._scored is None or self._scored[0] is not matcher:
            self._scored = matcher, self._probabilities(run, matcher)
        probabilities = self._scored[1]
        pool, allowed = self._pool(run, matcher, probabilities)
        rows = _rows_by_query(run, allowed)
        order = [
            {
                "query": run.queries[each.query],
                "reason": each.reason,
                "candidates": [
                    [*run.table.pairs[row].candidate, float(probabilities[row])] for row in rows[each.query]
                ],
            }
            for each in triage(pool, _random(matcher.labels))
        ]
        return {
            "standing": {
                "threshold": matcher.threshold, "high": matcher.cuts.high, "low": matcher.cuts.low,
                "labels": matcher.labels, "matches": matcher.matches,
            },
            "learner": matcher.learner.name,
            "order": order,
            "outlook": asdict(remaining_gain(pool)),
            "took_ms": round((time.perf_counter() - began) * 1000),
        }  # fmt: skip

    def next_pairs(self, size: int, strategy: Strategy, without: Callable[[Pair], bool]) -> list[Pair]:
        """The next pairs to label one by one, first one first: none of validation queries or of answered ones.

        Args:
            size: number of pairs at most.
            strategy: gives the priorities.
            without: tells whether a pair is labelled already, or must not be labelled.

        Raises:
            CoreError: nothing was indexed, or the labels cannot be read.
        """
        run = self._current_run()
        matcher = self._fitted(run)
        pool, allowed = self._pool(run, matcher, self._probabilities(run, matcher))
        pairs = [run.table.pairs[row] for row in np.flatnonzero(allowed).tolist()]
        excluded = np.array([without(pair) for pair in pairs], bool)
        labelled = int(excluded.sum())
        chosen = next_batch(replace(pool, labelled=pool.labelled | excluded), strategy, size, _random(labelled))
        return [pairs[place] for place in chosen.tolist()]

    def reasons(self, pair: Pair) -> dict[str, Any]:
        """The strongest reasons for and against a match of one pair, as JSON.

        Raises:
            CoreError: the pair has no features.
        """
        run = self._current_run()
        if pair not in run.table.row:
            pair = Pair(pair.candidate, pair.query)  # of listings in both roles, one is asked about the other
        row = run.table.row.get(pair)
        products = self._catalog.get_many(pair)
        if row is None or len(products) < 2:
            raise CoreError("This pair has no features yet.", "The next index run computes them: `samesku index`.")
        matcher = self._matcher or self._fitted(run)
        explainer = Explainer(matcher, self._vocabulary, self._frequency)
        found = explainer.explain(products[pair.query], products[pair.candidate], run.table.vectors[row]).to_json()
        texts = texts_of(self._workspace, [pair])
        probability = float(matcher.probabilities(run.table.vectors[row : row + 1], texts)[0])
        return {**found, "probability": probability, "labels": matcher.labels, "learner": matcher.learner.name}

    def _fitted(self, run: _Run) -> Matcher:
        """The matcher of the current labels; with many labels, one that was fitted to nearly all of them."""
        current = self._matcher or self._saved()
        if current is not None and current.labels >= MANY_LABELS and current.features == run.table.features:
            count = sum(pair in run.table.row for pair in labelled_pairs(self._workspace, self._settings))
            if abs(count - current.labels) < REFIT_SHARE * current.labels:
                self._matcher = current
                return current
        self._matcher = fit_to_labels(self._workspace, self._settings, run.model, run.table, run.fingerprint)
        self._unpublished = True
        return self._matcher

    def _saved(self) -> Matcher | None:
        """The saved matcher; None for a damaged file, which a fit replaces."""
        try:
            return saved_matcher(self._workspace)
        except DamagedError:
            return None

    def publish(self) -> bool:
        """Write the latest matcher and its probabilities to the workspace. Returns whether there was anything new."""
        if not self._unpublished or self._matcher is None or self._run is None:
            return False
        self._unpublished = False
        if self._fingerprint() != self._run.fingerprint:
            return False  # an index run has fitted its own matcher since
        self._matcher.save(matcher_path(self._workspace))
        publish(self._workspace, self._matcher, self._run.table)
        return True

    def _probabilities(self, run: _Run, matcher: Matcher) -> NDArray[np.float64]:
        """P(match) of each pair of the table, shape (n,)."""
        return matcher.probabilities(run.table.vectors, texts_of(self._workspace, run.table.pairs))

    def _pool(
        self, run: _Run, matcher: Matcher, probabilities: NDArray[np.float64]
    ) -> tuple[UnlabelledPool, NDArray[np.bool_]]:
        """The pairs that may be reviewed, and their mask over the table's rows: all but those of validation queries."""
        with LabelStore(self._workspace.labels) as store:
            closed, validation = store.closed_queries(), store.validation_queries()
        answered = np.array([query in closed for query in run.queries], bool)[run.number]
        allowed = ~np.array([query in validation for query in run.queries], bool)[run.number]
        pool = UnlabelledPool(
            probabilities=probabilities[allowed],
            cosine=run.cosine[allowed],
            vectors=run.scaled[allowed],
            query=run.number[allowed],
            labelled=answered[allowed],
            family=run.family[allowed],
            judge=self._judge_column(run)[allowed],
            threshold=matcher.threshold,
            calibrated=matcher.calibrated,
        )
        return pool, allowed

    def _judge_column(self, run: _Run) -> NDArray[np.float64]:
        """P(match) by the judge, shape (n,); NaN for pairs that it has not scored."""
        found = np.full(len(run.table.pairs), np.nan)
        for pair, probability in self._judge_scores().items():
            if (row := run.table.row.get(pair)) is not None:
                found[row] = probability
        return found

    def _fingerprint(self) -> str | None:
        with closing(FeatureStore(self._workspace.derived)) as store:
            return store.fingerprint

    def _current_run(self) -> _Run:
        """The features of the latest index run, read again where they have changed."""
        if self._run is None or self._run.fingerprint != self._fingerprint():
            self._run, self._matcher, self._scored = self._read(), None, None
        return self._run

    def _read(self) -> _Run:
        derived = self._workspace.derived
        with closing(FeatureStore(derived)) as store, closing(CandidateStore(derived)) as candidates:
            fingerprint, table, model = store.fingerprint, store.read(), candidates.model
        if fingerprint is None or table is None or model is None or not table.pairs:
            raise CoreError("No features have been computed yet.", "Run `samesku index`.")
        numbers: dict[ProductRef, int] = {}
        number = np.array([numbers.setdefault(pair.query, len(numbers)) for pair in table.pairs], np.int64)
        queries = list(numbers)
        family = _families(self._catalog, queries)
        scaled = scale_of(table.vectors, table.features)(table.vectors)
        return _Run(fingerprint, model, table, queries, number, scaled, np.array(family, np.int64)[number])


def _families(catalog: CatalogStore, queries: list[ProductRef]) -> list[int]:
    """The cluster of near-duplicates of each query; one outside the catalogue has its own."""
    products = catalog.get_many(queries)
    known = dict(zip(products, near_duplicates(list(products.values())), strict=True))
    return [known.get(query, len(known) + place) for place, query in enumerate(queries)]


def _rows_by_query(run: _Run, allowed: NDArray[np.bool_]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in np.flatnonzero(allowed).tolist():
        found.setdefault(int(run.number[row]), []).append(row)
    return found


def _random(labels: int) -> np.random.Generator:
    """Seeded so that the same labels give the same queue."""
    return np.random.default_rng([SEED, labels])
