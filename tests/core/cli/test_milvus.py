"""The command line with `search.engine = "milvus"`, on the embedded Milvus Lite."""

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import HashEncoder, write_catalogue

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.errors import CoreError, SettingsError
from core.workspace import Workspace
from tests.core.cli.conftest import Call

TOKEN = "root:correct-horse-battery"  # noqa: S105 - of no server
_UNREACHABLE = "http://127.0.0.1:1"


@pytest.fixture
def home(tmp_path: Path, hash_encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    server_manager = pytest.importorskip("milvus_lite.server_manager", reason="needs the extra milvus: milvus-lite")
    pytest.importorskip("pymilvus", reason="needs the extra milvus: pymilvus")
    workspace = write_catalogue(tmp_path / "home")
    (workspace.home / "samesku.toml").write_text('[search]\nengine = "milvus"\n')
    monkeypatch.setenv("SAMESKU_MILVUS_TOKEN", TOKEN)
    yield workspace.home
    server_manager.server_manager_instance.release_all()


def matches(call: Call, home: Path) -> list[dict[str, object]]:
    """The candidates as `match --json` prints them."""
    return call("--home", home, "--json", "match").json["matches"]


def test_the_candidates_are_those_of_faiss_also_after_a_delivery(call: Call, home: Path) -> None:
    assert call("--home", home, "index").code == 0
    milvus = matches(call, home)
    (home / "samesku.toml").write_text("")
    assert call("--home", home, "index").code == 0
    assert matches(call, home) == milvus
    assert call("--home", home, "doctor").code == 0


def test_index_says_what_it_did_and_repairs_what_milvus_has_lost(call: Call, home: Path) -> None:
    assert call("--home", home, "--json", "index").json["full"]
    assert call("--home", home, "--json", "index").json["unchanged"]
    _forget(home)
    again = call("--home", home, "--json", "index").json
    assert (again["unchanged"], again["full"], again["added"]) == (False, False, 0)
    assert call("--home", home, "--json", "index").json["unchanged"]
    products = list(_products(home))
    with CatalogStore(Workspace(home).catalog) as catalog:
        catalog.replace("amazon", "catalog", products[:-1], prune=True)
    assert call("--home", home, "--json", "index").json["removed"] == 1


def _products(home: Path) -> Iterator[Product]:
    with CatalogStore(Workspace(home).catalog) as catalog:
        yield from catalog.iter(source="amazon")


def _forget(home: Path) -> None:
    import pymilvus  # noqa: PLC0415

    client = pymilvus.MilvusClient(str(home / "milvus.db"))
    for name in client.list_collections():
        client.drop_alias(name.rpartition("_")[0])
        client.drop_collection(name)


def test_a_batch_is_matched_and_milvus_is_indexed_again_if_it_has_lost_the_products(
    call: Call, home: Path, tmp_path: Path
) -> None:
    assert call("--home", home, "index").code == 0
    new = tmp_path / "new.csv"
    new.write_text("id,title,brand\n1,Nikon D3400 Camera,Nikon\n2,Sony Headphones,Sony\n")
    answer = call("--home", home, "--json", "match", "--input", new, "--out", tmp_path / "a.csv")
    assert (answer.code, answer.json["queries"]) == (0, 2)
    _forget(home)
    answer = call("--home", home, "match", "--input", new, "--out", tmp_path / "b.csv")
    assert "does not hold the products of this index. Indexing again." in answer.err
    assert (tmp_path / "b.csv").read_text() == (tmp_path / "a.csv").read_text()


def test_doctor_says_whether_milvus_can_be_reached(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "embedded Milvus in milvus.db, not made yet: samesku index" in call("--home", home, "doctor").out
    assert call("--home", home, "index").code == 0
    answer = call("--home", home, "doctor")
    assert (answer.code, "vector database: embedded Milvus in milvus.db\n" in answer.out) == (0, True)
    monkeypatch.setenv("SAMESKU_SEARCH__MILVUS_URI", _UNREACHABLE)
    answer = call("--home", home, "doctor")
    assert answer.code == 1
    assert "problem: Milvus at 127.0.0.1:1 cannot be reached." in answer.out


def test_without_a_server_nothing_is_lost(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("--home", home, "index").code == 0
    before = matches(call, home)
    monkeypatch.setenv("SAMESKU_SEARCH__MILVUS_URI", _UNREACHABLE)
    answer = call("--home", home, "index")
    assert answer.code == 1
    assert "Milvus at 127.0.0.1:1 cannot be reached." in answer.err
    assert 'search.engine = "faiss"' in answer.err
    assert "Traceback" not in answer.err
    assert matches(call, home) == before


def test_the_token_is_nowhere(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = [call("--home", home, *verb.split()) for verb in ("index", "settings", "--json settings")]
    monkeypatch.setenv("SAMESKU_SEARCH__MILVUS_URI", _UNREACHABLE)
    printed += [call("--home", home, *verb.split()) for verb in ("doctor", "index", "--json doctor")]
    with pytest.raises(CoreError) as caught:
        call("--home", home, "--debug", "index")
    told = "".join(traceback.format_exception(caught.value)) + "".join(each.out + each.err for each in printed)
    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for secret in (TOKEN, TOKEN.partition(":")[2]):
        assert secret not in told
        assert secret.encode() not in written


def test_an_address_with_a_password_is_not_repeated(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMESKU_SEARCH__MILVUS_URI", "http://root:secret-word@127.0.0.1:19530")
    for verb in ("index", "settings", "doctor"):
        answer = call("--home", home, verb)
        assert answer.code == 1
        assert "secret-word" not in answer.out + answer.err
        assert "SAMESKU_MILVUS_TOKEN" in answer.out + answer.err
    with pytest.raises(SettingsError) as caught:
        call("--home", home, "--debug", "index")
    assert "secret-word" not in "".join(traceback.format_exception(caught.value))
