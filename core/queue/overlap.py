"""Which queries two people answer, neither of whom sees the other's answer."""

from core.queue.order import drawn
from labels.model import ProductRef
from labels.reading import LabelReader

#: Another seed than that of the validation set, which is drawn the same way.
_SEED = 43


def first_of_two(store: LabelReader, query: ProductRef, share: float) -> str | None:
    """Who has answered a query that a second person is to answer too; None where nobody has, or two have, or one does.

    Args:
        store: the ledger.
        query: one that is not drawn for validation.
        share: how many queries two people answer, 0 to 1; which they are, their names alone say.
    """
    if not share or not drawn([query], share, _SEED):
        return None
    closers = store.closers(query)
    return closers.pop() if len(closers) == 1 else None
