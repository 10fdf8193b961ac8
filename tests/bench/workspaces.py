"""Workspaces for benchmarks of the desk, made in a second and without a model."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from core.catalog.demo import demo_catalogue
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.retrieval.candidates import Candidate, CandidateStore
from core.workspace import Workspace
from labels.model import ProductRef


def make_workspace(home: Path, queries: int) -> Workspace:
    """The demo catalogue with candidates by shared words; its queries as often as it takes to have so many."""
    demo, workspace = demo_catalogue(), Workspace(home).create()
    words = {product.ref: _words(product) for product in demo.products}
    lots = range(-(-queries // len(demo.queries)))
    asked: list[Product] = []
    found: list[tuple[ProductRef, list[Candidate]]] = []
    for query in demo.queries:
        own = _words(query)
        near = sorted(((len(own & w) / len(own | w), ref) for ref, w in words.items()), reverse=True)[:10]
        candidates = [Candidate(ref, rank, share, share, None, rank) for rank, (share, ref) in enumerate(near, 1)]
        asked += (replace(query, id=f"{query.id}-{lot}" if lot else query.id) for lot in lots)
        found += ((product.ref, candidates) for product in asked[-len(lots) :])
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", asked)
        catalog.replace("amazon", "catalog", demo.products)
    with closing(CandidateStore(workspace.derived)) as store:
        store.replace(found, model="shared words", fingerprint="bench")
    return workspace


def copy_workspace(source: Path, home: Path) -> Workspace:
    """A copy of what the desk reads and writes, also where somebody works in the original."""
    workspace, original = Workspace(home).create(), Workspace(source).require()
    for name in ("catalog", "derived", "labels"):
        path: Path = getattr(original, name)
        if path.exists():
            with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(getattr(workspace, name))) as new:
                old.backup(new)
    if original.settings.exists():
        shutil.copy(original.settings, workspace.settings)
    return workspace


def enlarge(workspace: Workspace, products: int, seed: int = 1) -> None:
    """Add products to the searched catalogue until there are so many: halves of two titles, as varied as the real."""
    rng = random.Random(seed)
    with CatalogStore(workspace.catalog) as catalog:
        source = next(source.name for source in catalog.sources() if source.role == "catalog")
        known = list(catalog.iter(source=source))

        def more() -> Iterator[Product]:
            yield from known
            for number in range(products - len(known)):
                first, second = known[number % len(known)], rng.choice(known)
                one, other = first.title.split(), second.title.split()
                title = " ".join([*one[: max(2, len(one) // 2)], *other[len(other) // 2 :]])
                model = f"{first.model}{number % 997}" if first.model else ""
                yield replace(first, id=f"{first.id}-{number}", title=title, model=model)

        catalog.replace(source, "catalog", more())


def _words(product: Product) -> set[str]:
    return set(f"{product.title} {product.brand} {product.model}".casefold().split())
