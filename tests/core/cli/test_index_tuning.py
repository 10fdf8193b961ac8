"""`samesku index --tune`."""

from pathlib import Path

import pytest
from samples import HashEncoder, write_catalogue

from core.workspace import Workspace
from tests.core.cli.conftest import Call
from tests.core.retrieval.test_dense_tuning import FOUND


@pytest.fixture
def catalogue(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    return write_catalogue(tmp_path / "home")


def test_the_verb_measures_and_leaves_the_index_alone(
    catalogue: Workspace,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.cli.index_tuning.measure_kinds", lambda *_: FOUND)
    home = str(catalogue.home)
    said = call("--home", home, "index", "--tune", "--plot", str(catalogue.home / "recall.html"))
    assert said.code == 0
    assert "0.9900" in said.out
    assert 'search.index = "sq8"' in said.out
    assert (catalogue.home / "recall.html").is_file()
    assert not list(catalogue.index.glob("*/products.faiss"))
    answer = call("--home", home, "--json", "index", "--tune").json
    assert (answer["fastest"], answer["used"], len(answer["measurements"])) == ("sq8", "flat", 3)
    assert call("--home", home, "index", "--plot", "x.html").code == 2
