"""Labels of one class alone: a matcher learns from matches and from pairs that are none, and wants some of both."""

from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.settings import Settings
from core.splits.current_labels import ledger_and_catalogue
from core.splits.split import training_labels
from core.workspace import Workspace
from labels.consensus import Rule
from labels.store import LabelStore
from labels.wording import counted


def training_classes(store: LabelStore, catalog: CatalogStore | None, rule: Rule) -> tuple[int, int]:
    """How many labels that may train are matches, and how many are none.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    labels = training_labels(store, rule, catalog)
    matches = sum(bool(label.match) for label in labels)
    return matches, len(labels) - matches


def one_class_message(matches: int, others: int) -> str:
    """That labels are of one class, and what is needed, in a sentence; empty where they are of both, or none.

    Args:
        matches: labels that may train and are matches.
        others: those that are no match.
    """
    if bool(matches) == bool(others):
        return ""
    labels = matches or others
    said = counted(labels, "label is", "labels are")
    kind, lacking = ("match", "no match") if matches else ("no match", "match")
    return f"{said} of one class, {kind}: the matcher needs at least one {lacking} to learn from."


def not_fitted_error(workspace: Workspace, settings: Settings) -> CoreError:
    """Why the matcher has learnt from no labels, and what to do about it that was not done yet.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    with ledger_and_catalogue(workspace) as (store, catalog):
        matches, others = training_classes(store, catalog, settings.labels.rule)
    if words := one_class_message(matches, others):
        return CoreError(words, "Label some with `samesku review`, or bring some in: `samesku labels import FILE`.")
    if matches:
        return CoreError(
            f"The matcher has not learnt from the {counted(matches + others, 'label')} yet.", "Run `samesku index`."
        )
    return CoreError(
        "The matcher has no labels to learn from yet.",
        "Label some pairs with `samesku review`: at least one match, and one pair that is none.",
    )
