"""Candidates and probabilities of queries that need not be imported, block by block.

A query that was indexed with the same content has its stored candidates. Any other one is searched beside the queries
of the workspace: with their document frequencies, their rivals for each product, and their scale of the prior. So its
candidates and probabilities do not depend on which queries are scored together.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.template import render
from core.errors import CoreError
from core.jobs.progress import Reporter, Silent
from core.matching.features.builder import CorpusFeatures
from core.matching.matcher import Matcher
from core.matching.shortlist import SCALE_QUERIES, Shortlist
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.fusion import Fusion
from core.retrieval.index_run import LEXICAL_TEMPLATE, Corpus, QueryEncoder, build_fusion, is_indexed
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ProductRef


def indexed_corpus(workspace: Workspace, settings: Settings, model: EncoderModel) -> Corpus:
    """The products of the workspace, which must be those of the last index run.

    Raises:
        CoreError: nothing was indexed, or products, settings or encoder have changed since.
    """
    corpus = Corpus.read(workspace)
    with ExitStack() as stack:
        store = CandidateStore(workspace.derived)
        stack.callback(store.close)
        if store.model is None:
            raise no_candidates(workspace.index)
    shortlist = Shortlist(CorpusFeatures(workspace, settings, corpus), settings.search.k)
    if not is_indexed(workspace, settings, model, corpus, shortlist):
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
        self._features = CorpusFeatures(workspace, settings, corpus)
        self._stored = CandidateStore(workspace.derived)
        self._fingerprint = self._stored.fingerprint
        self._rows = {query.ref: row for row, query in enumerate(corpus.queries)}
        self._columns = {product.ref: column for column, product in enumerate(corpus.products)}
        fusion, vectors = build_fusion(workspace, settings, model, corpus, reporter)
        self._encoder = QueryEncoder(workspace, settings, model, reporter)
        reporter.stage("compute the features")
        if matcher.features != self._features.names:
            raise CoreError("The matcher is of another version.", "Run `samesku index` first.")
        shortlist = Shortlist(self._features, settings.search.k)
        self._fusion = replace(fusion, k=shortlist.size)
        # The first queries of the corpus, which set the scale of the first block of an index run.
        some = corpus.queries[:SCALE_QUERIES]
        self._shortlist = shortlist.with_scale_of(_pools(self._fusion, some, vectors[: len(some)]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stored.close()

    def candidates(self, queries: Sequence[Product]) -> list[list[Candidate]]:
        """The candidates of each query with their probabilities, best first.

        Raises:
            CoreError: the index was changed by another process.
        """
        if self._stored.fingerprint != self._fingerprint:
            raise CoreError(
                "The index was updated during the run.", "Start over: samesku match --input FILE --out PLACE --restart"
            )
        indexed: list[int] = []
        new: list[int] = []
        for place, query in enumerate(queries):
            row = self._rows.get(query.ref)
            (new if row is None or self._corpus.queries[row] != query else indexed).append(place)
        found: list[list[Candidate]] = [[] for _ in queries]
        for places, score in ((indexed, self._score_indexed), (new, self._score_new)):
            if places:
                for place, scored in zip(places, score([queries[place] for place in places]), strict=True):
                    found[place] = scored
        return found

    def _score_indexed(self, queries: Sequence[Product]) -> list[list[Candidate]]:
        listed = [self._stored.for_query(query.ref) for query in queries]
        return self._scored(self._features, [self._rows[query.ref] for query in queries], listed)

    def _score_new(self, queries: Sequence[Product]) -> list[list[Candidate]]:
        # Ids may repeat: the position in the block identifies a query.
        numbered = [replace(query, id=str(place)) for place, query in enumerate(queries)]
        shortlist = self._shortlist.with_queries(numbered)
        pools = _pools(self._fusion, numbered, self._encoder.encode(queries))
        listed = [candidates for _, candidates in shortlist.choose(pools)]
        return self._scored(shortlist.features, range(len(queries)), listed)

    def _scored(
        self, features: CorpusFeatures, rows: Sequence[int], listed: Sequence[Sequence[Candidate]]
    ) -> list[list[Candidate]]:
        """The candidates with probabilities, best first.

        Args:
            features: of the queries.
            rows: of the queries in the features.
            listed: the candidates of each query.
        """
        pairs = [(row, candidate) for row, candidates in zip(rows, listed, strict=True) for candidate in candidates]
        vectors = features.compute(
            np.array([row for row, _ in pairs], np.int64),
            np.array([self._columns[candidate.ref] for _, candidate in pairs], np.int64),
            np.array([candidate.similarity for _, candidate in pairs], np.float32),
        )
        scores = iter(self._matcher.probabilities(vectors).tolist())
        scored = [[replace(candidate, probability=next(scores)) for candidate in each] for each in listed]
        return [sorted(each, key=lambda candidate: (-(candidate.probability or 0), candidate.rank)) for each in scored]


def _pools(
    fusion: Fusion, queries: Sequence[Product], vectors: NDArray[np.float32]
) -> list[tuple[ProductRef, list[Candidate]]]:
    texts = [render(LEXICAL_TEMPLATE, query) for query in queries]
    return list(fusion.candidates(queries, texts, vectors, Silent()))
