"""One suite over every index of product vectors: FAISS in this process, and Milvus, embedded and behind a URL.

The server behind the URL is Milvus Lite as well, which speaks the protocol of Milvus.
"""

import importlib.util
import logging
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from samples import until

from core.catalog.product import Product
from core.errors import CoreError, DamagedError, SettingsError
from core.jobs.progress import Silent
from core.retrieval import milvus_index
from core.retrieval.dense import exact_search
from core.retrieval.dense_file import open_or_build
from core.retrieval.manifest import PRODUCTS, write_manifest
from core.retrieval.milvus_client import Address, connect
from core.retrieval.milvus_index import Access, describe_milvus, expression, is_stored, open_milvus
from core.retrieval.product_filter import FilterColumns, ProductFilter
from core.retrieval.vector_index import VectorIndex
from core.settings import SearchSettings

HAS_MILVUS = all(importlib.util.find_spec(name) for name in ("pymilvus", "milvus_lite"))
# Many examples, and a database: they are not run while one works.
pytestmark = pytest.mark.slow
needs_milvus = pytest.mark.skipif(not HAS_MILVUS, reason="needs the extra milvus: pymilvus and milvus-lite")

TOKEN = "root:correct-horse-battery"  # noqa: S105 - of a server in this process
DIMENSIONS = 16
#: More than a quote and a backslash: what would end a text, a list or a condition, and characters of several bytes.
HOSTILE = [
    '"] or key != "', "\\", '\\"', "' or 1 == 1 --", "{source}", "ü😀\ud800", "\x00\n\r", "in", "price", "x" * 70_000,
    "",
]  # fmt: skip


def unit(count: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors around the same 40 centres, so that they have neighbours."""
    centres = np.random.default_rng(1).normal(size=(40, DIMENSIONS))
    random = np.random.default_rng(seed)
    vectors = (centres[random.integers(40, size=count)] + 0.5 * random.normal(size=(count, DIMENSIONS))).astype("f4")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def catalogue(count: int) -> list[Product]:
    """Products of two sources, five brands, three categories; every fourth has no price, every third a currency."""
    return [
        Product(
            ("amazon", "ebay")[i % 2], str(i), f"product {i}", brand=f"Brand & {i % 5}", category=f"Category {i % 3}",
            price=None if i % 4 == 0 else float(i), currency="USD" if i % 3 == 0 else "",
        )
        for i in range(count)
    ]  # fmt: skip


QUERIES = unit(40, 3)


class Engine:
    """An engine with its settings, and what it is to hold."""

    def __init__(self, search: SearchSettings, home: Path) -> None:
        self.search, self.home, self.folder = search, home, home / "index" / "encoder"
        self.folder.mkdir(parents=True)

    def open(
        self, products: Sequence[Product], vectors: NDArray[np.float32], access: Access = "update", **other: Any
    ) -> VectorIndex:
        """The index, as an index run leaves it."""
        reporter = other.pop("reporter", Silent())
        search = self.search.model_copy(update=other)
        if search.engine == "milvus":
            index: VectorIndex = open_milvus(
                self.folder, self.home, products, vectors, QUERIES, search, reporter, access=access
            )
        else:
            index = open_or_build(self.folder, vectors, QUERIES, search, reporter)
        if access != "read":
            index.save(self.folder / PRODUCTS)
            names = [PRODUCTS] if (self.folder / PRODUCTS).exists() else []
            write_manifest(self.folder, "run", names, index.record)
        return index


class Server:
    """Milvus Lite behind a port, which can be stopped and started; refuses other tokens than `TOKEN`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.asked: list[str] = []
        self.start()

    def start(self) -> None:
        import grpc  # noqa: PLC0415
        from milvus_lite.adapter.grpc.servicer import MilvusServicer  # noqa: PLC0415
        from milvus_lite.db import MilvusLite  # noqa: PLC0415
        from pymilvus.grpc_gen import milvus_pb2_grpc  # noqa: PLC0415

        logging.getLogger("grpc").setLevel(logging.CRITICAL + 1)  # of this server; that of a user is another process
        outer, expected = self, _base64(TOKEN)

        class Guard(grpc.ServerInterceptor):  # type: ignore[misc]
            def intercept_service(self, continuation: Any, details: Any) -> Any:
                outer.asked.append(details.method.rpartition("/")[2])
                if dict(details.invocation_metadata).get("authorization") == expected:
                    return continuation(details)
                return grpc.unary_unary_rpc_method_handler(
                    lambda _, context: context.abort(
                        grpc.StatusCode.UNAUTHENTICATED, f"auth check failure: {dict(details.invocation_metadata)}"
                    )
                )

        self._db = MilvusLite(str(self.folder))
        self._server = grpc.server(ThreadPoolExecutor(4), interceptors=[Guard()], options=[("grpc.so_reuseport", 0)])
        milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(self._db), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()
        self._db.close()

    @property
    def settings(self) -> SearchSettings:
        return SearchSettings(engine="milvus", milvus_uri=f"http://127.0.0.1:{self.port}", milvus_timeout_s=20)


def _base64(text: str) -> str:
    import base64  # noqa: PLC0415

    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server(tmp_path / "server")
    monkeypatch.setenv("SAMESKU_MILVUS_TOKEN", TOKEN)
    yield found
    found.stop()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[SearchSettings]:
    yield SearchSettings(engine="milvus")
    from milvus_lite.server_manager import server_manager_instance  # noqa: PLC0415

    server_manager_instance.release_all()


ENGINES = ["flat", "sq8", *(pytest.param(name, marks=needs_milvus) for name in ("milvus", "milvus server"))]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "milvus server":
        search = request.getfixturevalue("server").settings
    elif request.param == "milvus":
        search = request.getfixturevalue("embedded")
    else:
        search = SearchSettings(index=request.param, recall=0.9)
    return Engine(search, tmp_path / "home")


@pytest.fixture
def milvus(server: Server, tmp_path: Path) -> Engine:
    return Engine(server.settings, tmp_path / "home")


def finds(index: VectorIndex, vectors: NDArray[np.float32], *, recall: float = 1.0) -> None:
    """Check that an index finds what a comparison with all vectors finds, with its cosines, as far as it is exact."""
    positions, scores = index.search(QUERIES, 10)
    expected, _ = exact_search(vectors, QUERIES, 10)
    assert positions.shape == scores.shape == (len(QUERIES), 10)
    assert np.mean([np.isin(row, hits).mean() for row, hits in zip(expected, positions, strict=True)]) >= recall
    cosines = np.take_along_axis(QUERIES @ vectors.T, positions, axis=1)
    assert np.allclose(scores, cosines, atol=1e-5 if recall == 1 else 0.02)
    assert (np.diff(scores, axis=1) <= 1e-6).all()


# -- what every engine does ----------------------------------------------------------------------------------

SIZE = 2_000
PRODUCTS_, VECTORS = catalogue(SIZE), unit(SIZE, 2)
#: Of a compressed index of FAISS.
RECALL = {"flat": 1.0, "sq8": 0.85, "auto": 1.0}


def test_it_finds_what_brute_force_finds(engine: Engine) -> None:
    finds(engine.open(PRODUCTS_, VECTORS), VECTORS, recall=RECALL[engine.search.index])


@pytest.mark.parametrize("depth", [1, 700, SIZE + 1])
def test_it_gives_as_many_as_asked(engine: Engine, depth: int) -> None:
    positions, _ = engine.open(PRODUCTS_, VECTORS).search(QUERIES[:3], depth)
    assert positions.shape == (3, min(depth, SIZE))
    assert all(len(set(row)) == len(row) and min(row) >= 0 for row in positions.tolist())


def test_cosines_of_pairs_and_of_all_products(engine: Engine) -> None:
    index = engine.open(PRODUCTS_, VECTORS)
    rows, positions = np.array([0, 0, 7]), np.array([3, 1_999, 11])
    assert np.allclose(index.pairs(QUERIES, rows, positions), (QUERIES @ VECTORS.T)[rows, positions], atol=1e-5)
    assert np.allclose(index.scores(QUERIES[:2]), QUERIES[:2] @ VECTORS.T, atol=1e-5)


FILTERS = [
    ProductFilter(),
    ProductFilter(sources=["ebay"]),
    ProductFilter(sources=["ebay", "amazon", "none"]),
    ProductFilter(categories=["CATEGORY 1"]),
    ProductFilter(brands=["brand+3", "Brand & 4"]),
    ProductFilter(min_price=100, max_price=161.5),
    ProductFilter(min_price=1_000, currency="USD"),
    ProductFilter(max_price=float("inf")),
    ProductFilter(min_price=-1e300),
    ProductFilter(sources=["amazon"], categories=["category 2"], brands=["Brand 1"], min_price=1, max_price=2_000),
    ProductFilter(min_price=101, max_price=101),
    ProductFilter(brands=["unknown"]),
    ProductFilter(min_price=float("nan")),
    ProductFilter(min_price=float("inf")),
]


def test_a_filter_acts_inside_the_search(engine: Engine) -> None:
    index, columns = engine.open(PRODUCTS_, VECTORS), FilterColumns(PRODUCTS_)
    for only in FILTERS:
        allowed = columns.allowed(only)
        positions, _ = index.search(QUERIES, 10, allowed=allowed)
        depth = min(10, allowed.count)
        assert positions.shape == (len(QUERIES), depth)
        assert allowed.mask[positions].all()
        if depth:
            expected, _ = exact_search(VECTORS, QUERIES, depth, positions=np.flatnonzero(allowed.mask))
            assert np.isin(positions, expected).mean() >= RECALL[engine.search.index]


def test_upsert_and_delete(engine: Engine) -> None:
    engine.open(PRODUCTS_, VECTORS)
    # Two products leave, one has another vector, one another price, and two are new; the rest moves up.
    products, vectors = [*PRODUCTS_[2:]], VECTORS[2:].copy()
    vectors[5] = QUERIES[0]
    products[6] = replace(products[6], price=77_777.0)
    products += [Product("ebay", "new 1", "n", price=88_888.0), Product("amazon", "new 2", "n")]
    vectors = np.concatenate([vectors, QUERIES[1:3]])
    index = engine.open(products, vectors)
    finds(index, vectors, recall=RECALL[engine.search.index])
    found, _ = index.search(QUERIES[:3], 1)
    assert found.ravel().tolist() == [5, SIZE - 2, SIZE - 1]
    dear = FilterColumns(products).allowed(ProductFilter(min_price=70_000))
    assert {*index.search(QUERIES[:1], 10, allowed=dear)[0][0].tolist()} == {6, SIZE - 2}


def test_a_rebuild_of_the_same_and_of_another_catalogue(engine: Engine) -> None:
    engine.open(PRODUCTS_, VECTORS)
    finds(engine.open(PRODUCTS_, VECTORS, "full"), VECTORS, recall=RECALL[engine.search.index])
    other = unit(SIZE, 9)
    finds(engine.open(catalogue(SIZE)[::-1], other, "full"), other, recall=RECALL[engine.search.index])


def test_an_index_that_was_opened_before_a_rebuild_goes_on(engine: Engine) -> None:
    before = engine.open(PRODUCTS_, VECTORS)
    engine.open(PRODUCTS_[100:], unit(SIZE - 100, 9), "full")
    finds(before, VECTORS, recall=RECALL[engine.search.index] if engine.search.engine == "faiss" else 0.0)


def test_it_is_opened_again_as_it_was(engine: Engine) -> None:
    record = engine.open(PRODUCTS_, VECTORS).record
    index = engine.open(PRODUCTS_, VECTORS, "read")
    assert index.record == record
    finds(index, VECTORS, recall=RECALL[engine.search.index])


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)  # a flat index is made by its first search
def test_a_run_that_was_interrupted_leaves_the_index_before_and_is_repeated(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.open(PRODUCTS_, VECTORS)
    vectors = unit(SIZE, 9)
    with monkeypatch.context() as patched:
        patched.setattr(milvus_index, "_REQUEST_BYTES", 200 * 4 * DIMENSIONS)
        with pytest.raises(KeyboardInterrupt):
            engine.open(PRODUCTS_, vectors, "full", reporter=Interrupting(1_000))
    finds(before, VECTORS, recall=RECALL[engine.search.index])
    finds(engine.open(PRODUCTS_, vectors, "full"), vectors, recall=RECALL[engine.search.index])


class Interrupting(Silent):
    """Ctrl-C once so much of a stage is done; of a stage with less, or without progress, at its begin."""

    def __init__(self, after: int) -> None:
        self._after = after

    def stage(self, name: str, *, total: int | None = None) -> None:
        if name not in {"store the vectors", "build the index", "train the index"}:
            return
        if total is None:
            raise KeyboardInterrupt

    def advance(self, done: int) -> None:
        if done >= self._after:
            raise KeyboardInterrupt


def test_hostile_texts_are_texts(engine: Engine) -> None:
    products = [
        replace(PRODUCTS_[i], source="s" + text, id="i" + text, brand=f"b{i} {text}", category=text, currency=text[:9])
        for i, text in enumerate(HOSTILE)
    ]
    vectors = VECTORS[: len(HOSTILE)]
    index, columns = engine.open(products, vectors), FilterColumns(products)
    for position, text in enumerate(HOSTILE):
        for only in (ProductFilter(sources=["s" + text]), ProductFilter(categories=[text])):
            allowed = columns.allowed(only)
            assert index.search(QUERIES[:2], 10, allowed=allowed)[0].tolist() == [[position]] * 2


# -- what only a database can do -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_an_expression_has_no_text_of_a_catalogue(text: str) -> None:
    only = ProductFilter([text], [text], [text], 1e400, -1e400, text)
    allowed = set("0123456789abcdef") | set('"[], .+-<>=') | set("sourceategyandbrncyipuri")
    assert {*expression(only)} <= allowed


@needs_milvus
def test_an_unchanged_catalogue_stores_nothing_and_a_change_only_what_differs(server: Server, milvus: Engine) -> None:
    milvus.open(PRODUCTS_, VECTORS)
    server.asked.clear()
    milvus.open(PRODUCTS_, VECTORS)
    assert not {"Upsert", "Delete", "Query", "CreateCollection", "AlterCollection"} & {*server.asked}
    progress = Counting()
    milvus.open(PRODUCTS_[3:], VECTORS[3:], reporter=progress)
    assert progress.total == 3
    assert "Upsert" not in server.asked
    assert "CreateCollection" not in server.asked


class Counting(Silent):
    """The rows that were to be stored or deleted."""

    total: int | None = None

    def stage(self, name: str, *, total: int | None = None) -> None:
        if name == "store the vectors":
            self.total = total


@needs_milvus
def test_an_interrupted_full_run_goes_on_where_it_was(milvus: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_index, "_REQUEST_BYTES", 200 * 4 * DIMENSIONS)
    with pytest.raises(KeyboardInterrupt):
        milvus.open(PRODUCTS_, VECTORS, "full", reporter=Interrupting(1_000))
    progress = Counting()
    finds(milvus.open(PRODUCTS_, VECTORS, "full", reporter=progress), VECTORS)
    assert progress.total == SIZE - 1_000


@needs_milvus
def test_the_swap_moves_the_alias_and_drops_what_it_named(milvus: Engine) -> None:
    import pymilvus  # noqa: PLC0415

    milvus.open(PRODUCTS_, VECTORS)
    client = pymilvus.MilvusClient(milvus.search.milvus_uri, token=TOKEN)
    (first,) = client.list_collections()
    milvus.open(PRODUCTS_, VECTORS, "full")
    (second,) = client.list_collections()
    alias = first.removesuffix("_1")
    assert second == f"{alias}_2"
    assert client.describe_alias(alias)["collection_name"] == second


@needs_milvus
@pytest.mark.parametrize("kind", ["hnsw", "sq8"])
def test_a_graph_reaches_the_recall_with_a_measured_effort(milvus: Engine, kind: str) -> None:
    milvus.open(PRODUCTS_, VECTORS, index="flat")
    index = milvus.open(PRODUCTS_, VECTORS, index=kind, recall=0.9)
    finds(index, VECTORS, recall=0.9)
    assert index.record is not None
    assert index.record.probes > 0


@needs_milvus
def test_kinds_of_faiss_are_refused(milvus: Engine) -> None:
    with pytest.raises(CoreError, match=r"^search.index = ivfpq is for FAISS") as caught:
        milvus.open(PRODUCTS_, VECTORS, index="ivfpq")
    assert "auto, flat, hnsw or sq8" in caught.value.hint


@needs_milvus
def test_a_reader_changes_nothing(server: Server, milvus: Engine) -> None:
    with pytest.raises(DamagedError, match="does not hold"):
        milvus.open(PRODUCTS_, VECTORS, "read")
    milvus.open(PRODUCTS_, VECTORS)
    server.asked.clear()
    with pytest.raises(DamagedError, match="does not hold") as caught:
        milvus.open(PRODUCTS_[1:], VECTORS[1:], "read")
    assert "samesku index" in caught.value.hint
    assert not {"Upsert", "Delete", "AlterCollection"} & {*server.asked}


@needs_milvus
def test_what_was_stored_is_missed_when_the_server_has_lost_it(server: Server, milvus: Engine) -> None:
    import pymilvus  # noqa: PLC0415

    def stored() -> bool:
        return is_stored(milvus.folder, milvus.home, milvus.search)

    assert not stored()
    milvus.open(PRODUCTS_, VECTORS)
    assert stored()
    client = pymilvus.MilvusClient(milvus.search.milvus_uri, token=TOKEN)
    (name,) = client.list_collections()
    client.drop_alias(name.removesuffix("_1"))
    client.drop_collection(name)
    assert not stored()
    finds(milvus.open(PRODUCTS_, VECTORS), VECTORS)
    assert stored()


@needs_milvus
def test_two_workspaces_on_one_server_do_not_meet(server: Server, milvus: Engine, tmp_path: Path) -> None:
    other, vectors = Engine(server.settings, tmp_path / "other"), unit(SIZE, 9)
    first, second = milvus.open(PRODUCTS_, VECTORS), other.open(PRODUCTS_, vectors)
    finds(first, VECTORS)
    finds(second, vectors)


# -- failures ------------------------------------------------------------------------------------------------


def failure(
    action: Callable[[], object], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> CoreError:
    """The error, after a look at everything that was printed or logged: one sentence, and no token."""
    with pytest.raises(CoreError) as caught:
        action()
    error, printed = caught.value, capfd.readouterr()
    told = f"{error.message} {error.hint} {printed.out} {printed.err} {caplog.text} {error.__cause__!r}"
    assert all(part not in told for part in (*TOKEN.split(":")[1:], _base64(TOKEN)))
    assert "Traceback" not in told
    assert error.message.endswith(".")
    assert "\n" not in error.message
    assert error.hint
    return error


@needs_milvus
@pytest.mark.parametrize("silent", [False, True], ids=["refused", "timed out"])
def test_a_server_that_does_not_answer(
    silent: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SAMESKU_MILVUS_TOKEN", TOKEN)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:
            listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        engine = Engine(SearchSettings(engine="milvus", milvus_uri=url, milvus_timeout_s=0.5), tmp_path / "home")
        for action in (
            lambda: engine.open(PRODUCTS_, VECTORS),
            lambda: describe_milvus(engine.home, engine.search),
        ):
            error = failure(action, capfd, caplog)
            assert error.message.startswith(f"Milvus at {url.removeprefix('http://')} ")
            assert ("does not answer within 0.5 s" if silent else "cannot be reached") in error.message
            assert 'search.engine = "faiss"' in error.hint
    assert list(engine.folder.iterdir()) == []


@needs_milvus
@pytest.mark.parametrize("token", ["", "root:wrong-horse"])
def test_a_refused_token(
    milvus: Engine, token: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SAMESKU_MILVUS_TOKEN", token)
    error = failure(lambda: milvus.open(PRODUCTS_, VECTORS), capfd, caplog)
    assert "refuses the token" in error.message
    assert "SAMESKU_MILVUS_TOKEN" in error.hint
    assert "wrong-horse" not in error.message + error.hint + caplog.text


def answers(engine: Engine) -> bool:
    """Whether the server can be reached again."""
    try:
        return "answers" in describe_milvus(engine.home, engine.search)
    except CoreError:
        return False


@needs_milvus
def test_a_server_that_restarts_in_the_middle(
    server: Server, milvus: Engine, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    milvus.search = milvus.search.model_copy(update={"milvus_timeout_s": 3})
    index = milvus.open(PRODUCTS_, VECTORS)
    vectors = unit(SIZE, 9)

    class Stopping(Silent):
        def stage(self, name: str, *, total: int | None = None) -> None:
            if name == "store the vectors":
                server.stop()

    failure(lambda: milvus.open(PRODUCTS_, vectors, reporter=Stopping()), capfd, caplog)
    failure(lambda: index.search(QUERIES, 10), capfd, caplog)
    server.start()
    until(lambda: answers(milvus))  # gRPC waits a little longer after each failure
    assert not is_stored(milvus.folder, milvus.home, milvus.search)
    finds(milvus.open(PRODUCTS_, vectors), vectors)
    index.search(QUERIES, 10)


@needs_milvus
def test_a_file_that_is_no_database(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(SearchSettings(engine="milvus"), tmp_path / "home")
    (engine.home / "milvus.db").write_text("something else")
    error = failure(lambda: engine.open(PRODUCTS_, VECTORS), capfd, caplog)
    assert "milvus.db is in use by another process, or is no database" in error.message
    assert (engine.home / "milvus.db").read_text() == "something else"


def test_without_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.packages.find_spec", lambda _: None)
    engine = Engine(SearchSettings(engine="milvus"), tmp_path / "home")
    with pytest.raises(
        CoreError, match=r"^search.engine = milvus needs packages that are not installed: pymilvus"
    ) as it:
        engine.open(PRODUCTS_, VECTORS)
    assert "[milvus]" in it.value.hint
    assert "pymilvus" not in {*sys.modules} or HAS_MILVUS


@pytest.mark.parametrize(
    "uri",
    [
        "http://root:secret-word@127.0.0.1:19530", "https://example.com?token=secret-word", "127.0.0.1:19530",
        "tcp://secret-word", "http://secret-word host", "http://a:secret-word",
    ],
)  # fmt: skip
def test_an_address_with_a_secret_or_of_another_kind(uri: str) -> None:
    with pytest.raises(ValueError) as caught:
        SearchSettings(milvus_uri=uri)
    assert "secret-word" not in str(caught.value)


def test_a_file_in_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    address = Address.of(SearchSettings(milvus_uri="missing/vectors.db"), tmp_path)
    with pytest.raises(CoreError, match="does not exist"):
        connect(address)
    with pytest.raises(SettingsError, match="there is no home folder"):
        Address.of(SearchSettings(milvus_uri="~nobody-has-this-name/vectors.db"), tmp_path)
