"""Vectors on disk, by the text they were made of, so that nothing is encoded twice.

One SQLite file per model in its index folder. A run that is interrupted goes on where it was: each chunk is
committed as soon as it is encoded. Each vector has a checksum: one that is not what was written is encoded again.
"""

import hashlib
import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedError
from core.jobs.progress import Reporter
from core.retrieval.encoder import Encoder
from core.retrieval.encoding_rate import save_rate
from core.sqlite_cache import SqliteCache, transaction
from labels.wording import counted

#: `crc` is the CRC-32 of digest and vector; NULL in what earlier versions have written.
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER) WITHOUT ROWID
"""
_FLOAT_BYTES = 4
#: By how much the length of a vector without a checksum may differ from 1.
_TOLERANCE = 1e-3


class VectorCache:
    """The vectors of one model."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._cache = vector_file(path)

    def close(self) -> None:
        """Let go of the file."""
        self._cache.close()

    def encode(self, texts: Sequence[str], encoder: Encoder, reporter: Reporter) -> NDArray[np.float32]:
        """The vectors of the texts, encoding only those that are not here yet, or not intact.

        Args:
            texts: with their prefix on; equal texts are encoded once.
            encoder: is loaded only if something is missing.
            reporter: hears how many of the distinct texts are done, and what is damaged.

        Returns:
            float32, one row per text, length 1.

        Raises:
            CoreError: the file cannot be read or written.
        """
        try:
            return self._encode(texts, encoder, reporter)
        except DamagedError as error:
            reporter.message(f"{error.message} The vectors are made again.")
            return self._encode(texts, encoder, reporter)

    def _encode(self, texts: Sequence[str], encoder: Encoder, reporter: Reporter) -> NDArray[np.float32]:

        digests = [hashlib.sha256(text.encode()).digest()[:16] for text in texts]
        known = self._read(set(digests), reporter)
        # Long texts first: batches of like length waste no padding, and the time left is never too hopeful.
        missing = sorted({d: t for d, t in zip(digests, texts, strict=True) if d not in known}.items(), key=_by_length)
        reporter.stage("encode", total=len(known) + len(missing))
        reporter.advance(len(known))
        done = len(known)

        def keep(part: slice, vectors: NDArray[np.float32]) -> None:
            nonlocal done
            rows = [(digest, vector.tobytes()) for (digest, _), vector in zip(missing[part], vectors, strict=True)]
            self._write(rows)
            known.update(rows)
            done += len(rows)
            reporter.advance(done)

        if missing:
            begun = time.monotonic()
            encoder.encode([text for _, text in missing], on_chunk=keep)
            save_rate(self._folder, len(missing), time.monotonic() - begun)
        if len({len(known[digest]) for digest in digests}) > 1:
            raise self._cache.damaged("its vectors are not all of the encoder's length")
        return np.frombuffer(b"".join(known[d] for d in digests), dtype=np.float32).reshape(len(digests), -1)

    def _write(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        with self._cache.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO vectors (digest, vector, crc) VALUES (?, ?, ?)",
                ((digest, vector, _crc(digest, vector)) for digest, vector in rows),
            )

    def _read(self, wanted: set[bytes], reporter: Reporter) -> dict[bytes, bytes]:
        """The vectors that are here and intact, all of one length."""
        with self._cache.reading() as connection:
            rows = connection.execute("SELECT digest, vector, crc FROM vectors")
            found = {digest: (vector, crc) for digest, vector, crc in rows if digest in wanted}
        sound = {digest: vector for digest, (vector, crc) in found.items() if _is_sound(digest, vector, crc)}
        lengths = Counter(map(len, sound.values()))
        usual = max(lengths, key=lambda length: lengths[length], default=0)
        sound = {digest: vector for digest, vector in sound.items() if len(vector) == usual}
        if damaged := len(found) - len(sound):
            reporter.message(
                f"{counted(damaged, 'vector')} in {self._cache.path.name} {'is' if damaged == 1 else 'are'}"
                " damaged and made again."
            )
        unmarked = [(digest, vector) for digest, vector in sound.items() if found[digest][1] is None]
        if unmarked:
            self._write(unmarked)
        return sound


def vector_file(path: Path) -> SqliteCache:
    """The file of a model's vectors; nothing is opened before it is first used."""
    cure = "Vectors can be made again: run `samesku index`."
    return SqliteCache(path, _prepare, lambda tables: "vectors" in tables, hint=cure, timeout_s=60)


def damaged_vectors(connection: sqlite3.Connection) -> int:
    """How many vectors in an open file are not what was written; 0 for files of earlier versions."""
    if "crc" not in _columns(connection):
        return 0
    rows = connection.execute("SELECT digest, vector, crc FROM vectors")
    return sum(not _is_sound(*row) for row in rows)


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {str(column[1]) for column in connection.execute("PRAGMA table_info(vectors)")}


def _prepare(connection: sqlite3.Connection) -> None:
    if "crc" in _columns(connection):
        return
    with transaction(connection):
        connection.execute(_TABLE)
        # Another process may have added it while this one waited: a second time would look like damage.
        if "crc" not in _columns(connection):
            connection.execute("ALTER TABLE vectors ADD COLUMN crc INTEGER")


def _is_sound(digest: object, vector: object, crc: object) -> bool:
    """Whether a vector is what was written; without a checksum, whether it is of length 1, as all of them are."""
    if not isinstance(digest, bytes) or not isinstance(vector, bytes) or not vector or len(vector) % _FLOAT_BYTES:
        return False
    if crc is not None:
        return crc == _crc(digest, vector)
    # A NaN fails the comparison.
    return abs(sum(value * value for value in memoryview(vector).cast("f")) - 1) < _TOLERANCE


def _crc(digest: bytes, vector: bytes) -> int:
    return zlib.crc32(vector, zlib.crc32(digest))


def _by_length(entry: tuple[bytes, str]) -> tuple[int, bytes]:
    return -len(entry[1]), entry[0]
