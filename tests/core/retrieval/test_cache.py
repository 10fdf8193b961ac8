"""Vectors on disk: nothing is encoded twice, whatever happens in between."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from samples import HashEncoder, vector

from core.jobs.progress import Silent
from core.retrieval import vector_cache
from core.retrieval.vector_cache import VectorCache
from labels.quarantine import damaged_copies


class Heard(Silent):
    """Remembers the progress it was told."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done: list[int] = []

    def stage(self, name: str, total: int | None = None) -> None:
        self.total = total

    def advance(self, done: int) -> None:
        self.done.append(done)


def encode(path: Path, texts: list[str], encoder: HashEncoder, heard: Silent | None = None) -> np.ndarray:
    opened = VectorCache(path / "vectors.db")
    try:
        return opened.encode(texts, encoder, heard or Silent())  # type: ignore[arg-type]
    finally:
        opened.close()


def rows(texts: list[str]) -> np.ndarray:
    return np.stack([vector(text) for text in texts])


def test_vectors_come_in_the_order_of_the_texts(tmp_path: Path) -> None:
    texts = ["b", "a", "b", "ccc", ""]
    found = encode(tmp_path, texts, HashEncoder())
    assert found.dtype == np.float32
    assert np.array_equal(found, rows(texts))
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_only_what_is_missing_is_encoded_and_equal_texts_once(tmp_path: Path) -> None:
    encode(tmp_path, ["a", "b"], HashEncoder())
    encoder, heard = HashEncoder(), Heard()
    assert np.array_equal(encode(tmp_path, ["a", "c", "b", "c"], encoder, heard), rows(["a", "c", "b", "c"]))
    assert encoder.asked == ["c"]
    assert (heard.total, heard.done) == (3, [2, 3])


def test_a_warm_cache_needs_no_encoder(tmp_path: Path) -> None:
    encode(tmp_path, ["a"], HashEncoder())
    broken = HashEncoder(dies_after=0)
    assert np.array_equal(encode(tmp_path, ["a"], broken), rows(["a"]))


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(10)]
    first = HashEncoder(chunk=4, dies_after=1)
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path, texts, first)
    second, heard = HashEncoder(chunk=4), Heard()
    assert np.array_equal(encode(tmp_path, texts, second, heard), rows(texts))
    assert len(first.asked) == 4
    assert sorted(first.asked + second.asked) == sorted(texts)
    assert heard.done == [4, 8, 10]


def test_long_texts_are_encoded_first(tmp_path: Path) -> None:
    encoder = HashEncoder()
    encode(tmp_path, ["aa", "a", "aaa"], encoder)
    assert encoder.asked == ["aaa", "aa", "a"]


def test_a_file_of_an_earlier_version_that_two_upgrade_at_once_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vectors.db"
    with closing(sqlite3.connect(path)) as earlier:
        earlier.execute("CREATE TABLE vectors (digest BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
    looked = vector_cache._columns

    def just_before(connection: sqlite3.Connection) -> set[str]:
        found = looked(connection)
        if not connection.in_transaction and "crc" not in found:
            with closing(sqlite3.connect(path)) as other:
                other.execute("ALTER TABLE vectors ADD COLUMN crc INTEGER")
        return found

    monkeypatch.setattr(vector_cache, "_columns", just_before)
    assert np.array_equal(encode(tmp_path, ["a"], HashEncoder()), rows(["a"]))
    assert damaged_copies(path) == []


def test_many_vectors_are_in_a_file_and_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_cache, "_MAX_IN_MEMORY", 0)
    monkeypatch.setattr(vector_cache, "_MAX_ENCODED", 2)
    texts = ["b", "a", "b", "ccc", "dd", "a"]
    assert np.array_equal(encode(tmp_path, texts, HashEncoder(dies_after=None)), rows(texts))
    assert np.array_equal(encode(tmp_path, texts, HashEncoder(dies_after=0)), rows(texts))
    assert [file.name for file in tmp_path.iterdir()] == ["vectors.db"], "the file has no name"
