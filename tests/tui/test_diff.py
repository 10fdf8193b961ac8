"""Differences between two titles, token by token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.diff import Mark, marked, same


def only(own: str, other: str) -> list[tuple[str, str]]:
    """What is marked in `own`: (text, mark)."""
    return [(s.text, s.mark.value) for s in marked(own, other) if s.mark is not Mark.SAME]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('Samsung 55" TV', "samsung 55-Inch tv"),
        ("Samsung 55 inch TV", "Samsung 55” TV"),
        ("55 in Stand", "55in stand"),
        ("1TB drive", "Drive, 1 tb"),
        ("EN-EL14 battery", "EN EL14 Battery"),
        ("Wi-Fi router", "WiFi Router"),
        ("Wi Fi router", "wifi router"),
        ("Café crème", "Cafe Creme"),
        ("24 pack", "Pack of 24"),
        ("1,000 mAh", "1000mAh"),
        ("2.0 l bottle", "2 Liter bottle"),
        ("", "  "),
    ],
)
def test_the_way_a_thing_is_written_is_no_difference(first: str, second: str) -> None:
    assert only(first, second) == []
    assert only(second, first) == []
    assert same(first, second)


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("WD 1TB black", "WD 2TB black", [("1TB", "strong")]),
        ('TV 55" white', 'TV 65" white', [('55"', "strong")]),
        ("Canon T6i Kit", "Canon T6 Kit", [("T6i", "strong")]),
        ("Mouse, Gray", "Mouse, Red", [("Gray", "own")]),
        ("2 4 pin", "24 pin", [("2", "strong"), ("4", "strong")]),
        ("½ cup", "1 cup", [("½", "strong")]),
        ("Bundle with Case", "", [("Bundle", "own"), ("with", "own"), ("Case", "own")]),
    ],
)
def test_what_only_one_has_is_marked(own: str, other: str, expected: list[tuple[str, str]]) -> None:
    assert only(own, other) == expected
    assert not same(own, other)


@given(st.text(), st.text())
def test_the_stretches_are_the_text(own: str, other: str) -> None:
    assert "".join(stretch.text for stretch in marked(own, other)) == own


@given(st.text())
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert only(text, text) == []
    assert same(text, text)
