"""Who may talk to the server: a browser of the same user, on the page that the server gave it.

The server listens on the loopback interface, which every account of the machine reaches, and every page that the user
has open elsewhere may send requests to. So four things are checked on every request, the WebSocket's among them:

- the path begins with a secret that was printed when the server started. A path is not sent to other servers on the
  same machine, as a cookie would be (RFC 6265, section 8.5: cookies are shared by all ports);
- Host names the loopback interface, or a page of another name could have itself resolved to it (DNS rebinding);
- Origin, where the browser sends it, is this server; a WebSocket must have it, since browsers let every page open one;
- the other end of the connection belongs to the same user or to root, as far as Linux tells: the address may be seen
  in the arguments of the browser that opened it.
"""

import hmac
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

#: Names of the loopback interface; any port, since it may be forwarded (`ssh -L`).
_LOOPBACK = {"127.0.0.1", "localhost"}
#: Tables of connections, proc_net_tcp(5): IPv4, and IPv6 with IPv4 addresses mapped into it.
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
#: The state of a connection that both ends have open (enum in Linux's tcp_states.h), and no user's id.
_ESTABLISHED, _NOBODY = "01", -1

#: Sent with everything. Scripts, styles and fonts come from this server alone; xterm.js makes styles on the page.
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
    """The secret of one run of the server, and what else a request must be."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def refusal(self, request: web.Request) -> str:
        """Why a request is not answered, one sentence; empty where it is."""
        if request.host.partition(":")[0] not in _LOOPBACK:
            return "This server answers on 127.0.0.1 and localhost only."
        given = request.path.removeprefix("/").partition("/")[0]
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            return "Open the address that `samesku web` has printed: its long last part is a password."
        origin = request.headers.get("Origin")
        wanted = f"http://{request.host}"
        if origin != wanted and (origin is not None or "Upgrade" in request.headers):
            return "Another page may not talk to this server."
        if peer_uid(request) not in {None, 0, os.getuid()}:
            return "This server belongs to another user."
        return ""


def peer_uid(request: web.Request) -> int | None:
    """The user id at the other end of a loopback connection; None where the system does not tell.

    Whoever has closed their end already is nobody, for the system would call them root, or does not list them.
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
    """An IPv4 address and port as these tables have them: the address as a number of the machine's byte order."""
    number = int.from_bytes(bytes(map(int, address.split("."))), sys.byteorder)
    return f"{number:08X}:{port:04X}"
