"""How long an index run takes after a change, against a full run, on Walmart-Amazon.

    python -m tests.bench.scale [FOLDER]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv. The encoder is a random projection of character 3-grams,
so that encoding costs nothing: printed is the rest of a run, without the start of the process.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.jobs.progress import Silent
from core.matching.run import UpdateReport, bring_up_to_date
from core.retrieval import corpus_vectors
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.workspace import Workspace
from tests.bench.walmart_amazon import SHARED, samesku

#: As large as the vectors of MiniLM.
_DIMENSIONS = 384
SETTINGS = Settings.model_validate({"encoder": {"backend": "torch"}})


#: Texts per chunk that an index run stores.
_CHUNK = 4096


class Projection:
    """An encoder that hashes character 3-grams."""

    uses_accelerator = False

    def encode(
        self, texts: Sequence[str], on_chunk: Callable[[slice, NDArray[np.float32]], None] | None = None
    ) -> NDArray[np.float32]:
        """Like `core.retrieval.encoder.Encoder.encode`."""
        vectors = np.empty((len(texts), _DIMENSIONS), np.float32)
        for start in range(0, len(texts), _CHUNK):
            part = slice(start, min(start + _CHUNK, len(texts)))
            vectors[part] = [_projected(text) for text in texts[part]]
            if on_chunk is not None:
                on_chunk(part, vectors[part])
        return vectors


def _projected(text: str) -> NDArray[np.float32]:
    """A unit vector of the 3-grams of a text, each of which adds 1 to one dimension or takes it away."""
    codes = np.frombuffer(text.lower().encode().ljust(3), np.uint8).astype(np.uint32)
    digests = (codes[:-2] * 65_599 + codes[1:-1]) * 65_599 + codes[2:]
    digests *= np.uint32(2_654_435_769)
    signs = (digests >> 31) * 2.0 - 1
    found = np.bincount((digests >> 8) % _DIMENSIONS, signs, _DIMENSIONS) + 1e-3
    return (found / np.linalg.norm(found)).astype(np.float32)


def main() -> None:
    """Measure, and print a table."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    if not (data / "valid.csv").is_file():
        sys.exit(f"No benchmark at {data}. Fetch it (samesku fetch walmart-amazon --into DIR), then: DATA=DIR")
    corpus_vectors.Encoder = lambda *_, **__: Projection()  # type: ignore[assignment,misc]
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        samesku(workspace.home, "import", "walmart-amazon", str(data), "--labels")
        _index(workspace)  # encodes
        full, _ = _index(workspace, rebuild=True)
        rows = [("full run, texts encoded before", full, "")]
        rows.append(("nothing changed", *_described(*_index(workspace))))
        for share in (0.001, 0.01):
            _change(workspace, share)
            rows.append((f"{share:.1%} of the products changed", *_described(*_index(workspace))))
        _exchange(workspace, 0.001)
        rows.append(("0.1% of the products removed, as many added", *_described(*_index(workspace))))
        for what, seconds, done in rows:
            sys.stdout.write(f"| {what} | {seconds:.2f} s | {seconds / full:.1%} | {done} |\n")


def _index(workspace: Workspace, *, rebuild: bool = False) -> tuple[float, UpdateReport]:
    """One run, and how many seconds it took."""
    begun = time.monotonic()
    model = EncoderModel("projection", workspace.home)
    done = bring_up_to_date(workspace, SETTINGS, model, Silent(), rebuild=rebuild)
    return time.monotonic() - begun, done


def _described(seconds: float, done: UpdateReport) -> tuple[float, str]:
    report = done.index
    touched = report.added + report.changed + report.removed
    return seconds, f"{touched} listings, {report.updated} queries updated{', matcher fitted' * done.fitted}"


def _change(workspace: Workspace, share: float) -> None:
    """Change the titles and prices of some products."""
    with CatalogStore(workspace.catalog) as catalog:
        products = list(catalog.iter(source="amazon"))
        for n, place in enumerate(_sample(products, share)):
            old = products[place]
            products[place] = replace(old, title=f"{old.title} {n % 7}", price=round((old.price or 9) * 1.05, 2))
        catalog.replace("amazon", "catalog", products)


def _exchange(workspace: Workspace, share: float) -> None:
    """Remove some products, and bring them in under other ids."""
    with CatalogStore(workspace.catalog) as catalog:
        products = list(catalog.iter(source="amazon"))
        for place in _sample(products, share):
            products[place] = replace(products[place], id=f"new-{products[place].id}")
        catalog.replace("amazon", "catalog", products, prune=True)


def _sample(products: Sequence[Product], share: float) -> list[int]:
    return Random(7).sample(range(len(products)), round(share * len(products)))


if __name__ == "__main__":
    main()
