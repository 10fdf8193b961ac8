"""The judge that the settings ask for."""

from collections.abc import Callable, Sequence

from core.errors import SettingsError
from core.judge.cache import VerdictCache
from core.judge.calibrated import Calibrated
from core.judge.calibration import calibration_path
from core.judge.judge import Judge, RememberingJudge
from core.judge.remembered import Remembered
from core.judge.said import LanguageModel
from core.settings import Settings
from core.workspace import Workspace


def judge_of(workspace: Workspace, settings: Settings, *names: str) -> RememberingJudge:
    """The judge in use, with its memory and its calibration; several are one.

    Args:
        workspace: where its memory is.
        settings: which judges are in use, and what each of them needs.
        names: which ones in their place: `cross-encoder`, `mlx`, `mlx-base` (without its adapter), `server`.

    Raises:
        SettingsError: none is configured, or something that it needs is not set.
    """
    from core.judge.ensemble import Ensemble  # noqa: PLC0415

    judges = judges_of(workspace, settings, *names)
    return judges[0] if len(judges) == 1 else Ensemble(judges, settings.judge.combine)


def judges_of(workspace: Workspace, settings: Settings, *names: str) -> Sequence[Calibrated]:
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


def language_model_of(workspace: Workspace, settings: Settings) -> LanguageModel:
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
        from core.judge.cross_encoder import check_cross_encoder  # noqa: PLC0415

        check_cross_encoder(workspace)
    if "mlx" in settings.judge.use:
        from core.judge.local_files import check_here  # noqa: PLC0415

        check_here(settings.judge.mlx_model, settings.judge.mlx_adapter)


def _with_memory(workspace: Workspace, judge: Judge) -> Calibrated:
    return Calibrated(Remembered(judge, VerdictCache(workspace.derived)), calibration_path(workspace, judge.name))


def _cross_encoder(workspace: Workspace, _: Settings) -> Judge:
    from core.judge.cross_encoder import CrossEncoderJudge, cross_encoder_folder  # noqa: PLC0415

    return CrossEncoderJudge(cross_encoder_folder(workspace))


def _mlx(_: Workspace, settings: Settings) -> Judge:
    return _mlx_with(settings, settings.judge.mlx_adapter)


def _mlx_base(_: Workspace, settings: Settings) -> Judge:
    return _mlx_with(settings, "")


def _mlx_with(settings: Settings, adapter: str) -> Judge:
    from core.judge.mlx import MlxJudge  # noqa: PLC0415

    judge = settings.judge
    if not judge.mlx_model:
        raise SettingsError("judge.mlx_model is not set.", "Name a folder, or a model on the hub that mlx-lm can load.")
    return MlxJudge(judge.mlx_model, adapter, mode=judge.mode, max_tokens=judge.max_tokens)


def _server(_: Workspace, settings: Settings) -> Judge:
    from core.judge.server import ServerJudge  # noqa: PLC0415

    if not settings.judge.server_model:
        raise SettingsError("judge.server_model is not set.", "Name the model as the server calls it.")
    return ServerJudge(settings.judge)


_MADE: dict[str, Callable[[Workspace, Settings], Judge]] = {
    "cross-encoder": _cross_encoder,
    "mlx": _mlx,
    "mlx-base": _mlx_base,
    "server": _server,
}
