"""The words of the label ledger: who said what about which pair, and what they saw."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

#: The annotator behind decisions that a certified band made.
MACHINE = "machine"
#: The comment that records that somebody who is to decide alone looked at what others say. It cannot be taken back.
LOOK_COMMENT = "Looked at what others say of this query."


class ProductRef(NamedTuple):
    """A product by its retailer (`source`) and the retailer's own id."""

    source: str
    id: str


class Pair(NamedTuple):
    """The unit of a label: a query and a candidate."""

    query: ProductRef
    candidate: ProductRef


class Stratum(NamedTuple):
    """Where a drawn query comes from, and how many queries of that kind it stands for: one over its chance."""

    name: str = ""
    weight: float = 1.0


class Decision(StrEnum):
    """What one annotator says of one pair. `UNSURE` is an abstention, never a class."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNSURE = "unsure"


class Strength(StrEnum):
    """Whether the annotator decided on this very pair, or it follows from accepting another one."""

    EXPLICIT = "explicit"
    IMPLIED = "implied"


class Stream(StrEnum):
    """Why a query is shown."""

    TRIAGE = "triage"
    VALIDATION = "validation"
    AUDIT = "audit"
    ADJUDICATION = "adjudication"


class Side(StrEnum):
    """Which use a decision is for; what is on the validation side never trains anything."""

    TRAIN = "train"
    VALIDATION = "validation"


class Verb(StrEnum):
    """The act behind an event: one keystroke is one action, and one action has one verb."""

    ACCEPT = "accept"
    REJECT = "reject"
    NONE = "none"
    UNSURE = "unsure"
    SKIP = "skip"
    FLAG = "flag"
    COMMENT = "comment"
    IMPORT = "import"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True)
class ShownScores:
    """What the machine said of a pair at the moment of the decision.

    Attributes:
        rank: place in the candidate list, from 1; None for a candidate found by search.
        similarity: the encoder's cosine, in [-1, 1].
        probability: the matcher's P(match), in [0, 1].
        model: id of the encoder that gave the similarity.
    """

    rank: int | None = None
    similarity: float | None = None
    probability: float | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One pair's part of an action: the decision on one candidate of the query under review."""

    candidate: ProductRef
    decision: Decision
    strength: Strength = Strength.EXPLICIT
    shown: ShownScores = ShownScores()


@dataclass(frozen=True, slots=True)
class Action:
    """One act of one annotator: a keystroke, or one imported file's lines on one query.

    Attributes:
        id: unique; the same id recorded twice is one action.
        closes: whether the query left the screen as answered.
        text: a comment's words; empty for other verbs.
    """

    id: str
    annotator: str
    verb: Verb
    query: ProductRef
    closes: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class CurrentDecision:
    """The decision of one annotator on one pair that stands now, after every edit and undo."""

    pair: Pair
    annotator: str
    decision: Decision
    strength: Strength
    stream: Stream
    side: Side
    action: str
    seq: int
