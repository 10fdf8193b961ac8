"""Trade item numbers as catalogues hold them, and what they are as GTIN-14."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog.gtin import Gtin, GtinProblem, check_digit, has_check_digit, normalize_gtin, parse_gtin


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("036000291452", "00036000291452"),  # the UPC-A of the GS1 manuals
        ("4006381333931", "04006381333931"),
        ("04006381333931", "04006381333931"),
        ("14006381333938", "14006381333938"),  # a case of them is another trade item
        ("73513537", "00000073513537"),
        ("04252614", "00042100005264"),  # UPC-E
        ("0-306-40615-2", "09780306406157"),  # ISBN-10
        ("080442957X", "09780804429573"),
        ("978-0-306-40615-7", "09780306406157"),
        ("0 36000 29145 2", "00036000291452"),
        ("UPC: 036000291452", "00036000291452"),
        ("EAN-13 4006381333931", "04006381333931"),
        ("036000291452.0", "00036000291452"),
        ("036000291452, 4006381333931", "00036000291452"),
        ("036000291453 / 4006381333931", "04006381333931"),
        ("036000291452 4006381333931", "00036000291452"),
        ('["036000291452", "4006381333931"]', "00036000291452"),
        ('="036000291452"', "00036000291452"),
        ("'036000291452", "00036000291452"),
        ("(01)00036000291452", "00036000291452"),
        ("UPC036000291452", "00036000291452"),
        ("UPC-A 036000291452", "00036000291452"),
        ("UPC code: 036000291452", "00036000291452"),
        ("GTIN 14: 14006381333938", "14006381333938"),
        ("UPC 0 36000 29145 2", "00036000291452"),
        ("０３６０００２９１４５２", "00036000291452"),
        ("036000291452\u00a0", "00036000291452"),
    ],
)
def test_every_notation_of_a_number_is_the_same_gtin(text: str, gtin: str) -> None:
    assert parse_gtin(text) == Gtin(gtin)


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("36000291452", "00036000291452"),
        ("36000291452.0", "00036000291452"),
        ("3.6000291452E+10", "00036000291452"),
        ("7.00000554335E+11", "00700000554335"),
        ("7,00000554335e11", "00700000554335"),
        ("4.006381333931E+12", "04006381333931"),
        ("306406152", "09780306406157"),  # ISBN-10 without its leading zero
    ],
)
def test_what_a_spreadsheet_did_is_repaired_where_the_check_digit_proves_it(text: str, gtin: str) -> None:
    assert parse_gtin(text) == Gtin(gtin, repaired=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3.80005E+10", GtinProblem.ROUNDED),
        ("8.41E+11", GtinProblem.ROUNDED),
        ("36000291453", GtinProblem.CHECK_DIGIT),
        ("036000291453", GtinProblem.CHECK_DIGIT),
        ("5829174", GtinProblem.LENGTH),
        ("582917460385172", GtinProblem.LENGTH),
        ("B00X4WHP5E", GtinProblem.NOT_A_NUMBER),
        ("Does not apply", GtinProblem.NOT_A_NUMBER),
        ("٠٣٦٠٠٠٢٩١٤٥٢", GtinProblem.NOT_A_NUMBER),
        ("212345678992", GtinProblem.RESTRICTED),
        ("0212345678992", GtinProblem.RESTRICTED),
        ("2000000000008", GtinProblem.RESTRICTED),
        ("412345678903", GtinProblem.RESTRICTED),
        ("512345678900", GtinProblem.RESTRICTED),
        ("9912345678909", GtinProblem.RESTRICTED),
        ("20000004", GtinProblem.RESTRICTED),
        ("999999999999", GtinProblem.PLACEHOLDER),
        ("000000000000", GtinProblem.PLACEHOLDER),
        ("0", GtinProblem.PLACEHOLDER),
        ("111111111117", GtinProblem.PLACEHOLDER),
        ("012345678905", GtinProblem.PLACEHOLDER),
        ("12345678905", GtinProblem.PLACEHOLDER),
        ("1234567890128", GtinProblem.PLACEHOLDER),
        ("987654321098", GtinProblem.PLACEHOLDER),
        ("036000 UPC 291452", GtinProblem.NOT_A_NUMBER),
        ("036000291452 " * 100, GtinProblem.NOT_A_NUMBER),
        ("036000291452 (case of 12)", GtinProblem.NOT_A_NUMBER),
    ],
)
def test_what_is_no_trade_item_number_says_why(text: str, problem: GtinProblem) -> None:
    assert parse_gtin(text) == Gtin(problem=problem)


def test_ten_digits_that_fit_an_isbn_and_a_upc_are_neither() -> None:
    fits_both = next(
        digits
        for digits in (f"{number:010d}" for number in range(1_160_000_002, 1_160_100_000))
        if has_check_digit(digits) and sum((10 - place) * int(digit) for place, digit in enumerate(digits)) % 11 == 0
    )
    assert parse_gtin(fits_both) == Gtin(problem=GtinProblem.AMBIGUOUS)


def test_nothing_is_no_problem() -> None:
    assert parse_gtin("  ") == Gtin()


@given(st.text(alphabet="0123456789", min_size=8, max_size=13).filter(lambda body: body.strip("0")))
def test_leading_zeros_never_matter(body: str) -> None:
    number = body + check_digit(body)
    if len(number) >= 12:
        assert normalize_gtin(number) == normalize_gtin(number.zfill(14))


@given(st.text())
def test_any_text_gives_fourteen_digits_or_nothing(text: str) -> None:
    found = parse_gtin(text)
    assert found.value == "" or (len(found.value) == 14 and has_check_digit(found.value))
    assert (found.value == "") or found.problem is None
    assert normalize_gtin(found.value) == found.value or not found.value
