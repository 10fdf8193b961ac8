"""What a judge is worth, on labelled pairs that it was not trained on, and what it adds to the matcher."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import CoreError
from core.jobs.progress import Reporter
from core.json_store import load, save
from core.judge.interface import StoredVerdictsJudge
from core.judge.metrics import Ablation, JudgeMetrics, ablation, judge_metrics
from core.judge.run import JudgingResult
from core.matching.features.builder import CorpusFeatures
from core.matching.pair_file import read_named_labels
from core.matching.scoring import score_pairs
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import Corpus
from core.settings import Settings
from core.splits.split import splits_of
from core.stats.sampling import shuffled_by_query
from core.workspace import Workspace
from labels.model import Pair

#: Of how many reports anybody looks for the latest on a judge.
_MOST = 50
#: Of the order in which labelled pairs are judged.
_SEED = 37


@dataclass(frozen=True, slots=True)
class Known:
    """Labelled pairs to judge on, and what they are called."""

    truth: dict[Pair, bool]
    name: str

    def without(self, *judges: StoredVerdictsJudge) -> dict[Pair, bool]:
        """Those that none of the judges was trained on.

        Raises:
            CoreError: there are none.
        """
        taught = frozenset().union(*(judge.taught() for judge in judges))
        # A budget that does not reach for all is spent on a fair sample.
        found = {pair: self.truth[pair] for pair in shuffled_by_query(self.truth, _SEED) if pair not in taught}
        if not found:
            raise CoreError(
                "There are no labelled pairs to measure a judge on that it was not trained on.",
                "Label the validation stream (`samesku review --stream validation`), or name a file:"
                " `samesku judge test --pairs FILE`.",
            )
        return found


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What a judge is worth.

    Attributes:
        at: when it was measured, ISO 8601 in UTC.
        judged_on: what the pairs are called.
        measured: how right it is.
        added: what it adds to the matcher; None where it gave no probability in the bands in question.
    """

    at: str
    judged_on: str
    measured: JudgeMetrics
    added: Ablation | None

    @property
    def words(self) -> str:
        """Whether the judge adds something to the matcher, in a sentence."""
        if self.added is None:
            return "Whether the judge adds something to the matcher is unknown: it gave no probability in its bands."
        return self.added.words


def known_pairs(workspace: Workspace, settings: Settings, path: Path | None = None) -> Known:
    """The labelled pairs of a file, else of the workspace's validation side.

    Raises:
        LabelsError: the file is no labels file. CatalogError: it names an unknown product.
    """
    if path is None:
        splits = splits_of(workspace, settings)
        return Known(splits.truth, splits.name)
    return Known(read_named_labels(Corpus.read(workspace), path), str(path))


def judge_report(
    workspace: Workspace,
    settings: Settings,
    encoder: EncoderModel,
    known: Known,
    run: JudgingResult,
    reporter: Reporter,
) -> JudgeReport:
    """Hold a run on labelled pairs against their labels, and measure what it adds to the matcher; kept as a report.

    The matcher has not learnt from these pairs either.

    Raises:
        CoreError: nothing was judged.
    """
    if not run.verdicts:
        raise CoreError("No pair was judged.", "Give it a larger budget; what is judged once is kept.")
    truth = known.truth
    at = datetime.now(UTC)
    report = JudgeReport(
        at.isoformat(timespec="seconds"), known.name, judge_metrics(run.judge, run.verdicts, truth),
        _added(workspace, settings, encoder, run, truth, reporter),
    )  # fmt: skip
    save(workspace.reports / f"judge-{at:%Y%m%d-%H%M%S}.json", asdict(report))
    return report


def latest_report(workspace: Workspace, judge: str) -> JudgeReport | None:
    """The latest report on a judge; None where there is none that can be read."""
    for path in sorted(workspace.reports.glob("judge-*.json"), reverse=True)[:_MOST]:
        with suppress(FileNotFoundError, CoreError):
            report = load(path, JudgeReport)
            if report.measured.judge == judge:
                return report
    return None


def ablation_of(workspace: Workspace, judge: str) -> str:
    """What a judge is worth by the latest report on it, in a sentence."""
    report = latest_report(workspace, judge)
    return "The judge was not measured yet: `samesku judge test` does that." if report is None else report.words


def _added(
    workspace: Workspace,
    settings: Settings,
    encoder: EncoderModel,
    run: JudgingResult,
    truth: Mapping[Pair, bool],
    reporter: Reporter,
) -> Ablation | None:
    pairs = list(run.verdicts)
    corpus_features = CorpusFeatures(workspace, settings, Corpus.read(workspace))
    matched = score_pairs(corpus_features, encoder, pairs, reporter, without=frozenset(truth))
    return ablation(matched, run.verdicts, truth)
