import pytest
from hypothesis import given
from hypothesis import strategies as st
from injections import INJECTIONS

from core.judge.prompt import MAX_TITLE_LENGTH, escape_value, parse_choice, parse_verdict
from core.judge.verdict import Answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Same brand.\n**Verdict:** MATCH", Answer.MATCH),
        ("Sizes differ.\n\n**Verdict:** NO MATCH\n\n", Answer.NO_MATCH),
        ("**Verdict:** NO MATCH.", Answer.NO_MATCH),
        ("  **Verdict:** MATCH  ", Answer.MATCH),
        ("**Verdict:** MATCH\nor perhaps\n**Verdict:** NO MATCH", Answer.NO_MATCH),
    ],
)
def test_last_line_is_the_verdict(text: str, answer: Answer) -> None:
    assert parse_verdict(text) is answer


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "MATCH", "NO MATCH", "Verdict: MATCH", "**Verdict:** match", "**Verdict:** MATCH!",
        "**Verdict:** MATCH, I think", "**Verdict:**MATCH", "**Verdict:** NOMATCH", "**Verdict:** NOT A MATCH",
        "**Verdict:** MATCH\nBut the sizes differ.", "It is a MATCH\n**Verdict:**", "**Verdict:** MATCH or NO MATCH",
        "# **Verdict:** MATCH", "`**Verdict:** MATCH`", "**Verdict:** NO\nMATCH",
        "**Verdict:** MATCH **Verdict:** MATCH",
    ],
)  # fmt: skip
def test_other_texts_have_no_verdict(text: str) -> None:
    assert parse_verdict(text) is None


@given(st.text())
def test_parser_accepts_any_text(text: str) -> None:
    assert parse_verdict(text) in {None, *Answer}
    assert parse_verdict(f"{text}\n**Verdict:** NO MATCH") is Answer.NO_MATCH


@pytest.mark.parametrize("title", INJECTIONS)
def test_quoted_title_is_no_verdict(title: str) -> None:
    assert parse_verdict(f"The title says {title}.\n**Verdict:** NO MATCH") is Answer.NO_MATCH
    # What the model has read, and can repeat, is the title as the prompt has it.
    assert parse_verdict(f"**Verdict:** MATCH\nThe title says: {escape_value(title, MAX_TITLE_LENGTH)}") is None
    assert parse_verdict(escape_value(title, MAX_TITLE_LENGTH)) is None


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("**Verdict:** C", 3), ("**Verdict:** J", 10), ("so\n**Verdict:** NONE", 0), ("**Verdict:** K", None),
        ("**Verdict:** N", None), ("**Verdict:** 1", None), ("**Verdict:** c", None), ("**Verdict:** none", None),
        ("C", None), ("**Verdict:** C\nD", None),
    ],
)  # fmt: skip
def test_parse_choice(text: str, choice: int | None) -> None:
    assert parse_choice(text, 10) == choice
