"""The feature matrix: its columns, and that other pairs in a batch have no influence."""

from dataclasses import replace
from itertools import product as product_of

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from core.catalog.product import Product
from core.matching.features import attributes, model_numbers, neighbours
from core.matching.features.attributes import TitleAttributes
from core.matching.features.builder import FEATURES, FeatureBuilder
from core.matching.features.neighbours import CorpusRows, NeighbourFeatures, Neighbourhood
from core.matching.features.statistics import CorpusStatistics
from core.text.boilerplate import Boilerplate
from core.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.load()
WORDS = ["Canon", "EOS", "600D", "55-inch", "16 GB", "red", "case", "24-pack", "nikon", "en-el14", "50mm", "é", "和"]
TITLES = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
PRODUCTS = st.builds(
    lambda title, brand, model, price: Product("s", title, title, brand, model=model, price=price),
    TITLES, st.sampled_from(["", "Canon", "Nikon"]), st.sampled_from(["", "600D", "EN-EL14"]),
    st.sampled_from([None, 0.0, 9.99, 120.0]),
)  # fmt: skip


def product(title: str, brand: str = "", model: str = "") -> Product:
    return Product("s", title[:9], title, brand, model=model)


def all_pairs(builder: FeatureBuilder, queries: int, products: int) -> np.ndarray:
    rows, columns = np.divmod(np.arange(queries * products), products)
    return builder.compute(rows, columns, np.linspace(0, 1, len(rows), dtype=np.float32))


def test_every_feature_has_a_name_of_its_own_a_unit_and_a_meaning() -> None:
    builder = FeatureBuilder([product("a")], [product("b")], VOCABULARY)
    names = [feature.name for feature in builder.features]
    assert len(names) == len(set(names)) > 60
    for feature in builder.features:
        assert feature.unit, feature.name
        assert feature.group, feature.name
        assert len(feature.meaning) > 10, feature.name
        assert "\n" not in feature.meaning, feature.name


def test_the_columns_are_the_features_and_what_rivals_say() -> None:
    builder = FeatureBuilder([product("a")], [product("b")], VOCABULARY)
    names = [feature.name for feature in builder.features]
    rivals = [f"{by}_{what}" for by in ("characters", "words") for what in ("lead", "lead_back", "place", "place_back")]
    assert set(names) - {feature.name for feature in FEATURES} <= set(rivals)
    assert set(rivals) <= set(names)
    assert {feature.name for feature in FEATURES} <= set(names)
    assert names[0] == "cosine"
    assert all_pairs(builder, 1, 1).shape == (1, len(names))
    assert all_pairs(builder, 1, 1).dtype == np.float32


@settings(max_examples=15)
@given(st.lists(PRODUCTS, min_size=1, max_size=4), st.lists(PRODUCTS, min_size=1, max_size=5), st.randoms())
def test_many_pairs_at_once_are_as_one_by_one_and_in_any_order(
    queries: list[Product], products: list[Product], random
) -> None:
    builder = FeatureBuilder(queries, products, VOCABULARY)
    places = [(row, column) for row in range(len(queries)) for column in range(len(products))]
    whole = builder.compute(*np.array(places).T, np.zeros(len(places), np.float32))
    for i in random.sample(range(len(places)), min(3, len(places))):
        row, column = places[i]
        alone = builder.compute(np.array([row]), np.array([column]), np.zeros(1, np.float32))
        assert_array_equal(alone[0], whole[i])
    order = random.sample(range(len(places)), len(places))
    mixed = builder.compute(*np.array([places[i] for i in order]).T, np.zeros(len(places), np.float32))
    assert_array_equal(mixed, whole[order])


@settings(max_examples=15)
@given(st.lists(PRODUCTS, min_size=1, max_size=3), st.lists(PRODUCTS, min_size=1, max_size=3))
def test_everything_is_a_number_or_missing_and_agreements_stay_in_bounds(
    queries: list[Product], products: list[Product]
) -> None:
    builder = FeatureBuilder(queries, products, VOCABULARY)
    found = all_pairs(builder, len(queries), len(products))
    assert not np.isinf(found).any()
    for feature, column in zip(builder.features, found.T, strict=True):
        known = column[~np.isnan(column)]
        low, high = {
            "-1 conflict to 1 equal": (-1, 1), "share": (0, 1), "yes or no": (0, 1), "share by rarity": (0, 1),
            "rank": (1, 51),
        }.get(feature.unit, (-np.inf, np.inf))  # fmt: skip
        assert ((known >= low - 1e-5) & (known <= high + 1e-5)).all(), feature.name


HOSTILE = [
    "", " ", "\x00\x07\x1b]52;c;aGk=\x07", "\u202e\u2066reversed", "e\u0301" * 50, "\U0001f4f7" * 20, "[/] [red]x",
    "x" * 20_000, "x y1 " * 4000, "1" * 400, "9" * 5000 + " gb", "0 inch 0 gb 0 pack",
    " ".join(f"{n} ft" for n in range(1, 200)), "½ ⅓ ² ① ٣٤ inch", "İstanbul ſ ß ﬁ", "-/-/-.", "nan", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("title", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_breaks_nothing(title: str) -> None:
    odd, plain = product(title, title, title), product("Canon EOS 600D 50mm", "Canon", "600D")
    builder = FeatureBuilder([odd, plain], [plain, odd], VOCABULARY)
    found = all_pairs(builder, 2, 2)
    assert found.shape == (4, len(builder.features))
    assert not np.isinf(found).any()
    # The pair of plain listings is judged as ever.
    assert found[2, [f.name for f in builder.features].index("characters")] == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 3])
def test_no_text_at_all_is_no_features(count: int) -> None:
    nothing = [Product("s", str(n), "") for n in range(count)]
    builder = FeatureBuilder(nothing, nothing, VOCABULARY)
    found = dict(zip([f.name for f in builder.features], all_pairs(builder, count, count).T, strict=True))
    for name in ("query_found", "model_likeness", "brand", "length", "price_ratio", "colours", "categories"):
        assert np.isnan(found[name]).all(), name
    for name in ("characters", "title_characters", "words", "title_words", "shared"):
        assert (found[name] == 0).all(), name


def test_no_pairs_give_no_rows() -> None:
    builder = FeatureBuilder([product("a")], [product("b")], VOCABULARY)
    nothing = np.zeros(0, np.int64)
    assert builder.compute(nothing, nothing, np.zeros(0, np.float32)).shape == (0, len(builder.features))


def test_rivals_are_counted_right_beyond_one_block_and_up_to_the_depth() -> None:
    """More queries than are compared at once, more products than are remembered, against a plain sort."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    random = np.random.default_rng(3)
    sides = [random.random((n, 8)).astype(np.float32) for n in (600, 70)]
    sides = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides]
    scores = sides[0] @ sides[1].T
    vectors = csr_matrix(sides[0]), csr_matrix(sides[1])
    part = NeighbourFeatures(vectors, Neighbourhood.of(vectors))
    rows, columns = random.integers(0, 600, 500), random.integers(0, 70, 500)
    own = scores[rows, columns]
    lead, lead_back, place, place_back = part.compute(rows, columns, own)
    for found, others in ((place, scores[rows]), (place_back, scores[:, columns].T)):
        wanted = np.minimum((others > own[:, None] + 1e-5).sum(axis=1), 50) + 1
        assert_array_equal(found, wanted)
    for found, table, at in ((lead, scores[rows], columns), (lead_back, scores[:, columns].T, rows)):
        others = table.copy()
        others[np.arange(500), at] = -1
        assert found == pytest.approx(own - others.max(axis=1), abs=2e-5)


def test_neighbours_are_the_same_whatever_is_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    random = np.random.default_rng(4)
    sides = [random.random((n, 30)).astype(np.float32).round(1) for n in (90, 70)]
    vectors = csr_matrix(sides[0] * (sides[0] > 0.7)), csr_matrix(sides[1] * (sides[1] > 0.7))
    table = (vectors[0] @ vectors[1].T).toarray()
    for scores, queries in ((10 * 70, 256), (1, 256), (2**24, 7), (2**24, 256)):
        monkeypatch.setattr(neighbours, "_BLOCK_SCORES", scores)
        monkeypatch.setattr(neighbours, "_BLOCK_QUERIES", queries)
        monkeypatch.setattr(neighbours, "_BLOCK_PRODUCTS", 2**16 if scores == 1 else 11)
        found = Neighbourhood.of(vectors)
        for side, own in enumerate((table, table.T)):
            assert_array_equal(found.best[side], -np.sort(-own, axis=1)[:, None, :50])
            assert_array_equal(found.nearest[side], own.argmax(axis=1)[:, None])
            looked_up = found.look_up(side, vectors[side], *np.full((2, len(own)), -1))
            assert_array_equal(looked_up[0], found.best[side])
            assert_array_equal(looked_up[1], found.nearest[side])


def test_neighbours_of_many_pairs_are_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    random = np.random.default_rng(4)
    sides = [(random.random((n, 30)) * (random.random((n, 30)) > 0.7)).astype(np.float32) for n in (90, 70)]
    vectors = csr_matrix(sides[0]), csr_matrix(sides[1])
    own = np.where(np.arange(90) < 60, (np.arange(90) + 7) % 70, -1)
    for itself in (None, own):
        every = Neighbourhood.of(vectors, itself)
        with monkeypatch.context() as patch:
            patch.setattr(neighbours, "_MAX_PAIRS", 0)
            patch.setattr(neighbours, "_SEARCHED", 11)
            found = Neighbourhood.of(vectors, itself)
        for side in (0, 1):
            assert_array_equal(found.best[side], every.best[side])
            assert_array_equal(found.nearest[side], every.nearest[side])


def test_rivals_are_of_the_same_source() -> None:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    random = np.random.default_rng(5)
    sides = [random.random((n, 8)).astype(np.float32) for n in (90, 140)]
    vectors = csr_matrix(sides[0]), csr_matrix(sides[1])
    sources = random.integers(0, 2, 90), random.integers(0, 3, 140)
    own = np.where(random.random(90) < 0.3, np.arange(90), -1)
    found = Neighbourhood.of(vectors, own, sources=sources)
    rows, columns = random.integers(0, 90, 200), random.integers(0, 140, 200)
    part = NeighbourFeatures(vectors, found)
    scores = (sides[0] @ sides[1].T)[rows, columns]
    together = np.stack(part.compute(rows, columns, scores))
    for query_source, source in product_of(range(2), range(3)):
        side = np.flatnonzero(sources[0] == query_source), np.flatnonzero(sources[1] == source)
        place = np.full(141, -1)
        place[side[1]] = np.arange(len(side[1]))
        of_sources = vectors[0][side[0]], vectors[1][side[1]]
        alone = NeighbourFeatures(of_sources, Neighbourhood.of(of_sources, place[own[side[0]]]))
        these = np.flatnonzero((sources[0][rows] == query_source) & (sources[1][columns] == source))
        places = np.searchsorted(side[0], rows[these]), np.searchsorted(side[1], columns[these])
        wanted = alone.compute(*places, scores[these])
        assert_allclose(together[:, these], wanted, atol=1e-6)
    # Looked up again they are the same, and for a listing of another source all are rivals.
    own_back = np.full(140, -1)
    own_back[own[own >= 0]] = np.flatnonzero(own >= 0)
    for numbers in (sources, (np.full(90, -1), np.full(140, -1))):
        new = np.full(90, -1), np.full(140, -1)
        rows_of = CorpusRows(new, (np.arange(90), np.arange(140)), (own, own_back), numbers)
        again = NeighbourFeatures(vectors, found, rows_of)
        if numbers is sources:
            assert_allclose(np.stack(again.compute(rows, columns, scores)), together, atol=1e-6)
        else:
            one = NeighbourFeatures(vectors, Neighbourhood.of(vectors, own))
            assert_allclose(again.compute(rows, columns, scores), one.compute(rows, columns, scores), atol=1e-6)


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (0, 0)])
def test_without_queries_or_products_nothing_is_near(sizes: tuple[int, int]) -> None:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    sides = csr_matrix((sizes[0], 4), dtype=np.float32), csr_matrix((sizes[1], 4), dtype=np.float32)
    found = Neighbourhood.of(sides)
    assert [best.shape for best in found.best] == [(size, 1, 50) for size in sizes]
    assert not any(best.any() for best in found.best)


# -- other queries ---------------------------------------------------------------------------------------------------

LISTINGS = st.lists(PRODUCTS, min_size=1, max_size=4, unique_by=lambda product: product.ref)


def beside(builder: FeatureBuilder, queries: list[Product], products: list[Product]) -> FeatureBuilder:
    """The features of listings by the statistics of another builder."""
    return FeatureBuilder(queries, products, VOCABULARY, statistics=builder.statistics)


def of_source(source: str, *titles: str) -> list[Product]:
    return [Product(source, title, title) for title in titles]


def test_statistics_in_a_file_keep_the_sources_and_those_of_earlier_versions_are_read() -> None:
    queries = [*of_source("shop", "Canon EOS 600D red"), *of_source("mall", "Canon EOS 600D", "Nikon case")]
    products = [*of_source("amazon", "Canon EOS 600D red case", "Nikon case"), *of_source("target", "Canon EOS 600D")]
    statistics = FeatureBuilder(queries, products, VOCABULARY).statistics
    arrays = statistics.to_arrays()
    again = CorpusStatistics.from_arrays(arrays).neighbours["words"]
    for side, sources in enumerate(([1, 0, 0], [0, 0, 1])):
        assert_array_equal(again.sources[side], sources)
        assert_array_equal(again.best[side], statistics.neighbours["words"].best[side])
        assert_array_equal(again.nearest[side], statistics.neighbours["words"].nearest[side])
        name = f"words.{('queries', 'products')[side]}"
        arrays |= {f"{name}.{what}": arrays[f"{name}.{what}"][:, 0] for what in ("best", "nearest")}
    alone = FeatureBuilder(queries[:1], products[:1], VOCABULARY).statistics
    assert alone.to_arrays()["words.queries.best"].shape == (1, 50)
    earlier = CorpusStatistics.from_arrays(arrays)
    assert [best.shape for best in earlier.neighbours["words"].best] == [(3, 1, 50), (3, 1, 50)]
    found = all_pairs(FeatureBuilder(queries, products, VOCABULARY, statistics=earlier), 3, 3)
    assert len(found) == 9


@settings(max_examples=15, deadline=None)
@given(LISTINGS, LISTINGS)
def test_the_listings_of_a_corpus_given_again_have_the_same_features(
    queries: list[Product], products: list[Product]
) -> None:
    builder = FeatureBuilder(queries, products, VOCABULARY)
    before = all_pairs(builder, len(queries), len(products))
    again = all_pairs(beside(builder, queries, products), len(queries), len(products))
    assert_allclose(again, before, atol=1e-6)
    # A part of them, too.
    last = all_pairs(beside(builder, queries[-1:], products[-1:]), 1, 1)[0, 1:]
    assert_allclose(last, before[-1, 1:], atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(LISTINGS, LISTINGS, LISTINGS)
def test_the_features_of_other_queries_do_not_depend_on_which_are_given_together(
    queries: list[Product], others: list[Product], products: list[Product]
) -> None:
    builder = FeatureBuilder(queries, products, VOCABULARY)
    before = all_pairs(builder, len(queries), len(products))
    together = all_pairs(beside(builder, others, products), len(others), len(products))
    cosines = np.linspace(0, 1, len(together), dtype=np.float32).reshape(len(others), -1)
    for i, other in enumerate(others):
        rows, columns = np.zeros(len(products), np.int64), np.arange(len(products))
        alone = beside(builder, [other], products).compute(rows, columns, cosines[i])
        assert_array_equal(alone, together[i * len(products) : (i + 1) * len(products)])
    assert_array_equal(all_pairs(builder, len(queries), len(products)), before)


STATED = (
    *HOSTILE, "Canon case red 24-pack 55-inch refurbished", "12 x 330 ml men 2nd generation",
    "toner for ſ12k 5 lb and 16 GB", "Nikon case - free shipping", '"Canon lens"@en',
)  # fmt: skip


@pytest.mark.parametrize("title", STATED, ids=range(len(STATED)))
def test_attributes_are_stored_as_they_are_parsed(title: str) -> None:
    parsed = TitleAttributes(title, VOCABULARY)
    stored = TitleAttributes.from_json(title, Vocabulary.load(), parsed.to_json())
    for name in ("values", "pack", "colours", "audiences", "kinds", "generations", "condition", "compatible"):
        assert name in vars(stored)
        assert getattr(stored, name) == getattr(parsed, name), name
        assert type(getattr(stored, name)) is type(getattr(parsed, name)), name


def test_known_products_are_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    query = product("Canon case red 16 GB en-el14")
    products = [Product("s", str(n), title, model=title) for n, title in enumerate(STATED)]
    arrays = FeatureBuilder([query], products, VOCABULARY).statistics.to_arrays()
    earlier = {name: array for name, array in arrays.items() if not name.startswith("parsed.")}
    changed = [replace(products[0], title="Nikon 24-pack"), *products[1:]]
    expected, statistics = (CorpusStatistics.from_arrays(each) for each in (earlier, arrays))
    parsed = all_pairs(FeatureBuilder([query], changed, VOCABULARY, statistics=expected), 1, len(changed))
    texts: list[str] = []
    for place, name in ((attributes, "quantities"), (model_numbers, "model_codes")):
        read = getattr(place, name)
        monkeypatch.setattr(place, name, lambda text, read=read: texts.append(text) or read(text))
    clean = Boilerplate.clean
    monkeypatch.setattr(Boilerplate, "clean", lambda self, text: texts.append(f"clean {text}") or clean(self, text))
    found = all_pairs(FeatureBuilder([query], changed, VOCABULARY, statistics=statistics), 1, len(changed))
    assert_array_equal(found, parsed)
    both = query.title, "Nikon 24-pack"
    assert texts == [*(f"clean {title}" for title in both), *(f"{title} " for title in both), *both]


def test_a_query_beside_the_others_is_compared_with_all_of_them_as_rivals() -> None:
    queries, products = [product("canon camera red")], [product("canon camera"), product("nikon")]
    queries = [replace(query, source="walmart") for query in queries]
    builder = FeatureBuilder(queries, products, VOCABULARY)
    names = [feature.name for feature in builder.features]
    found = all_pairs(beside(builder, [Product("walmart", "another", "canon camera")], products), 1, 2)[0]
    assert found[names.index("words_place_back")] == 1
    assert 0 < found[names.index("words_lead_back")] < 1  # the margin over the one that was there before
    # An unknown word counts as the rarest one.
    unseen = all_pairs(beside(builder, [Product("walmart", "third", "canon zeiss")], products), 1, 2)[0]
    assert unseen[names.index("query_rarest")] == pytest.approx(
        all_pairs(builder, 1, 2)[0][names.index("query_rarest")]
    )
