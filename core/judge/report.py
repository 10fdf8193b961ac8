"""Judge reports: metrics on labelled pairs outside the training set, and the gain over the matcher."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import CoreError
from core.jobs.progress import Reporter
from core.json_store import load, save
from core.judge.interface import StoredVerdictsJudge
from core.judge.metrics import Ablation, JudgeMetrics, judge_metrics, measure_ablation
from core.judge.run import JudgingResult
from core.matching.features.builder import CorpusFeatures
from core.matching.pair_file import read_named_labels
from core.matching.scoring import score_pairs
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.splits.split import splits_of
from core.stats.sampling import shuffled_by_query
from core.workspace import Workspace
from labels.model import Pair

#: Reports that are searched for the latest one on a judge, newest first.
_MAX_REPORTS_SEARCHED = 50
#: Seeds the order in which labelled pairs are judged.
_ORDER_SEED = 37


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """Labelled pairs to evaluate on.

    Attributes:
        truth: whether each pair is a match.
        name: the validation set's version, or the file's path.
    """

    truth: dict[Pair, bool]
    name: str

    def without(self, *judges: StoredVerdictsJudge) -> dict[Pair, bool]:
        """The pairs that none of the judges was trained on, in random order of their queries.

        The order makes the pairs that fit into a budget an unbiased sample.

        Raises:
            CoreError: there are none.
        """
        trained_on = frozenset[Pair]().union(*(judge.training_pairs() for judge in judges))
        pairs = shuffled_by_query(self.truth, _ORDER_SEED)
        unseen = {pair: self.truth[pair] for pair in pairs if pair not in trained_on}
        if not unseen:
            raise CoreError(
                "There are no labelled pairs to evaluate the judge on, apart from those that it was trained on.",
                "Label the validation stream (`samesku review --stream validation`), or name a file:"
                " `samesku judge test --pairs FILE`.",
            )
        return unseen


def labelled_pairs(workspace: Workspace, settings: Settings, path: Path | None = None) -> LabelledPairs:
    """The labelled pairs of a file, or of the workspace's validation split.

    Raises:
        LabelsError: the file is no labels file.
        CatalogError: the file names an unknown product.
    """
    if path is None:
        splits = splits_of(workspace, settings)
        return LabelledPairs(splits.truth, splits.name)
    return LabelledPairs(read_named_labels(Corpus.read(workspace), path), str(path))


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """An evaluation of a judge, as stored in the workspace's reports.

    Attributes:
        at: time of the evaluation, ISO 8601 in UTC.
        judged_on: name of the labelled pairs.
        measured: the judge's metrics.
        added: the gain over the matcher; None if the judge has no calibrated probability in the bands medium and low.
    """

    at: str
    judged_on: str
    measured: JudgeMetrics
    added: Ablation | None

    @property
    def summary(self) -> str:
        """The gain over the matcher, in a sentence."""
        if self.added is None:
            return (
                "The judge's gain over the matcher is unknown: it has no calibrated probability in the bands medium and"
                " low. `samesku judge run --labelled` calibrates it."
            )
        return self.added.summary


def evaluate_judge(
    workspace: Workspace,
    settings: Settings,
    encoder: EncoderModel,
    pairs: LabelledPairs,
    run: JudgingResult,
    reporter: Reporter,
) -> JudgeReport:
    """Evaluate a run on labelled pairs, measure the gain over the matcher, and save the report.

    The matcher of the ablation is trained without these pairs.

    Raises:
        CoreError: the run has no verdicts.
    """
    if not run.verdicts:
        raise CoreError("No pair was judged.", "Raise the budget; verdicts are stored, and the next run continues.")
    at = datetime.now(UTC)
    report = JudgeReport(
        at.isoformat(timespec="seconds"), pairs.name, judge_metrics(run.judge, run.verdicts, pairs.truth),
        _measure_gain(workspace, settings, encoder, run, pairs.truth, reporter),
    )  # fmt: skip
    save(workspace.reports / f"judge-{at:%Y%m%d-%H%M%S}.json", asdict(report))
    return report


def _measure_gain(
    workspace: Workspace,
    settings: Settings,
    encoder: EncoderModel,
    run: JudgingResult,
    truth: Mapping[Pair, bool],
    reporter: Reporter,
) -> Ablation | None:
    features = CorpusFeatures(workspace, settings, Corpus.read(workspace))
    scored = score_pairs(features, encoder, list(run.verdicts), reporter, without=frozenset(truth))
    return measure_ablation(scored, run.verdicts, truth)


def latest_report(workspace: Workspace, judge: str) -> JudgeReport | None:
    """The latest readable report on a judge, or None."""
    for path in sorted(workspace.reports.glob("judge-*.json"), reverse=True)[:_MAX_REPORTS_SEARCHED]:
        with suppress(FileNotFoundError, CoreError):
            report = load(path, JudgeReport)
            if report.measured.judge == judge:
                return report
    return None


def ablation_summary(workspace: Workspace, judge: str) -> str:
    """The gain over the matcher according to the latest report on a judge, in a sentence."""
    report = latest_report(workspace, judge)
    return "The judge was not evaluated yet: run `samesku judge test`." if report is None else report.summary
