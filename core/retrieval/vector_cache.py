"""Vector cache: one SQLite file per model, keyed by the hash of the encoded text.

Each chunk is committed as soon as it is encoded, so that an interrupted run continues where it stopped. Each vector has
a checksum; a damaged vector is encoded again.
"""

import hashlib
import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
_FLOAT_BYTES = 4
#: A look-up takes 10 µs, and a pass over the file of 24,000 vectors half a second.
_MAX_LOOKUPS = 5000
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
            float32 unit vectors, shape (texts, dimensions).

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
        vectors = self._read(set(digests), reporter)
        # Longest first: batches of similar length need little padding, and the time estimate is never too low.
        missing = sorted(
            {d: t for d, t in zip(digests, texts, strict=True) if d not in vectors}.items(), key=_by_length
        )
        if missing:  # a stage without work would only repeat a line
            reporter.stage("encode", total=len(vectors) + len(missing))
            reporter.advance(len(vectors))
        done = len(vectors)

        def store_chunk(part: slice, chunk: NDArray[np.float32]) -> None:
            nonlocal done
            rows = [(digest, vector.tobytes()) for (digest, _), vector in zip(missing[part], chunk, strict=True)]
            self._write(rows)
            vectors.update(rows)
            done += len(rows)
            reporter.advance(done)

        if missing:
            started = time.monotonic()
            encoder.encode([text for _, text in missing], on_chunk=store_chunk)
            save_rate(self._folder, len(missing), time.monotonic() - started)
        if len({len(vectors[digest]) for digest in digests}) > 1:
            raise self._cache.damaged("its vectors have different dimensions")
        return np.frombuffer(b"".join(vectors[d] for d in digests), dtype=np.float32).reshape(len(digests), -1)

    def _write(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        with self._cache.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO vectors (digest, vector, crc) VALUES (?, ?, ?)",
                ((digest, vector, _crc(digest, vector)) for digest, vector in rows),
            )

    def _read(self, wanted: set[bytes], reporter: Reporter) -> dict[bytes, bytes]:
        """The intact cached vectors, all of the same dimension."""
        with self._cache.reading() as connection:
            found = {digest: (vector, crc) for digest, vector, crc in _rows(connection, wanted)}
        intact = {digest: vector for digest, (vector, crc) in found.items() if _is_intact(digest, vector, crc)}
        lengths = Counter(map(len, intact.values()))
        common = max(lengths, key=lambda length: lengths[length], default=0)
        intact = {digest: vector for digest, vector in intact.items() if len(vector) == common}
        if damaged := len(found) - len(intact):
            reporter.message(
                f"{counted(damaged, 'vector')} in {self._cache.path.name} {'is' if damaged == 1 else 'are'}"
                " damaged; encoding again."
            )
        without_crc = [(digest, vector) for digest, vector in intact.items() if found[digest][1] is None]
        if without_crc:
            self._write(without_crc)
        return intact


def _rows(connection: sqlite3.Connection, wanted: set[bytes]) -> Iterator[tuple[bytes, bytes, int | None]]:
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
