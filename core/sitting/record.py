"""What one sitting leaves behind: who sat where, and how it ended."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from labels.model import ProductRef, Stream

_VERSION = 1


class Ending(StrEnum):
    """How a sitting ended."""

    LEFT = "left"
    """By whoever sat there."""
    CUT = "cut"
    """The terminal went away: a lost line, a closed window."""
    STOPPED = "stopped"
    """Somebody ended the process, as a host does that shuts down."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is.

    Attributes:
        stream: None where nobody has been anywhere yet.
        query: what is on the screen.
        candidate: what is highlighted.
        blind: whether the machine's opinion is hidden by choice.
        theme: the colours chosen at the desk; empty while they are the team's.
    """

    stream: Stream | None = None
    query: ProductRef | None = None
    candidate: ProductRef | None = None
    blind: bool = False
    theme: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One sitting, as its file tells of it.

    Attributes:
        begun_at: ISO 8601, UTC.
        after: the number of the ledger's last event when it began.
        ending: None while it lasts, and where it was killed.
        ended_at: ISO 8601, UTC; empty while it lasts, and where nobody knows.
    """

    annotator: str
    begun_at: str
    after: int
    place: Place = Place()
    ending: Ending | None = None
    ended_at: str = ""

    def to_line(self) -> bytes:
        """As it is written."""
        return json.dumps({"version": _VERSION, **asdict(self)}).encode() + b"\n"

    @classmethod
    def from_line(cls, text: bytes, annotator: str) -> Self | None:
        """What a file says, if it is one of this annotator's that this program can read."""
        try:
            said = json.loads(text.partition(b"\n")[0])
            if said["version"] != _VERSION or said["annotator"] != annotator:
                return None
            place, ending = said["place"], said["ending"]
            return cls(
                annotator,
                _moment(said["begun_at"]),
                _number(said["after"]),
                Place(
                    stream=None if place["stream"] is None else Stream(place["stream"]),
                    query=_ref(place["query"]),
                    candidate=_ref(place["candidate"]),
                    blind=place["blind"] is True,
                    theme=str(place["theme"]),
                ),
                None if ending is None else Ending(ending),
                said["ended_at"] and _moment(said["ended_at"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None


def _moment(text: str) -> str:
    """A time that a file tells, as this program writes it."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")


def _number(value: int) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(value)
    return value


def _ref(value: list[str] | None) -> ProductRef | None:
    if value is None:
        return None
    source, id_ = value
    if not isinstance(source, str) or not isinstance(id_, str):
        raise TypeError(value)
    return ProductRef(source, id_)
