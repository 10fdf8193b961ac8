"""A headless Chromium on a page with a terminal: what the page asks for, what is on its screen, keys typed into it."""

import base64
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyte
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1200,800",
)  # fmt: skip


class Browser:
    """One window, with any number of tabs.

    Attributes:
        requested: the URLs of everything that pages over HTTP have asked for.
        complaints: what the browser has logged as a warning or an error.
        frames: how many pieces of what is drawn have come.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._screens: dict[str, tuple[pyte.Screen, pyte.ByteStream]] = {}
        self._latest = ""
        self.frames = 0

    def press(self, *keys: str) -> None:
        """Type into the page; `ctrl+p` and the like are one key."""
        for key in keys:
            actions = ActionChains(self.driver)
            if key.startswith("ctrl+"):
                actions.key_down(Keys.CONTROL).send_keys(key.removeprefix("ctrl+")).key_up(Keys.CONTROL)
            else:
                actions.send_keys(key)
            actions.perform()

    def lines(self) -> list[str]:
        """The screen of the latest terminal, as what came through its WebSocket makes it."""
        self.read_logs()
        return list(self._screens[self._latest][0].display) if self._latest else []

    def forget(self) -> None:
        """From now on, the terminal of the next page is the latest."""
        self.read_logs()
        self._latest = ""

    def receives(self, seconds: float) -> bool:
        """Whether anything comes to the latest terminal within this time, which passes in any case."""
        self.read_logs()
        before = self.frames
        time.sleep(seconds)
        self.read_logs()
        return self.frames > before

    def shows(self, words: str) -> bool:
        """Whether a line of the latest terminal's screen has these words."""
        return any(words in line for line in self.lines())

    def read_logs(self) -> None:
        """Take note of what happened since the last call. The log is of the tab that is in front."""
        for entry in self.driver.get_log("browser"):  # type: ignore[no-untyped-call]
            if entry["level"] in {"WARNING", "SEVERE"} and "software WebGL" not in entry["message"]:
                self.complaints.append(entry["message"])
        for entry in self.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            message = json.loads(entry["message"])["message"]
            self._note(message["method"], message["params"])

    def _note(self, method: str, facts: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent" and facts["documentURL"].startswith("http"):
            self.requested.append(facts["request"]["url"])
        elif method == "Network.webSocketCreated":
            self._latest = facts["requestId"]
            asked = parse_qs(urlsplit(facts["url"]).query)
            if "width" in asked:
                screen = pyte.Screen(int(asked["width"][0]), int(asked["height"][0]))
                self._screens[self._latest] = screen, pyte.ByteStream(screen)
        elif method == "Network.webSocketFrameReceived" and facts["response"]["opcode"] == 2:
            self.frames += 1
            self._screens[facts["requestId"]][1].feed(base64.b64decode(facts["response"]["payloadData"]))
        elif method == "Network.webSocketFrameSent" and facts["response"]["payloadData"].startswith('["resize"'):
            size = json.loads(facts["response"]["payloadData"])[1]
            self._screens[facts["requestId"]][0].resize(size["height"], size["width"])


@contextmanager
def chromium(profile: Path, *flags: str) -> Iterator[Browser]:
    """A browser with an empty profile; skips the test where there is none."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs Chromium and its chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={profile}", *flags):
        options.add_argument(flag)  # type: ignore[no-untyped-call]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(chrome)
    finally:
        chrome.quit()
