"""The server's address and its API key."""

import os
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from core.errors import SettingsError
from core.judge.openai_server.redaction import Redactor

#: The environment variable with the API key. It is read for each request and stored nowhere.
KEY_VARIABLE = "SAMESKU_JUDGE_KEY"

_HINT = "For example judge.server_url = http://127.0.0.1:8080/v1."


@dataclass(frozen=True, slots=True)
class Address:
    """A server.

    Attributes:
        chat: URL of the chat completions endpoint.
        display_name: host, port if the URL has one, and path unless it is /v1; for messages and judge names.
        local: whether the host is this machine or in its network, so that no proxy is used.
    """

    chat: str
    display_name: str
    local: bool


def parse_address(url: str) -> Address:
    """Parse a base URL such as `http://127.0.0.1:8080/v1`.

    Raises:
        SettingsError: it is not a plain http or https URL, or contains credentials, which the message does not repeat.
    """
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port  # an invalid port raises only when it is read
    except ValueError:
        raise SettingsError("judge.server_url is not a URL.", _HINT) from None
    if parts.scheme not in {"http", "https"} or not host or not url.isprintable() or " " in url:
        raise SettingsError("judge.server_url is not an http or https URL.", _HINT)
    if "@" in parts.netloc:
        raise SettingsError(
            "judge.server_url contains a user name or a password.",
            f"Set the key in ${KEY_VARIABLE}, and remove it from the URL.",
        )
    if parts.query or parts.fragment:
        raise SettingsError("judge.server_url has a query or a fragment after its path.", _HINT)
    shown_host = f"[{host}]" if ":" in host else host
    display_name = f"{shown_host}{'' if port is None else f':{port}'}{'' if parts.path == '/v1' else parts.path}"
    return Address(f"{url}/chat/completions", display_name, _is_local(host))


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    return address.is_private or address.is_link_local


def authorization() -> dict[str, str]:
    """The authorization header; empty if no key is set.

    Raises:
        SettingsError: the key is invalid in a header; the message does not repeat it.
    """
    key = _key()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SettingsError(
            f"${KEY_VARIABLE} contains characters that no key has.", "Set it again, without spaces or quotes."
        )
    return {"Authorization": f"Bearer {key}"} if key else {}


def make_redactor() -> Redactor:
    """A redactor for the current key."""
    return Redactor(_key())


def without_key(text: str) -> str:
    """The text, or an empty string if it quotes a part of the key: some servers repeat what they reject."""
    key = _key()
    length = min(5, len(key))
    quoted = key and any(key[at : at + length] in text for at in range(len(key) - length + 1))
    return "" if quoted or make_redactor().redact(text) != text else text


def _key() -> str:
    return os.environ.get(KEY_VARIABLE, "").strip()
