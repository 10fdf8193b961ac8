"""An index run after a change has the result of a run over everything with the same statistics."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from damage import flip
from numpy.testing import assert_array_equal
from samples import HashEncoder, c, match, no_match, q

from core.catalog.product import MAX_LISTINGS, Product, Role
from core.catalog.store import CatalogStore, ImportRules
from core.jobs.progress import Silent
from core.matching import run
from core.matching.features import neighbours
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore
from core.matching.run import (
    UpdateReport,
    bring_up_to_date,
    compute_features,
    matcher_path,
    saved_matcher,
    settings_fingerprint,
)
from core.matching.scoring import as_indexed, score_pairs
from core.matching.shortlist import Shortlist
from core.retrieval import array_file, dense_file, dense_kinds, index_run, inverted_index, query_blocks
from core.retrieval.array_file import load_arrays
from core.retrieval.candidates import Candidate, CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_corpus
from core.retrieval.dense import DenseIndex, Effort
from core.retrieval.dense_kinds import Truth
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import lexical_texts, make_fusion
from core.retrieval.index_state import RESULTS, STATISTICS, IndexState
from core.retrieval.manifest import PRODUCT_IDS
from core.retrieval.product_vectors import VECTORS
from core.retrieval.run_files import RunFiles
from core.retrieval.selection import select_candidates
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair, ProductRef, Verb
from labels.store import LabelStore

#: A search that ends before the catalogue does, so that results leave it and come in.
# Many examples: they are not run while one works.
pytestmark = pytest.mark.slow

SETTINGS = Settings.model_validate({"search": {"k": 3, "depth": 10}})
GTIN = "036000291452"
WORDS = ("Sony", "Canon", "red", "black", "case", "camera", "55in", "64gb", "TN450", "T6", "2-pack", "renewed", "über")


class Shop:
    """A catalogue that changes from day to day: queries, products, and a third source that changes sides.

    Args:
        home: of the workspace.
        seed: of the listings and their changes.
        queries: role of the first source.
        roles: that the third source changes between.
    """

    def __init__(
        self, home: Path, seed: int, queries: Role = "query", roles: tuple[Role, ...] = ("query", "catalog")
    ) -> None:
        self.workspace = Workspace(home).create()
        self._random = Random(seed)
        self._count = 0
        self._queries, self._roles = queries, roles
        self._role: Role = "catalog"
        self.sides: dict[str, list[Product]] = {
            source: [self._listing(source) for _ in range(size)]
            for source, size in (("walmart", 14), ("amazon", 40), ("best", 4))
        }
        self.deliver()

    def _listing(self, source: str) -> Product:
        self._count += 1
        pick = self._random
        title = " ".join(
            [*pick.choices(WORDS, k=pick.choice((0, 2, 4))), *([f"new{self._count}"] * pick.choice((0, 1)))]
        )
        return Product(
            source, f"{source[0]}{self._count}", title, pick.choice(("", "Sony", "Canon")), pick.choice(("", "a", "b")),
            pick.choice(("", "T6", "TN450")), pick.choice((None, 5.0, 9.5)), pick.choice(("", "", GTIN)),
            pick.choice(({}, {"colour": "red"})),
        )  # fmt: skip

    def change(self) -> None:
        """Some listings come, others change or leave; sometimes a source changes sides."""
        for source, listings in self.sides.items():
            for _ in range(self._random.choice((1, 2, 4))):
                place = self._random.randrange(len(listings))
                match self._random.choice(("add", "change", "price", "remove")):
                    case "add":
                        listings.append(self._listing(source))
                    case "change":
                        listings[place] = replace(self._listing(source), id=listings[place].id)
                    case "price":
                        listings[place] = replace(listings[place], price=float(self._random.randrange(1, 50)))
                    case "remove" if len(listings) > 2:
                        listings.pop(place)
        if self._random.random() < 0.3:
            self._role = self._roles[(self._roles.index(self._role) + 1) % len(self._roles)]
        self.deliver()

    def deliver(self) -> None:
        """Import the catalogues."""
        roles: dict[str, Role] = {"walmart": self._queries, "amazon": "catalog", "best": self._role}
        with CatalogStore(self.workspace.catalog) as catalog:
            for source, listings in self.sides.items():
                rules = ImportRules(change_role=True)
                catalog.replace(source, roles[source], listings, prune=True, rules=rules)

    def index(self, *, rebuild: bool = False) -> UpdateReport:
        """Run the index."""
        return bring_up_to_date(self.workspace, SETTINGS, self.model, Silent(), rebuild=rebuild)

    @property
    def model(self) -> EncoderModel:
        return EncoderModel("hash", self.workspace.home)

    @property
    def folder(self) -> Path:
        return self.workspace.index / "hash"

    def candidates(self) -> dict[ProductRef, list[Candidate]]:
        """What is stored of each query, by rank, without probabilities."""
        found: dict[ProductRef, list[Candidate]] = {}
        with closing(CandidateStore(self.workspace.derived)) as store:
            for query, candidate in store.all():
                found.setdefault(query, []).append(replace(candidate, probability=None))
        return {query: sorted(own, key=lambda each: each.rank) for query, own in found.items()}

    def features(self) -> dict[Pair, bytes]:
        with closing(FeatureStore(self.workspace.derived)) as store:
            table = store.read()
        assert table is not None
        return {pair: table.vectors[row].tobytes() for pair, row in table.row.items()}

    def probabilities(self) -> dict[Pair, float | None]:
        with closing(CandidateStore(self.workspace.derived)) as store:
            return {Pair(query, each.ref): each.probability for query, each in store.all()}

    def state(self) -> IndexState:
        found = IndexState.load(self.folder, settings_fingerprint(self.workspace, SETTINGS, self.model))
        assert found is not None
        return found


@pytest.fixture(autouse=True)
def any_drift(monkeypatch: pytest.MonkeyPatch, hash_encoder: HashEncoder) -> None:
    """However much changes, no run is a full one."""
    monkeypatch.setattr(index_run, "MAX_DRIFT", 100.0)


def searched_anew(shop: Shop) -> tuple[dict[ProductRef, list[Candidate]], dict[Pair, bytes]]:
    """Candidates and features over the whole corpus, with the statistics of the last full run."""
    workspace, corpus = shop.workspace, Corpus.read(shop.workspace)
    state = shop.state()
    queries, products = encode_corpus(workspace, SETTINGS, shop.model, corpus, Silent())
    none = np.full(len(corpus.products), -1)
    lexical = state.lexical.replaced(none, lexical_texts(corpus.products))
    fusion = make_fusion(SETTINGS, corpus, DenseIndex(products), lexical)
    selection = Shortlist(CorpusFeatures(workspace, SETTINGS, corpus), SETTINGS.search.k)
    selection.restore(state.statistics)
    results = fusion.search(corpus.queries, lexical_texts(corpus.queries), queries, Silent())
    results, chosen = select_candidates(fusion, results, selection, Silent())
    found = dict(fusion.listed([query.ref for query in corpus.queries], results, chosen))
    pairs = [Pair(query, each.ref) for query, own in found.items() for each in own]
    table = compute_features(selection.features, shop.model, pairs, Silent())
    return (
        {query: own for query, own in found.items() if own},
        {pair: table.vectors[row].tobytes() for pair, row in table.row.items()},
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_run_after_changes_finds_what_a_run_over_everything_finds(tmp_path: Path, seed: int) -> None:
    check_updates(Shop(tmp_path / "home", seed))


@pytest.mark.parametrize("seed", range(4))
def test_a_catalogue_against_itself_is_updated_like_any_other(tmp_path: Path, seed: int) -> None:
    shop = Shop(tmp_path / "home", seed, "both", ("query", "catalog", "both"))
    check_updates(shop)
    pairs = list(shop.features())
    assert not any(pair.query == pair.candidate for pair in pairs)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)


def check_updates(shop: Shop) -> None:
    """Whether every update equals a run over everything."""
    assert shop.index().index.full
    check_changes(shop)


def check_changes(shop: Shop) -> None:
    """The same, after a first run."""
    assert searched_anew(shop) == (shop.candidates(), shop.features())
    for _ in range(4):
        shop.change()
        assert not shop.index().index.full
        assert searched_anew(shop) == (shop.candidates(), shop.features())
        assert shop.index().index.unchanged
        matcher = saved_matcher(shop.workspace)
        assert matcher is not None
        for pair, vector in shop.features().items():
            own = matcher.probabilities(np.frombuffer(vector, np.float32)[None])
            assert shop.probabilities()[pair] == pytest.approx(own[0], abs=1e-9)


@pytest.mark.parametrize("seed", [10, 11])
def test_so_it_is_with_the_lexical_index_of_many_products(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Common n-grams are left out, and the shortlist has all products.
    monkeypatch.setattr(inverted_index, "MAX_EXACT", 5)
    monkeypatch.setattr(inverted_index, "_POSTINGS_PER_ROW", 1)
    monkeypatch.setattr(array_file, "_MIN_MAPPED_BYTES", 0)
    shop = Shop(tmp_path / "home", seed)
    shop.index()
    for _ in range(3):
        assert searched_anew(shop) == (shop.candidates(), shop.features())
        shop.change()
        assert not shop.index().index.full
    assert {f"{name}.columns.data" for name in ("lexical", "words.products")} <= {
        name for file in (RESULTS, STATISTICS) for name in load_arrays(shop.folder / file)
    }


@pytest.mark.parametrize("seed", [13, 14])
@pytest.mark.parametrize("mode", ["in_memory", "in_blocks", "of_an_earlier_version"])
def test_an_approximate_dense_index_is_updated_and_not_trained(
    tmp_path: Path, seed: int, mode: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if mode == "in_blocks":
        request.getfixturevalue(mode)
    found = {"search": {"k": 3, "depth": 10, "index": "ivf"}}
    monkeypatch.setitem(globals(), "SETTINGS", Settings.model_validate(found))
    # All lists are searched, so that the results are those of an exact search.
    monkeypatch.setattr(dense_kinds, "efforts", lambda _: [Effort(10**6)])
    monkeypatch.setattr(Truth, "recall", lambda *_: (1.0, 0.0))
    monkeypatch.setattr(dense_kinds, "MIN_TRAINED", 0)
    monkeypatch.setattr(dense_file, "MAX_UNTRAINED", 100)
    shop = Shop(tmp_path / "home", seed)
    shop.index()
    monkeypatch.setattr(dense_file, "build_dense", lambda *_, **__: pytest.fail("trained"))
    if mode == "of_an_earlier_version":  # all vectors come from the cache
        monkeypatch.setattr(index_run, "read_vectors", lambda *_: None)
    encode, asked = index_run.encode_listings, list[int]()

    def recording(*arguments: Any) -> np.ndarray:
        asked.append(len(arguments[4]))
        return encode(*arguments)

    monkeypatch.setattr(index_run, "encode_listings", recording)
    check_changes(shop)
    assert (max(asked) > 20) == (mode == "of_an_earlier_version")
    assert (shop.folder / PRODUCT_IDS).exists()
    assert (shop.folder / VECTORS).exists()


def test_a_run_counts_what_changed_and_computes_no_more(
    tmp_path: Path, hash_encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "home", 1)
    shop.index()
    before = shop.candidates()
    hash_encoder.asked.clear()
    shop.sides["amazon"][3] = replace(shop.sides["amazon"][3], title="Something else entirely")
    shop.sides["amazon"] += [
        Product("amazon", "a-new", "Brand new 4K thing"),
        Product("amazon", "b-new", "Brand new 8K"),
    ]
    del shop.sides["walmart"][0]
    shop.deliver()
    prepared: list[int] = []
    compute = CorpusFeatures.compute

    def counting(self: CorpusFeatures, rows: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        prepared.append(len(rows))
        return compute(self, rows, *rest)

    monkeypatch.setattr(CorpusFeatures, "compute", counting)
    done = shop.index().index
    assert (done.added, done.changed, done.removed, done.full, done.unchanged) == (2, 1, 1, False, False)
    after = shop.candidates()
    assert done.updated == sum(after[query] != before[query] for query in after)
    assert sorted(hash_encoder.asked)[:2] == ["Brand new 4K thing", "Brand new 8K"]
    assert len(hash_encoder.asked) == 3
    assert sum(prepared) < len(shop.features())


@pytest.mark.parametrize("known", [True, False])
def test_only_queries_with_other_candidates_are_written(
    tmp_path: Path, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "home", 5)
    shop.index()
    before = shop.candidates()
    shop.sides["amazon"][3] = replace(shop.sides["amazon"][3], price=1.0)
    del shop.sides["amazon"][7]
    shop.deliver()
    if not known:  # an earlier version has left the files
        load = IndexState.load
        monkeypatch.setattr(IndexState, "load", lambda *arguments: replace(load(*arguments), candidates=None))
    listed: list[ProductRef] = []
    update = CandidateStore.update

    def recording(self: CandidateStore, rows: Any, **rest: Any) -> int:
        rows = list(rows)
        listed.extend(query for query, _ in rows)
        return update(self, rows, **rest)

    monkeypatch.setattr(CandidateStore, "update", recording)
    shop.index()
    after = shop.candidates()
    assert (after, shop.features()) == searched_anew(shop)
    touched = shop.sides["amazon"][3].ref
    others = {
        query
        for query in before.keys() | after.keys()
        if before.get(query) != after.get(query) or touched in {each.ref for each in after[query]}
    }
    assert others < set(listed) if not known else others == set(listed)


@pytest.mark.parametrize("step", ["select", "candidates", "products", "features", "published"])
def test_a_killed_run_is_made_good_by_the_next(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path / "home", 2)
    with LabelStore(shop.workspace.labels) as labels:
        query, product = shop.sides["walmart"][0].id, shop.sides["amazon"][0].id
        labels.record("ada", Verb.ACCEPT, q(query), match(product))
        labels.record("ada", Verb.NONE, q(shop.sides["walmart"][1].id), no_match(product))
    shop.index()
    places = {
        "select": "core.matching.shortlist.Shortlist.choose",
        "candidates": "core.retrieval.candidates.CandidateStore.update",
        "products": "core.retrieval.index_run._record_products",
        "features": "core.matching.features.store.FeatureStore.update",
        "published": "core.matching.run.publish",
    }

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for _ in range(2):  # the second run is killed before it has made good what the first has left
        shop.change()
        with monkeypatch.context() as patch:
            patch.setattr(places[step], killed)
            with pytest.raises(KeyboardInterrupt):
                shop.index()
    shop.index()
    labelled = {Pair(q(query), c(product)), Pair(q(shop.sides["walmart"][1].id), c(product))}
    candidates, features = searched_anew(shop)
    assert candidates == shop.candidates()
    assert features == {pair: row for pair, row in shop.features().items() if pair in features}
    assert shop.features().keys() - features.keys() <= labelled
    assert None not in shop.probabilities().values()
    assert shop.index().index.unchanged


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every corpus is large: its queries are searched in blocks, and what is computed is in files."""
    monkeypatch.setattr(index_run, "MAX_IN_MEMORY", 0)
    monkeypatch.setattr(index_run, "_BLOCK_QUERIES", 4)
    monkeypatch.setattr(query_blocks, "_MAX_SCORED", 60)
    monkeypatch.setattr(run, "_BLOCK_PAIRS", 5)
    monkeypatch.setattr(neighbours, "_MAX_PAIRS", 0)
    monkeypatch.setattr(neighbours, "_SEARCHED", 40)


def everything(shop: Shop) -> list[object]:
    """What an index run leaves, besides the catalogue's random version."""
    files = [load_arrays(shop.folder / name) for name in (RESULTS, STATISTICS)]
    arrays = {name: array.tobytes() for file in files for name, array in file.items() if name != "corpus"}
    return [shop.candidates(), shop.features(), shop.probabilities(), arrays]


@pytest.mark.parametrize("queries", ["query", "both"])
def test_in_blocks_the_result_is_the_same(tmp_path: Path, queries: Role, request: pytest.FixtureRequest) -> None:
    roles: tuple[Role, ...] = ("query", "catalog")
    whole, blocks = (Shop(tmp_path / name, 12, queries, roles) for name in ("whole", "blocks"))
    found = []
    for shop in (whole, blocks):
        found.append([])
        for _ in range(3):
            shop.index()
            found[-1].append(everything(shop))
            shop.change()
        request.getfixturevalue("in_blocks")
    assert found[0] == found[1]
    assert sorted(each.name for each in blocks.folder.iterdir() if each.is_dir()) == []


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("seed", range(2))
def test_in_blocks_changes_are_found_as_well(tmp_path: Path, seed: int) -> None:
    check_updates(Shop(tmp_path / "home", seed))


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("update", [False, True])
def test_a_run_that_is_killed_after_each_file_goes_on_and_has_the_same_result(
    tmp_path: Path, update: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, often = Shop(tmp_path / "once", 13), Shop(tmp_path / "often", 13)
    for shop in (once, often):
        if update:
            shop.index()
            shop.change()
    once.index()
    save_arrays, record = array_file.save_arrays, RunFiles.record

    def killed_before(*arguments: Any) -> None:
        save_arrays(*arguments)
        raise KeyboardInterrupt  # the manifest does not have the file yet

    def killed_after(*arguments: Any) -> None:
        record(*arguments)
        raise KeyboardInterrupt

    kills = 0
    while True:
        with monkeypatch.context() as patch:
            patch.setattr(RunFiles, "record", killed_after)
            if kills % 2 == 0:
                patch.setattr("core.retrieval.run_files.save_arrays", killed_before)
            try:
                often.index()
                break
            except KeyboardInterrupt:
                kills += 1
    assert kills == 2 * (11 if update else 19)
    assert everything(often) == everything(once)
    assert often.index().index.unchanged


@pytest.mark.usefixtures("in_blocks")
def test_files_of_another_run_and_damaged_ones_are_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, other = Shop(tmp_path / "home", 14), Shop(tmp_path / "other", 14)
    with monkeypatch.context() as patch:
        patch.setattr("core.retrieval.index_run.save_state", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            shop.index()
    for path in (shop.folder / "unfinished").glob("queries-*"):
        flip(path, 100, 10**9)
    shop.index()
    other.index()
    assert everything(shop) == everything(other)


def test_a_gtin_that_becomes_a_default_value_counts_no_more(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home", 3)
    shop.sides["amazon"] = [
        replace(each, upc=GTIN if n < MAX_LISTINGS else "") for n, each in enumerate(shop.sides["amazon"])
    ]
    shop.deliver()
    shop.index()
    shop.sides["amazon"].append(Product("amazon", "one more", "Sony case", upc=GTIN))
    shop.deliver()
    done = shop.index().index
    assert (done.added, done.changed) == (1, MAX_LISTINGS)
    assert searched_anew(shop) == (shop.candidates(), shop.features())


def test_many_equal_listings_are_searched_in_the_order_of_the_catalogue(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home", 4)
    shop.sides["amazon"] += [Product("amazon", f"same{n}", "Sony black case") for n in range(30)]
    shop.sides["walmart"].append(Product("walmart", "same", "Sony black case"))
    shop.deliver()
    shop.index()
    del shop.sides["amazon"][42:47]
    shop.deliver()
    assert not shop.index().index.full
    assert searched_anew(shop) == (shop.candidates(), shop.features())


def test_the_matcher_is_fitted_again_only_if_a_labelled_pair_changes(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home", 5)
    first, second = shop.sides["walmart"][:2]
    product = shop.sides["amazon"][0].id
    with LabelStore(shop.workspace.labels) as labels:
        labels.record("ada", Verb.ACCEPT, first.ref, match(product))
        labels.record("ada", Verb.NONE, second.ref, no_match(product))
    shop.index()
    shop.sides["amazon"][7] = replace(shop.sides["amazon"][7], title="Another")
    shop.deliver()
    assert not shop.index().fitted
    shop.sides["amazon"][0] = replace(shop.sides["amazon"][0], title="Another one")
    shop.deliver()
    assert shop.index().fitted


@pytest.mark.parametrize("name", [RESULTS, STATISTICS])
@pytest.mark.parametrize("content", [None, b"", b"damaged"])
def test_without_its_files_a_run_is_a_full_one(tmp_path: Path, name: str, content: bytes | None) -> None:
    shop = Shop(tmp_path / "home", 6)
    shop.index()
    (shop.folder / name).unlink()
    if content is not None:
        (shop.folder / name).write_bytes(content)
    assert shop.index().index.full
    assert shop.index().index.unchanged


def test_another_tenth_of_the_catalogue_makes_a_full_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_run, "MAX_DRIFT", 0.1)
    shop = Shop(tmp_path / "home", 7)
    shop.index()
    full = []
    for place in range(7):
        shop.sides["amazon"][place] = replace(shop.sides["amazon"][place], title=f"Another {place}")
        shop.deliver()
        full.append(shop.index().index.full)
    assert full == [False] * 5 + [True, False], "58 listings"


@pytest.mark.parametrize("queries", ["query", "both"])
def test_after_changes_a_candidate_is_scored_as_it_is_stored(tmp_path: Path, queries: Role) -> None:
    shop = Shop(tmp_path / "home", 3, queries, ("query", "catalog", "both"))
    shop.index()
    shop.change()
    assert not shop.index().index.full
    stored = shop.probabilities()
    features = CorpusFeatures(shop.workspace, SETTINGS, Corpus.read(shop.workspace))
    scored = score_pairs(as_indexed(features, shop.model), shop.model, list(stored), Silent())
    assert scored.probability == pytest.approx(stored, abs=1e-6)
    assert score_pairs(features, shop.model, list(stored), Silent()).probability != pytest.approx(stored, abs=1e-6)
    # Of another corpus than was indexed, or without its files, the statistics are those of the corpus.
    flip(shop.folder / STATISTICS, 0, 10_000)
    assert as_indexed(features, shop.model) is features
    shop.change()
    changed = CorpusFeatures(shop.workspace, SETTINGS, Corpus.read(shop.workspace))
    assert as_indexed(changed, shop.model) is changed


def test_no_probability_of_another_encoder_stays(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home", 9)
    shop.index()
    before, matcher = shop.probabilities(), matcher_path(shop.workspace).read_bytes()
    bring_up_to_date(shop.workspace, SETTINGS, EncoderModel("other", shop.workspace.home), Silent())
    with closing(CandidateStore(shop.workspace.derived)) as store:
        summary = store.matcher_summary
        assert summary is not None
        store.score(((pair.query, pair.candidate, 0.5) for pair in shop.probabilities()), summary)
    matcher_path(shop.workspace).write_bytes(matcher)  # as a rollback does
    assert not shop.index().index.unchanged
    assert shop.probabilities() == before


def test_a_rebuild_counts_terms_anew_and_changes_nothing_else(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home", 8)
    shop.index()
    before = shop.candidates(), shop.features(), shop.probabilities()
    done = shop.index(rebuild=True)
    assert (done.index.full, done.weighed, done.index.unchanged) == (True, True, False)
    assert (shop.candidates(), shop.features(), shop.probabilities()) == before
    for _ in range(3):
        shop.change()
    shop.index()
    incremental = shop.features()
    shop.index(rebuild=True)
    assert shop.features() != incremental
    assert_array_equal(*map(sorted, (shop.candidates(), {each.ref for each in Corpus.read(shop.workspace).queries})))
