"""Decisions by the products that they name, with the time of each: for products that change or go."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from labels.consensus import Label, Rule
from labels.database import decode_errors, readable_errors
from labels.model import Decision, Pair, ProductRef, Strength
from labels.projection import VOTES_SQL
from labels.reader import LabelReader, votes_from_row

_NAMED = """
SELECT query_source, query_id FROM current UNION SELECT candidate_source, candidate_id FROM current
"""
_WANTED = "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:products))"
_ON = f"""
SELECT c.query_source, c.query_id, c.candidate_source, c.candidate_id, c.seq, c.decision, c.strength, e.at
FROM current AS c JOIN events AS e USING (seq)
WHERE (c.query_source, c.query_id) IN {_WANTED} OR (c.candidate_source, c.candidate_id) IN {_WANTED}
"""  # noqa: S608 - constants only
_ANSWERED = f"""
SELECT a.query_source, a.query_id, e.at FROM actions AS a JOIN events AS e ON e.seq = a.seq
WHERE a.closes AND a.undone_at IS NULL AND (a.query_source, a.query_id) IN {_WANTED}
"""  # noqa: S608 - constants only
_FROM = VOTES_SQL.format(condition="AND seq IN (SELECT value FROM json_each(?))")


@dataclass(frozen=True, slots=True)
class ProductDecision:
    """A standing decision on a pair with one of the products.

    Attributes:
        seq: its number in the ledger.
        at: when, in seconds since the epoch.
    """

    pair: Pair
    seq: int
    decision: Decision
    strength: Strength
    at: float


def labelled_products(reader: LabelReader) -> set[ProductRef]:
    """Every product that a standing decision names.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        return {ProductRef(*row) for row in reader.connection.execute(_NAMED)}


def pairs_of_source(reader: LabelReader, source: str) -> tuple[int, int]:
    """How many pairs with a label have a query of the source, and how many a candidate of it.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        row = reader.connection.execute(
            "SELECT coalesce(sum(query_source = :source), 0), coalesce(sum(candidate_source = :source), 0)"
            " FROM opinions",
            {"source": source},
        ).fetchone()
    return int(row[0]), int(row[1])


def decisions_on(reader: LabelReader, products: Collection[ProductRef]) -> list[ProductDecision]:
    """Everybody's standing decisions on pairs with one of the products.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        rows = reader.connection.execute(_ON, {"products": json.dumps(list(products))}).fetchall()
    with decode_errors(reader.path):
        return [
            ProductDecision(
                Pair(ProductRef(*r[:2]), ProductRef(*r[2:4])), r[4], Decision(r[5]), Strength(r[6]), _seconds(r[7])
            )
            for r in rows
        ]


def answered_at(reader: LabelReader, queries: Collection[ProductRef]) -> dict[ProductRef, float]:
    """When each of the queries was answered last, in seconds since the epoch; those that were not are left out.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        rows = reader.connection.execute(_ANSWERED, {"products": json.dumps(list(queries))}).fetchall()
    found: dict[ProductRef, float] = {}
    with decode_errors(reader.path):
        for source, id_, at in rows:
            query = ProductRef(source, id_)
            found[query] = max(found.get(query, 0.0), _seconds(at))
    return found


def labels_from(reader: LabelReader, decisions: Iterable[int], rule: Rule = Rule.UNANIMOUS) -> list[Label]:
    """What decisions add up to where no others are heard, by pair.

    Args:
        reader: the ledger.
        decisions: their numbers in the ledger.
        rule: what settles a disagreement.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        rows = reader.connection.execute(_FROM, [json.dumps(list(decisions))]).fetchall()
    return [votes_from_row(row).label(rule) for row in rows]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
