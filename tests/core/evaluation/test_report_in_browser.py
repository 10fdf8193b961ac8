"""The report of a model comparison in a real Chromium: it draws, it is quiet, and it asks nobody for anything."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, chromium
from hostile import HOSTILE
from model_comparisons import ATTACKS, TITLES, model_comparison
from samples import until

from core.evaluation.comparison_report.page import write_report

pytest.importorskip("plotly", reason="needs the extra report")


@dataclass
class Shown:
    """A report in a browser.

    Attributes:
        requests: the URLs that the page asked for.
        blocked: why requests were not made.
    """

    browser: Browser
    requests: list[str]
    blocked: list[str] = field(default_factory=list)

    def open(self, path: Path, **media: str) -> None:
        """Open a report, and wait until its charts are drawn."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.read_logs()
        self.requests.clear()
        self.blocked.clear()
        self.browser.complaints.clear()
        self.browser.driver.get(path.as_uri())
        until(lambda: bool(self.run("return document.documentElement.dataset.drawn")), 60)
        self.read_logs()

    def command(self, name: str, **arguments: Any) -> Any:
        """A command of the DevTools protocol."""
        return self.browser.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str) -> Any:
        """The value of a script in the page."""
        return self.browser.driver.execute_script(script)  # type: ignore[no-untyped-call]

    def read_logs(self) -> None:
        """Note what was requested and what the console says."""
        for entry in self.browser.driver.get_log("browser"):  # type: ignore[no-untyped-call]
            if entry["level"] in {"WARNING", "SEVERE"}:
                self.browser.complaints.append(entry["message"])
        for entry in self.browser.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent" and not _is_of_the_browser(message["params"]):
                self.requests.append(message["params"]["request"]["url"])
            elif message["method"] == "Network.loadingFailed":
                self.blocked.append(message["params"].get("blockedReason", ""))

    @property
    def addresses(self) -> set[str]:
        """What was requested, without what the page itself holds."""
        return {url for url in self.requests if not url.startswith("data:")}


def _is_of_the_browser(request: dict[str, Any]) -> bool:
    """Whether the browser's own page for a new tab asks, which it does as long as it is there, and beside ours."""
    return request["documentURL"].startswith(("chrome:", "chrome-untrusted:"))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield Shown(browser, [])


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "ordinary.html"
    write_report(path, model_comparison(TITLES, ("base-1234", "lora-1", "full-1")))
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "hostile.html"
    ids = ("<img src=x onerror=window.hacked=1>", "</script><script>window.hacked=1</script>", "javascript:alert(1)")
    write_report(path, model_comparison([*ATTACKS, *HOSTILE], ids, "</title><script>window.hacked=1</script>"))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_draws_without_a_complaint_or_a_request(shown: Shown, ordinary: Path, scheme: str, width: int) -> None:
    shown.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    shown.open(ordinary, prefers_color_scheme=scheme)
    assert shown.browser.complaints == []
    assert shown.addresses == {ordinary.as_uri()}
    assert shown.run("return document.querySelectorAll('.chart').length") == 9
    empty = "[...document.querySelectorAll('.chart')].filter(c => !c.querySelector('.scatterlayer .trace path')).length"
    assert shown.run(f"return {empty}") == 0
    # The page does not scroll sideways; the wide table does, in its frame.
    assert shown.run("return document.documentElement.scrollWidth") <= width
    wider = "[...document.querySelectorAll('.chart')].filter(c => c.scrollWidth > c.clientWidth + 1).length"
    assert shown.run(f"return {wider}") == 0


#: The elements whose text has too little contrast with what is behind it, by WCAG 2 (AA), with the contrast.
_FAINT = """
const channel = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const luminance = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number); return .2126 * channel(r) + .7152 *
  channel(g) + .0722 * channel(b); };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (!/, 0\\)$/.test(c)) return c; } return "rgb(255, 255, 255)"; };
const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
return [...document.querySelectorAll("p, td, th, small, mark, dd, dt, h1, h2, .change, .count, svg text")]
  .filter(e => e.textContent.trim() && e.getClientRects().length)
  .map(e => [ratio(luminance(e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color),
    luminance(behind(e instanceof SVGElement ? e.closest(".chart") : e))), e.outerHTML.slice(0, 90)])
  .filter(found => found[0] < 4.5);
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(shown: Shown, ordinary: Path, scheme: str) -> None:
    shown.command("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    shown.open(ordinary, prefers_color_scheme=scheme)
    page = shown.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, page[4:-1].split(","))) < 384) is (scheme == "dark")
    assert shown.run(_FAINT) == []


def test_hostile_titles_do_nothing(shown: Shown, hostile: Path) -> None:
    shown.command("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    shown.open(hostile, prefers_color_scheme="light")
    hover = """
    for (const chart of document.querySelectorAll(".chart")) for (let t = 0; t < chart.data.length; t++)
      try { Plotly.Fx.hover(chart, [{curveNumber: t, pointNumber: 0}]); } catch (error) {}
    for (const each of document.querySelectorAll("*")) each.dispatchEvent(new Event("mouseover"));
    """
    shown.run(hover)
    shown.read_logs()
    assert shown.run("return typeof window.hacked") == "undefined"
    assert shown.browser.complaints == []
    assert shown.addresses == {hostile.as_uri()}
    assert shown.run("return document.querySelectorAll('a, img, iframe, form, object').length") == 0
    assert shown.run("return document.documentElement.scrollWidth") <= 1280
    assert shown.run("return document.body.textContent.includes('{{ 7 * 7 }}')")


def test_a_script_that_got_in_would_not_run(shown: Shown, ordinary: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    text = ordinary.read_text(encoding="utf-8")
    planted = "<script>window.hacked = 1</script><img src='https://example.org/x.png' onerror='window.hacked = 1'>"
    broken.write_text(text.replace("<h1>", planted + "<h1>", 1), encoding="utf-8")
    shown.open(broken, prefers_color_scheme="light")
    assert shown.run("return typeof window.hacked") == "undefined"
    assert shown.blocked == ["csp"]


def test_it_prints_in_the_colours_of_paper_and_with_all_examples(shown: Shown, ordinary: Path, tmp_path: Path) -> None:
    shown.command("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    shown.open(ordinary, prefers_color_scheme="dark")
    shown.run("addEventListener('beforeprint', () => window.printed = [...document.querySelectorAll('details')]"
              ".every(each => each.open))")  # fmt: skip
    printed = shown.command("Page.printToPDF", printBackground=False)["data"]
    assert base64.b64decode(printed).startswith(b"%PDF")
    assert shown.run("return window.printed") is True
    assert shown.run("return document.querySelectorAll('details:not([open])').length") > 0
    shown.command("Emulation.setEmulatedMedia", media="print")
    try:
        assert shown.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert shown.run(_FAINT) == []
    finally:
        shown.command("Emulation.setEmulatedMedia", media="")
