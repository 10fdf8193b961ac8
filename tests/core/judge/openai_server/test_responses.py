import asyncio
import json
import math
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from misbehaving import VERDICT_TEXT, certain, completion, delta, place

from core.judge.completion import ANSWERS, Completion, verdict_from_completion
from core.judge.openai_server.event_stream import DONE, TooManyBytesError, events_of
from core.judge.openai_server.failures import error_text
from core.judge.openai_server.responses import (
    InvalidResponseError,
    ServerCompletion,
    StreamedCompletion,
    option_logprobs,
    parse_completion,
)

WAY = ("**", "Verdict", ":**")


def read(text: str, *places: dict[str, object]) -> ServerCompletion:
    return parse_completion(json.dumps(completion(text, places)).encode())


def odds(text: str, *places: dict[str, object]) -> float | None:
    logs = option_logprobs(read(text, *places), ANSWERS)
    return None if logs is None else logs[0] - logs[1]


# Where the verdict was decided


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [
        ("**Verdict:** MATCH", [*certain(*WAY), place(" MATCH", -0.1, _NO=-3.1)], 3.0),
        ("**Verdict:** NO MATCH", [*certain(*WAY), place(" NO", -0.1, _MATCH=-3.1), *certain(" MATCH")], -3.0),
        # In pieces, with a space of its own, with what comes before, all in one.
        ("**Verdict:** MATCH", [*certain(*WAY), place(" M", -0.1, _N=-3.1), *certain("AT", "CH")], 3.0),
        ("**Verdict:** MATCH", [*certain(*WAY, " "), place("MATCH", -0.1, NO=-3.1)], 3.0),
        ("**Verdict:** NO MATCH",
         [place("**Verdict:** NO", -0.1) | {"top_logprobs": [{"token": "**Verdict:** MATCH", "logprob": -3.1}]},
          *certain(" MATCH")], -3.0),
        ("**Verdict:** NO MATCH.", [place("**Verdict:** NO MATCH.", -1.0)
                                    | {"top_logprobs": [{"token": "**Verdict:** MATCH", "logprob": -4.0}]}], -3.0),
        # Several that lead to one answer add up; what only looks like it does not.
        ("**Verdict:** MATCH", [*certain(*WAY), place(" MATCH", math.log(0.3), _M=math.log(0.3), _NO=math.log(0.2),
                                                      NO=math.log(0.05), _MATCHES=math.log(0.04),
                                                      _NOT=math.log(0.02))], math.log(3)),
        # The end of the turn, as some servers count it.
        ("**Verdict:** MATCH", [*certain(*WAY), place(" MATCH", -0.1, _NO=-3.1), *certain("\n", "<|im_end|>")], 3.0),
        # One that is not listed: no likelier than the last that is, and than what is left.
        ("**Verdict:** MATCH", [*certain(*WAY), place(" MATCH", -0.1, _The=-9.0)], 8.9),
        ("**Verdict:** MATCH", [*certain(*WAY), place(" MATCH", math.log(0.8))], math.log(4)),
        ("**Verdict:** NO MATCH", [*certain(*WAY), place(" NO", 0.0), *certain(" MATCH")], math.log(1e-7)),
        # A server that draws at random may write what it holds unlikely.
        ("**Verdict:** MATCH", [*certain(*WAY), place(" MATCH", -3.1, _NO=-0.1)], -3.0),
    ],
)  # fmt: skip
def test_odds_are_those_of_the_branch_token(text: str, places: list[dict], expected: float) -> None:
    assert odds(text, *places) == pytest.approx(expected)


def test_last_verdict_counts() -> None:
    quoted = [*certain(*WAY), place(" MATCH", -0.1, _NO=-9.0), *certain(", says the title.", "\n")]
    decided = [*certain(*WAY), place(" NO", -0.1, _MATCH=-3.1), *certain(" MATCH")]
    text = "**Verdict:** MATCH, says the title.\n**Verdict:** NO MATCH"
    assert odds(text, *quoted, *decided) == pytest.approx(-3.0)
    assert odds("**Verdict:** MATCH", *quoted[:4], *certain("\n", "<|im_end|>", "</s>")) == pytest.approx(8.9)
    # Places of another text, or of a part of it, say nothing of this one.
    assert odds("**Verdict:** MATCH, says the title.\n**Verdict:** MATCH", *quoted) is None
    assert odds("**Verdict:** MATCH", *decided) is None
    assert odds("**Verdict:** MATCH", *certain(*WAY)) is None
    assert odds("It is a match.", *quoted) is None


def listed(*tokens: tuple[int, str, float]) -> dict[str, object]:
    """A position as mlx_lm.server reports it: unordered tokens, the first of them as if generated."""
    top = [{"id": number, "token": piece, "logprob": log_p} for number, piece, log_p in tokens]
    return dict(top[0], top_logprobs=top)


def test_unordered_tokens_of_mlx_lm_server() -> None:
    way = [
        listed((1, "The", -4.0), (2, "**", -0.1)),
        listed((3, "Verdict", -0.1), (4, "verdict", -4.0)),
        listed((5, "ĊĊ", -4.0), (6, ":**", -0.1)),
    ]
    ends = [listed((1, "The", -5.0), (9, "<|im_end|>", 0.0))]
    assert odds("**Verdict:** MATCH", *way, listed((7, "ĠNO", -3.1), (8, "ĠMATCH", -0.1)), *ends) == pytest.approx(3)
    assert odds("**Verdict:** MATCH", *way, listed((7, "▁NO", -3.1), (8, "▁MATCH", -0.1)), *ends) == pytest.approx(3)
    # Of two that are as likely, the one with the least number was written.
    even = [listed((8, "ĠMATCH", -0.7), (7, "ĠNO", -0.7)), listed((8, "ĠMATCH", 0.0))]
    assert odds("**Verdict:** NO MATCH", *way, *even, *ends) == 0.0


def test_bytes_take_precedence_over_token_text() -> None:
    places = [*certain(*WAY), {"token": "?", "bytes": list(b" MATCH"), "logprob": -0.1, "top_logprobs": []}]
    assert odds("**Verdict:** MATCH", *places) is not None


def test_logprobs_of_listwise_options() -> None:
    options = ("NONE", "A", "B")
    said = read("so\n**Verdict:** B", *certain("so", "\n", *WAY), place(" B", -0.5, _NONE=-1.5, _Another=-7.0))
    assert option_logprobs(said, options) == pytest.approx((-1.5, -7.0, -0.5))


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
PIECES = st.sampled_from([*WAY, " MATCH", " NO", "", "\n", "<|im_end|>", "Ġ", "\ud800"])
TOKEN = JSON | st.fixed_dictionaries(
    {}, optional={"token": PIECES | JSON, "logprob": st.floats() | JSON, "bytes": JSON, "id": JSON}
)
PLACE = JSON | st.fixed_dictionaries(
    {"token": PIECES, "logprob": st.floats(max_value=0) | JSON}, optional={"top_logprobs": st.lists(TOKEN) | JSON}
)
TEXT = st.sampled_from([VERDICT_TEXT, "**Verdict:** NO MATCH", "", "MATCH"]) | JSON
CHOICE = st.fixed_dictionaries(
    {"message": JSON | st.fixed_dictionaries({"content": TEXT})},
    optional={"logprobs": JSON | st.fixed_dictionaries({"content": st.lists(PLACE, max_size=8) | JSON})},
)
BODY = JSON | st.fixed_dictionaries(
    {"choices": JSON | st.lists(CHOICE | JSON, max_size=2)},
    optional={"usage": JSON | st.fixed_dictionaries({"prompt_tokens": JSON, "completion_tokens": JSON})},
)


@given(BODY)
def test_any_json_is_parsed_or_refused(body: object) -> None:
    told = json.dumps(body).encode()
    error_text(told)
    try:
        said = parse_completion(told)
    except InvalidResponseError:
        return
    said.text.encode()
    verdict = verdict_from_completion(
        Completion(said.text, option_logprobs(said, ANSWERS), 1.0, said.tokens_in, said.tokens_out), "judge"
    )
    assert verdict.probability is None or 0 <= verdict.probability <= 1
    assert verdict.log_odds is None or math.isfinite(verdict.log_odds)
    assert 0 <= verdict.tokens_in < 10**9


@given(st.binary())
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        parse_completion(body)
    assert len(error_text(body)) <= 200


def events_in(sent: bytes, size: int, most: int) -> list[bytes]:
    """The events of a body that arrives in chunks of a size."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(sent), size):
            yield sent[start : start + size]

    async def all_of() -> list[bytes]:
        return [event async for event in events_of(chunks(), most)]

    return asyncio.run(all_of())


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_events_without_data_are_skipped(size: int, end: bytes) -> None:
    lines = (
        b": keepalive",
        b"",
        b"event: ping",
        b"",
        b"id: 1",
        b"data: {}",
        b"",
        b"",
        b"retry: 5",
        b"",
        b"data:x",
        b"",
    )
    sent = b"".join(line + end for line in lines)
    assert events_in(sent, size, most=len(sent)) == [b"{}", b"x"]


@pytest.mark.parametrize("sent", [b"data: 1\n\n" * 100, b"data: " + b"1" * 1000, b": " + b"1" * 1000, b"\n" * 1000])
def test_byte_limit(sent: bytes) -> None:
    with pytest.raises(TooManyBytesError):
        events_in(sent, 10, most=len(sent) - 1)
    events_in(sent, 10, most=len(sent))


@given(st.lists(st.sampled_from(["so ", "\n", "**Verdict:**", " MATCH", "é", None])), st.integers(1, 40))
def test_chunk_boundaries_do_not_matter(texts: list[str | None], size: int) -> None:
    sent = b": hello\r\n\r\nevent: x\n" + b"".join(b"data: %s\r\n\r\n" % json.dumps(delta(t)).encode() for t in texts)
    sent += b"data: [DONE]\n\n"
    streamed = StreamedCompletion()
    found = events_in(sent, size, most=len(sent))
    pieces = [None if event == DONE else streamed.add(json.loads(event)) for event in found]
    assert pieces == [*(text or "" for text in texts), None]
    assert streamed.result().text == "".join(text or "" for text in texts)
