"""Checkpoints of a retrain, from which an interrupted one goes on.

models/checkpoints/<run>/<stage>/ has the checkpoints of the trainer, one folder each, and `data.json`, which identifies
the training data. A checkpoint is complete once it has `complete.json`, which is written last, with the SHA-256 of each
of its files: of a killed process, a half-written checkpoint may be left.
"""

import hashlib
import json
import re
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.errors import CoreError
from core.jobs.progress import Reporter
from core.json_store import load, save
from core.retrieval.encoder_files import EncoderModel, weights_sha256
from core.training.batches import TextGroups
from core.training.recipes.recipe import Recipe
from labels.files import open_regular, sync

#: Interrupted runs whose checkpoints are kept, the latest ones.
_MAX_RUNS = 3

_COMPLETE, _DATA = "complete.json", "data.json"

#: Packages whose versions a checkpoint depends on.
_PACKAGES = ("torch", "transformers", "sentence-transformers", "peft", "bitsandbytes")


@dataclass(frozen=True, slots=True)
class Complete:
    """What `complete.json` records of a checkpoint.

    Attributes:
        step: optimizer steps that are done.
        seconds: training time until then.
        peak_memory_bytes: highest memory in use until then.
        files: name → SHA-256.
    """

    step: int
    seconds: float
    peak_memory_bytes: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Data:
    sha256: str


def run_key(recipe: Recipe, base: EncoderModel, max_tokens: int) -> str:
    """Identifies runs that may go on from each other's checkpoints, apart from their training data."""
    parts = {
        "recipe": recipe.model_dump(mode="json", exclude={"description"}),
        "base": [base.id, weights_sha256(base.path)],
        "max_tokens": max_tokens,
        "packages": {name: _version(name) for name in _PACKAGES},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _version(package: str) -> str:
    with suppress(PackageNotFoundError):
        return version(package)
    return ""


def data_sha256(rows: str, groups: TextGroups) -> str:
    """Identifies training data by the SHA-256 of its rows, and the groups of products, which decide on the batches."""
    listed = sorted([text, sorted(names)] for text, names in groups.items())
    return hashlib.sha256(f"{rows}\n{json.dumps(listed)}".encode()).hexdigest()


class RunCheckpoints:
    """The checkpoints of all stages of a run.

    Args:
        folder: of all runs.
        key: of this run, by `run_key`.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._all, self._folder = folder, folder / key

    def stage(self, name: str, data_sha256: str) -> "StageCheckpoints":
        """The checkpoints of a training stage on some data."""
        return StageCheckpoints(self._folder / re.sub(r"\W+", "-", name), data_sha256)

    def remove_others(self) -> None:
        """Remove the checkpoints of all runs but the latest ones."""
        with suppress(OSError):
            runs = [path for path in self._all.iterdir() if path.is_dir() and path != self._folder]
            for path in sorted(runs, key=lambda path: path.stat().st_mtime)[: 1 - _MAX_RUNS]:
                shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Remove the checkpoints of this run, which has ended."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # other runs have some
            self._all.rmdir()


class StageCheckpoints:
    """The checkpoints of one training stage.

    Args:
        folder: of the stage; the trainer writes to it.
        data_sha256: identifies the training data.
    """

    def __init__(self, folder: Path, data_sha256: str) -> None:
        self.folder = folder
        self._data = _Data(data_sha256)

    def begin(self, reporter: Reporter) -> tuple[Path, Complete] | None:
        """The last complete checkpoint; None to start from the beginning. Removes what is of no use.

        Args:
            reporter: is told if the checkpoints are of other data.

        Raises:
            CoreError: the folder cannot be written.
        """
        if self.folder.exists() and not self._has_same_data():
            reporter.message("The training data changed since this training was interrupted: it starts over.")
            self.remove()
        found = self._complete()
        latest = max(found, key=lambda path: found[path].step, default=None)
        for path in self.folder.glob("checkpoint-*"):
            if path not in found:
                shutil.rmtree(path, ignore_errors=True)
        if latest is None:
            save(self.folder / _DATA, asdict(self._data))
            return None
        return latest, found[latest]

    def complete(self, step: int, seconds: float, peak_memory_bytes: int) -> None:
        """Mark the checkpoint of a step as complete, with all of it on disk.

        Raises:
            CoreError: it cannot be written.
        """
        folder = self.folder / f"checkpoint-{step}"
        files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != _COMPLETE)
        for path in files:
            sync(path)
        digests = {path.name: _sha256(path) for path in files}
        save(folder / _COMPLETE, asdict(Complete(step, seconds, peak_memory_bytes, digests)))

    def remove(self) -> None:
        """Remove the checkpoints of this stage."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _has_same_data(self) -> bool:
        with suppress(CoreError, FileNotFoundError):
            return load(self.folder / _DATA, _Data) == self._data
        return False

    def _complete(self) -> dict[Path, Complete]:
        found = {}
        for path in self.folder.glob("checkpoint-*"):
            with suppress(CoreError, OSError):
                record = load(path / _COMPLETE, Complete)
                if record.files and all(_sha256(path / name) == digest for name, digest in record.files.items()):
                    found[path] = record
        return found


def _sha256(path: Path) -> str:
    with open_regular(path, follow_links=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
