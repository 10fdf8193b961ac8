"""The queries of an index run in blocks: what was found for each query, and which candidates were selected.

A full run searches, scores and selects block by block. An update first searches all blocks, and then scores the few
pairs of all of them together, so that a listing that many queries have found is prepared once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.jobs.progress import Reporter, Silent
from core.retrieval.array_file import Arrays, JoinedArray
from core.retrieval.candidates import Candidate
from core.retrieval.fusion import Fusion
from core.retrieval.run_files import RunFiles
from core.retrieval.search_results import CandidateTable, Ranked, SearchResults
from core.retrieval.selection import Selection, select_candidates
from labels.model import ProductRef

#: Pairs of an update that are scored at once: their listings take 0.4 GB.
_MAX_SCORED = 2**16
#: Arrays of a block: the rows of the queries whose candidates it has, and which results were scored.
_ALTERED, _SCORED = "altered", "scored"
#: Arrays of the pairs that an update scores, and of their scores.
_PAIRS, _SCORES = ("rows", "columns", "cosines"), "scores"
_PRIOR = "results.prior"

#: Searches a block of queries.
Search = Callable[[slice, Reporter], SearchResults]
#: Brings the results of a block up to date, and finds which queries have others than before.
Update = Callable[[slice], tuple[SearchResults, NDArray[np.bool_]]]


@dataclass(frozen=True)
class QueryBlocks:
    """Results and candidates of all queries, after `search` or `update`.

    Attributes:
        fusion: over the products.
        selection: of the candidates.
        files: keep what is computed; what an interrupted run has computed is left out.
        refs: keys of all queries.
        slices: the queries of each block.
        is_update: whether `update` is used.
    """

    fusion: Fusion
    selection: Selection
    files: RunFiles
    refs: Sequence[ProductRef]
    slices: Sequence[slice]
    is_update: bool

    def search(self, search: Search, reporter: Reporter) -> None:
        """Search and select block by block.

        Args:
            search: computes the results of a block.
            reporter: receives the progress, in queries if there are several blocks.
        """
        of_block = reporter if len(self.slices) == 1 else Silent()
        self._make(_selected_file, partial(self._searched, search, of_block), reporter)

    def update(self, update: Update, before: CandidateTable | None, reporter: Reporter) -> None:
        """Bring the results up to date, and select again where they are others.

        Args:
            update: computes the results of a block.
            before: the candidates of all queries that are stored; None if all are to be written.
            reporter: receives the progress, in queries if there are several blocks, and in pairs.
        """
        self._make(_found_file, partial(self._updated, update), reporter)
        for block, scores in zip(self.slices, self._scores(reporter), strict=True):
            known = None if before is None else before.of_queries(block)
            self.files.make(_selected_file(block), partial(self._selected, block, scores, known))

    def results(self) -> Mapping[str, JoinedArray]:
        """The search results and the candidates of all queries, for a file."""
        found = SearchResults.joined(len(self.slices), self._array)
        for name in CandidateTable.names():
            first = self._array(0, name)
            shape = len(self.refs), *first.shape[1:]
            found[name] = JoinedArray(shape, first.dtype, partial(self._arrays, name))
        return found

    def rows(self) -> Iterator[tuple[ProductRef, list[Candidate]]]:
        """The candidates of each query that may have others than are stored."""
        for number, block in enumerate(self.slices):
            own = self.files.load(_selected_file(block))
            results = SearchResults.from_arrays({name: self._array(number, name) for name in SearchResults.names()})
            refs = [self.refs[block.start + row] for row in own[_ALTERED].tolist()]
            yield from self.fusion.listed(refs, results, Ranked.from_arrays(own))

    def _arrays(self, name: str) -> Iterator[NDArray[np.generic]]:
        return (self._array(number, name) for number in range(len(self.slices)))

    def _array(self, number: int, name: str) -> NDArray[np.generic]:
        """An array of a block, by its number."""
        block = self.slices[number]
        if name in CandidateTable.names() and not self.is_update:
            arrays = self.files.load(_selected_file(block))
            table = self._table(block.stop - block.start, SearchResults.from_arrays(arrays), Ranked.from_arrays(arrays))
            return table.to_arrays()[name]
        was_found = self.is_update and name in SearchResults.names() and name != _PRIOR
        return self.files.load((_found_file if was_found else _selected_file)(block), [name])[name]

    def _table(self, queries: int, results: SearchResults, chosen: Ranked) -> CandidateTable:
        return CandidateTable.of(queries, self.fusion.k, results, chosen)

    def _make(self, name: Callable[[slice], str], compute: Callable[[slice], Arrays], reporter: Reporter) -> None:
        """Make a file for each block."""
        if len(self.slices) == 1:
            self.files.make(name(self.slices[0]), partial(compute, self.slices[0]))
            return
        reporter.stage("candidates", total=len(self.refs))
        for block in self.slices:
            if not self.files.has(name(block)):
                reporter.advance(block.start)  # those of an interrupted run do not count for the rate
                self.files.make(name(block), partial(compute, block))
        reporter.advance(len(self.refs))

    def _searched(self, search: Search, reporter: Reporter, block: slice) -> Arrays:
        rows = np.arange(block.stop - block.start)
        results = search(block, reporter)
        results, chosen = select_candidates(self.fusion, results, self.selection, reporter, rows + block.start)
        return {**results.to_arrays(), **chosen.to_arrays(), _ALTERED: rows}

    def _updated(self, update: Update, block: slice) -> Arrays:
        """Results that are up to date, the pool of the queries with others than before, and the pairs to score."""
        results, altered = update(block)
        rows = np.flatnonzero(altered)
        pool = self.fusion.ranked(results.of_queries(rows), self.selection.size, rows + block.start)
        entries = results.entries_of(rows)[0][pool.entries]
        is_new = np.isnan(results.prior[entries])
        scored = entries[is_new]
        pairs = rows[pool.rows[is_new]] + block.start, results.positions[scored], results.cosine[scored]
        return {
            **results.to_arrays(), **replace(pool, entries=entries).to_arrays(), _ALTERED: rows, _SCORED: scored,
            **dict(zip(_PAIRS, pairs, strict=True)),
        }  # fmt: skip

    def _scores(self, reporter: Reporter) -> list[NDArray[np.float32]]:
        """The scores of the pairs of each block. Those of a product are computed together."""
        found = [self.files.load(_found_file(block), _PAIRS) for block in self.slices]
        rows, columns, cosines = (np.concatenate([each[name] for each in found]) for name in _PAIRS)
        order = np.argsort(columns, kind="stable")
        parts = [order[start : start + _MAX_SCORED] for start in range(0, len(order), _MAX_SCORED)]
        of_part = reporter if len(parts) == 1 else Silent()
        if len(parts) > 1:
            reporter.stage("select the candidates", total=len(order))
        scores = np.empty(len(order), np.float32)
        for number, part in enumerate(parts):

            def score(part: NDArray[np.int64] = part) -> Arrays:
                pairs = rows[part], columns[part].astype(np.int64), cosines[part]
                return {_SCORES: self.selection.score(*pairs, of_part)}

            scores[part] = self.files.kept(f"scores-{number:04}.safetensors", score)[_SCORES]
            if len(parts) > 1:
                reporter.advance(number * _MAX_SCORED + len(part))
        return np.split(scores, np.cumsum([len(each[_PAIRS[0]]) for each in found])[:-1])

    def _selected(self, block: slice, scores: NDArray[np.float32], before: CandidateTable | None) -> Arrays:
        """The candidates of the queries of a block that have others than before, and of all for the next run."""
        found = self.files.load(_found_file(block))
        results, rows = SearchResults.from_arrays(found), found[_ALTERED].astype(np.int64)
        prior = results.prior.copy()
        prior[found[_SCORED]] = scores
        pool = Ranked.from_arrays(found)
        chosen = self.selection.choose(pool, prior[pool.entries])
        table = self._table(len(rows), results, chosen)
        if before is None:
            before = CandidateTable.unknown(block.stop - block.start, self.fusion.k)
        differ = before.of_queries(rows).differ(table)
        written = chosen.part(differ[chosen.rows])
        written = replace(written, rows=(np.cumsum(differ) - 1)[written.rows])
        whole = before.with_queries(rows, table)
        return {_PRIOR: prior, **written.to_arrays(), **whole.to_arrays(), _ALTERED: rows[differ]}


def _found_file(block: slice) -> str:
    return f"found-{block.start:09}.safetensors"


def _selected_file(block: slice) -> str:
    return f"queries-{block.start:09}.safetensors"
