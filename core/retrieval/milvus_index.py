"""Dense search in Milvus, a vector database: a server, or the embedded Milvus Lite.

A collection holds the vectors with the fields that filters compare, each product under a key made of its reference, so
that keys stay when other products come and go. Searches go through an alias. A full index run fills another collection
beside it and then moves the alias; any other run inserts, replaces and deletes only the rows that differ. Either
continues where an interrupted one stopped, since it compares first what is there.

Keys and fields are stored as digests, and conditions are written with digests and numbers alone: no text of a catalogue
gets into an expression.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.errors import DamagedError, SettingsError
from core.jobs.progress import Reporter
from core.retrieval.dense import DenseIndex, Effort, KindName, exact_search
from core.retrieval.dense_kinds import Truth, find_effort, is_exact
from core.retrieval.manifest import MILVUS, PRODUCT_IDS, DenseRecord, read_manifest
from core.retrieval.milvus_client import Address, connect, milvus_errors, require_milvus
from core.retrieval.product_filter import FIELDS, Allowed, ProductFilter, field_values
from core.retrieval.vector_index import Vectors, rerank
from core.settings import SearchSettings
from core.text.safe import safe
from labels.wording import counted

if TYPE_CHECKING:
    from pymilvus import MilvusClient

#: Incremented when the same products give other rows.
_VERSION = 1
#: Bytes of a digest: with a billion products, two share a key with a probability of 1e-21.
_DIGEST_BYTES = 16
_DIGEST = f"S{2 * _DIGEST_BYTES}"
#: Bytes of vectors in a request; Milvus takes 64 MiB.
_REQUEST_BYTES = 4 * 2**20
#: Rows in a request that has keys alone.
_REQUEST_KEYS = 10_000
#: Queries in a request, and the largest number of results of one, which Milvus limits.
_REQUEST_QUERIES, _MAX_RESULTS = 256, 16_384
#: Loading and flushing a collection take as many times the limit of a request.
_SLOW = 30
#: Property of a collection with the digest of what it holds; absent while it changes.
_CONTENT = "samesku.content"
#: Property with the layout of a collection: another one needs another collection.
_LAYOUT = "samesku.layout"
#: Neighbours per node, and candidates for them, as of the graph of FAISS in `dense_kinds`.
_GRAPH: dict[str, int | str] = {"M": 32, "efConstruction": 128}
#: Lengths of the list of candidates in a graph that are tried.
_GRAPH_PROBES = (16, 32, 64, 128, 256, 512, 1_024, 2_048)
#: Results of vectors in 8 bits that are ranked again by the exact ones.
_SHORTLIST = 40

#: What an opened index may change: `full` fills another collection and swaps it in, `update` changes the rows that
#: differ, `read` changes nothing.
Access = Literal["full", "update", "read"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of index of Milvus.

    Attributes:
        name: there.
        parameters: of building it.
        shortlist: results that are ranked again by their exact vectors.
    """

    name: str
    parameters: dict[str, int | str]
    shortlist: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether it finds all neighbours."""
        return self.name == "FLAT"


def _kind(setting: Literal["auto"] | KindName, products: int) -> _Kind:
    """The kind of index for this number of products; with `auto` a graph, if it is not exact.

    Raises:
        SettingsError: it is not one of these.
    """
    if setting in {"ivf", "ivfpq"}:
        raise SettingsError(
            f"search.index = {setting} is for FAISS, not for Milvus.", "Set search.index to auto, flat, hnsw or sq8."
        )
    if is_exact(setting, products):
        return _Kind("FLAT", {})
    return _Kind("HNSW_SQ", {**_GRAPH, "sq_type": "SQ8"}, _SHORTLIST) if setting == "sq8" else _Kind("HNSW", _GRAPH)


class _Rows:
    """The rows that a collection is to hold, in the order of the products."""

    def __init__(self, products: Sequence[Product], vectors: Vectors, kind: _Kind) -> None:
        self.products, self.vectors, self.kind = products, vectors, kind
        self.keys = np.array([_digest(f"{len(each.source)}:{each.source}{each.id}") for each in products], _DIGEST)
        self.digests = np.array([self._row_digest(position) for position in range(len(products))], _DIGEST)

    def _row_digest(self, position: int) -> str:
        product = self.products[position]
        fields = repr((*field_values(product).values(), product.price)).encode("utf-8", "backslashreplace")
        return _hash(fields + np.asarray(self.vectors[position], np.float32).tobytes())

    @property
    def layout(self) -> str:
        """What a collection of such rows was created with."""
        return f"{_VERSION} {self.vectors.shape[1]} {self.kind}"

    @cached_property
    def content(self) -> str:
        """A digest of layout and rows."""
        order = np.argsort(self.keys)
        return _hash(self.layout.encode() + self.keys[order].tobytes() + self.digests[order].tobytes())

    def at(self, position: int) -> dict[str, Any]:
        """A row, for pymilvus."""
        product = self.products[position]
        return {
            "key": self.keys[position].decode(),
            "digest": self.digests[position].decode(),
            "vector": np.asarray(self.vectors[position], np.float32),
            "price": product.price or None,
            **{name: _digest(value) for name, value in field_values(product).items()},
        }


class MilvusIndex:
    """A `VectorIndex` whose searches are answered by Milvus; similarities are computed from the vectors here.

    Attributes:
        record: see `VectorIndex`.
        effort: of a search.
    """

    def __init__(
        self,
        client: "MilvusClient",
        address: Address,
        alias: str,
        keys: NDArray[np.bytes_],
        vectors: Vectors,
        kind: _Kind,
        record: DenseRecord,
    ) -> None:
        """Wrap a collection. `keys` are those of the products, shape (products,), in the order of the vectors."""
        self._client, self._address, self._alias, self._kind = client, address, alias, kind
        self._order = np.argsort(keys)
        self._keys = keys[self._order]
        self._vectors = vectors
        self._local = DenseIndex(vectors)
        self.record: DenseRecord | None = record
        self.effort = Effort(record.probes, record.shortlist)

    def search(
        self, queries: NDArray[np.float32], depth: int, *, allowed: Allowed | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `VectorIndex.search`. What Milvus has not found is searched here."""
        queries = np.ascontiguousarray(queries)
        count = len(self._vectors) if allowed is None else allowed.count
        depth = min(depth, count)
        if depth == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        wanted = min(max(depth, self.effort.shortlist), count)
        found = np.full((len(queries), wanted), -1, np.int64)
        for start in range(0, len(queries), _REQUEST_QUERIES):
            batch = slice(start, start + _REQUEST_QUERIES)
            self._ask(queries[batch], found[batch], allowed)
        positions, scores = rerank(self._vectors, queries, found, depth)
        short = np.flatnonzero((positions < 0).any(axis=1))
        if len(short):
            rows = None if allowed is None else np.flatnonzero(allowed.mask)
            positions[short], scores[short] = exact_search(self._vectors, queries[short], depth, positions=rows)
        return positions, scores

    def _ask(self, queries: NDArray[np.float32], found: NDArray[np.int64], allowed: Allowed | None) -> None:
        """Fill in the positions that Milvus finds; rows of products that are unknown here stay at -1."""
        limit = min(found.shape[1], _MAX_RESULTS)
        # The list of candidates in a graph holds the results.
        parameters = {} if self._kind.is_exact else {"ef": max(self.effort.probes, limit)}
        with milvus_errors(self._address):
            answer = self._client.search(
                self._alias,
                data=list(queries),
                limit=limit,
                filter="" if allowed is None else expression(allowed.only),
                output_fields=["key"],
                search_params={"metric_type": "IP", "params": parameters},
                timeout=self._address.timeout_s,
            )
            listed = [list(hits.ids) for hits in answer]
        for row, keys in enumerate(listed):
            positions = self._positions(np.array(keys, _DIGEST))
            known = positions >= 0
            if allowed is not None:
                known[known] = allowed.mask[positions[known]]
            found[row, : len(keys)][known] = positions[known]

    def _positions(self, keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """The positions of keys; -1 for unknown ones."""
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._order[places], -1)

    def scores(
        self, queries: NDArray[np.float32], positions: NDArray[np.int64] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """As `VectorIndex.scores`."""
        return self._local.scores(queries, positions)

    def pairs(
        self, queries: NDArray[np.float32], rows: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """As `VectorIndex.pairs`."""
        return self._local.pairs(queries, rows, positions)

    def save(self, path: Path) -> None:
        """Remove the files of an earlier index: this one has none."""
        for name in (path.name, PRODUCT_IDS):
            path.with_name(name).unlink(missing_ok=True)


def open_milvus(
    folder: Path,
    home: Path,
    products: Sequence[Product],
    vectors: Vectors,
    queries: NDArray[np.float32],
    search: SearchSettings,
    reporter: Reporter,
    *,
    access: Access,
) -> MilvusIndex:
    """The index of these products in Milvus.

    Args:
        folder: of the model's index files, which the collection is named after.
        home: of the workspace.
        products: in the order of the vectors.
        vectors: unit vectors, shape (products, dimensions).
        queries: unit vectors of the queries, shape (queries, dimensions), which measure the recall.
        search: the settings.
        reporter: receives the progress in rows, and a message if the recall is below the target.
        access: what may be changed.

    Raises:
        CoreError: Milvus is not installed, cannot be reached or has refused a request.
        DamagedError: with `read`, what Milvus holds is not of these products.
    """
    address = Address.of(search, home)
    client = connect(address)
    collection = _Collection(client, address, _alias(folder, search), reporter)
    kind = _kind(search.index, len(products))
    rows = _Rows(products, vectors, kind)
    before = read_manifest(folder)
    record = DenseRecord(MILVUS, len(products), vectors.shape[1], rows.content, search.recall, probes=0, shortlist=0)
    index = MilvusIndex(client, address, collection.alias, rows.keys, vectors, kind, record)
    with milvus_errors(address):
        if access == "read":
            collection.require(rows.content)
        else:
            collection.bring_up_to_date(rows, full=access == "full")
        collection.load()
    known = before.dense if before is not None else None
    if known is not None and known == replace(record, probes=known.probes, shortlist=known.shortlist):
        index.effort = Effort(known.probes, known.shortlist)
    elif not kind.is_exact:
        reporter.stage("measure the recall")
        index.effort = _measured_effort(index, kind, Truth.sample(vectors, queries), search.recall, reporter)
    index.record = replace(record, probes=index.effort.probes, shortlist=index.effort.shortlist)
    return index


def is_stored(folder: Path, home: Path, search: SearchSettings) -> bool:
    """Whether Milvus holds what the last index run has stored; true for other engines.

    Args:
        folder: of the model's index files.
        home: of the workspace.
        search: the settings.

    Raises:
        CoreError: Milvus is not installed or cannot be reached.
    """
    if search.engine != "milvus":
        return True
    manifest = read_manifest(folder)
    if manifest is None or manifest.dense is None or manifest.dense.kind != MILVUS:
        return False
    address = Address.of(search, home)
    client = connect(address)
    with milvus_errors(address):
        current = _current(client, address, _alias(folder, search))
        return current is not None and _properties(client, address, current).get(_CONTENT) == manifest.dense.vectors


def describe_milvus(home: Path, search: SearchSettings) -> str:
    """Whether Milvus can be reached, its version, and the number of samesku's collections.

    The embedded one is not opened: another process may use it.

    Args:
        home: of the workspace.
        search: the settings.

    Raises:
        CoreError: Milvus is not installed or cannot be reached.
    """
    address = Address.of(search, home)
    require_milvus(address)
    if address.embedded:
        state = "" if Path(address.uri).exists() else ", not made yet: samesku index"
        return f"embedded Milvus in {address.name}{state}"
    client = connect(address)
    with milvus_errors(address):
        version = safe(str(client.get_server_version(timeout=address.timeout_s)))
        names = client.list_collections(timeout=address.timeout_s)
    own = sum(name.startswith(f"{search.milvus_collection}_") for name in names)
    return f"Milvus at {address.name} answers (version {version}, {counted(own, 'collection')} of samesku)"


def expression(only: ProductFilter) -> str:
    """The conditions of a filter as an expression of Milvus, in which every text is a digest."""
    conditions = [f"{name} in {json.dumps([*map(_digest, values)])}" for name, values in only.values()]
    largest = float(np.finfo(np.float64).max)
    for operator, bound in ((">=", only.min_price), ("<=", only.max_price)):
        if bound is not None:
            conditions.append(f"price {operator} {min(max(float(bound), -largest), largest)!r}")
    return " and ".join(conditions)


def _measured_effort(index: MilvusIndex, kind: _Kind, truth: Truth, recall: float, reporter: Reporter) -> Effort:
    """The least effort that reaches the recall; else the largest, with a message."""
    efforts = [Effort(probes, kind.shortlist) for probes in _GRAPH_PROBES]
    found = find_effort(index, truth, recall, efforts)
    if found is None:
        reporter.message(f"{kind.name} in Milvus does not reach a recall of {recall:g}; it is searched thoroughly.")
    return found or efforts[-1]


class _Collection:
    """The collections behind an alias: `alias_1`, `alias_2`, of which one is in use."""

    def __init__(self, client: "MilvusClient", address: Address, alias: str, reporter: Reporter) -> None:
        self.alias = alias
        self._client, self._address, self._reporter = client, address, reporter
        self._timeout = address.timeout_s

    def require(self, content: str) -> None:
        """Require that the collection in use has this content.

        Raises:
            DamagedError: it has another one, or there is none.
        """
        current = _current(self._client, self._address, self.alias)
        if current is None or _properties(self._client, self._address, current).get(_CONTENT) != content:
            raise DamagedError(
                f"Milvus at {self._address.name} does not hold the products of this index.",
                "Run `samesku index` to store them again.",
            )

    def bring_up_to_date(self, rows: _Rows, *, full: bool) -> None:
        """Store these rows, and no others."""
        current = _current(self._client, self._address, self.alias)
        if current is None or full or not self._has_layout(current, rows.layout):
            number = int(current.rpartition("_")[2]) + 1 if current is not None else 1
            current = f"{self.alias}_{number}"
            # One of an interrupted run is filled up.
            if not self._has_layout(current, rows.layout):
                self._create(current, rows)
            self._fill(current, rows)
            self._client.flush(current, timeout=_SLOW * self._timeout)
            self._swap_in(current)
        elif _properties(self._client, self._address, current).get(_CONTENT) != rows.content:
            self._fill(current, rows)
        self._drop_others(current)

    def load(self) -> None:
        """Load the collection in use into the memory of Milvus, unless it is."""
        self._client.load_collection(self.alias, timeout=_SLOW * self._timeout)

    def _has_layout(self, name: str, layout: str) -> bool:
        if not self._client.has_collection(name, timeout=self._timeout):
            return False
        return _properties(self._client, self._address, name).get(_LAYOUT) == layout

    def _create(self, name: str, rows: _Rows) -> None:
        from pymilvus import DataType

        if self._client.has_collection(name, timeout=self._timeout):
            self._client.drop_collection(name, timeout=self._timeout)
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        length = 2 * _DIGEST_BYTES
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=length)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=rows.vectors.shape[1])
        for field in ("digest", *FIELDS):
            schema.add_field(field, DataType.VARCHAR, max_length=length)
        schema.add_field("price", DataType.DOUBLE, nullable=True)
        parameters = self._client.prepare_index_params()
        parameters.add_index("vector", index_type=rows.kind.name, metric_type="IP", params=rows.kind.parameters)
        self._client.create_collection(
            name, schema=schema, index_params=parameters, consistency_level="Strong",
            properties={_LAYOUT: rows.layout}, timeout=self._timeout,
        )  # fmt: skip

    def _fill(self, name: str, rows: _Rows) -> None:
        """Make the rows of a collection these: insert, replace and delete what differs."""
        self._mark(name, "")
        self._client.load_collection(name, timeout=_SLOW * self._timeout)
        keys, digests = self._stored(name)
        order = np.argsort(rows.keys)
        places = np.minimum(np.searchsorted(rows.keys[order], keys), len(order) - 1)
        positions = np.where(rows.keys[order][places] == keys, order[places], -1)
        is_same = (positions >= 0) & (rows.digests[positions] == digests)
        missing = np.setdiff1d(np.arange(len(order)), positions[is_same])
        gone = keys[positions < 0]
        self._reporter.stage("store the vectors", total=len(missing) + len(gone))
        done = 0
        for part in _parts(gone, _REQUEST_KEYS):
            self._client.delete(name, ids=[key.decode() for key in part.tolist()], timeout=self._timeout)
            self._reporter.advance(done := done + len(part))
        step = max(1, _REQUEST_BYTES // (4 * rows.vectors.shape[1]))
        for part in _parts(missing, step):
            self._client.upsert(name, [rows.at(position) for position in part.tolist()], timeout=self._timeout)
            self._reporter.advance(done := done + len(part))
        self._mark(name, rows.content)

    def _stored(self, name: str) -> tuple[NDArray[np.bytes_], NDArray[np.bytes_]]:
        """Keys and digests of the rows of a collection."""
        keys, digests = [np.empty(0, _DIGEST)], [np.empty(0, _DIGEST)]
        iterator = self._client.query_iterator(
            name, batch_size=_REQUEST_KEYS, filter="", output_fields=["key", "digest"], timeout=self._timeout
        )
        while part := iterator.next():
            keys.append(np.array([row["key"] for row in part], _DIGEST))
            digests.append(np.array([row["digest"] for row in part], _DIGEST))
        iterator.close()
        return np.concatenate(keys), np.concatenate(digests)

    def _mark(self, name: str, content: str) -> None:
        self._client.alter_collection_properties(name, {_CONTENT: content}, timeout=self._timeout)

    def _swap_in(self, name: str) -> None:
        if _current(self._client, self._address, self.alias) is None:
            self._client.create_alias(name, self.alias, timeout=self._timeout)
        else:
            self._client.alter_alias(name, self.alias, timeout=self._timeout)

    def _drop_others(self, current: str) -> None:
        own = re.compile(rf"{self.alias}_[0-9]+")
        for name in self._client.list_collections(timeout=self._timeout):
            if name != current and own.fullmatch(name):
                self._client.drop_collection(name, timeout=self._timeout)


def _alias(folder: Path, search: SearchSettings) -> str:
    """The alias of an encoder's collection: two workspaces, or encoders, have different ones on one server."""
    return f"{search.milvus_collection}_{_digest(str(folder.resolve()))[:12]}"


def _current(client: "MilvusClient", address: Address, alias: str) -> str | None:
    """The collection that an alias names; None if there is no such alias."""
    if not client.has_collection(alias, timeout=address.timeout_s):
        return None
    return str(client.describe_alias(alias, timeout=address.timeout_s)["collection_name"])


def _properties(client: "MilvusClient", address: Address, name: str) -> dict[str, str]:
    return dict(client.describe_collection(name, timeout=address.timeout_s).get("properties") or {})


def _parts(array: NDArray[Any], step: int) -> Iterator[NDArray[Any]]:
    return (array[start : start + step] for start in range(0, len(array), step))


def _digest(text: str) -> str:
    return _hash(text.encode("utf-8", "surrogatepass"))


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
