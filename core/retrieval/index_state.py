"""The state that an index run leaves for the next one: what was indexed, the lexical index, and all search results.

`products.faiss` holds the index of the product vectors (`core.retrieval.dense_file`) unless a vector database does
(`core.retrieval.milvus_index`), `product_ids.safetensors` the ids of the products in an index that was updated,
`vectors.safetensors` the vectors of the products of an approximate index (`core.retrieval.product_vectors`),
`results.safetensors` everything else that changes with each run, and `statistics.safetensors` what is computed from the
whole corpus and kept until the next full run. The manifest has their checksums, so that a run that was interrupted
between two files leaves no state, and the next one is a full run.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from operator import ne
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import DefaultGtins, Product
from core.errors import DamagedError
from core.retrieval.array_file import (
    ARRAY_ERRORS,
    Arrays,
    JoinedArray,
    array_text,
    load_arrays,
    save_arrays,
    text_array,
)
from core.retrieval.corpus import Corpus
from core.retrieval.dense import DenseIndex
from core.retrieval.lexical import LexicalIndex
from core.retrieval.manifest import PRODUCT_IDS, PRODUCTS, checksum, index_damage, manifest_fingerprint, write_manifest
from core.retrieval.product_vectors import VECTORS, save_vectors
from core.retrieval.search_results import CandidateTable, SearchResults
from core.retrieval.vector_index import VectorIndex
from labels.model import ProductRef
from labels.quarantine import set_aside_irregular

RESULTS, STATISTICS = "results.safetensors", "statistics.safetensors"


@dataclass(frozen=True)
class Snapshot:
    """The corpus of an index run.

    Attributes:
        version: of the corpus, see `Corpus.version`.
        queries: content digest of each query, in the order of the search results.
        products: content digest of each product, in the order of the indexes.
        defaults: GTINs that are default values.
        changes: since the last full run, for each later run the version before it and the listings that it found
            added, changed or removed.
    """

    version: str
    queries: Mapping[ProductRef, str]
    products: Mapping[ProductRef, str]
    defaults: DefaultGtins
    changes: tuple[tuple[str, frozenset[ProductRef]], ...] = ()

    @classmethod
    def of(cls, corpus: Corpus) -> "Snapshot":
        """The snapshot of a corpus that is indexed in full."""
        digest_of = corpus.digests.__getitem__
        queries, products = (
            dict(zip(side, map(digest_of, side), strict=True)) for side in (corpus.query_refs, corpus.product_refs)
        )
        return cls(corpus.version, queries, products, corpus.default_gtins)

    def followed_by(self, corpus: Corpus, change: "Change") -> "Snapshot":
        """The snapshot of a corpus that this one has become."""
        if corpus.version == self.version:
            return self
        return replace(Snapshot.of(corpus), changes=(*self.changes, (self.version, change.touched)))

    @property
    def drift(self) -> int:
        """Number of changes of listings since the last full run."""
        return sum(len(touched) for _, touched in self.changes)

    def touched_since(self, version: str) -> frozenset[ProductRef] | None:
        """The listings that were added, changed or removed since a version; None for an unknown one.

        What was computed from an earlier version, by a run that was interrupted, can be brought up to date by them.
        """
        if version == self.version:
            return frozenset()
        versions = [before for before, _ in self.changes]
        if version not in versions:
            return None
        later = self.changes[versions.index(version) :]
        return frozenset().union(*(touched for _, touched in later))

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(
            [
                self.version,
                *([[*ref, digest] for ref, digest in side.items()] for side in (self.queries, self.products)),
                sorted(self.defaults),
                [[before, sorted(touched)] for before, touched in self.changes],
            ]
        )

    @classmethod
    def from_text(cls, text: str) -> "Snapshot":
        """The snapshot of `to_text`.

        Raises:
            ValueError, TypeError: it is another text.
        """
        version, queries, products, defaults, changes = json.loads(text)
        digests = [{ProductRef(source, id_): digest for source, id_, digest in side} for side in (queries, products)]
        gtins = frozenset((source, gtin) for source, gtin in defaults)
        history = tuple((str(before), frozenset(ProductRef(*ref) for ref in touched)) for before, touched in changes)
        return cls(str(version), digests[0], digests[1], gtins, history)


@dataclass(frozen=True)
class Change:
    """How a corpus differs from the indexed one.

    Attributes:
        queries: row of each query in the indexed corpus; -1 for a new or changed one.
        products: position of each product, likewise.
        added: listings that were not indexed in their present role.
        changed: listings with another content, or whose GTIN has begun or ceased to be a default value.
        removed: listings that are no longer there in that role.
        reordered: whether unchanged listings are in another order, or form other pairs, so that the candidates of every
            query may differ.
    """

    queries: NDArray[np.int64]
    products: NDArray[np.int64]
    added: frozenset[ProductRef]
    changed: frozenset[ProductRef]
    removed: frozenset[ProductRef]
    reordered: bool

    @property
    def touched(self) -> frozenset[ProductRef]:
        """All listings that differ."""
        return self.added | self.changed | self.removed

    def of_queries(self, block: slice) -> tuple["Change", NDArray[np.int64]]:
        """The change for some queries alone, and the rows in the indexed corpus of the unchanged ones among them."""
        origin = self.queries[block]
        unchanged = origin >= 0
        queries = np.where(unchanged, np.cumsum(unchanged) - 1, -1)
        return replace(self, queries=queries), origin[unchanged]


def compare(before: Snapshot, corpus: Corpus) -> Change:
    """Compare a corpus with the indexed one."""
    flipped = before.defaults ^ corpus.default_gtins
    digests = corpus.digests
    added: set[ProductRef] = set()
    changed: set[ProductRef] = set()
    removed: set[ProductRef] = set()

    def origins(
        known: Mapping[ProductRef, str], listings: Sequence[Product], refs: Sequence[ProductRef]
    ) -> NDArray[np.int64]:
        row_of = dict(zip(known, range(len(known)), strict=True))
        origin = np.fromiter(map(row_of.get, refs, repeat(-1)), np.int64, len(refs))
        is_known = origin >= 0
        # By their rows: each look-up of a key takes a microsecond, of a million listings.
        earlier = map([*known.values(), ""].__getitem__, origin.tolist())
        differs = np.fromiter(map(ne, earlier, map(digests.get, refs)), bool, len(refs)) | ~is_known
        if flipped:
            differs |= np.array([(each.source, each.gtin) in flipped for each in listings], bool)
        added.update(refs[i] for i in np.flatnonzero(~is_known).tolist())
        changed.update(refs[i] for i in np.flatnonzero(is_known & differs).tolist())
        if np.count_nonzero(is_known) < len(known):
            removed.update(known.keys() - set(refs))
        origin[differs] = -1
        return origin

    queries = origins(before.queries, corpus.queries, corpus.query_refs)
    products = origins(before.products, corpus.products, corpus.product_refs)
    both = {ref.source for ref in before.queries} & {ref.source for ref in before.products}
    reordered = both != corpus.both or any(bool((np.diff(each[each >= 0]) < 0).any()) for each in (queries, products))
    return Change(queries, products, frozenset(added), frozenset(changed), frozenset(removed), reordered)


@dataclass(frozen=True)
class IndexState:
    """The state of an index.

    Attributes:
        snapshot: the indexed corpus.
        lexical: index of the product texts.
        results: of all queries.
        statistics: what the selection keeps from the last full run.
        candidates: of all queries; None in a file of an earlier version.
    """

    snapshot: Snapshot
    lexical: LexicalIndex
    results: SearchResults
    statistics: Arrays = field(default_factory=dict)
    candidates: CandidateTable | None = None

    @classmethod
    def load(cls, folder: Path, settings: str) -> "IndexState | None":
        """The state in a model's folder; None where there is none for these settings, or a file is damaged."""
        if manifest_fingerprint(folder).partition(":")[0] != settings or index_damage(folder):
            return None
        try:
            arrays = load_arrays(folder / RESULTS)
            return cls(
                Snapshot.from_text(array_text(arrays["corpus"])),
                LexicalIndex.from_arrays(arrays),
                SearchResults.from_arrays(arrays),
                load_arrays(folder / STATISTICS),
                CandidateTable.from_arrays(arrays) if arrays.keys() >= {*CandidateTable.names()} else None,
            )
        except (DamagedError, *ARRAY_ERRORS):
            return None


def save_state(
    folder: Path,
    settings: str,
    snapshot: Snapshot,
    dense: VectorIndex,
    lexical: LexicalIndex,
    results: Mapping[str, JoinedArray],
    statistics: Arrays | None,
) -> None:
    """Write all files of an index, and the manifest last.

    Args:
        folder: of the model.
        settings: fingerprint of the settings.
        snapshot: the indexed corpus.
        dense: index of the product vectors.
        lexical: index of the product texts.
        results: search results and candidates of all queries.
        statistics: of a full run; None leaves those of the last one.

    Raises:
        CoreError: a file cannot be written.
    """
    set_aside_irregular(folder / PRODUCTS)
    dense.save(folder / PRODUCTS)
    save_vectors(folder, dense.vectors if isinstance(dense, DenseIndex) and dense.record is not None else None)
    corpus = {"corpus": text_array(snapshot.to_text())}
    save_arrays(folder / RESULTS, {**corpus, **lexical.to_arrays(), **results})
    if statistics is not None:
        save_arrays(folder / STATISTICS, statistics)
    products = [name for name in (PRODUCTS, PRODUCT_IDS, VECTORS) if (folder / name).exists()]
    kept = [] if statistics is not None else [STATISTICS]
    names = *products, RESULTS, STATISTICS
    write_manifest(folder, f"{settings}:{snapshot.version}", names, dense.record, kept)


def touched_since(folder: Path, version: str) -> frozenset[ProductRef] | None:
    """As `Snapshot.touched_since` of the last index run.

    Raises:
        DamagedError: there is none.
    """
    try:
        return Snapshot.from_text(array_text(load_arrays(folder / RESULTS, ["corpus"])["corpus"])).touched_since(
            version
        )
    except ARRAY_ERRORS as error:
        raise DamagedError(f"{RESULTS} is damaged.", "`samesku index` makes it again.") from error


def statistics_checksum(folder: Path) -> str:
    """Checksum of the statistics of the last full run; empty if there are none."""
    return checksum(folder, STATISTICS)
