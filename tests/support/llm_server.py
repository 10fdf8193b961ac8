"""A real `mlx_lm.server` on this machine, for as long as it is needed."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from samples import until


@contextmanager
def llm_server(model: Path, *options: str) -> Iterator[str]:
    """Serves a model folder at the URL that it gives, such as `http://127.0.0.1:40123/v1`.

    Args:
        model: the folder, as `tiny_llm.write_tiny_llm` makes it; requests name it as their model, as a string.
        options: of `mlx_lm.server`, such as `--adapter-path`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--host", "127.0.0.1"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(
        [*command, "--port", str(port), *options], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            until(lambda: server.poll() is not None or _answers(port), seconds=120)
            assert server.poll() is None, "mlx_lm.server ended"
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(120)
            except subprocess.TimeoutExpired:
                server.kill()


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
