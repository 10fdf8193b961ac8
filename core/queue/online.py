"""The matcher at work beside a desk: evidence held in memory, refitted to the labels as they come in."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.catalog.store import CatalogStore
from core.errors import CoreError, DamagedError
from core.matching.explain import Explainer, document_frequency
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.learners import scale_of
from core.matching.matcher import Matcher
from core.matching.run import SEED, fitted, labelled_pairs, matcher_path, publish, saved_matcher
from core.queue.batches import near_duplicates
from core.queue.strategies import UnlabelledPool
from core.queue.triage import outlook, triage
from core.retrieval.candidates import CandidateStore
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair, ProductRef
from labels.store import LabelStore

#: With so many labels a few more change nothing that anybody could see, and a fit takes longer than an answer:
#: the matcher is then fitted anew when their number has changed by this share.
_MANY, _NEWS = 2000, 0.02


@dataclass(frozen=True)
class _Held:
    """The evidence as one index run left it, and what of it does not change with the labels.

    Attributes:
        mark: which run.
        model: id of the encoder behind it.
        queries: in the order of their numbers.
        number: the query of each pair as a number, shape (n,).
        scaled: the evidence, one unit a standard deviation, shape (n, features).
        family: shared by pairs of near-duplicate queries, shape (n,).
    """

    mark: str
    model: str
    table: FeatureTable
    queries: list[ProductRef]
    number: NDArray[np.int64]
    scaled: NDArray[np.float64]
    family: NDArray[np.int64]

    @cached_property
    def cosine(self) -> NDArray[np.float64]:
        """By the encoder, shape (n,)."""
        found: NDArray[np.float64] = self.table.vectors[:, self.table.features.index("cosine")].astype(float)
        return found


class OnlineMatcher:
    """One workspace's matcher, for as long as a desk is open.

    Args:
        judge_scores: P(match) of the pairs that the judge has been asked about; called at every refit.
    """

    def __init__(self, workspace: Workspace, settings: Settings, judge_scores: Callable[[], dict[Pair, float]]) -> None:
        self._workspace = workspace
        self._settings = settings
        self._catalog = CatalogStore(workspace.catalog)
        self._rarity = document_frequency(self._catalog)
        self._vocabulary = Vocabulary.load(workspace.vocabulary)
        self._judge_scores = judge_scores
        self._held: _Held | None = None
        self._matcher: Matcher | None = None
        self._scored: tuple[Matcher, NDArray[np.float64]] | None = None
        self._unpublished = False

    def close(self) -> None:
        """Publish what is left, and let go of the files."""
        try:
            self.publish()
        finally:
            self._catalog.close()

    def refit(self) -> dict[str, Any]:
        """Fit to the labels as they are now; what to ask next, with every probability that one will see there.

        Raises:
            CoreError: nothing was indexed, or the labels cannot be read.
        """
        began = time.perf_counter()
        held = self._evidence()
        matcher = self._fitted(held)
        if self._scored is None or self._scored[0] is not matcher:
            self._scored = matcher, matcher.probabilities(held.table.vectors)
        probabilities = self._scored[1]
        pool, kept = self._pool(held, matcher, probabilities)
        rows = _rows_by_query(held, kept)
        order = [
            {
                "query": held.queries[each.query],
                "reason": each.reason,
                "candidates": [
                    [*held.table.pairs[row].candidate, float(probabilities[row])] for row in rows[each.query]
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
            "outlook": asdict(outlook(pool)),
            "took_ms": round((time.perf_counter() - began) * 1000),
        }  # fmt: skip

    def reasons(self, pair: Pair) -> dict[str, Any]:
        """The strongest reasons for and against one pair.

        Raises:
            CoreError: no evidence about the pair is known.
        """
        held = self._evidence()
        row = held.table.row.get(pair)
        products = self._catalog.get_many(pair)
        if row is None or len(products) < 2:
            raise CoreError("Nothing is known of this pair yet.", "The next index run weighs its evidence.")
        matcher = self._matcher or self._fitted(held)
        explainer = Explainer(matcher, self._vocabulary, self._rarity)
        told = explainer.reasons(products[pair.query], products[pair.candidate], held.table.vectors[row]).to_json()
        probability = float(matcher.probabilities(held.table.vectors[row : row + 1])[0])
        return {**told, "probability": probability, "labels": matcher.labels, "learner": matcher.learner.name}

    def _fitted(self, held: _Held) -> Matcher:
        """The matcher of the labels as they are now; of many labels, of nearly all of them."""
        known = self._matcher or self._saved()
        if known is not None and known.labels >= _MANY and known.features == held.table.features:
            count = sum(pair in held.table.row for pair in labelled_pairs(self._workspace, self._settings))
            if abs(count - known.labels) < _NEWS * known.labels:
                self._matcher = known
                return known
        self._matcher = fitted(self._workspace, self._settings, held.model, held.table, held.mark)
        self._unpublished = True
        return self._matcher

    def _saved(self) -> Matcher | None:
        """The matcher of the last index run; a file that cannot be read is as good as none, a fit replaces it."""
        try:
            return saved_matcher(self._workspace)
        except DamagedError:
            return None

    def publish(self) -> bool:
        """Let everybody else see the latest probabilities. Returns whether there was anything to tell."""
        if not self._unpublished or self._matcher is None or self._held is None:
            return False
        self._unpublished = False
        if self._mark() != self._held.mark:
            return False  # an index run came in between, and has fitted a matcher of its own
        self._matcher.save(matcher_path(self._workspace))
        publish(self._workspace, self._matcher, self._held.table)
        return True

    def _pool(
        self, held: _Held, matcher: Matcher, probabilities: NDArray[np.float64]
    ) -> tuple[UnlabelledPool, NDArray[np.bool_]]:
        """The pairs that may be asked about, and which rows of the evidence they are: no validation query is one."""
        with LabelStore(self._workspace.labels) as store:
            closed, drawn = store.closed_queries(), store.validation_queries()
        answered = np.array([query in closed for query in held.queries], bool)[held.number]
        kept = ~np.array([query in drawn for query in held.queries], bool)[held.number]
        pool = UnlabelledPool(
            probabilities=probabilities[kept],
            cosine=held.cosine[kept],
            evidence=held.scaled[kept],
            query=held.number[kept],
            labelled=answered[kept],
            family=held.family[kept],
            judge=self._judged(held)[kept],
            threshold=matcher.threshold,
            calibrated=matcher.calibrated,
        )
        return pool, kept

    def _judged(self, held: _Held) -> NDArray[np.float64]:
        """P(match) by the judge, shape (n,); NaN where it was not asked. Nobody asks it here, and nothing waits."""
        found = np.full(len(held.table.pairs), np.nan)
        for pair, probability in self._judge_scores().items():
            if (row := held.table.row.get(pair)) is not None:
                found[row] = probability
        return found

    def _mark(self) -> str | None:
        store = FeatureStore(self._workspace.derived)
        try:
            return store.fingerprint
        finally:
            store.close()

    def _evidence(self) -> _Held:
        """What is held, read anew where an index run has replaced it."""
        mark = self._mark()
        if self._held is None or self._held.mark != mark:
            self._held, self._matcher, self._scored = self._read(), None, None
        return self._held

    def _read(self) -> _Held:

        store = FeatureStore(self._workspace.derived)
        candidates = CandidateStore(self._workspace.derived)
        try:
            mark, table, model = store.fingerprint, store.read(), candidates.model
        finally:
            store.close()
            candidates.close()
        if mark is None or table is None or model is None or not table.pairs:
            raise CoreError("There is no evidence yet.", "Run `samesku index` first.")
        numbers: dict[ProductRef, int] = {}
        number = np.array([numbers.setdefault(pair.query, len(numbers)) for pair in table.pairs], np.int64)
        queries = list(numbers)
        family = _families(self._catalog, queries)
        scaled = scale_of(table.vectors, table.features)(table.vectors)
        return _Held(mark, model, table, queries, number, scaled, np.array(family, np.int64)[number])


def _families(catalog: CatalogStore, queries: list[ProductRef]) -> list[int]:
    """The family of each query; one that has left the catalogue is alone."""
    products = catalog.get_many(queries)
    known = dict(zip(products, near_duplicates(list(products.values())), strict=True))
    return [known.get(query, len(known) + place) for place, query in enumerate(queries)]


def _rows_by_query(held: _Held, kept: NDArray[np.bool_]) -> dict[int, list[int]]:

    found: dict[int, list[int]] = {}
    for row in np.flatnonzero(kept).tolist():
        found.setdefault(int(held.number[row]), []).append(row)
    return found


def _random(labels: int) -> np.random.Generator:
    """The same labels ask the same questions."""
    return np.random.default_rng([SEED, labels])
