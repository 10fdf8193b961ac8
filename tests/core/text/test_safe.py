"""Hostile text is made inert, and stays readable."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.safe import MOST_MARKS, safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("  two  spaces  ", "  two  spaces  "),
        ("a\tb\nc\r\nd", "a b c  d"),
        ("line\u2028para\u2029end\x85next", "line para end next"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]52;c;aGk=\x07", "]52;c;aGk="),
        ("\x9b31mC1\x9d0;t\x9c", "31mC10;t"),
        ("nul\x00del\x7f", "nuldel"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c", "abc"),
        ("[Large] [/] [@click=app.quit]x", "[Large] [/] [@click=app.quit]x"),
        ("\ud800half", "\N{REPLACEMENT CHARACTER}half"),
        ("Nestlé Müller 電視 📺 שלום", "Nestlé Müller 電視 📺 שלום"),
        ("👨‍👩‍👧 ♥️", "👨‍👩‍👧 ♥️"),
    ],
)
def test_what_acts_goes_and_what_reads_stays(text: str, expected: str) -> None:
    assert safe(text) == expected


def test_towers_of_marks_are_cut_and_real_stacks_are_not() -> None:
    tower = "e" + "\u0301" * 40 + "x"
    assert safe(tower) == "e" + "\u0301" * MOST_MARKS + "x"
    vietnamese = unicodedata.normalize("NFD", "Việt ế ữ")
    assert safe(vietnamese) == vietnamese


@given(st.text(st.characters()))
def test_safe_text_can_be_written_and_holds_no_control(text: str) -> None:
    result = safe(text)
    result.encode()
    assert not any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in result)
    assert not any(
        unicodedata.bidirectional(c) in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"} for c in result
    )
    assert safe(result) == result
