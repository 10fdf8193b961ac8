"""Which queries two people answer, neither of whom sees the other's answer."""

from core.queue.sampling import drawn
from labels.model import ProductRef
from labels.reading import LabelReader

#: Another seed than that of the validation set, which is drawn the same way.
_SEED = 43


def is_for_two(query: ProductRef, share: float) -> bool:
    """Whether two people are to answer a query, each without knowing what the other says.

    Args:
        query: one that is not drawn for validation.
        share: how many queries two people answer, 0 to 1; which they are, their names alone say.
    """
    return bool(share and drawn([query], share, _SEED))


def first_of_two(store: LabelReader, query: ProductRef, share: float) -> str | None:
    """Who has answered a query that a second person is to answer too; None where nobody has, or two have, or one does.

    Args:
        store: the ledger.
        query: one that is not drawn for validation.
        share: how many queries two people answer, 0 to 1.
    """
    if not is_for_two(query, share):
        return None
    closers = store.closers(query)
    return closers.pop() if len(closers) == 1 else None
