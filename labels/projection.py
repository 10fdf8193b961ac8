"""What the events add up to now: projections, written in the same transaction as the events they come from.

`actions`: which acts stand. `current`: the decision of each annotator on each pair. `opinions`: how the decisions that
are heard on a pair fall, from which a label follows. `queries`: whether a query is answered, flagged, touched since.
Everything here can be made anew from the events, and `labels verify` compares.
"""

import sqlite3

from labels import chain

#: The tables, each after those that it is made of.
TABLES = ("actions", "current", "opinions", "queries")

_ACTIONS = """
INSERT INTO actions (id, seq, annotator, verb, query_source, query_id, closes, text, undone_at)
SELECT action, min(seq), annotator, verb, query_source, query_id, closes, text,
    -- The latest undo or redo of an action says whether it stands.
    (SELECT CASE verb WHEN 'undo' THEN seq END FROM events AS u WHERE u.target = e.action ORDER BY seq DESC LIMIT 1)
FROM events AS e WHERE verb NOT IN ('undo', 'redo') GROUP BY action
"""

# An explicit decision outlasts an implied one whatever their order: what follows from accepting another
# candidate is weaker evidence than what someone said of this very pair. Else the latest holds.
_CURRENT = """
INSERT INTO current (query_source, query_id, candidate_source, candidate_id, annotator, decision, strength, stream,
    side, action, seq)
SELECT query_source, query_id, candidate_source, candidate_id, annotator, decision, strength, stream, side, action, seq
FROM (
    SELECT e.*, row_number() OVER (
        PARTITION BY e.query_source, e.query_id, e.candidate_source, e.candidate_id, e.annotator
        ORDER BY e.strength = 'explicit' DESC, e.seq DESC
    ) AS place
    FROM events AS e JOIN actions AS a ON a.id = e.action
    WHERE e.decision IS NOT NULL AND a.undone_at IS NULL {of_query_and_annotator}
)
WHERE place = 1
"""

# People outweigh the machine, the last adjudication outweighs everybody, and explicit decisions outweigh implied
# ones: where anybody decided on the very pair, what follows from other decisions is not heard. Abstentions are no
# opinions.
VOTES_SQL = """
WITH entitled AS (
    SELECT *, annotator = 'machine' AS machine,
        min(annotator = 'machine') OVER pair AS only_machine
    FROM current WHERE decision <> 'unsure' {condition}
    WINDOW pair AS (PARTITION BY query_source, query_id, candidate_source, candidate_id)
), weighed AS (
    SELECT *,
        max(CASE stream WHEN 'adjudication' THEN seq END) OVER pair AS ruling,
        max(strength = 'explicit') OVER pair AS explicit,
        max(side = 'validation') OVER pair AS validation
    FROM entitled WHERE machine = only_machine
    WINDOW pair AS (PARTITION BY query_source, query_id, candidate_source, candidate_id)
)
SELECT query_source, query_id, candidate_source, candidate_id, sum(decision = 'match'), sum(decision = 'no_match'),
    max(explicit), max(validation), max(ruling IS NOT NULL), max(NOT machine), max(seq)
FROM weighed
WHERE CASE WHEN ruling IS NOT NULL THEN seq = ruling WHEN explicit THEN strength = 'explicit' ELSE 1 END
GROUP BY query_source, query_id, candidate_source, candidate_id
"""

_OPINIONS = f"""
INSERT INTO opinions (query_source, query_id, candidate_source, candidate_id, matches, others, explicit, validation,
    adjudicated, people, seq)
{VOTES_SQL}
"""

_QUERIES = """
INSERT INTO queries (query_source, query_id, closed, closed_by_machine, flagged, touched)
SELECT query_source, query_id,
    sum(closes AND undone_at IS NULL AND annotator <> 'machine'),
    sum(closes AND undone_at IS NULL AND annotator = 'machine'),
    -- A second flag takes the first one away.
    sum(verb = 'flag' AND undone_at IS NULL) % 2,
    (SELECT max(seq) FROM events AS e WHERE (e.query_source, e.query_id) = (a.query_source, a.query_id))
FROM actions AS a {of_query} GROUP BY query_source, query_id
"""

_OF_QUERY = "(query_source, query_id) = (:query_source, :query_id)"


_ADD_TO_CURRENT = """
INSERT INTO current (query_source, query_id, candidate_source, candidate_id, annotator, decision, strength, stream,
    side, action, seq)
SELECT query_source, query_id, candidate_source, candidate_id, annotator, decision, strength, stream, side, action, seq
FROM events WHERE action = :action AND decision IS NOT NULL
-- One action may name a candidate twice: the later word holds, as it does among actions.
ORDER BY seq
ON CONFLICT DO UPDATE SET decision = excluded.decision, strength = excluded.strength, stream = excluded.stream,
    side = excluded.side, action = excluded.action, seq = excluded.seq
WHERE excluded.strength = 'explicit' OR current.strength = 'implied'
"""

_ADD_TO_QUERIES = """
INSERT INTO queries (query_source, query_id, closed, closed_by_machine, flagged, touched)
VALUES (:query_source, :query_id, :closes AND :annotator <> 'machine', :closes AND :annotator = 'machine',
    :verb = 'flag', :last)
ON CONFLICT DO UPDATE SET closed = closed + excluded.closed,
    closed_by_machine = closed_by_machine + excluded.closed_by_machine,
    flagged = (flagged + excluded.flagged) % 2, touched = excluded.touched
"""


def apply(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Bring the projections up to date with one action, whose events have the numbers from `first` to `last`.

    Runs inside the transaction that wrote the events.
    """
    names = ("action", "annotator", "verb", "query_source", "query_id", "closes", "text", "target")
    row = connection.execute(f"SELECT {', '.join(names)} FROM events WHERE seq = ?", [first]).fetchone()  # noqa: S608 - constants only
    event = dict(zip(names, row, strict=True)) | {"seq": first, "last": last}
    if event["target"] is None:
        _add(connection, event)
    else:
        _turn(connection, event)
    connection.execute(f"DELETE FROM opinions WHERE {_OF_QUERY}", event)  # noqa: S608
    connection.execute(_OPINIONS.format(condition=f"AND {_OF_QUERY}"), event)


def _add(connection: sqlite3.Connection, event: dict[str, object]) -> None:
    """A new action: what it says is added, so that the cost does not grow with what was said before."""
    stored = connection.execute(
        "INSERT INTO actions (id, seq, annotator, verb, query_source, query_id, closes, text)"
        " VALUES (:action, :seq, :annotator, :verb, :query_source, :query_id, :closes, :text)",
        event,
    ).rowcount
    if stored != 1:
        raise chain.not_stored()
    connection.execute(_ADD_TO_CURRENT, event)
    connection.execute(_ADD_TO_QUERIES, event)


def _turn(connection: sqlite3.Connection, event: dict[str, object]) -> None:
    """An undo or a redo: what holds now may be anything that was said before."""
    undone_at = ":seq" if event["verb"] == "undo" else "NULL"
    turned = connection.execute(f"UPDATE actions SET undone_at = {undone_at} WHERE id = :target", event)  # noqa: S608
    if turned.rowcount != 1:
        raise chain.not_stored()
    connection.execute(f"DELETE FROM current WHERE {_OF_QUERY} AND annotator = :annotator", event)  # noqa: S608
    mine = "AND (e.query_source, e.query_id) = (:query_source, :query_id) AND e.annotator = :annotator"
    connection.execute(_CURRENT.format(of_query_and_annotator=mine), event)
    connection.execute(f"DELETE FROM queries WHERE {_OF_QUERY}", event)  # noqa: S608
    connection.execute(_QUERIES.format(of_query=f"WHERE {_OF_QUERY}"), event)


def rebuild(connection: sqlite3.Connection) -> None:
    """Make all projections anew from the events. Runs inside a transaction."""
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
    connection.execute(_ACTIONS)
    connection.execute(_CURRENT.format(of_query_and_annotator=""))
    connection.execute(_OPINIONS.format(condition=""))
    connection.execute(_QUERIES.format(of_query=""))
