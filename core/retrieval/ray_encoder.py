"""Encoding on Ray: the same encoder, with the same chunks of texts, in several processes."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.ray_cluster import Item, map_items
from core.retrieval.vector_cache import TextEncoder


class RayEncoder:
    """A `TextEncoder` whose chunks are encoded by workers; the vectors are those of the encoder, to the bit."""

    def __init__(self, encoder: TextEncoder, workers: int) -> None:
        """Wrap an encoder, which every worker loads from its folder.

        Args:
            encoder: can be pickled.
            workers: as of `map_items`.
        """
        self.chunk = encoder.chunk
        self._encoder, self._workers = encoder, workers

    def encode(
        self, texts: Sequence[str], on_chunk: Callable[[slice, NDArray[np.float32]], None] | None = None
    ) -> NDArray[np.float32]:
        """As `TextEncoder.encode`; chunks are finished in any order.

        Raises:
            CoreError: as `map_items`.
        """
        if not texts:
            return self._encoder.encode(texts)
        starts = range(0, len(texts), self.chunk)
        items: list[Item] = [{"start": start, "texts": list(texts[start : start + self.chunk])} for start in starts]
        found = {}
        for row in map_items(items, _ChunkEncoder, (self._encoder,), self._workers):
            start, vectors = row["start"], np.frombuffer(row["vectors"], np.float32).reshape(row["count"], -1)
            found[start] = vectors
            if on_chunk:
                on_chunk(slice(start, start + len(vectors)), vectors)
        return np.concatenate([found[start] for start in starts])


class _ChunkEncoder:
    """Encodes chunks in a worker."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    def __call__(self, item: Item) -> Item:
        vectors = self._encoder.encode(item["texts"])
        return {"start": item["start"], "count": len(vectors), "vectors": vectors.tobytes()}
