"""The vectors of queries and products: cached by their texts, in the folder of the encoder that has made them."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.template import check, render
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.retrieval.corpus import Corpus
from core.retrieval.encoder import Encoder, leading_dimensions
from core.retrieval.encoder_backend import choose_backend
from core.retrieval.encoder_files import EncoderModel, require_model_libraries
from core.retrieval.ray_encoder import RayEncoder
from core.retrieval.vector_cache import VectorCache
from core.settings import Settings
from core.workspace import Workspace
from labels.files import way_out
from labels.quarantine import set_aside


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


def encode_corpus(
    workspace: Workspace, settings: Settings, model: EncoderModel, corpus: Corpus, reporter: Reporter
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of queries and products, cached or computed: float32 unit vectors, shape (n, dimensions).

    Raises:
        SettingsError: `encoder.dimensions` is above the dimensions of the encoder.
    """
    require_model_libraries()
    vectors = encode_listings(workspace, settings, model, corpus.queries, corpus.products, reporter)
    return vectors[: len(corpus.queries)], vectors[len(corpus.queries) :]


def encode_listings(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    queries: Sequence[Product],
    products: Sequence[Product],
    reporter: Reporter,
) -> NDArray[np.float32]:
    """Vectors of some queries and then of some products, as of `encode_corpus`."""
    require_model_libraries()
    template = check(settings.encoder.template)
    encoder = Encoder(model, max_tokens=settings.encoder.max_tokens, batch_size=settings.encoder.batch_size)
    texts = [model.query_prefix + render(template, p) for p in queries]
    texts += [model.candidate_prefix + render(template, p) for p in products]
    backend = choose_backend(encoder, index_folder(workspace, model), settings.encoder, texts, reporter)
    cluster = settings.cluster
    text_encoder = RayEncoder(backend.encoder, cluster.workers) if cluster.engine == "ray" else backend.encoder
    with closing(VectorCache(backend.vectors)) as cache:
        vectors = cache.encode(texts, text_encoder, reporter)
    # The cache keeps whole vectors, so that another number of dimensions encodes nothing again.
    return leading_dimensions(vectors, settings.encoder.dimensions)


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
