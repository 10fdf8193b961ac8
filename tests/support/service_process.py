"""`samesku serve` in a process of its own, with an encoder without a model."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Runs `samesku ARGUMENTS` after the statements in the first argument.
_CODE = """
import sys
from pathlib import Path
from samples import HashEncoder
from core.cli.app import make_app, run
from core.retrieval import corpus_vectors, encoder_registry
from core.retrieval.encoder_files import EncoderModel

corpus_vectors.Encoder = lambda *_, **__: HashEncoder()
encoder_registry.find_base = lambda _: EncoderModel("hash", Path("/"))
exec(sys.argv[1])
run(make_app(), sys.argv[2:])
"""


@contextmanager
def running_service(home: Path, *arguments: str, before: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service on any free port, and its address; killed at the end.

    Args:
        home: the workspace.
        arguments: further options of `serve`.
        before: statements that the process runs first.
    """
    words = [sys.executable, "-c", _CODE, before, "serve", "--port", "0", "--home", str(home), *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert "http://" in line, process.stderr.read()
        yield process, "http://" + line.partition("http://")[2].split(";")[0].strip()
    finally:
        process.kill()
        process.communicate()
