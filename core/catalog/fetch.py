"""The Walmart-Amazon benchmark from the Hugging Face hub, as files in the DeepMatcher layout."""

import csv
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.catalog.readers import BadRow, read_table
from core.catalog.snapshot import configuration_rows, local_copy
from core.catalog.walmart_amazon import LABEL_COLUMNS, PRODUCT_COLUMNS
from core.errors import CatalogError
from labels.files import atomic_text, drafts

WALMART_AMAZON = "matchbench/Walmart-Amazon"
"""The data set on the hub."""


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that was written, and its rows without the header."""

    path: Path
    rows: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of the layout, and where the hub's configurations have the same.

    Attributes:
        splits: names that the split has had, the likeliest first; none of them: the only split there is.
    """

    name: str
    columns: tuple[str, ...]
    configuration: str
    splits: tuple[str, ...] = ()


_PARTS = (
    _Part("tableA.csv", PRODUCT_COLUMNS, "source"),
    _Part("tableB.csv", PRODUCT_COLUMNS, "target"),
    _Part("train.csv", LABEL_COLUMNS, "pairs", ("train",)),
    _Part("valid.csv", LABEL_COLUMNS, "pairs", ("valid", "validation", "dev")),
    _Part("test.csv", LABEL_COLUMNS, "pairs", ("test",)),
)

# Other copies of the data set name the columns a little differently.
_ALIASES = {
    "ltable_id": ("ltableid", "leftid", "idleft", "id1", "ltable"),
    "rtable_id": ("rtableid", "rightid", "idright", "id2", "rtable"),
    "label": ("label", "match", "gold"),
    "modelno": ("modelno", "model", "modelnumber"),
    "title": ("title", "name"),
}


def fetch_walmart_amazon(
    target: Path, repo: str = WALMART_AMAZON, progress: Callable[[str], None] | None = None
) -> list[FetchedFile]:
    """Write `tableA.csv`, `tableB.csv`, `train.csv`, `valid.csv` and `test.csv` into a folder.

    Where the data set keeps these very files, they are taken as they are; else its configurations
    `source`, `target` and `pairs` are read, in whatever format. No code of the data set is run, nor
    even downloaded. The files appear in the folder together, after all of them have been checked.

    Args:
        target: the folder; made if it is not there.
        repo: the data set on the hub, or a local folder of the same layout.
        progress: called with a sentence on what is going on.

    Returns:
        The five files.

    Raises:
        CatalogError: no network, no such data set, a package is missing, or what came has other columns.
    """
    say = progress or _silently
    say(f"Fetching {repo}")
    snapshot = local_copy(repo)
    try:
        target.mkdir(parents=True, exist_ok=True)
        # In the target itself: renaming within one file system is all or nothing.
        with drafts(target) as draft:
            fetched = []
            for part in _PARTS:
                say(f"Writing {part.name}")
                fetched.append(_write(part, snapshot, draft / part.name))
            for file in fetched:
                file.path.replace(target / file.path.name)
    except OSError as error:
        raise CatalogError(
            f"The data set cannot be written to {target}: {error.strerror or error}.",
            "Is there room, and may you write there?",
        ) from error
    return [FetchedFile(target / file.path.name, file.rows) for file in fetched]


def _silently(_: str) -> None:
    """Nobody wants to know."""


def _write(part: _Part, snapshot: Path, path: Path) -> FetchedFile:
    ready = snapshot / part.name
    if ready.is_file():
        rows = _checked(part, ready)
        shutil.copyfile(ready, path)
    else:
        rows = _write_rows(part, configuration_rows(snapshot, part.configuration, part.splits), path)
    if rows == 0:
        raise CatalogError(f"{part.name} of the data set has no rows.", "Is the copy complete?")
    return FetchedFile(path, rows)


def _checked(part: _Part, path: Path) -> int:
    """Rows of a file that has the very columns; a web page or a stub of Git LFS has not."""
    content = read_table(path)
    missing = [column for column in part.columns if column not in content.columns]
    if missing:
        raise _wrong_columns(part, missing, content.columns)
    rows = 0
    for row in content.rows:
        if isinstance(row, BadRow):
            raise CatalogError(
                f"{part.name} of the data set is damaged: line {row.line}, {row.reason}.", "Fetch it again."
            )
        rows += 1
    return rows


def _write_rows(part: _Part, rows: Iterable[Mapping[str, str]], path: Path) -> int:
    number = 0
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(part.columns)
        names: list[str] = []
        for row in rows:
            number += 1
            names = names or _names(part, tuple(row))
            writer.writerow([row[name] for name in names])
    return number


def _names(part: _Part, given: tuple[str, ...]) -> list[str]:
    """The data set's own names of the part's columns, in their order."""
    bare = {name.casefold().replace("_", "").replace(" ", ""): name for name in given}
    found = [
        next((bare[alias] for alias in _ALIASES.get(column, (column,)) if alias in bare), None)
        for column in part.columns
    ]
    missing = [column for column, name in zip(part.columns, found, strict=True) if name is None]
    if missing:
        raise _wrong_columns(part, missing, given)
    return [name for name in found if name is not None]


def _wrong_columns(part: _Part, missing: list[str], given: tuple[str, ...]) -> CatalogError:
    return CatalogError(
        f"{part.name} of the data set has no column {', '.join(missing)}; it has {', '.join(given[:20])[:300]}.",
        f"Is it Walmart-Amazon? {part.name} must have {','.join(part.columns)}.",
    )
