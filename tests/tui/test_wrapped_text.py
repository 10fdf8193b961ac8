"""Wrapped text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from core.text.safe import safe
from tui.common.wrapped_text import WrappedText, line_spans


def lines(text: str, width: int) -> list[str]:
    return [text[start:end] for start, end in line_spans(text, width)]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("", 5, [""]),
        ("one", 5, ["one"]),
        ("one two three", 7, ["one two", "three"]),
        ("one two ", 7, ["one two"]),
        ("one  two", 4, ["one", "two"]),
        ("abcdefgh ij", 3, ["abc", "def", "gh", "ij"]),
        ("a bcdefgh", 4, ["a", "bcde", "fgh"]),
        ("電視電視", 5, ["電視", "電視"]),
        ("電", 1, ["電"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
        ("    ", 2, [""]),
        ("  x", 2, ["", "x"]),
    ],
)
def test_lines_break_at_spaces_and_in_words_that_are_too_wide(text: str, width: int, expected: list[str]) -> None:
    assert lines(text, width) == expected


@given(st.text(st.characters(codec="utf-8")), st.integers(2, 20))
def test_nothing_is_lost_and_no_line_is_too_wide(text: str, width: int) -> None:
    text = safe(text)
    found = lines(text, width)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= width for line in found)


def test_styles_continue_over_lines() -> None:
    passage = WrappedText([("one ", ""), ("two three", "bold"), (" four", "")], 9)
    assert [str(line) for line in (passage[0], passage[1])] == ["one two", "three"]
    assert [[(s.start, s.end, s.style) for s in passage[n].spans] for n in range(3)] == [
        [(4, 7, "bold")], [(0, 5, "bold")], [],
    ]  # fmt: skip
    assert str(passage.content) == "one two\nthree\nfour"


def test_cut_text_ends_in_an_ellipsis() -> None:
    assert [str(line) for line in WrappedText([("one two three", "")], 7, max_lines=1)] == ["one tw…"]
    assert [str(line) for line in WrappedText([("one two three", "")], 7, max_lines=2)] == ["one two", "three"]
    assert WrappedText([("one two three", "")], 7, max_lines=1).is_cut
    assert not WrappedText([("one two three", "")], 7, max_lines=2).is_cut
    assert [str(line) for line in WrappedText([("one two", "")], 5, max_lines=1)] == ["one…"]
