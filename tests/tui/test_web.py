"""`samesku web`: a desk in a browser, for the user who started it and nobody else."""

import asyncio
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestServer
from browser import Browser, chromium
from desk_bench import Bench, write_workspace
from samples import until
from typer.testing import CliRunner

from core.settings import Settings
from labels.leases import Leases
from tui.command_line import make_app, web
from tui.web.access import HEADERS, peer_uid
from tui.web.server import MAX_DESKS, DeskServer
from tui.web.session import screen_size

ROOT = Path(__file__).parents[2]
#: Draws nothing, and ends with its input.
IDLE = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@dataclass
class Served:
    """A server that runs.

    Attributes:
        address: what it printed.
    """

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.address).port or 0

    @property
    def path(self) -> str:
        """The page's."""
        return urlsplit(self.address).path

    def get(self, path: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        """Ask for something, with these headers in place of those that a browser sends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response


@contextmanager
def serve(bench: Bench, *options: str) -> Iterator[Served]:
    """`samesku web`, started as ada."""
    bench.workspace.settings.write_text("[desk]\npractice = false\n")
    command = [sys.executable, "-m", "tui", "--home", str(bench.workspace.home), "--as", "ada", "web", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAMESKU_")}
    with subprocess.Popen(
        [*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            yield Served(process, process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait(120)


@pytest.fixture
def served(bench: Bench) -> Iterator[Served]:
    """A server on the bench's workspace."""
    with serve(bench) as running:
        yield running


@pytest.fixture(scope="module")
def asked_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The workspace of `asked`, in which nobody decides anything."""
    return Bench(write_workspace(tmp_path_factory.mktemp("asked") / "home"), Settings(), [])


@pytest.fixture(scope="module")
def asked(asked_bench: Bench) -> Iterator[Served]:
    """One for all tests that decide nothing: it takes a second to start."""
    with serve(asked_bench) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests: it takes seconds to start."""
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def page(browser: Browser, served: Served) -> Browser:
    """The desk, open in the browser."""
    open_desk(browser, served.address)
    return browser


def open_desk(browser: Browser, address: str) -> None:
    """Go to the page, and wait for its first query; keys that come before it is painted whole decide nothing."""
    browser.driver.set_window_size(1200, 800)
    browser.forget()
    browser.driver.get(address)
    until(lambda: browser.shows("1/10"), 60)
    while browser.receives(0.5):
        pass


def decide(browser: Browser, done: int) -> None:
    """None of these, and wait until the screen tells that it counts."""
    browser.press("n")
    until(lambda: browser.shows(f"{done} this session"), 60)


def desks_of(served: Served) -> list[str]:
    """The desks that the server has running, by process id."""
    tasks = Path(f"/proc/{served.process.pid}/task")
    return [child for each in tasks.glob("*/children") for child in each.read_text().split()]


def claimed(bench: Bench) -> object:
    """What is reserved for anybody."""
    claims = Leases(bench.workspace.labels)
    held = claims.held_by_others("nobody")
    claims.close()
    return held


# -- in a browser ----------------------------------------------------------------------------------------------


def test_keys_on_the_page_decide_and_the_decision_is_in_the_ledger(
    bench: Bench, served: Served, page: Browser, tmp_path: Path
) -> None:
    assert page.driver.title == "samesku"
    decide(page, 1)
    assert bench.decided("ada")
    page.press("ctrl+p")
    until(lambda: page.shows("Search for commands"), 60)
    page.press("\ue00c")  # Esc
    until(lambda: not page.shows("Search for commands"), 60)
    page.press("z")
    until(lambda: page.shows("0 this session"), 60)
    assert bench.decided("ada") == {}
    picture = page.driver.get_screenshot_as_png()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000  # a blank page has a tenth of that
    # Everything came from this server, and the browser had nothing to say about it.
    own = [f"{scheme}://127.0.0.1:{served.port}{served.path}" for scheme in ("http", "ws")]
    requested = [url for url in page.requested if str(served.port) in url or not url.startswith("data:")]
    assert any(url.endswith("roboto-mono.ttf") for url in requested)
    assert [url for url in requested if not url.startswith(tuple(own))] == []
    assert page.complaints == []


def test_the_desk_fills_the_window_at_any_size_and_its_secret_is_in_no_command_line(
    asked: Served, browser: Browser
) -> None:
    open_desk(browser, asked.address)
    for size in ((1200, 900), (700, 560)):
        browser.driver.set_window_size(*size)
        until(lambda: "ctrl+p menu" in browser.lines()[-1], 60)
        fills_the_window(browser)
    until(lambda: len(desks_of(asked)) == 1, 60)  # those of tests before this one are over
    for pid in (*desks_of(asked), str(asked.process.pid)):
        for name in ("cmdline", "environ"):
            assert asked.path.strip("/") not in Path(f"/proc/{pid}/{name}").read_text()
    assert browser.driver.execute_script("return document.cookie") == ""


def fills_the_window(page: Browser) -> None:
    """The terminal is as large as the window, nothing scrolls, and it is drawn in the page's own font."""
    inner, canvas, scrolls = page.driver.execute_script(
        """
        const canvas = document.querySelector(".xterm-screen").getBoundingClientRect();
        const page = document.documentElement;
        return [[innerWidth, innerHeight], [canvas.width, canvas.height],
                page.scrollWidth > page.clientWidth || page.scrollHeight > page.clientHeight];
        """
    )
    assert not scrolls
    # Less than a cell, and the room that xterm.js leaves for a scroll bar, are free.
    assert 0 <= inner[0] - canvas[0] < 30
    assert 0 <= inner[1] - canvas[1] < 30
    columns = len(page.lines()[0])
    assert abs(columns - canvas[0] // 9) < columns / 5
    assert page.driver.execute_script("return document.fonts.check('16px \"Roboto Mono\"')")


def test_leaving_closes_the_page_and_gives_the_query_back(bench: Bench, served: Served, page: Browser) -> None:
    assert claimed(bench)
    page.press("q")
    until(lambda: page.driver.find_element("id", "ended").is_displayed(), 60)
    assert "Everything you decided is saved." in page.driver.find_element("id", "notice").text
    until(lambda: desks_of(served) == [], 60)
    assert not claimed(bench)
    page.driver.find_element("id", "again").click()
    until(lambda: bool(desks_of(served)), 60)


def test_a_page_that_goes_away_ends_its_desk_and_gives_the_query_back(
    bench: Bench, served: Served, page: Browser
) -> None:
    decide(page, 1)
    page.driver.get("about:blank")
    until(lambda: desks_of(served) == [], 60)
    assert not claimed(bench)
    assert bench.decided("ada")
    # A reload is another desk, which goes on where the last one was.
    open_desk(page, served.address)
    page.forget()
    page.driver.refresh()
    until(lambda: page.shows("6 left") and len(desks_of(served)) == 1, 60)


def test_two_tabs_are_two_desks_and_one_outlives_the_other(bench: Bench, served: Served, page: Browser) -> None:
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    try:
        open_desk(page, served.address)
        assert len(desks_of(served)) == 2
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    until(lambda: len(desks_of(served)) == 1, 60)
    page.press("n")
    until(lambda: bool(bench.decided("ada")), 60)


def test_the_address_cannot_change_the_annotator(bench: Bench, served: Served, browser: Browser) -> None:
    open_desk(browser, f"{served.address}?as=eve&annotator=eve&command=id")
    decide(browser, 1)
    assert bench.decided("ada")
    assert not bench.decided("eve")


def test_a_page_of_another_origin_gets_nothing_even_with_the_address(
    asked_bench: Bench, asked: Served, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "index.html").write_text("<!DOCTYPE html><title>evil</title>")
    handler = http.server.SimpleHTTPRequestHandler
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: handler(*args, directory=str(tmp_path / "evil"))
    ) as evil:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        browser.driver.get(f"http://127.0.0.1:{evil.server_port}/")
        until(lambda: desks_of(asked) == [], 60)  # those of tests before this one are over
        attempts = browser.driver.execute_async_script(
            """
            const [address, done] = arguments;
            const socket = new Promise(ended => {
              const socket = new WebSocket(address.replace("http", "ws") + "ws?width=80&height=24");
              socket.onopen = () => ended("open");
              socket.onclose = () => ended("refused");
            });
            const read = fetch(address).then(response => response.text()).catch(() => "refused");
            const script = new Promise(ended => {
              const script = document.createElement("script");
              script.onload = () => ended("run");
              script.onerror = () => ended("refused");
              script.src = address + "static/textual.js";
              document.head.append(script);
            });
            const frame = new Promise(ended => {
              const frame = document.createElement("iframe");
              frame.onload = ended;
              frame.src = address;
              document.body.append(frame);
            });
            Promise.all([socket, read, script]).then(attempts => frame.then(() => done(attempts)));
            """,
            asked.address,
        )
        evil.shutdown()
    assert attempts == ["refused"] * 3
    browser.read_logs()
    assert any("frame-ancestors" in complaint or "X-Frame-Options" in complaint for complaint in browser.complaints)
    browser.complaints.clear()
    assert desks_of(asked) == []
    assert not asked_bench.decided("ada")


def test_the_page_works_without_webgl(asked: Served, tmp_path: Path) -> None:
    with chromium(tmp_path / "profile", "--disable-3d-apis") as browser:
        open_desk(browser, asked.address)
        picture = browser.driver.get_screenshot_as_png()
        assert len(picture) > 20_000
        assert browser.complaints == []


# -- who may talk to it ----------------------------------------------------------------------------------------


def test_only_the_printed_address_is_answered_and_on_this_machine_alone(asked: Served) -> None:
    assert asked.address.startswith(f"http://127.0.0.1:{asked.port}/")
    assert len(asked.path) > 40
    assert asked.get(asked.path).status == 200
    assert asked.get(f"{asked.path}static/textual.js").status == 200
    for path in (
        "/",
        "/ws",
        "/favicon.ico",
        "/static/textual.js",
        asked.path[:-2] + "/",
        f"/x{asked.path}",
        "//",
        "/%2e",
    ):
        assert asked.get(path).status == 403, path
    for path in ("download/key", "static/", "static/../server.py", "static/%2e%2e/server.py", "static/page.html", "x"):
        assert asked.get(asked.path + path).status in {403, 404}, path
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert [end for end in listening if end.endswith(f":{asked.port:04X}")] == [f"0100007F:{asked.port:04X}"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1"}, 200),
        ({"Host": "localhost:9000"}, 200),  # as `ssh -L 9000:localhost:8000` has it
        ({"Host": "example.org"}, 403),
        ({"Host": "example.org:8000"}, 403),
        ({"Host": "127.0.0.1.example.org"}, 403),
        ({"Host": "["}, 403),
        ({"Host": ""}, 403),
        ({"Host": "localhost:9000", "Origin": "http://localhost:9000"}, 200),
        ({"Host": "localhost:9000", "Origin": "http://127.0.0.1:9000"}, 403),
        ({"Host": "localhost:9000", "Origin": "http://localhost:9001"}, 403),
        ({"Host": "localhost:9000", "Origin": "https://example.org"}, 403),
        ({"Host": "localhost:9000", "Origin": "null"}, 403),
    ],
)
def test_host_and_origin_are_checked_and_every_answer_is_locked_down(
    asked: Served, headers: dict[str, str], status: int
) -> None:
    for path in (asked.path, f"{asked.path}static/page.js"):
        response = asked.get(path, headers)
        assert response.status == status
        assert {name: response.headers[name] for name in HEADERS} == HEADERS
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_another_account_of_the_machine_is_refused_even_with_the_address(asked: Served) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be another account")
    # All modules that a request takes are loaded by this one: the other account may not be able to read them.
    assert asked.get(asked.path).status == 200
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)  # nobody
            os.write(write, str(asked.get(asked.path).status).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"403"
    os.close(read)


_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
_SERVERS = "   0: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 1\n"
_BROWSERS = "   1: 0100007F:C350 0100007F:1F40 {} 00000000:00000000 00:00000000 00000000  {}        0 2\n"


@pytest.mark.parametrize(
    ("table", "uid"),
    [
        (_HEAD + _SERVERS + _BROWSERS.format("01", 1000), 1000),
        (_HEAD + _SERVERS + _BROWSERS.format("01", 0), 0),
        (_HEAD + _SERVERS + _BROWSERS.format("05", 0), -1),  # closed: no process has it any more
        (_HEAD + _SERVERS, -1),  # reset
        (_HEAD, None),  # a system that does not tell
    ],
)
def test_a_closed_peer_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, uid: int | None) -> None:
    """The kernel calls the owner of a connection that its process has closed root, whoever that was."""
    (tmp_path / "tcp").write_text(table)
    monkeypatch.setattr("tui.web.access._TABLES", (tmp_path / "tcp",))
    ends = {"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000)}
    request = SimpleNamespace(transport=SimpleNamespace(get_extra_info=ends.get))
    assert peer_uid(request) == uid  # type: ignore[arg-type]  # all of a request that is looked at


# -- what it does with what it is sent ---------------------------------------------------------------------------


@asynccontextmanager
async def connections(command: list[str]) -> AsyncIterator[tuple[ClientSession, str]]:
    """A server in this process, and where its WebSocket is."""
    server = DeskServer(command)
    async with TestServer(server.application()) as running, ClientSession() as client:
        client.headers["Origin"] = f"http://127.0.0.1:{running.port}"
        yield client, f"http://127.0.0.1:{running.port}{server.path}ws"


@pytest.mark.parametrize("origin", [None, "http://example.org", "http://127.0.0.1:1", "null"])
async def test_a_socket_needs_the_pages_own_origin(origin: str | None) -> None:
    async with connections(IDLE) as (client, address):
        del client.headers["Origin"]
        headers = {"Origin": origin} if origin else {}
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(address, headers=headers)
        assert refused.value.status == 403


async def test_the_number_of_desks_is_limited() -> None:
    async with connections(IDLE) as (client, address):
        open_ones = [await client.ws_connect(address) for _ in range(MAX_DESKS)]
        one_more = await client.ws_connect(address)
        assert "8 desks are open" in (await one_more.receive_json())[1]
        assert (await one_more.receive()).type is WSMsgType.CLOSE
        await open_ones.pop().close()
        for _ in range(600):  # the desk behind it takes a moment to end
            another = await client.ws_connect(address)
            await another.send_json(["ping", "x"])
            if (await another.receive_json())[0] == "pong":
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("no place became free")


@pytest.mark.parametrize(
    "message",
    [
        "", "x", "[", "{}", "[]", "null", "[1]", '["stdin"]', '["stdin", null]', '["resize"]', '["resize", 5]',
        '["resize", {"width": "x", "height": 1}]', '["resize", {"width": 1e999, "height": -5}]', '["quit"]',
        '["deliver_chunk_request", {"key": "x", "size": 1}]', "[" * 10_000,
    ],
)  # fmt: skip
async def test_malformed_messages_are_ignored(message: str) -> None:
    async with connections(IDLE) as (client, address):
        connection = await client.ws_connect(f"{address}?width=100000&height=0")
        await connection.send_str(message)
        await connection.send_bytes(b"\xff\x00")
        await connection.send_json(["ping", "5"])
        assert await connection.receive_json() == ["pong", "5"]


async def test_a_desk_that_cannot_open_says_why_on_the_page() -> None:
    code = "import sys; sys.exit('Error: There is no workspace.\\nMake <one>.')"
    async with connections([sys.executable, "-c", code]) as (client, address):
        connection = await client.ws_connect(address)
        assert await connection.receive_json() == ["notice", "Error: There is no workspace.\nMake <one>."]
        assert (await connection.receive()).type is WSMsgType.CLOSE
    async with connections(["/no/such/program"]) as (client, address):
        connection = await client.ws_connect(address)
        assert "cannot be started: No such file" in (await connection.receive_json())[1]


async def test_only_output_reaches_the_page() -> None:
    """No file is delivered and no page is opened, whatever the desk asks for."""
    packets = [
        (b"M", json.dumps({"type": "open_url", "url": "javascript:alert(1)", "new_tab": True}).encode()),
        (b"M", b'{"type": "deliver_file_start", "key": "k", "path": "/etc/passwd"}'),
        (b"P", b"chunk"),
        (b"D", b"drawn"),
    ]
    data = b"".join(kind + len(payload).to_bytes(4, "big") + payload for kind, payload in packets)
    code = f"import sys; sys.stdout.buffer.write({data!r}); sys.stdout.flush(); sys.stdin.read()"
    async with connections([sys.executable, "-c", code]) as (client, address):
        connection = await client.ws_connect(address)
        assert await connection.receive_bytes() == b"drawn"


def test_a_screen_has_a_size_within_bounds() -> None:
    assert screen_size("133", 31) == (133, 31)
    assert screen_size(-1, 10**9) == (2, 1000)
    with pytest.raises(ValueError):
        screen_size("1; id", 1)


# -- starting and ending -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_server_ends_with_its_desks(bench: Bench, how: signal.Signals) -> None:
    async def connect(served: Served) -> None:
        origin = {"Origin": f"http://127.0.0.1:{served.port}"}
        async with ClientSession() as client, client.ws_connect(f"{served.address}ws", headers=origin) as connection:
            assert (await connection.receive()).type is WSMsgType.BINARY
            assert desks_of(served)
            served.process.send_signal(how)
            async for _ in connection:
                pass

    with serve(bench) as served:
        asyncio.run(connect(served))
        assert served.process.wait(120) == 0
    assert not claimed(bench)


def test_a_desk_whose_server_was_killed_ends_by_itself(bench: Bench) -> None:
    async def connect(served: Served) -> list[str]:
        origin = {"Origin": f"http://127.0.0.1:{served.port}"}
        async with ClientSession() as client, client.ws_connect(f"{served.address}ws", headers=origin) as connection:
            assert (await connection.receive()).type is WSMsgType.BINARY
            desks = desks_of(served)
            served.process.kill()
            async for _ in connection:
                pass
            return desks

    with serve(bench) as served:
        (desk,) = asyncio.run(connect(served))
        until(lambda: not Path(f"/proc/{desk}").exists(), 60)
    assert not claimed(bench)


def test_the_address_is_an_answer_as_json_too(bench: Bench) -> None:
    with serve(bench, "--json") as served:
        facts = json.loads(served.address)
        assert facts["annotator"] == "ada"
        assert facts["address"].startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_is_a_sentence(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "tui", "--home", str(bench.workspace.home), "web", "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Port {port} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_web_without_its_extra_is_a_sentence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tui.web.server", raising=False)
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    result = CliRunner().invoke(make_app([web]), ["--home", str(bench.workspace.home), "web"])
    assert "extra web" in str(result.exception)
