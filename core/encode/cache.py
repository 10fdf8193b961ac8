"""Vectors on disk, by the text they were made of, so that nothing is encoded twice.

One SQLite file per model in its index folder. A run that is interrupted goes on where it was: each chunk is
committed as soon as it is encoded.
"""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.encode.encoder import Encoder
from core.encode.pace import note_pace
from core.jobs.progress import Reporter
from labels.files import make_shared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class VectorCache:
    """The vectors of one model."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._folder.mkdir(parents=True, exist_ok=True)
        make_shared(path)
        self._connection = sqlite3.connect(path, timeout=60)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def encode(self, texts: Sequence[str], encoder: Encoder, reporter: Reporter) -> "NDArray[np.float32]":
        """The vectors of the texts, encoding only those that are not here yet.

        Args:
            texts: with their prefix on; equal texts are encoded once.
            encoder: is loaded only if something is missing.
            reporter: hears how many of the distinct texts are done.

        Returns:
            float32, one row per text, length 1.
        """
        import numpy as np  # noqa: PLC0415

        digests = [hashlib.sha256(text.encode()).digest()[:16] for text in texts]
        known = self._read(set(digests))
        # Long texts first: batches of like length waste no padding, and the time left is never too hopeful.
        missing = sorted({d: t for d, t in zip(digests, texts, strict=True) if d not in known}.items(), key=_by_length)
        reporter.stage("encode", total=len(known) + len(missing))
        reporter.advance(len(known))
        done = len(known)

        def keep(part: slice, vectors: "NDArray[np.float32]") -> None:
            nonlocal done
            rows = [(digest, vector.tobytes()) for (digest, _), vector in zip(missing[part], vectors, strict=True)]
            with self._connection:
                self._connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
            known.update(rows)
            done += len(rows)
            reporter.advance(done)

        if missing:
            begun = time.monotonic()
            encoder.encode([text for _, text in missing], on_chunk=keep)
            note_pace(self._folder, len(missing), time.monotonic() - begun)
        return np.frombuffer(b"".join(known[d] for d in digests), dtype=np.float32).reshape(len(digests), -1)

    def _read(self, wanted: set[bytes]) -> dict[bytes, bytes]:
        rows = self._connection.execute("SELECT digest, vector FROM vectors")
        return {digest: vector for digest, vector in rows if digest in wanted}


def _by_length(entry: tuple[bytes, str]) -> tuple[int, bytes]:
    return -len(entry[1]), entry[0]
