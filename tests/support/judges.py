"""Judges for tests that need no model: they count similarities and differences."""

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
    """Answers MATCH if there are more similarities than differences.

    Attributes:
        name: part of every verdict.
        dies_after: number of verdicts after which it raises KeyboardInterrupt.
        silent: pairs on which it gives no answer.
        failing: pairs on which its request fails.
        counts_tokens: whether its verdicts say how many tokens they took.
        ahead: batch size.
        trained_on: its training pairs.
        asked: the pairs that it was asked about.
        closed: whether it was closed.
    """

    name: str = "counting"
    dies_after: int | None = None
    silent: frozenset[Pair] = frozenset()
    failing: frozenset[Pair] = frozenset()
    counts_tokens: bool = True
    ahead: int = 1
    trained_on: frozenset[Pair] = frozenset()
    asked: list[Pair] = field(default_factory=list)
    closed: bool = False

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """As `Judge.verdicts`."""
        remaining = iter(contexts)
        while batch := list(islice(remaining, self.ahead)):
            for context in batch:
                if len(self.asked) == self.dies_after:
                    raise KeyboardInterrupt
                self.asked.append(context.pair)
                yield self.verdict(context)

    def verdict(self, context: PairContext) -> Verdict:
        """Its verdict on a pair."""
        if context.pair in self.failing:
            return Verdict(None, None, None, "", self.name, 0.0, failed=True)
        if context.pair in self.silent:
            return Verdict(None, None, None, "I cannot say", self.name, 0.5, 90, 4)
        log_odds = float(len(context.findings.equal) - len(context.findings.differs))
        answer = Answer.MATCH if log_odds > 0 else Answer.NO_MATCH
        probability = 1 / (1 + 2.718281828459045**-log_odds)
        tokens = (100, 10) if self.counts_tokens else (0, 0)
        return Verdict(answer, probability, log_odds, f"{context.query.title}\n{answer}", self.name, 0.5, *tokens)

    def training_pairs(self) -> frozenset[Pair]:
        """As `TrainedJudge.training_pairs`."""
        return self.trained_on

    def close(self) -> None:
        """Record that it was closed."""
        self.closed = True


class StreamingCountingJudge(CountingJudge):
    """A `CountingJudge` that streams its reasoning line by line."""

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """As `StreamingJudge.stream`."""
        verdict = self.verdict(context)
        self.asked.append(context.pair)
        yield from verdict.reasoning.splitlines(keepends=True)
        return verdict


_: type[Judge] = CountingJudge


def case_of(number: int, title: str = "tv", equal: int = 1, differs: int = 0) -> PairContext:
    """A pair with a number of similarities and differences."""
    return PairContext(
        Product("walmart", f"q{number}", title),
        Product("amazon", f"c{number}", title),
        Findings(tuple(f"same {i}" for i in range(equal)), tuple(f"other {i}" for i in range(differs))),
    )
