"""A two-stage cascade: the matcher decides the pairs it is certain of, the judge is asked about the chosen bands."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from core.jobs.progress import Reporter
from core.judge.interface import StoredVerdictsJudge
from core.judge.metrics import blend
from core.judge.pair_context import pair_contexts
from core.judge.run import Budget, JudgingResult, judge_pairs
from core.judge.verdict import Answer, Verdict
from core.matching.bands import Band, default_band
from core.matching.pair_rows import MatchRow, PairRow
from core.stats.wilson import Precision, wilson
from core.workspace import Workspace
from labels.model import Decision, Pair


@dataclass(frozen=True, slots=True)
class JudgedRow(MatchRow):
    """A row of the output table: the matcher's columns and the judge's verdict.

    Attributes:
        judge: MATCH, NO MATCH, or empty if the judge was not asked or gave no verdict.
        judge_probability: the judge's P(match); None without one.
        both_probability: P(match) of matcher and judge blended, as the ablation measures it.
    """

    judge: str
    judge_probability: float | None
    both_probability: float | None


@dataclass(frozen=True, slots=True)
class Stage:
    """The decisions and the cost of one stage.

    Attributes:
        name: `matcher`, or the judge's name.
        pairs: number of decisions, by answer.
        precision: precision of each answer on the labelled pairs of the validation split.
        asked: number of pairs that the stage looked at.
        seconds: processing time; cached verdicts count with their original time.
        tokens: prompt and generated tokens.
    """

    name: str
    pairs: dict[Decision, int]
    precision: dict[Decision, Precision]
    asked: int
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class CascadeResult:
    """The outcome of both stages.

    Attributes:
        pairs: the pairs, in the order of `rows`.
        rows: the output table.
        stages: the matcher and the judge.
        undecided: number of pairs that neither stage decided; they need a human label.
        judged: the judge's run.
    """

    pairs: tuple[Pair, ...]
    rows: tuple[JudgedRow, ...]
    stages: tuple[Stage, Stage]
    undecided: int
    judged: JudgingResult


def run_cascade(
    workspace: Workspace,
    pairs: Iterable[PairRow],
    judge: StoredVerdictsJudge,
    bands: Collection[Band],
    truth: Mapping[Pair, bool],
    budget: Budget,
    reporter: Reporter,
) -> CascadeResult:
    """Ask the judge about the pairs of some bands.

    Args:
        workspace: provides the products.
        pairs: the matcher's rows; consuming them is the matcher's stage, and its time is measured.
        judge: the second stage.
        bands: the bands that the judge decides; the matcher decides the other bands that are high or low.
        truth: labelled pairs of the validation split; the judge's training pairs are excluded.
        budget: of the judge.
        reporter: receives progress.

    Raises:
        ModelError: the judge is unavailable or fails altogether.
    """
    start = time.monotonic()
    rows = list(pairs)
    matcher_seconds = time.monotonic() - start
    to_judge = least_certain_first(row for row in rows if default_band(row[1].band) in bands)
    run = judge_pairs(pair_contexts(workspace, to_judge), judge, budget, reporter, total=len(to_judge))
    trained_on = judge.training_pairs()
    unseen = {pair: label for pair, label in truth.items() if pair not in trained_on}
    by_matcher = {
        pair: _DECISION_OF_BAND[row.band]
        for pair, row in rows
        if row.band not in bands and row.band in _DECISION_OF_BAND
    }
    by_judge = _judge_decisions(run)
    stages = (
        _stage("matcher", by_matcher, unseen, len(rows), matcher_seconds, 0),
        _judge_stage(run, by_judge, unseen),
    )
    decided = by_matcher.keys() | by_judge.keys()
    return CascadeResult(
        tuple(pair for pair, _ in rows), tuple(_judged_row(row, run.verdicts.get(pair)) for pair, row in rows), stages,
        sum(pair not in decided for pair, _ in rows), run,
    )  # fmt: skip


def least_certain_first(pairs: Iterable[PairRow]) -> list[Pair]:
    """The pairs by the matcher's certainty, ascending: the order in which a budget is spent best.

    Without probabilities, before any labels, the candidates are ordered by rank.
    """

    def certainty(pair_row: PairRow) -> tuple[float, int]:
        _, row = pair_row
        return (0.5, row.rank) if row.probability is None else (abs(row.probability - 0.5), 0)

    return [pair for pair, _ in sorted(pairs, key=certainty)]


_DECISION_OF_BAND = {Band.HIGH.value: Decision.MATCH, Band.LOW.value: Decision.NO_MATCH}
_DECISION_OF_ANSWER = {Answer.MATCH: Decision.MATCH, Answer.NO_MATCH: Decision.NO_MATCH}


def _judge_decisions(run: JudgingResult) -> dict[Pair, Decision]:
    return {
        pair: _DECISION_OF_ANSWER[verdict.answer]
        for pair, verdict in run.verdicts.items()
        if verdict.answer is not None
    }


def _judge_stage(run: JudgingResult, decisions: Mapping[Pair, Decision], truth: Mapping[Pair, bool]) -> Stage:
    verdicts = run.verdicts.values()
    return _stage(
        run.judge, decisions, truth, len(verdicts), sum(verdict.seconds for verdict in verdicts),
        sum(verdict.tokens_in + verdict.tokens_out for verdict in verdicts),
    )  # fmt: skip


def _stage(
    name: str, decisions: Mapping[Pair, Decision], truth: Mapping[Pair, bool], asked: int, seconds: float, tokens: int
) -> Stage:
    counts, precision = {}, {}
    for answer in (Decision.MATCH, Decision.NO_MATCH):
        decided = [pair for pair, decision in decisions.items() if decision is answer]
        correct = [truth[pair] is (answer is Decision.MATCH) for pair in decided if pair in truth]
        counts[answer], precision[answer] = len(decided), wilson(sum(correct), len(correct))
    return Stage(name, counts, precision, asked, round(seconds, 3), tokens)


def _judged_row(row: MatchRow, verdict: Verdict | None) -> JudgedRow:
    probability = verdict.probability if verdict else None
    both = None
    if probability is not None and row.probability is not None:
        both = round(blend(row.probability, probability), 6)
    return JudgedRow(
        row.query_id, row.rank, row.candidate_id, row.similarity, row.probability, row.band,
        verdict.answer or "" if verdict else "", probability, both,
    )  # fmt: skip
