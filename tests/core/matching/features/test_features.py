"""The value of each feature, on pairs small enough to compute by hand."""

from dataclasses import replace

import numpy as np
import pytest

from core.catalog.product import Product
from core.matching.features.builder import FeatureBuilder
from core.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.load()
NAN = float("nan")


def product(
    title: str, brand: str = "", model: str = "", price: float | None = None, category: str = "", *, id_: str = "1"
) -> Product:
    return Product("s", id_, title, brand, category, model=model, price=price)


def vectors(
    queries: list[Product], products: list[Product], row: int = 0, column: int = 0, *, store_brands: bool = False
) -> dict[str, float]:
    """The features of one pair among a few products of another source."""
    products = [replace(each, source="other") for each in products]
    builder = FeatureBuilder(queries, products, VOCABULARY, store_brands=store_brands)
    found = builder.compute(np.array([row]), np.array([column]), np.array([0.5], np.float32))
    return dict(zip((feature.name for feature in builder.features), found[0].tolist(), strict=True))


def titles(one: str, other: str) -> dict[str, float]:
    return vectors([product(one)], [product(other)])


def expect(found: dict[str, float], **wanted: float) -> None:
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-4, nan_ok=True)


# -- model numbers -------------------------------------------------------------------------------------------


def models(one: str, other: str, title: str = "lens", other_title: str = "lens") -> dict[str, float]:
    return vectors([product(title, model=one)], [product(other_title, model=other)])


def test_equal_model_numbers_however_they_are_written() -> None:
    expect(
        models("EN-EL14", "En EL14"),
        model_likeness=1, model_edits=0, model_prefix=1, model_part=1, model_contained=1,
    )  # fmt: skip


def test_a_model_number_inside_the_other() -> None:
    expect(models("TN450", "TN450BK"), model_part=1, model_contained=1, model_edits=2, model_prefix=5 / 7)


def test_a_model_number_that_differs_in_one_letter() -> None:
    expect(models("WRT54G", "WRT54L"), model_edits=1, model_likeness=5 / 6, model_contained=0, codes_shared=0)
    expect(models("WRT54G", "WRT54-G"), codes_shared=1, query_codes_only=0, codes_likeness=1)


def test_conflicting_model_numbers() -> None:
    found = models("UN55J6300", "910-002225")
    expect(found, model_contained=0, codes_shared=0)
    assert found["model_likeness"] < 0.4
    assert found["codes_likeness"] < 0.4


def test_a_model_number_in_the_other_title() -> None:
    found = models("MDRZX110", "", other_title="Sony MDR-ZX110 white")
    expect(found, query_model_contained=1, query_model_found=1, candidate_model_contained=NAN, model_likeness=NAN)


@pytest.mark.parametrize(("one", "other"), [("", ""), ("TN450", ""), ("", "TN450")])
def test_what_is_not_said_of_a_model_is_missing_and_never_zero(one: str, other: str) -> None:
    found = models(one, other)
    names = ["model_likeness", "model_edits", "model_start", "model_prefix", "model_part", "codes_likeness"]
    assert np.isnan([found[name] for name in names]).all()


def test_two_characters_are_too_short_to_stand_in_a_title() -> None:
    expect(models("t6", "", other_title="canon t6"), query_model_contained=NAN, query_model_found=NAN)


# -- quantities, packs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("tv 55-inch", 'tv 55"', {"quantities_equal": 1, "quantities_conflicting": 0, "length": 1}),
        ("tv 55-inch", 'tv 65"', {"quantities_equal": 0, "quantities_conflicting": 1, "length": -1}),
        ("tv 55-inch", "tv", {"quantities_equal": 0, "quantities_one_sided": 1, "length": NAN}),
        ("drive 16 gb", "drive 8gb", {"storage": -1, "quantities_conflicting": 1}),
        # 1024 MB are sold as 1 GB, and 2048 MB as 2 GB: 2.4 % off.
        ("drive 2048 mb", "drive 2 gb", {"storage": 1, "quantities_equal": 1, "quantities_conflicting": 0}),
        ("soap 4.1oz", "soap 116 g", {"quantities_equal": 1, "quantities_conflicting": 0}),
        ("bulb 60 watt", "bulb 60w", {"power": 1}),
        # What is counted is equal exactly or not at all.
        ("paper 50 sheets", "paper 49 sheets", {"quantities_equal": 0, "quantities_conflicting": 1}),
        # Of two lengths one is shared.
        ("rug 3 ft x 5 ft", "rug 5 ft x 8 ft", {"length": 0, "quantities_equal": 1, "quantities_conflicting": 0}),
        ("tv 55-inch 120 watt", 'tv 55" 120w', {"quantities_equal": 2, "quantities_conflicting": 0}),
        ("tv 55-inch 120 watt", "tv 55-inch", {"length": 1, "power": NAN, "quantities_one_sided": 1}),
    ],
)
def test_quantities(one: str, other: str, wanted: dict[str, float]) -> None:
    expect(titles(one, other), **wanted)


def test_agreement_never_exceeds_one() -> None:
    # The two lengths are within the tolerance of each other.
    assert titles("cable 11 ft 11.2 ft", "cable 11 ft 11.2 ft")["length"] == 1
    assert titles("cable 11 ft", "cable 11 ft 11.2 ft")["length"] == 1


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("soda 12 pack", "soda pack of 12", {"pack": 1, "pack_ratio": 0}),
        ("soda 24-pack", "soda 12-pack", {"pack": -1, "pack_ratio": np.log(2)}),
        ("soda 2 pack", "soda", {"pack": NAN, "pack_ratio": np.log(2)}),
        ("soda", "soda", {"pack": NAN, "pack_ratio": 0}),
        # What is multiplied is a pack, and its content a quantity.
        ("rice 6 x 1kg", "reis 1 kg (6er pack)", {"pack": 1, "quantities_equal": 1, "quantities_conflicting": 0}),
        ("rice 6 x 1kg", "rice 1kg", {"pack": NAN, "pack_ratio": np.log(6), "quantities_equal": 1}),
        ("cola 24 x 330ml", "cola 12 x 330ml", {"pack": -1, "pack_ratio": np.log(2), "quantities_equal": 1}),
        ("rug 30 x 175 cm", "rug 30 x 175 cm", {"pack": NAN, "pack_ratio": 0, "quantities_equal": 2}),
    ],
)
def test_packs(one: str, other: str, wanted: dict[str, float]) -> None:
    expect(titles(one, other), **wanted)


# -- colours, kinds, generations, condition ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("mouse red", "red mouse", {"colours": 1}),
        ("mouse red", "mouse blue", {"colours": -1}),
        ("mouse red", "mouse", {"colours": NAN}),
        ("mouse red and black", "mouse black", {"colours": 1}),
        ("camera case", "camera", {"kinds": NAN, "kinds_one_sided": 1}),
        ("camera case", "camera battery", {"kinds": -1, "kinds_one_sided": 2}),
        ("ipod 2nd generation", "ipod gen 2", {"generations": 1}),
        ("ipod 2nd generation", "ipod 3rd generation", {"generations": -1}),
        ("mouse refurbished", "mouse", {"condition": 1}),
        ("mouse refurbished", "refurbished mouse", {"condition": 0}),
        ("battery compatible with nikon", "battery nikon", {"compatible": 1}),
        ("battery nikon", "battery nikon", {"compatible": 0, "condition": 0}),
    ],
)
def test_what_titles_state(one: str, other: str, wanted: dict[str, float]) -> None:
    expect(titles(one, other), **wanted)


# -- fields --------------------------------------------------------------------------------------------------


def test_prices_are_a_ratio() -> None:
    found = vectors([product("a", price=20.0)], [product("a", price=10.0)])
    expect(found, price_ratio=np.log(2), price_distance=np.log(2), price_level=np.log(10))
    back = vectors([product("a", price=10.0)], [product("a", price=20.0)])
    expect(back, price_ratio=-np.log(2), price_distance=np.log(2), price_level=np.log(10))


@pytest.mark.parametrize("price", [None, 0.0, -1.0])
def test_a_price_that_is_none_is_missing(price: float | None) -> None:
    found = vectors([product("a", price=price)], [product("a", price=10.0)])
    expect(found, price_ratio=NAN, price_distance=NAN, price_level=np.log(10))


def test_brands_are_alike_by_their_canonical_names() -> None:
    expect(vectors([product("a", "Hewlett-Packard")], [product("hp ink", "HP")]), brand=1, query_brand_found=1)
    assert vectors([product("a", "Canon")], [product("a", "Sony")])["brand"] < 0.7
    expect(vectors([product("a", "Canon")], [product("a")]), brand=NAN, candidate_brand_found=NAN)


def test_store_brands_are_one_brand_only_where_that_is_the_policy() -> None:
    milk = [product("milk", "Great Value")], [product("milk", "Kirkland")]
    assert vectors(*milk)["brand"] < 1
    assert vectors(*milk, store_brands=True)["brand"] == 1


# -- words ---------------------------------------------------------------------------------------------------


def test_shares_of_words_say_what_is_lacking() -> None:
    found = titles("red mouse", "red mouse with pad")
    expect(found, query_title_found=1, query_only=0, query_rarest=0)
    assert 0 < found["candidate_title_found"] < 1
    assert found["candidate_only"] > found["candidate_rarest"] > 0
    back = titles("red mouse with pad", "red mouse")
    for name in ("title_found", "only", "rarest"):
        assert back[f"query_{name}"] == pytest.approx(found[f"candidate_{name}"])
        assert back[f"candidate_{name}"] == pytest.approx(found[f"query_{name}"])


def test_equal_texts_are_wholly_alike() -> None:
    names = ["characters", "words", "title_words", "query_found", "candidate_found", "token_set", "token_sort"]
    found = titles("canon eos 600d", "canon eos 600d")
    assert [found[name] for name in names] == pytest.approx([1] * len(names))
    expect(found, query_length=14, candidate_length=14, length_ratio=0)


def test_numbers_are_words_of_their_own() -> None:
    found = titles("iphone 4 16gb", "iphone 5 16 gb")
    assert 0 < found["query_numbers_found"] < 1
    expect(titles("red mouse", "red mouse"), query_numbers_found=NAN, candidate_numbers_found=NAN, shared_numbers=0)


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    products = [product(f"mouse {word}", id_=word) for word in ("red", "blue", "black", "zyx")]
    common = vectors([product("zyx")], products, column=3)["query_found"]
    assert common == pytest.approx(1)
    rare = vectors([product("mouse zyx")], products, column=3)["shared"]
    assert rare > vectors([product("mouse zyx")], products, column=0)["shared"] * 1.5


# -- rivals, categories --------------------------------------------------------------------------------------

CAMERAS = [product("canon camera black", id_="1"), product("canon camera", id_="2"), product("nikon lens", id_="3")]


def test_the_best_candidate_leads_and_the_second_is_behind() -> None:
    query = [product("canon camera black")]
    best, second, last = (vectors(query, CAMERAS, column=column) for column in range(3))
    assert [e["words_place"] for e in (best, second, last)] == [1, 2, 3]
    assert best["words_lead"] > 0 > second["words_lead"] > last["words_lead"]
    assert best["words_lead"] == pytest.approx(best["words"] - second["words"], abs=1e-5)
    assert second["characters_lead"] == pytest.approx(second["characters"] - best["characters"], abs=1e-5)


def test_back_again_it_is_the_query_that_has_rivals() -> None:
    queries = [product("nikon lens", id_="a"), product("nikon lens 50mm", id_="b")]
    first, second = (vectors(queries, CAMERAS, row=row, column=2) for row in range(2))
    assert (first["words_place_back"], second["words_place_back"]) == (1, 2)
    assert first["words_lead_back"] > 0 > second["words_lead_back"]


def test_a_candidate_without_rivals_leads_by_all_it_has() -> None:
    found = titles("red mouse", "red mouse")
    expect(found, words_lead=1, words_place=1, words_lead_back=1, words_place_back=1)


def test_categories_that_go_together_in_the_catalogues_speak_for_a_pair() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
    queries = [product(f"{word} {word}x", category="tv" if n < 3 else "toys", id_=word) for n, word in enumerate(words)]
    products = [replace(query, category={"tv": "Television", "toys": "Games"}[query.category]) for query in queries]
    together = vectors(queries, products, 0, 1)["categories"]
    apart = vectors(queries, products, 0, 4)["categories"]
    assert together > 0 > apart
    products[4] = replace(products[4], category="")
    assert np.isnan(vectors(queries, products, 0, 4)["categories"])


# -- currencies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other", "compared"), [("USD", "USD", True), ("USD", "", True), ("USD", "EUR", False)])
def test_prices_of_two_currencies_are_not_compared_as_numbers(one: str, other: str, compared: bool) -> None:
    query, candidate = product("lens", price=10.0), product("lens", price=20.0)
    found = vectors([replace(query, currency=one)], [replace(candidate, currency=other)])
    if compared:
        expect(found, price_ratio=np.log(0.5), price_distance=np.log(2), price_level=np.log(10))
    else:
        expect(found, price_ratio=NAN, price_distance=NAN, price_level=NAN)


# -- trade item numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("036000291452", "0036000291452", 1),
        ("36000291452", "3.6000291452E+10", 1),
        ("0306406152", "9780306406157", 1),
        ("036000291452", "4006381333931", 0),
        ("036000291452", "10036000291459", 0),  # a case of them is another trade item
        ("036000291452", "", NAN),
        ("", "", NAN),
        ("999999999999", "999999999999", NAN),
        ("036000291453", "036000291453", NAN),
        ("B00X4WHP5E", "B00X4WHP5E", NAN),
    ],
)
def test_gtins_are_equal_conflict_or_are_unknown(one: str, other: str, equal: float) -> None:
    query, candidate = (replace(product("mug"), upc=upc) for upc in (one, other))
    expect(vectors([query], [candidate]), gtin_equal=equal, gtin_conflict=1 - equal)


def test_a_gtin_on_very_many_listings_of_one_retailer_is_no_features() -> None:
    query = replace(product("mug"), upc="036000291452")
    offers = [replace(product("mug", id_=str(n)), upc="036000291452") for n in range(6)]
    expect(vectors([query], offers[:5]), gtin_equal=1)
    expect(vectors([query], offers), gtin_equal=NAN, gtin_conflict=NAN)
