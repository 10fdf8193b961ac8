"""Candidates and probabilities of queries that need not be imported, block by block.

A query that was indexed with the same content has its stored candidates. Any other one is searched beside the queries
of the workspace: with their document frequencies, their rivals for each product, and their scale of the prior. So its
candidates and probabilities do not depend on which queries are scored together.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.errors import CoreError, DamagedError
from core.jobs.progress import Reporter, Silent
from core.matching.features.builder import DIFFERENCE_COLUMNS, CorpusFeatures
from core.matching.labelled_texts import PairTexts
from core.matching.matcher import Matcher
from core.matching.run import settings_fingerprint
from core.matching.shortlist import KnownFeatures, Shortlist
from core.retrieval.array_file import ARRAY_ERRORS
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import QueryEncoder
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import is_indexed, lexical_texts, saved_fusion
from core.retrieval.manifest import no_candidates
from core.retrieval.product_filter import FilterColumns, ProductFilter
from core.retrieval.selection import select_candidates
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ProductRef


class IndexChangedError(CoreError):
    """Another process has updated the index since it was read."""


@dataclass(frozen=True, slots=True)
class ScoredQuery:
    """The candidates of one query.

    Attributes:
        candidates: with probabilities, best first.
        vectors: their features, float32 of shape (candidates, features); (0, features) where they are not needed.
    """

    candidates: list[Candidate]
    vectors: NDArray[np.float32]


def indexed_corpus(workspace: Workspace, settings: Settings, model: EncoderModel) -> Corpus:
    """The products of the workspace, which must be those of the last index run.

    Raises:
        CoreError: nothing was indexed, or products, settings or encoder have changed since.
    """
    corpus = Corpus.read(workspace)
    with closing(CandidateStore(workspace.derived)) as store:
        if store.model is None:
            raise no_candidates(workspace.index)
    if not is_indexed(workspace, settings_fingerprint(workspace, settings, model), corpus.version):
        raise CoreError(
            "Products, settings or encoder have changed since the last index run.", "Run `samesku index` first."
        )
    return corpus


class QueryScorer:
    """The index in memory, and a matcher.

    Args:
        workspace: with a current index.
        settings: search and bands.
        model: the encoder of the index.
        corpus: as of `indexed_corpus`.
        matcher: scores the candidates.
        reporter: receives the progress of loading.

    Raises:
        CoreError: the matcher is of other features than this version computes.
        DamagedError: the index is missing or damaged.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        model: EncoderModel,
        corpus: Corpus,
        matcher: Matcher,
        reporter: Reporter,
    ) -> None:
        self._corpus = corpus
        self._matcher = matcher
        self._rows = {query.ref: row for row, query in enumerate(corpus.queries)}
        self._columns = {product.ref: column for column, product in enumerate(corpus.products)}
        self._shortlist = Shortlist(CorpusFeatures(workspace, settings, corpus), settings.search.k)
        _require_features(matcher, self._shortlist)
        fingerprint = settings_fingerprint(workspace, settings, model)
        self._fusion, statistics = saved_fusion(workspace, settings, model, corpus, fingerprint, reporter)
        try:
            self._shortlist.restore(statistics)
        except ARRAY_ERRORS as error:
            raise DamagedError("The index is damaged.", "Run `samesku index` to make it again.") from error
        self._encoder = QueryEncoder(workspace, settings, model, reporter)
        self._stored = CandidateStore(workspace.derived)
        self._version = f"{fingerprint}:{corpus.version}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files, in the thread that has used them."""
        self._stored.close()

    @property
    def matcher(self) -> Matcher:
        """The matcher that scores the candidates."""
        return self._matcher

    @property
    def queries(self) -> Sequence[Product]:
        """The indexed queries."""
        return self._corpus.queries

    def with_matcher(self, matcher: Matcher) -> "QueryScorer":
        """The same index with another matcher; the two share their open files.

        Raises:
            CoreError: the matcher is of other features than this version computes.
        """
        _require_features(matcher, self._shortlist)
        other = copy(self)
        other._matcher = matcher
        return other

    def shares_files(self, other: "QueryScorer") -> bool:
        """Whether `with_matcher` has made one of the two from the other."""
        return self._stored is other._stored

    def product(self, ref: ProductRef) -> Product:
        """A candidate, as it was indexed."""
        return self._corpus.products[self._columns[ref]]

    def candidates(self, queries: Sequence[Product]) -> list[list[Candidate]]:
        """The candidates of each query with their probabilities, best first.

        Raises:
            IndexChangedError: the index was changed by another process.
        """
        return [found.candidates for found in self.scored(queries, features=False)]

    def needs_vector(self, query: Product, only: ProductFilter | None = None) -> bool:
        """Whether a query is searched for, and does not have its stored candidates; as `scored`, from memory alone."""
        return only is not None or not self._is_indexed(query)

    def encode(self, queries: Sequence[Product]) -> NDArray[np.float32]:
        """The vectors of queries, as `scored` takes them; by one thread at a time.

        Raises:
            ModelError: the encoder cannot be loaded.
        """
        return self._encoder.encode(queries)

    def scored(
        self,
        queries: Sequence[Product],
        only: ProductFilter | None = None,
        *,
        stored: bool = True,
        features: bool = True,
        vectors: Sequence[NDArray[np.float32] | None] | None = None,
    ) -> list[ScoredQuery]:
        """The candidates of each query with their features.

        Args:
            queries: any number.
            only: conditions on the candidates, which act inside the search.
            stored: whether an indexed query has its stored candidates. Otherwise it is searched as any other one, which
                takes nothing from the files: it works after they have changed, and in any thread.
            features: whether they are needed. Without them, an indexed query has its stored probabilities, too, which
                takes a tenth of the time, and those to which the matcher gives no weight are not computed.
            vectors: of the queries, as of `encode`, where they need one; by default they are encoded here.

        Raises:
            IndexChangedError: stored candidates were asked for, and another process has changed the index.
        """
        if stored:
            self._require_current()
        indexed: list[int] = []
        new: list[int] = []
        for place, query in enumerate(queries):
            (new if not stored or self.needs_vector(query, only) else indexed).append(place)
        found: dict[int, ScoredQuery] = {}
        if indexed:
            some = [queries[place] for place in indexed]
            scored = None if features else self._stored_scores(some)
            found |= zip(indexed, self._score_indexed(some) if scored is None else scored, strict=True)
        if new:
            some = [queries[place] for place in new]
            of_new = self.encode(some) if vectors is None else _stacked(vectors[place] for place in new)
            found |= zip(new, self._score_new(some, of_new, only, features=features), strict=True)
        return [found[place] for place in range(len(queries))]

    def _require_current(self) -> None:
        if not self._stored.is_current(self._version):
            raise IndexChangedError(
                "The index was updated during the run.", "Start over: samesku match --input FILE --out PLACE --restart"
            )

    def _is_indexed(self, query: Product) -> bool:
        """Whether a query was indexed with the same content."""
        row = self._rows.get(query.ref)
        return row is not None and self._corpus.queries[row] == query

    @cached_property
    def _filter_columns(self) -> FilterColumns:
        return FilterColumns(self._corpus.products)

    def _stored_scores(self, queries: Sequence[Product]) -> list[ScoredQuery] | None:
        """The candidates with their stored probabilities; None if these are of another matcher."""
        summary = self._matcher.summary
        if self._stored.matcher_summary != summary:
            return None
        listed = [self._stored.for_query(query.ref) for query in queries]
        if self._stored.matcher_summary != summary or any(each.probability is None for some in listed for each in some):
            return None  # scored by another one meanwhile, or not yet
        self._require_current()
        nothing = np.zeros((0, len(self._matcher.features)), np.float32)
        return [ScoredQuery([some[i] for i in _best_first(some)], nothing) for some in listed]

    def _score_indexed(self, queries: Sequence[Product]) -> list[ScoredQuery]:
        listed = [self._stored.for_query(query.ref) for query in queries]
        self._require_current()  # all of them are of the same run
        rows = [self._rows[query.ref] for query in queries]
        return self._scored(self._shortlist.features, queries, rows, listed)

    def _score_new(
        self, queries: Sequence[Product], vectors: NDArray[np.float32], only: ProductFilter | None, *, features: bool
    ) -> list[ScoredQuery]:
        allowed = None if only is None else self._filter_columns.allowed(only)
        refs = [query.ref for query in queries]
        order = self._fusion.pair_order
        fusion = self._fusion if order is None else replace(self._fusion, pair_order=order.with_queries(refs))
        results = fusion.search(queries, lexical_texts(queries), vectors, Silent(), allowed=allowed)
        shortlist = self._shortlist.with_queries(queries)
        results, chosen = select_candidates(fusion, results, shortlist, Silent())
        listed = [each for _, each in fusion.listed(refs, results, chosen)]
        # The chosen pairs are of the pool, whose features are known.
        differences = features or self._matcher.weighs(DIFFERENCE_COLUMNS)
        known = shortlist.scored or shortlist.features
        scored = self._scored(known, queries, range(len(queries)), listed, differences=differences)
        return scored if features else [replace(each, vectors=each.vectors[:0]) for each in scored]

    def _scored(
        self,
        features: CorpusFeatures | KnownFeatures,
        queries: Sequence[Product],
        rows: Sequence[int],
        listed: Sequence[Sequence[Candidate]],
        *,
        differences: bool = True,
    ) -> list[ScoredQuery]:
        """The candidates with probabilities, best first.

        Args:
            features: of the queries.
            queries: the queries.
            rows: of the queries in the features.
            listed: the candidates of each query.
            differences: whether the columns `DIFFERENCE_COLUMNS` are computed.
        """
        pairs = [(row, candidate) for row, candidates in zip(rows, listed, strict=True) for candidate in candidates]
        vectors = features.compute(
            np.array([row for row, _ in pairs], np.int64),
            np.array([self._columns[candidate.ref] for _, candidate in pairs], np.int64),
            np.array([candidate.similarity for _, candidate in pairs], np.float32),
            differences=differences,
        )
        asked = [query for query, candidates in zip(queries, listed, strict=True) for _ in candidates]

        def texts(part: slice) -> PairTexts:
            candidates = [self.product(candidate.ref) for _, candidate in pairs[part]]
            return PairTexts(lexical_texts(asked[part]), lexical_texts(candidates))

        scores = self._matcher.probabilities(vectors, texts).tolist()
        ends = np.cumsum([0, *map(len, listed)]).tolist()
        found = []
        for candidates, (start, end) in zip(listed, pairwise(ends), strict=True):
            scored = [replace(each, probability=scores[start + i]) for i, each in enumerate(candidates)]
            order = _best_first(scored)
            found.append(ScoredQuery([scored[i] for i in order], vectors[start:end][order]))
        return found


def _best_first(candidates: Sequence[Candidate]) -> list[int]:
    """The order by probability, then by rank."""
    return sorted(range(len(candidates)), key=lambda i: (-(candidates[i].probability or 0), candidates[i].rank))


def _stacked(vectors: Iterable[NDArray[np.float32] | None]) -> NDArray[np.float32]:
    """The vectors as one array, shape (n, dimensions). Raises ValueError if one is missing."""
    found = list(vectors)
    if any(each is None for each in found):
        raise ValueError("a query that is searched for has no vector")
    return np.array(found, np.float32)


def _require_features(matcher: Matcher, shortlist: Shortlist) -> None:
    if matcher.features != shortlist.features.names:
        raise CoreError("The matcher is of another version.", "Run `samesku index` first.")
