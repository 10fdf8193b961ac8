"""The judge that the settings ask for."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import tee
from typing import Literal

from core.errors import SettingsError
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated import CalibratedJudge
from core.judge.calibration import Calibration, calibration_path
from core.judge.completion import LanguageModel
from core.judge.cross_encoder import CrossEncoderJudge, check_cross_encoder, cross_encoder_folder
from core.judge.interface import Judge, StoredVerdictsJudge
from core.judge.mlx import MlxJudge
from core.judge.mlx_model import check_here
from core.judge.openai_server.judge import ServerJudge
from core.judge.pair_context import PairContext
from core.judge.verdict import Answer, Verdict, consistent
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair


def make_judge(workspace: Workspace, settings: Settings, *names: str) -> StoredVerdictsJudge:
    """The judge in use, with its memory and its calibration; several are one.

    Args:
        workspace: where its memory is.
        settings: which judges are in use, and what each of them needs.
        names: which ones in their place: `cross-encoder`, `mlx`, `mlx-base` (without its adapter), `server`.

    Raises:
        SettingsError: none is configured, or something that it needs is not set.
    """
    judges = make_judges(workspace, settings, *names)
    return judges[0] if len(judges) == 1 else Ensemble(judges, settings.judge.combine)


def make_judges(workspace: Workspace, settings: Settings, *names: str) -> Sequence[CalibratedJudge]:
    """The same one by one.

    Raises:
        SettingsError: as `judge_of`.
    """
    chosen = names or settings.judge.use
    if not chosen:
        raise SettingsError(
            "No judge is configured.",
            "After `samesku judge train --cross-encoder`, write in samesku.toml a line [judge], and below it"
            ' use = ["cross-encoder"]',
        )
    for name in chosen:
        if name not in _MADE:
            raise SettingsError(f"There is no judge {name}.", f"There is {', '.join(_MADE)}.")
    return [_with_memory(workspace, _MADE[name](workspace, settings)) for name in chosen]


def make_language_model(workspace: Workspace, settings: Settings) -> LanguageModel:
    """The language model among the judges in use, to be asked in words.

    Raises:
        SettingsError: there is none.
    """
    for name in settings.judge.use:
        if isinstance(judge := _MADE[name](workspace, settings), LanguageModel):
            return judge
    raise SettingsError(
        "No language model is configured.",
        'A cross-encoder reads pairs alone; judge.use = ["mlx"] or ["server"] names one.',
    )


def check_judge_files(workspace: Workspace, settings: Settings) -> None:
    """Check the files of the judges in use, as far as they are on this machine; nothing is loaded.

    Raises:
        ModelError: a file asks for something that is never done, or is damaged.
    """
    if "cross-encoder" in settings.judge.use:
        check_cross_encoder(workspace)
    if "mlx" in settings.judge.use:
        check_here(settings.judge.mlx_model, settings.judge.mlx_adapter)


def _with_memory(workspace: Workspace, judge: Judge) -> CalibratedJudge:
    return CalibratedJudge(
        CachingJudge(judge, VerdictCache(workspace.derived)), calibration_path(workspace, judge.name)
    )


def _cross_encoder(workspace: Workspace, _: Settings) -> Judge:

    return CrossEncoderJudge(cross_encoder_folder(workspace))


def _mlx(_: Workspace, settings: Settings) -> Judge:
    return _mlx_with(settings, settings.judge.mlx_adapter)


def _mlx_base(_: Workspace, settings: Settings) -> Judge:
    return _mlx_with(settings, "")


def _mlx_with(settings: Settings, adapter: str) -> Judge:

    judge = settings.judge
    if not judge.mlx_model:
        raise SettingsError("judge.mlx_model is not set.", "Name a folder, or a model on the hub that mlx-lm can load.")
    return MlxJudge(judge.mlx_model, adapter, mode=judge.mode, max_tokens=judge.max_tokens)


def _server(_: Workspace, settings: Settings) -> Judge:

    if not settings.judge.server_model:
        raise SettingsError("judge.server_model is not set.", "Name the model as the server calls it.")
    return ServerJudge(settings.judge)


_MADE: dict[str, Callable[[Workspace, Settings], Judge]] = {
    "cross-encoder": _cross_encoder,
    "mlx": _mlx,
    "mlx-base": _mlx_base,
    "server": _server,
}


#: Between what two of them say.
_BETWEEN = "\n\n"


class Ensemble:
    """Asks all, and says what they add up to: the mean of their probabilities, or the answer of most of them.

    A judge that gives no verdict on a case is left out there; where none gives one, neither does the ensemble, and
    where a vote is even, the mean decides. Where most say one thing and the mean another, there is no verdict either.
    """

    def __init__(self, judges: Sequence[StoredVerdictsJudge], combine: Literal["mean", "vote"]) -> None:
        self._judges = judges
        self._combine = combine

    @property
    def name(self) -> str:
        """All of them, and how they are combined."""
        return f"{self._combine}({', '.join(judge.name for judge in self._judges)})"

    def known(self, case: PairContext) -> Verdict | None:
        """What they add up to where all have spoken of this before."""
        said = [judge.known(case) for judge in self._judges]
        known = [verdict for verdict in said if verdict is not None]
        return self._added_up(known) if len(known) == len(said) else None

    def latest(self) -> dict[Pair, Verdict]:
        """What they add up to on every pair of which all have spoken."""
        said = [judge.latest() for judge in self._judges]
        common = set(said[0]).intersection(*said[1:])
        return {pair: self._added_up([each[pair] for each in said]) for pair in common}

    def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
        """One verdict for each case."""
        asked = zip(self._judges, tee(cases, len(self._judges)), strict=True)
        for said in zip(*(judge.verdicts(each) for judge, each in asked), strict=True):
            yield self._added_up(said)

    def stream(self, case: PairContext) -> Generator[str, None, Verdict]:
        """The reasoning of one after the other, and in the end what they add up to."""
        said = []
        for place, judge in enumerate(self._judges):
            yield f"{_BETWEEN if place else ''}{judge.name}:\n"
            said.append((yield from judge.stream(case)))
        return self._added_up(said)

    def taught(self) -> frozenset[Pair]:
        """What any of them was trained on."""
        return frozenset().union(*(judge.taught() for judge in self._judges))

    def calibrate(self, workspace: Workspace, settings: Settings) -> list[Calibration]:
        """Fit the calibration of each of them anew."""
        return [fitted for judge in self._judges for fitted in judge.calibrate(workspace, settings)]

    def close(self) -> None:
        """Let go of all."""
        for judge in self._judges:
            judge.close()

    def _added_up(self, said: Sequence[Verdict]) -> Verdict:
        known = [verdict.probability for verdict in said if verdict.probability is not None]
        probability = sum(known) / len(known) if known else None
        votes = [verdict.answer for verdict in said if verdict.answer is not None]
        lead = votes.count(Answer.MATCH) - votes.count(Answer.NO_MATCH)
        if self._combine == "vote" and lead:
            answer: Answer | None = Answer.MATCH if lead > 0 else Answer.NO_MATCH
        elif probability is not None:
            answer = Answer.MATCH if probability >= 0.5 else Answer.NO_MATCH
        else:
            answer = None
        reasoning = _BETWEEN.join(f"{verdict.judge}:\n{verdict.reasoning}" for verdict in said if verdict.reasoning)
        return consistent(
            Verdict(
                answer, probability, None, reasoning, self.name, sum(verdict.seconds for verdict in said),
                sum(verdict.tokens_in for verdict in said), sum(verdict.tokens_out for verdict in said),
            )
        )  # fmt: skip
