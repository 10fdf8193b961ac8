"""`samesku judge label`: weak labels by a language model."""

from dataclasses import asdict
from typing import Annotated

import typer

from core.cli.context import Context, context_of
from core.cli.judge_options import INTERRUPTED, DetachOption, judge_in_use, start_detached
from core.cli.rebuild import rebuilds_damage
from core.errors import SettingsError
from core.judge.factory import unset_model
from core.judge.labelling import LabellingEnd, Limits, label_pairs
from core.judge.model_folder import fingerprint
from core.queue.strategies import STRATEGIES
from core.splits.llm_labels import LlmLabels, load_llm_labels, save_llm_labels
from core.text.safe import safe
from labels.names import LANGUAGE_MODEL, is_language_model
from labels.wording import counted


@rebuilds_damage
def label(
    ctx: typer.Context,
    max_pairs: Annotated[int, typer.Option(min=1, help="Maximum number of pairs in all, e.g. 500.")] = 200,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of tokens in all, e.g. 1000000.", show_default=False)
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(min=0, help="Maximum cost in all, by judge.price_in and price_out, e.g. 5.", show_default=False),
    ] = None,
    judge_name: Annotated[
        str, typer.Option("--judge", metavar="NAME", help="The language model: server or mlx.")
    ] = "server",
    strategy: Annotated[str, typer.Option(help=f"Order of the pairs: {', '.join(STRATEGIES)}.")] = "mixed",
    clear: Annotated[bool, typer.Option("--clear", help="Remove all labels of this model.")] = False,
    detach: DetachOption = False,
) -> None:
    """Have a language model label pairs that the queue chooses, within limits.

    Its labels are weak labels by llm:MODEL, in llm_labels.jsonl beside the ledger. They are never a person's decision:
    no consensus, validation, audit or certificate contains them, and a person's decision on a pair replaces them. The
    matcher learns from them with the weight labels.llm_weight, a retrain if retrain.weak_labels is fill or always.

    The limits are those of all runs together: the same command continues where it stopped, and never spends twice.

    Example: samesku judge label --max-pairs 500 --max-cost 5
    """
    context = context_of(ctx)
    if strategy not in STRATEGIES:
        raise typer.BadParameter(f"There is no strategy {strategy}: choose one of {', '.join(STRATEGIES)}.")
    annotator = _annotator(context, judge_name)
    if clear:
        _clear(context, annotator)
        return
    prices = context.settings.judge
    if max_cost is not None and not (prices.price_in or prices.price_out):
        raise SettingsError(
            "The cost is unknown without prices.", "Set judge.price_in and judge.price_out, per million tokens."
        )
    if detach:
        options = {
            "--max-pairs": max_pairs, "--max-tokens": max_tokens, "--max-cost": max_cost, "--judge": judge_name,
            "--strategy": strategy,
        }  # fmt: skip
        start_detached(context, ["judge", "label"], options)
        return
    workspace, limits = context.workspace.require(), Limits(max_pairs, max_tokens, max_cost)
    with (
        context.exclusive("judge", "label"),
        judge_in_use(context, judge_name) as judge,
        context.reporter() as reporter,
    ):
        found = label_pairs(workspace, context.settings, judge, annotator, limits, STRATEGIES[strategy], reporter)
        result = {**asdict(found), "words": found.summary}
        reporter.result(result)
    context.out.print(safe(found.summary))
    context.answer(result)
    if found.end is LabellingEnd.INTERRUPTED:
        raise typer.Exit(INTERRUPTED)


def _annotator(context: Context, judge_name: str) -> str:
    """The annotator of a judge's labels.

    Raises:
        SettingsError: it is no language model, or the setting with its name is missing.
    """
    settings = context.settings.judge
    names = {"server": settings.server_model, "mlx": settings.mlx_model and fingerprint(settings.mlx_model)}
    if judge_name not in names:
        raise SettingsError(f"{judge_name} is no language model.", "Name one: --judge server, or --judge mlx.")
    if not names[judge_name]:
        raise unset_model(context.workspace.require(), judge_name)
    annotator = f"{LANGUAGE_MODEL}{names[judge_name]}"
    if not is_language_model(annotator):
        raise SettingsError(f"judge.{judge_name}_model has characters that no name may have.", "Name another model.")
    return annotator


def _clear(context: Context, annotator: str) -> None:
    """Remove an annotator's labels. What they have cost stays recorded."""
    path = context.workspace.require().llm_labels
    before = load_llm_labels(path)
    kept = {pair: each for pair, each in before.labels.items() if each.annotator != annotator}
    removed = len(before.labels) - len(kept)
    if removed:
        save_llm_labels(path, LlmLabels(kept, before.spent))
    context.out.print(safe(f"{counted(removed, 'label')} of {annotator} removed."))
    context.answer({"removed": removed, "annotator": annotator})
