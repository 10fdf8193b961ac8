"""Approximate indexes after a change of the products, against ones that are built from scratch."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.jobs.progress import Silent
from core.retrieval import dense_file, dense_update
from core.retrieval.dense import DenseIndex, KindName, exact_search
from core.retrieval.dense_file import open_or_build
from core.retrieval.dense_kinds import KINDS, Truth, build_dense
from core.retrieval.manifest import PRODUCT_IDS, PRODUCTS, index_damage, read_manifest, write_manifest
from core.retrieval.product_filter import Allowed, ProductFilter
from core.retrieval.run_files import RunFiles
from core.retrieval.stable_ids import StableIds
from core.settings import SearchSettings
from tests.core.retrieval.test_dense_kinds import Messages, clustered

pytestmark = pytest.mark.slow

NAMES: list[KindName] = list(KINDS)
SIZE = 3_000
VECTORS, NEW, QUERIES = clustered(SIZE, 2), clustered(300, 8), clustered(300, 3)
#: Lowest recall@10 of an index that was updated, against exact search.
RECALL = 0.93

Changed = tuple[NDArray[np.int64], NDArray[np.float32]]


def changed() -> Changed:
    """A tenth has other vectors."""
    origin = np.arange(SIZE)
    origin[5::10] = -1
    return origin, _vectors(origin)


def deleted() -> Changed:
    """Some left, the first of them among them."""
    origin = np.setdiff1d(np.arange(SIZE), np.arange(0, SIZE, 12))
    return origin, _vectors(origin)


def added() -> Changed:
    """A tenth came, between the others."""
    origin = np.insert(np.arange(SIZE), np.arange(0, SIZE, 10), -1)
    return origin, _vectors(origin)


def all_at_once() -> Changed:
    """Some came, some left, some have changed, and the rest is in another order."""
    random = np.random.default_rng(5)
    origin = random.permutation(SIZE)[: SIZE - 100]
    origin[random.permutation(len(origin))[:150]] = -1
    origin = np.append(origin, np.full(60, -1))
    return origin, _vectors(origin)


def _vectors(origin: NDArray[np.int64]) -> NDArray[np.float32]:
    found = VECTORS[origin]
    found[origin < 0] = NEW[: int((origin < 0).sum())]
    return found


CHANGES = [changed, deleted, added, all_at_once]


def settings(kind: str) -> SearchSettings:
    return SearchSettings.model_validate({"index": kind, "recall": 0.95})


def save(folder: Path, index: DenseIndex) -> None:
    """Leave an index as a run does."""
    index.save(folder / PRODUCTS)
    write_manifest(folder, "run", [n for n in (PRODUCTS, PRODUCT_IDS) if (folder / n).exists()], index.record)


@pytest.fixture(scope="module")
def trained() -> dict[str, DenseIndex]:
    return {name: build_dense(VECTORS, name, recall=0.95, queries=QUERIES, reporter=Silent()) for name in NAMES}


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest, trained: dict[str, DenseIndex]) -> Path:
    """An index folder as a run leaves it, of the kind that the test has as a parameter; else `sq8`."""
    kind = request.node.callspec.params.get("kind", "sq8") if hasattr(request.node, "callspec") else "sq8"
    index = trained[kind]
    wanted = dense_file.wanted_record(VECTORS, kind, 0.95)
    index.record = replace(wanted, probes=index.effort.probes, shortlist=index.effort.shortlist)
    save(tmp_path, index)
    return tmp_path


@pytest.fixture
def never_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_file, "build_dense", lambda *_, **__: pytest.fail("trained"))


def opened(folder: Path, kind: str, change: Changed | None = None, files: RunFiles | None = None) -> DenseIndex:
    origin, vectors = change or (None, VECTORS)
    return open_or_build(folder, vectors, QUERIES, settings(kind), Silent(), files, origin)


def recall_of(index: DenseIndex, vectors: NDArray[np.float32]) -> float:
    found, scores = index.search(QUERIES, 10)
    assert ((found >= 0) & (found < len(vectors))).all()
    assert all(len(set(row)) == len(row) for row in found.tolist())
    assert np.allclose(scores, np.take_along_axis(QUERIES @ vectors.T, found, axis=1), atol=0.03)
    return Truth(QUERIES, exact_search(vectors, QUERIES, 10)[0]).recall(found)[0]


@pytest.mark.usefixtures("never_trained")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", NAMES)
def test_an_updated_index_finds_what_one_from_scratch_finds(folder: Path, kind: KindName, change: object) -> None:
    origin, vectors = change()  # type: ignore[operator]
    index = opened(folder, kind, (origin, vectors))
    scratch = build_dense(vectors, kind, recall=0.95, queries=QUERIES, reporter=Silent())
    assert recall_of(index, vectors) >= min(recall_of(scratch, vectors) - 0.02, RECALL)
    # Every new product is found by its own vector.
    new = np.flatnonzero(origin < 0)[:50]
    found = index.search(np.ascontiguousarray(vectors[new]), 5)[0]
    assert (found == new[:, None]).any(axis=1).sum() >= 0.9 * len(new)
    save(folder, index)
    assert index_damage(folder) == []
    again = opened(folder, kind, (np.arange(len(origin)), vectors))
    assert again.record == index.record
    assert (again.search(QUERIES, 10)[0] == index.search(QUERIES, 10)[0]).all()


@pytest.mark.usefixtures("never_trained")
@pytest.mark.parametrize("kind", NAMES)
def test_updates_follow_updates_and_nothing_deleted_returns(folder: Path, kind: KindName) -> None:
    """Each update removes some, the highest and the lowest ids among them, and brings in others."""
    vectors, untrained = VECTORS, 0
    for step in range(4):
        keep = np.ones(len(vectors), bool)
        keep[step::60] = keep[-1] = False
        origin = np.append(np.flatnonzero(keep), np.full(20, -1))
        vectors = np.concatenate([vectors[keep], NEW[20 * step : 20 * step + 20]])
        untrained += int((~keep).sum())
        index = opened(folder, kind, (origin, vectors))
        save(folder, index)
        assert recall_of(index, vectors) >= RECALL
        everything, _ = index.search(QUERIES[:5], len(vectors))
        assert (np.sort(everything, axis=1) == np.arange(len(vectors))).all()
        assert index.record is not None
        assert (index.record.products, index.record.untrained) == (len(vectors), untrained)


@pytest.mark.parametrize("kind", NAMES)
def test_a_filter_acts_inside_the_search_of_an_updated_index(
    folder: Path, kind: KindName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.retrieval.dense._EXACT_PRODUCTS", 0)
    origin, vectors = all_at_once()
    index = opened(folder, kind, (origin, vectors))
    allowed = np.random.default_rng(4).random(len(vectors)) < 0.1
    positions, _ = index.search(QUERIES, 10, allowed=Allowed(ProductFilter(), allowed))
    assert allowed[positions].all()
    expected, _ = exact_search(vectors, QUERIES, 10, positions=np.flatnonzero(allowed))
    assert Truth(QUERIES, expected).recall(positions)[0] >= 0.9


def test_only_another_order_changes_no_vector(folder: Path, never_trained: None) -> None:
    origin = np.arange(SIZE)[::-1].copy()
    index = opened(folder, "sq8", (origin, VECTORS[::-1].copy()))
    assert index.record is not None
    assert index.record.untrained == 0
    assert recall_of(index, VECTORS[::-1]) >= RECALL


@pytest.mark.parametrize("share", [0.09, 0.11])
def test_above_a_share_it_is_trained_again(folder: Path, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = np.arange(SIZE)
    origin[: round(share * SIZE)] = -1
    vectors = VECTORS.copy()
    vectors[origin < 0] = clustered(int((origin < 0).sum()), 9)
    built: list[str] = []
    monkeypatch.setattr(dense_file, "build_dense", lambda *a, **k: built.append("") or build_dense(*a, **k))
    index = opened(folder, "sq8", (origin, vectors))
    assert bool(built) == (share > dense_update.MAX_UNTRAINED)
    assert index.record is not None
    assert index.record.untrained == (0 if built else round(share * SIZE))
    assert (index.ids is None) == bool(built)


def test_the_share_counts_all_updates_since_training(folder: Path) -> None:
    vectors = VECTORS
    for step, expected in enumerate((150, 300, 0)):
        origin = np.arange(SIZE)
        origin[step::20] = -1
        vectors = vectors.copy()
        vectors[origin < 0] = clustered(150, 20 + step)
        index = opened(folder, "sq8", (origin, vectors))
        assert index.record is not None
        assert index.record.untrained == expected
        save(folder, index)
    assert not (folder / PRODUCT_IDS).exists(), "the ids of the index before"


def test_below_the_recall_it_is_searched_deeper_or_trained_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([(0.5, 0.0), (0.5, 0.0), (0.96, 0.0)])
    monkeypatch.setattr(Truth, "recall", lambda *_: next(found))
    deeper = opened(folder, "sq8", changed())
    assert deeper.ids is not None
    monkeypatch.undo()
    built: list[str] = []
    monkeypatch.setattr(dense_update, "find_effort", lambda *_: None)
    monkeypatch.setattr(dense_update, "Truth", _Unreached)
    monkeypatch.setattr(dense_file, "build_dense", lambda *a, **k: built.append("") or build_dense(*a, **k))
    index = opened(folder, "sq8", changed())
    assert built
    assert index.ids is None
    assert recall_of(index, changed()[1]) >= RECALL


class _Unreached(Truth):
    def recall(self, found: NDArray[np.int64]) -> tuple[float, float]:
        return 0.5, 0.0


@pytest.mark.parametrize("damage", ["index", "ids", "no ids", "other ids"])
def test_damage_is_found_and_the_index_built_again(folder: Path, damage: str) -> None:
    save(folder, opened(folder, "sq8", changed()))
    path = folder / (PRODUCTS if damage == "index" else PRODUCT_IDS)
    if damage == "no ids":
        path.unlink()
    elif damage == "other ids":
        StableIds(np.arange(SIZE)).save(path)
    else:
        content = bytearray(path.read_bytes())
        content[-len(content) // 3] ^= 1
        path.write_bytes(content)
    assert index_damage(folder) != []
    told = Messages()
    index = open_or_build(folder, changed()[1], QUERIES, settings("sq8"), told)
    assert "built again" in told.heard[0]
    assert recall_of(index, changed()[1]) >= RECALL
    again = opened(folder, "sq8", (np.arange(SIZE), VECTORS))  # another change: no update of a damaged index
    assert again.ids is None


def test_versions_without_ids_take_an_updated_index_for_another_one(folder: Path) -> None:
    """They compare the checksum of the vectors, and would read ids as positions."""
    origin, vectors = all_at_once()
    save(folder, opened(folder, "sq8", (origin, vectors)))
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.dense is not None
    assert manifest.dense.vectors != dense_file.wanted_record(vectors, "sq8", 0.95).vectors
    assert opened(folder, "sq8", (np.arange(len(origin)), vectors)).is_mapped


def test_a_full_run_trains_an_updated_index_again(folder: Path) -> None:
    change = all_at_once()
    save(folder, opened(folder, "sq8", change))
    files = RunFiles.on_disk(folder, "1")
    index = open_or_build(folder, change[1], QUERIES, settings("sq8"), Silent(), files, trained=True)
    assert index.ids is None
    assert not index.is_updated
    save(folder, index)
    again = open_or_build(folder, change[1], QUERIES, settings("sq8"), Silent(), trained=True)
    assert again.file == folder / PRODUCTS, "nothing came or left since"


_KILLED = """
import os, signal, sys
from pathlib import Path
from core.jobs.progress import Silent
from core.retrieval import dense_update
from core.retrieval.manifest import PRODUCTS
from core.retrieval.run_files import RunFiles
from tests.core.retrieval import test_dense_update as case
folder, stage = Path(sys.argv[1]), sys.argv[2]
def kill(*_): os.kill(os.getpid(), signal.SIGKILL)
if stage == "update":
    dense_update.find_effort = dense_update.Truth.sample = kill
elif stage == "save":
    RunFiles.record = kill
index = case.opened(folder, "sq8", case.all_at_once(), RunFiles.on_disk(folder, "1"))
kill()
"""


@pytest.mark.parametrize("stage", ["update", "save", "saved"])
def test_a_killed_update_leaves_the_index_before_and_is_repeated(folder: Path, stage: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    origin, vectors = all_at_once()
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests' / 'support'}"}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(folder), stage], check=False, env=environment)
    assert done.returncode == -signal.SIGKILL
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert opened(folder, "sq8").is_mapped
    index = opened(folder, "sq8", (origin, vectors), RunFiles.on_disk(folder, "1"))
    assert index.is_mapped
    assert recall_of(index, vectors) >= RECALL
    save(folder, index)
    assert index_damage(folder) == []
    again = opened(folder, "sq8", (np.arange(len(origin)), vectors))
    assert (again.search(QUERIES, 10)[0] == index.search(QUERIES, 10)[0]).all()
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.dense == index.record
