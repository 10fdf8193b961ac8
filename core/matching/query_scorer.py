"""Candidates and probabilities of queries that need not be imported, block by block.

A query that was indexed with the same content has its stored candidates. Any other one is searched beside the queries
of the workspace: with their document frequencies, their rivals for each product, and their scale of the prior. So its
candidates and probabilities do not depend on which queries are scored together.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Self

import numpy as np

from core.catalog.product import Product
from core.errors import CoreError, DamagedError
from core.jobs.progress import Reporter, Silent
from core.matching.features.builder import CorpusFeatures, CorpusPart
from core.matching.matcher import Matcher
from core.matching.run import settings_fingerprint
from core.matching.shortlist import Shortlist
from core.retrieval.array_file import ARRAY_ERRORS
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import QueryEncoder, is_indexed, lexical_texts, saved_fusion, select_candidates
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.workspace import Workspace


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
        if matcher.features != self._shortlist.features.names:
            raise CoreError("The matcher is of another version.", "Run `samesku index` first.")
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
        self._stored.close()

    def candidates(self, queries: Sequence[Product]) -> list[list[Candidate]]:
        """The candidates of each query with their probabilities, best first.

        Raises:
            CoreError: the index was changed by another process.
        """
        if not self._stored.is_current(self._version):
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
        return self._scored(self._shortlist.features, [self._rows[query.ref] for query in queries], listed)

    def _score_new(self, queries: Sequence[Product]) -> list[list[Candidate]]:
        refs = [query.ref for query in queries]
        order = self._fusion.pair_order
        fusion = self._fusion if order is None else replace(self._fusion, pair_order=order.with_queries(refs))
        results = fusion.search(queries, lexical_texts(queries), self._encoder.encode(queries), Silent())
        shortlist = self._shortlist.with_queries(queries)
        results, chosen = select_candidates(fusion, results, shortlist, Silent())
        listed = [each for _, each in fusion.listed(refs, results, chosen)]
        # What the pool was scored with has the listings of the chosen pairs; preparing them takes most of the time.
        return self._scored(shortlist.scored or shortlist.features, range(len(queries)), listed)

    def _scored(
        self, features: CorpusFeatures | CorpusPart, rows: Sequence[int], listed: Sequence[Sequence[Candidate]]
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
