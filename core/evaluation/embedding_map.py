"""A map of an embedding space: vectors in two dimensions, by UMAP where it is installed, else by t-SNE."""

import importlib.util

import numpy as np
from numpy.typing import NDArray

#: More points hide one another, and take minutes.
MAX_POINTS = 400

#: Fewer points have no neighbourhoods to keep.
_MIN_POINTS = 6
_SEED = 7


def projection_name() -> str:
    """The projection that `embedding_map` uses on this machine."""
    return "UMAP" if importlib.util.find_spec("umap") else "t-SNE"


def embedding_map(vectors: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Positions on the map, scaled to [0, 1] along the longer side; None for too few vectors.

    Args:
        vectors: unit vectors, shape (points, dimensions).

    Returns:
        shape (points, 2). Near means similar; distances between far points and the axes mean nothing.
    """
    count = len(vectors)
    if count < _MIN_POINTS:
        return None
    flat = _umap(vectors) if projection_name() == "UMAP" else _tsne(vectors)
    flat = flat - flat.min(axis=0)
    scaled: NDArray[np.float64] = flat / max(float(flat.max()), 1e-12)
    return scaled


def _tsne(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    flat = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=_SEED).fit_transform(vectors)
    return np.asarray(flat, float)


def _umap(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    from umap import UMAP

    neighbours = min(15, len(vectors) - 1)
    # A seed makes UMAP run on one core, and the map repeat.
    flat = UMAP(n_neighbors=neighbours, metric="cosine", random_state=_SEED, n_jobs=1).fit_transform(vectors)
    return np.asarray(flat, float)
