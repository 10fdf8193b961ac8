"""Names that tell annotators apart and do not tell who they are."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from labels.errors import LabelsError
from labels.files import drafts, is_denied, read_bounded, way_out
from labels.model import MACHINE

#: Hexadecimal digits that tell two annotators apart.
_DIGITS = 6
_KEY_BYTES = 32
_MAX_BYTES = 4096


class Pseudonyms:
    """The same name for the same annotator, in every export of a workspace.

    A pseudonym is `annotator-` and the first digits of HMAC-SHA256 (RFC 2104) over the name. Without the key nobody
    can try names out until one fits. The machine is nobody, and keeps its name.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._names: dict[str, str] = {}

    @classmethod
    def from_key_file(cls, path: Path) -> "Pseudonyms":
        """By the key in this file, which is made if there is none, for its owner alone to read.

        Raises:
            LabelsError: the file cannot be read or written, or holds no key.
        """
        try:
            _make(path)
            key = bytes.fromhex(read_bounded(path, _MAX_BYTES).decode("ascii"))
        except OSError as error:
            raise LabelsError(
                f"{path} cannot be used: {error.strerror}.",
                "Pseudonyms are for the one who made the key to give."
                if is_denied(error)
                else way_out(error, "Look at it."),
            ) from error
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise LabelsError(f"{path} holds no key.", "Put it back from a backup, or take it away for new names.")
        return cls(key)

    def __call__(self, name: str) -> str:
        """The pseudonym of an annotator.

        Raises:
            LabelsError: another annotator has the same one, by a chance of one in sixteen million.
        """
        if name == MACHINE:
            return name
        digest = hmac.new(self._key, name.encode("utf-8"), hashlib.sha256).hexdigest()
        pseudonym = f"annotator-{digest[:_DIGITS]}"
        if self._names.setdefault(pseudonym, name) != name:
            raise LabelsError("Two annotators get the same pseudonym.", "Take the key away: a new one is made.")
        return pseudonym


def _make(path: Path) -> None:
    """Make a key where there is none: whole or not at all, also where the disk is full."""
    if os.path.lexists(path):
        return
    with drafts(path.parent) as folder:
        draft = folder / path.name
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(_KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):  # another export was faster
            os.link(draft, path)
