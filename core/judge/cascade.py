"""Two stages: the matcher settles what it is certain of, the judge is asked about the bands that are named."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from core.jobs.progress import Reporter
from core.judge.interface import StoredVerdictsJudge
from core.judge.metrics import blended
from core.judge.pair_context import pair_contexts
from core.judge.run import Budget, JudgingResult, judge_pairs
from core.judge.verdict import Answer, Verdict
from core.matching.bands import Band, default_band
from core.matching.pair_rows import MatchRow, PairRow
from core.stats.wilson import Precision, wilson
from core.workspace import Workspace
from labels.model import Decision, Pair

#: What a stage answers.
_ANSWERS = (Decision.MATCH, Decision.NO_MATCH)


@dataclass(frozen=True, slots=True)
class JudgedRow(MatchRow):
    """A row with what the judge said of it.

    Attributes:
        judge: MATCH, NO MATCH, or nothing where it was not asked or gave no verdict.
        judge_probability: its P(match); None where it has none.
        both_probability: P(match) by matcher and judge together, as `judge test` measures what the judge adds.
    """

    judge: str
    judge_probability: float | None
    both_probability: float | None


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage settled, and at what cost.

    Attributes:
        name: who decided: the matcher or the judge.
        pairs: how many it settled, by answer.
        precision: how often each answer was right among labelled pairs of the validation side; over no labels at all
            where there are none.
        asked: pairs that it looked at.
        seconds: that it took, one pair after the other where a judge spoke of some of them before.
        tokens: that it read and wrote.
    """

    name: str
    pairs: dict[Decision, int]
    precision: dict[Decision, Precision]
    asked: int
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class CascadeResult:
    """Both stages.

    Attributes:
        pairs: what the rows are about, in their order.
        rows: of the file.
        stages: the matcher and the judge.
        open: pairs that nobody settled: they are for people.
        judged: how the judge's run went.
    """

    pairs: tuple[Pair, ...]
    rows: tuple[JudgedRow, ...]
    stages: tuple[Stage, Stage]
    open: int
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
        workspace: where the products are.
        pairs: the matcher's word on all of them.
        judge: who is asked.
        bands: whose pairs it is asked about; the matcher settles those of the other firm bands.
        truth: labelled pairs of the validation side; those that the judge was trained on are left out.
        budget: of the judge.
        reporter: hears progress.

    Raises:
        ModelError: the judge cannot be had, or does not answer at all.
    """
    begun = time.monotonic()
    listed = list(pairs)
    seconds = time.monotonic() - begun
    wanted = least_certain_first(each for each in listed if default_band(each[1].band) in bands)
    judged = judge_pairs(pair_contexts(workspace, wanted), judge, budget, reporter, total=len(wanted))
    said = judged.verdicts
    by_matcher = {pair: _OF_BAND[row.band] for pair, row in listed if row.band not in bands and row.band in _OF_BAND}
    by_judge = {pair: _OF_ANSWER[verdict.answer] for pair, verdict in said.items() if verdict.answer is not None}
    taught = judge.taught()
    fair = {pair: label for pair, label in truth.items() if pair not in taught}
    tokens = sum(verdict.tokens_in + verdict.tokens_out for verdict in said.values())
    spent = sum(verdict.seconds for verdict in said.values())
    stages = (
        _stage("matcher", by_matcher, fair, len(listed), seconds, 0),
        _stage(judged.judge, by_judge, fair, len(said), spent, tokens),
    )
    rows = tuple(_row(row, said.get(pair)) for pair, row in listed)
    settled = by_matcher.keys() | by_judge.keys()
    return CascadeResult(
        tuple(pair for pair, _ in listed), rows, stages, sum(pair not in settled for pair, _ in listed), judged
    )


def least_certain_first(pairs: Iterable[PairRow]) -> list[Pair]:
    """The pairs in the order in which a budget is best spent: where the matcher knows least.

    Before labels calibrate it, every query's first candidate comes first.
    """

    def certainty(each: PairRow) -> tuple[float, int]:
        _, row = each
        return (0.5, row.rank) if row.probability is None else (abs(row.probability - 0.5), 0)

    return [pair for pair, _ in sorted(pairs, key=certainty)]


_OF_BAND = {Band.HIGH.value: Decision.MATCH, Band.LOW.value: Decision.NO_MATCH}
_OF_ANSWER = {Answer.MATCH: Decision.MATCH, Answer.NO_MATCH: Decision.NO_MATCH}


def _stage(
    name: str, settled: Mapping[Pair, Decision], truth: Mapping[Pair, bool], asked: int, seconds: float, tokens: int
) -> Stage:
    counts, precision = {}, {}
    for answer in _ANSWERS:
        own = [pair for pair, decision in settled.items() if decision is answer]
        known = [truth[pair] is (answer is Decision.MATCH) for pair in own if pair in truth]
        counts[answer], precision[answer] = len(own), wilson(sum(known), len(known))
    return Stage(name, counts, precision, asked, round(seconds, 3), tokens)


def _row(row: MatchRow, verdict: Verdict | None) -> JudgedRow:
    judged = verdict.probability if verdict else None
    both = None if judged is None or row.probability is None else round(blended(row.probability, judged), 6)
    return JudgedRow(
        row.query_id, row.rank, row.candidate_id, row.similarity, row.probability, row.band,
        verdict.answer or "" if verdict else "", judged, both,
    )  # fmt: skip
