"""What every test starts from: no network, no workspace but its own, nothing of whoever runs it."""

import faulthandler
import gc
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

# Read by the hub's library when it is first imported, which may be before any fixture.
os.environ["HF_HUB_OFFLINE"] = "1"
# Workers share the cores: numerical libraries that each use all of them wait for one another most of the time.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from samples import HashEncoder, write_workspace

from core.retrieval.encoder_files import EncoderModel
from core.workspace import Workspace
from labels.store import LabelStore

# Ignored in what a shell starts in the background, and so in the processes that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A busy machine makes an example slow, not wrong.
# The same examples in every run, on every machine.
hypothesis.settings.register_profile("samesku", deadline=None, derandomize=True)
hypothesis.settings.load_profile("samesku")

#: Memory that holds files, where it is large enough and programs may be run from it.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108
_ENOUGH_BYTES = 2 * 1024**3


def _choose_folder() -> None:
    """Keep the tests' files in memory: most of what they take on a disk is waiting until it has been written.

    No test loses anything by it: they kill processes, never the machine, and what a killed process wrote stays.
    """
    try:
        facts = os.statvfs(_IN_MEMORY)
    except OSError:
        return
    fit = facts.f_bavail * facts.f_frsize >= _ENOUGH_BYTES and not facts.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)
    if fit and os.access(_IN_MEMORY, os.W_OK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))
        tempfile.tempdir = str(_IN_MEMORY)


if sys.platform == "linux":
    _choose_folder()

_SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


#: Whoever uses one of these starts a process, a desk, a model or a command, or takes pictures.
_SLOW_FIXTURES = {"bench", "call", "snap_compare", "tiny_llm", "decided_llm", "local", "make_app"}
_SLOW_MODULES = {
    "subprocess", "multiprocessing", "browser", "desk_bench", "llm_server", "service_process", "tiny_encoder",
    "tiny_llm", "torch", "transformers", "sentence_transformers", "mlx",
}  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what lasts as long as the process: the tests and the modules that they import."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow by what it uses, so that no test has to be marked by hand; begin with what may take minutes."""
    known: dict[str, bool] = {}
    for item in items:
        module = getattr(item, "module", None)
        name = getattr(module, "__name__", "")
        if name not in known:
            known[name] = any(_is_slow(value) for value in vars(module).values())
        if known[name] or _SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    if "PYTEST_XDIST_WORKER" in os.environ:
        # A worker that came to it last would work on while the others have nothing to do.
        items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


def _is_slow(value: object) -> bool:
    """Whether what a test module has imported, or the module that it is from, is slow."""
    name = value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
    return name in _SLOW_MODULES or name.startswith("tests.bench.")


#: A process that has not ended so long after its last test never will.
_ENDS_WITHIN_S = 30.0


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End the process even where a test left a thread behind that does not end, and say which one."""

    def end() -> None:
        threading.main_thread().join()  # it counts as ended once the interpreter waits for the other threads
        time.sleep(_ENDS_WITHIN_S)
        faulthandler.dump_traceback(file=sys.__stderr__)
        os._exit(int(exitstatus))

    threading.Thread(target=end, daemon=True).start()


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the environment, and a workspace that is not the user's."""
    # Pytest reads all names beside a new folder to number it: thousands of links that it leaves would be most of them.
    tmp_path.with_name(tmp_path.name.rstrip("0123456789") + "current").unlink(missing_ok=True)
    for name in [name for name in os.environ if name.startswith("SAMESKU_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SAMESKU_HOME", str(tmp_path / "unnamed"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    # With LINES as well (pytest-xdist sets it), rich takes both and never asks what TERM can do.
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("LINES", raising=False)


@pytest.fixture
def shared_data() -> Path:
    """The folder with the public benchmarks, where there is one."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("needs the benchmark data in ../shared/data")
    return _SHARED_DATA


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LabelStore]:
    """An empty ledger."""
    with LabelStore(tmp_path / "labels.db") as store:
        yield store


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Five queries, sixteen products, three candidates each; the query `qv` is drawn for validation."""
    return write_workspace(tmp_path / "home")


@pytest.fixture
def hash_encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HashEncoder:
    """The engine encodes with this instead of a model."""
    encoder = HashEncoder()
    monkeypatch.setattr("core.retrieval.corpus_vectors.Encoder", lambda *_, **__: encoder)
    monkeypatch.setattr("core.retrieval.encoder_registry.find_base", lambda _: EncoderModel("hash", tmp_path))
    return encoder
