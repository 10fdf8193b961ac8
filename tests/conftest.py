"""What every test starts from: no network, no workspace but its own, nothing of whoever runs it."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# Read by the hub's library when it is first imported, which may be before any fixture.
os.environ["HF_HUB_OFFLINE"] = "1"

from samples import HashEncoder, write_workspace

from core.retrieval.encoder_files import EncoderModel
from core.workspace import Workspace
from labels.store import LabelStore

# A busy machine makes an example slow, not wrong.
hypothesis.settings.register_profile("samesku", deadline=None)
hypothesis.settings.load_profile("samesku")

_SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the environment, and a workspace that is not the user's."""
    for name in [name for name in os.environ if name.startswith("SAMESKU_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SAMESKU_HOME", str(tmp_path / "unnamed"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def shared_data() -> Path:
    """The folder with the public benchmarks, where there is one."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("needs the benchmark data in ../shared/data")
    return _SHARED_DATA


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LabelStore]:
    """An empty ledger."""
    with LabelStore(tmp_path / "labels.db") as store:
        yield store


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Five queries, sixteen products, three candidates each; the query `qv` is drawn for validation."""
    return write_workspace(tmp_path / "home")


@pytest.fixture
def hash_encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HashEncoder:
    """The engine encodes with this instead of a model."""
    encoder = HashEncoder()
    monkeypatch.setattr("core.retrieval.index_run.Encoder", lambda *_, **__: encoder)
    monkeypatch.setattr("core.retrieval.registry.find_base", lambda _: EncoderModel("hash", tmp_path))
    return encoder
