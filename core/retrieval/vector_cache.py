"""Vector cache: one SQLite file per model, keyed by the hash of the encoded text.

Each chunk is committed as soon as it is encoded, so that an interrupted run continues where it stopped. Each vector has
a checksum; a damaged vector is encoded again.
"""

import hashlib
import sqlite3
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedError
from core.jobs.progress import Reporter
from core.retrieval.encoding_rate import save_rate
from core.sqlite_cache import SqliteCache, transaction
from labels.wording import counted

#: `crc` is the CRC-32 of digest and vector; NULL in rows of earlier versions.
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER) WITHOUT ROWID
"""
#: Of a new file. A page of 4,096 bytes, SQLite's default, holds no vector of 384 dimensions in its tree: each one fills
#: another page, and the file becomes 2.4 times as large.
_PAGE_BYTES = 2**14
_FLOAT_BYTES = 4
#: A look-up takes 10 µs, and a pass over the file of 24,000 vectors half a second.
_MAX_LOOKUPS = 5000
#: Vectors that are read to find the dimensions of all.
_SAMPLED = 1000
#: Texts that an encoder gets at once: their vectors take 100 MiB of 384 dimensions.
_MAX_ENCODED = 2**16
#: Vectors of more bytes are in a file.
_MAX_IN_MEMORY = 2**26
#: Bytes of a file that is checked whole before vectors are added to it, in half a second.
_MAX_CHECKED = 2**28
#: Allowed deviation from 1 of the squared length of a vector without a checksum.
_LENGTH_TOLERANCE = 1e-3


class TextEncoder(Protocol):
    """What makes vectors of texts.

    Attributes:
        chunk: texts that are encoded together: the same chunks give the same vectors, to the bit.
    """

    chunk: int

    def encode(
        self, texts: Sequence[str], on_chunk: Callable[[slice, NDArray[np.float32]], None] | None = None
    ) -> NDArray[np.float32]:
        """Unit vectors of the texts, float32 of shape (texts, dimensions); a dot product is the cosine.

        Args:
            texts: including their prefix.
            on_chunk: called with the slice and the vectors of each chunk.

        Raises:
            ModelError: the model cannot be loaded.
        """


class VectorCache:
    """The cached vectors of one model."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._cache = vector_file(path)

    def close(self) -> None:
        """Close the file."""
        self._cache.close()

    def encode(self, texts: Sequence[str], encoder: TextEncoder, reporter: Reporter) -> NDArray[np.float32]:
        """Vectors of the texts; only missing and damaged ones are encoded.

        Args:
            texts: including their prefix; duplicates are encoded once.
            encoder: loaded only if a vector is missing.
            reporter: receives the progress in distinct texts, and messages about damage.

        Returns:
            float32 unit vectors, shape (texts, dimensions); many are in a memory map.

        Raises:
            CoreError: the file cannot be read or written.
        """
        try:
            return self._encode(texts, encoder, reporter)
        except DamagedError as error:
            reporter.message(f"{error.message} The vectors are encoded again.")
            return self._encode(texts, encoder, reporter)

    def _encode(self, texts: Sequence[str], encoder: TextEncoder, reporter: Reporter) -> NDArray[np.float32]:
        digests = [hashlib.sha256(text.encode()).digest()[:16] for text in texts]
        place: dict[bytes, int] = {}
        first = np.array([place.setdefault(digest, row) for row, digest in enumerate(digests)], np.int64)
        vectors = self._read(place, len(texts), reporter)
        found = np.zeros(len(texts), bool) if vectors is None else vectors.found
        # Longest first: batches of similar length need little padding, and the time estimate is never too low.
        missing = sorted(((digest, texts[row]) for digest, row in place.items() if not found[row]), key=_by_length)
        done = len(place) - len(missing)
        if missing:  # a stage without work would only repeat a line
            reporter.stage("encode", total=len(place))
            reporter.advance(done)

        started = time.monotonic()
        for start in range(0, len(missing), _MAX_ENCODED):
            some = missing[start : start + _MAX_ENCODED]

            def store(part: slice, chunk: NDArray[np.float32], some: list[tuple[bytes, str]] = some) -> None:
                nonlocal done, vectors
                of_chunk = [digest for digest, _ in some[part]]
                vectors = vectors or _Vectors.of(len(texts), chunk.shape[1], self._folder)
                if chunk.shape[1] != vectors.array.shape[1]:
                    raise self._cache.damaged("its vectors have different dimensions")
                self._write([(digest, vector.tobytes()) for digest, vector in zip(of_chunk, chunk, strict=True)])
                vectors.array[[place[digest] for digest in of_chunk]] = chunk
                done += len(chunk)
                reporter.advance(done)

            encoder.encode([text for _, text in some], on_chunk=store)
        if missing:
            save_rate(self._folder, len(missing), time.monotonic() - started)
        if vectors is None:
            return np.zeros((0, 0), np.float32)
        again = np.flatnonzero(first != np.arange(len(texts)))
        vectors.array[again] = vectors.array[first[again]]
        return vectors.array

    def _write(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        with self._cache.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO vectors (digest, vector, crc) VALUES (?, ?, ?)",
                ((digest, vector, _crc(digest, vector)) for digest, vector in rows),
            )

    def _read(self, place: dict[bytes, int], texts: int, reporter: Reporter) -> "_Vectors | None":
        """The intact cached vectors, all of the same dimension; None if there are none.

        Args:
            place: row of each wanted vector.
            texts: number of rows.
            reporter: receives a message about damage.
        """
        vectors, damaged, without_crc = None, 0, []
        with self._cache.reading() as connection:
            common = _common_length(connection, place)
            for digest, vector, crc in _rows(connection, place):
                if not _is_intact(digest, vector, crc) or len(vector) != common:
                    damaged += 1
                    continue
                if crc is None:
                    without_crc.append((digest, vector))
                vectors = vectors or _Vectors.of(texts, common // _FLOAT_BYTES, self._folder)
                vectors.array[place[digest]] = np.frombuffer(vector, np.float32)
                vectors.found[place[digest]] = True
        missing = vectors is None or int(vectors.found.sum()) < len(place)
        if damaged or (missing and self._cache.path.stat().st_size <= _MAX_CHECKED):
            # A damaged index hides vectors, and damage between them would stay when they are written again.
            self._cache.check()
        if damaged:
            reporter.message(
                f"{counted(damaged, 'vector')} in {self._cache.path.name} {'is' if damaged == 1 else 'are'}"
                " damaged; encoding again."
            )
        if without_crc:
            self._write(without_crc)
        return vectors


@dataclass(frozen=True)
class _Vectors:
    """Vectors that are read or computed one by one.

    Attributes:
        array: float32, shape (texts, dimensions).
        found: which rows are filled, shape (texts,).
    """

    array: NDArray[np.float32]
    found: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: int, dimensions: int, folder: Path) -> "_Vectors":
        """Empty rows."""
        return cls(empty_rows(texts, dimensions, folder), np.zeros(texts, bool))


def empty_rows(count: int, dimensions: int, folder: Path) -> NDArray[np.float32]:
    """An array to be filled, shape (count, dimensions); a large one in a file without a name, which is gone with it.

    Args:
        count: of vectors.
        dimensions: of each.
        folder: of the file.
    """
    shape = count, dimensions
    if _FLOAT_BYTES * count * dimensions <= _MAX_IN_MEMORY:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(_FLOAT_BYTES * count * dimensions)
        return np.asarray(np.memmap(file, np.float32, "r+", shape=shape))


def _common_length(connection: sqlite3.Connection, wanted: Collection[bytes]) -> int:
    """The most common length in bytes of the first intact vectors; 0 if there are none."""
    some = islice(_rows(connection, wanted), _SAMPLED)
    lengths = Counter(len(vector) for digest, vector, crc in some if _is_intact(digest, vector, crc))
    return max(lengths, key=lambda length: lengths[length], default=0)


def _rows(connection: sqlite3.Connection, wanted: Collection[bytes]) -> Iterator[tuple[bytes, bytes, int | None]]:
    """Digest, vector and checksum of the wanted vectors: one by one if they are few, else in one pass over the file."""
    if len(wanted) > _MAX_LOOKUPS:
        rows = connection.execute("SELECT digest, vector, crc FROM vectors")
        yield from (row for row in rows if row[0] in wanted)
        return
    for digest in wanted:
        yield from connection.execute("SELECT digest, vector, crc FROM vectors WHERE digest = ?", [digest])


def vector_file(path: Path) -> SqliteCache:
    """The vector file of a model, opened on first use."""
    cure = "Vectors can be made again: run `samesku index`."
    return SqliteCache(path, _prepare, lambda tables: "vectors" in tables, hint=cure, timeout_s=60)


def cached_vectors(file: SqliteCache) -> int:
    """Number of vectors in a file, damaged ones included.

    Raises:
        CoreError: it cannot be read.
    """
    with file.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])


def damaged_vectors(connection: sqlite3.Connection) -> int:
    """Number of damaged vectors in an open file; 0 for files of earlier versions, which have no checksums."""
    if "crc" not in _columns(connection):
        return 0
    rows = connection.execute("SELECT digest, vector, crc FROM vectors")
    return sum(not _is_intact(*row) for row in rows)


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {str(column[1]) for column in connection.execute("PRAGMA table_info(vectors)")}


def _prepare(connection: sqlite3.Connection) -> None:
    if "crc" in _columns(connection):
        return
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    with transaction(connection):
        connection.execute(_TABLE)
        # Another process may have added the column while this one waited for the lock.
        if "crc" not in _columns(connection):
            connection.execute("ALTER TABLE vectors ADD COLUMN crc INTEGER")


def _is_intact(digest: object, vector: object, crc: object) -> bool:
    """Whether a vector matches its checksum; without one, whether it is a unit vector."""
    if not isinstance(digest, bytes) or not isinstance(vector, bytes) or not vector or len(vector) % _FLOAT_BYTES:
        return False
    if crc is not None:
        return crc == _crc(digest, vector)
    # False for NaN.
    return abs(sum(value * value for value in memoryview(vector).cast("f")) - 1) < _LENGTH_TOLERANCE


def _crc(digest: bytes, vector: bytes) -> int:
    return zlib.crc32(vector, zlib.crc32(digest))


def _by_length(entry: tuple[bytes, str]) -> tuple[int, bytes]:
    return -len(entry[1]), entry[0]
