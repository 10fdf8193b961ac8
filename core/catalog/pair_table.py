"""Tables of pairs: files with the ids of a query and a candidate per row, in all formats of catalogues.

Columns are identified by their names, or by position in CSV files without a header.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from core.catalog.columns import bare_name, find_column, format_names, is_field_name
from core.catalog.readers import BadRow, Reason, Row, Table, read_table
from core.catalog.readers.delimited import Dialect
from core.errors import CatalogError
from labels.errors import LabelsError
from labels.exchange.fields import normalize_id, restore_cell
from labels.exchange.files import MAX_NAME
from labels.model import Decision, Pair, ProductRef

#: Description of the file format, for messages.
PAIR_FORMAT = "A line has a query's id and a candidate's id, as in 17,20431; the header is query_id,candidate_id."
#: Description of labels, for messages.
LABEL_FORMAT = "A label is 1 or 0, true or false, yes or no, match or no_match, or unsure."

#: Field → common column names as `bare_name` gives them, the likeliest first. They include those of DeepMatcher,
#: Magellan, WDC Products, Splink, dedupe, Zingg and Label Studio.
_COMMON_NAMES: dict[str, tuple[str, ...]] = {
    "query_id": (
        "ltableid", "queryid", "query", "idleft", "leftid", "lid", "idl", "id1", "ida", "idx", "pair1", "ltable",
        "left", "sourceid", "queryproductid", "productid1", "uniqueidl", "record1", "recordid1", "zid1",
        "leftproductid", "walmartid", "abtid", "idabt", "idwalmart",
    ),
    "candidate_id": (
        "rtableid", "candidateid", "candidate", "idright", "rightid", "rid", "idr", "id2", "idb", "idy", "pair2",
        "rtable", "right", "targetid", "candidateproductid", "matchid", "productid2", "uniqueidr", "record2",
        "recordid2", "zid2", "rightproductid", "amazonid", "buyid", "idbuy", "idamazon",
    ),
    "label": (
        "label", "ismatch", "match", "gold", "goldlabel", "decision", "class", "groundtruth", "truth", "matching",
        "answer", "isduplicate", "duplicate", "samesku", "same", "verdict", "judgement", "judgment", "target", "y",
    ),
    "query_source": ("querysource", "leftsource", "ltablesource", "sourceleft", "sourcel"),
    "candidate_source": ("candidatesource", "rightsource", "rtablesource", "sourceright", "sourcer"),
    "annotator": ("annotator", "annotatorid", "annotatorname", "completedby", "labeler", "labeller", "labeledby"),
    "at": ("createdat", "annotatedat", "decidedat", "at"),
    "side": (
        "side",
    ),
}  # fmt: skip

FIELDS: tuple[str, ...] = tuple(_COMMON_NAMES)
"""The fields that a column can be mapped to."""

#: Spellings of decisions, in lower case with underscores, including true and false in German, French and Spanish
#: spreadsheets.
DECISION_WORDS = {
    **dict.fromkeys((
        "1", "true", "t", "yes", "y", "match", "matched", "matches", "same", "equal", "duplicate", "dup",
        "positive", "pos", "accept", "wahr", "ja", "vrai", "oui", "verdadero", "si", "sí",
    ), Decision.MATCH),
    **dict.fromkeys((
        "0", "false", "f", "no", "n", "no_match", "nomatch", "non_match", "nonmatch", "not_match", "not_a_match",
        "unmatched", "mismatch", "different", "distinct", "unequal", "negative", "neg", "reject", "falsch", "nein",
        "faux", "non", "falso", "-1",
    ), Decision.NO_MATCH),
    **dict.fromkeys((
        "unsure", "uncertain", "maybe", "ignore", "skip", "unknown", "?",
    ), Decision.UNSURE),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PairLine:
    """A row of a table of pairs.

    Attributes:
        number: line or row number in the file, from 1.
        query, candidate: the ids as written.
        label: text of the label column; None without one.
        query_source, candidate_source: sources of the ids; empty if the file has no such column.
        annotator, at, side: who decided, when, and for which split; empty likewise.
        values: the whole row, by column name.
    """

    number: int
    query: str
    candidate: str
    label: str | None = None
    query_source: str = ""
    candidate_source: str = ""
    annotator: str = ""
    at: str = ""
    side: str = ""
    values: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def rejected(self, reason: Reason) -> BadRow:
        """The row as a rejected one."""
        return BadRow(self.number, reason, ",".join((self.query, self.candidate, self.label or "")), self.values)

    @property
    def decision(self) -> Decision | None:
        """The decision of the label; None if there is no label, or an unknown one."""
        return None if self.label is None else decision_of(self.label)


@dataclass(frozen=True, slots=True)
class PairTable:
    """A table of pairs.

    Attributes:
        columns: field → column of the file; empty without a header.
        rows: pairs and rejected rows; can be iterated once.
        names: all columns of the file; without a header the cells of its first line.
        dialect: of delimited text; None for other formats.
    """

    columns: Mapping[str, str]
    rows: Iterator[PairLine | BadRow]
    names: tuple[str, ...]
    dialect: Dialect | None = None


def missing_column(path: Path, field: str, names: Sequence[str], *, header: bool = True) -> LabelsError:
    """The error that a file has no column for a field.

    Args:
        path: the file.
        field: the missing field.
        names: all columns; without a header the cells of the first line.
        header: whether the file has a header.
    """
    has = "It has" if header else "It has no header, and its first line is"
    return LabelsError(
        f"{path} has no column that looks like the {field}. {has}: {format_names(names)}.",
        "Name the columns in the first line: query_id,candidate_id,label. Or map them: samesku labels import"
        " FILE --map query_id=COLUMN --map candidate_id=COLUMN --map label=COLUMN",
    )


def read_pair_table(path: Path, mapping: Mapping[str, str] | None = None, table: str | None = None) -> PairTable:
    """Open a table of pairs.

    Args:
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        mapping: field → column, with precedence over common column names.
        table: the table of a SQLite database, or the sheet of a workbook.

    Raises:
        CatalogError: the file is not a table.
        LabelsError: a column is missing, or the mapping has an unknown field or column.
    """
    content = read_table(path, table)
    by_field = _choose_columns(content.columns, mapping or {}, path)
    if not mapping and _has_no_header(content):
        return _read_by_position(path, content)
    for name in ("query_id", "candidate_id"):
        if name not in by_field:
            raise missing_column(path, name, content.columns)
    rows = (_pair_line(row, by_field) for row in content.rows if not _is_blank(row))
    return PairTable(by_field, rows, content.columns, content.dialect)


def _read_by_position(path: Path, content: Table) -> PairTable:
    """The pairs in the first two columns of a table without a header."""
    header = content.header
    if header is None or len(content.columns) < 2:
        raise LabelsError(f"{path} has only one column, but a pair is two ids.", PAIR_FORMAT)
    first = Row(header.line, dict(zip(content.columns, header.cells, strict=True)))
    places = dict(zip(("query_id", "candidate_id"), content.columns, strict=False))
    rows = (_pair_line(row, places) for row in chain([first], content.rows) if not _is_blank(row))
    return PairTable({}, rows, header.cells, content.dialect)


def is_product_table(path: Path) -> bool:
    """Whether the columns of a file are those of products rather than of pairs.

    Raises:
        CatalogError: the file is not a table.
    """
    columns = read_table(path).columns
    if {"query_id", "candidate_id"} <= _choose_columns(columns, {}, path).keys():
        return False
    return any(is_field_name(column, name) for column in columns for name in ("id", "title"))


def pair_lines(path: Path) -> Sequence[PairLine]:
    """All pairs of a file, in its order.

    Raises:
        CatalogError, LabelsError: as for `read_pair_table`; or a row is not a pair, or there are no rows.
    """
    return _all_pairs(path, read_pair_table(path))


def _all_pairs(path: Path, content: PairTable) -> Sequence[PairLine]:
    found = []
    for line in content.rows:
        if isinstance(line, BadRow):
            reason = "a pair is two ids" if line.reason is Reason.NO_PAIR else line.reason
            raise LabelsError(f"{path}, line {line.line}: {reason}.", PAIR_FORMAT)
        found.append(line)
    if not found:
        raise LabelsError(f"{path} has no pairs.", PAIR_FORMAT)
    return found


def labelled_lines(path: Path) -> dict[PairLine, bool]:
    """The labelled pairs of a file, and whether each is a match; `unsure` ones are left out.

    Raises:
        CatalogError, LabelsError: as for `pair_lines`; or there is no label column, an unknown label, or a pair with
            both labels.
    """
    content = read_pair_table(path)
    lines = _all_pairs(path, content)
    decisions: dict[tuple[str, ...], Decision] = {}
    for line in lines:
        if line.label is None:
            raise missing_column(path, "label", content.names, header=bool(content.columns))
        decision = line.decision
        if decision is None:
            raise LabelsError(f"{path}, line {line.number}: {line.label[:40]!r} is not a label.", LABEL_FORMAT)
        key = (line.query_source, line.query, line.candidate_source, line.candidate)
        if decisions.setdefault(key, decision) is not decision:
            raise LabelsError(
                f"{path}, line {line.number}: the pair {line.query},{line.candidate} has both labels.",
                "Keep one of its lines; nothing was imported.",
            )
    return {line: line.decision is Decision.MATCH for line in lines if line.decision is not Decision.UNSURE}


def read_pairs(path: Path, query_source: str, candidate_source: str) -> dict[Pair, bool]:
    """The labelled pairs of a file.

    Args:
        path: the file.
        query_source: source of the queries if the file has no such column.
        candidate_source: likewise for the candidates.

    Raises:
        CatalogError, LabelsError: as for `labelled_lines`.
    """
    return {
        Pair(
            ProductRef(line.query_source or query_source, line.query),
            ProductRef(line.candidate_source or candidate_source, line.candidate),
        ): match
        for line, match in labelled_lines(path).items()
    }


def decision_of(label: str) -> Decision | None:
    """The decision that a label stands for; None if it is unknown."""
    word = normalize_id(label).casefold().replace(" ", "_").replace("-", "_")
    return DECISION_WORDS.get("-1" if word == "_1" else word)


def _choose_columns(columns: Sequence[str], mapping: Mapping[str, str], path: Path) -> dict[str, str]:
    by_field: dict[str, str] = {}
    for name, column in mapping.items():
        if name not in FIELDS:
            raise LabelsError(f"A file of labels has no field {name!r}.", f"Its fields are {', '.join(FIELDS)}.")
        if column:
            try:
                by_field[name] = find_column(columns, column, path.name)
            except CatalogError as error:
                raise LabelsError(error.message, error.hint) from error
    free = {bare_name(column): column for column in reversed(columns) if column not in by_field.values()}
    for name, common in _COMMON_NAMES.items():
        found = next((free[each] for each in common if each in free), None)
        if name not in mapping and found is not None:
            by_field[name] = found
    return by_field


def _has_no_header(content: Table) -> bool:
    """Whether no cell of the first line is a common column name, so that the line is a pair."""
    if content.header is None:
        return False
    common = {each for name in ("query_id", "candidate_id", "label") for each in _COMMON_NAMES[name]}
    return common.isdisjoint(map(bare_name, content.header.cells))


def _is_blank(row: Row | BadRow) -> bool:
    return isinstance(row, Row) and not any(map(str.strip, row.values.values()))


def _pair_line(row: Row | BadRow, columns: Mapping[str, str]) -> PairLine | BadRow:
    if isinstance(row, BadRow):
        return row
    cells = {name: restore_cell(row.values.get(column, "").strip()) for name, column in columns.items()}
    line = PairLine(
        row.line, cells["query_id"], cells["candidate_id"], cells.get("label"),
        **{name: cells.get(name, "") for name in ("query_source", "candidate_source", "annotator", "at", "side")},
        values=row.values,
    )  # fmt: skip
    if not line.query or not line.candidate:
        return line.rejected(Reason.NO_PAIR)
    if max(len(line.query), len(line.candidate)) > MAX_NAME:
        return line.rejected(Reason.LONG_ID)
    return line
