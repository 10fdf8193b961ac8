"""How far the labelling is, how everybody works, and how far people agree."""

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher, Static

from tui.actions import bindings
from tui.page_actions import STATISTICS
from tui.ports.desk import Desk
from tui.screens.full_page import FullPage, page_title
from tui.widgets.key_bar import KeyBar
from tui.widgets.pane import Pane
from tui.widgets.statistics_panes import AgreementPane, PeoplePane, TotalsPane

_PANES: dict[str, type[TotalsPane | PeoplePane | AgreementPane]] = {
    "labels": TotalsPane,
    "people": PeoplePane,
    "agreement": AgreementPane,
}


class StatisticsScreen(FullPage[None]):
    """Three pages; each is counted when it is first looked at."""

    BINDINGS = bindings(STATISTICS)
    ACTS = STATISTICS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own kind of constant

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._asked: set[str] = set()

    def compose(self) -> ComposeResult:
        """Title with the names of the pages, the pages, keys."""
        yield Static(classes="page-title", markup=False)
        with ContentSwitcher(initial="labels", id="statistics"):
            for name, pane in _PANES.items():
                yield pane(self._desk.verbs, id=name)
        yield KeyBar(STATISTICS)

    async def on_mount(self) -> None:
        """The labels first."""
        await self.action_part(0)

    @property
    def pane(self) -> Pane:
        """The page in front."""
        return self.query_one(f"#{self.query_one(ContentSwitcher).current}", Pane)

    async def action_part(self, number: int) -> None:
        """To a page, which asks for its figures the first time."""
        name = list(_PANES)[number % len(_PANES)]
        self.query_one(ContentSwitcher).current = name
        parts = [f"{number} {each.capitalize()}" for number, each in enumerate(_PANES, 1)]
        self.query_one(".page-title", Static).update(page_title("Statistics", parts, list(_PANES).index(name)))
        self.query_one(KeyBar).offer([act for act in STATISTICS if act.id != "implied" or name == "agreement"])
        if name not in self._asked:
            self._asked.add(name)
            await self.pane.ask(*_PANES[name].QUESTION)

    async def action_next_page(self, step: int) -> None:
        """To the page beside."""
        await self.action_part(list(_PANES).index(self.pane.id or "") + step)

    async def action_implied(self) -> None:
        """Count in the agreement what follows from accepting another candidate, or leave it out again."""
        pane = self.query_one(AgreementPane)
        if self.pane is not pane or pane.values is None:
            self.query_one(KeyBar).say("That is for the agreement (3), once it is counted.")
            return
        more = () if pane.values["implied"] else ("--implied",)
        await pane.ask(*AgreementPane.QUESTION, *more)

    def action_move(self, step: int) -> None:
        """Down or up on the page."""
        self.pane.move(step)

    def action_scroll_page(self, step: int) -> None:
        """Scroll by most of the page's height."""
        self.pane.scroll_relative(y=step * max(1, self.pane.size.height - 2), animate=False)
