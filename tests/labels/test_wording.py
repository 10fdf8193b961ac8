"""Formatting of counts and clauses."""

import pytest

from labels.wording import as_sentence, counted, evaluation_set, join_clauses


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("query", "queries"), "0 queries"),
        (1, ("query", "queries"), "1 query"),
        (1200, ("label",), "1,200 labels"),
        (1, ("label",), "1 label"),
    ],
)
def test_singular_and_plural(number: int, words: tuple[str, ...], text: str) -> None:
    assert counted(number, *words) == text


@pytest.mark.parametrize(
    ("clauses", "text"),
    [
        ([], ""),
        (["up to date", "candidates by x, 1 MB"], "up to date; candidates by x, 1 MB"),
        (["Run `samesku index`.", "candidates by x"], "Run `samesku index`. Candidates by x"),
        (["", "a", "", "b"], "a; b"),
    ],
)
def test_clauses_are_joined_by_their_last_character(clauses: list[str], text: str) -> None:
    assert join_clauses(clauses) == text


def test_a_full_stop_is_added_once() -> None:
    assert as_sentence("It is gone") == as_sentence("It is gone.") == "It is gone."


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("validation@12", "validation set v12"),
        ("queries held out of training", "queries held out of training"),
        ("/data/validation@1", "/data/validation@1"),
        ("", ""),
    ],
)
def test_evaluation_sets_are_named_for_people(stored: str, text: str) -> None:
    assert evaluation_set(stored) == text
