"""`samesku judge choose`: listwise choice among all candidates of a query by a language model."""

from typing import Annotated

import typer

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.cli.context import context_of
from core.cli.rebuild import rebuilds_damage
from core.errors import CoreError, ModelError
from core.judge.factory import make_language_model
from core.judge.listwise import Choice, choose_candidates
from core.judge.verdict import NO_VERDICT, reason_of
from core.matching.pair_file import indexed_queries_named
from core.retrieval.candidates import CandidateStore
from core.retrieval.manifest import no_candidates
from core.settings import JudgeSettings
from core.text.safe import safe
from core.workspace import Workspace
from labels.model import ProductRef
from labels.wording import counted


@rebuilds_damage
def choose(
    ctx: typer.Context,
    query: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the query, e.g. 17; SOURCE/ID if several sources have it.")
    ],
    orders: Annotated[
        int, typer.Option(min=1, max=20, help="Number of prompts, each with another order of the candidates, e.g. 5.")
    ] = 3,
) -> None:
    """Let a language model choose the matching candidate of a query, or none, from the whole list.

    Language models are biased towards some positions in a list, so that several random orders are averaged.

    Example: samesku judge choose 17 --orders 5
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    query_product, candidates = _listings(workspace, query)
    with context.reporter() as reporter:
        reporter.stage("ask the judge")
        (choice,) = choose_candidates(
            make_language_model(workspace, context.settings), [(query_product, candidates)], orders
        )
    names = _names(candidates)
    for product in sorted(candidates, key=lambda product: -choice.probabilities.get(product.ref, 0.0)):
        mark = "→" if product.ref == choice.chosen else " "
        chance = f"{choice.probabilities[product.ref]:>4.0%} " if choice.probabilities else ""
        context.out.print(safe(f"{mark} {chance}{names[product.ref]}: {product.title}"))
    if choice.answered:
        context.out.print(safe(_summary(choice, names)))
    if choice.answered and choice.failed:
        context.err.print(f"{counted(choice.failed, 'request')} of {orders} failed.")
    # Not part of `judge spent`, which counts verdicts on pairs.
    context.out.print(
        f"Cost: {choice.seconds:,.1f} s, {counted(choice.tokens_in, 'token')} read, {choice.tokens_out:,} written."
    )
    context.answer(
        {
            "judge": choice.judge, "answered": choice.answered, "chosen": choice.chosen and names[choice.chosen],
            "probabilities": {names[ref]: share for ref, share in choice.probabilities.items()},
            "none": choice.none_probability, "failed": choice.failed,
            "seconds": round(choice.seconds, 3), "tokens_in": choice.tokens_in, "tokens_out": choice.tokens_out,
        }
    )  # fmt: skip
    if not choice.answered:
        raise _unanswered(choice, orders, context.settings.judge)


def _listings(workspace: Workspace, query_id: str) -> tuple[Product, list[Product]]:
    """A query and its candidates.

    Raises:
        CoreError: there are no candidates, or the query is unknown, ambiguous or deleted.
    """
    store = CandidateStore(workspace.derived)
    try:
        if store.model is None:
            raise no_candidates(workspace.index)
        found = indexed_queries_named(workspace, query_id, (query for query, _ in store.all()))
        if len(found) > 1:
            names = " or ".join(f"{ref.source}/{ref.id}" for ref in found)
            raise CoreError(f"Several sources have a query {query_id}.", f"Name one of them: {names}")
        query = found[0]
        refs = [c.ref for c in store.for_query(query)]
    finally:
        store.close()
    with CatalogStore(workspace.catalog) as catalog:
        products = catalog.get_many([query, *refs])
    if query not in products:
        raise CoreError(f"The query {query_id} is no longer in the catalogue.", "Run `samesku index`.")
    return products[query], [products[ref] for ref in refs if ref in products]


def _names(candidates: list[Product]) -> dict[ProductRef, str]:
    """Display names of the candidates: their ids, with the source if two sources share an id."""
    shared = len({product.id for product in candidates}) < len(candidates)
    return {product.ref: f"{product.source} {product.id}" if shared else product.id for product in candidates}


def _summary(choice: Choice, names: dict[ProductRef, str]) -> str:
    none = "" if choice.none_probability is None else f", P(none) {choice.none_probability:.0%}"
    return f"{choice.judge}: {names[choice.chosen] if choice.chosen else 'none of them'}{none}"


def _unanswered(choice: Choice, orders: int, settings: JudgeSettings) -> ModelError:
    """The error for a missing answer, with the likely reason and what may help."""
    if choice.failed:
        left = "" if choice.failed == orders else ", and the other answers are not valid"
        return ModelError(
            f"{choice.judge} gave no answer: {counted(choice.failed, 'request')} of {orders} failed{left}.",
            "Run the same command again, or check the server with `samesku judge test`.",
        )
    why = reason_of(choice.reasoning).removeprefix(NO_VERDICT).strip(" .") or "its output contains no verdict"
    hints = ["use another model (judge.mlx_model, judge.server_model)"]
    if settings.mode == "reasoned":
        hints.insert(0, 'set judge.mode = "fast", which asks for the verdict only')
        if choice.tokens_out >= orders * settings.max_tokens:
            why = f"each output reached judge.max_tokens ({settings.max_tokens:,}) without a verdict"
            hints.insert(0, "raise judge.max_tokens")
    return ModelError(f"{choice.judge} gave no answer: {why}.", f"{', or '.join(hints).capitalize()}.")
