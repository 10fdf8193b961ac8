"""Titles that are too long keep what tells variants apart."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.abbreviate import abbreviated

TITLE = "LG OLED evo C4 Series Self-Lit OLED 4K Processor Smart TV, 83in, AI-Powered, 120Hz Refresh Rate"


def test_a_title_that_fits_is_left_alone() -> None:
    assert abbreviated("Bounty Paper Towels, 12 Rolls", 29) == "Bounty Paper Towels, 12 Rolls"


def test_measures_and_model_numbers_stay_and_gaps_carry_a_sign() -> None:
    short = abbreviated(TITLE, 40)
    assert short.startswith("LG OLED")
    assert all(part in short for part in ("C4", "83in", "120Hz", "…"))


def test_variants_that_differ_late_stay_different() -> None:
    assert abbreviated(TITLE, 40) != abbreviated(TITLE.replace("83in", "77in"), 40)


def test_no_lone_dash_and_no_two_signs_in_a_row() -> None:
    title = "220 Natural Beige, 1 Fluid Ounces - Maybelline Fit Match FM220NATURALBEIGE Matte - Poreless | Liquid"
    for width in range(12, 90):
        short = abbreviated(title, width, "Maybelline Fit Match Foundation, 220 Natural Beige, 1.3 oz")
        assert not any(sign in short for sign in ("……", " …", "-…", "|…")), short


def test_one_word_that_is_too_wide_is_cut_with_a_sign() -> None:
    assert abbreviated("x" * 50, 10) == "x" * 9 + "…"


@given(st.text(alphabet=st.sampled_from("ab1 2é漢-…/"), max_size=80), st.integers(8, 40))
def test_it_never_is_wider_than_asked_for(text: str, width: int) -> None:
    assert cell_len(abbreviated(text, width)) <= max(width, 0)


def test_words_that_the_query_has_not_stay_before_those_it_has() -> None:
    query = "WD My Passport Portable External Hard Drive, Black"
    short = abbreviated("WD My Passport Portable External Hard Drive, Midnight Blue", 34, query)
    assert short.startswith("WD My")
    assert short.endswith("…Midnight Blue")
