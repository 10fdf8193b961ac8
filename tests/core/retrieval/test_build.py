"""An index run, with an encoder that needs no model."""

from pathlib import Path

import numpy as np
import pytest
from samples import PRODUCTS, QUERIES, HashEncoder, q, write_catalogue

from core.catalog.store import CatalogStore
from core.errors import CatalogError, SettingsError
from core.jobs.progress import Silent
from core.matching.features.builder import CorpusFeatures
from core.matching.shortlist import Shortlist
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.encoder import leading_dimensions
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import IndexReport, build_index
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore

HALF = {"validation": {"share": 0.5}}


def index(workspace: Workspace, model: str = "hash", prefix: str = "", **changes: object) -> IndexReport:
    settings = Settings.model_validate(HALF | changes)
    corpus = Corpus.read(workspace)
    selection = Shortlist(CorpusFeatures(workspace, settings, corpus), settings.search.k)
    encoder = EncoderModel(model, workspace.home, prefix)
    return build_index(workspace, settings, encoder, Silent(), corpus=corpus, selection=selection)


@pytest.fixture
def catalogue(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    return write_catalogue(tmp_path / "home")


def test_a_run_fills_the_candidates_and_saves_the_index(catalogue: Workspace) -> None:
    report = index(catalogue)
    assert (report.queries, report.products, report.model, report.unchanged) == (5, 16, "hash", False)
    store = CandidateStore(catalogue.derived)
    assert {query.ref: len(store.for_query(query.ref)) for query in QUERIES} == dict.fromkeys(
        (p.ref for p in QUERIES), 10
    )
    assert store.for_query(q("q1"))[0].ref.id == "q1-c1"
    store.close()
    assert (catalogue.index / "hash" / "products.faiss").is_file()


def test_a_second_run_encodes_nothing_and_changes_nothing(catalogue: Workspace, hash_encoder: HashEncoder) -> None:
    index(catalogue)
    hash_encoder.asked.clear()
    assert index(catalogue).unchanged
    assert hash_encoder.asked == []


@pytest.mark.parametrize(
    "change",
    [{"search": {"k": 3}}, {"model": "other"}, {"encoder": {"template": "{title}"}}, {"encoder": {"max_tokens": 8}}],
)
def test_what_the_candidates_depend_on_makes_them_anew(catalogue: Workspace, change: dict) -> None:
    index(catalogue)
    assert not index(catalogue, **change).unchanged
    assert index(catalogue, **change).unchanged


def test_only_a_changed_product_is_encoded_again(catalogue: Workspace, hash_encoder: HashEncoder) -> None:
    index(catalogue)
    hash_encoder.asked.clear()
    with CatalogStore(catalogue.catalog) as store:
        changed = type(PRODUCTS[0])("amazon", "x1", "Nikon D3500")
        store.replace("amazon", "catalog", [*PRODUCTS[:-1], changed])
    assert not index(catalogue).unchanged
    assert hash_encoder.asked == ["Nikon D3500"]


def test_prefixes_go_before_the_texts_of_their_kind(catalogue: Workspace, hash_encoder: HashEncoder) -> None:
    index(catalogue, prefix="query: ")
    prefixed = [text for text in hash_encoder.asked if text.startswith("query: ")]
    assert sorted(prefixed) == sorted(f"query: {p.title} {p.brand} {p.model}" for p in QUERIES)


def test_validation_queries_are_drawn_once_and_never_among_those_that_were_seen(catalogue: Workspace) -> None:
    everything = {"validation": {"share": 0.9, "seed": 3}}
    with LabelStore(catalogue.labels) as store:
        for query in QUERIES[:4]:
            store.record("ada", Verb.SKIP, query.ref)
    assert index(catalogue, **everything).validation_drawn <= 1
    with LabelStore(catalogue.labels) as store:
        assert store.validation_queries() <= {q("qv")}
    assert index(catalogue, **everything).validation_drawn == 0


def test_an_empty_side_is_an_error_with_the_command_to_fill_it(tmp_path: Path) -> None:
    with CatalogStore(tmp_path / "catalog.db") as store:
        store.replace("walmart", "query", QUERIES)
    with pytest.raises(CatalogError, match="no catalog products") as caught:
        index(Workspace(tmp_path))
    assert "--role catalog" in caught.value.hint


def test_a_template_that_names_no_field_is_refused_before_anything_is_encoded(
    catalogue: Workspace, hash_encoder: HashEncoder
) -> None:
    with pytest.raises(SettingsError, match="colour"):
        index(catalogue, encoder={"template": "{title} {colour}"})
    assert hash_encoder.asked == []


def test_an_index_of_leading_dimensions_encodes_nothing_again(catalogue: Workspace, hash_encoder: HashEncoder) -> None:
    index(catalogue)
    products = catalogue.index / "hash" / "products.faiss"
    whole, asked = products.stat().st_size, len(hash_encoder.asked)
    assert not index(catalogue, encoder={"dimensions": 4}).unchanged
    assert len(hash_encoder.asked) == asked
    assert products.stat().st_size < whole
    assert index(catalogue, encoder={"dimensions": 4}).unchanged
    assert not index(catalogue).unchanged
    assert products.stat().st_size == whole
    with pytest.raises(SettingsError, match=r"encoder\.dimensions is 5000, and the vectors of the encoder have"):
        index(catalogue, encoder={"dimensions": 5000})


def test_leading_dimensions_are_unit_vectors() -> None:
    vectors = np.array([[0.6, 0.0, 0.8], [0.0, 0.0, 1.0]], np.float32)
    assert leading_dimensions(vectors, 2).tolist() == [[1, 0], [0, 0]]
    assert leading_dimensions(vectors, 0) is leading_dimensions(vectors, 3) is vectors
