"""Encoding and batch matching on Ray: two workers on this machine, against the same work in this process."""

import os
import socket
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from samples import PRODUCTS, QUERIES, write_catalogue
from tiny_encoder import write_tiny_sentence_encoder

from core.errors import CoreError
from core.ray_cluster import Item, describe_ray, map_items
from core.retrieval.encoder import Encoder
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.int8_encoder import Int8Encoder
from core.retrieval.ray_encoder import RayEncoder
from tests.core.cli.conftest import Call, call

__all__ = ["call"]

#: Ray starts in seconds on an idle machine, and in minutes on a busy one.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.packages.find_spec", lambda _: None)
    for action in (describe_ray, lambda: list(map_items([{"number": 1}], Doubling, (), 1))):
        with pytest.raises(CoreError, match=r"^--engine ray needs packages that are not installed: ray\.$") as caught:
            action()
        assert "[ray]" in caught.value.hint


def test_a_command_misses_ray_before_it_does_anything(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.packages.find_spec", lambda _: None)
    home = write_catalogue(tmp_path / "home").home
    before = sorted(home.rglob("*"))
    for arguments in (["index"], ["match", "--input", tmp_path / "none.csv", "--source", "a", "--out", tmp_path / "o"]):
        answer = call("--home", home, *arguments, "--engine", "ray")
        assert (answer.code, "--engine ray needs packages that are not installed: ray." in answer.err) == (1, True)
    assert sorted(home.rglob("*")) == before


def test_a_cluster_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    for value in (address, f"ray://{address}"):
        monkeypatch.setenv("RAY_ADDRESS", value)
        for action in (describe_ray, lambda: list(map_items([{"number": 1}], Doubling, (), 1))):
            with pytest.raises(CoreError, match="cannot be reached") as caught:
                action()
            assert address in caught.value.message
            assert "RAY_ADDRESS" in caught.value.hint


def test_doctor_says_whether_the_cluster_answers(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    home = write_catalogue(tmp_path / "home").home
    (home / "samesku.toml").write_text('[cluster]\nengine = "ray"\n')
    assert "ray: on this machine\n" in call("--home", home, "doctor").out
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert f"ray: cluster at {address} answers\n" in call("--home", home, "doctor").out
    answer = call("--home", home, "doctor")
    assert (answer.code, f"problem: The Ray cluster at {address} cannot be reached." in answer.out) == (1, True)


def test_an_encoder_travels_without_what_it_has_loaded(tmp_path: Path) -> None:
    encoder = Encoder(EncoderModel("id", tmp_path), max_tokens=64, batch_size=8)
    encoder._loaded = lambda: None  # type: ignore[assignment]  # no other process has it
    assert vars(copy(encoder)) == vars(encoder) | {"_loaded": None}
    int8 = Int8Encoder(tmp_path)
    int8._session = lambda: None
    assert vars(copy(int8)) == vars(Int8Encoder(tmp_path))


# -- with Ray ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    """Ray with two processors, which the code under test finds started."""
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [product.title for product in (*QUERIES, *PRODUCTS)]
    return write_tiny_sentence_encoder(tmp_path_factory.mktemp("tiny"), texts)


class Doubling:
    """A worker that is never made."""

    def __call__(self, item: Item) -> Item:
        return {"number": 2 * item["number"]}


@pytest.mark.usefixtures("two_workers")
def test_the_vectors_are_those_of_this_process_to_the_bit(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Encoder, "chunk", 7)
    monkeypatch.setattr("core.retrieval.encoder.CHUNK", 7)
    encoder = Encoder(EncoderModel("tiny", encoder_folder), max_tokens=64, batch_size=4)
    texts = sorted((product.title for product in (*QUERIES, *PRODUCTS)), key=len, reverse=True)
    chunks: list[slice] = []
    found = RayEncoder(encoder, workers=2).encode(texts, on_chunk=lambda part, _: chunks.append(part))
    assert (found == encoder.encode(texts)).all()
    assert sorted(part.start for part in chunks) == [0, 7, 14]
    assert RayEncoder(encoder, workers=2).encode([]).shape == (0, 32)


@pytest.mark.usefixtures("two_workers")
def test_the_error_of_a_worker_is_the_error_of_the_command(encoder_folder: Path) -> None:
    missing = Encoder(EncoderModel("gone", encoder_folder / "gone"), max_tokens=64, batch_size=4)
    with pytest.raises(CoreError) as caught:
        RayEncoder(missing, workers=1).encode(["a text"])
    assert "gone" in caught.value.message
    assert "Traceback" not in caught.value.message
    assert caught.value.hint


@pytest.mark.usefixtures("two_workers")
def test_the_command_line_gives_the_same_candidates_and_goes_on_by_part(
    call: Call, encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = {}
    for engine in ("local", "ray"):
        homes[engine] = write_catalogue(tmp_path / engine).home
        (homes[engine] / "samesku.toml").write_text(f'[encoder]\nmodel = "{encoder_folder}"\n[cluster]\nworkers = 2\n')
        assert call("--home", homes[engine], "index", "--engine", engine).code == 0
    vectors = [
        {path.name: np.frombuffer(path.read_bytes(), np.uint8) for path in sorted(home.glob("index/*/products.faiss"))}
        for home in homes.values()
    ]
    assert (vectors[0]["products.faiss"] == vectors[1]["products.faiss"]).all()
    listings = tmp_path / "listings.csv"
    rows = [f"{i},{product.title.replace(',', ' ')},{product.brand}" for i, product in enumerate(PRODUCTS)]
    listings.write_text("\n".join(["id,title,brand", *(row.replace('"', "") for row in rows)]) + "\n")
    arguments = "--home", homes["local"], "match", "--input", listings, "--part", "3"
    assert call(*arguments, "--out", tmp_path / "a").code == 0
    monkeypatch.chdir(tmp_path)  # the workers are elsewhere
    answer = call(*arguments, "--out", "b", "--engine", "ray")
    assert (answer.code, "16 queries" in answer.out) == (0, True)
    expected = _parts(tmp_path / "a")
    assert len(expected) == 6
    assert _parts(tmp_path / "b") == expected
    # One part is lost and another is cut: the others are not written again.
    lost, cut, *kept = sorted((tmp_path / "b").glob("part-*"))
    times = [path.stat().st_mtime_ns for path in kept]
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-5])
    answer = call(*arguments, "--out", tmp_path / "b", "--engine", "ray")
    assert "4 of them finished earlier" in answer.out
    assert _parts(tmp_path / "b") == expected
    assert [path.stat().st_mtime_ns for path in kept] == times


def _parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}
