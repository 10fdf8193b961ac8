"""A data set of the Hugging Face hub on this disk, and the rows of its configurations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import CatalogError

# Data and their description; never the loading script that some data sets still carry.
_WANTED = ("*.csv", "*.tsv", "*.json", "*.jsonl", "*.parquet", "*.arrow", "README.md")
_BY_HAND = (
    "Download the files of the data set with a browser into a folder DIR, then run `samesku import walmart-amazon DIR`."
)


def local_copy(repo: str) -> Path:
    """The folder with the data set's files, downloaded if it is not one already.

    Args:
        repo: `owner/name` on the hub, or a folder.

    Raises:
        CatalogError: huggingface_hub is missing, there is no network, or no such data set.
    """
    if Path(repo).is_dir():
        return Path(repo).resolve()
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy, and not always installed
        from huggingface_hub.errors import (  # noqa: PLC0415
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
        import datasets  # noqa: PLC0415 - heavy, and not always installed
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
