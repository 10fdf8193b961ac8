"""A small judge that needs no model: it counts what is equal and what differs."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from core.catalog.product import Product
from core.judge.interface import Judge
from core.judge.pair_context import Findings, PairContext
from core.judge.verdict import Answer, Verdict
from labels.model import Pair


@dataclass
class CountingJudge:
    """More that is equal than what differs is a match; remembers whom it was asked about, and dies if told to.

    Attributes:
        name: part of every verdict.
        dies_after: so many verdicts, then it is interrupted.
        silent: pairs on which it gives no verdict.
        ahead: how many cases it takes at once.
        trained_on: what it was taught.
        asked: whom it was asked about.
    """

    name: str = "counting"
    dies_after: int | None = None
    silent: frozenset[Pair] = frozenset()
    ahead: int = 1
    trained_on: frozenset[Pair] = frozenset()
    asked: list[Pair] = field(default_factory=list)
    closed: bool = False

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """Like `Judge.verdicts`."""
        waiting = iter(cases)
        while some := list(islice(waiting, self.ahead)):
            for case in some:
                if len(self.asked) == self.dies_after:
                    raise KeyboardInterrupt
                self.asked.append(case.pair)
                yield self.verdict(case)

    def verdict(self, case: PairContext) -> Verdict:
        """What it says of a case."""
        if case.pair in self.silent:
            return Verdict(None, None, None, "I cannot say", self.name, 0.5, 90, 4)
        log_odds = float(len(case.findings.equal) - len(case.findings.differs))
        answer = Answer.MATCH if log_odds > 0 else Answer.NO_MATCH
        probability = 1 / (1 + 2.718281828459045**-log_odds)
        return Verdict(answer, probability, log_odds, f"{case.query.title}\n{answer}", self.name, 0.5, 100, 10)

    def training_pairs(self) -> frozenset[Pair]:
        """What it was told that it was trained on."""
        return self.trained_on

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class TalkingCountingJudge(CountingJudge):
    """The same, word by word."""

    def stream(self, case: PairContext) -> Generator[str, None, Verdict]:
        """Like `TalkingJudge.talk`."""
        verdict = self.verdict(case)
        self.asked.append(case.pair)
        yield from verdict.reasoning.splitlines(keepends=True)
        return verdict


_: type[Judge] = CountingJudge


def case_of(number: int, title: str = "tv", equal: int = 1, differs: int = 0) -> PairContext:
    """A pair of listings of which so many things are equal and so many differ."""
    return PairContext(
        Product("walmart", f"q{number}", title),
        Product("amazon", f"c{number}", title),
        Findings(tuple(f"same {i}" for i in range(equal)), tuple(f"other {i}" for i in range(differs))),
    )
