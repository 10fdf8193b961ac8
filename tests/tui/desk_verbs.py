"""Verbs that answer at once with what a test gives them, and remember what they were asked."""

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from desk_bench import Bench, settled
from textual.pilot import Pilot

from tui.app import DeskApp
from tui.common.pane import VerbProgress
from tui.errors import VerbError
from tui.menu import commands
from tui.ports import StageProgress

Answer = Mapping[str, Any] | VerbError


def _figures(pairs: int, queries: int, agreed: int, kappa: float | None, undefined: str = "") -> dict[str, Any]:
    estimate = {"value": kappa, "low": None, "high": None, "undefined": undefined}
    if kappa is not None:
        estimate |= {"low": kappa - 0.08, "high": min(1.0, kappa + 0.08)}
    share = {
        "agreed": agreed,
        "share": agreed / pairs,
        "low": agreed / pairs - 0.06,
        "high": min(1.0, agreed / pairs + 0.03),
    }
    dominant = "no_match" if undefined or pairs == 137 else ""
    return {
        "pairs": pairs, "queries": queries, "agreement": share, "kappa": estimate, "alpha": estimate,
        "ac1": {"value": agreed / pairs, "low": 0.8, "high": 0.99, "undefined": ""},
        "matches": 0.1 if dominant else 0.4, "dominant": dominant,
    }  # fmt: skip


def person(name: str, queries: int, **more: Any) -> dict[str, Any]:
    """One annotator's figures, as `labels people` gives them."""
    return {
        "name": name, "decisions": 10 * queries, "imported": 0,
        "explicit": {"decisions": 6 * queries, "share": 0.6}, "unsure": {"decisions": 4, "share": 0.0132},
        "queries": queries, "matched": {"queries": queries // 3, "share": (queries // 3) / queries},
        "undone": {"acts": 7, "share": 0.064},
        "truth": {"agreed": 5, "checked": 9, "share": 5 / 9, "low": 0.27, "high": 0.81},
        "look_ms": 5400.0, "sittings": 10, "active_hours": 2.46, "decisions_per_hour": 240.0,
        "queries_per_hour": 118.4,
        "by_hour": [
            {"hour": hour, "agreed": right, "checked": 96, "share": right / 96, "low": 0.8, "high": 0.97}
            for hour, right in enumerate((86, 82, 78), 1)
        ],
        **more,
    }  # fmt: skip


HOSTILE = "mallory [/b]\x1b[31mred\u202e[@click=app.exit]"

STATS: dict[str, Any] = {
    "events": 12935, "decisions": 12037, "explicit": 10642, "matches": 794, "non_matches": 9586, "unsure": 14,
    "conflicts": 53, "training_pairs": 8286, "validation_pairs": 2147, "queries_answered": 901,
    "validation_queries": 95, "annotators": {"ada": 774, "bob": 842},
    "by_decision": {
        "match": {"explicit": 928, "implied": 0}, "no_match": {"explicit": 9700, "implied": 1395},
        "unsure": {"explicit": 14, "implied": 0},
    },
    "by_stream": {"triage": 3745, "validation": 91, "audit": 0, "adjudication": 12, "files": 8189, "machine": 0},
    "by_side": {"train": 9799, "validation": 2238}, "adjudicated": 12, "skipped": 8, "flagged": 8,
    "by_day": {"2025-11-10": 40, "2025-11-11": 153, "2025-11-12": 1, "2025-11-17": 57},
    "outdated": {"changed": 0, "gone": 0, "queries": 0},
    "promotion": {"eval_queries": 186, "missing": 0, "remark": ""},
    "streams": {
        "triage": {"done": 806, "total": 2459}, "validation": {"done": 95, "total": 95},
        "audit": {"done": 0, "total": 0}, "adjudication": {"done": 12, "total": 65},
    },
}  # fmt: skip

PEOPLE: dict[str, Any] = {
    "people": [
        person("ada", 412), person("bob", 86),
        person(HOSTILE, 1, look_ms=None, queries_per_hour=None, by_hour=[], sittings=0, imported=1,
               truth={"agreed": 0, "checked": 0, "share": None, "low": None, "high": None}),
        person("María-José de la Cruz y Fernández", 77),
    ],
    "note": "",
}  # fmt: skip

AGREEMENT: dict[str, Any] = {
    "annotators": ["ada", "bob", HOSTILE], "decisions": 2453, "unsure": {"decisions": 14, "share": 14 / 2453},
    "implied_pairs": 189, "overall": _figures(349, 53, 331, 0.81),
    "couples": [
        {"annotators": ["ada", "bob"], **_figures(137, 20, 130, 0.84)},
        {"annotators": [HOSTILE, "María-José de la Cruz y Fernández"], **_figures(12, 3, 6, -0.04)},
    ],
    "categories": [
        {"category": "stationery & office machinery", **_figures(150, 20, 141, 0.79)},
        {"category": "", **_figures(20, 2, 20, None, "one class only")},
    ],
    "bands": [{"band": "high", **_figures(20, 4, 20, None, "one class only")}],
    "implied": False, "note": "",
}  # fmt: skip


STATISTICS = {"labels stats": STATS, "labels people": PEOPLE, "labels agreement": AGREEMENT}

WRITTEN = {"labels export": {"rows": 4120, "what": "labels", "file": "reports/labels-20260102-120000.csv"}}


class CannedRun:
    """One question to `CannedVerbs`; `cancelled` tells whether it was ended."""

    def __init__(self, answer: Answer, free: threading.Event) -> None:
        self._answer, self._free = answer, free
        self.cancelled = False

    def answer(self) -> dict[str, Any]:
        self._free.wait(60)
        answer = self._answer
        if isinstance(answer, VerbError):
            raise answer
        return dict(answer)

    def progress(self) -> StageProgress | None:
        return None

    def cancel(self) -> None:
        self.cancelled = True


class CannedVerbs:
    """Stands in for `VerbRunner`: knows what to answer by how the question begins; `free` holds answers back."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, ...]] = []
        self.given: list[CannedRun] = []
        self.free = threading.Event()
        self.free.set()

    def ask(self, *arguments: str) -> CannedRun:
        self.asked.append(arguments)
        words = " ".join(arguments)
        found = next(answer for begin, answer in self.answers.items() if words.startswith(begin))
        self.given.append(CannedRun(found, self.free))
        return self.given[-1]

    def close(self) -> None:
        """There is nothing to end."""


Opened = AbstractAsyncContextManager[tuple[DeskApp, Pilot[None], CannedVerbs]]


@asynccontextmanager
async def chosen(
    bench: Bench, name: str, answers: Mapping[str, Answer], *, kiosk: bool = False, lead: bool = True
) -> AsyncIterator[tuple[DeskApp, Pilot[None], CannedVerbs]]:
    """A screen that the menu leads to, over a desk whose verbs answer at once."""
    app = bench.app()
    verbs = CannedVerbs(answers)
    app.desk.verbs = verbs  # type: ignore[misc]
    app.desk.facts = replace(app.desk.facts, kiosk=kiosk, lead=lead)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        next(command for command in commands(app) if command.name == name).run()
        await answered(pilot)
        await settled(pilot)
        yield app, pilot, verbs


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, and wait each time for what the verbs have to say."""
    for key in keys:
        await pilot.press(key)
        await answered(pilot)


async def answered(pilot: Pilot[None]) -> None:
    """Wait until nothing works beside the keyboard, and nothing on the screen is being asked."""
    await settled(pilot)
    while pilot.app.screen.query(VerbProgress):
        await settled(pilot)
