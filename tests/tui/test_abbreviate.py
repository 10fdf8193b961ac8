"""Abbreviated titles keep the words that distinguish the products of a list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.review.abbreviate import abbreviate, wrap_title

TITLE = "LG OLED evo C4 Series Self-Lit OLED 4K Processor Smart TV, 83in, AI-Powered, 120Hz Refresh Rate"


def short_of(text: str, width: int, other: str = "") -> str:
    (short,) = abbreviate([text], width, other)
    return short


def test_a_title_that_fits_is_unchanged() -> None:
    assert short_of("Bounty Paper Towels, 12 Rolls", 29) == "Bounty Paper Towels, 12 Rolls"


def test_measures_and_model_numbers_stay_and_gaps_have_an_ellipsis() -> None:
    short = short_of(TITLE, 40)
    assert short.startswith("LG OLED")
    assert all(part in short for part in ("C4", "83in", "120Hz", "…"))


def test_variants_that_differ_late_stay_different() -> None:
    assert short_of(TITLE, 40) != short_of(TITLE.replace("83in", "77in"), 40)


def test_no_lone_dash_and_no_two_ellipses_in_a_row() -> None:
    title = "220 Natural Beige, 1 Fluid Ounces - Maybelline Fit Match FM220NATURALBEIGE Matte - Poreless | Liquid"
    for width in range(12, 90):
        short = short_of(title, width, "Maybelline Fit Match Foundation, 220 Natural Beige, 1.3 oz")
        assert not any(sign in short for sign in ("……", " …", "-…", "|…")), short


def test_a_word_that_is_too_wide_is_cut_with_an_ellipsis() -> None:
    assert short_of("x" * 50, 10) == "x" * 8 + "…"


@given(st.text(alphabet=st.sampled_from("ab1 2é漢-…/"), max_size=80), st.integers(8, 40))
def test_no_title_is_wider_than_requested(text: str, width: int) -> None:
    assert cell_len(short_of(text, width)) <= max(width, 0)


def test_words_that_the_query_lacks_stay_before_those_it_has() -> None:
    query = "WD My Passport Portable External Hard Drive, Black"
    short = short_of("WD My Passport Portable External Hard Drive, Midnight Blue", 34, query)
    assert short.startswith("WD My")
    assert short.endswith("…Midnight Blue")


FAMILIES = {
    "counts": [
        f"Angel Soft {size} Toilet Paper, 2-Ply Bath Tissue, Soft, Strong, 242 Sheets per Roll, Septic Safe, 30 Rolls"
        for size in ("Mega", "Super Mega", "Double", "Jumbo")
    ],
    "colours": [
        f"Apple iPhone 14 Plus 128GB Unlocked Smartphone with Dual Camera System and 6.7 Inch Display, {colour}"
        for colour in ("Midnight", "Starlight", "Blue", "Purple", "Red", "Yellow")
    ],
    "models": [
        f"Apple iPhone 14 {model} 128GB Unlocked Smartphone with Dual Camera System and Crash Detection, Midnight"
        for model in ("Plus", "Pro", "Pro Max", "")
    ],
    "late letter": [
        f"Logitech Wireless Combo Keyboard and Mouse for Windows, Linux and Chrome OS, 2.4 GHz, Black, MK5{n}R"
        for n in range(6)
    ],
    "packs": [
        f"Duracell CopperTop AA Alkaline Batteries, Long Lasting All-Purpose Double A Battery for Household, {n} Count"
        for n in (4, 8, 16, 24, 36)
    ],
    "no spaces": [
        f"苹果手机全网通双卡双待移动联通电信5G手机官方旗舰店正品国行{colour}色256GB套装版" for colour in "黑白蓝红"
    ],
    "fullwidth": [
        f"任天堂　Ｓｗｉｔｃｈ　有機ＥＬモデル　ＨＥＧ－Ｓ－ＫＡＡＡ{kind}　本体　新品　送料無料" for kind in "ＡＢＣ"
    ],
    "one long word": [
        f"https://shop.example/products/very-long-name-of-a-product/variant/{n}/reviews" for n in range(4)
    ],
    "only punctuation": ["Mouse, black - wireless, with a receiver for laptops" + "!" * n for n in range(3)],
    "beyond what is read": ["word " * 300 + kind for kind in ("red", "green", "blue")],
    "no differing word": ["Canon PIXMA Wireless Inkjet Printer with Scanner " + "and Copier " * n for n in range(1, 6)],
    "order only": ["red case for a blue phone by a maker of cases", "blue case for a red phone by a maker of cases"],
    "endless": ["x" * 400 + str(n) for n in range(5)],
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("width", [12, 24, 34, 48, 70])
@pytest.mark.parametrize("lines", [1, 2])
def test_no_two_variants_look_the_same(family: str, width: int, lines: int) -> None:
    texts = FAMILIES[family]
    ids = [f"B0{n:08}" for n in range(len(texts))]
    short = abbreviate(texts, width, "Some query of the same kind, 128GB, Black", ids, lines)
    rows = [tuple(wrap_title(text, width)) for text in short]
    assert len(set(rows)) == len(texts)
    assert all(len(row) <= lines and all(cell_len(line) <= width for line in row) for row in rows)


@pytest.mark.parametrize("width", [12, 24, 60])
@pytest.mark.parametrize(
    "ids",
    [
        ["121", "00121", "B0ABC"],
        [f"a-very-long-id-that-says-where-the-product-is-from-{n}-and-more-of-the-same-{n}" for n in range(3)],
        ["x" * 70 + "1" + "y" * 70, "x" * 70 + "2" + "y" * 70, "x" * 90 + "1" + "y" * 50],
    ],
)
def test_equal_titles_are_shown_with_their_ids(ids: list[str], width: int) -> None:
    for title in ("Sony headphones", "Sony wireless noise cancelling headphones with microphone, black"):
        short = abbreviate([title] * 3, width, "", ids)
        assert len(set(short)) == 3
        assert all(cell_len(text) <= width for text in short)
    assert abbreviate([title, "Another thing", title], 40, "", ["121", "5", "122"])[1] == "Another thing"


def test_the_word_that_the_nearest_sibling_lacks_stays() -> None:
    cases = [
        f"Spigen Tough Armor Designed for Apple iPhone 14 {model} Case, Extreme Impact Protection, {colour}"
        for model in ("Plus", "Pro")
        for colour in ("Metal Slate", "Black")
    ]
    others = ["OtterBox Defender Series Rugged Case with Holster Clip for Galaxy S22 Ultra, Screenless Edition, Purple"]
    short = abbreviate(cases + others, 44, "Spigen Tough Armor for iPhone 14 Pro Max, Gunmetal", [])
    for text, title in zip(short, cases, strict=False):
        assert ("Plus" in text) is ("Plus" in title)
        assert ("Slate" in text) is ("Slate" in title)


@pytest.mark.parametrize(
    ("family", "words"), [("counts", ["Mega", "Super Mega", "Double"]), ("colours", ["Starlight"])]
)
def test_the_word_that_differs_is_the_one_that_stays(family: str, words: list[str]) -> None:
    short = abbreviate(FAMILIES[family], 34, "", [])
    assert all(any(word in text for text in short) for word in words)


@given(
    st.lists(st.text(alphabet=st.sampled_from("ab1 2-,"), max_size=60), min_size=2, max_size=10, unique=True),
    st.integers(24, 60),
)
def test_different_products_never_look_the_same(texts: list[str], width: int) -> None:
    ids = [f"id{n}" for n in range(len(texts))]
    assert len(set(abbreviate(texts, width, "a b 1", ids))) == len(texts)
