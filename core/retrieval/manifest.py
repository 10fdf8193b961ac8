"""Manifest of the index files of a model: sizes and checksums, to detect missing and damaged files."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import CoreError, DamagedError
from core.json_store import load, save
from labels.files import open_regular
from labels.quarantine import set_aside_irregular

_FILE_NAME = "manifest.json"
_CHUNK_BYTES = 2**20
#: File name of the FAISS index of the products.
PRODUCTS = "products.faiss"


@dataclass(frozen=True, slots=True)
class IndexFile:
    """Size and checksum of an index file."""

    bytes: int
    sha256: str


#: Kind of an index in a vector database, which has no file.
MILVUS = "milvus"


@dataclass(frozen=True, slots=True)
class DenseRecord:
    """What an approximate index, or one in a vector database, was built from, and how it is searched.

    Attributes:
        vectors: SHA-256 of the vectors; in a vector database, of all that is stored there.
        recall: the target that `probes` and `shortlist` reach.
    """

    kind: str
    products: int
    dimensions: int
    vectors: str
    recall: float
    probes: int
    shortlist: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of one index run.

    Attributes:
        fingerprint: hash of all inputs of the run.
        files: by name.
        dense: of an index that is not an exact one in a file.
    """

    fingerprint: str
    files: dict[str, IndexFile]
    dense: DenseRecord | None = None

    @property
    def has_products(self) -> bool:
        """Whether the index of the products is a file."""
        return self.dense is None or self.dense.kind != MILVUS


def write_manifest(
    folder: Path,
    fingerprint: str,
    names: Iterable[str],
    dense: DenseRecord | None = None,
    kept: Collection[str] = (),
) -> None:
    """Write the manifest of index files in a folder.

    Args:
        folder: of the model.
        fingerprint: hash of all inputs of the run.
        names: of the files.
        dense: of an index that is not an exact one in a file.
        kept: files that the run has read and not written, whose checksums are those of the manifest before.

    Raises:
        CoreError: it cannot be written.
    """
    before = read_manifest(folder)
    known = {name: before.files[name] for name in kept if name in before.files} if before is not None else {}
    set_aside_irregular(folder / _FILE_NAME)
    files = {name: known.get(name) or index_file(folder / name) for name in names}
    save(folder / _FILE_NAME, asdict(Manifest(fingerprint, files, dense)))


def add_to_manifest(folder: Path, fingerprint: str, name: str, dense: DenseRecord | None = None) -> None:
    """Add a file to the manifest of a folder; files of another run are forgotten.

    Raises:
        CoreError: the manifest cannot be written.
    """
    before = read_manifest(folder)
    if before is None or before.fingerprint != fingerprint:
        before = Manifest(fingerprint, {})
    set_aside_irregular(folder / _FILE_NAME)
    files = {**before.files, name: index_file(folder / name)}
    save(folder / _FILE_NAME, asdict(Manifest(fingerprint, files, dense or before.dense)))


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None if it is missing or damaged."""
    try:
        return load(folder / _FILE_NAME, Manifest)
    except (FileNotFoundError, CoreError):
        return None


def index_damage(folder: Path) -> list[str]:
    """The missing and damaged index files of a model folder, a few words each."""
    try:
        manifest = load(folder / _FILE_NAME, Manifest)
    except FileNotFoundError:
        return [f"{_FILE_NAME} is missing"]
    except CoreError:
        return [f"{_FILE_NAME} is damaged"]
    states = {name: file_damage(folder / name, expected) for name, expected in manifest.files.items()}
    if manifest.has_products:
        states.setdefault(PRODUCTS, "missing")
    return [f"{name} is {state}" for name, state in states.items() if state]


def manifest_fingerprint(folder: Path) -> str:
    """The fingerprint of the run that wrote a folder; empty if there is no readable manifest."""
    manifest = read_manifest(folder)
    return "" if manifest is None else manifest.fingerprint


def checksum(folder: Path, name: str) -> str:
    """The checksum of an index file by the manifest; empty if that does not list it."""
    manifest = read_manifest(folder)
    return manifest.files[name].sha256 if manifest is not None and name in manifest.files else ""


def indexed_models(index: Path) -> list[str]:
    """Ids of the models that have an index."""
    return sorted(manifest.parent.name for manifest in index.glob(f"*/{_FILE_NAME}"))


def no_candidates(index: Path) -> CoreError:
    """The error for a derived.db without candidates: they were lost, or there was no index run yet."""
    if indexed_models(index):
        return DamagedError("The candidates in derived.db are gone.", "Run `samesku index` to make them again.")
    return CoreError("There are no candidates yet.", "Run `samesku index` first.")


def file_damage(path: Path, expected: IndexFile) -> str:
    """What is wrong with a file, a few words; empty if it is intact."""
    try:
        with open_regular(path, follow_links=False) as file:
            return content_damage(file, expected)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"damaged: {error.strerror}"


def content_damage(file: BinaryIO, expected: IndexFile) -> str:
    """The same for an open file.

    Raises:
        OSError: it cannot be read.
    """
    size = file.seek(0, 2)
    if size != expected.bytes:
        return f"damaged: {size:,} bytes, not {expected.bytes:,}"
    file.seek(0)
    return "" if _sha256(file) == expected.sha256 else "damaged"


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
        digest.update(chunk)
    return digest.hexdigest()


def index_file(path: Path) -> IndexFile:
    """Size and checksum of a file.

    Raises:
        OSError: it cannot be read.
    """
    with open_regular(path, follow_links=False) as file:
        digest = _sha256(file)
        return IndexFile(file.seek(0, 2), digest)
