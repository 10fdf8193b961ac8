"""A judge behind an OpenAI-compatible server: mlx_lm.server, vLLM, Ollama, llama.cpp and others.

Where the four differ:

| | mlx_lm.server 0.32 | vLLM | Ollama | llama.cpp |
| --- | --- | --- | --- | --- |
| top_logprobs at most | 11 | 20 | 20, none before 0.12.11 | any number |
| logprobs in streams | no | yes | yes | yes |
| prefilled answer | treated as ended | continued on request | continued | continued |
| disabling thinking in a request | `chat_template_kwargs` | the same | ignored | the same |

Therefore requests ask for ten likeliest tokens, and fast mode asks for the verdict line in words: no way to prefill the
answer works on all four. A streamed answer without log-probabilities is requested once more, unstreamed. A server that
rejects an unknown parameter is asked for less, in the end for the text alone. With mlx_lm.server, set the model to its
path or hub name: `default_model` works, but does not identify the model.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

from core.errors import ModelError
from core.judge.completion import Completion, Question, verdict_from_completion, verdict_question
from core.judge.openai_server.address import parse_address
from core.judge.openai_server.client import OnText, RetryPolicy, ServerClient, open_client
from core.judge.openai_server.failures import ServerError
from core.judge.openai_server.responses import option_logprobs, verdict_line
from core.judge.pair_context import PairContext
from core.judge.prompt import PROMPT_VERSION, VERDICT_ONLY
from core.judge.verdict import Verdict
from core.settings import JudgeSettings

#: Optional request parameters, tried in this order until the server accepts one set.
_EXTRAS: tuple[dict[str, Any], ...] = (
    {"logprobs": True, "top_logprobs": 10, "chat_template_kwargs": {"enable_thinking": False}},
    {"logprobs": True, "top_logprobs": 5},
    {},
)

#: Maximum tokens in fast mode: enough for a verdict line in any tokenization.
_FAST_MAX_TOKENS = 24

#: Failures in a row after which a server that used to work is considered gone; each was retried by then.
MAX_CONSECUTIVE_FAILURES = 5

#: Seconds between two heartbeats of a silent stream.
_HEARTBEAT_S = 0.2

#: Submits a question to the background thread.
_Submit = Callable[[Question, OnText | None], "Future[Completion]"]


class ServerJudge:
    """Judges through a server, with concurrent requests.

    Args:
        settings: the section `judge`; the API key is in $SAMESKU_JUDGE_KEY only.
        retry_policy: how transient failures are retried; by default as often as the settings say.

    Raises:
        SettingsError: judge.server_url is invalid.
    """

    def __init__(self, settings: JudgeSettings, retry_policy: RetryPolicy | None = None) -> None:
        self._settings = settings
        self._address = parse_address(settings.server_url)
        self._retry_policy = retry_policy or RetryPolicy(settings.server_retries)
        self._in_flight: set[Future[Completion]] = set()
        #: Index into `_EXTRAS`; final once a request has succeeded.
        self._extras = 0
        self._extras_settled = False
        self._reports_logprobs = True

    @property
    def name(self) -> str:
        """Model, server, mode and prompt version."""
        settings = self._settings
        mode = settings.mode if settings.mode != "reasoned" else f"reasoned in {settings.max_tokens} tokens"
        return f"{settings.server_model} at {self._address.display_name}, {mode}, prompt {PROMPT_VERSION}"

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one verdict per pair, in input order; see `complete`."""
        for completion in self.complete(verdict_question(context, self._settings.mode) for context in contexts):
            yield verdict_from_completion(completion, self.name)

    def complete(self, questions: Iterable[Question]) -> Iterator[Completion]:
        """Yield one completion per question, in input order, each as soon as it is available.

        The first question is sent alone, so that a server that does not work receives one request only. If the server
        fails on a later question, that completion is empty and marked as failed.

        Raises:
            ModelError: the server failed on the first question or on many in a row, or `close` was called.
            SettingsError: the key or a proxy is invalid.
        """
        remaining, pending = iter(questions), deque[Future[Completion]]()
        succeeded, failures = False, 0
        with self._open_portal() as submit:
            while True:
                count = self._free_slots(pending) if succeeded else 1 - len(pending)
                pending.extend(submit(question, None) for question in islice(remaining, max(count, 0)))
                if not pending:
                    return
                if not pending[0].done():
                    wait(_unfinished(pending), return_when=FIRST_COMPLETED)
                    continue
                try:
                    completion = _result(pending.popleft())
                except ServerError as error:
                    failures += 1
                    if not succeeded:
                        raise
                    if failures >= MAX_CONSECUTIVE_FAILURES:
                        raise ModelError(f"{failures} requests in a row failed: {error.message}", error.hint) from error
                    completion = Completion("", None, 0.0, 0, 0, failed=True)
                else:
                    succeeded, failures = True, 0
                yield completion

    def _free_slots(self, pending: deque["Future[Completion]"]) -> int:
        """Requests that may be added: finished ones, which wait for those before them, free a slot up to a limit."""
        concurrency = self._settings.server_concurrency
        return min(concurrency - len(_unfinished(pending)), 4 * concurrency - len(pending))

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """Stream the reasoning; return the verdict. Closing the generator closes the connection.

        Raises:
            ModelError: the server failed, or `close` was called.
            SettingsError: the key or a proxy is invalid.
        """
        chunks: SimpleQueue[str | None] = SimpleQueue()
        with self._open_portal() as submit:
            future = submit(verdict_question(context, self._settings.mode), chunks.put)
            future.add_done_callback(lambda _: chunks.put(None))
            while (chunk := _next_chunk(chunks)) is not None:
                yield chunk
            return verdict_from_completion(_result(future), self.name)

    def close(self) -> None:
        """Cancel all requests; may be called from any thread. A caller that waits for one gets a ModelError."""
        for future in tuple(self._in_flight):
            future.cancel()

    @contextmanager
    def _open_portal(self) -> Iterator[_Submit]:
        """A background thread with an event loop and a client; leaving the context cancels its requests."""
        http_client = open_client(self._address)
        from anyio.from_thread import start_blocking_portal

        client = ServerClient(http_client, self._address, self._settings.server_timeout_s, self._retry_policy)
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(http_client):

            def submit(question: Question, on_text: OnText | None) -> "Future[Completion]":
                future = portal.start_task_soon(self._ask, client, question, on_text)
                self._in_flight.add(future)
                future.add_done_callback(self._in_flight.discard)
                return future

            yield submit

    async def _ask(self, client: ServerClient, question: Question, on_text: OnText | None) -> Completion:
        """Ask a question; repeat it unstreamed if only the log-probabilities of a streamed answer are missing."""
        streamed = await self._request(client, question, on_text)
        verdict = verdict_line(streamed.text, question.options)
        if on_text is None or verdict is None or streamed.logprobs is not None or not self._reports_logprobs:
            return streamed
        try:
            whole = await self._request(client, question, None)
        except ServerError:
            return streamed
        return Completion(
            streamed.text,
            whole.logprobs if verdict_line(whole.text, question.options) == verdict else None,
            streamed.seconds + whole.seconds,
            streamed.tokens_in + whole.tokens_in,
            streamed.tokens_out + whole.tokens_out,
        )

    async def _request(self, client: ServerClient, question: Question, on_text: OnText | None) -> Completion:
        """Send a request, with fewer extras if the server rejects them and no request has succeeded yet."""
        request = self._request_body(question, streamed=on_text is not None)
        while True:
            extras = self._extras
            try:
                completion, seconds = await client.ask(request | _EXTRAS[extras], on_text)
            except ServerError as failure:
                if failure.status not in {400, 422} or self._extras_settled or extras + 1 == len(_EXTRAS):
                    raise
                self._extras = max(self._extras, extras + 1)
                continue
            self._extras_settled = True
            if on_text is None:
                self._reports_logprobs = bool(completion.positions)
            logprobs = option_logprobs(completion, question.options)
            return Completion(completion.text, logprobs, seconds, completion.tokens_in, completion.tokens_out)

    def _request_body(self, question: Question, *, streamed: bool) -> dict[str, Any]:
        settings, conversation = self._settings, [dict(message) for message in question.messages]
        max_tokens = settings.max_tokens
        if settings.mode != "reasoned":
            max_tokens = min(max_tokens, _FAST_MAX_TOKENS)
            conversation[-1]["content"] += f"\n{VERDICT_ONLY}"
        body = {"model": settings.server_model, "messages": conversation, "temperature": 0, "max_tokens": max_tokens}
        return body | ({"stream": True, "stream_options": {"include_usage": True}} if streamed else {})


def _next_chunk(chunks: "SimpleQueue[str | None]") -> str | None:
    """The next chunk, None at the end, or an empty heartbeat after `_HEARTBEAT_S` of silence."""
    try:
        return chunks.get(timeout=_HEARTBEAT_S)
    except Empty:
        return ""


def _unfinished(futures: Iterable["Future[Completion]"]) -> "list[Future[Completion]]":
    return [future for future in futures if not future.done()]


def _result(future: "Future[Completion]") -> Completion:
    try:
        return future.result()
    except CancelledError:
        raise ModelError("The judge was stopped.") from None
