"""Run a Python module in a fork of the server, with this process's files; or stand in for the interpreter itself.

    python -IS client.py SOCKET [interpreter options] -m MODULE [ARGUMENTS]

A program that starts `sys.executable -m MODULE` starts this file instead of the interpreter: the module runs in a fork
of a process that has every library loaded, and this process waits for it, hands signals on and ends as it ended. No
module but the standard library's smallest, since it is started often.
"""

import json
import os
import socket
import struct
import sys

#: Options of the interpreter that say nothing about what is run.
_FLAGS = ("-I", "-E", "-s", "-S", "-B", "-u", "-P")
#: Bytes of a message's length.
HEAD = 4


def send(connection: socket.socket, request: dict, descriptors: list[int]) -> None:
    """A request: its length, then JSON; three open files go with it."""
    body = json.dumps(request).encode()
    socket.send_fds(connection, [struct.pack("!I", len(body))], descriptors)
    connection.sendall(body)


def receive(connection: socket.socket, head: bytes = b"") -> dict | None:
    """A message: its length, which may have been read already, then JSON; None where the other end is gone."""
    head = head or _exactly(connection, HEAD)
    body = head and _exactly(connection, struct.unpack("!I", head)[0])
    return json.loads(body) if body else None


def answer(connection: socket.socket, message: dict) -> None:
    """The same the other way."""
    body = json.dumps(message).encode()
    connection.sendall(struct.pack("!I", len(body)) + body)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            return b""
        parts += part
    return parts


def request_of(arguments: list[str]) -> dict | None:
    """What the server is to run for these arguments of an interpreter; None where it is no module."""
    rest = list(arguments)
    while rest and rest[0] in _FLAGS:
        rest.pop(0)
    if rest[:1] != ["-m"] or len(rest) < 2:
        return None
    folder = os.getcwd()  # noqa: PTH109 - pathlib is not loaded
    return {"module": rest[1], "arguments": rest[2:], "folder": folder, "environment": dict(os.environ)}


def main() -> None:
    """Hand over, wait, end as the fork ended."""
    import signal  # noqa: PLC0415

    request = request_of(sys.argv[2:])
    if request is None:
        os.execv(sys.executable, [sys.executable, *sys.argv[2:]])  # noqa: S606 - the interpreter itself
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(sys.argv[1])
    send(connection, request, [0, 1, 2])
    # Nothing of the caller's is held open here: whoever reads from the fork sees its end.
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
    while (message := receive(connection)) is not None:
        if "code" in message:
            _end_as(message["code"])
    os._exit(1)


def _end_as(code: int) -> None:
    if code >= 0:
        os._exit(code)
    import resource  # noqa: PLC0415
    import signal  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    os._exit(1)


if __name__ == "__main__":
    main()
