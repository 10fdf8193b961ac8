"""The judge that the settings ask for."""

from collections.abc import Callable

from core.errors import SettingsError
from core.judge.judge import Judge
from core.settings import Settings
from core.workspace import Workspace


def judge_of(workspace: Workspace, settings: Settings) -> Judge:
    """The judge in use; several are one.

    Raises:
        SettingsError: none is configured, or something that it needs is not set.
    """
    from core.judge.ensemble import Ensemble  # noqa: PLC0415

    judges = [_MADE[kind](workspace, settings) for kind in settings.judge.use]
    if not judges:
        raise SettingsError(
            "No judge is configured.",
            'For example judge.use = ["cross-encoder"] in samesku.toml, after `samesku judge train --cross-encoder`.',
        )
    return judges[0] if len(judges) == 1 else Ensemble(judges, settings.judge.combine)


def _cross_encoder(workspace: Workspace, _: Settings) -> Judge:
    from core.judge.cross_encoder import CrossEncoderJudge, cross_encoder_folder  # noqa: PLC0415

    return CrossEncoderJudge(cross_encoder_folder(workspace))


def _mlx(_: Workspace, settings: Settings) -> Judge:
    from core.judge.mlx import MlxJudge  # noqa: PLC0415

    judge = settings.judge
    if not judge.mlx_model:
        raise SettingsError("judge.mlx_model is not set.", "Name a folder, or a model on the hub that mlx-lm can load.")
    return MlxJudge(judge.mlx_model, judge.mlx_adapter, mode=judge.mode, max_tokens=judge.max_tokens)


def _server(_: Workspace, settings: Settings) -> Judge:
    from core.judge.server import ServerJudge  # noqa: PLC0415

    if not settings.judge.server_model:
        raise SettingsError("judge.server_model is not set.", "Name the model as the server calls it.")
    return ServerJudge(settings.judge)


_MADE: dict[str, Callable[[Workspace, Settings], Judge]] = {
    "cross-encoder": _cross_encoder,
    "mlx": _mlx,
    "server": _server,
}
