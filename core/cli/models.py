"""`samesku models`: the encoders of a workspace."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.rebuild import brought_up_to_date, rebuilds_damage
from core.cli.tables import changes, moves
from core.evaluation.encoder_comparison import compare_encoders
from core.permissions import require_lead
from core.retrieval.registry import Registry
from labels.wording import counted

app = typer.Typer(help="The encoders: list, show, compare, promote, roll back.", no_args_is_help=True)


@app.command("list")
def list_models(ctx: typer.Context) -> None:
    """All trained encoders; the champion is marked."""
    context = context_of(ctx)
    registry = Registry(context.workspace.require(), context.settings)
    champion, cards = registry.champion_id(), registry.cards()
    table = Table(box=None, pad_edge=False)
    for heading in ("", "model", "created", "triplets", "hit@1", "mrr@10", "judged on"):
        figures = heading in {"triplets", "hit@1", "mrr@10"}
        # An id is there to be copied; the others fold where the screen is narrow.
        table.add_column(
            heading, justify="right" if figures else "left", overflow="fold", no_wrap=figures or heading == "model"
        )
    for card in cards:
        table.add_row(
            "●" if card.id == champion else "", card.id, card.created_at, str(card.trained_on.get("triplets", "")),
            *(f"{card.metrics[name]:.3f}" if name in card.metrics else "" for name in ("hit@1", "mrr@10")),
            card.judged_on,
        )  # fmt: skip
    context.out.print(table if cards else "Only the base encoder so far; `samesku retrain` makes another.")
    context.answer({"champion": champion, "models": [asdict(card) for card in cards]})


@app.command("show")
def show(ctx: typer.Context, model: Annotated[str, typer.Argument(help="A model's id.")]) -> None:
    """Everything known of one encoder."""
    context = context_of(ctx)
    facts = asdict(Registry(context.workspace.require(), context.settings).card(model))
    for name, value in facts.items():
        # Of each file a digest, for programs; people are told how many.
        context.out.print(f"{name}: {counted(len(value), 'file') if name == 'parts' else value}")
    context.answer(facts)


@app.command("compare")
@rebuilds_damage
def compare(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(help="A model's id, such as the champion's.")],
    after: Annotated[str, typer.Argument(help="The id of the model to hold against it.")],
) -> None:
    """Two encoders query by query: where each puts the known matches of the validation set.

    What comes out is kept among the workspace's reports; the desk shows it.

    Example: samesku models compare all-MiniLM-L6-v2-53aa5117 lora-20260101-120000-ab12
    """
    context = context_of(ctx)
    with context.reporter() as reporter:
        found = compare_encoders(context.workspace.require(), context.settings, before, after, reporter)
        counts = {name: found.counts(name) for name in found.rankings}
        reporter.result({"before": before, "after": after, "judged_on": found.judged_on, "counts": counts})
    context.out.print(
        f"{counted(len(found.queries), 'query', 'queries')} with a known match ({found.judged_on}): {before} → {after}"
    )
    context.out.print(changes(found))
    context.out.print(moves(found, found.rankings[0]))
    context.answer({**asdict(found), "counts": counts})


@app.command("promote")
def promote(ctx: typer.Context, model: Annotated[str, typer.Argument(help="A model's id.")]) -> None:
    """Put an encoder in use, and index again.

    The one that is in use already stays; only what had changed is indexed.
    """
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads put another encoder in use.")
    registry = Registry(context.workspace.require(), context.settings)
    with context.exclusive("models", "promote", model):
        if not registry.promote(model, f"by {context.annotator}"):
            context.out.print(f"{model} was the champion already.")
        _index(context, model)


@app.command("rollback")
def rollback(ctx: typer.Context) -> None:
    """Go back to the last encoder before that is another one, and index again; once more goes further back."""
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads put another encoder in use.")
    registry = Registry(context.workspace.require(), context.settings)
    with context.exclusive("models", "rollback"):
        _index(context, registry.rollback())


def _index(context: Context, model: str) -> None:
    with context.reporter() as reporter:
        brought_up_to_date(context, reporter)
        reporter.result({"model": model})
    context.out.print(f"{model} is the champion.")
    context.answer({"champion": model})
