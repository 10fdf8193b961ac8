"""The kiosk's process: what an SSH client sends in its environment reaches nothing, and nothing is left after `q`."""

import io
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from desk_bench import Bench, settled
from desk_terminal import ready
from samples import until

from core.cli.context import Context
from core.errors import CoreError
from tests.bench.terminal import Terminal
from tui.isolation import clean_environment, restart_isolated
from tui.kiosk import kiosk_context
from tui.kiosk_app import KioskApp

ROOT = Path(__file__).parents[2]
SCRIPT = str(Path(sys.executable).with_name("samesku"))
#: The ways to start it: as the documented ForceCommand does, by the console script, and as a module.
STARTS = {"isolated": [sys.executable, "-I", "-m", "tui"], "script": [SCRIPT], "module": [sys.executable, "-m", "tui"]}
KEPT = {"TERM", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "COLORTERM", "COLORFGBG", "NO_COLOR", "SSH_ORIGINAL_COMMAND"}
#: What the kiosk itself sets; the last for its children.
OWN = {"HOME", "LOGNAME", "PATH", "USER", "TOKENIZERS_PARALLELISM"}

TRAP = """
import os, pathlib
pathlib.Path(os.environ["TRAP"]).open("a").write(__name__ + chr(10))
class Driver: pass
"""


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    """A folder of modules that leave a trace where they are imported, and an empty one for what may be written."""
    folder = tmp_path / "traps"
    packages = [f"{name}/__init__" for name in ("tui", "core", "textual")]
    for name in ("sitecustomize", "usercustomize", "trap", "start", *packages):
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRAP)
    site = Path(f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")
    for place in (folder / "user" / site, folder / "home/.local" / site):
        place.mkdir(parents=True)
        shutil.copy(folder / "trap.py", place / "usercustomize.py")
        (place / "trap.pth").write_text("import usercustomize\n")
    (folder / "written").mkdir()
    return folder


def hostile(traps: Path) -> dict[str, str]:
    """What a client may send where the server accepts everything."""
    written = traps / "written"
    return {
        "PYTHONINSPECT": "1",
        "PYTHONPATH": str(traps),
        "PYTHONSTARTUP": str(traps / "start.py"),
        "PYTHONBREAKPOINT": "trap.Driver",
        "PYTHONUSERBASE": str(traps / "user"),
        "PYTHONWARNINGS": "error::trap.Driver",
        "PYTHONPYCACHEPREFIX": str(written / "pycache"),
        "PYTHONPLATLIBDIR": str(traps),
        "PYTHONDUMPREFSFILE": str(written / "refs"),
        "PYTHONDEVMODE": "1",
        "PYTHONVERBOSE": "1",
        "PYTHONIOENCODING": "latin-1",
        "TEXTUAL": "debug,devtools",
        "TEXTUAL_DRIVER": "trap:Driver",
        "TEXTUAL_DEBUG": "1",
        "TEXTUAL_LOG": str(written / "textual.log"),
        "TEXTUAL_PRESS": "q",
        "TEXTUAL_SCREENSHOT": "0",
        "TEXTUAL_SCREENSHOT_LOCATION": str(written),
        "TEXTUAL_SCREENSHOT_FILENAME": "picture.svg",
        "SAMESKU_HOME": str(written / "workspace"),
        "SAMESKU_JOB": str(written),
        "SAMESKU_JUDGE__SERVER_URL": "http://203.0.113.1/v1",
        "SAMESKU_PEOPLE__LEADS": "",
        "SAMESKU_NO_SUCH": "setting",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(written / "hub"),
        "TRANSFORMERS_CACHE": str(written / "hub"),
        "HTTPS_PROXY": "http://203.0.113.1",
        "http_proxy": "http://203.0.113.1",
        "SSL_CERT_FILE": "/dev/null",
        "SSLKEYLOGFILE": str(written / "keys"),
        "OMP_TOOL_LIBRARIES": str(traps / "tool.so"),
        "LD_BIND_NOW": "1",
        "GCONV_PATH": str(traps),
        "LOCPATH": str(traps),
        "NLSPATH": str(traps / "%N"),
        "TERMINFO": str(traps),
        "TERMCAP": str(traps / "termcap"),
        "HOME": str(traps / "home"),
        "XDG_CONFIG_HOME": str(traps),
        "XDG_DATA_HOME": str(written),
        "TMPDIR": str(written),
        "SHELL": str(traps / "shell"),
        "EDITOR": str(traps / "shell"),
        "PAGER": str(traps / "shell"),
        "BROWSER": str(traps / "shell"),
        "PATH": f"{traps}:/usr/bin:/bin",
        "USER": "lea",
        "LOGNAME": "lea",
        "LNAME": "lea",
        "USERNAME": "lea",
        "COLUMNS": "5",
        "LINES": "2",
        "ESCDELAY": "60000",
        "TRAP": str(written / "trace"),
    }


def environment_of(pid: int) -> dict[str, str]:
    """A process's environment, as it was started."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()]


def start(bench: Bench, how: str, environment: Mapping[str, str | None], folder: Path, *options: str) -> Terminal:
    """The kiosk in a terminal, in a folder of the user's own."""
    bench.workspace.settings.write_text("[desk]\npractice = false\n")
    command = [*STARTS[how], "--home", str(bench.workspace.home), "review", "--kiosk", *options]
    return Terminal(command, folder=folder, environment=environment)


@pytest.fixture
def leaving() -> Iterator[None]:
    """Nothing of what the test started is left running."""
    before = set(children_of(os.getpid()))
    yield
    until(lambda: set(children_of(os.getpid())) <= before, 30)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("how", STARTS)
def test_nothing_of_the_environment_reaches_the_kiosk_or_its_children(
    bench: Bench, traps: Path, leaving: None, how: str
) -> None:
    sent = hostile(traps)
    if how != "isolated":
        # What acts before any code of a program runs is for `python -I` to ignore; see docs/how-to/labelling-host.md.
        sent = {name: value for name, value in sent.items() if not name.startswith("PYTHON") or name == "PYTHONINSPECT"}
    read: list[bytes] = []
    with start(bench, how, sent, traps if how == "isolated" else traps / "written") as terminal:
        terminal.on_read = read.append
        assert ready(terminal), b"".join(read).decode()
        name = pwd.getpwuid(os.getuid()).pw_name
        terminal.send("n")
        assert terminal.wait_for(lambda t: "1 this session" in t.lines[0], 120)
        until(lambda: bool(children_of(terminal.process.pid)), 60)
        for pid in (terminal.process.pid, *children_of(terminal.process.pid)):
            environment = environment_of(pid)
            assert set(environment) - KEPT <= OWN, sorted(environment)
            assert environment["HOME"] == pwd.getpwuid(os.getuid()).pw_dir
            assert environment["USER"] == environment["LOGNAME"] == name
            arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            assert arguments[1] == "-I"
        terminal.send("q")
        assert terminal.drain(120) == 0
    assert bench.decided(name)
    assert not bench.decided("lea")
    assert b">>>" not in b"".join(read)
    assert list((traps / "written").iterdir()) == []


@pytest.mark.parametrize("how", STARTS)
def test_no_prompt_is_left_when_the_kiosk_ends(bench: Bench, tmp_path: Path, how: str) -> None:
    read: list[bytes] = []
    with start(bench, how, {"PYTHONINSPECT": "1"}, tmp_path, "--plain") as terminal:
        terminal.on_read = read.append
        assert terminal.wait_for(lambda t: any("10. " in line for line in t.lines), 120)
        # Nothing that the keyboard can send ends or stops it, and nothing that is typed is run.
        terminal.send("\x03\x1a\x1c")
        terminal.send("import os\n")
        terminal.send("q\n")
        assert terminal.drain(120) == 0
    assert b">>>" not in b"".join(read)
    assert b"Everything you decided is saved." in b"".join(read)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TERM", "../../srv/evil"),
        ("TERM", "xterm\x1b[2J"),
        ("LC_ALL", "/srv/evil"),
        ("LC_ALL", "../evil"),
        ("LANG", "en_US.UTF-8/evil"),
        ("TZ", ":/etc/passwd"),
        ("TZ", "/etc/passwd"),
        ("TZ", "Europe/../../../etc/passwd"),
        ("COLORTERM", "truecolor\n"),
        ("NO_COLOR", ""),
        ("LD_PRELOAD", "/srv/evil.so"),
        ("LD_LIBRARY_PATH", "/srv"),
        ("LD_AUDIT", "/srv/evil.so"),
        ("BASH_ENV", "/srv/evil"),
        ("PYTHONHOME", "/srv"),
        ("SSH_AUTH_SOCK", "/srv/agent"),
        ("lc_all", "C"),
    ],
)
def test_unsafe_values_are_dropped(name: str, value: str) -> None:
    assert name not in clean_environment({name: value}, pwd.getpwuid(os.getuid()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TERM", "xterm-256color"),
        ("TERM", "screen.xterm-new"),
        ("LC_ALL", "de_DE.UTF-8@euro"),
        ("LANG", "C.UTF-8"),
        ("TZ", "America/Argentina/Buenos_Aires"),
        ("TZ", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("TZ", "<+0330>-3:30"),
        ("COLORTERM", "truecolor"),
        ("COLORFGBG", "0;default;15"),
        ("NO_COLOR", "1"),
        ("SSH_ORIGINAL_COMMAND", "scp -t /tmp\nls"),
    ],
)
def test_terminal_and_locale_variables_are_kept(name: str, value: str) -> None:
    cleaned = clean_environment({name: value}, pwd.getpwuid(os.getuid()))
    assert cleaned[name] == value
    assert clean_environment(cleaned, pwd.getpwuid(os.getuid())) == cleaned


def test_a_kiosk_that_was_not_isolated_does_not_open(bench: Bench, tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['samesku', *sys.argv[1:]]; from tui.command_line import start; start(sys.argv[1:])"
    command = [sys.executable, "-c", code, "--home", str(bench.workspace.home), "review", "--kiosk"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "A kiosk runs isolated" in done.stderr
    inner = subprocess.run([*command[:1], "-m", "tui.isolation"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (inner.returncode, inner.stdout) == (1, "")


async def test_no_action_of_the_desk_writes_a_file_opens_a_page_or_stops_it(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual's own actions, whatever might reach them: a key, a link in a text, the menu."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(elsewhere))
    monkeypatch.setattr("webbrowser.open", lambda *_: pytest.fail("a browser was opened"))
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("the desk was stopped"))
    app = KioskApp(bench.desk())
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+z")
        await app.run_action("app.screenshot")
        await app.run_action("app.suspend_process")
        app.open_url("file:///etc/passwd")
        app.deliver_screenshot()
        app.deliver_text(io.StringIO("text"), save_directory=elsewhere, save_filename="text.txt")
        app.deliver_binary(io.BytesIO(b"bytes"), save_directory=elsewhere, save_filename="bytes")
        await settled(pilot)
        assert app.is_running
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("step", ["restart", "open"])
def test_a_user_number_without_an_account_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    if step == "restart":
        with pytest.raises(SystemExit, match=rf"user {os.getuid()} has none\.\n.*--as NAME review"):
            restart_isolated(["--home", "/ws", "review", "--kiosk"])
        return
    monkeypatch.setattr(sys, "flags", SimpleNamespace(isolated=1))
    with pytest.raises(CoreError, match="has none") as caught:
        kiosk_context(Context(home=Path("/ws")))
    assert "--as NAME review" in caught.value.hint


def test_the_documentation_starts_it_isolated_from_the_first_process_on() -> None:
    page = (ROOT / "docs" / "how-to" / "labelling-host.md").read_text(encoding="utf-8")
    (command,) = [line.strip() for line in page.splitlines() if "ForceCommand /" in line]
    started = ["/opt/samesku/bin/python", *STARTS["isolated"][1:]]
    assert command == f"ForceCommand {' '.join(started)} --home /srv/matching review --kiosk"
