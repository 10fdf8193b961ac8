"""The pages of the statistics: labels, people, agreement."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option as Line

from core.text.safe import safe
from tui.style import MUTED, STRONG
from tui.widgets.agreement_text import agreement_told
from tui.widgets.fitted import Fitted
from tui.widgets.pane import Pane
from tui.widgets.people_text import hours_told, people_rows, person_told
from tui.widgets.totals_text import days, decisions, totals


class TotalsPane(Pane):
    """What was decided, where, and on which days."""

    QUESTION = ("Counting the labels …", "labels", "stats")

    async def show(self, values: Mapping[str, Any]) -> None:
        """Two columns and the days: beside them where there is room, else below."""
        columns = Horizontal(
            Static(totals(values), markup=False), Static(decisions(values), markup=False), classes="columns"
        )
        await self.mount(columns, Fitted(partial(days, values), id="days"))


class PeoplePane(Pane):
    """A row for each person whom one may see, and all that is known of the highlighted one."""

    QUESTION = ("Looking at who decided what …", "labels", "people")

    async def show(self, values: Mapping[str, Any]) -> None:
        """The list, then the person."""
        people = values["people"]
        if not people:
            words = Content.assemble(
                ("Nothing to show yet", STRONG), "\n", ("Figures appear with the first decisions at a desk.", MUTED)
            )
            await self.mount(Static(words, markup=False), *_note(values))
            return
        heading, *rows = people_rows(people)
        names = OptionList(*map(Line, rows), markup=False, compact=True, id="people-list")
        names.can_focus = False
        names.highlighted = 0
        told = Horizontal(Static(id="person", markup=False), Static(id="hours", markup=False), id="person-page")
        await self.mount(Static(heading, markup=False), names, told, *_note(values))
        self._tell(0)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another person."""
        self._tell(event.option_index)

    def _tell(self, index: int) -> None:
        person = (self.values or {})["people"][index]
        self.query_one("#person", Static).update(person_told(person))
        self.query_one("#hours", Static).update(hours_told(person))

    def move(self, step: int) -> None:
        """To a neighbour."""
        for names in self.query(OptionList):
            names.highlighted = max(0, min((names.highlighted or 0) + step, names.option_count - 1))


class AgreementPane(Pane):
    """Figures with their intervals."""

    QUESTION = ("Comparing what people said of the same pairs …", "labels", "agreement")

    async def show(self, values: Mapping[str, Any]) -> None:
        """One page."""
        await self.mount(Fitted(partial(agreement_told, values)), *_note(values))


def _note(values: Mapping[str, Any]) -> list[Static]:
    """Whom the figures of other people are for, where they are not shown."""
    return [Static(Content.styled(safe(values["note"]), MUTED), markup=False)] if values["note"] else []
