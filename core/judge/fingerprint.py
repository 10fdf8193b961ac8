"""What is in a model's folder, as a short name: another file is another judge."""

import hashlib
from pathlib import Path

_NAMED = (".json", ".safetensors", ".jinja")

#: Adapters are read whole; of weights larger than this, only both ends.
_WHOLE, _END = 64 * 2**20, 2**20


def fingerprint(model: str) -> str:
    """The folder's name and a digest of its files; the name alone of what is no folder here, a model on the hub.

    A model of several gigabytes takes milliseconds: of each large file, its size and both its ends count.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return model
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.suffix in _NAMED and path.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        with file.open("rb") as opened:
            if size <= _WHOLE:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
            else:
                digest.update(opened.read(_END))
                opened.seek(-_END, 2)
                digest.update(opened.read(_END))
    return f"{folder.absolute().name}@{digest.hexdigest()[:8]}"
