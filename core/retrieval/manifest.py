"""What an index run has written to its folder, so that the next run notices what is damaged or gone."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import CoreError, DamagedError
from core.json_store import load, save
from labels.files import open_regular
from labels.quarantine import set_aside_irregular

_NAME = "manifest.json"
_CHUNK_BYTES = 2**20
#: The FAISS index of the products.
PRODUCTS = "products.faiss"


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file of the folder as it was written."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one index run has written.

    Attributes:
        fingerprint: of all that the run depended on.
        files: by name.
    """

    fingerprint: str
    files: dict[str, IndexFile]


def write_manifest(folder: Path, fingerprint: str) -> None:
    """Note what an index run has just written to its folder.

    Raises:
        CoreError: it cannot be written.
    """
    set_aside_irregular(folder / _NAME)
    save(folder / _NAME, asdict(Manifest(fingerprint, {PRODUCTS: _facts(folder / PRODUCTS)})))


def damage(folder: Path) -> list[str]:
    """What of a model's folder is not as an index run has written it, a few words each."""
    try:
        manifest = load(folder / _NAME, Manifest)
    except FileNotFoundError:
        return [f"{_NAME} is missing"]
    except CoreError:
        return [f"{_NAME} is damaged"]
    found = {name: _damage_of(folder / name, wanted) for name, wanted in manifest.files.items()}
    found.setdefault(PRODUCTS, "missing")
    return [f"{name} is {state}" for name, state in found.items() if state]


def is_of(folder: Path, fingerprint: str) -> bool:
    """Whether the folder was written by a run that depended on exactly this."""
    try:
        return load(folder / _NAME, Manifest).fingerprint == fingerprint
    except (FileNotFoundError, CoreError):
        return False


def indexed_models(index: Path) -> list[str]:
    """Ids of the models that an index run was made with."""
    return sorted(manifest.parent.name for manifest in index.glob(f"*/{_NAME}"))


def no_candidates(index: Path) -> CoreError:
    """The error where derived.db holds no candidates: they are gone, or there never were any."""
    if indexed_models(index):
        return DamagedError("The candidates in derived.db are gone.", "Run `samesku index` to make them again.")
    return CoreError("There are no candidates yet.", "Run `samesku index` first.")


def _damage_of(path: Path, wanted: IndexFile) -> str:
    try:
        with open_regular(path, follow_links=False) as file:
            size = file.seek(0, 2)
            if size != wanted.bytes:
                return f"damaged: {size:,} bytes, not {wanted.bytes:,}"
            file.seek(0)
            if _sha256(file) != wanted.sha256:
                return "damaged"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"damaged: {error.strerror}"
    return ""


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
        digest.update(chunk)
    return digest.hexdigest()


def _facts(path: Path) -> IndexFile:
    with open_regular(path, follow_links=False) as file:
        digest = _sha256(file)
        return IndexFile(file.seek(0, 2), digest)
