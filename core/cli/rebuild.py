"""Verbs that rebuild what they find damaged, and go on."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import typer

from core.cli.context import Context, context_of
from core.errors import DamagedError
from core.jobs.progress import Reporter
from core.matching.run import bring_up_to_date
from core.retrieval.registry import Registry
from core.text.safe import safe

if TYPE_CHECKING:
    from core.matching.run import UpdateReport

Verb = TypeVar("Verb", bound=Callable[..., None])


def rebuilds_damage(verb: Verb) -> Verb:
    """A verb that, where candidates, features or matcher are damaged, says so, has them made again, and begins again.

    For verbs that only read until they are done: what they answer or write is written in the end.
    """

    @wraps(verb)
    def rebuilding(ctx: typer.Context, *args: Any, **kwargs: Any) -> None:
        try:
            verb(ctx, *args, **kwargs)
        except DamagedError as error:
            rebuild(context_of(ctx), error)
            verb(ctx, *args, **kwargs)

    return cast("Verb", rebuilding)


def rebuild(context: Context, damage: DamagedError) -> None:
    """Say what is damaged, and make index, candidates, features and matcher again.

    Raises:
        CoreError: the catalogue is damaged too, the encoder is not there, or another process indexes.
    """
    context.err.print(f"{safe(damage.message)} Indexing again.", markup=False)
    with context.exclusive("index"), context.reporter() as reporter:
        brought_up_to_date(context, reporter)


def brought_up_to_date(context: Context, reporter: Reporter) -> "UpdateReport":
    """Index, features, matcher and probabilities, by the champion.

    Raises:
        CatalogError: nothing was imported.
        ModelError: something must be encoded, and the model cannot be loaded.
    """
    workspace, settings = context.workspace, context.settings
    return bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), reporter)
