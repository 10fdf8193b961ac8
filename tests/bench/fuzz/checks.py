"""What must hold of a workspace after a case, whatever happened to its files."""

import hashlib
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from labels import chain
from labels.errors import SameskuError
from labels.verify import verify
from tests.bench.forks.runs import Outcome
from tests.bench.fuzz.damage import SECRET

#: A verb on this workspace takes one to three seconds of a processor.
_CPU_S = 10.0
_MAGIC = b"SQLite format 3\0"
_RAW = re.compile(r"\b(?!Samesku)[A-Z][A-Za-z]+(?:Error|Exception)\b")

_ACTION, _ANNOTATOR, _VERB = (chain.COLUMNS.index(name) for name in ("action", "annotator", "verb"))

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be.

    Attributes:
        kind: a word or two.
        text: what was seen.
        where: what was run.
    """

    kind: str
    text: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}{' in ' * bool(self.where)}{self.where}"


def of_output(outcome: Outcome, *, labels_damaged: bool) -> list[Finding]:
    """What is wrong with how a run ended and what it said."""
    what = " ".join(outcome.command[1:])
    found = []
    if outcome.code is None:
        found.append(Finding("hang", what))
    elif outcome.code not in (0, 1, 2):
        found.append(Finding("exit code", f"{outcome.code}: {what}"))
    if outcome.cpu_s > _CPU_S:
        found.append(Finding("slow", f"{what}: {outcome.cpu_s:.0f} s"))
    found += of_text(outcome.text, what, labels_damaged=labels_damaged)
    return found


def of_text(text: str, what: str, *, labels_damaged: bool) -> list[Finding]:
    """What is wrong with what somebody read."""
    if "Traceback (most recent call last)" in text:
        return [Finding("traceback", _origin(text), what)]
    found = []
    if "because of a fault in it" in text:
        found.append(Finding("desk stopped", what))
    elif raw := _RAW.search(text):
        found.append(Finding("raw exception", _line(text, raw.start()), what))
    if "labels restore" in text and not labels_damaged:
        found.append(Finding("proposes a restore", _line(text, text.index("labels restore")), what))
    return found


def _origin(text: str) -> str:
    """The last own line of a traceback, and the exception."""
    tail = text[text.rindex("Traceback (most recent call last)") :].splitlines()
    places = [line for line in tail if re.search(r'File ".*/(labels|core|tui)/', line)]
    own = re.search(r'((?:labels|core|tui)/[^"]*)", line \d+, in (\S+)', places[-1]) if places else None
    last = next((line for line in tail if re.match(r"[A-Za-z_.]+(Error|Exception|Interrupt)\b", line)), tail[-1])
    return f"{own[1]} {own[2]}: {last[:120]}" if own else last[:160]


def _line(text: str, place: int) -> str:
    start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    return text[start : end if end >= 0 else None][:240]


# -- the ledger ----------------------------------------------------------------------------------------------


def rows_of(path: Path) -> set[Row]:
    """The events that can still be read in a file, as whoever opens it next would find them."""
    found: set[Row] = set()
    with tempfile.TemporaryDirectory() as folder, suppress(sqlite3.Error, OSError):
        for ending in ("", "-journal", "-wal"):
            source = path.with_name(path.name + ending)
            if source.is_file() and not source.is_symlink():
                shutil.copy(source, Path(folder) / source.name)
        with closing(sqlite3.connect(Path(folder) / path.name)) as connection:
            connection.text_factory = bytes
            found.update(connection.execute(chain.SELECT_EVENTS))  # as many as can be read before an error
    return found


def ledgers(*folders: Path) -> Iterable[Path]:
    """Every file that may be a ledger, damaged or not, wherever it was put."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and not path.name.endswith(("-journal", "-wal")):
                with path.open("rb") as file:
                    if file.read(len(_MAGIC)) == _MAGIC:
                        yield path


def digest(path: Path) -> str:
    """Of a file's content; empty where there is no file."""
    if path.is_symlink() or not path.is_file():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class Before:
    """What must still be there.

    Attributes:
        rows: events that could be read before.
        damaged: whether the ledger itself was damaged, so that it may have been set aside.
        digest: of the damaged file.
        sound: whether `verify` must find nothing: neither it nor its journal nor a backup was damaged.
    """

    rows: set[Row]
    damaged: bool = False
    digest: str = ""
    sound: bool = True


def of_ledger(home: Path, outside: Path, before: Before, acknowledged: Mapping[str, Counter[str]]) -> list[Finding]:
    """What was acknowledged and is nowhere; and what is wrong with a ledger that nothing had happened to.

    Args:
        home: the workspace.
        outside: where damage has put files.
        before: what was there.
        acknowledged: by annotator, how many acts of each verb.
    """
    places = ledgers(home, outside) if before.damaged else [home / "labels.db"]
    rows: set[Row] = set()
    for path in places:
        rows |= rows_of(path)
    found = []
    missing = before.rows - rows
    whole = before.damaged and before.digest and before.digest in {digest(path) for path in home.rglob("*")}
    if missing and not whole:
        found.append(Finding("lost", f"{len(missing)} of {len(before.rows)} events are nowhere"))
    for annotator, counts in acknowledged.items():
        if lacking := counts - _acts(rows, annotator):
            found.append(Finding("lost", f"acknowledged and nowhere: {dict(lacking)}"))
    if before.sound:
        found += _unsound(home / "labels.db")
    return found


def _acts(rows: Iterable[Row], annotator: str) -> Counter[str]:
    """How many acts of each verb somebody did."""
    mine = {(row[_ACTION], row[_VERB]) for row in rows if row[_ANNOTATOR] == annotator.encode()}
    return Counter(verb.decode() for _, verb in mine if isinstance(verb, bytes))


def _unsound(labels: Path) -> list[Finding]:
    try:
        return [Finding("verify", problem) for problem in verify(labels).problems]
    except SameskuError as error:
        return [Finding("verify", error.message)]


def of_links(outside: Path, copies: Mapping[str, str]) -> list[Finding]:
    """Files beside the workspace that a link led to, and that were written to."""
    written = [path.name for path in outside.glob("private-*") if path.read_bytes() != SECRET]
    written += [name for name, content in copies.items() if digest(outside / name) != content]
    return [Finding("followed a link", f"wrote to what {name} was put in the place of") for name in written]
