"""An index run: encode what changed, build the index, fill the candidates."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.catalog.template import check, render
from core.errors import CatalogError, CoreError
from core.jobs.progress import Reporter
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.dense import DenseIndex
from core.retrieval.encoder import Encoder
from core.retrieval.encoder_files import EncoderModel, require_model_libraries
from core.retrieval.field_boosts import FieldBoosts
from core.retrieval.fusion import Fusion
from core.retrieval.indexed_products import IndexedProducts
from core.retrieval.lexical import LexicalIndex
from core.retrieval.manifest import PRODUCTS, damage, is_of, write_manifest
from core.retrieval.vector_cache import VectorCache
from core.settings import Settings
from core.stats.sampling import merge_small_strata, stratified
from core.workspace import Workspace
from labels.files import way_out
from labels.model import ProductRef
from labels.quarantine import set_aside, set_aside_irregular
from labels.store import LabelStore

#: What the lexical retriever reads of a product, whatever the encoder's template is.
LEXICAL_TEMPLATE = "{title} {brand} {model}"

#: Counts up when candidates come out otherwise from the same input.
_VERSION = "5"


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What an index run did; `unchanged` where there was nothing to do."""

    queries: int
    products: int
    model: str
    unchanged: bool
    validation_drawn: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Corpus:
    """The products of a workspace in the order of every array: queries, and what they may equal.

    Attributes:
        mark: the catalogue's, by which a later import shows.
    """

    queries: list[Product]
    products: list[Product]
    mark: str = ""

    @classmethod
    def read(cls, workspace: Workspace) -> "Corpus":
        """Everything imported.

        Raises:
            CatalogError: there are no queries, or nothing to compare them with.
        """
        with CatalogStore(workspace.catalog) as catalog:
            mark = catalog.mark  # first: what comes in meanwhile must show as new
            corpus = cls(list(catalog.iter(role="query")), list(catalog.iter(role="catalog")), mark)
        for missing, role in ((not corpus.queries, "query"), (not corpus.products, "catalog")):
            if missing:
                raise CatalogError(
                    f"The workspace has no {role} products yet.",
                    f"Import some: samesku import products FILE --source NAME --role {role}",
                )
        return corpus


def encode_corpus(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, reporter: Reporter
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The vectors of queries and products, from the cache or made now; float32, rows of length 1."""
    require_model_libraries()
    template = check(settings.encoder.template)
    encoder = Encoder(model, max_tokens=settings.encoder.max_tokens, batch_size=settings.encoder.batch_size)
    texts = [model.query_prefix + render(template, p) for p in corpus.queries]
    texts += [model.candidate_prefix + render(template, p) for p in corpus.products]
    index_folder(workspace, model)
    cache = VectorCache(vector_path(workspace, settings, model))
    try:
        vectors = cache.encode(texts, encoder, reporter)
    finally:
        cache.close()
    return vectors[: len(corpus.queries)], vectors[len(corpus.queries) :]


def vector_path(workspace: Workspace, settings: Settings, model: EncoderModel) -> Path:
    """Where a model's vectors are kept. Another length of text gives other vectors."""
    return workspace.index / model.id / f"vectors-{settings.encoder.max_tokens}.db"


class Selection(Protocol):
    """Which candidates of a wider pool are kept."""

    @property
    def size(self) -> int:
        """How many candidates a pool should have."""

    @property
    def fingerprint(self) -> str:
        """Of everything that the choice depends on, beside the pools and the products."""

    def choose(
        self, pools: Iterable[tuple[ProductRef, list[Candidate]]]
    ) -> Iterator[tuple[ProductRef, list[Candidate]]]:
        """The kept candidates of each query, best first, with ranks from 1 on."""


def build_index(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    reporter: Reporter,
    *,
    corpus: Corpus,
    selection: Selection,
) -> IndexReport:
    """Bring index and candidates up to date with catalogue, settings and champion.

    Also draws the validation queries among those that nothing is known of.

    Raises:
        CatalogError: nothing was imported.
        ModelError: something must be encoded, and the model cannot be loaded.
    """
    begun = time.monotonic()
    mark = _fingerprint(settings, model, corpus, selection)
    folder = index_folder(workspace, model)
    candidates = CandidateStore(workspace.derived)
    try:
        unchanged = _is_intact(candidates, folder, mark, reporter)
        if not unchanged:
            if model.pooling_note:
                reporter.message(model.pooling_note)
            fusion, vectors = build_fusion(workspace, settings, model, corpus, reporter)
            set_aside_irregular(folder / PRODUCTS)
            fusion.dense.save(folder / PRODUCTS)
            texts = [render(LEXICAL_TEMPLATE, query) for query in corpus.queries]
            pools = replace(fusion, k=selection.size).candidates(corpus.queries, texts, vectors, reporter)
            candidates.replace(selection.choose(pools), model=model.id, fingerprint=mark)
            write_manifest(folder, mark)
    finally:
        candidates.close()
    _note_products(workspace, corpus, unchanged=unchanged)
    new = _draw_validation(workspace, settings, corpus)
    return IndexReport(len(corpus.queries), len(corpus.products), model.id, unchanged, new, time.monotonic() - begun)


def _note_products(workspace: Workspace, corpus: Corpus, *, unchanged: bool) -> None:
    """Note which products the candidates are of, so that later imports show."""
    with closing(IndexedProducts(workspace.derived)) as indexed:
        if not unchanged or indexed.mark != corpus.mark:
            indexed.replace(corpus.mark, corpus.queries, corpus.products)


def is_indexed(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, selection: Selection
) -> bool:
    """Whether the last index run depended on exactly these products, settings and encoder.

    Raises:
        CoreError: the candidates cannot be read.
    """
    candidates = CandidateStore(workspace.derived)
    try:
        return candidates.is_current(_fingerprint(settings, model, corpus, selection))
    finally:
        candidates.close()


def _is_intact(candidates: CandidateStore, folder: Path, mark: str, reporter: Reporter) -> bool:
    """Whether candidates and index are those of a run that depended on exactly this, every byte of them.

    Raises:
        DamagedError: the candidates are not; they were thrown away.
    """
    candidates.check()
    if not candidates.is_current(mark):
        return False
    if not candidates.is_verified or not is_of(folder, mark):
        reporter.message("The last index run left no checksums of its files, or other files: they are made again.")
        return False
    found = damage(folder)
    if found:
        reporter.message(f"In {folder}: {'; '.join(found)}. It is made again.")
    return not found


def index_folder(workspace: Workspace, model: EncoderModel) -> Path:
    """The folder of a model's vectors and index, made where it lacks; what stands in its place is set aside.

    Raises:
        CoreError: it cannot be made.
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
    """Draw the share of every category, before anything is known of the queries. Returns how many were drawn."""
    wanted = settings.validation
    queries = len(corpus.queries)
    count = min(round(wanted.share * queries), wanted.max_pairs // settings.search.k)
    if not count:
        return 0
    # A category of which fewer than two would come up on average stands for too little by itself.
    names = merge_small_strata({query.ref: query.category for query in corpus.queries}, fewest=2 * queries // count)
    drawn = stratified(names, count, wanted.seed)
    with LabelStore(workspace.labels) as labels:
        return labels.draw_validation(drawn, wanted.seed, drawn)


def build_fusion(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, reporter: Reporter
) -> tuple[Fusion, NDArray[np.float32]]:
    """Both retrievers over the corpus, and the vectors of its queries."""
    query_vectors, product_vectors = encode_corpus(workspace, settings, model, corpus, reporter)
    reporter.stage("build the index")
    fusion = Fusion(
        dense=DenseIndex(product_vectors),
        lexical=LexicalIndex([render(LEXICAL_TEMPLATE, p) for p in corpus.products]),
        agreement=FieldBoosts(corpus.products, corpus.queries),
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
    for product in _both(corpus):
        digest.update(repr(product).encode())
    return digest.hexdigest()


def _both(corpus: Corpus) -> Iterable[Product]:
    yield from corpus.queries
    # A mark between the two lists: a product that changes its role changes the candidates.
    yield Product("", "", "")
    yield from corpus.products
