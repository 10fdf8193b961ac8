"""Labels by a language model within limits on pairs, tokens and money: `samesku judge label`.

The queue chooses the pairs in rounds, each with a matcher that has learnt from the round before. Labels are saved every
few seconds with what they have cost, so that the same command continues after any end, and spends no more than its
limits altogether.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.judge.interface import StoredVerdictsJudge
from core.judge.pair_context import PairContext, pair_contexts
from core.judge.verdict import Answer, Verdict
from core.queue.online import OnlineMatcher
from core.queue.strategies import Strategy
from core.settings import JudgeSettings, Settings
from core.splits.llm_labels import LlmLabels, Spending, load_llm_labels, save_llm_labels
from core.splits.precedence import Precedence
from core.splits.weak_labels import WeakLabel, WeakSource
from core.workspace import Workspace
from labels.model import Pair
from labels.wording import counted

#: Pairs of a round. A larger one is chosen by an older matcher; a smaller one waits for a refit more often.
ROUND = 50
#: Seconds between two writings of the file.
_SAVE_INTERVAL_S = 5.0


class LabellingEnd(StrEnum):
    """Why a run ended."""

    QUEUE = "queue"
    PAIRS = "pairs"
    TOKENS = "tokens"
    COST = "cost"
    INTERRUPTED = "interrupted"


_END_SENTENCES = {
    LabellingEnd.QUEUE: "The queue has no further pair for it.",
    LabellingEnd.PAIRS: "The limit on pairs is reached.",
    LabellingEnd.TOKENS: "The limit on tokens is reached.",
    LabellingEnd.COST: "The limit on cost is reached.",
    LabellingEnd.INTERRUPTED: "Interrupted; the same command continues.",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on everything that an annotator has cost in a workspace, earlier runs included; None for no limit.

    Attributes:
        pairs: pairs that it is asked about, those with a stored verdict included.
        tokens: prompt tokens and generated tokens.
        cost: the price of the tokens, by `judge.price_in` and `judge.price_out`.
    """

    pairs: int | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class LabellingResult:
    """The outcome of a run.

    Attributes:
        annotator: `llm:MODEL`.
        matches, negatives: labels of this run.
        failed: requests of this run that failed; their pairs are asked again by the next one.
        run: what this run has cost.
        total: what the annotator has cost so far.
        price: the price of all its tokens; None without a price.
        end: why the run ended.
        seconds: duration of the run.
    """

    annotator: str
    matches: int
    negatives: int
    run: Spending
    total: Spending
    price: float | None
    end: LabellingEnd
    seconds: float
    failed: int = 0

    @property
    def summary(self) -> str:
        """The outcome in a few sentences."""
        labels = counted(self.matches + self.negatives, "label")
        unanswered = f", {self.run.unanswered:,} without an answer" if self.run.unanswered else ""
        failed = f" {counted(self.failed, 'request')} failed; the same command repeats them." if self.failed else ""
        tokens = counted(self.total.tokens_in + self.total.tokens_out, "token")
        price = "" if self.price is None else f", {self.price:,.2f} by the prices of the settings"
        return (
            f"{self.annotator}: {labels} ({counted(self.matches, 'match', 'matches')}){unanswered}."
            f"{failed} {_END_SENTENCES[self.end]} So far {counted(self.total.pairs, 'pair')}, {tokens}{price}."
        )


def label_pairs(
    workspace: Workspace,
    settings: Settings,
    judge: StoredVerdictsJudge,
    annotator: str,
    limits: Limits,
    strategy: Strategy,
    reporter: Reporter,
) -> LabellingResult:
    """Label pairs of the queue until a limit is reached.

    Pairs that people have decided on, answered queries, and all products of the validation split are left out. A pair
    with a stored verdict costs no tokens. Questions are no longer asked once the answers in progress, each as expensive
    as the dearest one so far, could reach a limit.

    Args:
        workspace: with an index.
        settings: of the workspace.
        judge: a language model.
        annotator: its name, `llm:MODEL`.
        limits: of all runs together.
        strategy: of the queue.
        reporter: receives progress.

    Raises:
        ModelError: the judge is unavailable, fails altogether, or reports no tokens although a limit needs them. What
            it has answered before is saved.
        CoreError: nothing was indexed, or the labels cannot be read or written.
    """
    began = time.monotonic()
    run = _Run(workspace, settings.judge, annotator, limits)
    precedence = Precedence.read(workspace, settings)
    online = OnlineMatcher(workspace, settings, dict)
    reporter.stage("ask the language model", limits.pairs)
    reporter.advance(run.total.pairs)
    try:
        while run.end is None:
            pairs = online.next_pairs(ROUND, strategy, lambda pair: run.is_done(pair) or not precedence.allows(pair))
            if not pairs:
                run.end = LabellingEnd.QUEUE
                break
            run.ask(judge, pairs, pair_contexts(workspace, pairs), reporter)
    except KeyboardInterrupt:
        run.end = LabellingEnd.INTERRUPTED
    finally:
        run.save()
        online.close()
    return run.result(time.monotonic() - began)


class _Run:
    """The labels and the spending of one run.

    Attributes:
        end: why the run has ended; None before.
    """

    def __init__(self, workspace: Workspace, settings: JudgeSettings, annotator: str, limits: Limits) -> None:
        self._path = workspace.llm_labels
        self._settings = settings
        self._annotator = annotator
        self._limits = limits
        self._before = load_llm_labels(self._path)
        self._labels = dict(self._before.labels)
        self._new: dict[Pair, bool] = {}
        self._tried = set[Pair]()
        self._spent = Spending()
        self._in_progress = self._failed = 0
        self._dearest = _mean(self._before.spent.get(annotator, Spending()))
        self._saved_at = time.monotonic()
        self.end: LabellingEnd | None = None

    @property
    def total(self) -> Spending:
        """What the annotator has cost in all runs."""
        return self._before.spent.get(self._annotator, Spending()) + self._spent

    def is_done(self, pair: Pair) -> bool:
        """Whether the pair has a label of this annotator, or was chosen in this run already."""
        label = self._labels.get(pair)
        return pair in self._tried or (label is not None and label.annotator == self._annotator)

    def ask(
        self, judge: StoredVerdictsJudge, pairs: Sequence[Pair], contexts: Iterable[PairContext], reporter: Reporter
    ) -> None:
        """Ask about the pairs of a round, as far as the limits let it.

        Args:
            judge: the language model.
            pairs: the round.
            contexts: of those whose products are still in the catalogue.
            reporter: receives progress.
        """
        self._tried.update(pairs)
        waiting: list[PairContext] = []
        for context in contexts:
            if (verdict := judge.lookup(context)) is None:
                waiting.append(context)
            elif self._limits.pairs is not None and self.total.pairs >= self._limits.pairs:
                self.end = LabellingEnd.PAIRS
                return
            elif verdict.answer is not None:
                self._spent += Spending(1)
                self._add(context.pair, verdict)
        for context, verdict in zip(waiting, judge.verdicts(self._within_limits(waiting)), strict=False):
            self._in_progress -= 1
            if verdict.failed:
                self._failed += 1
                continue
            self._pay(verdict)
            self._add(context.pair, verdict)
            reporter.advance(self.total.pairs)
            self._require_counts(judge.name, verdict)
        if self._in_progress:
            raise ModelError(f"{judge.name} returned fewer verdicts than requested.", "Those it returned are saved.")

    def _within_limits(self, contexts: Sequence[PairContext]) -> Iterator[PairContext]:
        for context in contexts:
            self.end = self._limit_reached()
            if self.end is not None:
                return
            self._in_progress += 1
            yield context

    def _limit_reached(self) -> LabellingEnd | None:
        """The limit that one more question could exceed."""
        limits, settings = self._limits, self._settings
        possible = self.total
        for _ in range(self._in_progress + 1):
            possible += self._dearest
        # A failed request may have a cost that the server did not report.
        if limits.pairs is not None and possible.pairs + self._failed > limits.pairs:
            return LabellingEnd.PAIRS
        if limits.tokens is not None and possible.tokens_in + possible.tokens_out > limits.tokens:
            return LabellingEnd.TOKENS
        prices = settings.price_in, settings.price_out
        # Whatever has a price exceeds a limit that is spent, also before the first answer shows how much.
        spent = limits.cost is not None and self.total.cost(*prices) >= limits.cost
        if spent or (limits.cost is not None and possible.cost(*prices) > limits.cost):
            return LabellingEnd.COST
        return None

    def _pay(self, verdict: Verdict) -> None:
        self._spent += Spending(1, int(verdict.answer is None), verdict.tokens_in, verdict.tokens_out)
        self._dearest = Spending(
            1, 0, max(self._dearest.tokens_in, verdict.tokens_in), max(self._dearest.tokens_out, verdict.tokens_out)
        )

    def _require_counts(self, judge: str, verdict: Verdict) -> None:
        """Refuse to go on with an answer of unknown cost under a limit on tokens or cost.

        Raises:
            ModelError: the judge reports no tokens.
        """
        answered = verdict.answer is not None or bool(verdict.reasoning)
        counted_all = verdict.tokens_in and (verdict.tokens_out or not verdict.reasoning)
        if answered and not counted_all and (self._limits.tokens is not None or self._limits.cost is not None):
            raise ModelError(
                f"{judge} does not report its tokens, so no limit on tokens or cost can hold.",
                "Limit the pairs alone: samesku judge label --max-pairs 500",
            )

    def _add(self, pair: Pair, verdict: Verdict) -> None:
        if verdict.answer is not None:
            match = verdict.answer is Answer.MATCH
            self._new[pair] = match
            self._labels[pair] = WeakLabel(pair, match, WeakSource.LLM, annotator=self._annotator)
        if time.monotonic() - self._saved_at >= _SAVE_INTERVAL_S:
            self.save()

    def save(self) -> None:
        """Write the labels and what they have cost."""
        self._saved_at = time.monotonic()
        if self._new or self._spent != Spending():
            save_llm_labels(self._path, LlmLabels(self._labels, {**self._before.spent, self._annotator: self.total}))

    def result(self, seconds: float) -> LabellingResult:
        """The outcome."""
        assert self.end is not None  # noqa: S101 - set by whatever has ended the run
        settings, matches = self._settings, sum(self._new.values())
        priced = bool(settings.price_in or settings.price_out)
        return LabellingResult(
            self._annotator, matches, len(self._new) - matches, self._spent, self.total,
            self.total.cost(settings.price_in, settings.price_out) if priced else None, self.end, seconds,
            self._failed,
        )  # fmt: skip


def _mean(spent: Spending) -> Spending:
    """What one more pair is expected to cost after earlier runs, rounded up; nothing before the first answer."""
    pairs = max(spent.pairs, 1)
    return Spending(1, 0, -(-spent.tokens_in // pairs), -(-spent.tokens_out // pairs))
