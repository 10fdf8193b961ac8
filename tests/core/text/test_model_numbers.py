"""Model numbers: their bare form, and which tokens of a title are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.model_numbers import alphanumeric, model_codes


@pytest.mark.parametrize(
    ("text", "expected"), [("EN-EL14", "enel14"), ("en el14", "enel14"), ("CF/8GB-S_2", "cf8gbs2"), ("", ""), ("—", "")]
)
def test_bare_is_letters_and_digits(text: str, expected: str) -> None:
    assert alphanumeric(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nikon EN-EL14 battery", {"enel14"}),
        ("KX-TGA660B handset", {"kxtga660b", "tga660b"}),
        ("sleeve TSS205US-BLK", {"tss205usblk", "tss205us"}),
        ("mouse K72401US", {"k72401us"}),
        ("new-72401 labels", {"72401"}),
        ("PT-1400 labeler", {"pt1400"}),
        ("MC983LL/A", {"mc983lla", "mc983ll"}),
        ("D90 camera", {"d90"}),
        ("tube 12AX7", {"12ax7"}),
        ("nothing here", set()),
    ],
)
def test_codes_of_a_title(text: str, expected: set[str]) -> None:
    assert model_codes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "16gb 16GB-USB 2gb-usb",
        "55in 55-inch 17-inch-wide",
        "1080p 720p",
        "802.11n 802.11b/g",
        "usb2.0 usb-3.0 hdmi1.4",
        "5.1 7.1ch",
        "mp3 mp4 h.264 mpeg4",
        "2x1gb 24-70mm 8.5x11 1680x1050",
        "4-port 16-sheet 24-pack 7pc 5-in-1",
        "1st 2nd 3rd 10th",
        "3d 4k 3g 4g",
        "ddr3-1333 ddr2 pc2-5300 pc3-10600",
        "cat5e cat6 rj-45 rj45",
        "class-6 type-2 mk2 gen2",
        "2012 1999 2000s 8376",
        "500w 12v 2.1a 2200mah f/2.8L",
        "lga1155 atx12v 1pair",
        "12er-Pack 6er-Set 100er 10Stk 100-Stk 12uds 500-tlg 500mlx6 4gbx2",
        "",
    ],
)
def test_quantities_and_standards_are_no_model_numbers(text: str) -> None:
    assert model_codes(text) == frozenset()


@given(st.text(st.characters(), max_size=60))
def test_codes_are_bare_whatever_the_text(text: str) -> None:
    for code in model_codes(text):
        assert code == alphanumeric(code)
        assert any(character.isdigit() for character in code)
        assert code in alphanumeric(text)


@given(st.text("abcxyzABCXYZ0123456789 -/.", max_size=40))
def test_case_means_nothing(text: str) -> None:
    assert model_codes(text.upper()) == model_codes(text.lower())
