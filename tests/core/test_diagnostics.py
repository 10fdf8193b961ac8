"""What the doctor says of index, models and caches."""

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from samples import HashEncoder, implied, match, q, write_catalogue

from core.catalog.store import CatalogStore
from core.diagnostics import inventory
from core.jobs.progress import Silent
from core.matching.run import bring_up_to_date
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import ModelCard, Registry
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore


@pytest.fixture
def catalogue(tmp_path: Path, hash_encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr("core.diagnostics.local_base", lambda _: tmp_path)
    return write_catalogue(tmp_path / "home")


def index(workspace: Workspace) -> None:
    bring_up_to_date(workspace, Settings(), EncoderModel("hash", workspace.home), Silent())


def told(workspace: Workspace) -> dict[str, str]:
    return inventory(workspace, Settings())


def test_before_the_first_index_run_nothing_is_there_and_nothing_is_made(catalogue: Workspace) -> None:
    assert told(catalogue)["index"] == "none yet: samesku index"
    assert told(catalogue)["models"] == "none tuned; champion: the base encoder; no matcher yet"
    assert not catalogue.derived.exists()


def test_it_follows_products_labels_and_settings(catalogue: Workspace) -> None:
    index(catalogue)
    assert told(catalogue)["index"].startswith("up to date; candidates by hash, ")
    with LabelStore(catalogue.labels) as store:
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c1"), *implied("q1-c2", "q1-c3")])
    assert told(catalogue)["index"].startswith("up to date except for the matcher (labels")
    index(catalogue)
    assert told(catalogue)["index"].startswith("up to date; ")
    assert "matcher fitted to 3 labelled pairs" in told(catalogue)["models"]
    with CatalogStore(catalogue.catalog) as catalog:
        first = next(catalog.iter(role="query"))
        catalog.replace(first.source, "query", [replace(first, title="another lamp")])
    assert told(catalogue)["index"].startswith("1 product changed since the last index run")
    assert f": {first.id}. Run `samesku index`. Candidates by hash, " in told(catalogue)["index"]


def test_it_measures_the_caches_and_names_what_is_of_no_use(catalogue: Workspace) -> None:
    index(catalogue)
    assert "not in use" not in told(catalogue)["caches"]
    old = catalogue.index / "an old one-12345678"
    old.mkdir()
    (old / "vectors-96.db").write_bytes(bytes(3_000_000))
    assert "vectors 3.0 MB" in told(catalogue)["caches"]
    sentence = told(catalogue)["caches"]
    assert "3.0 MB of encoders that are not in use; to remove them: rm -r " in sentence
    subprocess.run(shlex.split(sentence.partition("to remove them: ")[2]), check=True)
    assert not old.exists()
    assert "not in use" not in told(catalogue)["caches"]


def test_it_counts_tuned_encoders(catalogue: Workspace) -> None:
    registry = Registry(catalogue, Settings())
    registry.add(ModelCard("lora-1", "hash", "hash", "", "2026-01-01"))
    (registry.folder("lora-1") / "model.safetensors").write_bytes(bytes(2_000_000))
    assert told(catalogue)["models"].startswith("1 tuned (2.0 MB); champion: the base encoder")


def test_without_the_encoder_it_says_so(catalogue: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    index(catalogue)
    monkeypatch.setattr("core.diagnostics.local_base", lambda _: None)
    assert told(catalogue)["index"].startswith("the encoder is not on this machine")
