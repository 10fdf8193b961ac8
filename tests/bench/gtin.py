"""What GTINs are worth: the demo's catalogue with its codes, without any, and with codes on nine listings in ten.

    python -m tests.bench.gtin

Three workspaces of their own, each measured before any label and after the demo's labels. Before labels all queries
count, after them the validation queries, whose labels train nothing. Takes about five minutes on two cores.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from core.catalog.demo import demo_catalogue
from core.catalog.demo.items import draw, happens
from core.catalog.gtin import check_digit
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.demo import ANSWERER, REHEARSER, answer_from_gold
from core.evaluation.pairs import pair_metrics
from core.jobs.progress import Silent
from core.matching.pair_rows import matched_pairs
from core.matching.run import bring_up_to_date
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair, ProductRef, Stream
from labels.store import LabelStore

#: As the demo's own settings.
_SETTINGS = Settings.model_validate({"validation": {"share": 0.25}})
#: Share of the listings that carry their code in the third catalogue.
_MOST = 0.9


@dataclass(frozen=True)
class Figures:
    """What `match` writes, measured.

    Attributes:
        average_precision: of the candidates' probabilities.
        equal: pairs with equal GTIN that are candidates, of all such pairs; how many are ranked first; how many are
            in the band high.
    """

    hit1: float
    hit10: float
    average_precision: float
    high: tuple[int, int]
    equal: tuple[int, int, int, int]


def main() -> None:
    """Measure, and print a Markdown table."""
    group = _groups()
    catalogues: dict[str, Callable[[Product], str]] = {
        "no codes": lambda _: "",
        "the demo's codes": lambda product: product.upc,
        f"codes on {_MOST:.0%}": lambda product: (
            _code(group.get(product.ref, product.ref)) if _carries(product) else ""
        ),
    }
    out = sys.stdout
    out.write(
        "| catalogue | labels | hit@1 | hit@10 | average precision | high: right / all "
        "| equal GTIN: candidates / all | ranked first | high |\n|" + " --- |" * 9 + "\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, code) in enumerate(catalogues.items()):
            home, before = Path(folder) / str(number), Path(folder) / str(number - 1)
            if number:
                # The texts are the same, and so are their vectors.
                shutil.copytree(before / "index", home / "index")
            for labels, figures in _measured(Workspace(home), code).items():
                candidates, pairs, first, high = figures.equal
                right, all_ = figures.high
                out.write(
                    f"| {name} | {labels} | {figures.hit1:.3f} | {figures.hit10:.3f} | {figures.average_precision:.3f}"
                    f" | {right} / {all_} | {candidates} / {pairs} | {first} | {high} |\n"
                )
                out.flush()


def _measured(workspace: Workspace, code: Callable[[Product], str]) -> Mapping[str, Figures]:
    demo = demo_catalogue()
    workspace.create()
    queries, products = ([replace(p, upc=code(p)) for p in side] for side in (demo.queries, demo.products))
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", queries)
        catalog.replace("amazon", "catalog", products)
    _index(workspace)
    before = _figures(workspace, queries, products, {query.ref for query in queries})
    answer_from_gold(workspace, _SETTINGS, Stream.VALIDATION, ANSWERER)
    answered = answer_from_gold(workspace, _SETTINGS, Stream.TRIAGE, REHEARSER)
    _index(workspace)
    with LabelStore(workspace.labels) as store:
        drawn = set(store.validation_queries())
    return {"none": before, f"{answered} queries": _figures(workspace, queries, products, drawn)}


def _index(workspace: Workspace) -> None:
    bring_up_to_date(workspace, _SETTINGS, Registry(workspace, _SETTINGS).champion(), Silent())


def _figures(
    workspace: Workspace, queries: list[Product], products: list[Product], counted: set[ProductRef]
) -> Figures:
    gold = {Pair(ProductRef("walmart", one), ProductRef("amazon", other)) for one, other in demo_catalogue().gold}
    gtin = {product.ref: product.gtin for product in [*queries, *products]}
    rows = [(pair, row) for pair, row in matched_pairs(workspace, _SETTINGS, 10) if pair.query in counted]
    store = CandidateStore(workspace.derived)
    try:
        likely = {Pair(query, candidate.ref): candidate.probability or 0.0 for query, candidate in store.all()}
    finally:
        store.close()
    matchable = {pair.query for pair in gold} & counted
    found = {k: {pair.query for pair, row in rows if row.rank <= k and pair in gold} for k in (1, 10)}
    truth = [pair in gold for pair, _ in rows]
    metrics = pair_metrics(truth, [likely[pair] for pair, _ in rows], 0.5)
    high = [pair in gold for pair, row in rows if row.band.endswith("high")]
    equal = [row for pair, row in rows if gtin[pair.query] and gtin[pair.query] == gtin[pair.candidate]]
    codes = [gtin[product.ref] for product in products]
    pairs = sum(codes.count(gtin[query]) for query in counted if gtin[query])
    return Figures(
        len(found[1]) / len(matchable),
        len(found[10]) / len(matchable),
        metrics["average_precision"],
        (sum(high), len(high)),
        (len(equal), pairs, sum(row.rank == 1 for row in equal), sum(row.band.endswith("high") for row in equal)),
    )


def _groups() -> dict[ProductRef, ProductRef]:
    """The query of each product that has one: listings of one item carry one code."""
    return {ProductRef("amazon", other): ProductRef("walmart", one) for one, other in demo_catalogue().gold}


def _carries(product: Product) -> bool:
    return happens(_MOST, "bench gtin", *product.ref)


def _code(ref: ProductRef) -> str:
    body = f"7{draw('bench gtin', *ref) % 10**10:010d}"
    return body + check_digit(body)


if __name__ == "__main__":
    main()
