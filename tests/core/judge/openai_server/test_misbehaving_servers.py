"""A server that misbehaves never hangs or crashes anything."""

import base64
import logging
import math
import re
import socket
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving import (
    VERDICT_TEXT,
    Act,
    Misbehaving,
    Request,
    certain,
    completion,
    delta,
    dripping,
    echo,
    flood,
    head,
    place,
    raw,
    says,
    silence,
    status,
    streams,
    when,
)
from samples import PRODUCTS, QUERIES

from core.errors import ModelError, SettingsError
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.interface import StreamingJudge
from core.judge.listwise import choose_candidates
from core.judge.openai_server.client import RetryPolicy
from core.judge.openai_server.judge import MAX_CONSECUTIVE_FAILURES, ServerJudge
from core.judge.openai_server.redaction import REDACTION_MARK
from core.judge.pair_context import Findings, PairContext
from core.judge.prompt import SYSTEM, VERDICT_ONLY, pair_messages
from core.judge.verdict import Answer, Verdict
from core.settings import JudgeSettings

CASES = [PairContext(query, product, Findings()) for query in QUERIES for product in PRODUCTS[:3]]
KEY = "sk-secret-0123456789"

POSITIONS = [
    *certain("Same", " model", " number", ".", "\n", "**", "Verdict", ":**"),
    place(" MATCH", math.log(0.6), _NO=math.log(0.2), _the=math.log(0.1)),
    *certain("<|im_end|>"),
]


class Slept(list[float]):
    """Records the requested seconds instead of sleeping."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def slept() -> Slept:
    return Slept()


def judge_at(server: Misbehaving, slept: Slept, **settings: object) -> ServerJudge:
    some = {"server_timeout_s": 20, "server_retries": 3, "server_concurrency": 3, "max_tokens": 64} | settings
    judge = JudgeSettings.model_validate({"server_url": server.url, "server_model": "tiny"} | some)
    return ServerJudge(judge, RetryPolicy(judge.server_retries, slept, lambda: 0.5, lambda: 1_000_000_000.0))


def verdicts(*acts: Act, slept: Slept, count: int = 1, **settings: object) -> list[Verdict]:
    with Misbehaving(*acts) as server:
        return list(judge_at(server, slept, **settings).verdicts(CASES[:count]))


def refusal(*acts: Act, slept: Slept, count: int = 1, **settings: object) -> ModelError:
    """The error, with `SERVER` for the server's address."""
    with Misbehaving(*acts) as server, pytest.raises(ModelError) as caught:
        list(judge_at(server, slept, **settings).verdicts(CASES[:count]))
    assert caught.value.message.endswith(".")
    assert len(caught.value.message) < 400
    return ModelError(caught.value.message.replace(server.told, "SERVER"), caught.value.hint)


def collect_stream(stream: Iterator[str]) -> tuple[list[str], Verdict]:
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            # Empty chunks are heartbeats, as many as the machine is slow.
            return [piece for piece in pieces if piece], end.value


# What is asked, and how the answer is read


def test_request_and_verdict(slept: Slept) -> None:
    with Misbehaving(says(completion(places=POSITIONS))) as server:
        judge = judge_at(server, slept)
        (verdict,) = judge.verdicts(CASES[:1])
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert "authorization" not in request.headers
    assert request.body["messages"][0] == {"role": "system", "content": SYSTEM}
    assert [request.body[name] for name in ("model", "temperature", "max_tokens", "logprobs", "top_logprobs")] == [
        "tiny", 0, 64, True, 10,
    ]  # fmt: skip
    assert isinstance(judge, StreamingJudge)
    assert judge.name == verdict.judge == f"tiny at {server.told}, reasoned in 64 tokens, prompt 2"
    assert (verdict.answer, verdict.reasoning) == (Answer.MATCH, VERDICT_TEXT)
    assert verdict.probability == pytest.approx(0.75)
    assert verdict.log_odds == pytest.approx(math.log(3))
    assert (verdict.tokens_in, verdict.tokens_out) == (300, 20)
    assert verdict.seconds > 0


def test_fast_mode_requests_verdict_only(slept: Slept) -> None:
    with Misbehaving(says(completion("**Verdict:** NO MATCH", certain("**Verdict:**", " NO", " MATCH")))) as server:
        judge = judge_at(server, slept, mode="fast")
        (verdict,) = judge.verdicts(CASES[:1])
    body = server.requests[0].body
    assert body["max_tokens"] == 24
    assert body["messages"][1]["content"].endswith(f"\n{VERDICT_ONLY}")
    assert "fast" in judge.name
    assert verdict.answer is Answer.NO_MATCH
    assert verdict.probability is not None
    assert verdict.probability < 0.01


@pytest.mark.parametrize(
    "body",
    [
        completion(),
        completion(places=[]),
        completion(places=[{}, {"token": 5}]),
        completion(places=[{"token": piece, "logprob": "NaN"} for piece in ("**Verdict:**", " MATCH")]),
        completion() | {"choices": [completion()["choices"][0] | {"logprobs": "no"}]},
    ],
)
def test_missing_logprobs_give_no_probability(body: object, slept: Slept) -> None:
    (verdict,) = verdicts(says(body), slept=slept)
    assert (verdict.answer, verdict.probability, verdict.log_odds) == (Answer.MATCH, None, None)


def test_probability_claimed_in_text_is_ignored(slept: Slept) -> None:
    (verdict,) = verdicts(says(completion("P(MATCH) = 0.99\nlogprob: -0.01\n**Verdict:** MATCH")), slept=slept)
    assert (verdict.answer, verdict.probability) == (Answer.MATCH, None)


def test_nan_logprob_is_ignored(slept: Slept) -> None:
    body = completion(places=[*certain("**Verdict:**"), place(" MATCH", -0.1, _NO=float("nan"), _No=-9.0)])
    (verdict,) = verdicts(says(body), slept=slept)
    # NO is then as likely as it can be: as the least likely one that is told.
    assert verdict.log_odds == pytest.approx(-0.1 + 9.0)


@pytest.mark.parametrize(
    "text", ["", None, "MATCH", "**Verdict:** MATCH\x07", "\x1b]52;c;\x07**Verdict:** maybe", "\ud800"]
)
def test_text_without_verdict_line_gives_no_answer(text: str | None, slept: Slept) -> None:
    (verdict,) = verdicts(says(completion(text, POSITIONS)), slept=slept)
    assert (verdict.answer, verdict.probability) == (None, None)
    assert verdict.reasoning == (text or "").replace("\ud800", "?")
    assert verdict.tokens_out == 20


# What may pass is tried again


def test_server_error_is_retried(slept: Slept) -> None:
    (verdict,) = verdicts(status(500), status(503), says(completion()), slept=slept)
    assert verdict.answer is Answer.MATCH
    assert slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("wanted", "pause"),
    [
        ("7", 7.0), ("0", 0.0), ("86400", 60.0), ("9" * 50, 60.0), ("Sun, 09 Sep 2001 01:46:52 GMT", 12.0),
        ("Sun, 09 Sep 2001 01:46:30 GMT", 0.0), ("soon", 0.5), ("-1", 0.5), ("nan", 0.5), ("", 0.5),
    ],
)  # fmt: skip
def test_retry_after_is_respected_up_to_a_limit(wanted: str, pause: float, slept: Slept) -> None:
    (verdict,) = verdicts(status(429, Retry_After=wanted), says(completion()), slept=slept)
    assert verdict.answer is Answer.MATCH
    assert slept == [pause]


@pytest.mark.parametrize(
    "broken",
    [
        raw(),
        raw(b"HTTP/1.1 200"),
        raw(head(length=500), b'{"choices": [{"mess'),
        raw(head(transfer_encoding="chunked"), b"10\r\nabc"),
        raw(b"\x00\x01\x02 what\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000),
    ],
    ids=["closed", "half a line", "half a body", "half a chunk", "no HTTP", "headers without end"],
)
def test_lost_connection_is_retried(broken: Act, slept: Slept) -> None:
    (verdict,) = verdicts(broken, says(completion()), slept=slept)
    assert verdict.answer is Answer.MATCH
    error = refusal(broken, slept=slept)
    assert error.message == "SERVER broke off in the middle of an answer."
    assert slept == [0.5, 0.5, 1.0, 2.0]


def test_error_after_last_retry(slept: Slept) -> None:
    error = refusal(status(500, b'{"error": {"message": "CUDA out of\\nmemory\\u001b[31m."}}'), slept=slept)
    assert error.message == "SERVER has an error of its own (500): CUDA out of memory␛[31m."
    assert slept == [0.5, 1.0, 2.0]
    assert refusal(status(429), slept=slept).message == "SERVER has too many requests."


def test_unreachable_server(slept: Slept) -> None:
    with Misbehaving(status(500)) as server:
        pass
    with pytest.raises(ModelError, match=rf"^No connection to {re.escape(server.told)}: ") as caught:
        list(judge_at(server, slept).verdicts(CASES))
    assert "server_url" in caught.value.hint
    assert slept == [0.5, 1.0, 2.0]


# What does not pass is told at once


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (status(401), "SERVER wants a key."),
        (status(404, b"Not Found"), "SERVER has no model tiny, or nothing at this URL."),
        (status(404, b'{"error": "no such model"}'),
         "SERVER has no model tiny, or nothing at this URL: no such model."),
        (status(302, Location="http://elsewhere.example/v1"),
         "SERVER redirects to another address, which is not followed."),
        (status(418, b'{"detail": "' + b"x" * 9999 + b'"}'),
         "SERVER refuses the request (418): " + "x" * 199 + "…."),
        (status(413, b'{"error": {"error": {"error": "deep"}}}'), "SERVER refuses the request (413)."),
        (flood(head(418)), "SERVER refuses the request (418)."),
    ],
    ids=["401", "404", "404 with words", "302", "long words", "deep words", "endless words"],
)  # fmt: skip
def test_http_error_messages(act: Act, message: str, slept: Slept) -> None:
    assert refusal(act, slept=slept).message == message
    assert slept == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"\xff\xfe\x00", b"null", b"[]", b'"text"', b"5", b"{}", b"9" * 5000, b"[" * 100_000,
        {"choices": None}, {"choices": []}, {"choices": {}}, {"choices": [None]}, {"choices": [{}]},
        {"choices": [{"message": []}]}, {"choices": [{"message": {"content": 5}}]},
        {"choices": [{"message": {"content": [{"type": "text"}]}}]}, {"error": "no"},
        completion("x" * 100_001),
    ],
    ids=lambda body: repr(body)[:40],
)  # fmt: skip
def test_invalid_response(body: object, slept: Slept) -> None:
    error = refusal(says(body), slept=slept)
    assert error.message == "SERVER does not answer as an OpenAI-compatible server does."
    assert "/v1" in error.hint
    assert slept == []


def test_endless_body_is_cut_off(slept: Slept) -> None:
    with Misbehaving(flood(head(length=10**9))) as server:
        with pytest.raises(ModelError, match="more than any answer can be long"):
            list(judge_at(server, slept).verdicts(CASES))
        assert server.hung_up.wait(120)


def test_body_is_not_decompressed(slept: Slept) -> None:
    error = refusal(raw(head(content_encoding="gzip"), b"\x1f\x8b\x08" + b"\0" * 100), slept=slept)
    assert error.message == "SERVER does not answer as an OpenAI-compatible server does."


@pytest.mark.parametrize(
    "slow",
    [
        silence(),
        silence(head(length=100), b'{"choices"'),
        dripping(head(length=10**9)),
        dripping(b"HTTP/1.1 200 OK\r\nX: ", drop=b"x"),
        dripping(b"HTTP/1.1 500 Oh\r\nX: ", drop=b"x"),
    ],
    ids=["silence", "silence in the middle", "a byte now and then", "headers drip", "an error drips"],
)
def test_time_limit(slow: Act, slept: Slept) -> None:
    with Misbehaving(slow) as server:
        with pytest.raises(ModelError, match=r"no whole answer in 0\.5 seconds"):
            list(judge_at(server, slept, server_timeout_s=0.5).verdicts(CASES))
        assert server.hung_up.wait(120)
        assert len(server.requests) == 1  # asked once: another try would be as slow
    assert slept == []


def test_time_limit_of_a_stream(slept: Slept) -> None:
    with Misbehaving(dripping(head(), drop=b": still here\n")) as server:
        with pytest.raises(ModelError, match=r"no whole answer in 0\.5 seconds"):
            collect_stream(judge_at(server, slept, server_timeout_s=0.5).stream(CASES[0]))
        assert server.hung_up.wait(120)


def test_silent_stream_can_be_closed(slept: Slept) -> None:
    with Misbehaving(silence()) as server:
        stream = judge_at(server, slept, server_timeout_s=3600).stream(CASES[0])
        assert next(stream) == next(stream) == ""
        stream.close()
        assert server.hung_up.wait(120)


# Many cases


def test_single_failure_gives_no_answer_and_run_continues(slept: Slept) -> None:
    ok = says(completion())
    told = verdicts(ok, status(400), ok, says(b"garbage"), ok, slept=slept, count=5, server_concurrency=1)
    assert [verdict.answer for verdict in told] == [Answer.MATCH, None, Answer.MATCH, None, Answer.MATCH]
    assert (told[1].reasoning, told[1].probability, told[1].tokens_in, told[1].tokens_out) == ("", None, 0, 0)


def test_first_failure_ends_the_run(slept: Slept) -> None:
    with Misbehaving(status(404)) as server:
        with pytest.raises(ModelError, match="no model tiny"):
            list(judge_at(server, slept).verdicts(CASES))
        assert len(server.requests) == 1


def test_consecutive_failures_end_the_run(slept: Slept) -> None:
    ok, told = says(completion()), []
    acts = [ok, *[status(404)] * (MAX_CONSECUTIVE_FAILURES - 1), ok, *[status(404)] * MAX_CONSECUTIVE_FAILURES]
    words = f"{MAX_CONSECUTIVE_FAILURES} requests in a row failed: .*no model tiny"
    with Misbehaving(*acts) as server, pytest.raises(ModelError, match=words):
        told.extend(judge_at(server, slept, server_concurrency=1).verdicts(CASES * 3))
    assert [verdict.answer for verdict in told] == [
        Answer.MATCH,
        *[None] * (MAX_CONSECUTIVE_FAILURES - 1),
        Answer.MATCH,
        *[None] * (MAX_CONSECUTIVE_FAILURES - 1),
    ]
    assert [verdict.failed for verdict in told] == [verdict.answer is None for verdict in told]


def test_concurrent_requests_keep_input_order(slept: Slept) -> None:
    third, open_then = threading.Event(), []

    def last(connection: socket.socket, request: Request) -> None:
        open_then.append(len(server.requests) - 1)
        third.set()
        says(completion("third"))(connection, request)

    acts = says(completion("first")), *[when(third, says(completion("waits for the third")))] * 2, last
    with Misbehaving(*acts, says(completion("later"))) as server:
        told = [verdict.reasoning for verdict in judge_at(server, slept).verdicts(iter(CASES[:9]))]
    # Two wait for a third, and no fourth is sent before one of them is answered.
    assert open_then == [3]
    titles = [request.body["messages"][1]["content"] for request in server.requests]
    assert sorted(titles) == sorted(pair_messages(case)[1]["content"] for case in CASES[:9])
    assert told[0] == "first"
    assert sorted(told[1:4]) == ["third", *["waits for the third"] * 2]
    assert told[4:] == ["later"] * 5


def test_slow_first_answer_keeps_input_order(slept: Slept) -> None:
    with Misbehaving(echo) as server:
        told = [verdict.reasoning for verdict in judge_at(server, slept).verdicts(CASES[:9])]
    assert told == [pair_messages(case)[1]["content"] for case in CASES[:9]]


def test_closing_verdicts_cancels_requests(slept: Slept) -> None:
    with Misbehaving(says(completion()), silence()) as server:
        told = judge_at(server, slept).verdicts(CASES)
        assert next(told).answer is Answer.MATCH
        told.close()  # type: ignore[attr-defined]
        assert not list(told)


def test_empty_input(slept: Slept) -> None:
    assert verdicts(status(500), slept=slept, count=0) == []


# A server that knows less


def test_unknown_parameters_are_dropped(slept: Slept) -> None:
    no = status(400, b'{"error": "unknown field top_logprobs"}')
    with Misbehaving(no, no, says(completion()), status(400), says(completion())) as server:
        judge = judge_at(server, slept, server_concurrency=1)
        told = [verdict.answer for verdict in judge.verdicts(CASES[:3])]
    assert told == [Answer.MATCH, None, Answer.MATCH]
    assert [request.body.get("top_logprobs") for request in server.requests] == [10, 5, None, None, None]
    assert all("logprobs" not in request.body for request in server.requests[2:])


# Listening


STREAM = [delta("Same model number.\n"), b": keepalive 3/9\r\n\r\n", delta(None), delta("**Verdict:**")]
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}}


def test_stream_yields_chunks(slept: Slept) -> None:
    last = delta(" MATCH", [*certain("**Verdict:**"), *POSITIONS[-2:]], "stop")
    with Misbehaving(streams(*STREAM, last, USAGE)) as server:
        pieces, verdict = collect_stream(judge_at(server, slept).stream(CASES[0]))
    assert server.requests[0].body["stream"] is True
    assert server.requests[0].body["stream_options"] == {"include_usage": True}
    assert pieces == ["Same model number.\n", "**Verdict:**", " MATCH"]
    assert (verdict.answer, verdict.reasoning) == (Answer.MATCH, VERDICT_TEXT)
    assert verdict.probability == pytest.approx(0.75)
    assert (verdict.tokens_in, verdict.tokens_out) == (7, 9)


@pytest.mark.parametrize("end", [b"", b"data: [DONE]", b"data:[DONE]\r\n\r\ndata: more"])
def test_empty_stream(end: bytes, slept: Slept) -> None:
    with Misbehaving(streams(*STREAM, delta("NO MATCH", finish="stop"), end=end)) as server:
        _, verdict = collect_stream(judge_at(server, slept).stream(CASES[0]))
    assert (verdict.reasoning, verdict.answer) == ("Same model number.\n**Verdict:**NO MATCH", None)


def test_streamed_answer_without_logprobs_is_repeated(slept: Slept) -> None:
    told = streams(*STREAM, delta(" MATCH", finish="stop"), USAGE)
    with Misbehaving(told, says(completion(places=POSITIONS)), told) as server:
        judge = judge_at(server, slept)
        pieces, verdict = collect_stream(judge.stream(CASES[0]))
        assert "".join(pieces) == verdict.reasoning == VERDICT_TEXT
        assert verdict.probability == pytest.approx(0.75)
        assert (verdict.tokens_in, verdict.tokens_out) == (307, 29)
        assert [request.body.get("stream") for request in server.requests] == [True, None]


_NEVER_TELLS = says(completion())


@pytest.mark.parametrize(
    "whole",
    [_NEVER_TELLS, says(completion("**Verdict:** NO MATCH", certain("**Verdict:**", " NO"))), status(404)],
    ids=["nor in the whole", "another answer", "an error"],
)
def test_failed_repetition_leaves_no_probability(whole: Act, slept: Slept) -> None:
    told = streams(*STREAM, delta(" MATCH", finish="stop"))
    with Misbehaving(told, whole, told, whole) as server:
        judge = judge_at(server, slept)
        verdicts = [collect_stream(judge.stream(CASES[0]))[1] for _ in range(2)]
    assert [(verdict.answer, verdict.probability) for verdict in verdicts] == [(Answer.MATCH, None)] * 2
    assert len(server.requests) == 3 or whole is not _NEVER_TELLS


def test_failed_request_is_not_cached(slept: Slept, tmp_path: Path) -> None:
    with Misbehaving(says(completion()), status(404), says(completion("No idea."))) as server:
        judge = CachingJudge(judge_at(server, slept, server_concurrency=1), VerdictCache(tmp_path / "derived.db"))
        assert [verdict.answer for verdict in judge.verdicts(CASES[:3])] == [Answer.MATCH, None, None]
        assert [judge.lookup(case) is None for case in CASES[:3]] == [False, True, False]
        judge.close()


def test_stream_broken_after_first_chunk_is_not_retried(slept: Slept) -> None:
    with Misbehaving(streams(*STREAM, end=b"data: {"), streams(*STREAM)) as server:
        stream = judge_at(server, slept).stream(CASES[0])
        assert [next(stream), next(stream)] == ["Same model number.\n", "**Verdict:**"]
        with pytest.raises(ModelError, match="broke off"):
            next(stream)
        assert len(server.requests) == 1


def test_stream_broken_before_first_chunk_is_retried(slept: Slept) -> None:
    with Misbehaving(status(503), streams(end=b""), streams(delta(VERDICT_TEXT))) as server:
        pieces, verdict = collect_stream(judge_at(server, slept).stream(CASES[0]))
    assert (pieces, verdict.answer) == ([VERDICT_TEXT], Answer.MATCH)
    assert slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"error": {"message": "out of memory"}}, "gave up in the middle of an answer: out of memory"),
        ({"choices": 5}, "does not answer as"),
        (b"data: [[[\n\n", "does not answer as"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "does not answer as"),
        (delta("x" * 100_001), "does not answer as"),
        (b"data: " + b"x" * 1_000_000, "more than any answer"),
    ],
    ids=["an error", "another shape", "no JSON", "deep", "long", "endless"],
)
def test_invalid_stream(event: object, message: str, slept: Slept) -> None:
    with Misbehaving(streams(*STREAM, event)) as server, pytest.raises(ModelError, match=message):
        collect_stream(judge_at(server, slept).stream(CASES[0]))


def test_closing_the_stream_closes_the_connection(slept: Slept) -> None:
    chunk = b'data: {"choices": [{"delta": {"content": "so"}}]}\n\n'
    with Misbehaving(silence(head(), chunk)) as server:
        stream = judge_at(server, slept).stream(CASES[0])
        assert next(stream) == "so"
        stream.close()
        assert server.hung_up.wait(120)
    assert not [thread.name for thread in threading.enumerate() if "portal" in thread.name]


def test_close_from_another_thread(slept: Slept) -> None:
    with Misbehaving(silence()) as server:
        judge, caught = judge_at(server, slept), []

        def listen() -> None:
            try:
                collect_stream(judge.stream(CASES[0]))
            except ModelError as error:
                caught.append(error.message)

        listener = threading.Thread(target=listen)
        listener.start()
        while listener.is_alive():
            judge.close()
            listener.join(0.01)
    assert caught == ["The judge was stopped."]


# The key, and where it goes


def test_key_is_sent_to_the_server_only(
    slept: Slept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE_KEY", f" {KEY}\n")
    caplog.set_level(logging.DEBUG)
    quoting = f'{{"error": {{"message": "Incorrect key {KEY[:9]}*** provided"}}}}'.encode()
    with Misbehaving(status(302, Location="http://127.0.0.1:1/v1")) as elsewhere:
        pass
    acts = says(completion()), status(400, quoting), status(307, Location=elsewhere.url), status(401, quoting)
    errors, told = [], []
    for act in acts:
        with Misbehaving(act) as server:
            judge = judge_at(server, slept)
            try:
                told += judge.verdicts(CASES[:1])
            except ModelError as error:
                errors.append(error)
            assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert [re.sub(r"^127\.0\.0\.1:\d+", "SERVER", error.message) for error in errors] == [
        "SERVER refuses the request (400).",
        "SERVER redirects to another address, which is not followed.",
        "SERVER refuses the key.",
    ]
    shown = [*(repr(one) for one in (judge, vars(judge), judge.name, *told)), caplog.text]
    shown += ["".join(traceback.format_exception(error)) + error.hint for error in errors]
    assert not [text for text in shown if KEY in text or KEY[:9] in text]
    assert all(error.__cause__ is None for error in errors)


@pytest.mark.parametrize("key", ["sk-a b", "sk-ä", "sk-a\nX-Header: b", "sk-\x00"])
def test_invalid_key_is_reported_but_not_repeated(key: str, slept: Slept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"SAMESKU_JUDGE_KEY": key})
    with Misbehaving(says(completion())) as server:
        with pytest.raises(SettingsError, match=r"^\$SAMESKU_JUDGE_KEY contains") as caught:
            list(judge_at(server, slept).verdicts(CASES))
        assert server.requests == []
    assert "sk-" not in "".join(traceback.format_exception(caught.value))


def test_proxy_is_not_used_for_local_servers(slept: Slept, monkeypatch: pytest.MonkeyPatch) -> None:
    with Misbehaving(says(completion())) as proxy, Misbehaving(says(completion())) as server:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        list(judge_at(server, slept).verdicts(CASES[:1]))
        assert (len(server.requests), len(proxy.requests)) == (1, 0)
        far = judge_at(server, slept, server_url="http://judge.example/v1")
        assert [verdict.answer for verdict in far.verdicts(CASES[:1])] == [Answer.MATCH]
        assert [request.path for request in proxy.requests] == ["http://judge.example/v1/chat/completions"]


def test_invalid_proxy_is_reported_without_password(slept: Slept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "nonsense://me:hunter2@proxy.example")
    with Misbehaving(says(completion())) as server:
        far = judge_at(server, slept, server_url="http://judge.example/v1")
        with pytest.raises(SettingsError) as caught:
            list(far.verdicts(CASES[:1]))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_missing_library(slept: Slept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with Misbehaving(says(completion())) as server, pytest.raises(ModelError, match="httpx") as caught:
        list(judge_at(server, slept).verdicts(CASES))
    assert ".[judge]" in caught.value.hint


@pytest.mark.parametrize("how", ["as it is", "in base64"])
def test_key_in_answer_is_redacted(how: str, slept: Slept, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE_KEY", KEY)
    told = KEY if how == "as it is" else base64.b64encode(f"Bearer {KEY}".encode()).decode()
    text = f"You sent {told}.\n**Verdict:** MATCH"
    pieces = [delta(text[at : at + 3]) for at in range(0, len(text), 3)]
    cache = VerdictCache(tmp_path / "derived.db")
    with Misbehaving(says(completion(text)), streams(*pieces, delta(None, finish="stop"))) as server:
        judge = CachingJudge(judge_at(server, slept), cache)
        (whole,) = judge.verdicts(CASES[:1])
        listened, streamed = collect_stream(judge.stream(CASES[1]))
    cache.close()
    for said in (whole.reasoning, streamed.reasoning, "".join(listened)):
        assert REDACTION_MARK in said
        assert told[-12:] not in said
        assert KEY[5:15] not in said
    assert "".join(listened) == streamed.reasoning
    assert (whole.answer, streamed.answer) == (Answer.MATCH, Answer.MATCH)
    kept = (tmp_path / "derived.db").read_bytes()
    assert KEY.encode() not in kept
    assert told[12:-4].encode() not in kept


@pytest.mark.parametrize("how", ["base64", "percent"])
def test_encoded_key_in_error_is_not_repeated(how: str, slept: Slept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMESKU_JUDGE_KEY", KEY)
    told = base64.b64encode(b"x" + KEY.encode()).decode() if how == "base64" else "".join(f"%{ord(c):02x}" for c in KEY)
    body = f'{{"error": {{"message": "wrong: {told}"}}}}'.encode()
    for act in (status(400, body), status(500, body), streams({"error": {"message": told}})):
        assert told not in refusal(act, slept=slept).message


# Words and probabilities that disagree


NO_MATCH_LIKELIER = [
    *certain("Same", "\n", "**", "Verdict", ":**"),
    place(" MATCH", math.log(0.2), _NO=math.log(0.7)),
    *certain("<|im_end|>"),
]


@pytest.mark.parametrize("mode", ["reasoned", "fast"])
def test_contradictory_verdict_gives_no_answer(mode: str, slept: Slept, tmp_path: Path) -> None:
    text = "Same\n**Verdict:** MATCH"
    answer = completion(text, places=NO_MATCH_LIKELIER)
    cache = VerdictCache(tmp_path / "derived.db")
    with Misbehaving(says(answer), streams(delta(text), delta(None, finish="stop")), says(answer)) as server:
        judge = CachingJudge(judge_at(server, slept, mode=mode), cache)
        (whole,) = judge.verdicts(CASES[:1])
        _, streamed = collect_stream(judge.stream(CASES[1]))
        again = judge.lookup(CASES[0])
    for said in (whole, streamed):
        assert (said.answer, said.probability, said.log_odds) == (None, None, None)
        assert said.reasoning == f"{text}\n\nNo verdict: it says MATCH, and gives NO MATCH the higher probability."
    assert again == whole
    cache.close()


def test_contradictory_choice_gives_no_answer(slept: Slept) -> None:
    text = "Look alike.\n**Verdict:** A"
    weighed = [*certain("Look alike.\n", "**", "Verdict", ":**"), place(" A", math.log(0.2), _B=math.log(0.7))]
    with Misbehaving(says(completion(text, places=weighed))) as server:
        (choice,) = choose_candidates(judge_at(server, slept), [(QUERIES[0], PRODUCTS[:4])])
    assert (choice.answered, choice.chosen, choice.probabilities) == (False, None, {})
    assert choice.reasoning.endswith("No verdict: it names one option, and gives another the higher probability.")
