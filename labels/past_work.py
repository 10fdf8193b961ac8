"""Past work, as lists show it: the queries that somebody worked on, and those that are flagged or commented on."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from labels.database import decode_errors, readable_errors
from labels.model import Decision, ProductRef, Stream, Verb
from labels.reader import LabelReader

#: The latest act on each query that somebody worked on, the latest query first.
_OWN = """
SELECT seq FROM actions AS a WHERE annotator = :who AND seq < :before AND undone_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM actions AS b WHERE (b.query_source, b.query_id) = (a.query_source, a.query_id)
        AND +b.annotator = a.annotator AND b.undone_at IS NULL AND +b.seq > a.seq
) ORDER BY seq DESC LIMIT :most
"""
#: The same for given queries.
_OWN_OF = """
SELECT max(seq) FROM json_each(:queries) AS j JOIN actions AS a
    ON (a.query_source, a.query_id) = (json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'))
WHERE annotator = :who AND undone_at IS NULL GROUP BY query_source, query_id
"""
#: The same for queries that accepted one of some candidates.
_OWN_ACCEPTING = """
SELECT DISTINCT query_source, query_id FROM json_each(:candidates) AS j JOIN current AS c
    ON (c.candidate_source, c.candidate_id) = (json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'))
WHERE decision = 'match' AND annotator = :who
"""
#: The latest flag or comment on each query that is flagged or commented on. The halves are asked apart: each verb has
#: its index.
_NOTED = """
WITH notes AS (
    SELECT seq, query_source, query_id, 0 AS comment FROM actions WHERE verb = 'flag' AND undone_at IS NULL
    UNION ALL
    SELECT seq, query_source, query_id, 1 FROM actions WHERE verb = 'comment' AND undone_at IS NULL
)
SELECT max(n.seq) AS seq FROM notes AS n JOIN queries AS q USING (query_source, query_id)
GROUP BY query_source, query_id HAVING max(comment) OR max(q.flagged)
ORDER BY seq DESC
"""
_ACTS = """
SELECT e.seq, e.query_source, e.query_id, e.at, e.verb, e.stream, q.flagged, EXISTS (
    SELECT 1 FROM actions AS a WHERE (a.query_source, a.query_id) = (e.query_source, e.query_id)
        AND +a.annotator = :who AND a.closes AND a.undone_at IS NULL
) FROM json_each(:seqs) AS j
JOIN events AS e ON e.seq = j.value JOIN queries AS q USING (query_source, query_id) ORDER BY e.seq DESC
"""
#: What follows from accepting another candidate is not told: it would be most of the list.
_SAID = """
SELECT c.query_source, c.query_id, c.candidate_source, c.candidate_id, c.decision FROM json_each(:seqs) AS j
JOIN events AS e ON e.seq = j.value JOIN current AS c USING (query_source, query_id)
WHERE c.annotator = :who AND c.strength = 'explicit' ORDER BY c.seq
"""
_NOTES = """
SELECT a.query_source, a.query_id, a.verb, a.annotator, n.at, a.text FROM json_each(:seqs) AS j
JOIN events AS e ON e.seq = j.value
JOIN actions AS a ON (a.query_source, a.query_id) = (e.query_source, e.query_id) JOIN events AS n ON n.seq = a.seq
WHERE a.verb IN ('flag', 'comment') AND a.undone_at IS NULL ORDER BY a.seq
"""


@dataclass(frozen=True, slots=True)
class Note:
    """A flag or a comment; `at` is ISO 8601 in UTC, and a flag has no text."""

    annotator: str
    at: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PastQuery:
    """A query in a list of past work.

    Attributes:
        seq: number of the act that put it in its place: the list goes from high to low.
        at: when that was, ISO 8601 in UTC.
        verb: what it was.
        stream: why the query was shown then.
        answered: whether the reader of the list has answered it.
        decisions: what the reader of the list says of which candidate, outright.
        flag: who flagged it; None where it is not flagged now.
        comments: what was written about it, oldest first.
    """

    query: ProductRef
    seq: int
    at: str
    verb: Verb
    stream: Stream
    answered: bool = False
    decisions: tuple[tuple[ProductRef, Decision], ...] = ()
    flag: Note | None = None
    comments: tuple[Note, ...] = ()

    def candidates_decided(self, decision: Decision) -> list[ProductRef]:
        """The candidates of which that was said."""
        return [candidate for candidate, said in self.decisions if said is decision]


def places_of(reader: LabelReader, annotator: str, *, before: int, most: int) -> list[int]:
    """Places of the queries that somebody worked on, latest first: so many of those before a place.

    A place is the number of the latest act on the query that stands. All that is asked here costs what it gives.
    """
    return _numbers(reader, _OWN, {"who": annotator, "before": before, "most": most})


def places_among(reader: LabelReader, annotator: str, queries: Iterable[ProductRef]) -> list[int]:
    """The places of those of the queries that somebody worked on, latest first."""
    found = _numbers(reader, _OWN_OF, {"who": annotator, "queries": json.dumps(list(queries))})
    return sorted(found, reverse=True)


def queries_accepting(reader: LabelReader, annotator: str, candidates: Iterable[ProductRef]) -> list[ProductRef]:
    """The queries for which somebody accepted one of the candidates."""
    with readable_errors(reader.path):
        values = {"who": annotator, "candidates": json.dumps(list(candidates))}
        return [ProductRef(*row) for row in reader.connection.execute(_OWN_ACCEPTING, values)]


def queries_with_verb(reader: LabelReader, verb: Verb, *, most: int) -> list[ProductRef]:
    """Queries that somebody flagged, commented on, was unsure of or put off: so many of them, in no order."""
    # The verb stands in the text, and not among the values: only then does SQLite see that its index has them all.
    sql = f"SELECT DISTINCT query_source, query_id FROM actions WHERE verb = '{verb}' LIMIT ?"  # noqa: S608 - an enum
    with readable_errors(reader.path):
        return [ProductRef(*row) for row in reader.connection.execute(sql, [most])]


def standing_comments(reader: LabelReader) -> Iterator[tuple[ProductRef, str, str]]:
    """Every comment that stands: query, author and words, in no order."""
    with readable_errors(reader.path):
        rows = reader.connection.execute(
            "SELECT query_source, query_id, annotator, text FROM actions WHERE verb = 'comment' AND undone_at IS NULL"
        )
        for source, id_, annotator, text in rows:
            yield ProductRef(source, id_), annotator, text


def places_with_notes(reader: LabelReader) -> list[int]:
    """Places of the queries that are flagged or commented on, by the latest flag or comment, latest first."""
    return _numbers(reader, _NOTED, {})


def past_queries(reader: LabelReader, places: Sequence[int], annotator: str) -> list[PastQuery]:
    """What stands at some places, latest first, with the decisions of one person and everybody's notes.

    Raises:
        LabelsError: the file cannot be read.
    """
    values = {"seqs": json.dumps(list(places)), "who": annotator}
    with readable_errors(reader.path):
        acts, said, notes = (reader.connection.execute(sql, values).fetchall() for sql in (_ACTS, _SAID, _NOTES))
    decisions: dict[tuple[str, str], list[tuple[ProductRef, Decision]]] = defaultdict(list)
    flags: dict[tuple[str, str], Note] = {}
    comments: dict[tuple[str, str], list[Note]] = defaultdict(list)
    with decode_errors(reader.path):
        for row in said:
            decisions[row[:2]].append((ProductRef(row[2], row[3]), Decision(row[4])))
        for row in notes:
            if row[2] == Verb.COMMENT:
                comments[row[:2]].append(Note(*row[3:]))
            else:
                flags[row[:2]] = Note(row[3], row[4])
        return [
            PastQuery(
                ProductRef(source, id_), seq, at, Verb(verb), Stream(stream), bool(answered),
                tuple(decisions[source, id_]), flags.get((source, id_)) if flagged else None,
                tuple(comments[source, id_]),
            )
            for seq, source, id_, at, verb, stream, flagged, answered in acts
        ]  # fmt: skip


def _numbers(reader: LabelReader, sql: str, values: dict[str, object]) -> list[int]:
    with readable_errors(reader.path):
        return [row[0] for row in reader.connection.execute(sql, values)]
