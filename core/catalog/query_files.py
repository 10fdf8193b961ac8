"""Files of queries that are matched without being imported: read in the order of their names, one product at a time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path

from core.catalog.importer import read_products
from core.catalog.product import Product, without_escape_sequences
from core.catalog.rejects import rejects_file_name
from core.catalog.store import CatalogStore
from core.errors import CatalogError
from core.workspace import Workspace
from labels.exchange.files import unreadable_message
from labels.files import open_regular

#: Products between two calls of `progress`.
_PROGRESS_PRODUCTS = 1000


@dataclass(frozen=True, slots=True)
class QuerySurvey:
    """What the files hold.

    Attributes:
        products: number of products.
        rejected: reason → number of rejected rows.
        lists: the lists of rejected rows, in the reports of the workspace.
        digests: file name → SHA-256 of the file.
    """

    products: int
    rejected: Counter[str]
    lists: tuple[Path, ...]
    digests: dict[str, str]


@dataclass(frozen=True)
class QueryFiles:
    """Files of products.

    Attributes:
        paths: the files.
        source: the retailer of all products.
        mapping: field → column, with precedence over common column names.
    """

    paths: tuple[Path, ...]
    source: str
    mapping: Mapping[str, str] = field(default_factory=dict)

    def products(self, workspace: Workspace) -> Iterator[Product]:
        """The products, as an import and an index run read them.

        Raises:
            CatalogError: a file is not a table, or a column is missing.
        """
        for path in self.paths:
            yield from self._of_file(workspace, path, None, Counter())

    def survey(self, workspace: Workspace, progress: Callable[[int], None]) -> QuerySurvey:
        """Read all files once, to count the products, and to find what cannot be read before any other work.

        Args:
            workspace: whose reports receive the lists of rejected rows.
            progress: called with the number of products so far.

        Raises:
            CatalogError: as `products`, or there is no product.
        """
        count, rejected, lists, digests = 0, Counter[str](), [], {}
        for path in self.paths:
            rejects_path = workspace.reports / rejects_file_name(f"input {path.name}")
            before = rejected.total()
            for _ in self._of_file(workspace, path, rejects_path, rejected):
                count += 1
                if count % _PROGRESS_PRODUCTS == 0:
                    progress(count)
            if rejected.total() > before:
                lists.append(rejects_path)
            digests[path.name] = _digest(path)
        progress(count)
        if not count:
            where = f"{lists[0]} lists the rows." if lists else "Was it written, or downloaded, to its end?"
            names = ", ".join(str(path) for path in self.paths[:3])
            raise CatalogError(f"There is no product in {names}.", where)
        return QuerySurvey(count, rejected, tuple(lists), digests)

    def _of_file(
        self, workspace: Workspace, path: Path, rejects_path: Path | None, rejected: Counter[str]
    ) -> Iterator[Product]:
        with CatalogStore(workspace.catalog) as store:
            yield from map(
                without_escape_sequences,
                read_products(
                    store, path, self.source, mapping=self.mapping, vocabulary=workspace.vocabulary,
                    rejects_path=rejects_path, rejected=rejected,
                ),
            )  # fmt: skip


def input_files(path: Path) -> tuple[Path, ...]:
    """The file, or the files of a folder by name: not those in folders inside it, nor those that begin with . or _.

    Raises:
        CatalogError: the folder has no files, or cannot be read.
    """
    if not path.is_dir():
        return (path,)
    try:
        found = sorted(each for each in path.iterdir() if each.is_file() and each.name[0] not in "._")
    except OSError as error:
        raise CatalogError(*unreadable_message(path, error)) from error
    if not found:
        raise CatalogError(
            f"There is no file in the folder {path}.",
            "Files that begin with . or _ are left out, as are inner folders.",
        )
    return tuple(found)


def _digest(path: Path) -> str:
    # The sheet of a workbook may be named after the file: prices.xlsx#Sheet.
    file = path if path.exists() else path.with_name(path.name.partition("#")[0])
    try:
        with open_regular(file) as content:
            return file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CatalogError(*unreadable_message(file, error)) from error
