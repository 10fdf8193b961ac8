"""The Walmart-Amazon benchmark in the layout of the DeepMatcher data sets.

Others of that family (Abt-Buy, Amazon-Google …) come in the same way: columns are known by their usual names.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from core.catalog.import_report import ImportReport
from core.catalog.importer import import_file
from core.catalog.role import Role
from core.catalog.store import CatalogStore
from core.catalog.writing import ImportRules
from core.errors import CatalogError

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
            count = partial(_add, progress, sum(map(_rows, reports))) if progress else None
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


def _rows(report: ImportReport) -> int:
    counts = report.counts
    return counts.added + counts.changed + counts.unchanged + report.rejected.total()


def _add(progress: Callable[[int], None], before: int, rows: int) -> None:
    progress(before + rows)
