"""What an index run has computed so far: in memory, or in files from which an interrupted run goes on.

The files lie in a folder of their own beside those of the last finished run, which stay what they are meanwhile. Each
is written atomically, and counts once its checksum is in the manifest of the folder.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import CoreError
from core.retrieval.array_file import Arrays, load_arrays, save_arrays
from core.retrieval.manifest import DenseRecord, add_to_manifest, file_damage, manifest_fingerprint, read_manifest
from labels.files import way_out
from labels.quarantine import set_aside

_FOLDER = "unfinished"


class RunFiles:
    """Named arrays that an index run keeps until it is finished; in memory, unless `on_disk` has made it."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._version = ""
        self._in_memory: dict[str, Arrays] = {}

    @classmethod
    def on_disk(cls, index: Path, version: str) -> "RunFiles":
        """The files of a run, with those that an interrupted run of the same version has left.

        Args:
            index: folder of the model's index.
            version: hash of everything that the run depends on.

        Raises:
            CoreError: the folder cannot be made.
        """
        found = cls()
        found.folder, found._version = index / _FOLDER, version
        if manifest_fingerprint(found.folder) != version:
            found.discard()
        try:
            found.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise CoreError(
                f"{found.folder} cannot be made: {error.strerror}.", way_out(error, "Look at `samesku doctor`.")
            ) from error
        return found

    def make(self, name: str, compute: Callable[[], Arrays]) -> None:
        """Compute arrays, unless an interrupted run has."""
        if self.folder is None:
            self._in_memory[name] = compute()
        elif not self.has(name):
            save_arrays(self.folder / name, compute())
            self.record(name)

    def load(self, name: str, only: Sequence[str] | None = None) -> Arrays:
        """Arrays that were made: large ones memory-mapped, of files.

        Args:
            name: of the file.
            only: names of the wanted arrays; by default all.
        """
        if self.folder is None:
            return self._in_memory[name]
        return load_arrays(self.folder / name, only)

    def kept(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """Arrays that are computed, unless an interrupted run has."""
        self.make(name, compute)
        return self.load(name)

    def has(self, name: str) -> bool:
        """Whether an interrupted run has left an intact file of this name."""
        if self.folder is None:
            return name in self._in_memory
        manifest = read_manifest(self.folder)
        expected = manifest.files.get(name) if manifest is not None else None
        return expected is not None and not file_damage(self.folder / name, expected)

    def record(self, name: str, dense: DenseRecord | None = None) -> None:
        """Record a finished file; `dense` is what the manifest keeps of an approximate index."""
        if self.folder is not None:
            add_to_manifest(self.folder, self._version, name, dense)

    def discard(self) -> None:
        """Remove all of it. Files that are mapped stay until they are no longer used."""
        self._in_memory.clear()
        if self.folder is None:
            return
        if self.folder.is_dir() and not self.folder.is_symlink():
            shutil.rmtree(self.folder, ignore_errors=True)  # what stays is no file of another version
        else:
            set_aside(self.folder)
