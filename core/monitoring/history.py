"""The snapshots of a workspace: the reference, and one for each day that was looked at."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from core.errors import CoreError
from core.json_store import load, save
from core.monitoring.snapshot import Shift, Snapshot
from labels.quarantine import set_aside

_VERSION = 1
#: Days that are kept besides the reference.
MAX_DAYS = 400


@dataclass(frozen=True)
class Findings:
    """What has moved by the last run.

    Attributes:
        since: day of the reference, or `VALIDATION`.
        shifts: the largest first.
    """

    since: str
    shifts: list[Shift]


#: Findings relative to the validation set.
VALIDATION = "validation"


@dataclass(frozen=True)
class History:
    """The reference and the days after it.

    Attributes:
        reference: what later days are compared with; None before the first.
        vocabulary: the known words of each source, from the titles of the reference.
        days: in order of their date.
        findings: of the last run; None where a version without them wrote the file.
        version: of the file format.
    """

    reference: Snapshot | None = None
    vocabulary: dict[str, list[str]] = field(default_factory=dict)
    days: list[Snapshot] = field(default_factory=list)
    findings: Findings | None = None
    version: int = _VERSION

    def with_day(self, snapshot: Snapshot) -> "History":
        """With a snapshot in place of an earlier one of the same day."""
        days = [each for each in self.days if each.day != snapshot.day]
        return replace(self, days=sorted([*days, snapshot], key=lambda each: each.day)[-MAX_DAYS:])

    def with_reference(self, snapshot: Snapshot, vocabulary: dict[str, list[str]]) -> "History":
        """With another reference."""
        return replace(self, reference=snapshot, vocabulary=vocabulary)

    def save(self, path: Path) -> None:
        """Write the file, atomically.

        Raises:
            CoreError: it cannot be written.
        """
        save(path, asdict(self))


def read_history(path: Path) -> History | None:
    """The history in a file; None where there is none.

    Raises:
        CoreError: the file is damaged, or a newer version of the program wrote it.
        UnreadableError: this account may not read it.
    """
    try:
        found = load(path, History)
    except FileNotFoundError:
        return None
    if found.version > _VERSION:
        raise NewerHistoryError(f"{path} was written by a newer version of samesku.", "Update samesku.")
    if found.reference is None or not found.reference.groups:
        raise CoreError(f"{path.name} is damaged: it has no reference.", f"Move it away: {path}")
    return found


class NewerHistoryError(CoreError):
    """A newer version of the program wrote the file."""


def load_history(path: Path) -> tuple[History, str]:
    """The history in a file, and a message; the message is empty unless a damaged file was set aside.

    Raises:
        CoreError: a newer version of the program wrote it, or something that is no file has its name.
        UnreadableError: this account may not read it.
    """
    if path.exists() and not path.is_file():
        raise CoreError(f"{path} is no file.", f"Move it away: {path}")
    try:
        return read_history(path) or History(), ""
    except CoreError as error:
        if type(error) is not CoreError:
            raise
        aside = set_aside(path)
        return History(), f"{error.message} It is now {aside}. The present state becomes the reference."
