"""The value types of the label ledger: products and pairs, decisions, actions, and the scores shown with them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

#: The annotator of decisions made automatically in a certified band.
MACHINE = "machine"
#: Text of the comment that records that an annotator, who should decide independently, looked at the decisions of
#: others. It cannot be undone.
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
    """The stratum of a sampled query, and its weight: one over the probability that the query was drawn."""

    name: str = ""
    weight: float = 1.0


class Decision(StrEnum):
    """One annotator's decision on one pair. `UNSURE` is an abstention, not a class."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNSURE = "unsure"


class Strength(StrEnum):
    """Whether the annotator decided on the pair itself, or the decision follows from accepting another candidate."""

    EXPLICIT = "explicit"
    IMPLIED = "implied"


class Stream(StrEnum):
    """Why a query was shown."""

    TRIAGE = "triage"
    VALIDATION = "validation"
    AUDIT = "audit"
    ADJUDICATION = "adjudication"


class Side(StrEnum):
    """Which use a decision is for; no model is trained on the validation side."""

    TRAIN = "train"
    VALIDATION = "validation"


class Verb(StrEnum):
    """The kind of an action: one keystroke is one action, and one action has one verb."""

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
    """The scores of a pair at the time of the decision, also where the annotator did not see them.

    Attributes:
        rank: place in the candidate list, from 1; None for a candidate found by search.
        similarity: cosine similarity by the encoder, in [-1, 1].
        probability: P(match) by the matcher, in [0, 1].
        model: id of the encoder.
    """

    rank: int | None = None
    similarity: float | None = None
    probability: float | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The decision of an action on one candidate of the query under review."""

    candidate: ProductRef
    decision: Decision
    strength: Strength = Strength.EXPLICIT
    shown: ShownScores = ShownScores()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDetails:
    """How an action came about.

    Attributes:
        stream: why the query was shown.
        side: which use the decisions are for; by default validation for the drawn validation queries and in the
            validation stream, else training.
        blind: whether score, band and verdict were hidden.
        closes: whether the query left the screen as answered.
        look_ms: how long the annotator looked at the query, in milliseconds; None where that is unknown.
        text: the text of a comment.
    """

    stream: Stream = Stream.TRIAGE
    side: Side | None = None
    blind: bool = False
    closes: bool = False
    look_ms: int | None = None
    text: str = ""


NO_DETAILS = ActionDetails()


@dataclass(frozen=True, slots=True)
class Action:
    """One action of one annotator: a keystroke, or the lines of an imported file on one query.

    Attributes:
        id: unique; the same id recorded twice is one action.
        closes: whether the query left the screen as answered.
        text: the text of a comment, or the name of an imported batch.
    """

    id: str
    annotator: str
    verb: Verb
    query: ProductRef
    closes: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class CurrentDecision:
    """The standing decision of one annotator on one pair, after every edit and undo.

    Attributes:
        action: id of the action that it comes from.
        seq: number of the event that it comes from.
    """

    pair: Pair
    annotator: str
    decision: Decision
    strength: Strength
    stream: Stream
    side: Side
    action: str
    seq: int
