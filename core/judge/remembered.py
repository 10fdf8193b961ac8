"""A judge that is not asked twice."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator

from core.judge.cache import VerdictCache
from core.judge.case import Case
from core.judge.judge import Judge, TalkingJudge, TaughtJudge
from core.judge.verdict import Verdict
from labels.model import Pair


class Remembered:
    """A judge with a memory: what it has said is kept, and taken from there the next time.

    Args:
        judge: who is asked.
        cache: where its verdicts are kept; closed with the judge.
    """

    def __init__(self, judge: Judge, cache: VerdictCache) -> None:
        self._judge = judge
        self._cache = cache

    @property
    def name(self) -> str:
        """The judge's own."""
        return self._judge.name

    def known(self, case: Case) -> Verdict | None:
        """What it has said of exactly this before."""
        return self._cache.get(self.name, case)

    def latest(self) -> dict[Pair, Verdict]:
        """What it said last of every pair, whether or not its products have changed since."""
        return self._cache.latest(self.name)

    def verdicts(self, cases: Iterable[Case]) -> Iterator[Verdict]:
        """One verdict for each case; it is remembered before the next one is asked for."""
        waiting: deque[tuple[Case, Verdict | None]] = deque()

        def unknown() -> Iterator[Case]:
            for case in cases:
                waiting.append((case, self.known(case)))
                if waiting[-1][1] is None:
                    yield case

        for verdict in self._judge.verdicts(unknown()):
            yield from _known_first(waiting)
            self._cache.keep(waiting.popleft()[0], verdict)
            yield verdict
        yield from _known_first(waiting)

    def talk(self, case: Case) -> Generator[str, None, Verdict]:
        """The reasoning piece by piece, in one where it is known or the judge does not talk; in the end the verdict."""
        known = self.known(case)
        if known is None and isinstance(self._judge, TalkingJudge):
            verdict = yield from self._judge.talk(case)
        else:
            verdict = known or next(iter(self._judge.verdicts([case])))
            yield verdict.reasoning
        if known is None:
            self._cache.keep(case, verdict)
        return verdict

    def taught(self) -> frozenset[Pair]:
        """What the judge was trained on."""
        return self._judge.taught() if isinstance(self._judge, TaughtJudge) else frozenset()

    def close(self) -> None:
        """Let go of the judge and the memory."""
        try:
            self._judge.close()
        finally:
            self._cache.close()


def _known_first(waiting: deque[tuple[Case, Verdict | None]]) -> Iterator[Verdict]:
    """The verdicts that were known of the cases before the next one that was not."""
    while waiting and (verdict := waiting[0][1]) is not None:
        waiting.popleft()
        yield verdict
