"""The pair that a task of another program is about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labels.errors import LabelsError
from labels.exchange.decisions import PortableDecision
from labels.exchange.fields import escape, is_escaped_name, is_id, is_integer, normalize_id, unescape
from labels.exchange.files import MAX_NAME
from labels.model import Pair, ProductRef, Side

#: What people read of a product.
Describe = Callable[[ProductRef], str]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What to take where a file does not tell.

    Attributes:
        annotator: whose answers without a name are.
        query_source: whose ids those of the queries are; empty where only the file can tell.
        candidate_source: likewise, of the candidates.
    """

    annotator: str
    query_source: str = ""
    candidate_source: str = ""


def task_fields(decision: PortableDecision) -> dict[str, str]:
    """What a task carries so that its answer finds the way back: the pair, and which use it is for."""
    query, candidate = decision.pair
    return {
        "query_source": escape(query.source), "query_id": query.id,
        "candidate_source": escape(candidate.source), "candidate_id": candidate.id,
        "side": decision.side or Side.TRAIN,
    }  # fmt: skip


def parse_pair(fields: object, defaults: Defaults) -> tuple[Pair, Side | None]:
    """The pair and the side in a task's fields.

    Raises:
        LabelsError: they do not name two products.
    """
    if not isinstance(fields, Mapping):
        raise LabelsError("there is no query_id and no candidate_id.")
    side = fields.get("side")
    if side not in {None, *Side}:
        raise LabelsError("its side is train or validation.")
    query = _product(fields, "query", defaults.query_source)
    candidate = _product(fields, "candidate", defaults.candidate_source)
    return Pair(query, candidate), Side(side) if side else None


def parse_annotator(value: object, default: str) -> str:
    """An annotator as a file names one.

    Raises:
        LabelsError: it is no name.
    """
    if value is None:
        return default
    if not isinstance(value, str) or not is_escaped_name(value):
        raise LabelsError("the annotator has no proper name.")
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
        raise LabelsError(f"it does not say whose the {role}_id is: there is no {role}_source.")
    return ProductRef(unescape(source), id_)
