"""The option `--engine` of the commands whose work Ray can spread."""

from typing import Annotated, Literal

import typer

EngineOption = Annotated[
    Literal["local", "ray"] | None,
    typer.Option(
        help="Where to compute: in this process, or by workers of Ray (extra `ray`).",
        show_default="cluster.engine",
    ),
]
