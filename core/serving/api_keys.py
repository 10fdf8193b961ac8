"""API keys: from the environment, or stored hashed in the workspace."""

import hmac
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from core.errors import CoreError, SettingsError
from core.json_store import load, save
from core.workspace import Workspace
from labels.files import FileVersion, file_version
from labels.names import name_problem

#: Keys in the environment: NAME:KEY, separated by commas.
VARIABLE = "SAMESKU_API_KEYS"
#: Characters of the name of a key. With its prefix it fits wherever the name of an annotator does.
MAX_NAME_CHARS = 56
#: It is a part of the name of an annotator, and of command lines.
_NAME = re.compile(r"[\w.-]+")
#: Characters of a key in the environment, at the least: those that are made here have 43.
MIN_KEY_CHARS = 16
#: Bytes of randomness of a new key. Enough that a plain hash cannot be inverted by search.
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without itself.

    Attributes:
        name: of the program that has it.
        sha256: of the key, in hexadecimal.
        created: ISO 8601 in UTC; empty for a key in the environment.
    """

    name: str
    sha256: str
    created: str = ""


@dataclass(frozen=True, slots=True)
class _KeyFile:
    keys: list[ApiKey] = field(default_factory=list)


def stored_keys(workspace: Workspace) -> list[ApiKey]:
    """The keys that are stored in the workspace.

    Raises:
        CoreError: the file cannot be read, or is damaged.
    """
    try:
        return load(workspace.api_keys, _KeyFile).keys
    except FileNotFoundError:
        return []


def add_key(workspace: Workspace, name: str) -> str:
    """Make a key and store its hash. Returns the key, which is not known afterwards.

    Raises:
        CoreError: the name is not valid or taken, or the file cannot be written.
    """
    name = _checked_name(name)
    keys = stored_keys(workspace)
    if name in {key.name for key in [*keys, *environment_keys()]}:
        raise CoreError(f"There is a key named {name} already.", f"Revoke it first: samesku serve keys revoke {name}")
    key = secrets.token_urlsafe(_KEY_BYTES)
    _save(workspace, [*keys, ApiKey(name, _hash(key), datetime.now(UTC).isoformat(timespec="seconds"))])
    return key


def revoke_key(workspace: Workspace, name: str) -> None:
    """Remove a stored key; a running service refuses it from then on.

    Raises:
        CoreError: there is no such key, or the file cannot be written.
    """
    keys = stored_keys(workspace)
    kept = [key for key in keys if key.name != name]
    if len(kept) == len(keys):
        if name in {key.name for key in environment_keys()}:
            raise CoreError(f"The key {name} is in the environment.", f"Remove it from {VARIABLE}.")
        raise CoreError(f"There is no key named {name}.", "`samesku serve keys list` lists them.")
    _save(workspace, kept)


def environment_keys() -> list[ApiKey]:
    """The keys in the environment.

    Raises:
        SettingsError: the variable is not a list of NAME:KEY, or a key is short.
    """
    found = []
    for pair in filter(None, (part.strip() for part in os.environ.get(VARIABLE, "").split(","))):
        name, colon, key = pair.partition(":")
        if not colon:
            raise SettingsError(f"{VARIABLE} has a part without a colon.", "Write NAME:KEY,NAME:KEY.")
        if len(key) < MIN_KEY_CHARS:
            raise SettingsError(
                f"{VARIABLE}: the key {name!a} has fewer than {MIN_KEY_CHARS} characters.",
                "`samesku serve keys add NAME` makes one.",
            )
        found.append(ApiKey(_checked_name(name), _hash(key)))
    names = [key.name for key in found]
    if len(set(names)) < len(names):
        raise SettingsError(f"{VARIABLE} has two keys with one name.", "Give each its own.")
    return found


class ApiKeys:
    """The keys that a running service accepts; the file is read again where it has changed.

    Raises:
        CoreError: the environment or the file has keys that are not valid.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._environment = environment_keys()
        self._stored: list[ApiKey] = []
        self._version: FileVersion | None = None
        self._read()

    def __bool__(self) -> bool:
        return any(True for _ in self._all())

    def name_of(self, key: str) -> str | None:
        """The name of a key; None if it is not accepted."""
        self._read()
        given = _hash(key)
        found = None
        for known in self._all():  # all of them, so that the time tells nothing
            if hmac.compare_digest(known.sha256.encode(), given.encode()):
                found = known.name
        return found

    def _all(self) -> Iterator[ApiKey]:
        yield from self._environment
        yield from self._stored

    def _read(self) -> None:
        version = file_version(self._workspace.api_keys)
        if version != self._version:
            self._stored = []  # no key is valid while the file cannot be read
            self._stored = stored_keys(self._workspace)
            self._version = version


def _save(workspace: Workspace, keys: list[ApiKey]) -> None:
    save(workspace.api_keys, asdict(_KeyFile(keys)))


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_name(name: str) -> str:
    name = name.strip()
    fault = name_problem(name, MAX_NAME_CHARS)
    if not fault and not _NAME.fullmatch(name):
        fault = "it may have letters, digits and . _ - only"
    if fault:
        raise CoreError(f"{name[:MAX_NAME_CHARS]!a} cannot be the name of a key: {fault}.", "Give another.")
    return name
