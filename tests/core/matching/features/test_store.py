"""The feature store: values as written, replaced as a whole."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from samples import c, candidates_of, q

from core.matching.features.store import FeatureStore, FeatureTable
from core.retrieval.candidates import CandidateStore
from labels.model import Pair

FEATURES = ("cosine", "price_ratio")


def table(*values: float, start: int = 0) -> FeatureTable:
    pairs = [Pair(q(f"q{n + start}"), c(f"c{n}")) for n in range(len(values))]
    vectors = np.array([[value, np.nan] for value in values], np.float32).reshape(len(values), 2)
    return FeatureTable(FEATURES, pairs, vectors)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeatureStore]:
    opened = FeatureStore(tmp_path / "derived.db")
    yield opened
    opened.close()


def test_before_the_first_run_there_is_nothing(store: FeatureStore) -> None:
    assert store.read() is None
    assert not store.is_current("f")


def test_features_is_read_as_it_was_written_what_is_missing_too(store: FeatureStore) -> None:
    written = table(0.1, -0.25, 1.0)
    store.replace(written, "f1")
    read = store.read()
    assert read is not None
    assert read.features == FEATURES
    order = [read.row[pair] for pair in written.pairs]
    assert_array_equal(read.vectors[order], written.vectors)
    assert read.vectors.dtype == np.float32
    assert (store.is_current("f1"), store.is_current("f2")) == (True, False)


def test_new_features_takes_the_place_of_the_old_none_of_which_is_left(store: FeatureStore) -> None:
    store.replace(table(0.1, 0.2), "f1")
    store.replace(table(0.3, start=7), "f2")
    read = store.read()
    assert read is not None
    assert list(read.pairs) == [Pair(q("q7"), c("c0"))]
    assert not store.is_current("f1")


def test_features_about_no_pair_is_a_table_without_rows(store: FeatureStore) -> None:
    store.replace(table(), "f")
    read = store.read()
    assert read is not None
    assert read.vectors.shape == (0, 2)


def test_a_run_that_fails_leaves_the_old_features(store: FeatureStore, tmp_path: Path) -> None:
    store.replace(table(0.1), "f1")
    short = table(0.5, 0.6)
    with pytest.raises(ValueError, match="shorter"):
        store.replace(FeatureTable(FEATURES, short.pairs, short.vectors[:1]), "f2")
    reader = FeatureStore(tmp_path / "derived.db")
    read = reader.read()
    reader.close()
    assert read is not None
    assert (len(read.pairs), store.is_current("f1")) == (1, True)


def test_a_reader_sees_the_old_features_until_the_new_is_whole(store: FeatureStore, tmp_path: Path) -> None:
    store.replace(table(0.1), "f1")
    reader, seen = FeatureStore(tmp_path / "derived.db"), []

    class Watched(list):
        def __iter__(self) -> Iterator[Pair]:
            for pair in super().__iter__():
                seen.append(len(reader.read().pairs))
                yield pair

    new = table(0.1, 0.2, 0.3)
    store.replace(FeatureTable(FEATURES, Watched(new.pairs), new.vectors), "f2")
    assert seen == [1, 1, 1]
    assert len(reader.read().pairs) == 3
    reader.close()


def test_the_candidates_in_the_same_file_are_left_alone(store: FeatureStore, tmp_path: Path) -> None:
    candidates = CandidateStore(tmp_path / "derived.db")
    candidates.replace([], model="m", fingerprint="f")
    store.replace(table(0.1), "e")
    assert (candidates.model, store.is_current("e")) == ("m", True)
    candidates.close()


def test_an_update_leaves_the_other_features_and_carries_the_checksum_on(store: FeatureStore) -> None:
    first = table(0.1, 0.2, 0.3)
    store.replace(first, "f1")
    store.update(table(0.9), [first.pairs[1]], "f2")
    store.check()
    read = store.read()
    assert read is not None
    assert {pair: float(read.vectors[row, 0]) for pair, row in read.row.items()} == {
        first.pairs[0]: pytest.approx(0.9),
        first.pairs[2]: pytest.approx(0.3),
    }
    assert store.is_current("f2")
    assert store.missing(first.pairs) == [first.pairs[1]]
    part = store.part(first.pairs, FEATURES)
    assert (list(part.pairs), part.vectors.shape) == ([first.pairs[0], first.pairs[2]], (2, 2))


def test_outdated_are_candidates_without_features_or_with_a_touched_listing(
    store: FeatureStore, tmp_path: Path
) -> None:
    pairs = [Pair(q("q1"), each.ref) for each in candidates_of("q1")]
    with closing(CandidateStore(tmp_path / "derived.db")) as candidates:
        candidates.replace([(q("q1"), candidates_of("q1"))], model="m", fingerprint="a")
    other = Pair(q("other"), c("gone"))
    known = [*pairs[1:], other]
    store.replace(FeatureTable(FEATURES, known, np.zeros((len(known), 2), np.float32)), "f")
    assert (set(store.outdated([])[0]), store.outdated([])[1]) == ({pairs[0]}, {other})
    assert set(store.outdated([pairs[1].candidate])[0]) == set(pairs[:2])
    assert store.outdated([q("q1")])[0] == {
        Pair(q("q1"), each.ref): pytest.approx(each.similarity) for each in candidates_of("q1")
    }
