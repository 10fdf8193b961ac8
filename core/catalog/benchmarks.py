"""The Walmart-Amazon benchmark: download from the Hugging Face hub, and import in the layout of DeepMatcher.

The other benchmarks of that family (Abt-Buy, Amazon-Google and others) are imported like any catalogue, since their
columns have common names.
"""

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from core.catalog.import_report import ImportReport
from core.catalog.importer import ImportOptions, import_file
from core.catalog.product import Role
from core.catalog.readers import BadRow, read_table
from core.catalog.store import CatalogStore
from core.catalog.upsert import ImportRules
from core.errors import CatalogError
from core.packages import install_hint
from labels.files import atomic_text, atomic_write, drafts, publish

WALMART_AMAZON = "matchbench/Walmart-Amazon"
"""The data set on the hub."""

PRODUCT_COLUMNS = ("id", "title", "category", "brand", "modelno", "price")
"""The header of both tables."""

LABEL_COLUMNS = ("ltable_id", "rtable_id", "label")
"""The header of the label files: ids of tableA.csv and of tableB.csv, and 1 for a match."""

TABLES: tuple[tuple[str, str, Role], ...] = (
    ("tableA.csv", "walmart", "query"),
    ("tableB.csv", "amazon", "catalog"),
)
"""File, source and role of the two tables."""

#: Data files and their description, without the loading script that some data sets have.
_DOWNLOADED_FILES = ("*.csv", "*.tsv", "*.json", "*.jsonl", "*.parquet", "*.arrow", "README.md")
_MANUAL_DOWNLOAD = (
    "Download the files of the data set with a browser into a folder DIR, then run `samesku import walmart-amazon DIR`."
)


def dataset_folder(repo: str) -> Path:
    """The folder with a data set's files, downloaded unless it is a local folder.

    Args:
        repo: `owner/name` on the hub, or a folder.

    Raises:
        CatalogError: huggingface_hub is not installed, or the download failed.
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
        return Path(snapshot_download(repo, repo_type="dataset", allow_patterns=list(_DOWNLOADED_FILES)))
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        message = f"There is no data set {repo!r} on the hub, and no folder of that name."
        raise CatalogError(message, _MANUAL_DOWNLOAD) from error
    # Network errors are OSErrors or errors of httpx, which cannot be named here without depending on it.
    except Exception as error:
        if not _is_network_error(error):
            raise
        message = f"The data set {repo!r} cannot be downloaded: {_first_line(error)}."
        raise CatalogError(message, _MANUAL_DOWNLOAD) from error


def _is_network_error(error: Exception) -> bool:
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(packages & {"httpx", "httpx2", "requests", "huggingface_hub"})


def configuration_rows(folder: Path, configuration: str, splits: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The rows of one split of a data set's configuration, with all values as text; missing ones are empty.

    Args:
        folder: the data set's files, with the configurations described in its README.md.
        configuration: its name.
        splits: candidate names of the split, of which the first existing one is read; if empty, there must be only one.

    Raises:
        CatalogError: datasets is not installed, or finds no such configuration or split.
    """
    try:
        import datasets
    except ImportError as error:
        raise _not_installed("datasets") from error
    # Errors of datasets: no data, a loading script, a missing configuration, inconsistent column types.
    failures = (datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError, TypeError)
    try:
        yield from _rows(datasets, folder, configuration, splits)
    except failures as error:
        raise CatalogError(
            f"The configuration {configuration!r} of the data set in {folder} cannot be read: {_first_line(error)}.",
            _MANUAL_DOWNLOAD,
        ) from error


def _rows(datasets: Any, folder: Path, configuration: str, splits: tuple[str, ...]) -> Iterator[dict[str, str]]:
    builder = datasets.load_dataset_builder(str(folder), configuration)
    # Otherwise pandas reads a brand called NA in a CSV as a missing value.
    options: dict[str, Any] = {}
    if hasattr(builder.config, "keep_default_na"):
        options["keep_default_na"] = False
    dataset = datasets.load_dataset(str(folder), configuration, streaming=True, **options)
    split = _choose_split(tuple(dataset), splits)
    first = next(iter(dataset[split]), None)
    if first is None:
        return
    # Read again with all columns as text, since inferred types turn the model number 00123 into 123.
    features = datasets.Features({name: datasets.Value("string") for name in first})
    texts = datasets.load_dataset(str(folder), configuration, split=split, streaming=True, features=features, **options)
    for row in texts:
        yield {name: "" if value is None else value for name, value in row.items()}


def _choose_split(existing: tuple[str, ...], candidates: tuple[str, ...]) -> str:
    for name in candidates:
        if name in existing:
            return name
    if not candidates and len(existing) == 1:
        return existing[0]
    raise ValueError(f"its splits are {', '.join(existing)}")


def _not_installed(package: str) -> CatalogError:
    return CatalogError(
        f"Fetching needs {package}, which is not installed.",
        f"{install_hint('train')}. {_MANUAL_DOWNLOAD}",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:300].rstrip(".")


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
    """Import `tableA.csv` (Walmart, the queries) and `tableB.csv` (Amazon, the catalogue) in one transaction.

    Args:
        store: the catalogue.
        folder: the folder with both files.
        progress: called with the number of rows read so far in both files.
        rejects_folder: folder for the lists of rejected rows, `rejects-walmart.csv` and `rejects-amazon.csv`.
        prune: remove the products that are missing from the files.
        vocabulary: the workspace's vocabulary file, for its placeholders.
        rules: restrictions on existing sources; the defaults if None.

    Returns:
        One report per source, Walmart first.

    Raises:
        CatalogError: a file is missing, or not such a table.
    """
    _check_complete(folder)
    reports: list[ImportReport] = []
    with store.transaction():
        for name, source, role in TABLES:
            options = ImportOptions(
                role=role,
                rejects_path=rejects_folder / f"rejects-{source}.csv" if rejects_folder else None,
                prune=prune,
                vocabulary=vocabulary,
                rules=rules or ImportRules(),
            )
            count = partial(_report_rows, progress, sum(map(_rows_read, reports))) if progress else None
            reports.append(import_file(store, folder / name, source, options, count))
    return reports


def _check_complete(folder: Path) -> None:
    missing = [name for name, _, _ in TABLES if not (folder / name).exists()]
    if missing:
        raise CatalogError(
            f"There is no {' and no '.join(missing)} in {folder}.",
            "Name the folder with tableA.csv and tableB.csv; `samesku fetch walmart-amazon` creates one.",
        )


def _rows_read(report: ImportReport) -> int:
    counts = report.counts
    return counts.added + counts.changed + counts.unchanged + report.rejected.total()


def _report_rows(progress: Callable[[int], None], before: int, rows: int) -> None:
    progress(before + rows)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A written file, and its number of rows without the header."""

    path: Path
    rows: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of the layout, and the configuration of the hub's data set with the same content.

    Attributes:
        splits: known names of the split, the likeliest first; empty for the only split.
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

#: Column → its names in other copies of the data set, lower-case and without spaces and underscores.
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

    These files are copied if the data set has them; otherwise its configurations `source`, `target` and `pairs` are
    converted. Code of the data set is neither run nor downloaded. The files are published after all are checked.

    Args:
        target: the folder; created if missing.
        repo: the data set on the hub, or a local folder with the same layout.
        progress: called with a sentence at each step.

    Returns:
        The five files.

    Raises:
        CatalogError: the download failed, a package is missing, or the data set has other columns.
    """
    report = progress or (lambda _: None)
    report(f"Fetching {repo}")
    snapshot = dataset_folder(repo)
    try:
        target.mkdir(parents=True, exist_ok=True)
        # The drafts are in the target folder, since renaming is atomic only within a file system.
        with drafts(target) as draft:
            fetched = []
            for part in _PARTS:
                report(f"Writing {part.name}")
                fetched.append(_write(part, snapshot, draft / part.name))
            for file in fetched:
                publish(file.path, target / file.path.name)
    except OSError as error:
        raise CatalogError(
            f"The data set cannot be written to {target}: {error.strerror or error}.",
            "Check the free disk space and the folder's permissions.",
        ) from error
    return [FetchedFile(target / file.path.name, file.rows) for file in fetched]


def _write(part: _Part, snapshot: Path, path: Path) -> FetchedFile:
    original = snapshot / part.name
    if original.is_file():
        rows = _count_rows(part, original)
        with original.open("rb") as source, atomic_write(path) as out:
            shutil.copyfileobj(source, out)
    else:
        rows = _write_rows(part, configuration_rows(snapshot, part.configuration, part.splits), path)
    if rows == 0:
        raise CatalogError(f"{part.name} of the data set has no rows.", "Check that the copy is complete.")
    return FetchedFile(path, rows)


def _count_rows(part: _Part, path: Path) -> int:
    """Number of rows of a file with the expected columns. Detects web pages and Git LFS pointers, too."""
    content = read_table(path)
    missing = [column for column in part.columns if column not in content.columns]
    if missing:
        raise _wrong_columns(part, missing, content.columns)
    rows = 0
    for row in content.rows:
        if isinstance(row, BadRow):
            raise CatalogError(
                f"{part.name} of the data set is damaged: line {row.line}, {row.reason}.", "Download it again."
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
            names = names or _column_names(part, tuple(row))
            writer.writerow([row[name] for name in names])
    return number


def _column_names(part: _Part, given: tuple[str, ...]) -> list[str]:
    """The data set's names of the part's columns, in the order of the part."""
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
