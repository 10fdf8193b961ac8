"""Fields of a task for another labelling program, and parsing of the pair, side and annotator of its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labels.errors import LabelsError
from labels.exchange.decisions import PortableDecision
from labels.exchange.fields import escape, is_escaped_name, is_id, is_integer, normalize_id, unescape
from labels.exchange.files import MAX_NAME
from labels.model import Pair, ProductRef, Side

#: Gives the text of a product that annotators read.
Describe = Callable[[ProductRef], str]


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values for fields that a file does not have.

    Attributes:
        annotator: the annotator of answers without a name.
        query_source: the source of the query ids; empty where the file must name it.
        candidate_source: the source of the candidate ids, likewise.
    """

    annotator: str
    query_source: str = ""
    candidate_source: str = ""


@dataclass(frozen=True, slots=True)
class SkippedTask:
    """A task or an annotation that is not a decision about a pair.

    Attributes:
        number: of the task in its list, or of its line, from 1.
        reason: why, one sentence.
        task: its content; None where it is no JSON.
    """

    number: int
    reason: str
    task: object = None


@dataclass(slots=True)
class TaskFile:
    """The tasks of a file.

    Attributes:
        place: what a number counts: `task` or `line`.
        decisions: (number, decision), in the file's order; a task may have several.
        skipped: what is not usable, in the file's order.
    """

    place: str
    decisions: list[tuple[int, PortableDecision]] = field(default_factory=list)
    skipped: list[SkippedTask] = field(default_factory=list)


def task_fields(decision: PortableDecision) -> dict[str, str]:
    """The fields by which an answer is matched to its pair on import, and its side."""
    query, candidate = decision.pair
    return {
        "query_source": escape(query.source), "query_id": query.id,
        "candidate_source": escape(candidate.source), "candidate_id": candidate.id,
        "side": decision.side or Side.TRAIN,
    }  # fmt: skip


def parse_pair(fields: object, defaults: Defaults) -> tuple[Pair, Side | None]:
    """The pair and side in the fields of a task; the side is None where it is not given.

    Raises:
        LabelsError: the fields do not name two products, or the side is unknown.
    """
    if not isinstance(fields, Mapping):
        raise LabelsError("there is no query_id and no candidate_id.")
    side = fields.get("side")
    if side not in {None, *Side}:
        raise LabelsError("its side must be train or validation.")
    query = _product(fields, "query", defaults.query_source)
    candidate = _product(fields, "candidate", defaults.candidate_source)
    return Pair(query, candidate), Side(side) if side else None


def parse_annotator(value: object, default: str) -> str:
    """The name of an annotator in a file, or the default for None.

    Raises:
        LabelsError: it is not a valid name.
    """
    if value is None:
        return default
    if not isinstance(value, str) or not is_escaped_name(value):
        raise LabelsError("the annotator has no valid name.")
    return unescape(value)


def _product(fields: Mapping[str, object], role: str, default: str) -> ProductRef:
    id_ = fields.get(f"{role}_id")
    source = fields.get(f"{role}_source", default)
    if is_integer(id_) or isinstance(id_, float):
        id_ = normalize_id(str(id_))
    if not isinstance(id_, str) or not is_id(id_):
        raise LabelsError(f"there is no {role}_id.")
    if len(id_) > MAX_NAME:
        raise LabelsError(f"its {role}_id has more than {MAX_NAME:,} characters.")
    if not isinstance(source, str) or not is_escaped_name(source):
        raise LabelsError(f"the source of its {role}_id is unknown: there is no {role}_source.")
    return ProductRef(unescape(source), id_)
