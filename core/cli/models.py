"""`samesku models`: the encoders of a workspace."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.rights import require_lead

app = typer.Typer(help="The encoders: list, show, promote, roll back.", no_args_is_help=True)


@app.command("list")
def list_models(ctx: typer.Context) -> None:
    """All trained encoders; the champion is marked."""
    from core.registry.registry import Registry  # noqa: PLC0415

    context = context_of(ctx)
    registry = Registry(context.workspace.require(), context.settings)
    champion, cards = registry.champion_id(), registry.cards()
    table = Table(box=None, pad_edge=False)
    for heading in ("", "model", "created", "triplets", "hit@1", "mrr@10"):
        table.add_column(heading, justify="right" if heading in {"triplets", "hit@1", "mrr@10"} else "left")
    for card in cards:
        table.add_row(
            "●" if card.id == champion else "", card.id, card.created_at, str(card.trained_on.get("triplets", "")),
            *(f"{card.metrics[name]:.3f}" if name in card.metrics else "" for name in ("hit@1", "mrr@10")),
        )  # fmt: skip
    context.out.print(table if cards else "Only the base encoder so far; `samesku retrain` makes another.")
    context.answer({"champion": champion, "models": [asdict(card) for card in cards]})


@app.command("show")
def show(ctx: typer.Context, model: Annotated[str, typer.Argument(help="A model's id.")]) -> None:
    """Everything known of one encoder."""
    from core.registry.registry import Registry  # noqa: PLC0415

    context = context_of(ctx)
    facts = asdict(Registry(context.workspace.require(), context.settings).card(model))
    for name, value in facts.items():
        context.out.print(f"{name}: {value}")
    context.answer(facts)


@app.command("promote")
def promote(ctx: typer.Context, model: Annotated[str, typer.Argument(help="A model's id.")]) -> None:
    """Put an encoder in use, and index again."""
    from core.registry.registry import Registry  # noqa: PLC0415

    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads put another encoder in use.")
    Registry(context.workspace.require(), context.settings).promote(model, f"by {context.annotator}")
    _index(context, model)


@app.command("rollback")
def rollback(ctx: typer.Context) -> None:
    """Go back to the encoder before, and index again."""
    from core.registry.registry import Registry  # noqa: PLC0415

    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads put another encoder in use.")
    _index(context, Registry(context.workspace.require(), context.settings).rollback())


def _index(context: Context, model: str) -> None:
    from core.match.run import bring_up_to_date  # noqa: PLC0415
    from core.registry.registry import Registry  # noqa: PLC0415

    with context.reporter() as reporter:
        champion = Registry(context.workspace, context.settings).champion()
        bring_up_to_date(context.workspace, context.settings, champion, reporter)
    context.out.print(f"{model} is the champion.")
    context.answer({"champion": model})
