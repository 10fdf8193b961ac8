"""The dialog that searches the whole catalogue for a match that is not among the candidates."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option as Line

from core.catalog.product import Product
from tui.background import in_background, tell
from tui.common.dialogs import Dialog
from tui.common.text import Excerpt
from tui.common.words import display_title, price, safe_excerpt, source_and_id
from tui.common.wrapped_text import WrappedText
from tui.key_bindings import SEARCH, Act, bindings
from tui.messages import Failed, Found
from tui.ports import SEARCH_LIMIT
from tui.services.desk import Desk
from tui.theme import MUTED

_PICK = Act("accept_found", "enter", "Enter", "accept_found", "Accept the highlighted product as a match.", "match", 1)

#: Lines of a title; enough for any real one.
_MAX_TITLE_LINES = 6

_PLACEHOLDER = "Words, model number, id or GTIN; the last word may be unfinished."


class SearchDialog(Dialog[Product]):
    """Searches while typing; Enter returns the highlighted product, Escape nothing."""

    BINDINGS = bindings(SEARCH)
    HEADLINE = "Search the catalogue"
    ACTS = (_PICK, *SEARCH)
    AUTO_FOCUS = "Input"
    #: On a very low screen the query is hidden, to leave room for the results.
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]  # noqa: RUF012 - Textual's own kind of constant

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._found: tuple[Product, ...] = ()
        self._found_for = ""

    def body(self) -> Iterable[Widget]:
        """The query for reference, the search field, the results and their number."""
        item = self._desk.review.item
        if item is not None:
            yield Excerpt(display_title(item.query), 2, classes="dialog-text", id="searched-for")
        yield Input(placeholder=_PLACEHOLDER, compact=True)
        found = OptionList(markup=False, compact=True, id="found")
        found.can_focus = False
        yield found
        yield Static(id="found-count", markup=False)

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        text = event.value
        if not text.strip():
            self._show("", ())
            self._count("")
            return

        def work() -> Message:
            return Found(text, tuple(self._desk.search(text)))

        in_background(self, "search", work)

    @on(Found)
    def _arrived(self, message: Found) -> None:
        if message.text == self.query_one(Input).value:
            self._show(message.text, message.products)
            self._count(_result_count(len(message.products)))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        tell(self.app, message)

    def _show(self, text: str, products: tuple[Product, ...]) -> None:
        self._found, self._found_for = products, text
        self._draw(highlighted=0)

    def _draw(self, highlighted: int | None) -> None:
        found = self.query_one(OptionList)
        width = found.scrollable_content_region.width
        found.set_options([Line(_line(product, width)) for product in self._found])
        found.highlighted = highlighted if self._found else None

    def on_resize(self) -> None:
        """Redraw the results for the new width."""
        self.call_after_refresh(lambda: self._draw(self.query_one(OptionList).highlighted))

    def _count(self, text: str) -> None:
        self.query_one("#found-count", Static).update(Content.styled(text, MUTED))

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_accept_found()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index])

    def action_accept_found(self) -> None:
        """Return the highlighted product, unless the results belong to an older search text."""
        index = self.query_one(OptionList).highlighted
        if index is not None and self._found_for == self.query_one(Input).value:
            self.dismiss(self._found[index])

    def action_move(self, step: int) -> None:
        """Move the highlight; the field keeps the focus."""
        found = self.query_one(OptionList)
        if found.highlighted is not None:
            found.highlighted = max(0, min(found.highlighted + step, found.option_count - 1))


def _result_count(count: int) -> str:
    if not count:
        return "No product has all of these words."
    return (
        f"The best {count} matches; add a word to narrow them down."
        if count == SEARCH_LIMIT
        else f"{count} found, best first"
    )


def _line(product: Product, width: int) -> Content:
    """The wrapped title, and a muted line with source, id, brand, model number and price."""
    width = max(10, width - 1)
    title = WrappedText([(display_title(product), "")], width, _MAX_TITLE_LINES).content
    facts = [source_and_id(product), safe_excerpt(product.brand), safe_excerpt(product.model)]
    if product.price is not None:
        facts.append(price(product))
    facts_line = "  ".join(fact for fact in facts if fact.strip())
    return Content("\n").join([title, Content.styled(facts_line, MUTED).truncate(width, ellipsis=True)])
