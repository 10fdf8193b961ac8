"""Differences between two titles, token by token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.title_diff import Mark, covers, mark_differences, mark_model_difference
from core.text.title_tokens import MAX_CHARACTERS


def only(own: str, other: str, beside: str = "") -> list[tuple[str, str]]:
    """What is marked in `own`: (text, mark)."""
    return [(s.text, s.mark.value) for s in mark_differences(own, other, beside) if s.mark is not Mark.SAME]


def same(own: str, other: str) -> bool:
    """Whether the texts differ in spelling only."""
    return covers(own, other) and covers(other, own)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('Samsung 55" TV', "samsung 55-Inch tv"),
        ("Samsung 55 inch TV", "Samsung 55” TV"),
        ("55 in Stand", "55in stand"),
        ("Targus 16 backpack", 'Targus 16" Backpacks'),
        ('8.5" x 11" paper', "8-1/2 x 11 in paper"),
        ("8½ x 11 inches", "8 1/2 x 11 inch"),
        ("½ cup", "1/2 cups"),
        ("5 ft 2 in mount", "62 inch mount"),
        ("6 ft cable", "1.8 m cable"),
        ("1TB drive", "Drive, 1 tb"),
        ("1TB drive", "1000 GB drive"),
        ("2GB", "2048 MB"),
        ("4.1 oz", "116 g"),
        ("120hz", "120 Hz"),
        ("1080p", "1080P"),
        ("60W bulb", "60 Watt bulbs"),
        ("2-pack", "pack of 2"),
        ("twin pack", "2 pk"),
        ("12 ct, pack of 2", "24 count"),
        ("dozen eggs", "12 ct eggs"),
        ("24 pack", "Pack of 24"),
        ("rice 6 x 1kg", "Rice 1 kg (6er Pack)"),
        ("Cola 24 x 330ml", "cola 330 ml x 24"),
        ("Masken 10 Stück", "masken, 10 pcs"),
        ("lot de 6 verres", "verres, set of 6"),
        ("soap 2 x 12 ct", "soap 24 ct"),
        ("Wasser 6x1,5l", "wasser 6 x 1.5 l"),
        ("two-drawer file", "2 drawer files"),
        ("EN-EL14 battery", "EN EL14 Battery"),
        ("TSS205US-BLK", "tss205us blk"),
        ("drive 23780", "imn23780 drive"),
        ("MDRZX110/WHI", "MDR-ZX110 WHI"),
        ("Wi-Fi router", "WiFi Router"),
        ("Wi Fi router", "wifi router"),
        ("all-in-one printer", "all in one printers"),
        ("batteries and glasses", "battery & glass"),
        ("case with a strap", "case w/ strap"),
        ("grey", "gray"),
        ("Café crème", "Cafe Creme"),
        ("men's", "mens"),
        ("1,000 mAh", "1000mAh"),
        ("2.0 l bottle", "2 Liter bottle"),
        ("", "  "),
    ],
)
def test_spelling_is_no_difference(first: str, second: str) -> None:
    assert only(first, second) == []
    assert only(second, first) == []
    assert same(first, second)


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("WD 1TB black", "WD 2TB black", [("1TB", "strong")]),
        ('TV 55" white', 'TV 65" white', [('55"', "strong")]),
        ("TV 46 class", "TV 40-inch", [("46", "strong"), ("class", "own")]),
        ("lens 50 mm", "lens 51 mm", [("50 mm", "strong")]),
        ("lens 24-70mm", "lens 24-105mm", [("70mm", "strong")]),
        ("rug 12 x 15 ft", "rug 12 x 16 ft", [("15 ft", "strong")]),
        ("rug 5 ft", "rug 61 in", [("5 ft", "strong")]),
        ("2600 mAh", "2560 mAh", [("2600 mAh", "strong")]),
        ("4-port hub", "5-port hub", [("4-port", "strong")]),
        ("16 GB phone", "iPhone 16, 64 GB", [("16 GB", "strong"), ("phone", "own")]),
        ("2-pack", "4-pack", [("2-pack", "strong")]),
        ("Cola 24 x 330ml", "Cola 12 x 330ml", [("24 x", "strong")]),
        ("3pk", "3 in", [("3pk", "strong")]),
        ("Sage 2012 pc", "Sage 2011 pc", [("2012", "strong")]),
        ("1998-02 Mazda", "1998-03 Mazda", [("02", "strong")]),
        ("910-002225", "910-002226", [("910-002225", "strong")]),
        ("Canon T6i", "Canon T6", [("T6i", "strong")]),
        ("Canon T6", "Canon T6i", [("T6", "strong")]),
        ("TL-WA500G", "TL-WR543G", [("TL-WA500G", "strong")]),
        ("Mouse, Gray", "Mouse, Red", [("Gray", "own")]),
        ("new-wilson binder", "Wilson binder", [("new", "own")]),
        ("2 4 pin", "24 pin", [("2", "strong"), ("4 pin", "strong")]),
        ("½ cup", "1 cup", [("½ cup", "strong")]),
        ("Bundle with Bag, Case", "", [("Bundle with Bag", "own"), ("Case", "own")]),
        ("T6 with 32GB card and case", "T6", [("32GB", "strong"), ("card and case", "own")]),
        ("red leather flip-case", "case", [("red leather flip", "own")]),
    ],
)
def test_unique_tokens_are_marked(own: str, other: str, expected: list[tuple[str, str]]) -> None:
    assert only(own, other) == expected
    assert not same(own, other)


def test_tokens_in_other_fields_are_no_difference() -> None:
    assert only("Night Owl cam-cm01-245 camera", "Night Owl camera") == [("cam-cm01-245", "strong")]
    assert only("Night Owl cam-cm01-245 camera", "Night Owl camera", "Night Owl CAMCM01245") == []


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("GT701C", "gt701r", [("GT701", "same"), ("C", "strong")]),
        ("UN55J6300", "UN65J6300", [("UN", "same"), ("5", "strong"), ("5J6300", "same")]),
        ("v7-14f-red", "V7 25F RED", [("v7-", "same"), ("14", "strong"), ("f-red", "same")]),
        ("T6i", "T6", [("T6", "same"), ("i", "strong")]),
        ("T6", "T6i", [("T6", "same")]),
        ("ver97255", "97255", [("ver", "strong"), ("97255", "same")]),
        ("a500k01", "bluetooth", [("a500k01", "strong")]),
        ("--", "x", [("--", "same")]),
        ("", "x", []),
    ],
)
def test_model_numbers_are_compared_by_character(own: str, other: str, expected: list[tuple[str, str]]) -> None:
    assert [(s.text, s.mark.value) for s in mark_model_difference(own, other)] == expected


def test_one_text_may_cover_the_other() -> None:
    assert covers("Griffin Technology", "griffin")
    assert not covers("griffin", "Griffin Technology")
    assert covers("x", "")
    assert not covers("", "x")


def test_very_long_texts_are_compared_as_a_whole() -> None:
    own = "word " * MAX_CHARACTERS + "55 in"
    assert same(own, own.upper())
    assert not same(own, own.replace("55", "65"))
    assert only(own, own.replace("55", "65")) == []


@given(st.text(), st.text())
def test_the_spans_are_the_text(own: str, other: str) -> None:
    assert "".join(span.text for span in mark_differences(own, other)) == own
    assert "".join(span.text for span in mark_model_difference(own, other)) == own


@given(st.text())
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert only(text, text) == []
    assert same(text, text)
