"""Constructs the configured judges, wrapped in cache and calibration, and combines several into an ensemble."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import tee
from typing import Literal

from core.errors import SettingsError
from core.judge.backend import choose_backend
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.calibration import Calibration, calibration_path
from core.judge.completion import LanguageModel
from core.judge.cross_encoder import CrossEncoderJudge, check_cross_encoder, cross_encoder_folder
from core.judge.interface import Judge, StoredVerdictsJudge
from core.judge.mlx import MlxJudge
from core.judge.model_folder import check_local_files
from core.judge.openai_server.judge import ServerJudge
from core.judge.pair_context import PairContext
from core.judge.torch_judge import TorchJudge
from core.judge.verdict import Answer, Verdict, reject_contradiction
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair


def make_judge(workspace: Workspace, settings: Settings, *names: str) -> StoredVerdictsJudge:
    """The configured judge with cache and calibration; several judges become an ensemble.

    Args:
        workspace: holds the cache and the calibrations.
        settings: the configured judges and their parameters.
        names: use these judges instead: `cross-encoder`, `mlx`, `mlx-base` (without its adapter), `server`.

    Raises:
        SettingsError: no judge is configured, or a setting that it needs is missing.
    """
    judges = make_judges(workspace, settings, *names)
    return judges[0] if len(judges) == 1 else Ensemble(judges, settings.judge.combine)


def make_judges(workspace: Workspace, settings: Settings, *names: str) -> Sequence[CalibratedJudge]:
    """The judges of `make_judge`, one by one.

    Raises:
        SettingsError: as `make_judge`.
    """
    selected = names or settings.judge.use
    if not selected:
        raise SettingsError(
            "No judge is configured.",
            "After `samesku judge train --cross-encoder`, write in samesku.toml a line [judge], and below it"
            ' use = ["cross-encoder"]',
        )
    for name in selected:
        if name not in JUDGE_FACTORIES:
            raise SettingsError(f"There is no judge {name}.", f"Choose one of {', '.join(JUDGE_FACTORIES)}.")
    return [_with_cache_and_calibration(workspace, JUDGE_FACTORIES[name](workspace, settings)) for name in selected]


def make_language_model(workspace: Workspace, settings: Settings) -> LanguageModel:
    """The first language model among the configured judges.

    Raises:
        SettingsError: there is none.
    """
    for name in settings.judge.use:
        if isinstance(judge := JUDGE_FACTORIES[name](workspace, settings), LanguageModel):
            return judge
    raise SettingsError(
        "No language model is configured.",
        'A cross-encoder reads pairs alone; judge.use = ["mlx"] or ["server"] names one.',
    )


def check_judge_files(workspace: Workspace, settings: Settings) -> None:
    """Check the files of the configured judges that are on this machine, without loading a model.

    Raises:
        ModelError: a file is damaged, or requires something unsafe such as running code from the model's folder.
    """
    if "cross-encoder" in settings.judge.use:
        check_cross_encoder(workspace)
    if "mlx" in settings.judge.use:
        check_local_files(settings.judge.mlx_model, settings.judge.mlx_adapter)


def _with_cache_and_calibration(workspace: Workspace, judge: Judge) -> CalibratedJudge:
    return CalibratedJudge(
        CachingJudge(judge, VerdictCache(workspace.derived)), calibration_path(workspace, judge.name)
    )


def _make_cross_encoder(workspace: Workspace, _: Settings) -> Judge:
    return CrossEncoderJudge(cross_encoder_folder(workspace))


def _make_mlx(workspace: Workspace, settings: Settings) -> Judge:
    return _mlx_judge(workspace, settings, settings.judge.mlx_adapter)


def _make_mlx_base(workspace: Workspace, settings: Settings) -> Judge:
    return _mlx_judge(workspace, settings, "")


#: What a language model is named by, by the judge's name.
_MODEL_NAMES = {
    "server": "the model as the server calls it",
    "mlx": "a folder, or a model on the hub that mlx-lm or transformers can load",
}


def unset_model(workspace: Workspace, name: str) -> SettingsError:
    """The error for a language model, `server` or `mlx`, whose setting is missing."""
    return SettingsError(
        f"judge.{name}_model is not set.",
        f'Name {_MODEL_NAMES[name]} in {workspace.settings}, in the section [judge]: {name}_model = "NAME"',
    )


def _mlx_judge(workspace: Workspace, settings: Settings, adapter: str) -> Judge:
    judge = settings.judge
    if not judge.mlx_model:
        raise unset_model(workspace, "mlx")
    judge_class = MlxJudge if choose_backend(judge.mlx_model, judge.backend) == "mlx" else TorchJudge
    return judge_class(judge.mlx_model, adapter, mode=judge.mode, max_tokens=judge.max_tokens)


def _make_server(workspace: Workspace, settings: Settings) -> Judge:
    if not settings.judge.server_model:
        raise unset_model(workspace, "server")
    return ServerJudge(settings.judge)


#: The judges by their names in `judge.use`.
JUDGE_FACTORIES: dict[str, Callable[[Workspace, Settings], Judge]] = {
    "cross-encoder": _make_cross_encoder,
    "mlx": _make_mlx,
    "mlx-base": _make_mlx_base,
    "server": _make_server,
}


#: Separates the reasonings of two judges.
_SEPARATOR = "\n\n"


class Ensemble:
    """Combines several judges by the mean of their probabilities or by majority vote.

    A judge without a verdict on a pair is left out for that pair, and one without a calibration of the mean. A tied
    vote is decided by the mean, and without any calibrated judge the majority decides. If the vote and
    the mean contradict each other, the ensemble gives no answer.
    """

    def __init__(self, judges: Sequence[StoredVerdictsJudge], combine: Literal["mean", "vote"]) -> None:
        self._judges = judges
        self._combine = combine

    @property
    def name(self) -> str:
        """The method and the judges."""
        return f"{self._combine}({', '.join(judge.name for judge in self._judges)})"

    def lookup(self, context: PairContext) -> Verdict | None:
        """The combined verdict if every judge has a cached one, else None."""
        verdicts = [verdict for judge in self._judges if (verdict := judge.lookup(context)) is not None]
        return self._combined(verdicts) if len(verdicts) == len(self._judges) else None

    def latest_verdicts(self) -> dict[Pair, Verdict]:
        """The combined verdict on every pair on which every judge has one."""
        by_judge = [judge.latest_verdicts() for judge in self._judges]
        common = set(by_judge[0]).intersection(*by_judge[1:])
        return {pair: self._combined([verdicts[pair] for verdicts in by_judge]) for pair in common}

    def verdicts(self, contexts: Iterable[PairContext]) -> Iterator[Verdict]:
        """Yield one combined verdict per pair, in input order."""
        inputs = zip(self._judges, tee(contexts, len(self._judges)), strict=True)
        for verdicts in zip(*(judge.verdicts(copy) for judge, copy in inputs), strict=True):
            yield self._combined(verdicts)

    def stream(self, context: PairContext) -> Generator[str, None, Verdict]:
        """Stream the reasonings one after the other; return the combined verdict."""
        verdicts = []
        for index, judge in enumerate(self._judges):
            yield f"{_SEPARATOR if index else ''}{judge.name}:\n"
            verdicts.append((yield from judge.stream(context)))
        return self._combined(verdicts)

    def training_pairs(self) -> frozenset[Pair]:
        """The pairs that any of the judges was trained on."""
        return frozenset().union(*(judge.training_pairs() for judge in self._judges))

    def calibrate(self, workspace: Workspace, settings: Settings) -> list[Calibration]:
        """Refit the calibration of each judge."""
        return [fitted for judge in self._judges for fitted in judge.calibrate(workspace, settings)]

    def close(self) -> None:
        """Release all judges."""
        for judge in self._judges:
            judge.close()

    def _combined(self, verdicts: Sequence[Verdict]) -> Verdict:
        probabilities = [verdict.probability for verdict in verdicts if verdict.probability is not None]
        mean = sum(probabilities) / len(probabilities) if probabilities else None
        reasonings = [f"{verdict.judge}:\n{verdict.reasoning}" for verdict in verdicts if verdict.reasoning]
        return reject_contradiction(
            Verdict(
                self._answer(verdicts, mean), mean, None, _SEPARATOR.join(reasonings), self.name,
                sum(verdict.seconds for verdict in verdicts), sum(verdict.tokens_in for verdict in verdicts),
                sum(verdict.tokens_out for verdict in verdicts),
                failed=all(verdict.failed for verdict in verdicts),
            )
        )  # fmt: skip

    def _answer(self, verdicts: Sequence[Verdict], mean: float | None) -> Answer | None:
        answers = [verdict.answer for verdict in verdicts]
        majority = answers.count(Answer.MATCH) - answers.count(Answer.NO_MATCH)
        if majority and (self._combine == "vote" or mean is None):
            return Answer.MATCH if majority > 0 else Answer.NO_MATCH
        if mean is not None:
            return Answer.MATCH if mean >= 0.5 else Answer.NO_MATCH
        return None
