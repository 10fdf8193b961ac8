"""Automatic rebuild of damaged derived data: index, candidates, features and matcher."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import typer

from core.cli.context import Context, context_of
from core.errors import DamagedError
from core.jobs.progress import Reporter
from core.retrieval.encoder_registry import Registry
from core.text.safe import safe

if TYPE_CHECKING:
    from core.matching.run import UpdateReport

Verb = TypeVar("Verb", bound=Callable[..., None])


def rebuilds_damage(verb: Verb) -> Verb:
    """Decorate a verb: on damaged derived data, rebuild it and run the verb again.

    Only for verbs that write nothing before they have read all their input.
    """

    @wraps(verb)
    def wrapper(ctx: typer.Context, *args: Any, **kwargs: Any) -> None:
        try:
            verb(ctx, *args, **kwargs)
        except DamagedError as error:
            rebuild(context_of(ctx), error)
            verb(ctx, *args, **kwargs)

    return cast("Verb", wrapper)


def rebuild(context: Context, damage: DamagedError) -> None:
    """Report the damage, and rebuild index, candidates, features and matcher.

    Raises:
        CoreError: the catalogue is damaged too, the encoder is missing, or another process is indexing.
    """
    context.err.print(f"{safe(damage.message)} Indexing again.", markup=False)
    with context.exclusive("index"), context.reporter() as reporter:
        update_index(context, reporter)


def update_index(context: Context, reporter: Reporter, *, rebuild: bool = False) -> "UpdateReport":
    """Bring index, features, matcher and probabilities up to date with the champion; with `rebuild` from scratch.

    Raises:
        CatalogError: nothing was imported.
        ModelError: texts must be encoded, and the model cannot be loaded.
    """
    # With numpy and scipy, which most of the verbs that use this module need after damage only.
    from core.matching.run import bring_up_to_date  # noqa: PLC0415

    workspace, settings = context.workspace, context.settings
    return bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), reporter, rebuild=rebuild)
