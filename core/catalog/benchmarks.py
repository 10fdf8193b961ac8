"""The Walmart-Amazon benchmark from the Hugging Face hub, as files in the DeepMatcher layout."""

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from core.catalog.import_report import ImportReport
from core.catalog.importer import import_file
from core.catalog.product import Role
from core.catalog.readers import BadRow, read_table
from core.catalog.store import CatalogStore
from core.catalog.upsert import ImportRules
from core.errors import CatalogError
from labels.files import atomic_text, atomic_write, drafts, publish

# Data and their description; never the loading script that some data sets still carry.
_WANTED = ("*.csv", "*.tsv", "*.json", "*.jsonl", "*.parquet", "*.arrow", "README.md")
_BY_HAND = (
    "Download the files of the data set with a browser into a folder DIR, then run `samesku import walmart-amazon DIR`."
)


def dataset_folder(repo: str) -> Path:
    """The folder with the data set's files, downloaded if it is not one already.

    Args:
        repo: `owner/name` on the hub, or a folder.

    Raises:
        CatalogError: huggingface_hub is missing, there is no network, or no such data set.
    """
    if Path(repo).is_dir():
        return Path(repo).resolve()
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HFValidationError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ImportError as error:
        raise _not_installed("huggingface_hub") from error
    try:
        return Path(snapshot_download(repo, repo_type="dataset", allow_patterns=list(_WANTED)))
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise CatalogError(f"There is no data set {repo!r} on the hub, nor a folder of that name.", _BY_HAND) from error
    # The hub's errors are OSErrors, and so are those of the network below it; a timeout is one of httpx,
    # whose errors have no root that this package could name without depending on it.
    except Exception as error:
        if not _is_of_the_network(error):
            raise
        raise CatalogError(f"The data set {repo!r} cannot be downloaded: {_first_line(error)}.", _BY_HAND) from error


def _is_of_the_network(error: Exception) -> bool:
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(packages & {"httpx", "httpx2", "requests", "huggingface_hub"})


def configuration_rows(folder: Path, configuration: str, splits: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The rows of one split of a configuration, every value as text, nothing as an empty one.

    Args:
        folder: the data set's files, with the configurations described in its README.md.
        configuration: its name.
        splits: names of the split, the first that is there is read; empty: there must be only one.

    Raises:
        CatalogError: datasets is missing, or it finds no such configuration or split.
    """
    try:
        import datasets
    except ImportError as error:
        raise _not_installed("datasets") from error
    # What datasets raises for a folder without data, a script, a configuration that is not there, a
    # column that changes its type halfway.
    failures = (datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError, TypeError)
    try:
        yield from _rows(datasets, folder, configuration, splits)
    except failures as error:
        raise CatalogError(
            f"The configuration {configuration!r} of the data set in {folder} cannot be read: {_first_line(error)}.",
            _BY_HAND,
        ) from error


def _rows(datasets: Any, folder: Path, configuration: str, splits: tuple[str, ...]) -> Iterator[dict[str, str]]:
    builder = datasets.load_dataset_builder(str(folder), configuration)
    # In a CSV, pandas would take a brand called NA for nothing.
    options: dict[str, Any] = {}
    if hasattr(builder.config, "keep_default_na"):
        options["keep_default_na"] = False
    given = datasets.load_dataset(str(folder), configuration, streaming=True, **options)
    split = _split(tuple(given), splits)
    first = next(iter(given[split]), None)
    if first is None:
        return
    # Once more with every column as text: guessed types turn the model number 00123 into 123.
    features = datasets.Features({name: datasets.Value("string") for name in first})
    texts = datasets.load_dataset(str(folder), configuration, split=split, streaming=True, features=features, **options)
    for row in texts:
        yield {name: "" if value is None else value for name, value in row.items()}


def _split(given: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    for name in wanted:
        if name in given:
            return name
    if not wanted and len(given) == 1:
        return given[0]
    raise ValueError(f"its splits are {', '.join(given)}")


def _not_installed(package: str) -> CatalogError:
    return CatalogError(
        f"Fetching takes {package}, which is not installed.",
        f"From a clone: pip install -c constraints.txt '.[train]'. {_BY_HAND}",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:300].rstrip(".")


PRODUCT_COLUMNS = ("id", "title", "category", "brand", "modelno", "price")
"""The header of both tables."""

LABEL_COLUMNS = ("ltable_id", "rtable_id", "label")
"""The header of the files of labelled pairs: ids of tableA.csv and of tableB.csv, and 1 for a match."""

TABLES: tuple[tuple[str, str, Role], ...] = (
    ("tableA.csv", "walmart", "query"),
    ("tableB.csv", "amazon", "catalog"),
)
"""File, source and role of the two tables."""


def import_walmart_amazon(
    store: CatalogStore,
    folder: Path,
    progress: Callable[[int], None] | None = None,
    *,
    rejects_folder: Path | None = None,
    prune: bool = False,
    vocabulary: Path | None = None,
    rules: ImportRules | None = None,
) -> list[ImportReport]:
    """Import `tableA.csv` (Walmart, the queries) and `tableB.csv` (Amazon, the catalogue): both or neither.

    Args:
        store: where to.
        folder: the folder with both files.
        progress: called with the number of rows read so far, of both files together.
        rejects_folder: where to list bad rows, as `rejects-walmart.csv` and `rejects-amazon.csv`.
        prune: take out the products that the files no longer have.
        vocabulary: the workspace's, whose placeholders count too.
        rules: what may be done to sources that are there; the defaults if None.

    Returns:
        One report for each source, Walmart first.

    Raises:
        CatalogError: a file is missing or is not such a table.
    """
    _check_complete(folder)
    reports: list[ImportReport] = []
    with store.together():
        for name, source, role in TABLES:
            rejects = rejects_folder / f"rejects-{source}.csv" if rejects_folder else None
            count = partial(_add, progress, sum(map(_walmart_amazon_rows, reports))) if progress else None
            report = import_file(
                store, folder / name, source=source, role=role, rejects_path=rejects, progress=count, prune=prune,
                vocabulary=vocabulary, rules=rules,
            )  # fmt: skip
            reports.append(report)
    return reports


def _check_complete(folder: Path) -> None:
    missing = [name for name, _, _ in TABLES if not (folder / name).exists()]
    if missing:
        raise CatalogError(
            f"There is no {' and no '.join(missing)} in {folder}.",
            "Name the folder that holds tableA.csv and tableB.csv; `samesku fetch walmart-amazon` makes one.",
        )


def _walmart_amazon_rows(report: ImportReport) -> int:
    counts = report.counts
    return counts.added + counts.changed + counts.unchanged + report.rejected.total()


def _add(progress: Callable[[int], None], before: int, rows: int) -> None:
    progress(before + rows)


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
    snapshot = dataset_folder(repo)
    try:
        target.mkdir(parents=True, exist_ok=True)
        # In the target itself: renaming within one file system is all or nothing.
        with drafts(target) as draft:
            fetched = []
            for part in _PARTS:
                say(f"Writing {part.name}")
                fetched.append(_write(part, snapshot, draft / part.name))
            for file in fetched:
                publish(file.path, target / file.path.name)
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
        with ready.open("rb") as source, atomic_write(path) as out:
            shutil.copyfileobj(source, out)
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
