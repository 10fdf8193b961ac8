"""Ids that somebody may have meant: other zeros in front, other case, other signs, a slip of the finger."""

import difflib
import re
from collections.abc import Collection

_SIGNS = re.compile(r"[\W_]+")
#: Among more ids, typing errors are not looked for: comparing takes some 10 µs each.
_MOST_COMPARED = 50_000
_MOST = 3
#: Of difflib's ratio: one wrong character of four.
_CLOSE = 0.75


def similar_ids(wanted: str, ids: Collection[str]) -> list[str]:
    """The ids that are likeliest meant, three at most, the likeliest first.

    Args:
        wanted: what somebody wrote, which is no id.
        ids: all that there are.
    """
    form = _form(wanted)
    alike = sorted({id_ for id_ in ids if _form(id_) == form}) if form else []
    if alike or len(ids) > _MOST_COMPARED:
        return alike[:_MOST]
    return difflib.get_close_matches(wanted, ids, _MOST, _CLOSE)


def did_you_mean(wanted: str, ids: Collection[str]) -> str:
    """The same as a question; empty where there is none that is like it."""
    found = similar_ids(wanted, ids)
    return f"Did you mean {' or '.join(found)}?" if found else ""


def _form(id_: str) -> str:
    """What stays the same where spreadsheets and fingers change an id: `00121`, `121.0`, `B-01` and `b01`."""
    return _SIGNS.sub("", re.sub(r"(?<=\d)\.0+$", "", id_.strip().casefold())).lstrip("0")
