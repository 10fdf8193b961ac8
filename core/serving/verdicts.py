"""Verdicts of the judge in use, from a thread of its own: one at a time, since a model is behind them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from core.catalog.product import Product
from core.errors import ModelError, SettingsError
from core.judge.factory import make_judge
from core.judge.interface import StoredVerdictsJudge
from core.judge.pair_context import FindingsExtractor, PairContext
from core.judge.verdict import Verdict
from core.serving.problems import ProblemError
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace

#: Requests that may wait for the judge.
MAX_WAITING = 8
#: Advice when to try again, in seconds: a language model takes a few seconds a pair.
_RETRY_AFTER_S = 10

Result = TypeVar("Result")


class JudgeService:
    """Asks the judge of the settings, which is made on first use, and made again where it could not be.

    Args:
        workspace: with the verdicts.
        settings: reads the present settings.
        frequency: number of listings that contain a word.
        make: makes the judge.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: Callable[[], Settings],
        frequency: Callable[[str], int],
        make: Callable[[Workspace, Settings], StoredVerdictsJudge] = make_judge,
    ) -> None:
        self._workspace = workspace
        self._settings = settings
        self._make = make
        self._extractor = FindingsExtractor(Vocabulary.load(workspace.vocabulary), frequency)
        self._judge: StoredVerdictsJudge | None = None
        self._pool = ThreadPoolExecutor(1, "judge")
        self._waiting = 0

    def close(self) -> None:
        """Finish what waits, and release the judge."""
        self._pool.submit(self._close)
        self._pool.shutdown()

    def stored(self, pairs: Sequence[tuple[Product, Product]]) -> "Future[list[Verdict | None]]":
        """The stored verdict on each pair of a query and a candidate, as they are; None where there is none.

        Raises:
            ProblemError: too many requests wait. The future raises it where there is no judge.
        """
        return self._submit(partial(self._stored, pairs))

    def verdict(self, query: Product, candidate: Product) -> "Future[Verdict]":
        """The verdict on a pair, stored or asked for.

        Raises:
            ProblemError: too many requests wait. The future raises it where there is no judge, or it fails.
        """
        return self._submit(partial(self._verdict, query, candidate))

    def _submit(self, work: Callable[[], Result]) -> "Future[Result]":
        if self._waiting >= MAX_WAITING:
            raise ProblemError.busy("Too many requests wait for the judge.", _RETRY_AFTER_S)
        self._waiting += 1
        future = self._pool.submit(work)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: "Future[Result]") -> None:
        self._waiting -= 1

    def _context(self, query: Product, candidate: Product) -> PairContext:
        return PairContext(query, candidate, self._extractor.extract(query, candidate))

    def _stored(self, pairs: Sequence[tuple[Product, Product]]) -> list[Verdict | None]:
        judge = self._judge_in_use()
        return [judge.lookup(self._context(*pair)) for pair in pairs]

    def _verdict(self, query: Product, candidate: Product) -> Verdict:
        judge = self._judge_in_use()
        try:
            return next(iter(judge.verdicts([self._context(query, candidate)])))
        except ModelError as error:
            raise ProblemError.of(HTTPStatus.SERVICE_UNAVAILABLE, error) from error

    def _judge_in_use(self) -> StoredVerdictsJudge:
        if self._judge is None:
            try:
                self._judge = self._make(self._workspace, self._settings())
            except SettingsError as error:
                raise ProblemError.of(HTTPStatus.CONFLICT, error) from error
        return self._judge

    def _close(self) -> None:
        if self._judge is not None:
            self._judge.close()
