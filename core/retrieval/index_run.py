"""An index run: encode new and changed products, build the indexes, and compute the candidates of every query."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product, without_escape_sequences
from core.catalog.store import CatalogStore
from core.catalog.template import check, render
from core.errors import CatalogError, CoreError
from core.jobs.progress import Reporter
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.dense_file import open_or_build
from core.retrieval.encoder import Encoder, leading_dimensions
from core.retrieval.encoder_backend import choose_backend
from core.retrieval.encoder_files import EncoderModel, require_model_libraries
from core.retrieval.field_boosts import FieldBoosts
from core.retrieval.fusion import Fusion
from core.retrieval.indexed_products import IndexedProducts
from core.retrieval.lexical import LexicalIndex
from core.retrieval.manifest import PRODUCTS, has_fingerprint, index_damage, write_manifest
from core.retrieval.vector_cache import VectorCache
from core.settings import Settings
from core.stats.sampling import merge_small_strata, stratified
from core.workspace import Workspace
from labels.files import way_out
from labels.model import ProductRef
from labels.quarantine import set_aside, set_aside_irregular
from labels.store import LabelStore

#: Product text of the lexical index, independent of the encoder's template.
LEXICAL_TEMPLATE = "{title} {brand} {model}"

#: Incremented when the same input gives different candidates.
_VERSION = "5"


@dataclass(frozen=True, slots=True)
class IndexReport:
    """Result of an index run; `unchanged` if there was nothing to do."""

    queries: int
    products: int
    model: str
    unchanged: bool
    validation_drawn: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Corpus:
    """The queries and catalogue products of a workspace, in the order of every array.

    Attributes:
        mark: version of the catalogue when it was read; an import changes it.
    """

    queries: list[Product]
    products: list[Product]
    mark: str = ""

    @classmethod
    def read(cls, workspace: Workspace) -> "Corpus":
        """All imported products.

        Raises:
            CatalogError: there are no query products or no catalogue products.
        """
        with CatalogStore(workspace.catalog) as catalog:
            mark = catalog.mark  # before the products, so that a concurrent import counts as new
            queries, products = (
                list(map(without_escape_sequences, catalog.iter(role=role))) for role in ("query", "catalog")
            )
            corpus = cls(queries, products, mark)
        for missing, role in ((not corpus.queries, "query"), (not corpus.products, "catalog")):
            if missing:
                raise CatalogError(
                    f"The workspace has no {role} products yet.",
                    f"Import some: samesku import products FILE --source NAME --role {role}"
                    " (with --change-role if the source is imported in the other role)",
                )
        return corpus


def encode_corpus(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, reporter: Reporter
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of queries and products, cached or computed: float32 unit vectors, shape (n, dimensions).

    Raises:
        SettingsError: `encoder.dimensions` is above the dimensions of the encoder.
    """
    require_model_libraries()
    template = check(settings.encoder.template)
    encoder = Encoder(model, max_tokens=settings.encoder.max_tokens, batch_size=settings.encoder.batch_size)
    texts = [model.query_prefix + render(template, p) for p in corpus.queries]
    texts += [model.candidate_prefix + render(template, p) for p in corpus.products]
    backend = choose_backend(encoder, index_folder(workspace, model), settings.encoder, texts, reporter)
    with closing(VectorCache(backend.vectors)) as cache:
        vectors = cache.encode(texts, backend.encoder, reporter)
    # The cache keeps whole vectors, so that another number of dimensions encodes nothing again.
    vectors = leading_dimensions(vectors, settings.encoder.dimensions)
    return vectors[: len(corpus.queries)], vectors[len(corpus.queries) :]


class QueryEncoder:
    """Encodes queries that are not of the corpus, with what has encoded the corpus; nothing is cached."""

    def __init__(self, workspace: Workspace, settings: Settings, model: EncoderModel, reporter: Reporter) -> None:
        self._model = model
        self._settings = settings.encoder
        self._template = check(settings.encoder.template)
        encoder = Encoder(model, max_tokens=settings.encoder.max_tokens, batch_size=settings.encoder.batch_size)
        backend = choose_backend(encoder, index_folder(workspace, model), settings.encoder, (), reporter)
        self._encoder = backend.encoder

    def encode(self, queries: Sequence[Product]) -> NDArray[np.float32]:
        """Unit vectors, float32 of shape (queries, dimensions).

        Raises:
            ModelError: the model cannot be loaded.
        """
        texts = [self._model.query_prefix + render(self._template, query) for query in queries]
        return leading_dimensions(self._encoder.encode(texts), self._settings.dimensions)


class Selection(Protocol):
    """Strategy that selects the candidates from a larger pool."""

    @property
    def size(self) -> int:
        """Size of the pool per query."""

    @property
    def fingerprint(self) -> str:
        """Hash of all inputs of the selection besides pools and products."""

    def choose(
        self, pools: Iterable[tuple[ProductRef, list[Candidate]]]
    ) -> Iterator[tuple[ProductRef, list[Candidate]]]:
        """The selected candidates of each query, best first, with ranks from 1."""


def build_index(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    reporter: Reporter,
    *,
    corpus: Corpus,
    selection: Selection,
) -> IndexReport:
    """Bring index and candidates up to date with catalogue, settings and model.

    Also draws validation queries among those without labels.

    Raises:
        CatalogError: nothing was imported.
        ModelError: texts must be encoded, and the model cannot be loaded.
    """
    started = time.monotonic()
    fingerprint = _fingerprint(settings, model, corpus, selection)
    folder = index_folder(workspace, model)
    candidates = CandidateStore(workspace.derived)
    try:
        unchanged = _is_intact(candidates, folder, fingerprint, reporter)
        if not unchanged:
            if model.pooling_note:
                reporter.message(model.pooling_note)
            fusion, vectors = build_fusion(workspace, settings, model, corpus, reporter)
            set_aside_irregular(folder / PRODUCTS)
            fusion.dense.save(folder / PRODUCTS)
            texts = [render(LEXICAL_TEMPLATE, query) for query in corpus.queries]
            pools = replace(fusion, k=selection.size).candidates(corpus.queries, texts, vectors, reporter)
            candidates.replace(selection.choose(pools), model=model.id, fingerprint=fingerprint)
            write_manifest(folder, fingerprint, fusion.dense.record)
    finally:
        candidates.close()
    _record_products(workspace, corpus, unchanged=unchanged)
    drawn = _draw_validation(workspace, settings, corpus)
    return IndexReport(
        len(corpus.queries), len(corpus.products), model.id, unchanged, drawn, time.monotonic() - started
    )


def _record_products(workspace: Workspace, corpus: Corpus, *, unchanged: bool) -> None:
    """Record the indexed products, so that later imports are detected."""
    with closing(IndexedProducts(workspace.derived)) as indexed:
        if not unchanged or indexed.mark != corpus.mark:
            indexed.replace(corpus.mark, corpus.queries, corpus.products)


def is_indexed(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, selection: Selection
) -> bool:
    """Whether the last index run used exactly these products, settings and encoder.

    Raises:
        CoreError: the candidates cannot be read.
    """
    candidates = CandidateStore(workspace.derived)
    try:
        return candidates.is_current(_fingerprint(settings, model, corpus, selection))
    finally:
        candidates.close()


def _is_intact(candidates: CandidateStore, folder: Path, fingerprint: str, reporter: Reporter) -> bool:
    """Whether candidates and index files are intact and from a run with exactly these inputs.

    Raises:
        DamagedError: the candidates are damaged, and were deleted.
    """
    candidates.check()
    if not candidates.is_current(fingerprint):
        return False
    if not candidates.is_verified or not has_fingerprint(folder, fingerprint):
        reporter.message("The index files have no checksums, or are from another run: the index is rebuilt.")
        return False
    found = index_damage(folder)
    if found:
        reporter.message(f"In {folder}: {'; '.join(found)}. The index is rebuilt.")
    return not found


def index_folder(workspace: Workspace, model: EncoderModel) -> Path:
    """The folder of a model's vectors and index, created if needed; a file in its place is set aside.

    Raises:
        CoreError: it cannot be created.
    """
    folder = workspace.index / model.id
    for each in (workspace.index, folder):
        if not each.is_dir():
            set_aside(each)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CoreError(
            f"{folder} cannot be made: {error.strerror}.", way_out(error, "Look at `samesku doctor`.")
        ) from error
    return folder


def _draw_validation(workspace: Workspace, settings: Settings, corpus: Corpus) -> int:
    """Draw unlabelled validation queries, stratified by category. Returns how many were drawn."""
    validation = settings.validation
    queries = len(corpus.queries)
    count = min(round(validation.share * queries), validation.max_pairs // settings.search.k)
    if not count:
        return 0
    # Categories with fewer than two expected draws are pooled.
    names = merge_small_strata({query.ref: query.category for query in corpus.queries}, fewest=2 * queries // count)
    drawn = stratified(names, count, validation.seed)
    with LabelStore(workspace.labels) as labels:
        return labels.draw_validation(drawn, validation.seed, drawn)


def build_fusion(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, reporter: Reporter
) -> tuple[Fusion, NDArray[np.float32]]:
    """Dense and lexical index over the corpus, and the vectors of its queries."""
    query_vectors, product_vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    reporter.stage("build the index")
    fusion = Fusion(
        dense=open_or_build(index_folder(workspace, model), product_vectors, query_vectors, settings.search, reporter),
        lexical=LexicalIndex([render(LEXICAL_TEMPLATE, p) for p in corpus.products]),
        field_boosts=FieldBoosts(corpus.products, corpus.queries),
        refs=[p.ref for p in corpus.products],
        dense_weight=settings.search.dense_weight,
        depth=settings.search.depth,
        k=settings.search.k,
    )
    return fusion, query_vectors


def _fingerprint(settings: Settings, model: EncoderModel, corpus: Corpus, selection: Selection) -> str:
    digest = hashlib.sha256()
    encoder = settings.encoder
    head = (_VERSION, model.id, encoder.template, encoder.max_tokens, settings.search, selection.fingerprint)
    digest.update(repr(head).encode())
    digest.update(encoder.later_settings.encode())
    digest.update(settings.search.later_settings.encode())
    for product in _products_by_role(corpus):
        digest.update(repr(product).encode())
    return digest.hexdigest()


def _products_by_role(corpus: Corpus) -> Iterable[Product]:
    yield from corpus.queries
    # A separator between the lists: a change of role changes the fingerprint.
    yield Product("", "", "")
    yield from corpus.products
