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
from core.match.table import MatchRow
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair

_NOTHING: dict[str, Any] = {"title": None, "reasons": None}


def explained(workspace: Workspace, rows: Iterable[MatchRow]) -> Iterator[dict[str, Any]]:
    """Each row with the candidate's title and the reasons for and against.

    Both are None where the last index run weighed no evidence of the pair.

    Args:
        workspace: whose last index run and matcher are told of.
        rows: of `core.match.table.matches`, those of one query together.
    """
    evidence = EvidenceStore(workspace.derived)
    try:
        table, matcher = evidence.read(), saved_matcher(workspace)
    finally:
        evidence.close()
    if table is None or matcher is None or matcher.features != table.features:
        yield from ({**asdict(row), **_NOTHING} for row in rows)
        return
    # Files name products by the retailer's own id, and so do rows.
    known = {(pair.query.id, pair.candidate.id): (pair, place) for pair, place in table.row.items()}
    with CatalogStore(workspace.catalog) as catalog:
        explainer = Explainer(matcher, Vocabulary.load(workspace.vocabulary), rarity_of(catalog))
        for _, group in groupby(rows, key=lambda row: row.query_id):
            several = list(group)
            found = [known[key] for row in several if (key := (row.query_id, row.candidate_id)) in known]
            products = catalog.get_many(ref for pair, _ in found for ref in pair)
            found = [(pair, place) for pair, place in found if set(pair) <= products.keys()]
            pairs: list[tuple[Product, Product]] = [(products[p.query], products[p.candidate]) for p, _ in found]
            told = explainer.of_each(pairs, table.vectors[[place for _, place in found]]) if found else []
            known_of: dict[Pair, dict[str, Any]] = {
                pair: {"title": products[pair.candidate].title, "reasons": each.to_json()}
                for (pair, _), each in zip(found, told, strict=True)
            }
            for row in several:
                pair = known.get((row.query_id, row.candidate_id), (None, 0))[0]
                yield {**asdict(row), **(known_of.get(pair, _NOTHING) if pair else _NOTHING)}
