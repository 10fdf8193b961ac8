"""The desk in a real tmux, which has widths of its own: no letter of any script vanishes."""

import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from desk_bench import Bench
from samples import until

from core.catalog.store import CatalogStore

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here")

ROOT = Path(__file__).parents[2]
TITLES = [
    "किताब हिन्दी में कि 55 इंच", "தமிழ் கொள்கலன் 64 பக்கங்கள்", "বাংলা বই দ্বিতীয় সংস্করণ", "తెలుగు పుస్తకం రెండవ భాగం",
    "ಕನ್ನಡ ಪುಸ್ತಕ ಮೂರನೇ ಭಾಗ", "ગુજરાતી પુસ્તક ચોથો ભાગ", "മലയാളം പുസ്തകം അഞ്ചാം ഭാഗം", "ਪੰਜਾਬੀ ਕਿਤਾਬ ਛੇਵਾਂ ਭਾਗ",
    "ภาษาไทย เล่มที่เจ็ด", "මල් පොත අටවන කොටස",
]  # fmt: skip

Tmux = Callable[..., str]


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    """A server of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in {"TMUX", "NO_COLOR"}}
    environment |= {"LC_ALL": "C.UTF-8", "SAMESKU_DESK__PRACTICE": "false", "PYTHONUTF8": "1"}

    def run(*arguments: str) -> str:
        command = ["tmux", "-u", "-f", os.devnull, "-S", str(tmp_path / "tmux"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        return done.stdout

    yield run
    run("kill-server")


def letters(text: str) -> str:
    """Letters, digits and vowel signs, without what terminals put between them."""
    return "".join(c for c in text if unicodedata.category(c) in {"Lo", "Mc", "Nd"})


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_no_letter_vanishes_while_one_moves_about(bench: Bench, tmux: Tmux, size: tuple[int, int]) -> None:
    with CatalogStore(bench.workspace.catalog) as catalog:
        products = list(catalog.iter(source="amazon"))
        titles = dict(zip([f"q3-c{place}" for place in range(1, 11)], TITLES, strict=True))
        catalog.replace("amazon", "catalog", [replace(p, title=titles.get(p.id, p.title)) for p in products])
    desk = [sys.executable, "-m", "tui", "--home", str(bench.workspace.home), "--as", "ada", "review"]
    columns, rows = map(str, size)
    tmux("new-session", "-d", "-s", "desk", "-x", columns, "-y", rows, "-c", str(ROOT), *desk)

    def shown(place: int) -> list[str] | None:
        lines = tmux("capture-pane", "-p", "-t", "desk").splitlines()
        return lines if any(f" {place}/10 " in line for line in lines) else None

    until(lambda: shown(1) is not None, 120)
    for place, key in ((2, "j"), (3, "j"), (2, "k"), (7, "7")):
        tmux("send-keys", "-t", "desk", key)
        until(lambda place=place: shown(place) is not None, 120)
    screen = "\n".join(shown(7) or [])
    for title in TITLES:
        assert letters(title) in letters(screen), title
    assert all(re.search(rf"(?m)^.?{place} .*0\.\d\d [◆▽▲]", screen) for place in range(1, 10))
