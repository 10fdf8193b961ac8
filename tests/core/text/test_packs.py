"""Pack counts: how many items a listing sells at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.packs import pack_count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("24-pack", 24),
        ("24 Pack", 24),
        ("pack of 24", 24),
        ("24pk", 24),
        ("24/pack", 24),
        ("24/pk", 24),
        ("24 ct", 24),
        ("24ct.", 24),
        ("24 count", 24),
        ("1,000 ct", 1000),
        ("set of 4", 4),
        ("box of 100", 100),
        ("lot of 5", 5),
        ("two-pack", 2),
        ("pack of six", 6),
        ("twin pack", 2),
        ("triple pack", 3),
        ("dozen", 12),
        ("2 dozen eggs", 24),
        ("half dozen", 6),
        ("50 per box", 50),
        ("50/box", 50),
        ("file folders letter green 25 box", 25),
        ("12 pads per pack", 12),
        ("pair of speakers", 2),
        ("1 pair", 2),
        ("6 pairs of socks", 6),
        ("7pc kit", 7),
        ("100 caplets", 100),
        ("5-piece cookware set", 5),
        ("AA-4pk", 4),
        ("qty 3", 3),
        ("gray case pack 2", 2),
    ],
)
def test_what_is_said(text: str, count: int) -> None:
    assert pack_count(f"Acme thing {text}") == count
    assert pack_count(f"Acme thing {text}".upper()) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2 x 12 ct", 24),
        ("2x12 pack", 24),
        ("12 ct (pack of 2)", 24),
        ("12 count, 2-pack", 24),
        ("2 packs of 12", 24),
        ("200 tablets, 2-pack", 2),
        ("3 boxes of 100", 300),
        ("24-pack, 24 ct", 24),
        ("pack of 24 - 24 count", 24),
    ],
)
def test_packs_of_packs_multiply_and_repetition_does_not(text: str, count: int) -> None:
    assert pack_count(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "backpack 3",
        "battery pack 7.2v",
        "value pack",
        "16gb usb 2.0",
        "0 pack",
        "box set",
        "tew-421pc",
        "4 set top box",
        "compact 24",
        "case pack 1",
        "2.5-pack",
        "$5 pack",
    ],
)
def test_where_nothing_is_said(text: str) -> None:
    assert pack_count(text) is None


@given(st.text(st.characters(), max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    count = pack_count(text)
    assert count is None or count > 0


@given(st.integers(1, 9999))
def test_every_notation_says_the_same(number: int) -> None:
    notations = ["{}-pack", "pack of {}", "{}pk", "{}/pack", "{} ct", "{} count", "{} per box", "{}/box"]
    assert {pack_count(notation.format(number)) for notation in notations} == {number}
