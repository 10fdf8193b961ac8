"""`samesku models`: list, compare and promote the encoders of a workspace."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.rebuild import rebuilds_damage, update_index
from core.cli.tables import changes, moves
from core.errors import ModelError
from core.evaluation.encoder_comparison import compare_encoders
from core.permissions import require_lead
from core.retrieval.encoder_registry import Registry
from labels.wording import counted, evaluation_set

app = typer.Typer(help="The encoders: list, show, compare, promote, roll back.", no_args_is_help=True)


@app.command("list")
def list_models(ctx: typer.Context) -> None:
    """List all trained encoders, with the champion marked.

    Example: samesku models list
    """
    context = context_of(ctx)
    registry = Registry(context.workspace.require(), context.settings)
    champion, cards = registry.champion_id(), registry.cards()
    table = Table(box=None, pad_edge=False)
    for heading in ("", "model", "created", "triplets", "hit@1", "mrr@10", "evaluated on"):
        numeric = heading in {"triplets", "hit@1", "mrr@10"}
        # Ids are not folded, so that they can be copied.
        table.add_column(
            heading, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric or heading == "model"
        )
    for card in cards:
        table.add_row(
            "●" if card.id == champion else "", card.id, card.created_at, str(card.trained_on.get("triplets", "")),
            *(f"{card.metrics[name]:.3f}" if name in card.metrics else "" for name in ("hit@1", "mrr@10")),
            evaluation_set(card.judged_on),
        )  # fmt: skip
    context.out.print(table if cards else "Only the base encoder so far; `samesku retrain` trains another.")
    context.answer({"champion": champion, "models": [asdict(card) for card in cards]})


@app.command("show")
def show(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="Id of an encoder, as listed by `samesku models list`.")],
) -> None:
    """Print the model card of an encoder.

    Example: samesku models show lora-20260101-120000-ab12
    """
    context = context_of(ctx)
    facts = asdict(Registry(context.workspace.require(), context.settings).card(model))
    for name, value in facts.items():
        context.out.print(f"{name.replace('_', ' ')}: {_fact_text(name, value)}")
    context.answer(facts)


def _fact_text(name: str, value: object) -> str:
    """A fact of a model card in words."""
    if name == "parts" and isinstance(value, dict):
        return counted(len(value), "file")  # with a digest each, which only --json has
    if name == "judged_on":
        return evaluation_set(str(value))
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_number_text(each)}" for key, each in value.items())
    return str(value)


def _number_text(value: object) -> str:
    if isinstance(value, tuple | list):
        return " to ".join(map(_number_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@app.command("compare")
@rebuilds_damage
def compare(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(help="Id of an encoder, such as the champion.")],
    after: Annotated[str, typer.Argument(help="Id of the encoder to compare with it.")],
) -> None:
    """Compare two encoders query by query: the ranks of the known matches of the validation set.

    The comparison is saved among the reports of the workspace, and shown at the desk.

    Example: samesku models compare all-MiniLM-L6-v2-53aa5117 lora-20260101-120000-ab12
    """
    context = context_of(ctx)
    with context.reporter() as reporter:
        found = compare_encoders(context.workspace.require(), context.settings, before, after, reporter)
        counts = {name: found.counts(name) for name in found.rankings}
        reporter.result({"before": before, "after": after, "judged_on": found.judged_on, "counts": counts})
    context.out.print(
        f"{counted(len(found.queries), 'query', 'queries')} with a known match"
        f" ({evaluation_set(found.judged_on)}): {before} → {after}"
    )
    context.out.print(changes(found))
    context.out.print(moves(found, found.rankings[0]))
    context.answer({**asdict(found), "counts": counts})


@app.command("promote")
def promote(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="Id of an encoder, as listed by `samesku models list`.")],
    force: Annotated[
        bool, typer.Option("--force", help="Promote an encoder that was not better when it was trained; recorded.")
    ] = False,
) -> None:
    """Make an encoder the champion, and index again.

    If it is the champion already, only changes are indexed.

    Example: samesku models promote lora-20260101-120000-ab12
    """
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads promote encoders.")
    registry = Registry(context.workspace.require(), context.settings)
    rejection = registry.rejection(model)
    if rejection and not force:
        raise ModelError(
            f"{model} was not promoted after its training. {rejection}",
            f"`samesku models promote {model} --force` promotes it all the same, and records that.",
        )
    with context.exclusive("models", "promote", model):
        if not registry.promote(model, f"by {context.annotator}{', forced' if rejection else ''}"):
            context.out.print(f"{model} was the champion already.")
        _index(context, model)


@app.command("rollback")
def rollback(ctx: typer.Context) -> None:
    """Make the previous champion the champion again, and index. A second rollback goes one further back.

    Example: samesku models rollback
    """
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads promote encoders.")
    registry = Registry(context.workspace.require(), context.settings)
    with context.exclusive("models", "rollback"):
        _index(context, registry.rollback())


def _index(context: Context, model: str) -> None:
    with context.reporter() as reporter:
        update_index(context, reporter)
        reporter.result({"model": model})
    context.out.print(f"{model} is the champion.")
    context.answer({"champion": model})
