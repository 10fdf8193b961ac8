"""Labels from a table: its rows as decisions, and the rows that are none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.catalog.pair_table import PairLine, missing_column, read_pair_table
from core.catalog.readers import BadRow, Reason
from core.catalog.readers.dialect import Dialect
from labels.exchange.cells import unescape
from labels.exchange.decisions import PortableDecision
from labels.exchange.ids import normalize_id
from labels.exchange.tasks import Defaults
from labels.exchange.values import is_moment, is_written_name
from labels.model import Decision, Pair, ProductRef, Side
from labels.names import name_fault


@dataclass(slots=True)
class LabelTable:
    """What a table of labels holds.

    Attributes:
        decisions: by the number of their line or row, in the file's order.
        rejected: the rows that are none.
        columns: the file's column behind each field.
        names: all columns of the file.
        dialect: of delimited text; None in other formats.
        values: of each row that is a decision, by its number.
    """

    decisions: list[tuple[int, PortableDecision]] = field(default_factory=list)
    rejected: list[BadRow] = field(default_factory=list)
    columns: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ("query_id", "candidate_id", "label")
    dialect: Dialect | None = None
    values: dict[int, Mapping[str, str]] = field(default_factory=dict)


def read_label_table(
    path: Path, defaults: Defaults, mapping: Mapping[str, str] | None = None, table: str | None = None
) -> LabelTable:
    """Read a table of labels. Rows that say different things of one pair in one name are all rejected.

    Args:
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        defaults: whose labels they are, and of which sources the ids, where a row does not say.
        mapping: column by field, before the guesses.
        table: which table of an SQLite database, or sheet of a workbook.

    Raises:
        CatalogError: it is no table. LabelsError: a column is missing.
    """
    content = read_pair_table(path, mapping, table)
    if "label" not in content.columns:
        raise missing_column(path, "label", content.names, header=bool(content.columns))
    found = LabelTable(columns=content.columns, names=content.names, dialect=content.dialect)
    lines: list[PairLine] = []
    for row in content.rows:
        if isinstance(row, BadRow):
            found.rejected.append(row)
        elif reason := _fault(row):
            found.rejected.append(row.rejected(reason))
        else:
            lines.append(row)
    decided = [(line, _decision(line, defaults)) for line in lines]
    both = set(_contradicted(decision for _, decision in decided))
    for line, decision in decided:
        if (decision.annotator, decision.pair) in both:
            found.rejected.append(line.rejected(Reason.BOTH_LABELS))
        else:
            found.values[line.number] = line.values
            found.decisions.append((line.number, decision))
    return found


def _fault(line: PairLine) -> Reason | None:
    """Why a row is no decision."""
    if line.decision is None:
        return Reason.BAD_LABEL
    if line.annotator and name_fault(unescape(line.annotator)):
        return Reason.BAD_ANNOTATOR
    sources = (line.query_source, line.candidate_source)
    return Reason.UNKNOWN_PRODUCT if any(name and not is_written_name(name) for name in sources) else None


def _decision(line: PairLine, defaults: Defaults) -> PortableDecision:
    query = ProductRef(unescape(line.query_source) or defaults.query_source, line.query)
    candidate = ProductRef(unescape(line.candidate_source) or defaults.candidate_source, line.candidate)
    annotator = normalize_id(unescape(line.annotator))
    return PortableDecision(
        # Label Studio exports a user's number.
        f"user-{annotator}" if annotator.isdigit() else annotator or defaults.annotator,
        Pair(query, candidate),
        line.decision or Decision.UNSURE,
        line.at if is_moment(line.at) else None,
        Side(line.side) if line.side in set(Side) else None,
    )


def _contradicted(decisions: Iterator[PortableDecision]) -> Iterator[tuple[str, Pair]]:
    said: dict[tuple[str, Pair], Decision] = {}
    for made in decisions:
        key = (made.annotator, made.pair)
        if said.setdefault(key, made.decision) is not made.decision:
            yield key
