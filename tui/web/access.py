"""Access control of the web server: only a browser of the same user, on the server's own page.

The server listens on the loopback interface, which every account of the machine can reach, and to which any page in the
user's browser may send requests. So four things are checked on every request, including the WebSocket's:

- the path begins with a secret that was printed when the server started. Unlike a cookie, a path is not sent to other
  servers on the same machine (RFC 6265, section 8.5: cookies are shared by all ports);
- Host names the loopback interface; otherwise another site could resolve its own name to it (DNS rebinding);
- Origin, if sent, is this server; it is required for a WebSocket, which browsers let any page open;
- the peer belongs to the same user or to root, where Linux can tell: other accounts may see the address in the
  arguments of the browser.
"""

import hmac
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

#: Hosts that are accepted; with any port, since it may be forwarded (`ssh -L`).
_LOOPBACK = {"127.0.0.1", "localhost"}
#: Connection tables, proc_net_tcp(5): IPv4, and IPv6 with mapped IPv4 addresses.
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
#: State of an open connection (tcp_states.h of Linux), and a user id that no user has.
_ESTABLISHED, _NOBODY = "01", -1

#: Headers of every response. Scripts, styles and fonts come from this server only; xterm.js adds inline styles.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Access:
    """The secret of one run of the server, and the checks of a request."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def refusal(self, request: web.Request) -> str:
        """Why a request is refused, in a sentence; empty where it is allowed."""
        if request.host.partition(":")[0] not in _LOOPBACK:
            return "This server answers on 127.0.0.1 and localhost only."
        token = request.path.removeprefix("/").partition("/")[0]
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            return "Open the address that `samesku web` printed: its last part is a password."
        origin = request.headers.get("Origin")
        if origin != f"http://{request.host}" and (origin is not None or "Upgrade" in request.headers):
            return "Requests from other pages are refused."
        if peer_uid(request) not in {None, 0, os.getuid()}:
            return "This server belongs to another user."
        return ""


def peer_uid(request: web.Request) -> int | None:
    """The user id of the peer of a loopback connection; None where the system does not tell.

    A peer that has closed its end has no user: the system lists it as root, or not at all.
    """
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport else None
    own = transport.get_extra_info("sockname") if transport else None
    if not peer or not own:
        return None
    ends = [_hex_end(*peer[:2]), _hex_end(*own[:2])]
    listed = False
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # sl, local_address, rem_address, st, queues, timer, retrnsmt, uid …
            fields = line.split()
            if (found := [end[-13:] for end in fields[1:3]]) == ends:
                return int(fields[7]) if fields[3] == _ESTABLISHED else _NOBODY
            listed = listed or found == ends[::-1]
    return _NOBODY if listed else None


def _hex_end(address: str, port: int) -> str:
    """An IPv4 address and port as in the tables: in hexadecimal, the address in the machine's byte order."""
    number = int.from_bytes(bytes(map(int, address.split("."))), sys.byteorder)
    return f"{number:08X}:{port:04X}"
