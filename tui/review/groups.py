"""Looks up in the background which other listings are in one group with the candidates on the screen."""

from textual import on
from textual.message import Message
from textual.widget import Widget

from core.queue.item import ReviewItem
from labels.errors import SameskuError
from labels.model import ProductRef
from tui.background import in_background
from tui.messages import GroupsKnown
from tui.review.query_view import QueryView
from tui.services.desk import Desk


class GroupLookup(Widget):
    """An invisible widget; looks up nothing for queries that are blind or labelled independently."""

    DEFAULT_CSS = "GroupLookup { display: none; }"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._item: ReviewItem | None = None

    def schedule(self, item: ReviewItem) -> None:
        """Look up the groups of a query on the screen once it is painted, unless that was done."""
        same = self._item is not None and _subject(self._item) == _subject(item)
        self._item = item
        if not same and not _is_hidden(item) and self._desk.workspace.product_ids.exists():
            self.call_after_refresh(self._fetch, item.query.ref, [option.product.ref for option in item.options])

    def _fetch(self, query: ProductRef, candidates: list[ProductRef]) -> None:
        in_background(self, "groups", lambda: self._look_up(query, candidates))

    def _look_up(self, query: ProductRef, candidates: list[ProductRef]) -> Message | None:
        try:
            groups = self._desk.groups(query, candidates)
        except SameskuError:
            return None  # damaged product ids: `samesku cluster` and `samesku doctor` report them
        return GroupsKnown(query, groups) if groups else None

    @on(GroupsKnown)
    def _show(self, message: GroupsKnown) -> None:
        item = self._item
        if item is not None and item.query.ref == message.query and not _is_hidden(item):
            self.screen.query_one(QueryView).show_groups(message.groups)


def _is_hidden(item: ReviewItem) -> bool:
    """Whether groups are not shown: they follow from scores and from what others have decided."""
    return item.alone or item.blind


def _subject(item: ReviewItem) -> tuple[ProductRef, bool, tuple[ProductRef, ...]]:
    """What the groups on the screen depend on."""
    return item.query.ref, _is_hidden(item), tuple(option.product.ref for option in item.options)
