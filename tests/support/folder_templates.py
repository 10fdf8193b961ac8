"""Folders that many tests begin with: written once for each process and moment, then copied."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from labels.store import LabelStore

_USUAL_CLOCK = LabelStore.__init__.__kwdefaults__["now"]
_templates: dict[tuple[str, str, int], Path] = {}
_folder: list[tempfile.TemporaryDirectory[str]] = []


def template_of(name: str, write: Callable[[Path], object]) -> Path:
    """What `write` writes into a folder, to be copied.

    Args:
        name: what is written; once for each name, umask, and moment that a test has stopped the ledger's clock at.
    """
    clock = LabelStore.__init__.__kwdefaults__["now"]
    umask = os.umask(0o022)
    os.umask(umask)
    key = (name, "" if clock is _USUAL_CLOCK else clock(), umask)
    if key not in _templates:
        if not _folder:
            # Where the tests' own folders are: in memory, if there is a file system there.
            _folder.append(tempfile.TemporaryDirectory(prefix="samesku-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        # Not numbered: to write one template may take another.
        template = Path(tempfile.mkdtemp(dir=_folder[0].name)) / "home"
        write(template)
        _templates[key] = template
    return _templates[key]


def copy_of(name: str, write: Callable[[Path], object], to: Path) -> Path:
    """What `write` writes into a folder, in the folder `to`; see `template_of`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    # An empty journal goes whenever the garbage collector closes its ledger, even while it is copied.
    shutil.copytree(template_of(name, write), to, ignore=shutil.ignore_patterns("*-journal"), dirs_exist_ok=True)
    return to
