"""Whatever a command is started with: a full disk, closed streams, a folder that is gone, no home and no name."""

import os
import pwd
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CORE = f"{shlex.quote(sys.executable)} -m core"


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line in a folder of its own; `core` stands for this program."""
    root = Path(__file__).parents[3]
    return subprocess.run(
        ["bash", "-c", command.replace("core", CORE, 1)],
        capture_output=True, text=True, check=False, timeout=240, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    "verb", ["--version", "--help", "settings", "settings --json", "import products p.csv --source a"]
)
@pytest.mark.parametrize(
    ("redirected", "reason"),
    [
        (">/dev/full", "No space left on device"),
        (">&-", "standard output is closed"),
        ("<&- >&-", "standard output is closed"),
    ],
)
def test_an_output_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, verb: str, redirected: str, reason: str
) -> None:
    (tmp_path / "p.csv").write_text("id,title\n1,lamp\n")
    done = shell(f"core --home ws {verb} {redirected}", tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-2]) == (1, f"Error: The output cannot be written: {reason}.")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "verb",
    ["settings", "settings --json", "--version", "--help", "match --help", "doctor", "doctor --json"],
)
def test_a_closed_pipe_ends_every_verb_quietly_as_sigpipe_would(tmp_path: Path, verb: str) -> None:
    assert _with_closed_pipe(tmp_path, verb, "stdout", "stderr") == (141, b"")


@pytest.mark.parametrize(("verb", "code"), [("settings --bad", 1), ("match --query 1", 1)])
def test_an_error_that_nobody_reads_is_no_traceback(tmp_path: Path, verb: str, code: int) -> None:
    assert _with_closed_pipe(tmp_path, verb, "stderr", "stdout") == (code, b"")


def _with_closed_pipe(folder: Path, verb: str, closed: str, other: str) -> tuple[int, bytes]:
    """Exit code and the other stream of a call that writes to a pipe without a reader."""
    end, output = os.pipe()
    os.close(end)
    with os.fdopen(output, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "core", "--home", folder, *verb.split()],
            **{closed: pipe, other: subprocess.PIPE}, check=False, timeout=240,
        )  # fmt: skip
    return done.returncode, getattr(done, other)


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", "<&- 2>&-"])
def test_diagnostics_that_cannot_be_written_end_no_work(tmp_path: Path, redirected: str) -> None:
    (tmp_path / "p.csv").write_text("id,title\n1,lamp\n")
    done = shell(f"core --home ws import products p.csv --source a --json {redirected}", tmp_path)
    assert done.returncode == 0
    assert '"added": 1' in done.stdout


def test_an_output_whose_encoding_lacks_a_sign(tmp_path: Path) -> None:
    done = shell("core --help", tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.parametrize("home", ["ws", "/ws"])
def test_a_working_folder_that_is_gone_is_a_sentence(tmp_path: Path, home: str) -> None:
    (tmp_path / "gone").mkdir()
    done = shell(f"rmdir $PWD; core --home {home} settings", tmp_path / "gone")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The working folder is gone")
    assert "`cd /`" in done.stderr


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user number alone, as `docker run --user 12345` gives."""

    def unknown(_: object) -> None:
        raise KeyError

    for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "SAMESKU_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)


@pytest.mark.usefixtures("nameless")
@pytest.mark.parametrize("named", [[], ["--home", "~/ws"], ["--home", "~eve/ws"]])
def test_without_a_home_folder_the_workspace_must_be_named(call: Callable, named: list[str]) -> None:
    for verb in (["doctor"], ["settings"], ["index"], ["labels", "stats"], ["jobs", "list"]):
        answer = call(*named, *verb)
        assert answer.code == 1
        assert "home folder" in answer.err
        assert "--home /" in answer.err


@pytest.mark.usefixtures("nameless")
def test_without_a_name_whoever_decides_must_give_one(call: Callable, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,title\n1,lamp\n")
    home = ["--home", str(tmp_path / "ws")]
    assert call(*home, "import", "products", tmp_path / "p.csv", "--source", "a").code == 0
    assert call(*home, "settings").code == 0
    answer = call(*home, "labels", "stats")
    assert answer.code == 1
    assert "--as NAME" in answer.err
    assert call(*home, "--as", "eve", "labels", "stats").code == 0


@pytest.mark.usefixtures("nameless")
def test_work_that_is_done_in_no_name_needs_none(call: Callable, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,title\n1,lamp\n")
    home = ["--home", str(tmp_path / "ws")]
    call(*home, "import", "products", tmp_path / "p.csv", "--source", "a")
    answer = call(*home, "index")
    assert "no query products yet" in answer.err  # and not that somebody is unknown
