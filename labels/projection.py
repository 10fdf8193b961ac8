"""What the events add up to now: which actions stand, and which decision holds on each pair."""

import sqlite3

# An explicit decision outlasts an implied one whatever their order: what follows from accepting another
# candidate is weaker evidence than what someone said of this very pair. Else the latest holds.
_HOLDING = """
SELECT e.query_source, e.query_id, e.candidate_source, e.candidate_id, e.annotator, e.seq
FROM (
    SELECT e.*, row_number() OVER (
        PARTITION BY e.query_source, e.query_id, e.candidate_source, e.candidate_id, e.annotator
        ORDER BY e.strength = 'explicit' DESC, e.seq DESC
    ) AS place
    FROM events AS e JOIN actions AS a ON a.id = e.action
    WHERE e.decision IS NOT NULL AND a.undone_at IS NULL {where}
) AS e
WHERE e.place = 1
"""

_OF_ACTION = """
AND (e.query_source, e.query_id) = (:query_source, :query_id) AND e.annotator = :annotator
"""


def apply(connection: sqlite3.Connection, first_seq: int) -> None:
    """Bring the projections up to date with one action's events, those from `first_seq` on.

    Runs inside the transaction that wrote the events.
    """
    event = connection.execute(
        "SELECT seq, action, annotator, verb, query_source, query_id, closes, text, target FROM events WHERE seq = ?",
        [first_seq],
    ).fetchone()
    seq, action, annotator, verb, query_source, query_id, closes, text, target = event
    if verb == "undo":
        connection.execute("UPDATE actions SET undone_at = ? WHERE id = ?", [seq, target])
    elif verb == "redo":
        connection.execute("UPDATE actions SET undone_at = NULL WHERE id = ?", [target])
    else:
        connection.execute(
            "INSERT INTO actions (id, seq, annotator, verb, query_source, query_id, closes, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [action, seq, annotator, verb, query_source, query_id, closes, text],
        )
    key = {"query_source": query_source, "query_id": query_id, "annotator": annotator}
    connection.execute(
        "DELETE FROM current WHERE (query_source, query_id) = (:query_source, :query_id) AND annotator = :annotator",
        key,
    )
    connection.execute("INSERT INTO current " + _HOLDING.format(where=_OF_ACTION), key)


def rebuild(connection: sqlite3.Connection) -> None:
    """Make both projections anew from the events. Runs inside a transaction."""
    connection.execute("DELETE FROM actions")
    connection.execute(
        "INSERT INTO actions (id, seq, annotator, verb, query_source, query_id, closes, text, undone_at)"
        " SELECT action, min(seq), annotator, verb, query_source, query_id, closes, text,"
        # The latest undo or redo of an action says whether it stands.
        " (SELECT CASE verb WHEN 'undo' THEN seq END FROM events AS u"
        " WHERE u.target = e.action ORDER BY seq DESC LIMIT 1)"
        " FROM events AS e WHERE verb NOT IN ('undo', 'redo') GROUP BY action"
    )
    connection.execute("DELETE FROM current")
    connection.execute("INSERT INTO current " + _HOLDING.format(where=""))
