"""What screens exchange with the services: values without behaviour, and the interface of a review session.

The services themselves are concrete classes in `tui.services`. Only what takes decisions has two implementations: the
review session of the workspace (`core.queue.session.ReviewSession`) and the practice session (`tui.practice.session`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.evaluation.report import SavedEvaluations
from core.judge.verdict import Verdict
from core.matching.audit import Audit
from core.matching.bands import Band
from core.queue.item import Option, ReviewItem
from labels.model import ProductRef

#: Products that a search returns at most: as many as a person reads before typing another word.
SEARCH_LIMIT = 30


@dataclass(frozen=True, slots=True)
class DeskFacts:
    """Settings and permissions that do not change while the desk is open.

    Attributes:
        home: folder of the workspace.
        theme: name of the theme in the team's settings.
        high, medium: similarity thresholds of the bands, used for pairs without a matcher's probability.
        lease_s: how long a query stays reserved, in seconds.
        lead: whether the annotator has a lead's permissions.
        kiosk: whether everything that leads out of the desk is disabled: shell, suspending, files outside the
            workspace.
        newcomer: whether to offer practice: the annotator has no earlier session, and the team's settings allow it.
        mouse: whether the mouse may be used.
        keys: configured keys by the id of the action.
    """

    home: Path
    theme: str
    high: float
    medium: float
    lease_s: float
    lead: bool = True
    kiosk: bool = False
    newcomer: bool = False
    mouse: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluationResults:
    """Everything that was measured of matcher and encoder.

    Attributes:
        saved: the evaluations on disk.
        audits: the audited precision of each firm band at the current thresholds; empty before the first labels.
        target: the precision that a band must prove before it may decide automatically.
    """

    saved: SavedEvaluations
    audits: Mapping[Band, Audit]
    target: float


@dataclass(frozen=True, slots=True)
class Guidelines:
    """The guidelines for annotators.

    Attributes:
        text: Markdown whose lines are safe to show.
        own: whether the team wrote it; otherwise it is the built-in text.
        cut: whether the file was longer than what is shown.
    """

    text: str
    own: bool
    cut: bool = False


@dataclass(frozen=True, slots=True)
class StageProgress:
    """Progress of the current stage of a command.

    Attributes:
        stage: name of the stage.
        done, total: steps of the stage; total is None where unknown.
        left_s: estimated seconds left in the stage; None where unknown.
    """

    stage: str
    done: int = 0
    total: int | None = None
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class JudgeOpinion:
    """A verdict of the judge, and a sentence on what the judge adds to the matcher by the latest measurement."""

    verdict: Verdict
    worth: str


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A listing that is in one group with a candidate, by the last recorded run of `samesku cluster`."""

    ref: ProductRef
    title: str


#: Candidate → the other listings of its product.
Groups = Mapping[ProductRef, Sequence[GroupMember]]


class DecisionSession(Protocol):
    """What the decision keys act on. Each method returns once its effect is final (for the review session: on disk)."""

    @property
    def item(self) -> ReviewItem | None:
        """The query on the screen; None where no query is open."""

    def accept(self, option: Option, on_screen: Sequence[Option], *, stay: bool = False) -> None:
        """Accept a candidate as a match; the other candidates on the screen are rejected by implication."""

    def reject(self, option: Option) -> bool:
        """Reject a candidate. Returns whether that closed the query."""

    def none_match(self, on_screen: Sequence[Option]) -> None:
        """Reject all candidates on the screen."""

    def unsure(self, option: Option) -> None:
        """Record a candidate, and thereby the query, as undecidable."""

    def skip(self) -> None:
        """Put the query off."""

    def advance(self) -> ReviewItem | None:
        """Show the next open query."""
