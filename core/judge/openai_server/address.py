"""Where a server is, and the key that it wants."""

import os
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from core.errors import SettingsError
from core.judge.openai_server.redaction import Redactor

#: The one place where the key stands. It is read when a request is sent, and kept nowhere.
KEY = "SAMESKU_JUDGE_KEY"

_WAY_OUT = "For example judge.server_url = http://127.0.0.1:8080/v1."


@dataclass(frozen=True, slots=True)
class Address:
    """A server.

    Attributes:
        chat: the URL that answers conversations.
        told: what it is called, to people and in a judge's name: the host, the port where the URL names one, and the
            path where it is not /v1.
        local: whether it is this machine or one next to it, so that no proxy stands between.
    """

    chat: str
    told: str
    local: bool


def address_of(url: str) -> Address:
    """The server behind a base URL such as `http://127.0.0.1:8080/v1`.

    Raises:
        SettingsError: it is not a plain http or https URL, or holds credentials; they are not repeated.
    """
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port  # a port that is no number says so only when it is read
    except ValueError:
        raise SettingsError("judge.server_url is not a URL.", _WAY_OUT) from None
    if parts.scheme not in {"http", "https"} or not host or not url.isprintable() or " " in url:
        raise SettingsError("judge.server_url is not an http or https URL.", _WAY_OUT)
    if "@" in parts.netloc:
        raise SettingsError(
            "judge.server_url holds a name or a password.", f"The key belongs in ${KEY}, and the URL goes without."
        )
    if parts.query or parts.fragment:
        raise SettingsError("judge.server_url goes on after its path.", _WAY_OUT)
    named = f"[{host}]" if ":" in host else host
    told = f"{named}{'' if port is None else f':{port}'}{'' if parts.path == '/v1' else parts.path}"
    return Address(f"{url}/chat/completions", told, _is_local(host))


def authorization() -> dict[str, str]:
    """The header that holds the key; none where no key is set.

    Raises:
        SettingsError: the key cannot stand in a header; it is not repeated.
    """
    key = os.environ.get(KEY, "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SettingsError(f"${KEY} holds characters that no key has.", "Set it again, without spaces or quotes.")
    return {"Authorization": f"Bearer {key}"} if key else {}


def redactor() -> Redactor:
    """Takes the key out of what a server says, as it is set now."""
    return Redactor(os.environ.get(KEY, "").strip())


def without_key(text: str) -> str:
    """The text, unless it quotes a part of the key: some servers repeat what they refuse."""
    key = os.environ.get(KEY, "").strip()
    part = min(5, len(key))
    quoted = key and any(key[at : at + part] in text for at in range(len(key) - part + 1))
    return "" if quoted or redactor().redacted(text) != text else text


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    return address.is_private or address.is_link_local
