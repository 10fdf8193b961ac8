"""Projections of the events: tables of the current state, updated in the transaction that writes the events.

`actions`: every action, and whether it stands. `current`: the standing decision of each annotator on each pair.
`opinions`: the votes on each pair, from which its label follows. `queries`: whether a query is answered or flagged, and
its last event. All can be rebuilt from the events; `labels verify` rebuilds them and compares.
"""

import sqlite3

from labels import chain

#: The tables, each after those it depends on.
TABLES = ("actions", "current", "opinions", "queries")

_ACTIONS = """
INSERT INTO actions (id, seq, annotator, verb, query_source, query_id, closes, text, undone_at)
SELECT action, min(seq), annotator, verb, query_source, query_id, closes, text,
    -- The latest undo or redo of an action says whether it stands.
    (SELECT CASE verb WHEN 'undo' THEN seq END FROM events AS u WHERE u.target = e.action ORDER BY seq DESC LIMIT 1)
FROM events AS e WHERE verb NOT IN ('undo', 'redo') GROUP BY action
"""

# An explicit decision takes precedence over an implied one whatever their order: accepting another candidate is weaker
# evidence than a decision on the pair itself. Among decisions of the same strength the latest holds.
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

#: The votes on each pair. Decisions of people take precedence over those of the machine, the last adjudication over all
#: others, and explicit decisions over implied ones. Abstentions are no votes.
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
-- One action may name a candidate twice: the later decision holds, as it does among actions.
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
    """Update the projections with one action, inside the transaction that wrote its events.

    Args:
        connection: the open ledger.
        first: number of the first event of the action.
        last: number of its last event.
    """
    names = ("action", "annotator", "verb", "query_source", "query_id", "closes", "text", "target")
    row = connection.execute(f"SELECT {', '.join(names)} FROM events WHERE seq = ?", [first]).fetchone()  # noqa: S608 - constants only
    event = dict(zip(names, row, strict=True)) | {"seq": first, "last": last}
    if event["target"] is None:
        _add_action(connection, event)
    else:
        _apply_undo_or_redo(connection, event)
    connection.execute(f"DELETE FROM opinions WHERE {_OF_QUERY}", event)  # noqa: S608
    connection.execute(_OPINIONS.format(condition=f"AND {_OF_QUERY}"), event)


def _add_action(connection: sqlite3.Connection, event: dict[str, object]) -> None:
    """Add a new action incrementally, so that the cost does not grow with the history of the query."""
    stored = connection.execute(
        "INSERT INTO actions (id, seq, annotator, verb, query_source, query_id, closes, text)"
        " VALUES (:action, :seq, :annotator, :verb, :query_source, :query_id, :closes, :text)",
        event,
    ).rowcount
    if stored != 1:
        raise chain.not_stored()
    connection.execute(_ADD_TO_CURRENT, event)
    connection.execute(_ADD_TO_QUERIES, event)


def _apply_undo_or_redo(connection: sqlite3.Connection, event: dict[str, object]) -> None:
    """Mark the target as undone or standing, and recompute the query: any earlier decision may be in force again."""
    undone_at = ":seq" if event["verb"] == "undo" else "NULL"
    updated = connection.execute(f"UPDATE actions SET undone_at = {undone_at} WHERE id = :target", event)  # noqa: S608
    if updated.rowcount != 1:
        raise chain.not_stored()
    connection.execute(f"DELETE FROM current WHERE {_OF_QUERY} AND annotator = :annotator", event)  # noqa: S608
    mine = "AND (e.query_source, e.query_id) = (:query_source, :query_id) AND e.annotator = :annotator"
    connection.execute(_CURRENT.format(of_query_and_annotator=mine), event)
    connection.execute(f"DELETE FROM queries WHERE {_OF_QUERY}", event)  # noqa: S608
    connection.execute(_QUERIES.format(of_query=f"WHERE {_OF_QUERY}"), event)


def rebuild(connection: sqlite3.Connection) -> None:
    """Rebuild all projections from the events, inside the caller's transaction."""
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
    connection.execute(_ACTIONS)
    connection.execute(_CURRENT.format(of_query_and_annotator=""))
    connection.execute(_OPINIONS.format(condition=""))
    connection.execute(_QUERIES.format(of_query=""))
