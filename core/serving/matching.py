"""Candidates for the queries of requests: from the cache, or in batches from the index in memory.

A batch shares one call of the encoder, one search and one computation of features. It is encoded while the one before
it is scored: torch computes outside the interpreter lock, so that both take place at a time.
"""

import asyncio
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.upsert import product_digest
from core.errors import CoreError
from core.matching.query_scorer import QueryScorer, ScoredQuery
from core.matching.reason import Reasons
from core.retrieval.candidates import Candidate
from core.retrieval.product_filter import ProductFilter
from core.serving.batching import BatchQueue, Preparation, QueueFullError
from core.serving.loaded_index import CurrentIndex, LoadedIndex
from core.serving.problems import ProblemError

#: Queries that are encoded and scored together: larger batches are hardly faster, and delay those that come later.
MAX_BATCH = 128
#: Queries that may wait: half a minute of work at a hundred queries a second.
MAX_WAITING = 3000


@dataclass(frozen=True)
class MatchQuery:
    """A product to match.

    Attributes:
        product: the product.
        only: conditions on the candidates; its collections are tuples.
        reasons: whether the scores are explained.
    """

    product: Product
    only: ProductFilter | None = None
    reasons: bool = False

    @cached_property
    def key(self) -> Hashable:
        """Equal for queries with equal answers of one index."""
        return self.product.ref, product_digest(self.product), self.only, self.reasons


@dataclass(frozen=True, slots=True)
class Matched:
    """The answer to a query.

    Attributes:
        index: that it was given with.
        candidates: with probabilities, best first.
        reasons: of each candidate; None unless they were asked for.
    """

    index: LoadedIndex
    candidates: Sequence[Candidate]
    reasons: Sequence[Reasons] | None


@dataclass(eq=False)
class _Wanted:
    """A query that waits.

    Attributes:
        query: the query.
        scorer: whose encoder has made the vector.
        vector: of the query, float32 of shape (dimensions,); None until it is encoded.
    """

    query: MatchQuery
    scorer: QueryScorer | None = None
    vector: NDArray[np.float32] | None = None


class MatchingService:
    """Matches products with the present index.

    Args:
        index: the present index.
        max_batch: queries that are scored together; with 1, a query is encoded once the one before it is answered.
        max_waiting: queries that may wait.
        observe_batch: called with the size of each batch.
        observe_cache: called with the numbers of hits and misses of each request.
    """

    def __init__(
        self,
        index: CurrentIndex,
        *,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
        observe_batch: Callable[[int], None] = lambda _: None,
        observe_cache: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self._index = index
        self._observe_cache = observe_cache
        self._used: QueryScorer | None = None
        self._encoding = threading.Lock()  # a tokenizer takes one call at a time
        self._queue: BatchQueue[_Wanted, Matched] = BatchQueue(
            self._answer,
            max_batch=max_batch,
            max_waiting=max_waiting,
            name="matching",
            preparation=Preparation(self._needs_vector, self._prepare) if max_batch > 1 else None,
            observe=observe_batch,
            finish=lambda: self._use(None),
        )

    @property
    def waiting(self) -> int:
        """The number of queries that wait."""
        return self._queue.waiting

    def close(self) -> None:
        """Answer what waits, then end the worker thread."""
        self._queue.close()

    async def match(self, queries: Sequence[MatchQuery]) -> list[Matched]:
        """The answers to the queries of one request, all of one index.

        Raises:
            ProblemError: too many queries wait; nothing was done.
        """
        index = self._index.loaded
        found = {query.key: index.cache.get(query.key) for query in queries}
        missing = {query.key: query for query in queries if found[query.key] is None}
        self._observe_cache(len(queries) - len(missing), len(missing))
        while missing:
            answers = await self._ask(missing.values())
            found |= dict(zip(missing, answers, strict=True))
            # The index may have been replaced while a long request waited: what is of the previous one is asked again.
            index = answers[-1].index
            missing = {
                query.key: query for query in queries if (known := found[query.key]) is None or known.index is not index
            }
        return [known for query in queries if (known := found[query.key]) is not None]

    async def _ask(self, queries: Iterable[MatchQuery]) -> list[Matched]:
        try:
            futures = self._queue.submit(list(map(_Wanted, queries)))
        except QueueFullError as error:
            raise ProblemError.busy("Too many products wait to be matched.", error.retry_after_s) from error
        try:
            return await asyncio.gather(*map(asyncio.wrap_future, futures))
        finally:
            for future in futures:
                future.cancel()  # the client is gone after a time-out; no effect on finished ones

    def _needs_vector(self, wanted: _Wanted) -> bool:
        return self._index.loaded.scorer.needs_vector(wanted.query.product, wanted.query.only)

    def _prepare(self, batch: Sequence[_Wanted]) -> None:
        """Encode some queries, in the thread of the preparation."""
        self._encode(self._index.loaded.scorer, batch)

    def _encode(self, scorer: QueryScorer, batch: Sequence[_Wanted]) -> None:
        unique = {each.query.key: each.query.product for each in batch}
        if not unique:
            return
        with self._encoding:
            vectors = dict(zip(unique, scorer.encode(list(unique.values())), strict=True))
        for each in batch:
            each.scorer, each.vector = scorer, vectors[each.query.key]

    def _answer(self, batch: Sequence[_Wanted]) -> list[Matched]:
        """The answers to a batch, in the worker thread."""
        unique = {each.query.key: each for each in batch}
        index = self._index.loaded
        self._use(index.scorer)
        found: dict[Hashable, Matched] = {}
        for (only, *_), group in _groups(index.scorer, unique.values()).items():
            features = any(each.query.reasons for each in group)
            try:
                scored = self._scored(index.scorer, group, only, features=features)
            except CoreError:
                # The index was changed, or its files cannot be read now. Until there is a replacement, the index in
                # memory answers, without stored candidates.
                self._index.look()
                if self._index.loaded is not index:
                    return self._answer(batch)
                scored = self._scored(index.scorer, group, only, stored=False, features=features)
            for query, each in zip((wanted.query for wanted in group), scored, strict=True):
                found[query.key] = _matched(index, query, each)
                index.cache.put(query.key, found[query.key])
        return [found[each.query.key] for each in batch]

    def _scored(
        self,
        scorer: QueryScorer,
        group: Sequence[_Wanted],
        only: ProductFilter | None,
        *,
        stored: bool = True,
        features: bool = True,
    ) -> list[ScoredQuery]:
        """As `QueryScorer.scored`. What has no vector of this encoder is encoded first."""
        self._encode(
            scorer,
            [
                each
                for each in group
                if (each.scorer is None or not each.scorer.shares_files(scorer))
                and (not stored or scorer.needs_vector(each.query.product, only))
            ],
        )
        products, vectors = [each.query.product for each in group], [each.vector for each in group]
        return scorer.scored(products, only, stored=stored, features=features, vectors=vectors)

    def _use(self, scorer: QueryScorer | None) -> None:
        """Close the files of the previous index, which this thread has opened."""
        if self._used is not None and (scorer is None or not scorer.shares_files(self._used)):
            self._used.close()
        self._used = scorer


#: Filter, whether it is searched for, and whether features of stored candidates are needed.
_Group = tuple[ProductFilter | None, bool, bool]


def _groups(scorer: QueryScorer, batch: Iterable[_Wanted]) -> Mapping[_Group, list[_Wanted]]:
    """The queries that are scored together.

    Those that are searched are so with and without reasons: features cost less than another search.
    """
    groups: dict[_Group, list[_Wanted]] = {}
    for each in batch:
        query = each.query
        searched = scorer.needs_vector(query.product, query.only)
        groups.setdefault((query.only, searched, query.reasons and not searched), []).append(each)
    return groups


def _matched(index: LoadedIndex, query: MatchQuery, scored: ScoredQuery) -> Matched:
    reasons = None
    if query.reasons:
        pairs = [(query.product, index.scorer.product(candidate.ref)) for candidate in scored.candidates]
        reasons = index.explainer.explain_many(pairs, scored.vectors) if pairs else []
    return Matched(index, scored.candidates, reasons)
