"""Lists of past work: the queries that an annotator worked on, and those that are flagged or commented on.

A list is first read as positions: the position of a query is the number of the event that puts it into its place.
`past_queries` then loads the rows of one page. Every query here costs in proportion to its result.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from labels.database import decode_errors, readable_errors
from labels.model import Decision, ProductRef, Stream, Verb
from labels.reader import LabelReader

#: The annotator's latest standing action on each query, latest first.
_WORKED_ON = """
SELECT seq FROM actions AS a WHERE annotator = :who AND seq < :before AND undone_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM actions AS b WHERE (b.query_source, b.query_id) = (a.query_source, a.query_id)
        AND +b.annotator = a.annotator AND b.undone_at IS NULL AND +b.seq > a.seq
) ORDER BY seq DESC LIMIT :limit
"""
#: The same for given queries.
_WORKED_ON_AMONG = """
SELECT max(seq) FROM json_each(:queries) AS j JOIN actions AS a
    ON (a.query_source, a.query_id) = (json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'))
WHERE annotator = :who AND undone_at IS NULL GROUP BY query_source, query_id
"""
#: The queries for which the annotator accepted one of the given candidates.
_ACCEPTING = """
SELECT DISTINCT query_source, query_id FROM json_each(:candidates) AS j JOIN current AS c
    ON (c.candidate_source, c.candidate_id) = (json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'))
WHERE decision = 'match' AND annotator = :who
"""
#: The latest flag or comment on each query that is flagged or commented on. UNION ALL rather than IN: only then does
#: SQLite use the index on the verb.
_WITH_NOTES = """
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
#: Explicit decisions only: implied ones would be most of the list.
_DECISIONS = """
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
        seq: its position: the number of the action that put it there; lists are sorted by it, descending.
        at: time of that action, ISO 8601 in UTC.
        verb: verb of that action.
        stream: why the query was shown then.
        answered: whether the annotator has answered it.
        decisions: the annotator's explicit decisions on its candidates.
        flag: the latest flag; None where it is not flagged now.
        comments: the standing comments, oldest first.
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
        """The candidates with this decision."""
        return [candidate for candidate, decided in self.decisions if decided is decision]


def positions_worked_on(reader: LabelReader, annotator: str, *, before: int, limit: int) -> list[int]:
    """Positions of the queries that an annotator worked on, latest first: at most `limit` of those below `before`."""
    return _numbers(reader, _WORKED_ON, {"who": annotator, "before": before, "limit": limit})


def positions_among(reader: LabelReader, annotator: str, queries: Iterable[ProductRef]) -> list[int]:
    """Positions of those of the given queries that an annotator worked on, latest first."""
    found = _numbers(reader, _WORKED_ON_AMONG, {"who": annotator, "queries": json.dumps(list(queries))})
    return sorted(found, reverse=True)


def queries_accepting(reader: LabelReader, annotator: str, candidates: Iterable[ProductRef]) -> list[ProductRef]:
    """The queries for which an annotator accepted one of the candidates."""
    values = {"who": annotator, "candidates": json.dumps(list(candidates))}
    return [ProductRef(*row) for row in reader.rows(_ACCEPTING, values)]


def queries_with_verb(reader: LabelReader, verb: Verb, *, limit: int) -> list[ProductRef]:
    """At most `most` queries that anybody acted on with this verb: flag, comment, unsure or skip; in no order."""
    # The verb is in the SQL text, not a parameter: only then does SQLite use the partial index on it.
    sql = f"SELECT DISTINCT query_source, query_id FROM actions WHERE verb = '{verb}' LIMIT ?"  # noqa: S608 - an enum
    return [ProductRef(*row) for row in reader.rows(sql, [limit])]


def standing_comments(reader: LabelReader) -> Iterator[tuple[ProductRef, str, str]]:
    """Every standing comment: query, author and text, in no order."""
    with readable_errors(reader.path):
        rows = reader.connection.execute(
            "SELECT query_source, query_id, annotator, text FROM actions WHERE verb = 'comment' AND undone_at IS NULL"
        )
        for source, id_, annotator, text in rows:
            yield ProductRef(source, id_), annotator, text


def positions_with_notes(reader: LabelReader) -> list[int]:
    """Positions of the queries that are flagged or commented on, by the latest flag or comment, latest first."""
    return _numbers(reader, _WITH_NOTES, {})


def past_queries(reader: LabelReader, places: Sequence[int], annotator: str) -> list[PastQuery]:
    """The queries at the given positions, latest first, with one annotator's decisions and the notes of all.

    Raises:
        LabelsError: the file cannot be read.
    """
    values = {"seqs": json.dumps(list(places)), "who": annotator}
    acts, explicit, notes = (reader.rows(sql, values) for sql in (_ACTS, _DECISIONS, _NOTES))
    decisions: dict[tuple[str, str], list[tuple[ProductRef, Decision]]] = defaultdict(list)
    flags: dict[tuple[str, str], Note] = {}
    comments: dict[tuple[str, str], list[Note]] = defaultdict(list)
    with decode_errors(reader.path):
        for row in explicit:
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
    return [row[0] for row in reader.rows(sql, values)]
