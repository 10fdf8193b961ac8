"""Someone who knows every answer works at the real desk, in Textual's own test driver: how many keys does it take?"""

from dataclasses import dataclass

from textual.pilot import Pilot

from core.settings import Settings
from core.workspace import Workspace
from labels.model import ProductRef
from tui.app import DeskApp
from tui.services.desk import open_desk
from tui.worker_client import WorkerClient

_SIZE = (80, 24)


@dataclass
class Campaign:
    """What a sitting came to."""

    queries: int = 0
    keys: int = 0
    matches: int = 0
    beyond: int = 0
    """Matches that are not among the ten; one would search for them."""


async def campaign(workspace: Workspace, gold: dict[ProductRef, set[ProductRef]], most: int) -> Campaign:
    """Answer queries of the triage stream, while the matcher learns.

    Args:
        workspace: one without labels, so that every query is open.
        gold: the matches of each query; whatever is not there is no match.
        most: so many queries at most.
    """
    done = Campaign()
    app = DeskApp(open_desk(workspace, Settings(), "bench", matcher_worker=WorkerClient(workspace.home)))
    try:
        async with app.run_test(size=_SIZE) as pilot:
            while app.desk.review.item is not None and done.queries < most:
                await _answer(app, pilot, gold, done)
    finally:
        app.desk.close()
    return done


async def _answer(app: DeskApp, pilot: Pilot[None], gold: dict[ProductRef, set[ProductRef]], done: Campaign) -> None:
    item = app.desk.review.item
    if item is None:
        return
    true = gold.get(item.query.ref, set())
    places = [place for place, option in enumerate(item.options[:10]) if option.product.ref in true]
    keys: list[str] = []
    for number, place in enumerate(places):
        at_hand = 0 if number == 0 else places[number - 1]
        keys += [] if place == at_hand else [str((place + 1) % 10)]
        keys.append("a" if place == places[-1] else "A")
    for key in keys or ["n"]:
        await pilot.press(key)
    await pilot.pause()
    done.queries += 1
    done.keys += len(keys or ["n"])
    done.matches += len(true)
    done.beyond += len(true) - len(places)
