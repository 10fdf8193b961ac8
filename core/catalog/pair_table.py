"""A table that names a pair in each row, by two ids: in any format that catalogues come in too.

Its columns are known by their names, in CSV without a header by their places.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from core.catalog.columns import bare_name, find_column, listed
from core.catalog.readers import BadRow, Reason, Row, Table, read_table
from core.catalog.readers.delimited import Dialect
from core.errors import CatalogError
from labels.errors import LabelsError
from labels.exchange.fields import normalize_id, restored
from labels.exchange.files import MAX_NAME
from labels.model import Decision, Pair, ProductRef

#: What such a file looks like.
SHAPE = "A line is a query's id and a candidate's id, as in 17,20431; a header may name them: query_id,candidate_id."
#: What a label may be, for messages.
LABEL_SHAPE = "A label is 1 or 0, true or false, yes or no, match or no_match; unsure is neither."

#: By field, what its column may be called, as `bare_name` has it; the likeliest first. The names are those of
#: DeepMatcher, Magellan, WDC Products, Splink, dedupe, Zingg and Label Studio.
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
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

FIELDS: tuple[str, ...] = tuple(_USUAL_NAMES)
"""What a column of such a table can be mapped to."""

#: What people and programs write for a decision, in lower case and with an underscore between words. Among them are
#: what spreadsheets make of true and false in German, French and Spanish.
_DECISIONS = {
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
        number: of the line or row in the file, from 1.
        query, candidate: the ids as they are written.
        label: what the column of this name says; None where there is none.
        query_source, candidate_source: whose ids they are; empty where the file does not say.
        annotator, at, side: who decided, when, and for which use; empty likewise.
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
        """The row as one that is kept out."""
        return BadRow(self.number, reason, ",".join((self.query, self.candidate, self.label or "")), self.values)

    @property
    def decision(self) -> Decision | None:
        """What the label says; None where it is none that is known."""
        return None if self.label is None else decision_of(self.label)


@dataclass(frozen=True, slots=True)
class PairTable:
    """A file of pairs.

    Attributes:
        columns: the file's column behind each field that was found; empty for one without a header.
        rows: the pairs, and the rows that are none; to be read once.
        names: all columns that the file has; without a header the cells of its first line.
        dialect: of delimited text; None in other formats.
    """

    columns: Mapping[str, str]
    rows: Iterator[PairLine | BadRow]
    names: tuple[str, ...]
    dialect: Dialect | None = None


def missing_column(path: Path, field: str, names: Sequence[str], *, header: bool = True) -> LabelsError:
    """The error that no column of a file holds a field.

    Args:
        path: the file.
        field: what is missing.
        names: all columns that it has; without a header the cells of its first line.
        header: whether it has one.
    """
    has = "It has" if header else "It has no header, and its first line is"
    return LabelsError(
        f"{path} has no column that looks like the {field}. {has}: {listed(names)}.",
        "Name the columns in the first line: query_id,candidate_id,label. Or say which they are: samesku labels import"
        " FILE --map query_id=COLUMN --map candidate_id=COLUMN --map label=COLUMN",
    )


def read_pair_table(path: Path, mapping: Mapping[str, str] | None = None, table: str | None = None) -> PairTable:
    """Open a file of pairs.

    Args:
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        mapping: column by field, before the guesses.
        table: which table of an SQLite database, or sheet of a workbook.

    Raises:
        CatalogError: it is no table. LabelsError: a column is missing, or the mapping names one that is not there.
    """
    content = read_table(path, table)
    by_field = _mapped(content.columns, mapping or {}, path)
    if not mapping and _has_no_header(content):
        return _by_place(path, content)
    for name in ("query_id", "candidate_id"):
        if name not in by_field:
            raise missing_column(path, name, content.columns)
    rows = (_pair_line(row, by_field) for row in content.rows if not _is_blank(row))
    return PairTable(by_field, rows, content.columns, content.dialect)


def _by_place(path: Path, content: Table) -> PairTable:
    """The pairs of a table whose first line is a pair too: its first two columns."""
    header = content.header
    if header is None or len(content.columns) < 2:
        raise LabelsError(f"{path} has one column, and a pair is two ids.", SHAPE)
    first = Row(header.line, dict(zip(content.columns, header.cells, strict=True)))
    places = dict(zip(("query_id", "candidate_id"), content.columns, strict=False))
    rows = (_pair_line(row, places) for row in chain([first], content.rows) if not _is_blank(row))
    return PairTable({}, rows, header.cells, content.dialect)


def pair_lines(path: Path) -> Sequence[PairLine]:
    """The pairs of a file, in its order; one at least.

    Raises:
        CatalogError, LabelsError: as `read_pair_table`, a row has no two ids, or there is none; the message says which.
    """
    return _all_pairs(path, read_pair_table(path))


def _all_pairs(path: Path, content: PairTable) -> Sequence[PairLine]:
    found = []
    for line in content.rows:
        if isinstance(line, BadRow):
            reason = "a pair is two ids" if line.reason is Reason.NO_PAIR else line.reason
            raise LabelsError(f"{path}, line {line.line}: {reason}.", SHAPE)
        found.append(line)
    if not found:
        raise LabelsError(f"{path} holds no pairs.", SHAPE)
    return found


def labelled_lines(path: Path) -> dict[PairLine, bool]:
    """The pairs of a file whose header names a `label`, and whether each is a match; what is unsure is left out.

    Raises:
        CatalogError, LabelsError: as `pair_lines`; or a row is no label, or two rows say different things of one pair.
    """
    content = read_pair_table(path)
    lines = _all_pairs(path, content)
    said: dict[tuple[str, ...], Decision] = {}
    for line in lines:
        if line.label is None:
            raise missing_column(path, "label", content.names, header=bool(content.columns))
        decision = line.decision
        if decision is None:
            raise LabelsError(f"{path}, line {line.number}: {line.label[:40]!r} is no label.", LABEL_SHAPE)
        key = (line.query_source, line.query, line.candidate_source, line.candidate)
        if said.setdefault(key, decision) is not decision:
            raise LabelsError(
                f"{path}, line {line.number}: the pair {line.query},{line.candidate} has both labels.",
                "Keep one of its lines; nothing of the file was taken.",
            )
    return {line: line.decision is Decision.MATCH for line in lines if line.decision is not Decision.UNSURE}


def read_pairs(path: Path, query_source: str, candidate_source: str) -> dict[Pair, bool]:
    """The labelled pairs of a file.

    Args:
        path: the file.
        query_source: whose ids the left ones are where the file has no column that says so.
        candidate_source: likewise, of the right ones.

    Raises:
        CatalogError, LabelsError: as `labelled_lines`.
    """
    return {
        Pair(
            ProductRef(line.query_source or query_source, line.query),
            ProductRef(line.candidate_source or candidate_source, line.candidate),
        ): match
        for line, match in labelled_lines(path).items()
    }


def decision_of(label: str) -> Decision | None:
    """The decision that a label names; None where it is none that is known."""
    word = normalize_id(label).casefold().replace(" ", "_").replace("-", "_")
    return _DECISIONS.get("-1" if word == "_1" else word)


def _mapped(columns: Sequence[str], mapping: Mapping[str, str], path: Path) -> dict[str, str]:
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
    for name, usual in _USUAL_NAMES.items():
        found = next((free[each] for each in usual if each in free), None)
        if name not in mapping and found is not None:
            by_field[name] = found
    return by_field


def _has_no_header(content: Table) -> bool:
    """Whether no cell of the first line is the name of a column: it is a pair, then."""
    if content.header is None:
        return False
    known = {usual for name in ("query_id", "candidate_id", "label") for usual in _USUAL_NAMES[name]}
    return known.isdisjoint(map(bare_name, content.header.cells))


def _is_blank(row: Row | BadRow) -> bool:
    return isinstance(row, Row) and not any(map(str.strip, row.values.values()))


def _pair_line(row: Row | BadRow, columns: Mapping[str, str]) -> PairLine | BadRow:
    if isinstance(row, BadRow):
        return row
    cells = {name: restored(row.values.get(column, "").strip()) for name, column in columns.items()}
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
