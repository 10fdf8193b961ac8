"""The words of a title, and the forms in which another title may write them."""

import pytest

from core.text.vocabulary import Vocabulary
from core.text.word_forms import WordForms, is_code, left_over

FORMS = WordForms(Vocabulary.load())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Wi-Fi router", "wifi router"),
        ("64 GB card", "64GB card"),
        ("EN-EL14", "enel14"),
        ("leather cases", "leather case"),
        ("Kopfhörer", "kopfhorer"),
        ("chair black", "chair schwarz"),
        ("shoe Herren", "shoe men"),
    ],
)
def test_spellings_of_one_thing_leave_nothing_over(one: str, other: str) -> None:
    assert not left_over(FORMS.words(one), FORMS.forms(other))


def test_what_differs_is_left_over_in_order() -> None:
    assert left_over(FORMS.words("Acme X200 mouse red red"), FORMS.forms("Acme X201 mouse pink")) == ["x200", "red"]


@pytest.mark.parametrize(
    ("word", "expected"), [("z22463w", True), ("90d", True), ("2015", True), ("12", False), ("eos", False)]
)
def test_codes_have_a_digit_and_are_no_short_number(word: str, expected: bool) -> None:
    assert is_code(word) is expected
