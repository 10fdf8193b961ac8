"""Standing decisions by product, with the time of each: for products that a catalogue changes or removes."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from labels.consensus import Label, Rule
from labels.database import decode_errors
from labels.model import Decision, Pair, ProductRef, Strength
from labels.projection import VOTES_SQL
from labels.reader import LabelReader, votes_from_row

_LABELLED_PRODUCTS = """
SELECT query_source, query_id FROM current UNION SELECT candidate_source, candidate_id FROM current
"""
_GIVEN_PRODUCTS = "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:products))"
_DECISIONS_ON = f"""
SELECT c.query_source, c.query_id, c.candidate_source, c.candidate_id, c.seq, c.decision, c.strength, e.at
FROM current AS c JOIN events AS e USING (seq)
WHERE (c.query_source, c.query_id) IN {_GIVEN_PRODUCTS} OR (c.candidate_source, c.candidate_id) IN {_GIVEN_PRODUCTS}
"""  # noqa: S608 - constants only
_ANSWERED = f"""
SELECT a.query_source, a.query_id, e.at FROM actions AS a JOIN events AS e ON e.seq = a.seq
WHERE a.closes AND a.undone_at IS NULL AND (a.query_source, a.query_id) IN {_GIVEN_PRODUCTS}
"""  # noqa: S608 - constants only
_VOTES_OF = VOTES_SQL.format(condition="AND seq IN (SELECT value FROM json_each(?))")


@dataclass(frozen=True, slots=True)
class ProductDecision:
    """A standing decision on a pair that one of the products belongs to.

    Attributes:
        seq: number of its event.
        at: when, in seconds since the epoch.
    """

    pair: Pair
    seq: int
    decision: Decision
    strength: Strength
    at: float


def labelled_products(reader: LabelReader) -> set[ProductRef]:
    """Every product with a standing decision, as query or candidate.

    Raises:
        LabelsError: the file cannot be read.
    """
    return {ProductRef(*row) for row in reader.rows(_LABELLED_PRODUCTS)}


def pairs_of_source(reader: LabelReader, source: str) -> tuple[int, int]:
    """The number of pairs with votes whose query is of the source, and the number whose candidate is.

    Raises:
        LabelsError: the file cannot be read.
    """
    ((queries, candidates),) = reader.rows(
        "SELECT coalesce(sum(query_source = :source), 0), coalesce(sum(candidate_source = :source), 0) FROM opinions",
        {"source": source},
    )
    return int(queries), int(candidates)


def decisions_on(reader: LabelReader, products: Collection[ProductRef]) -> list[ProductDecision]:
    """The standing decisions of all annotators on pairs with one of the products.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = reader.rows(_DECISIONS_ON, {"products": json.dumps(list(products))})
    with decode_errors(reader.path):
        return [
            ProductDecision(
                Pair(ProductRef(*r[:2]), ProductRef(*r[2:4])), r[4], Decision(r[5]), Strength(r[6]), _seconds(r[7])
            )
            for r in rows
        ]


def answered_at(reader: LabelReader, queries: Collection[ProductRef]) -> dict[ProductRef, float]:
    """When each of the queries was answered last, in seconds since the epoch; unanswered queries are left out.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = reader.rows(_ANSWERED, {"products": json.dumps(list(queries))})
    found: dict[ProductRef, float] = {}
    with decode_errors(reader.path):
        for source, id_, at in rows:
            query = ProductRef(source, id_)
            found[query] = max(found.get(query, 0.0), _seconds(at))
    return found


def labels_from(reader: LabelReader, decisions: Iterable[int], rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """The labels that follow from some of the standing decisions alone, one per pair.

    Args:
        reader: the ledger.
        decisions: the numbers of their events.
        rule: what settles a disagreement.

    Raises:
        LabelsError: the file cannot be read.
    """
    rows = reader.rows(_VOTES_OF, [json.dumps(list(decisions))])
    return [votes_from_row(row).label(rule) for row in rows]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
