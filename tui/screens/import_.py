"""Labels and catalogues in, from files: looked at first, brought in once that is confirmed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.actions import bindings
from tui.messages import Filled
from tui.page_actions import IMPORT, LEAVE
from tui.ports.desk import Desk
from tui.screens.confirm import ConfirmDialog
from tui.screens.dialog import Dialog
from tui.style import CAREFUL
from tui.widgets.form import Choice, Chosen
from tui.widgets.import_form import ImportForm
from tui.widgets.import_text import import_text, is_news, question
from tui.widgets.key_bar import KeyBar
from tui.widgets.pane import Pane


class ImportDialog(Dialog[list[str]]):
    """What is in a file, then the file brought in; Escape ends either, and then nothing has changed.

    Answers with the command line of an index run, where new products want one.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's own kind of constant
        *bindings(IMPORT[1:], at_once=True),
        *bindings((IMPORT[0], LEAVE)),
    ]
    HEADLINE = "Import"
    ACTS = (*IMPORT, LEAVE)
    AUTO_FOCUS = "#path"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._looked: tuple[str, ...] = ()

    def body(self) -> Iterable[Widget]:
        """What is said of the file, and what came of it."""
        home = self._desk.facts.home
        yield ImportForm(self._desk.facts, home / "reports", self._desk.review.annotator)
        yield ImportPane(self._desk.verbs, id="brought")

    @property
    def _pane(self) -> "ImportPane":
        return self.query_one(ImportPane)

    @property
    def _form(self) -> ImportForm:
        return self.query_one(ImportForm)

    # -- saying ------------------------------------------------------------------------------------------

    @on(Input.Changed)
    @on(Chosen)
    async def _changed(self) -> None:
        """Something else is meant than what was looked at; what is being brought in is left alone."""
        if not (self._pane.busy and not self._pane.dry):
            await self._pane.clear()
            self._offer("look at it")

    def action_row(self, step: int) -> None:
        """To another row. Textual goes by where fields are on the screen, which new ones have to wait for."""
        fields = self._form.fields
        here = fields.index(self.focused) if self.focused in fields else -step
        self.set_focus(fields[(here + step) % len(fields)])

    def action_turn(self, step: int) -> None:
        """Another value of the choice that is highlighted."""
        if isinstance(self.focused, Choice):
            self.focused.turn(step)
            self._form.show_rows()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a field to type in, the keys that turn a choice are its own."""
        return isinstance(self.focused, Choice) if action == "turn" else super().check_action(action, parameters)

    def _offer(self, label: str) -> None:
        first = replace(IMPORT[0], label=label)
        self.query_one(KeyBar).offer((first, *IMPORT[1:], LEAVE) if label else (*IMPORT[1:], LEAVE))

    # -- looking, and bringing in ------------------------------------------------------------------------

    @on(Input.Submitted)
    async def _submit(self) -> None:
        await self.action_go_on()

    async def action_go_on(self) -> None:
        """Look; bring in; then go on to what follows."""
        pane, missing = self._pane, self._form.missing()
        if pane.busy:
            return
        if pane.values is None and missing is not None:
            words, field = missing
            await pane.say(words)
            self.set_focus(field)
        elif pane.values is None:
            self._looked = self._form.arguments()
            await pane.look(self._looked)
        elif not pane.dry:
            self.dismiss(["index"] if pane.wants_index else None)
        elif is_news(pane.values):
            annotator = self.query_one("#annotator", Input).value.strip()
            sentence = question(pane.values, annotator)
            self.app.push_screen(ConfirmDialog(sentence, yes="Bring it in", no="Leave it"), self._sure)

    async def _sure(self, sure: bool | None) -> None:
        if sure:
            await self._pane.bring(self._looked)

    @on(Filled)
    def _over(self) -> None:
        """The line that tells what Enter does now."""
        pane = self._pane
        if pane.values is None:
            self._offer("look at it")
        elif pane.dry:
            self._offer("bring it in" if is_news(pane.values) else "")
        else:
            self._offer("find candidates" if pane.wants_index else "done")


class ImportPane(Pane):
    """What a file would bring, or has brought."""

    dry = True

    async def look(self, arguments: tuple[str, ...]) -> None:
        """Only see what would come in."""
        self.dry = True
        await self.ask("Looking at the file …", *arguments, "--dry-run")

    async def bring(self, arguments: tuple[str, ...]) -> None:
        """Bring it in."""
        self.dry = False
        await self.ask("Bringing it in …", *arguments)

    async def say(self, words: str) -> None:
        """A word in the place of an answer."""
        await self.clear()
        await self.mount(Static(Content.styled(words, CAREFUL), markup=False))

    @property
    def wants_index(self) -> bool:
        """Whether products came in whose candidates are to be found."""
        return bool(self.values) and not self.dry and "added" in (self.values or {}) and is_news(self.values or {})

    async def show(self, values: Mapping[str, Any]) -> None:
        """The sentences."""
        await self.mount(Static(import_text(values, dry=self.dry), markup=False))
