"""Connections to Milvus: a server by its URL, or the embedded Milvus Lite in a folder of this machine.

The token is read from the environment for each connection. It is stored nowhere, and no message repeats it: those of
the server are not shown if they have a part of it.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.errors import CoreError
from core.packages import install_hint, require_packages
from core.settings import SearchSettings, absolute_folder
from core.text.safe import safe

if TYPE_CHECKING:
    from pymilvus import MilvusClient

#: The environment variable with the token: that of an API key, or `user:password`.
TOKEN_VARIABLE = "SAMESKU_MILVUS_TOKEN"  # noqa: S105 - a name

_LIBRARIES = {"pymilvus", "grpc"}
_INSTALL = f'{install_hint("milvus")}. Without it: search.engine = "faiss".'
_START = 'Start it, or correct search.milvus_uri. To search in this process: search.engine = "faiss".'
_ENDED = "One process at a time can use it: end the other one, or set search.milvus_uri to the URL of a server."
#: Longest part of a server's message that is shown.
_MAX_MESSAGE = 300
#: Shorter parts of a token are ordinary words.
_MIN_SECRET = 4
#: Status codes of gRPC, by name, and words in messages of pymilvus, which has no code of its own for all of them.
_SILENT = ("DEADLINE_EXCEEDED", "FutureTimeoutError", "Retry timeout")
_UNREACHABLE = ("UNAVAILABLE", "Fail connecting")
_REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "auth check failure", "authenticat")


@dataclass(frozen=True, slots=True)
class Address:
    """Where Milvus is.

    Attributes:
        uri: for pymilvus.
        name: for messages: host and port, or the file's name.
        timeout_s: of one request.
        embedded: whether it runs in this process.
    """

    uri: str
    name: str
    timeout_s: float
    embedded: bool

    @classmethod
    def of(cls, search: SearchSettings, home: Path) -> "Address":
        """The address in the settings.

        Args:
            search: of a workspace.
            home: its folder, where relative paths start.

        Raises:
            SettingsError: the path begins with ~ and there is no such home folder.
        """
        if "://" in search.milvus_uri:
            parts = urlsplit(search.milvus_uri)
            name = parts.netloc + parts.path.rstrip("/")
            return cls(search.milvus_uri, name, search.milvus_timeout_s, embedded=False)
        path = Path(absolute_folder("search.milvus_uri", search.milvus_uri, home, is_path=True))
        return cls(str(path), path.name, search.milvus_timeout_s, embedded=True)


def require_milvus(address: Address) -> None:
    """Require that the packages are installed.

    Raises:
        CoreError: they are not.
    """
    names = ["pymilvus", *(["milvus_lite"] if address.embedded else [])]
    require_packages("search.engine = milvus needs", names, _INSTALL)


def connect(address: Address) -> "MilvusClient":
    """A connection.

    Raises:
        CoreError: a package is not installed, the folder of the file is missing, or Milvus cannot be reached or
            refuses the token.
    """
    require_milvus(address)
    if address.embedded and not Path(address.uri).parent.is_dir():
        raise CoreError(
            f"The folder of {address.name} does not exist: {Path(address.uri).parent}.", "Correct search.milvus_uri."
        )
    with milvus_errors(address):
        import pymilvus

        # They log what they raise, with a traceback: pymilvus as the client, the others as the embedded server.
        for name in ("pymilvus", "milvus_lite", "grpc"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        return pymilvus.MilvusClient(address.uri, token=_token(), timeout=address.timeout_s, dedicated=True)


@contextmanager
def milvus_errors(address: Address) -> Iterator[None]:
    """Turn the errors of pymilvus into one clear sentence.

    Raises:
        CoreError: Milvus cannot be reached, or refuses what it was asked.
    """
    try:
        yield
    except Exception as error:
        # Those of pymilvus and of gRPC have no class in common.
        if all(each.__module__.partition(".")[0] not in _LIBRARIES for each in type(error).__mro__):
            raise
        # No cause: its message may quote the token, and `--debug` shows it.
        raise _clear_error(address, error) from None


def _clear_error(address: Address, error: Exception) -> CoreError:
    message = " ".join(str(getattr(error, "message", "") or error).split())
    # A refused token is a failure to connect, with the reason in its cause.
    text = f"{getattr(error, 'code', '')} {message} {error.__cause__}"
    if address.embedded and "Open local milvus failed" in message:
        return CoreError(f"{address.name} is in use by another process, or is no database of Milvus Lite.", _ENDED)
    if any(word in text for word in _REFUSED):
        return CoreError(
            f"Milvus at {address.name} refuses the token.", f"Set ${TOKEN_VARIABLE} to an API key, or user:password."
        )
    if any(word in text for word in _SILENT):
        return CoreError(f"Milvus at {address.name} does not answer within {address.timeout_s:g} s.", _START)
    if any(word in text for word in _UNREACHABLE):
        return CoreError(f"Milvus at {address.name} cannot be reached.", _START)
    detail = safe(_without_token(message)[:_MAX_MESSAGE]).rstrip(".") or type(error).__name__
    return CoreError(f"Milvus at {address.name} failed: {detail}.", _START)


def _without_token(text: str) -> str:
    """The text; empty if it quotes a part of the token."""
    token = _token()
    return "" if any(len(part) >= _MIN_SECRET and part in text for part in (token, *token.split(":"))) else text


def _token() -> str:
    return os.environ.get(TOKEN_VARIABLE, "").strip()
