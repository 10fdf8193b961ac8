"""A judge behind a URL: mlx_lm.server, vLLM, Ollama, llama.cpp, or any other OpenAI-compatible server.

Where the four differ:

| | mlx_lm.server 0.32 | vLLM | Ollama | llama.cpp |
| --- | --- | --- | --- | --- |
| likeliest tokens that it lists, at most | 11 | 20 | 20, none before 0.12.11 | as many as one likes |
| also piece by piece | no | yes | yes | yes |
| an answer that is begun for the model | taken as ended | gone on with if asked | gone on with | gone on with |
| thinking, turned off in a request | `chat_template_kwargs` | the same | that is passed over | the same |

So ten likeliest tokens are asked for, and the fast mode asks in words for the verdict alone: no way of beginning the
answer works on all four. Who was listened to and told no probabilities is asked once more, for the whole answer. A
server that refuses what it does not know is asked for less, in the end for nothing but the text. On mlx_lm.server the
model is to be called by its path or its name on the hub: `default_model` works, but says nothing of which model judged.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

from core.errors import ModelError
from core.judge.completion import Completion, Question, question_about, verdict_of
from core.judge.openai_server.address import address_of
from core.judge.openai_server.client import OnText, RetryPolicy, ServerClient, connected
from core.judge.openai_server.failures import ServerError
from core.judge.openai_server.responses import option_logprobs, verdict_in
from core.judge.pair_context import PairContext
from core.judge.prompt import BRIEFLY, VERSION
from core.judge.verdict import Verdict
from core.settings import JudgeSettings

#: What is asked for besides the text, the most first.
_EXTRAS: tuple[dict[str, Any], ...] = (
    {"logprobs": True, "top_logprobs": 10, "chat_template_kwargs": {"enable_thinking": False}},
    {"logprobs": True, "top_logprobs": 5},
    {},
)

#: Tokens for a verdict alone, in however small pieces.
_BRIEF = 24

#: After so many cases in a row without an answer, a server that used to work is gone.
GONE = 10

#: Whoever listens is asked so often whether to go on.
_MOMENT_S = 0.2

#: Asks a question in the background.
_Ask = Callable[[Question, OnText | None], "Future[Completion]"]


class ServerJudge:
    """Gives verdicts through a server, several at once.

    Args:
        settings: the section judge; the key, if the server wants one, stands in $SAMESKU_JUDGE_KEY and nowhere else.
        patience: how errors that may pass are waited for; as often as the settings say, if None.

    Raises:
        SettingsError: judge.server_url cannot be used.
    """

    def __init__(self, settings: JudgeSettings, patience: RetryPolicy | None = None) -> None:
        self._settings = settings
        self._address = address_of(settings.server_url)
        self._patience = patience or RetryPolicy(settings.server_retries)
        self._asked: set[Future[Completion]] = set()
        self._extras = 0
        self._settled = False
        self._tells = True

    @property
    def name(self) -> str:
        """The model, the address of its server, the mode, and the version of the prompt."""
        settings = self._settings
        mode = "fast" if settings.mode == "fast" else f"reasoned in {settings.max_tokens} tokens"
        return f"{settings.server_model} at {self._address.told}, {mode}, prompt {VERSION}"

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """One verdict for each case, in their order; see `said`."""
        for said in self.said(question_about(case) for case in cases):
            yield verdict_of(said, self.name)

    def said(self, questions: Iterable[Question]) -> Iterator[Completion]:
        """What the model says to each question, in their order, as soon as it is there.

        Where the server fails on a question after it answered others, nothing is said to that one: no text, no tokens.
        The first goes alone: a server that does not work at all is asked no more than that.

        Raises:
            ModelError: the server failed on the first question, or on many in a row; or `close` was called.
            SettingsError: the key or a proxy cannot be used.
        """
        at_once = self._settings.server_concurrency
        waiting, asked = iter(questions), deque[Future[Completion]]()
        worked, failed = False, 0
        with self._line() as ask:
            while True:
                # Whoever is ready early waits for those before, and another takes the place.
                room = min(at_once - len(_unanswered(asked)), 4 * at_once - len(asked)) if worked else 1 - len(asked)
                asked.extend(ask(question, None) for question in islice(waiting, max(room, 0)))
                if not asked:
                    return
                if not asked[0].done():
                    wait(_unanswered(asked), return_when=FIRST_COMPLETED)
                    continue
                try:
                    said = _result(asked.popleft())
                except ServerError:
                    failed += 1
                    if not worked or failed >= GONE:
                        raise
                    said = Completion("", None, 0.0, 0, 0)
                else:
                    worked, failed = True, 0
                yield said

    def stream(self, case: PairContext) -> Generator[str, None, Verdict]:
        """The reasoning piece by piece, and in the end the verdict. Closing the generator closes the connection.

        Raises:
            ModelError: the server failed, or `close` was called.
            SettingsError: the key or a proxy cannot be used.
        """
        heard: SimpleQueue[str | None] = SimpleQueue()
        with self._line() as ask:
            said = ask(question_about(case), heard.put)
            said.add_done_callback(lambda _: heard.put(None))
            while (piece := _next(heard)) is not None:
                yield piece
            return verdict_of(_result(said), self.name)

    def close(self) -> None:
        """End what is on its way, from whichever thread; who waits for it gets a ModelError."""
        for said in tuple(self._asked):
            said.cancel()

    @contextmanager
    def _line(self) -> Iterator[_Ask]:
        """What asks, in a thread of its own; whoever leaves hangs up, also in the middle of an answer."""
        client = connected(self._address)
        from anyio.from_thread import start_blocking_portal

        exchange = ServerClient(client, self._address, self._settings.server_timeout_s, self._patience)
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(client):

            def ask(question: Question, heard: OnText | None) -> "Future[Completion]":
                said = portal.start_task_soon(self._answered, exchange, question, heard)
                self._asked.add(said)
                said.add_done_callback(self._asked.discard)
                return said

            yield ask

    async def _answered(self, exchange: ServerClient, question: Question, heard: OnText | None) -> Completion:
        said = await self._once(exchange, question, heard)
        verdict = verdict_in(said.text, question.options)
        if heard is None or verdict is None or said.logs is not None or not self._tells:
            return said
        try:
            again = await self._once(exchange, question, None)
        except ServerError:
            return said
        return Completion(
            said.text,
            again.logs if verdict_in(again.text, question.options) == verdict else None,
            said.seconds + again.seconds,
            said.tokens_in + again.tokens_in,
            said.tokens_out + again.tokens_out,
        )

    async def _once(self, exchange: ServerClient, question: Question, heard: OnText | None) -> Completion:
        """Ask for all that is useful, and for less where the server refuses that and nothing worked so far."""
        request = self._request(question, listening=heard is not None)
        while True:
            extras = self._extras
            try:
                completion, seconds = await exchange.ask(request | _EXTRAS[extras], heard)
            except ServerError as failure:
                if failure.status not in {400, 422} or self._settled or extras + 1 == len(_EXTRAS):
                    raise
                self._extras = max(self._extras, extras + 1)
                continue
            self._settled = True
            if heard is None:
                self._tells = bool(completion.places)
            logs = option_logprobs(completion, question.options)
            return Completion(completion.text, logs, seconds, completion.tokens_in, completion.tokens_out)

    def _request(self, question: Question, *, listening: bool) -> dict[str, Any]:
        settings, conversation = self._settings, [dict(message) for message in question.messages]
        most = settings.max_tokens
        if settings.mode == "fast":
            most = min(most, _BRIEF)
            conversation[-1]["content"] += f"\n{BRIEFLY}"
        request = {"model": settings.server_model, "messages": conversation, "temperature": 0, "max_tokens": most}
        return request | ({"stream": True, "stream_options": {"include_usage": True}} if listening else {})


def _next(heard: "SimpleQueue[str | None]") -> str | None:
    """What comes next; nothing where it takes longer than somebody waits who has pressed a key."""
    try:
        return heard.get(timeout=_MOMENT_S)
    except Empty:
        return ""


def _unanswered(asked: Iterable["Future[Completion]"]) -> "list[Future[Completion]]":
    return [said for said in asked if not said.done()]


def _result(said: "Future[Completion]") -> Completion:
    try:
        return said.result()
    except CancelledError:
        raise ModelError("The judge was stopped.") from None
