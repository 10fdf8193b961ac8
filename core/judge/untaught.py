"""The labelled pairs that a judge may be calibrated on."""

from core.judge.judge import RememberingJudge
from core.match.training import lessons_of
from core.queue.sampling import shuffled_by_query
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair

_SEED = 29


def untaught(workspace: Workspace, settings: Settings, judge: RememberingJudge) -> list[Pair]:
    """Pairs with a label of the training side that a judge was not trained on, in random order.

    So a budget that does not reach for all of them is spent on a fair sample.
    """
    labels = lessons_of(workspace, settings, judge.taught()).labels
    return shuffled_by_query((label.pair for label in labels), _SEED)
