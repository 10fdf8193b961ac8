"""Class balance of the training labels, and the message where one class is missing."""

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
    """The numbers of training labels that are matches and that are not.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    labels = training_labels(store, rule, catalog)
    matches = sum(bool(label.match) for label in labels)
    return matches, len(labels) - matches


def one_class_message(matches: int, others: int) -> str:
    """A sentence on which class is missing; empty where both are present, or none.

    Args:
        matches: training labels that are matches.
        others: training labels that are not.
    """
    if bool(matches) == bool(others):
        return ""
    labels = matches or others
    count = counted(labels, "label is", "labels are")
    kind, lacking = ("match", "no match") if matches else ("no match", "match")
    return f"{count} of one class, {kind}: the matcher needs at least one {lacking} to learn from."


def not_fitted_error(workspace: Workspace, settings: Settings) -> CoreError:
    """The error for a matcher that was not fitted to labels: the reason and the next step.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    with ledger_and_catalogue(workspace) as (store, catalog):
        matches, others = training_classes(store, catalog, settings.labels.rule)
    if message := one_class_message(matches, others):
        return CoreError(message, "Label some with `samesku review`, or bring some in: `samesku labels import FILE`.")
    if matches:
        return CoreError(
            f"The matcher has not been fitted to the {counted(matches + others, 'label')} yet.", "Run `samesku index`."
        )
    return CoreError(
        "The matcher has no labels to learn from yet.",
        "Label some pairs with `samesku review`: at least one match, and one pair that is none.",
    )
