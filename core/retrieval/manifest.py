"""Manifest of the index files of a model: sizes and checksums, to detect missing and damaged files."""

import hashlib
import stat
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from core.errors import CoreError, DamagedError
from core.json_store import load, save
from labels.files import open_regular
from labels.quarantine import identity, set_aside_irregular

_FILE_NAME = "manifest.json"
_CHUNK_BYTES = 2**20
_SECOND_NS = 10**9
#: Bytes from which a file is large: reading it takes a third of a second.
_MIN_LARGE = 2**28
#: File name of the FAISS index of the products.
PRODUCTS = "products.faiss"
#: File name of the products' ids in it, where they are not their positions.
PRODUCT_IDS = "product_ids.safetensors"
#: Behind the checksum of the vectors of an index whose products have ids of their own.
_IDS_MARK = "+ids"


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
        vectors: SHA-256 of the vectors; in a vector database, of all that is stored there. With a mark, if the products
            have ids of their own.
        recall: the target that `probes` and `shortlist` reach.
        untrained: products that came or left since the index was trained, whichever are more: a changed one did both.
        ids: SHA-256 of the products' ids; empty if they are their positions.
    """

    kind: str
    products: int
    dimensions: int
    vectors: str
    recall: float
    probes: int
    shortlist: int
    untrained: int = 0
    ids: str = ""

    def is_of(self, other: "DenseRecord") -> bool:
        """Whether this is an index of the same vectors, and for the same recall, whatever its search parameters.

        Args:
            other: without ids.
        """
        other = other.with_ids(self.ids) if self.ids else other
        return (self.kind, self.products, self.dimensions, self.vectors, self.recall) == (
            other.kind, other.products, other.dimensions, other.vectors, other.recall,
        )  # fmt: skip

    def with_ids(self, ids: str) -> "DenseRecord":
        """The record of an index whose products have ids of their own.

        Versions that know no ids would take them for positions: by the mark, they take the index for one of other
        vectors, and build it again.

        Args:
            ids: SHA-256 of them.
        """
        return replace(self, vectors=self.vectors + _IDS_MARK, ids=ids)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of one index run.

    Attributes:
        fingerprint: hash of all inputs of the run.
        files: by name.
        dense: of an index that is not an exact one in a file.
        written: when each file was written, in nanoseconds since the epoch; empty in manifests of earlier versions.
    """

    fingerprint: str
    files: dict[str, IndexFile]
    dense: DenseRecord | None = None
    written: dict[str, int] = field(default_factory=dict)

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
    names = list(names)
    # The times before the checksums, so that a file that is replaced meanwhile has another one.
    written = {name: (folder / name).lstat().st_mtime_ns for name in names}
    if before is not None:
        written |= {name: before.written.get(name, 0) for name in known}
    files = {name: known.get(name) or index_file(folder / name) for name in names}
    save(folder / _FILE_NAME, asdict(Manifest(fingerprint, files, dense, written)))


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


def index_damage(folder: Path, *, quick: bool = False) -> list[str]:
    """The missing and damaged index files of a model folder, a few words each.

    Args:
        folder: of the model.
        quick: do not read large files that were written over a second before the manifest. Those of a million products
            take gigabytes; the code that uses them compares their checksums.
    """
    try:
        manifest = load(folder / _FILE_NAME, Manifest)
    except FileNotFoundError:
        return [f"{_FILE_NAME} is missing"]
    except CoreError:
        return [f"{_FILE_NAME} is damaged"]
    states = {
        name: "" if quick and _is_untouched(folder, name, manifest) else file_damage(folder / name, expected)
        for name, expected in manifest.files.items()
    }
    if manifest.has_products:
        states.setdefault(PRODUCTS, "missing")
    return [f"{name} is {state}" for name, state in states.items() if state]


def _is_untouched(folder: Path, name: str, manifest: Manifest) -> bool:
    """Whether a large file has the size and time of the manifest, which was written a second later.

    Within a second, a file may be written twice without another time.
    """
    try:
        file, recorded = (folder / name).lstat(), (folder / _FILE_NAME).lstat()
    except OSError:
        return False
    if (file.st_size, file.st_mtime_ns) != (manifest.files[name].bytes, manifest.written.get(name)):
        return False
    if file.st_size < _MIN_LARGE:
        return False
    return stat.S_ISREG(file.st_mode) and file.st_mtime_ns + _SECOND_NS < recorded.st_mtime_ns


def forget_damaged(folder: Path) -> None:
    """Remove the manifest of missing or damaged files, so that the next run makes all of them again.

    A run that has nothing to do does not read large files, and would not notice. Reading them takes seconds, in which
    another run may write a new manifest, which stays.
    """
    path = folder / _FILE_NAME
    examined = identity(path)
    if index_damage(folder) and identity(path) == examined:
        path.unlink(missing_ok=True)


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
