"""The statistics screen: label counts, annotators, inter-annotator agreement."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import ContentSwitcher, OptionList, Static
from textual.widgets.option_list import Option as Line

from core.text.safe import safe
from tui.common.full_page import FullPage, page_title
from tui.common.key_bar import KeyBar
from tui.common.pane import Pane
from tui.common.text import AutoHeight
from tui.key_bindings import STATISTICS, bindings
from tui.services.desk import Desk
from tui.statistics.text import agreement_text, days, decisions, hourly_agreement, people_rows, person_facts, totals
from tui.theme import MUTED, STRONG


class TotalsPane(Pane):
    """Counts of queries, pairs and decisions, and the queries answered per day."""

    QUESTION = ("Counting the labels …", "labels", "stats")

    async def show(self, values: Mapping[str, Any]) -> None:
        """Two columns of counts, then the days: beside them on a wide screen, else below."""
        columns = Horizontal(
            Static(totals(values), markup=False), Static(decisions(values), markup=False), classes="columns"
        )
        await self.mount(columns, AutoHeight(partial(days, values), id="days"))


class PeoplePane(Pane):
    """A row for each person that the annotator may see, and the details of the highlighted one."""

    QUESTION = ("Counting decisions by annotator …", "labels", "people")

    async def show(self, values: Mapping[str, Any]) -> None:
        """The list, then the details."""
        people = values["people"]
        if not people:
            text = Content.assemble(
                ("Nothing to show yet", STRONG), "\n", ("Figures appear with the first decisions at a desk.", MUTED)
            )
            await self.mount(Static(text, markup=False), *_note(values))
            return
        heading, *rows = people_rows(people)
        names = OptionList(*map(Line, rows), markup=False, compact=True, id="people-list")
        names.can_focus = False
        names.highlighted = 0
        details = Horizontal(Static(id="person", markup=False), Static(id="hours", markup=False), id="person-page")
        await self.mount(Static(heading, markup=False), names, details, *_note(values))
        self._show_person(0)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the details of another person."""
        self._show_person(event.option_index)

    def _show_person(self, index: int) -> None:
        person = (self.values or {})["people"][index]
        self.query_one("#person", Static).update(person_facts(person))
        self.query_one("#hours", Static).update(hourly_agreement(person))

    def move(self, step: int) -> None:
        """Highlight a neighbour."""
        for names in self.query(OptionList):
            names.highlighted = max(0, min((names.highlighted or 0) + step, names.option_count - 1))


class AgreementPane(Pane):
    """Agreement, kappa and alpha with their intervals."""

    QUESTION = ("Comparing decisions on the same pairs …", "labels", "agreement")

    async def show(self, values: Mapping[str, Any]) -> None:
        """Show the figures, or what would produce some."""
        await self.mount(AutoHeight(partial(agreement_text, values)), *_note(values))


def _note(values: Mapping[str, Any]) -> list[Static]:
    """A note that only leads see the figures of others, where that applies."""
    return [Static(Content.styled(safe(values["note"]), MUTED), markup=False)] if values["note"] else []


_PANES: dict[str, type[TotalsPane | PeoplePane | AgreementPane]] = {
    "labels": TotalsPane,
    "people": PeoplePane,
    "agreement": AgreementPane,
}


class StatisticsScreen(FullPage[None]):
    """Three pages; each is computed when it is first shown."""

    BINDINGS = bindings(STATISTICS)
    ACTS = STATISTICS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own kind of constant

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._requested: set[str] = set()

    def compose(self) -> ComposeResult:
        """Title with the names of the pages, the pages, keys."""
        yield Static(classes="page-title", markup=False)
        with ContentSwitcher(initial="labels", id="statistics"):
            for name, pane in _PANES.items():
                yield pane(self._desk.verbs, id=name)
        yield KeyBar(STATISTICS)

    async def on_mount(self) -> None:
        """Start with the labels."""
        await self.action_part(0)

    @property
    def pane(self) -> Pane:
        """The page in front."""
        return self.query_one(f"#{self.query_one(ContentSwitcher).current}", Pane)

    async def action_part(self, number: int) -> None:
        """Show a page, computing its figures the first time."""
        name = list(_PANES)[number % len(_PANES)]
        self.query_one(ContentSwitcher).current = name
        parts = [f"{number} {each.capitalize()}" for number, each in enumerate(_PANES, 1)]
        self.query_one(".page-title", Static).update(page_title("Statistics", parts, list(_PANES).index(name)))
        self.query_one(KeyBar).offer([act for act in STATISTICS if act.id != "implied" or name == "agreement"])
        if name not in self._requested:
            self._requested.add(name)
            await self.pane.ask(*_PANES[name].QUESTION)

    async def action_next_page(self, step: int) -> None:
        """Show a neighbouring page."""
        await self.action_part(list(_PANES).index(self.pane.id or "") + step)

    async def action_implied(self) -> None:
        """Include decisions implied by accepting another candidate in the agreement, or leave them out again."""
        pane = self.query_one(AgreementPane)
        if self.pane is not pane or pane.values is None:
            self.query_one(KeyBar).say("That is for the agreement (3), once it is computed.")
            return
        more = () if pane.values["implied"] else ("--implied",)
        await pane.ask(*AgreementPane.QUESTION, *more)

    def action_move(self, step: int) -> None:
        """Move down or up on the page."""
        self.pane.move(step)

    def action_scroll_page(self, step: int) -> None:
        """Scroll by most of the page's height."""
        self.pane.scroll_relative(y=step * max(1, self.pane.size.height - 2), animate=False)
