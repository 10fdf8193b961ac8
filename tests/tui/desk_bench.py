"""A small workspace with eight hand-written queries, and the desk on it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from desk_matcher import FakeMatcher
from folder_templates import copy_of
from quiet import WITHIN_S, quiet
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.retrieval.candidates import Candidate, CandidateStore
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ProductRef, Stream
from labels.store import LabelStore
from tui.app import DeskApp
from tui.menu import commands
from tui.services.desk import Desk, open_desk
from tui.worker_client import WorkerClient

QUERIES = [
    ("q1", "Canon EOS Rebel T6 DSLR Camera with EF-S 18-55mm f/3.5-5.6 IS II Lens Kit", "Canon", "T6", 449.0, 0.81),
    ("q2", 'Samsung UN55J6300 55" 1080p 120Hz Smart LED HDTV', "Samsung", "UN55J6300AFXZA", 797.99, 0.86),
    ("q3", "WD My Passport 1TB Portable External Hard Drive, Black", "WD", "WDBYNN0010BBK", 54.99, 0.77),
    ("q4", "HP 61 Black/Tri-color Original Ink Cartridges, 2 pack (CR259FN)", "HP", "CR259FN", 38.89, 0.93),
    ("q5", "Logitech M185 Wireless Mouse, Swift Gray", "Logitech", "910-002225", 12.5, 0.70),
    ("q6", "Brother TN450 High Yield Toner Cartridge", "Brother", "TN450", 46.2, 0.62),
    ("q7", "Sony ZX Series On-Ear Headphones MDR-ZX110 White", "Sony", "MDRZX110/WHI", 14.88, 0.84),
    ("q8", "TP-LINK AC1750 Archer C7 Dual Band Wi-Fi Gigabit Router", "TP-LINK", "Archer C7", 89.0, 0.79),
]
CATEGORY = "Electronics"
VALIDATION_QUERY = "q7"

#: Sentences that end a candidate's title, so that the ten differ as listings do.
VARIANTS = [
    "", " (Renewed)", ", Black, 2-Year Warranty", " Bundle with 32GB Card and Case", " - Certified Refurbished",
    " International Version (No Warranty)", " Starter Kit", " 2nd Generation", " White", " with Bonus Carrying Bag",
]  # fmt: skip


def query_products() -> list[Product]:
    """The products under review."""
    return [
        Product("walmart", key, title, brand, CATEGORY, model, price, extra={"condition": "new"})
        for key, title, brand, model, price, _ in QUERIES
    ]


def candidate_products() -> list[Product]:
    """Ten candidates for each query, and three products that are nobody's candidate."""
    products = []
    for key, title, brand, model, price, _ in QUERIES:
        for place, variant in enumerate(VARIANTS, 1):
            digits = "" if place % 3 else str(place)
            products.append(
                Product(
                    "amazon",
                    f"{key}-c{place}",
                    title.replace('55"', "55-Inch") + variant,
                    brand,
                    "Electronics > All",
                    model + digits,
                    round(price * (0.9 + place / 20), 2),
                    upc="" if place % 2 else f"08{place:010}",
                    extra={"condition": "used" if "Refurb" in variant else "new"},
                )
            )
    products += [
        Product("amazon", "x1", "Canon EOS Rebel T6 Body Only", "Canon", "Cameras", "T6", 349.0),
        Product("amazon", "x2", "Nikon D3400 Digital SLR Camera", "Nikon", "Cameras", "D3400", 496.95),
        Product("amazon", "x3", "Nikon D5600 Digital SLR Camera", "Nikon", "Cameras", "D5600", 646.95),
    ]
    return products


def candidates_of(key: str, top: float) -> list[Candidate]:
    """Ten candidates by falling similarity."""
    return [
        Candidate(
            ProductRef("amazon", f"{key}-c{place}"), place, round(top + 0.06 - 0.02 * place, 4),
            1 - place / 20, place if place < 9 else None, place + 1,
        )
        for place in range(1, 11)
    ]  # fmt: skip


@dataclass
class Bench:
    """A workspace on disk, and desks on it."""

    workspace: Workspace
    settings: Settings
    opened: list[Desk]

    def desk(
        self, annotator: str = "ada", stream: Stream = Stream.TRIAGE, engine: FakeMatcher | WorkerClient | None = None
    ) -> Desk:
        """A desk, open until the test ends; without an engine, nothing is learnt in it."""
        services = open_desk(
            self.workspace, self.settings, annotator, stream, matcher_worker=cast("WorkerClient | None", engine)
        )
        self.opened.append(services)
        return services

    def app(
        self, annotator: str = "ada", stream: Stream = Stream.TRIAGE, engine: FakeMatcher | WorkerClient | None = None
    ) -> DeskApp:
        """The desk as a program."""
        return DeskApp(self.desk(annotator, stream, engine))

    def store(self) -> LabelStore:
        """The ledger, as somebody else sees it."""
        return LabelStore(self.workspace.labels)

    def decided(self, annotator: str = "ada") -> dict[str, tuple[str, str]]:
        """What stands now: candidate id to (decision, strength)."""
        with self.store() as store:
            return {
                d.pair.candidate.id: (d.decision.value, d.strength.value)
                for d in store.decisions()
                if d.annotator == annotator
            }


def write_workspace(home: Path, queries: list[Product] | None = None) -> Workspace:
    """Catalogue, candidates and one drawn validation query."""
    if queries is None:
        return Workspace(copy_of("desk's workspace", lambda folder: _write_workspace(folder, query_products()), home))
    return _write_workspace(home, queries)


def _write_workspace(home: Path, queries: list[Product]) -> Workspace:
    workspace = Workspace(home)
    home.mkdir(parents=True, exist_ok=True)
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", queries)
        catalog.replace("amazon", "catalog", candidate_products())
    candidates = CandidateStore(workspace.derived)
    rows = [(ProductRef("walmart", q[0]), candidates_of(q[0], q[5])) for q in QUERIES]
    candidates.replace(rows, model="sentence-transformers/all-MiniLM-L6-v2", fingerprint="test")
    candidates.close()
    with LabelStore(workspace.labels) as store:
        store.draw_validation([ProductRef("walmart", VALIDATION_QUERY)], seed=20)
    return workspace


async def settled(pilot: Pilot[None]) -> None:
    """Wait until nothing works beside the keyboard and the screen is painted."""
    await quiet(pilot.app)


def choose(app: App[None], name: str) -> None:
    """Take a command of the menu, without the menu: `test_palette` finds each by its name."""
    next(command for command in commands(cast("DeskApp", app)) if command.name == name).run()


def screen_text(app: App[None]) -> str:
    """What the screen shows, as lines of text."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line) for line in lines)


def words_of(widget: Widget) -> str:
    """What the screen shows of a widget, its lines joined by spaces: however it was wrapped, and nothing beside it."""
    place = widget.region
    lines = widget.screen._compositor.render_strips()[place.y : place.bottom]
    return " ".join(" ".join(line.crop(place.x, place.right).text for line in lines).split())


async def shows(pilot: Pilot[None], text: str) -> None:
    """Wait until the screen shows a text: for what comes by the clock, or from another process."""
    await comes(pilot, lambda: text in screen_text(pilot.app))


async def comes(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain, before\n{screen_text(pilot.app)}"
        await asyncio.sleep(0.02)
        await pilot.pause()
