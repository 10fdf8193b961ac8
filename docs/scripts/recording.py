"""The picture and the recording of the desk in docs/assets, from a session in a pseudo-terminal on the demo workspace.

`make recording` builds the demo workspace in a temporary folder, labels a part of it from the demo's known answers, so
that the probabilities are calibrated, opens the desk as anybody would, types, and draws what the terminal shows.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from core.catalog.demo import demo_catalogue
from tests.bench.terminal import Terminal

ASSETS = Path(__file__).parents[1] / "assets"
_SAMESKU = [sys.executable, "-m", "tui"]

#: Size of a character's cell in pixels, and of the margin around the screen.
_CELL, _LINE, _MARGIN = 8.4, 18, 12
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
#: Colours of a dark terminal, by the names that the emulator gives them.
_COLOURS = {
    "default": "#d8dee9", "black": "#1c1f26", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b",
    "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#abb2bf",
}  # fmt: skip
_BACKGROUND = "#121212"

#: Who labelled some queries beforehand, and how many: enough for a calibrated matcher.
_LABELLER = "maria"
_LABELLED = 90
#: Queries skipped in search of one whose comparison has much to show.
_LOOKED_AT = 15


class Style(NamedTuple):
    """How a cell looks."""

    ink: str
    paper: str
    bold: bool
    italic: bool
    underline: bool


@dataclass(frozen=True)
class Frame:
    """What the screen showed: its rows of (text, style) runs, and for how long, in seconds."""

    rows: tuple[tuple[tuple[str, Style], ...], ...]
    seconds: float


#: What is typed for the recording, and for how long its result is shown. A pause has no key.
SCRIPT: Sequence[tuple[str, float]] = (
    ("", 2.5),
    ("j", 0.7), ("j", 0.7), ("k", 0.5), ("k", 1.2),
    ("w", 3.5), ("\x1b", 0.8),
    ("a", 1.6), ("n", 1.6), ("x", 0.7), ("x", 1.0), ("z", 1.6), ("z", 1.2),
    ("/", 0.8), *((letter, 0.16) for letter in "batter"), ("y", 2.2), ("\x1b", 0.8),
    ("\x10", 1.4), *((letter, 0.16) for letter in "retrai"), ("n", 1.4), ("\r", 3.5), ("\x1b", 1.5),
)  # fmt: skip


def samesku(home: Path, *arguments: str) -> str:
    """Run a verb; returns what it prints."""
    command = [*_SAMESKU, "--home", str(home), "--quiet", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - this program


def build(home: Path) -> None:
    """The demo workspace, with labels by one annotator on a part of it.

    The demo itself makes the workspace: with a terminal it opens the desk then, which is left again.
    """
    with Terminal([*_SAMESKU, "--home", str(home), "demo"], rows=30, columns=100) as terminal:
        if not terminal.wait_for(lambda shown: shown.frames > 0, 300):
            raise RuntimeError("\n".join(terminal.lines))
        settle(terminal, 2.0)
        terminal.send("\x11")  # ctrl+q
        terminal.drain(10)
    gold = demo_catalogue().gold
    answers: dict[str, list[tuple[str, bool]]] = {}
    for row in json.loads(samesku(home, "match", "--json"))["matches"]:
        pair = row["query_id"], row["candidate_id"]
        answers.setdefault(row["query_id"], []).append((row["candidate_id"], pair in gold))
    table = home / "labels.csv"
    with table.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["query_id", "candidate_id", "label"])
        for query in list(answers)[:_LABELLED]:
            writer.writerows([query, candidate, int(label)] for candidate, label in answers[query])
    samesku(home, "labels", "import", str(table), "--as", _LABELLER)
    samesku(home, "index")
    table.unlink()


def settle(terminal: Terminal, quiet_s: float) -> None:
    """Read until nothing has come for so long."""
    until = time.monotonic() + 20
    while terminal.pump(quiet_s) and time.monotonic() < until:
        pass


def frame_of(terminal: Terminal, seconds: float) -> Frame:
    """What the terminal shows now, with its colours."""
    screen = terminal._screen  # the emulator's cells have no public way
    rows = []
    for y in range(terminal.rows):
        cells = [screen.buffer[y][x] for x in range(terminal.columns)]
        styled = [(cell.data, _style(cell)) for cell in cells]
        rows.append(
            tuple(("".join(text for text, _ in run), style) for style, run in groupby(styled, key=lambda each: each[1]))
        )
    return Frame(tuple(rows), seconds)


def _style(cell: object) -> Style:
    ink, paper = _colour(cell.fg, _COLOURS["default"]), _colour(cell.bg, _BACKGROUND)  # type: ignore[attr-defined]
    if cell.reverse:  # type: ignore[attr-defined]
        ink, paper = paper, ink
    return Style(ink, paper, cell.bold, cell.italics, cell.underscore)  # type: ignore[attr-defined]


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return _COLOURS.get(name.removeprefix("bright"), f"#{name}" if len(name) == 6 else default)


def record(home: Path) -> tuple[Frame, list[Frame]]:
    """A still of 120×36 and the frames of a session of 100×30."""
    with Terminal([*_SAMESKU, "--home", str(home), "--as", "ada", "review"], rows=36, columns=120) as terminal:
        _open(terminal)
        seen = []
        for _ in range(_LOOKED_AT):
            seen.append(frame_of(terminal, 1))
            terminal.send("s")
            settle(terminal, 1.0)
        still = max(seen, key=_content)
        terminal.send("\x11")
        terminal.drain(10)
    frames = []
    with Terminal([*_SAMESKU, "--home", str(home), "--as", "ben", "review"], rows=30, columns=100) as terminal:
        _open(terminal)
        for key, seconds in SCRIPT:
            if key:
                terminal.send(key)
            settle(terminal, 0.5 if seconds < 1 else 1.0)
            frames.append(frame_of(terminal, seconds))
        terminal.send("\x11")
        terminal.drain(10)
    return still, frames


def _content(frame: Frame) -> int:
    """How much a frame shows in its right half, where the comparison is; nothing where somebody has answered."""
    lines = ["".join(text for text, _ in row) for row in frame.rows]
    if any(_LABELLER in line for line in lines):
        return 0
    return sum(not character.isspace() for line in lines for character in line[len(line) // 2 :])


def _open(terminal: Terminal) -> None:
    if not terminal.wait_for(lambda shown: shown.frames > 0, 60):
        raise RuntimeError("\n".join(terminal.lines))
    settle(terminal, 3.0)


# -- drawing -------------------------------------------------------------------------------------------------------


def picture(frame: Frame, title: str) -> str:
    """One frame as SVG."""
    rows = "".join(
        f"<g transform='translate(0 {y * _LINE})'>{_row(row)}</g>\n" for y, row in enumerate(frame.rows) if _row(row)
    )
    return _svg(_columns(frame), len(frame.rows), title, "", rows)


def film(frames: Sequence[Frame], title: str) -> str:
    """Frames as an SVG that plays them in a loop; a row that several frames share is drawn once."""
    height = len(frames[0].rows) * _LINE
    known: dict[str, str] = {}
    shown = []
    for number, frame in enumerate(frames):
        uses = []
        for y, row in enumerate(frame.rows):
            if drawn := _row(row):
                name = known.setdefault(drawn, f"r{len(known)}")
                uses.append(f"<use href='#{name}' y='{y * _LINE}'/>")
        shown.append(f"<g transform='translate(0 {number * height})'>{''.join(uses)}</g>\n")
    total = sum(frame.seconds for frame in frames)
    stops, at = [], 0.0
    for number, frame in enumerate(frames):
        stops.append(f"{at / total * 100:.3f}%{{transform:translateY(-{number * height}px)}}")
        at += frame.seconds
    style = (
        f"@keyframes play{{{''.join(stops)}100%{{transform:translateY(-{(len(frames) - 1) * height}px)}}}}"
        f".film{{animation:play {total:.1f}s infinite step-end}}"
        "@media (prefers-reduced-motion:reduce){.film{animation:none}}"
    )
    rows = "".join(f"<g id='{name}'>{drawn}</g>" for drawn, name in known.items())
    body = f"<defs>{rows}</defs>\n<g class='film'>{''.join(shown)}</g>"
    return _svg(_columns(frames[0]), len(frames[0].rows), title, style, body)


def _columns(frame: Frame) -> int:
    return sum(len(text) for text, _ in frame.rows[0])


def _row(row: Iterable[tuple[str, Style]]) -> str:
    """The runs of a row: papers first, then inks, each stretched to its cells whatever the font's width is."""
    papers, inks, x = [], [], 0
    for text, style in row:
        if style.paper != _BACKGROUND:
            papers.append(
                f"<path fill='{style.paper}' d='M{x * _CELL:.1f} 0h{len(text) * _CELL:.1f}v{_LINE}h-"
                f"{len(text) * _CELL:.1f}z'/>"
            )
        if text.strip():
            lead = len(text) - len(text.lstrip())
            word = text.strip()
            marks = "".join(
                mark
                for mark, wanted in (
                    (" font-weight='700'", style.bold),
                    (" font-style='italic'", style.italic),
                    (" text-decoration='underline'", style.underline),
                )
                if wanted
            )
            inks.append(
                f"<text x='{(x + lead) * _CELL:.1f}' y='13' textLength='{len(word) * _CELL:.1f}' fill='{style.ink}'"
                f"{marks}>{escape(word)}</text>"
            )
        x += len(text)
    return "".join(papers + inks)


def _svg(columns: int, rows: int, title: str, style: str, body: str) -> str:
    width, height = columns * _CELL, rows * _LINE
    whole_width, whole_height = width + 2 * _MARGIN, height + 2 * _MARGIN
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {whole_width:.0f} {whole_height:.0f}'"
        f" width='{whole_width:.0f}' height='{whole_height:.0f}' role='img'>\n<title>{escape(title)}</title>\n"
        f"<style>text{{font:14px {_FONT};white-space:pre}}{style}</style>\n"
        f"<rect width='{whole_width:.0f}' height='{whole_height:.0f}' rx='8' fill='{_BACKGROUND}'/>\n"
        f"<svg x='{_MARGIN}' y='{_MARGIN}' width='{width:.0f}' height='{height}'>\n{body}</svg>\n</svg>\n"
    )


def main() -> None:
    """Make both."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "demo"
        build(home)
        still, frames = record(home)
    (ASSETS / "desk.svg").write_text(picture(still, "The desk on the demo workspace"), encoding="utf-8")
    (ASSETS / "session.svg").write_text(film(frames, "A session at the desk"), encoding="utf-8")
    for name in ("desk.svg", "session.svg"):
        sys.stdout.write(f"docs/assets/{name}: {(ASSETS / name).stat().st_size / 1024:.0f} kB\n")


if __name__ == "__main__":
    main()
