"""What the tests of the headless packages are made of: references, a tiny workspace, an encoder without a model."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from folder_templates import copy_of
from numpy.typing import NDArray

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.encoder import CHUNK
from core.workspace import Workspace
from labels.model import CurrentDecision, Decision, Judgement, ProductRef, Strength
from labels.store import LabelStore

MODEL = "hand-written"


def q(id_: str) -> ProductRef:
    """A product under review."""
    return ProductRef("walmart", id_)


def c(id_: str) -> ProductRef:
    """A product that it may equal."""
    return ProductRef("amazon", id_)


def match(*ids: str) -> list[Judgement]:
    """The candidates are the same product."""
    return [Judgement(c(id_), Decision.MATCH) for id_ in ids]


def no_match(*ids: str, strength: Strength = Strength.EXPLICIT) -> list[Judgement]:
    """The candidates are other products."""
    return [Judgement(c(id_), Decision.NO_MATCH, strength) for id_ in ids]


def implied(*ids: str) -> list[Judgement]:
    """The candidates are other products, because another one was accepted."""
    return no_match(*ids, strength=Strength.IMPLIED)


def unsure(*ids: str) -> list[Judgement]:
    """Nothing is said of the candidates."""
    return [Judgement(c(id_), Decision.UNSURE) for id_ in ids]


def standing(decisions: Sequence[CurrentDecision]) -> dict[str, str]:
    """Candidate id to decision; for tests with one query and one annotator."""
    return {d.pair.candidate.id: d.decision.value for d in decisions}


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something that another process does; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


# -- a workspace ---------------------------------------------------------------------------------------------

#: The best cosine of each query. The middle of the medium band is 0.80, where the machine is least sure.
TOP = {"q1": 0.81, "q2": 0.86, "q3": 0.70, "q4": 0.95, "qv": 0.78}

QUERIES = [
    Product("walmart", "q1", "Canon EOS Rebel T6 DSLR Camera", "Canon", model="T6", price=449.0),
    Product("walmart", "q2", 'Samsung 55" Smart LED HDTV', "Samsung", model="UN55J6300", price=797.99),
    Product("walmart", "q3", "Logitech M185 Wireless Mouse", "Logitech", model="910-002225", price=12.5),
    Product("walmart", "q4", "Brother TN450 Toner Cartridge", "Brother", model="TN450", price=46.2),
    Product("walmart", "qv", "Sony MDR-ZX110 Headphones White", "Sony", model="MDRZX110", price=14.88),
]

#: Three candidates for each query, `q1-c1` to `qv-c3`, and one that is nobody's.
PRODUCTS = [
    *(
        Product(
            "amazon", f"{query.id}-c{place}", query.title + variant, query.brand, model=query.model + digits,
            price=(query.price or 1.0) * place,
        )
        for query in QUERIES
        for place, (variant, digits) in enumerate([("", ""), (" (Renewed)", "R"), (" Bundle with Case", "BNDL")], 1)
    ),
    Product("amazon", "x1", "Nikon D3400 Digital SLR Camera", "Nikon", model="D3400", price=496.95),
]  # fmt: skip


def candidates_of(query: str) -> list[Candidate]:
    """A query's three candidates in the tiny workspace."""
    return [
        Candidate(c(f"{query}-c{place}"), place, round(TOP[query] - 0.1 * (place - 1), 4), 1 - place / 10, place, place)
        for place in (1, 2, 3)
    ]


def write_catalogue(home: Path) -> Workspace:
    """A workspace with products and nothing else."""
    workspace = Workspace(home).create()
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", QUERIES)
        catalog.replace("amazon", "catalog", PRODUCTS)
    return workspace


def write_workspace(home: Path) -> Workspace:
    """Products, candidates, and `qv` drawn for validation."""
    return Workspace(copy_of("tiny workspace", _write_workspace, home))


def _write_workspace(home: Path) -> Workspace:
    workspace = write_catalogue(home)
    candidates = CandidateStore(workspace.derived)
    candidates.replace([(q(id_), candidates_of(id_)) for id_ in TOP], model=MODEL, fingerprint="by hand")
    candidates.close()
    with LabelStore(workspace.labels) as store:
        store.draw_validation([q("qv")], seed=1)
    return workspace


# -- an encoder ----------------------------------------------------------------------------------------------


def vector(text: str) -> NDArray[np.float32]:
    """A vector of length 1 that depends on the text alone, of 16 dimensions."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    raw = np.random.default_rng(seed).normal(size=16)
    return (raw / np.linalg.norm(raw)).astype(np.float32)


@dataclass
class HashEncoder:
    """Encodes without a model, remembers what it was asked for, and dies after a number of chunks if told to."""

    chunk: int = CHUNK
    dies_after: int | None = None
    asked: list[str] = field(default_factory=list)

    def encode(
        self, texts: Sequence[str], on_chunk: Callable[[slice, NDArray[np.float32]], None] | None = None
    ) -> NDArray[np.float32]:
        """Like `core.retrieval.encoder.Encoder.encode`."""
        vectors = np.stack([vector(text) for text in texts])
        for number, start in enumerate(range(0, len(texts), self.chunk)):
            if number == self.dies_after:
                raise KeyboardInterrupt
            part = slice(start, min(start + self.chunk, len(texts)))
            self.asked += texts[part]
            if on_chunk:
                on_chunk(part, vectors[part])
        return vectors
