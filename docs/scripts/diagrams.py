"""The diagrams of the architecture page and the overview, as SVG files in docs/assets.

They are drawn here rather than with Mermaid, so that no page loads a script from another host, and so that they show in
any viewer of Markdown. `python docs/scripts/diagrams.py` writes them again; a test compares.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

ASSETS = Path(__file__).parents[1] / "assets"

_INK, _SOFT, _LINE, _PAPER = "#1f2933", "#52606d", "#9aa5b1", "#ffffff"
_FILLS = {"person": "#fff3d6", "desk": "#dceefb", "core": "#e3f8ee", "data": "#f1e8fb", "model": "#fde2e1"}
_FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif'"
_COLUMN, _ROW, _TOP, _LEFT = 168, 42, 78, 104
#: Width of a character of the label's font, on average, in pixels.
_CHARACTER = 6.6


@dataclass(frozen=True)
class Lane:
    """A participant of a sequence: its name, what it is below that, and the colour of its kind."""

    name: str
    detail: str
    kind: str


@dataclass(frozen=True)
class Step:
    """A message between two lanes, by their numbers; a reply is dashed, and a step within one lane is a note."""

    start: int
    end: int
    text: str
    reply: bool = False


def sequence(title: str, lanes: Sequence[Lane], steps: Sequence[Step]) -> str:
    """A sequence diagram, read from the top."""
    width = _LEFT * 2 + _COLUMN * (len(lanes) - 1)
    height = _TOP + _ROW * len(steps) + 30
    parts = []
    for at, lane in enumerate(lanes):
        x = _LEFT + _COLUMN * at
        parts.append(f"<line x1='{x}' y1='62' x2='{x}' y2='{height - 14}' stroke='{_LINE}' stroke-dasharray='3 4'/>")
        parts.append(_box(x - 74, 14, 148, 48, lane.name, lane.detail, lane.kind))
    for number, step in enumerate(steps):
        parts += _message(step, _TOP + _ROW * number + 24)
    return _svg(width, height, title, parts)


def _message(step: Step, y: int) -> list[str]:
    start, end, text = _LEFT + _COLUMN * step.start, _LEFT + _COLUMN * step.end, step.text
    if step.start == step.end:
        half = len(text) * _CHARACTER / 2 + 10
        return [
            f"<rect x='{start - half:.0f}' y='{y - 17}' width='{2 * half:.0f}' height='25' rx='4' fill='#f5f7fa'"
            f" stroke='{_LINE}'/>",
            _text(start, y, text, 12),
        ]
    dash = " stroke-dasharray='6 4'" if step.reply else ""
    tip = end - 3 if end > start else end + 3
    return [
        f"<line x1='{start}' y1='{y + 6}' x2='{tip}' y2='{y + 6}' stroke='{_INK}' stroke-width='1.4'{dash}"
        " marker-end='url(#tip)'/>",
        _halo((start + end) // 2, y - 1, text),
    ]


def loop() -> str:
    """What feeds what: catalogues, candidates, matcher, desk, ledger, and the two models that learn."""
    parts = [
        _box(20, 40, 150, 52, "catalogues", "Walmart, Amazon, …", "data"),
        _box(230, 40, 150, 52, "retrieval", "dense + lexical", "core"),
        _box(440, 40, 150, 52, "matcher", "probability and band", "model"),
        _box(650, 40, 150, 52, "queue", "the most useful first", "core"),
        _box(650, 190, 150, 52, "desk", "people decide", "person"),
        _box(440, 190, 150, 52, "labels.db", "append-only ledger", "data"),
        _box(230, 190, 150, 52, "retrain", "LoRA, then compared", "core"),
        _box(20, 190, 150, 52, "encoder", "the champion", "model"),
        _arrow((170, 66), (230, 66)),
        _arrow((380, 66), (440, 66)),
        _arrow((590, 66), (650, 66)),
        _arrow((725, 92), (725, 190)),
        _arrow((650, 216), (590, 216)),
        _arrow((440, 216), (380, 216)),
        _arrow((230, 216), (170, 216)),
        _arrow((515, 190), (515, 92)),
        f"<path d='M 95 190 L 95 130 L 305 130 L 305 95' fill='none' stroke='{_INK}' stroke-width='1.6'"
        " marker-end='url(#tip)'/>",
        _text(525, 146, "refit after each answer", 12, "start"),
        _text(105, 146, "index again after a promotion", 12, "start"),
    ]
    return _svg(820, 272, "The loop: people label, and labels improve the matcher at once and the encoder later", parts)


def _box(x: int, y: int, width: int, height: int, name: str, detail: str, kind: str) -> str:
    middle = x + width // 2
    return (
        f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='6' fill='{_FILLS[kind]}' stroke='{_LINE}'/>"
        + _text(middle, y + height // 2 - 3, name, 14, weight="600")
        + _text(middle, y + height // 2 + 14, detail, 11, colour=_SOFT)
    )


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = start, end
    back = 4
    to_x -= back * ((to_x > x) - (to_x < x))
    to_y -= back * ((to_y > y) - (to_y < y))
    return (
        f"<line x1='{x}' y1='{y}' x2='{to_x}' y2='{to_y}' stroke='{_INK}' stroke-width='1.6' marker-end='url(#tip)'/>"
    )


def _halo(x: int, y: int, text: str) -> str:
    """Text that stays readable across a lifeline."""
    return _text(x, y, text, 12).replace("<text", f"<text stroke='{_PAPER}' stroke-width='4' paint-order='stroke'")


def _text(x: int, y: int, text: str, size: int, anchor: str = "middle", weight: str = "400", colour: str = _INK) -> str:
    return (
        f"<text x='{x}' y='{y}' font-size='{size}' text-anchor='{anchor}' font-weight='{weight}' fill='{colour}'>"
        f"{escape(text)}</text>"
    )


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    tip = (
        f"<marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0 L8 4 L0 8 z' fill='{_INK}'/></marker>"
    )
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
        f" role='img' {_FONT}>\n<title>{escape(title)}</title>\n<defs>{tip}</defs>\n"
        f"<rect width='{width}' height='{height}' rx='8' fill='{_PAPER}'/>\n{body}\n</svg>\n"
    )


_PERSON = Lane("annotator", "at the terminal", "person")
_DESK = Lane("desk", "tui/review", "desk")
_LEDGER = Lane("ledger", "labels", "data")


def diagrams() -> dict[str, str]:
    """The content of each file in docs/assets, by its name."""
    key = sequence(
        "A key",
        [
            _PERSON,
            _DESK,
            Lane("session", "core/queue", "core"),
            _LEDGER,
            Lane("matcher worker", "core/matching", "model"),
        ],
        [
            Step(0, 1, "a"),
            Step(1, 2, "accept(candidate)"),
            Step(2, 3, "record(match, implied)"),
            Step(3, 3, "one transaction, fsync"),
            Step(3, 2, "on disk", reply=True),
            Step(2, 2, "next lease, next query"),
            Step(2, 1, "item", reply=True),
            Step(1, 0, "next query painted", reply=True),
            Step(1, 4, "refit (JSON lines)"),
            Step(4, 3, "read labels"),
            Step(4, 1, "queue order, probabilities", reply=True),
        ],
    )
    retrain = sequence(
        "A retrain",
        [
            Lane("job", "core/jobs", "core"),
            _LEDGER,
            Lane("splits", "core/splits", "core"),
            Lane("training", "core/training", "model"),
            Lane("evaluation", "core/evaluation", "core"),
            Lane("retrieval", "core/retrieval", "core"),
            Lane("matching", "core/matching", "core"),
        ],
        [
            Step(0, 1, "back up"),
            Step(0, 2, "split labels"),
            Step(2, 3, "triplets"),
            Step(3, 3, "LoRA, merge, verify"),
            Step(3, 4, "challenger"),
            Step(4, 4, "against champion, paired"),
            Step(4, 0, "gain and 95 % interval", reply=True),
            Step(0, 3, "if significant: half encoders"),
            Step(0, 5, "promote, encode, index"),
            Step(5, 6, "candidates, vectors"),
            Step(6, 6, "features, fit, publish"),
        ],
    )
    score = sequence(
        "A score",
        [
            Lane("catalogue", "core/catalog", "data"),
            Lane("retrieval", "core/retrieval", "core"),
            Lane("features", "core/matching", "core"),
            Lane("matcher", "core/matching", "model"),
            Lane("derived.db", "candidates, scores", "data"),
        ],
        [
            Step(0, 1, "products"),
            Step(1, 1, "encode what changed"),
            Step(1, 1, "dense + lexical, fused"),
            Step(1, 3, "pool of fifty"),
            Step(3, 1, "ten by hybrid and prior", reply=True),
            Step(1, 2, "pairs, cosines"),
            Step(2, 3, "matrix (pairs × features)"),
            Step(3, 3, "log-odds → probability → band"),
            Step(3, 4, "publish"),
        ],
    )
    verdict = sequence(
        "A verdict",
        [
            _PERSON,
            _DESK,
            Lane("judge worker", "core/judge", "core"),
            Lane("cache", "derived.db", "data"),
            Lane("model", "local or server", "model"),
        ],
        [
            Step(0, 1, "v"),
            Step(1, 2, "judge(pair)"),
            Step(2, 3, "known?"),
            Step(3, 2, "no", reply=True),
            Step(2, 2, "escape, enclose, prompt"),
            Step(2, 4, "prompt"),
            Step(4, 2, "text, log-probabilities", reply=True),
            Step(2, 1, "reasoning, as it is written", reply=True),
            Step(2, 2, "parse, calibrate"),
            Step(2, 3, "store"),
            Step(2, 1, "MATCH or NO MATCH, P", reply=True),
        ],
    )
    return {
        "flow-key.svg": key,
        "flow-retrain.svg": retrain,
        "flow-score.svg": score,
        "flow-verdict.svg": verdict,
        "loop.svg": loop(),
    }


def main() -> None:
    """Write all diagrams."""
    for name, content in diagrams().items():
        (ASSETS / name).write_text(content, encoding="utf-8")
        sys.stdout.write(f"docs/assets/{name}\n")


if __name__ == "__main__":
    main()
