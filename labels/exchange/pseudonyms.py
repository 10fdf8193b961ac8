"""Pseudonyms for annotators: the same in every export of a workspace, and not reversible without its key."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from labels.errors import LabelsError
from labels.files import atomic_text, is_denied, read_bounded, way_out
from labels.model import MACHINE

#: Hexadecimal digits of a pseudonym.
_DIGITS = 6
_KEY_BYTES = 32
#: Size limit for reading the key file.
_MAX_FILE_BYTES = 4096


class Pseudonyms:
    """Maps names of annotators to pseudonyms.

    A pseudonym is `annotator-` and the first digits of the HMAC-SHA256 (RFC 2104) of the name. Because of the key it
    cannot be reversed by trying names. The machine keeps its name.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._names: dict[str, str] = {}

    @classmethod
    def from_key_file(cls, path: Path) -> "Pseudonyms":
        """Load the key from a file, which is created for its owner alone if it does not exist.

        Raises:
            LabelsError: the file cannot be read or written, or holds no key.
        """
        try:
            _create_key(path)
            key = bytes.fromhex(read_bounded(path, _MAX_FILE_BYTES).decode("ascii"))
        except OSError as error:
            raise LabelsError(
                f"{path} cannot be used: {error.strerror}.",
                "Only the account that created the key can export with pseudonyms."
                if is_denied(error)
                else way_out(error, "Look at it."),
            ) from error
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise LabelsError(f"{path} holds no key.", "Restore it from a copy, or remove it to get new pseudonyms.")
        return cls(key)

    def __call__(self, name: str) -> str:
        """The pseudonym of an annotator.

        Raises:
            LabelsError: another annotator has the same one; the probability is one in sixteen million per pair.
        """
        if name == MACHINE:
            return name
        digest = hmac.new(self._key, name.encode("utf-8"), hashlib.sha256).hexdigest()
        pseudonym = f"annotator-{digest[:_DIGITS]}"
        if self._names.setdefault(pseudonym, name) != name:
            raise LabelsError("Two annotators have the same pseudonym.", "Remove the key file: a new one is created.")
        return pseudonym


def _create_key(path: Path) -> None:
    """Create the key file atomically, unless there is one."""
    if os.path.lexists(path):
        return
    # Another export may be faster.
    with suppress(FileExistsError), atomic_text(path, mode=0o600, overwrite=False) as out:
        out.write(secrets.token_hex(_KEY_BYTES))
