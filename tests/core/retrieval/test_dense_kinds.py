"""The approximate indexes against exact search, their files against damage, and filters inside the search."""

import os
from dataclasses import asdict
from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray
from samples import PRODUCTS

from core.catalog.product import Product
from core.jobs.progress import Silent
from core.retrieval import dense
from core.retrieval import manifest as manifest_module
from core.retrieval.dense import DenseIndex, Effort, exact_search
from core.retrieval.dense_file import open_or_build
from core.retrieval.dense_kinds import KINDS, MAX_FLAT, KindName, Truth, build_dense, choose_kind, efforts, find_effort
from core.retrieval.manifest import PRODUCTS as INDEX_FILE
from core.retrieval.manifest import forget_damaged, index_damage, write_manifest
from core.retrieval.product_filter import Allowed, FilterColumns, ProductFilter
from core.retrieval.run_files import RunFiles
from core.settings import SearchSettings, Settings

# Many examples: they are not run while one works.
pytestmark = pytest.mark.slow

NAMES: list[KindName] = list(KINDS)


class Messages(Silent):
    """What a user was told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def message(self, text: str) -> None:
        self.heard.append(text)


def clustered(count: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors around the same 40 centres, so that they have neighbours."""
    centres = np.random.default_rng(1).normal(size=(40, 24))
    random = np.random.default_rng(seed)
    vectors = (centres[random.integers(40, size=count)] + 0.5 * random.normal(size=(count, 24))).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS, QUERIES = clustered(3_000, 2), clustered(300, 3)


@pytest.fixture(scope="module")
def built() -> dict[str, DenseIndex]:
    return {name: build_dense(VECTORS, name, recall=0.95, queries=QUERIES, reporter=Silent()) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_reaches_the_recall(built: dict[str, DenseIndex], name: str) -> None:
    assert built[name].kind == name
    recall, _ = Truth.sample(VECTORS, QUERIES, 300).recall(built[name].search(QUERIES, 10)[0])
    assert recall >= 0.95


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("depth", [1, 10, 700, 5_000])
def test_each_kind_gives_as_many_as_asked_best_first(built: dict[str, DenseIndex], name: str, depth: int) -> None:
    positions, scores = built[name].search(QUERIES[:4], depth)
    assert positions.shape == scores.shape == (4, min(depth, 3_000))
    assert (positions >= 0).all()
    assert all(len(set(row)) == len(row) for row in positions.tolist())
    assert (np.diff(scores, axis=1) <= 1e-6).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_shortlist_has_exact_cosines(built: dict[str, DenseIndex], name: str) -> None:
    index = DenseIndex(VECTORS, built[name].index, kind=name, effort=Effort(64, 50))
    positions, scores = index.search(QUERIES, 10)
    assert np.allclose(scores, np.einsum("qd,qrd->qr", QUERIES, VECTORS[positions]), atol=1e-5)


@pytest.mark.parametrize("name", ["flat", *NAMES])
@pytest.mark.parametrize("most_exact", [0, 20_000])
def test_a_filter_acts_inside_the_search(
    built: dict[str, DenseIndex], name: str, most_exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "_EXACT_PRODUCTS", most_exact)
    index = DenseIndex(VECTORS) if name == "flat" else built[name]
    allowed = np.random.default_rng(4).random(len(VECTORS)) < 0.1
    positions, _ = index.search(QUERIES, 10, allowed=Allowed(ProductFilter(), allowed))
    assert positions.shape == (300, 10)
    assert allowed[positions].all()
    expected, _ = exact_search(VECTORS, QUERIES, 10, positions=np.flatnonzero(allowed))
    assert Truth(QUERIES, expected).recall(positions)[0] >= 0.9


def test_a_filter_that_leaves_few_or_none(built: dict[str, DenseIndex]) -> None:
    three, none = np.zeros(3_000, np.bool_), np.zeros(3_000, np.bool_)
    three[[5, 70, 900]] = True
    few, nothing = (Allowed(ProductFilter(), mask) for mask in (three, none))
    for index in (DenseIndex(VECTORS), built["sq8"]):
        assert {*index.search(QUERIES[:1], 10, allowed=few)[0][0].tolist()} == {5, 70, 900}
        assert index.search(QUERIES[:2], 10, allowed=nothing)[0].shape == (2, 0)


def test_a_memory_map_of_half_precision_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_BLOCK", 700)
    np.save(tmp_path / "vectors.npy", VECTORS.astype(np.float16))
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    index = build_dense(mapped, "sq8", recall=0.95, queries=QUERIES, reporter=Silent())
    assert Truth.sample(VECTORS, QUERIES).recall(index.search(Truth.sample(VECTORS, QUERIES).queries, 10)[0])[0] > 0.94
    positions, scores = exact_search(mapped, QUERIES, 5)
    assert np.allclose(scores, np.take_along_axis(QUERIES @ VECTORS.T, positions, axis=1), atol=2e-3)


def test_auto_is_exact_until_another_kind_pays_and_then_goes_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(products: int) -> str:
        return choose_kind("auto", np.broadcast_to(np.float32(0), (products, 384)))

    assert (kind(22_074), kind(MAX_FLAT), kind(MAX_FLAT + 1)) == ("flat", "flat", "sq8")
    assert kind(10**10) == "ivfpq"
    assert choose_kind("hnsw", VECTORS) == "hnsw"
    assert choose_kind("hnsw", VECTORS[:100]) == "flat"


def test_a_recall_out_of_reach_is_said_and_the_search_is_exact() -> None:
    told, twins = Messages(), np.repeat(VECTORS[:30], 100, axis=0)
    index = build_dense(twins, "hnsw", recall=0.9999, queries=QUERIES, reporter=told)
    assert index.kind == "flat"
    assert "exact search is used" in told.heard[-1]


def test_the_effort_is_the_least_that_reaches_the_target(built: dict[str, DenseIndex]) -> None:
    truth = Truth.sample(VECTORS, QUERIES)
    low, high = (find_effort(built["ivf"], truth, recall, efforts(built["ivf"])) for recall in (0.5, 0.99))
    assert low is not None
    assert high is not None
    assert low.probes < high.probes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index folder as a run leaves it."""
    index = open_or_build(tmp_path, VECTORS, QUERIES, SearchSettings(index="sq8"), Silent())
    index.save(tmp_path / INDEX_FILE)
    write_manifest(tmp_path, "run", (INDEX_FILE,), index.record)
    return tmp_path


def test_a_quick_check_reads_files_that_were_written_since(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_module, "_MIN_LARGE", 0)
    file, manifest = folder / INDEX_FILE, folder / "manifest.json"
    written, content = file.stat(), file.read_bytes()
    os.utime(manifest, ns=(0, written.st_mtime_ns + 2 * 10**9))
    assert index_damage(folder, quick=True) == index_damage(folder) == []
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(file, ns=(0, written.st_mtime_ns + 1))
    assert index_damage(folder, quick=True) == index_damage(folder) != []
    os.utime(file, ns=(0, written.st_mtime_ns))  # as no program leaves it: the file is not read
    assert index_damage(folder, quick=True) == []
    os.utime(manifest, ns=(0, written.st_mtime_ns))
    assert index_damage(folder, quick=True) != [], "both within a second"


def test_a_quick_check_reads_all_small_files(folder: Path) -> None:
    file = folder / INDEX_FILE
    written, content = file.stat(), file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(file, ns=(0, written.st_mtime_ns))
    os.utime(folder / "manifest.json", ns=(0, written.st_mtime_ns + 2 * 10**9))
    assert index_damage(folder, quick=True) == index_damage(folder) != []


def test_a_damaged_file_is_forgotten_unless_a_run_has_written_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = folder / "manifest.json"
    forget_damaged(folder)
    assert manifest.exists()
    (folder / INDEX_FILE).write_bytes(b"damaged")

    def written_meanwhile(folder: Path) -> list[str]:
        found = index_damage(folder)
        write_manifest(folder, "run", (INDEX_FILE,))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(manifest_module, "index_damage", written_meanwhile)
        forget_damaged(folder)
    assert manifest.exists()
    (folder / INDEX_FILE).write_bytes(b"damaged again")
    forget_damaged(folder)
    assert not manifest.exists()


def reopened(folder: Path, vectors: NDArray[np.float32] = VECTORS, **search: object) -> tuple[DenseIndex, list[str]]:
    told = Messages()
    settings = SearchSettings.model_validate({"index": "sq8"} | search)
    return open_or_build(folder, vectors, QUERIES, settings, told), told.heard


def test_a_saved_index_is_mapped_and_finds_the_same(folder: Path) -> None:
    index, heard = reopened(folder)
    fresh = open_or_build(folder / "empty", VECTORS, QUERIES, SearchSettings(index="sq8"), Silent())
    assert index.is_mapped
    assert not fresh.is_mapped
    assert heard == []
    assert index.record == fresh.record
    assert (index.search(QUERIES, 10)[0] == fresh.search(QUERIES, 10)[0]).all()
    before = (folder / INDEX_FILE).read_bytes()
    index.save(folder / INDEX_FILE)  # by another run with the same vectors
    assert (folder / INDEX_FILE).read_bytes() == before
    assert index_damage(folder) == []


@pytest.mark.parametrize("name", ["hnsw", "ivfpq"])
def test_the_kinds_that_are_read_into_memory(tmp_path: Path, name: KindName) -> None:
    search = SearchSettings(index=name, recall=0.9)
    index = open_or_build(tmp_path, VECTORS, QUERIES, search, Silent())
    index.save(tmp_path / INDEX_FILE)
    write_manifest(tmp_path, "run", (INDEX_FILE,), index.record)
    again, heard = reopened(tmp_path, index=name, recall=0.9)
    assert heard == []
    assert again.record == index.record
    assert (again.search(QUERIES, 10)[0] == index.search(QUERIES, 10)[0]).all()


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "link", "folder"])
def test_a_damaged_file_is_found_before_faiss_reads_it(
    folder: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / INDEX_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "cut":
        path.write_bytes(content[:-9])
    elif damage == "flipped":
        path.write_bytes(content)
    else:
        path.rename(folder / "elsewhere")
        if damage == "link":
            path.symlink_to(folder / "elsewhere")
        elif damage == "folder":
            path.mkdir()
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("read"))
    index, heard = reopened(folder)
    assert "built again" in heard[0]
    assert not index.is_mapped
    assert len(index.search(QUERIES, 10)[0]) == 300


def test_a_foreign_index_with_a_true_checksum_is_found(folder: Path) -> None:
    record = reopened(folder)[0].record
    DenseIndex(VECTORS[:10]).save(folder / INDEX_FILE)
    write_manifest(folder, "run", (INDEX_FILE,), record)
    assert "built again" in reopened(folder)[1][0]
    (folder / INDEX_FILE).write_bytes(b"IwFl no index")
    write_manifest(folder, "run", (INDEX_FILE,), record)
    assert "built again" in reopened(folder)[1][0]


def test_other_vectors_another_kind_or_recall_build_another_index(folder: Path) -> None:
    for index, heard in (
        reopened(folder, vectors=VECTORS[::-1].copy()),
        reopened(folder, index="ivf"),
        reopened(folder, recall=0.9),
    ):
        assert not index.is_mapped
        assert heard == []


def test_a_small_catalogue_touches_no_file(tmp_path: Path) -> None:
    index = open_or_build(tmp_path / "none", VECTORS[:500], QUERIES, SearchSettings(), Silent())
    assert (index.kind, index.record) == ("flat", None)
    assert not (tmp_path / "none").exists()


def test_the_settings_of_a_search_leave_earlier_fingerprints_alone() -> None:
    assert repr(Settings().search) == "SearchSettings(k=10, depth=100, dense_weight=0.5)"
    assert Settings().search.later_settings == ""
    later = [SearchSettings.model_validate(each).later_settings for each in ({"index": "flat"}, {"recall": 0.9})]
    assert len({"", *later}) == 3


CAMERAS = [
    Product("amazon", "1", "a", brand="Black & Decker", category="Tools", price=10.0, currency="USD"),
    Product("amazon", "2", "b", brand="black decker", category="tools", price=20.0),
    Product("ebay", "3", "c", brand="Nikon", category="Cameras", price=20.0, currency="EUR"),
    Product("ebay", "4", "d"),
]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (ProductFilter(), [0, 1, 2, 3]),
        (ProductFilter(sources=["ebay"]), [2, 3]),
        (ProductFilter(categories=["TOOLS", "none"]), [0, 1]),
        (ProductFilter(brands=["BLACK+DECKER"]), [0, 1]),
        (ProductFilter(min_price=10, max_price=20), [0, 1, 2]),
        (ProductFilter(min_price=10.5, currency="USD"), [1]),
        (ProductFilter(currency="USD"), [0, 1, 2, 3]),
        (ProductFilter(brands=["unknown"]), []),
        (ProductFilter(sources=["ebay"], max_price=5), []),
    ],
)
def test_a_filter_by_fields(only: ProductFilter, expected: list[int]) -> None:
    assert np.flatnonzero(FilterColumns(CAMERAS).allowed(only).mask).tolist() == expected


def test_the_columns_of_a_filter_are_in_the_order_of_the_products() -> None:
    sources = FilterColumns(PRODUCTS).allowed(ProductFilter(sources=[PRODUCTS[0].source]))
    assert sources.mask.tolist() == [product.source == PRODUCTS[0].source for product in PRODUCTS]


def test_a_record_is_plain_json(folder: Path) -> None:
    record = reopened(folder)[0].record
    assert record is not None
    assert all(isinstance(value, str | int | float) for value in asdict(record).values())


def test_faiss_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    build_dense(VECTORS[:2000], "sq8", recall=0.95, queries=QUERIES, reporter=Silent())
    assert capfd.readouterr() == ("", "")


def test_an_index_that_a_run_keeps_is_opened_by_the_next_and_copied_in_the_end(tmp_path: Path) -> None:
    settings, told = SearchSettings(index="sq8"), Messages()
    files = RunFiles.on_disk(tmp_path, "1")
    built = open_or_build(tmp_path, VECTORS, QUERIES, settings, told, files)
    again = open_or_build(tmp_path, VECTORS, QUERIES, settings, told, RunFiles.on_disk(tmp_path, "1"))
    assert built.is_mapped
    assert again.file == built.file == tmp_path / "unfinished" / INDEX_FILE
    again.save(tmp_path / INDEX_FILE)
    assert (tmp_path / INDEX_FILE).read_bytes() == built.file.read_bytes()
    assert not RunFiles.on_disk(tmp_path, "2").has(INDEX_FILE)
    assert told.heard == []
