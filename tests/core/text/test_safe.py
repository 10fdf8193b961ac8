"""Hostile text is made inert, and stays readable."""

import ctypes
import locale
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from core.text.safe import MAX_MARKS, safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("  two  spaces  ", "  two  spaces  "),
        ("a\tb\nc\r\nd", "a b c  d"),
        ("line\u2028para\u2029end", "line para end"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("nul\x00del\x7f", "nul␀del␡"),
        # What Windows-1252 has there, which is how such bytes come into catalogues.
        ("Kid\x92s \x93Toy\x94 \x96 5\x80", "Kid’s “Toy” – 5€"),
        ("\x9b2J \x9d0;t\x9c \x90q", "›2J �0;tœ �q"),
        ("\u202egnp.exe\u202c", "�gnp.exe"),
        ("\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c\u202ad\u202b", "abcd"),
        ("zero\u200bwidth\u200c\u2060 soft\xadhyphen\ufeff", "zerowidth softhyphen"),
        ("a\u200db", "ab"),
        ("\U000e0001hidden: \U000e0041\U000e0042\U000e007f", "hidden: AB"),
        ("[Large] [/] [@click=app.quit]x", "[Large] [/] [@click=app.quit]x"),
        ("\ud800half", "�half"),
        ("\ue000private \uffff\ufdd0none \U0001ffffnot yet", "�private ��none �not yet"),
        ("Nestlé Müller 電視 📺 שלום ½ ™ ®", "Nestlé Müller 電視 📺 שלום ½ ™ ®"),
        ("👨‍👩‍👧 ♥️ 👍🏽 🏽 🇩🇪", "👨👩👧 ♥ 👍 � DE"),
        ("Cafe\u0301", "Café"),
        ("\u0301bare", "◌\u0301bare"),
        ("हिन्दी ภาษาไทย", "हिन्दी ภาษาไทย"),
        ("☰ menu", "� menu"),
    ],
)
def test_what_acts_goes_and_what_reads_stays(text: str, expected: str) -> None:
    assert safe(text) == expected


def test_towers_of_marks_are_cut_and_real_stacks_are_not() -> None:
    tower = "x" + "\u0301" * 40 + "y"
    assert safe(tower) == "x" + "\u0301" * MAX_MARKS + "y"
    vietnamese = "Việt ế ữ"
    assert safe(unicodedata.normalize("NFD", vietnamese)) == vietnamese


@given(st.text(st.characters()))
def test_safe_text_can_be_written_and_holds_no_control(text: str) -> None:
    result = safe(text)
    result.encode()
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} for c in result)
    assert safe(result) == result


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc's table of widths")
def test_the_desk_and_the_terminal_agree_on_every_width() -> None:
    libc = ctypes.CDLL(None)
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        pytest.skip("needs the locale C.UTF-8")
    try:
        # Both planes in use, and the tags; what stands between them is unassigned or drawn like its neighbours.
        shown = set(safe("".join(map(chr, (*range(0x20000), *range(0xE0000, 0xE1000))))))
        disputed = {c for c in shown if libc.wcwidth(ord(c)) != get_character_cell_size(c)}
        # The wire puts the cursor behind these.
        assert {c for c in disputed if unicodedata.category(c) != "Mc"} == set()
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
