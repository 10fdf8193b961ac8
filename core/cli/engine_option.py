"""The option `--engine` of the commands whose work Ray can spread."""

from typing import Annotated, Literal

import typer

from core.cli.context import Context
from core.ray_cluster import require_ray

EngineOption = Annotated[
    Literal["local", "ray"] | None,
    typer.Option(
        help="Where to compute: in this process, or by workers of Ray (extra `ray`).",
        show_default="cluster.engine",
    ),
]


def use_engine(context: Context, engine: str | None) -> None:
    """Take the engine of the option for the rest of the command; without it, that of the settings.

    Raises:
        CoreError: Ray is asked for, and not installed.
    """
    if engine is not None:
        context.override([f"cluster.engine={engine}"])
    if context.settings.cluster.engine == "ray":
        require_ray()
