"""An index run: encode new and changed products, build the indexes, and compute the candidates of every query.

A run after a change updates the state of the last one (`core.retrieval.index_state`): only what was added, changed or
removed is compared with the queries. The weights of n-grams stay those of the last full run.

Of a large corpus, queries are searched block by block, and what is computed is kept in files
(`core.retrieval.run_files`): memory does not grow with the queries, and an interrupted run goes on where it was.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.template import render
from core.errors import DamagedError
from core.jobs.progress import Reporter, Silent
from core.retrieval.array_file import ARRAY_ERRORS, Arrays
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_corpus, encode_listings, index_folder
from core.retrieval.dense_file import open_or_build, read_exact
from core.retrieval.dense_kinds import is_exact
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.field_boosts import FieldBoosts
from core.retrieval.fusion import Fusion
from core.retrieval.index_state import STATISTICS, Change, IndexState, Snapshot, compare, save_state
from core.retrieval.indexed_products import IndexedProducts
from core.retrieval.lexical import LexicalIndex
from core.retrieval.manifest import forget_damaged, index_damage, manifest_fingerprint
from core.retrieval.milvus_index import Access, is_stored, open_milvus
from core.retrieval.pair_order import PairOrder
from core.retrieval.product_vectors import read_vectors, replaced_vectors
from core.retrieval.query_blocks import QueryBlocks
from core.retrieval.run_files import RunFiles
from core.retrieval.search_results import SearchResults
from core.retrieval.selection import Selection, select_candidates
from core.retrieval.updated_results import updated_results
from core.retrieval.vector_index import VectorIndex
from core.settings import Settings
from core.stats.sampling import merge_small_strata, stratified
from core.workspace import Workspace
from labels.model import ProductRef
from labels.store import LabelStore

#: Product text of the lexical index, independent of the encoder's template.
LEXICAL_TEMPLATE = "{title} {brand} {model}"

#: Incremented when the same input gives different candidates.
_VERSION = "7"
#: Incremented when the files of an unfinished run change.
_FILES_VERSION = "2"
#: Number of listings up to which a run computes everything at once, in memory. Of more, it takes block by block, and
#: keeps each in a file.
MAX_IN_MEMORY = 100_000
#: Queries of a block: the features of their pairs take 0.5 GB.
_BLOCK_QUERIES = 2048
#: Queries whose pairs set the scale of the selection where it takes block by block.
_SAMPLED_QUERIES = 256
_LEXICAL = "lexical.safetensors"
#: Share of the listings that may change before the next run is a full one, whose weights fit the corpus again.
MAX_DRIFT = 0.1


@dataclass(frozen=True, slots=True)
class IndexReport:
    """Result of an index run; `unchanged` if there was nothing to do.

    Attributes:
        full: whether everything was indexed, and not only what had changed.
        added: listings that are new since the last run; 0 in a full run.
        changed: listings with new content, likewise.
        removed: listings that left, likewise.
        updated: queries whose candidates or their scores were written.
    """

    queries: int
    products: int
    model: str
    unchanged: bool
    validation_drawn: int
    seconds: float
    full: bool = False
    added: int = 0
    changed: int = 0
    removed: int = 0
    updated: int = 0


def build_index(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    reporter: Reporter,
    *,
    corpus: Corpus,
    selection: Selection,
    rebuild: bool = False,
) -> IndexReport:
    """Bring index and candidates up to date with catalogue, settings and model.

    Also draws validation queries among those without labels.

    Args:
        workspace: with a catalogue.
        settings: of encoder, search and validation.
        model: the encoder.
        reporter: receives progress, and messages about damage.
        corpus: all products.
        selection: of the candidates, over the same corpus.
        rebuild: whether to index everything, even if little or nothing has changed.

    Raises:
        ModelError: texts must be encoded, and the model cannot be loaded.
    """
    started = time.monotonic()
    fingerprint = index_fingerprint(settings, model, selection.fingerprint)
    version = f"{fingerprint}:{corpus.version}"
    folder = index_folder(workspace, model)
    report = IndexReport(
        len(corpus.queries), len(corpus.products), model.id, unchanged=True, validation_drawn=0, seconds=0
    )
    snapshot: Snapshot | None = None
    with closing(CandidateStore(workspace.derived)) as candidates:
        is_current = not rebuild and is_intact(candidates, folder, version, reporter)
        if not (is_current and is_stored(folder, workspace.home, settings.search)):
            if model.pooling_note:
                reporter.message(model.pooling_note)
            stored = candidates.fingerprint
            run = _Run(workspace, settings, model, reporter, corpus, selection, folder, fingerprint, stored)
            done = (None if rebuild else run.updated()) or run.full()
            change = done.change
            save_state(
                folder, fingerprint, done.snapshot, done.blocks.fusion.dense, done.blocks.fusion.lexical,
                done.blocks.results(), selection.to_arrays() if change is None else None,
            )  # fmt: skip
            updated = _store(candidates, done, stored or "", model.id, fingerprint)
            done.blocks.files.discard()
            report = replace(report, unchanged=False, full=change is None, updated=updated)
            if change is not None:
                counts = len(change.added), len(change.changed), len(change.removed)
                report = replace(report, added=counts[0], changed=counts[1], removed=counts[2])
            snapshot = done.snapshot
    _record_products(workspace, corpus, snapshot)
    drawn = draw_validation(workspace, settings, {each.ref: each.category for each in corpus.queries})
    return replace(report, validation_drawn=drawn, seconds=time.monotonic() - started)


def _store(candidates: CandidateStore, done: "_Done", stored: str, model: str, fingerprint: str) -> int:
    """Store the candidates that a run has computed. Returns for how many queries they were written.

    Args:
        candidates: the store.
        done: what the run has computed.
        stored: fingerprint of the stored candidates at its start; it may have computed only what differs from them.
        model: id of the encoder.
        fingerprint: of the settings.
    """
    snapshot = done.snapshot
    version = f"{fingerprint}:{snapshot.version}"
    # Candidates of another encoder have probabilities by its matcher, which must not stay.
    touched = snapshot.touched_since(stored.rpartition(":")[2]) if stored.startswith(f"{fingerprint}:") else None
    if done.change is None or touched is None:
        candidates.replace(done.blocks.rows(), model=model, fingerprint=version)
        return len(snapshot.queries)
    gone = [ref for ref in touched if ref not in snapshot.queries]
    return candidates.update(
        done.blocks.rows(), gone=gone, touched=touched, model=model, before=stored, fingerprint=version
    )


@dataclass(frozen=True)
class _Done:
    """What an index run has computed.

    Attributes:
        blocks: results and candidates of all queries.
        snapshot: of the corpus.
        change: since the last run; None after a full run.
    """

    blocks: QueryBlocks
    snapshot: Snapshot
    change: Change | None


@dataclass(frozen=True)
class _Run:
    """One index run that has something to do; `stored` is the fingerprint of the stored candidates."""

    workspace: Workspace
    settings: Settings
    model: EncoderModel
    reporter: Reporter
    corpus: Corpus
    selection: Selection
    folder: Path
    fingerprint: str
    stored: str | None

    def full(self) -> _Done:
        """Index everything."""
        corpus, files = self.corpus, self._files("full")
        fusion, vectors = build_fusion(self.workspace, self.settings, self.model, corpus, self.reporter, files)
        texts = lexical_texts(corpus.queries)

        def search(block: slice, reporter: Reporter) -> SearchResults:
            return fusion.search(corpus.queries[block], texts[block], vectors[block], reporter)

        if files.folder is not None:
            self.selection.restore(files.kept(STATISTICS, lambda: self._statistics(fusion, texts, vectors, files)))
        blocks = self._blocks(fusion, files, is_update=False)
        blocks.search(search, self.reporter)
        return _Done(blocks, Snapshot.of(corpus), None)

    def updated(self) -> _Done | None:
        """The last state with what has changed; None if there is no usable one, or too much has changed."""
        state = IndexState.load(self.folder, self.fingerprint)
        if state is None:
            return None
        change = compare(state.snapshot, self.corpus)
        if state.snapshot.drift + len(change.touched) > MAX_DRIFT * self.corpus.size:
            return None
        try:
            self.selection.restore(state.statistics)
        except ARRAY_ERRORS:
            return None
        return self._apply(state, change)

    def _apply(self, state: IndexState, change: Change) -> _Done:
        corpus = self.corpus
        # After an interrupted run, the stored candidates may be older than the state.
        if self.stored != f"{self.fingerprint}:{state.snapshot.version}":
            change = replace(change, reordered=True)
        files = self._files(f"update of {state.snapshot.version}{', all queries' * change.reordered}")
        listings = [corpus.products[position] for position in np.flatnonzero(change.products < 0).tolist()]
        lexical = state.lexical.replaced(change.products, lexical_texts(listings))
        dense, query_vectors = self._updated_dense(state, change.products, listings, files)
        fusion = make_fusion(self.settings, corpus, dense, lexical)
        self.reporter.stage("update the candidates")
        texts = lexical_texts(corpus.queries)

        def update(block: slice) -> tuple[SearchResults, NDArray[np.bool_]]:
            part, known = change.of_queries(block)
            before = state.results.of_queries(known)
            return updated_results(fusion, before, part, corpus.queries[block], texts[block], query_vectors[block])

        before = state.candidates.moved(change.queries, change.products) if state.candidates is not None else None
        blocks = self._blocks(fusion, files, is_update=True)
        blocks.update(update, None if change.reordered else before, self.reporter)
        return _Done(blocks, state.snapshot.followed_by(corpus, change), change)

    def _updated_dense(
        self, state: IndexState, origin: NDArray[np.int64], new: Sequence[Product], files: RunFiles
    ) -> tuple[VectorIndex, NDArray[np.float32]]:
        """The dense index after a change, and the vectors of the queries.

        Args:
            state: the last one.
            origin: position in it of each product, shape (products,); -1 for a new or changed one.
            new: the products with -1.
            files: of the run.
        """
        corpus = self.corpus
        exact = read_exact(self.folder) if is_exact(self.settings.search.index, len(corpus.products)) else None
        before = exact.vectors if exact is not None else read_vectors(self.folder, len(state.snapshot.products))
        # Without a file of vectors, all of them come from the cache.
        found = encode_listings(
            self.workspace, self.settings, self.model,
            corpus.queries, corpus.products if before is None else new, self.reporter,
        )  # fmt: skip
        queries, vectors = np.split(found, [len(corpus.queries)])
        if exact is not None:
            return exact.replaced(origin, vectors), queries
        if before is not None:
            vectors = replaced_vectors(np.asarray(before), origin, vectors, self.folder)
        sides = queries, vectors
        dense = open_index(
            self.workspace, self.settings, self.model, corpus, sides, self.reporter, "update", files, origin=origin
        )
        return dense, queries

    def _files(self, kind: str) -> RunFiles:
        """Where the run keeps what it has computed; `kind` tells runs over the same corpus apart."""
        if self.corpus.size <= MAX_IN_MEMORY:
            return RunFiles()
        return RunFiles.on_disk(self.folder, f"{self.fingerprint}:{self.corpus.version}:{kind}:{_FILES_VERSION}")

    def _statistics(
        self, fusion: Fusion, texts: Sequence[str], vectors: NDArray[np.float32], files: RunFiles
    ) -> Arrays:
        """The statistics of a large corpus, whose pairs are scored in blocks, and the scale of the selection."""
        self.selection.prepare(files, self.reporter)
        queries = self.corpus.queries
        rows = np.unique(np.linspace(0, len(queries) - 1, _SAMPLED_QUERIES).astype(np.int64))
        sample = [queries[row] for row in rows.tolist()], [texts[row] for row in rows.tolist()], vectors[rows]
        select_candidates(fusion, fusion.search(*sample, Silent()), self.selection, Silent(), rows)
        return self.selection.to_arrays()

    def _blocks(self, fusion: Fusion, files: RunFiles, *, is_update: bool) -> QueryBlocks:
        count = len(self.corpus.queries)
        size = count if files.folder is None else _BLOCK_QUERIES
        slices = [slice(start, min(start + size, count)) for start in range(0, count, size)]
        return QueryBlocks(fusion, self.selection, files, self.corpus.query_refs, slices, is_update)


def _record_products(workspace: Workspace, corpus: Corpus, snapshot: Snapshot | None) -> None:
    """Record the indexed products, so that later imports are detected.

    Args:
        workspace: of the run.
        corpus: that is indexed.
        snapshot: of it, whose changes since the recorded version are written; without one, all listings are compared.
    """
    with closing(IndexedProducts(workspace.derived)) as indexed:
        mark = indexed.mark
        if mark != corpus.mark:
            indexed.replace(corpus, snapshot.touched_since(mark or "") if snapshot is not None else None)


def is_indexed(workspace: Workspace, fingerprint: str, version: str) -> bool:
    """Whether the last index run had these settings, encoder and products.

    Args:
        workspace: with a derived.db.
        fingerprint: as of `index_fingerprint`.
        version: of the corpus.

    Raises:
        CoreError: the candidates cannot be read.
    """
    with closing(CandidateStore(workspace.derived)) as candidates:
        return candidates.is_current(f"{fingerprint}:{version}")


def is_intact(candidates: CandidateStore, folder: Path, version: str, reporter: Reporter) -> bool:
    """Whether candidates and index files are intact and from a run with exactly these inputs.

    Args:
        candidates: of the workspace.
        folder: of the index.
        version: fingerprint of the settings and version of the corpus, with a colon between them.
        reporter: receives messages about damage.

    Raises:
        DamagedError: the candidates are damaged, and were deleted.
    """
    if not candidates.is_current(version):
        return False
    candidates.check()
    if not candidates.is_verified or manifest_fingerprint(folder) != version:
        reporter.message("The index files have no checksums, or are from another run: the index is rebuilt.")
        return False
    found = index_damage(folder, quick=True)
    if found:
        reporter.message(f"In {folder}: {'; '.join(found)}. The index is rebuilt.")
    return not found


def draw_validation(workspace: Workspace, settings: Settings, categories: Mapping[ProductRef, str]) -> int:
    """Draw unlabelled validation queries, stratified by category. Returns how many were drawn."""
    validation = settings.validation
    count = min(round(validation.share * len(categories)), validation.max_pairs // settings.search.k)
    if not count:
        return 0
    # Categories with fewer than two expected draws are pooled.
    names = merge_small_strata(categories, fewest=2 * len(categories) // count)
    drawn = stratified(names, count, validation.seed)
    with LabelStore(workspace.labels) as labels:
        return labels.draw_validation(drawn, validation.seed, drawn)


def build_fusion(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    corpus: Corpus,
    reporter: Reporter,
    files: RunFiles | None = None,
) -> tuple[Fusion, NDArray[np.float32]]:
    """Dense and lexical index over the corpus, and the vectors of its queries.

    Args:
        workspace: with a catalogue.
        settings: of encoder and search.
        model: the encoder.
        corpus: queries and products.
        reporter: receives progress.
        files: of a run that keeps both indexes there.
    """
    files = files or RunFiles()
    vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    reporter.stage("build the index")
    if files.folder is None:
        lexical = LexicalIndex.of(lexical_texts(corpus.products))
    else:
        lexical = LexicalIndex.from_arrays(
            files.kept(_LEXICAL, lambda: LexicalIndex.of(lexical_texts(corpus.products)).to_arrays())
        )
    dense = open_index(workspace, settings, model, corpus, vectors, reporter, "full", files)
    return make_fusion(settings, corpus, dense, lexical), vectors[0]


def open_index(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    corpus: Corpus,
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]],
    reporter: Reporter,
    access: Access,
    files: RunFiles | None = None,
    origin: NDArray[np.int64] | None = None,
) -> VectorIndex:
    """The dense index of a corpus in the engine of the settings.

    Args:
        workspace: that it belongs to.
        settings: of search.
        model: the encoder.
        corpus: the products.
        vectors: of queries and products, as of `encode_corpus`.
        reporter: receives the progress.
        access: what may be changed in a vector database.
        files: of a run that keeps the index there.
        origin: position in the last index of each product, shape (products,); -1 for one that is new or has changed.

    Raises:
        CoreError: the vector database cannot be reached.
        DamagedError: it was only to be read, and holds other products.
    """
    folder, search = index_folder(workspace, model), settings.search
    queries, products = vectors
    if search.engine == "milvus":
        home = workspace.home
        return open_milvus(folder, home, corpus.products, products, queries, search, reporter, access=access)
    # A full run leaves what one from scratch does, whatever runs came before it.
    return open_or_build(folder, products, queries, search, reporter, files, origin, trained=access == "full")


def saved_fusion(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, fingerprint: str, reporter: Reporter
) -> tuple[Fusion, Arrays]:
    """The search of the last index run, and what its selection keeps.

    Args:
        workspace: with an index.
        settings: of search and encoder.
        model: the encoder.
        corpus: that was indexed.
        fingerprint: as of `index_fingerprint`.
        reporter: receives progress.

    Raises:
        DamagedError: the index is missing or damaged.
    """
    folder = index_folder(workspace, model)
    reporter.stage("read the index")
    state = IndexState.load(folder, fingerprint)
    if state is None or state.snapshot.version != corpus.version:
        forget_damaged(folder)
        raise DamagedError("The index is missing or damaged.", "Run `samesku index` to make it again.")
    dense: VectorIndex | None = read_exact(folder)
    if dense is None:
        saved = read_vectors(folder, len(corpus.products))
        products = corpus.products if saved is None else []
        found = encode_listings(workspace, settings, model, corpus.queries, products, reporter)
        queries, vectors = np.split(found, [len(corpus.queries)])
        sides = queries, vectors if saved is None else saved
        dense = open_index(workspace, settings, model, corpus, sides, reporter, "read")
    return make_fusion(settings, corpus, dense, state.lexical), state.statistics


def make_fusion(settings: Settings, corpus: Corpus, dense: VectorIndex, lexical: LexicalIndex) -> Fusion:
    """The hybrid search over two indexes of the products of a corpus."""
    return Fusion(
        dense=dense,
        lexical=lexical,
        field_boosts=FieldBoosts(corpus.products, corpus.default_gtins),
        refs=corpus.product_refs,
        dense_weight=settings.search.dense_weight,
        depth=settings.search.depth,
        k=settings.search.k,
        pair_order=PairOrder.of(corpus),
    )


def lexical_texts(listings: Sequence[Product]) -> list[str]:
    """The texts of the lexical index."""
    return [render(LEXICAL_TEMPLATE, each) for each in listings]


def index_fingerprint(settings: Settings, model: EncoderModel, selection: str) -> str:
    """A hash of everything that candidates depend on besides the products.

    Args:
        settings: of encoder and search.
        model: the encoder.
        selection: fingerprint of the selection.
    """
    encoder = settings.encoder
    head = (_VERSION, model.id, encoder.template, encoder.max_tokens, settings.search, selection)
    later = encoder.later_settings + settings.search.later_settings
    return hashlib.sha256(repr(head).encode() + later.encode()).hexdigest()
