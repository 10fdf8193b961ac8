"""What is in a model's folder, as a short name: another file is another judge."""

import hashlib
import os
from pathlib import Path

from core.errors import ModelError
from labels.files import open_regular

_NAMED = (".json", ".safetensors", ".jinja")

#: Adapters are read whole; of weights larger than this, only both ends.
_WHOLE, _END = 64 * 2**20, 2**20


def fingerprint(model: str) -> str:
    """The folder's name and a digest of its files; the name alone of what is no folder here, a model on the hub.

    A model of several gigabytes takes milliseconds: of each large file, its size and both its ends count.

    Raises:
        ModelError: a file cannot be read.
    """
    folder = Path(model)
    if not (folder.is_absolute() and folder.is_dir()):
        return model
    digest = hashlib.sha256()
    try:
        for file in sorted(path for path in folder.iterdir() if path.suffix in _NAMED and path.is_file()):
            _add(digest, file)
    except OSError as error:
        raise ModelError(
            f"{error.filename or folder} cannot be read: {error.strerror}.", "Name another folder as the judge's model."
        ) from error
    return f"{folder.name}@{digest.hexdigest()[:8]}"


def _add(digest: "hashlib._Hash", file: Path) -> None:
    with open_regular(file) as opened:
        size = os.fstat(opened.fileno()).st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        if size <= _WHOLE:
            digest.update(hashlib.sha256(opened.read(_WHOLE)).digest())
        else:
            digest.update(opened.read(_END))
            opened.seek(-_END, os.SEEK_END)
            digest.update(opened.read(_END))
