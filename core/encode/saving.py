"""Writing a model's files: what the libraries raise on a full disk, as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ModelError


@contextmanager
def readable_save_errors(folder: Path) -> Iterator[None]:
    """Tell in a sentence that a model's files cannot be written to a folder.

    Raises:
        ModelError: they cannot.
    """
    from safetensors import SafetensorError  # noqa: PLC0415

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"The model cannot be written to {folder}: {reason}.", "Is there room on the disk?") from error
