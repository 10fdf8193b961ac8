"""The rows of `match` with the title and the reasons of each."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.match.evidence.store import EvidenceStore
from core.match.rarity import rarity_of
from core.match.reasons import Explainer
from core.match.run import saved_matcher
from core.match.table import PairRow
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair

_NOTHING: dict[str, Any] = {"title": None, "reasons": None}


def explained(workspace: Workspace, rows: Iterable[PairRow]) -> Iterator[dict[str, Any]]:
    """Each row with the candidate's title and the reasons for and against.

    Both are None where the last index run weighed no evidence of the pair.

    Args:
        workspace: whose last index run and matcher are told of.
        rows: of `core.match.table.matched_pairs`, those of one query together.
    """
    evidence = EvidenceStore(workspace.derived)
    try:
        table, matcher = evidence.read(), saved_matcher(workspace)
    finally:
        evidence.close()
    if table is None or matcher is None or matcher.features != table.features:
        yield from ({**asdict(row), **_NOTHING} for _, row in rows)
        return
    with CatalogStore(workspace.catalog) as catalog:
        explainer = Explainer(matcher, Vocabulary.load(workspace.vocabulary), rarity_of(catalog))
        for _, group in groupby(rows, key=lambda each: each[0].query):
            several = list(group)
            products = catalog.get_many(ref for pair, _ in several for ref in pair)
            found = [pair for pair, _ in several if pair in table.row and set(pair) <= products.keys()]
            pairs: list[tuple[Product, Product]] = [(products[p.query], products[p.candidate]) for p in found]
            told = explainer.of_each(pairs, table.vectors[[table.row[pair] for pair in found]]) if found else []
            known_of: dict[Pair, dict[str, Any]] = {
                pair: {"title": products[pair.candidate].title, "reasons": each.to_json()}
                for pair, each in zip(found, told, strict=True)
            }
            for pair, row in several:
                yield {**asdict(row), **known_of.get(pair, _NOTHING)}
