"""The report on one imported file: counts, examples of problems, and remarks for the user."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.catalog.columns import ColumnChoice, format_names, map_argument
from core.catalog.gtin import GtinProblem, parse_gtin
from core.catalog.prices import Price, PriceNote
from core.catalog.product import Role
from core.catalog.upsert import ImportCount
from labels.wording import counted

#: Fields that matter most for matching beside the title.
_COMPARED = ("brand", "model", "price")
#: Maximum examples per problem.
_MAX_EXAMPLES = 3
#: Maximum characters of an example; a column mapped by mistake may have descriptions.
_MAX_EXAMPLE_LENGTH = 40


def _abbreviated(text: str) -> str:
    return text if len(text) <= _MAX_EXAMPLE_LENGTH else text[: _MAX_EXAMPLE_LENGTH - 1] + "…"


@dataclass(frozen=True, slots=True)
class GtinExample:
    """An unusable GTIN.

    Attributes:
        line: line or row number in the file, as in the list of rejected rows.
        id: id of the product.
        text: as in the file, abbreviated.
    """

    line: int
    id: str
    text: str


@dataclass(slots=True)
class GtinCounts:
    """Counts of the GTINs in a file; rows without one are not counted.

    Attributes:
        valid: GTINs that are valid as written.
        repaired: GTINs with restored zeros or an expanded exponent; see `core.catalog.gtin`.
        unusable: problem → number of GTINs that count as missing.
        examples: problem → a few of them.
    """

    valid: int = 0
    repaired: int = 0
    unusable: Counter[GtinProblem] = field(default_factory=Counter)
    examples: dict[GtinProblem, list[GtinExample]] = field(default_factory=dict)

    def add(self, line: int, id_: str, text: str) -> None:
        """Count the GTIN of one product."""
        gtin = parse_gtin(text)
        if gtin.value:
            self.repaired += gtin.repaired
            self.valid += not gtin.repaired
        elif gtin.problem is not None:
            self.unusable[gtin.problem] += 1
            examples = self.examples.setdefault(gtin.problem, [])
            if len(examples) < _MAX_EXAMPLES:
                examples.append(GtinExample(line, id_, _abbreviated(" ".join(text.split()))))

    def to_json(self) -> dict[str, Any]:
        """The counts as in the output of `import --json`."""
        return {
            "valid": self.valid,
            "repaired": self.repaired,
            "unusable": {
                problem.value: {"count": count, "examples": [asdict(example) for example in self.examples[problem]]}
                for problem, count in self.unusable.most_common()
            },
        }


def gtin_sentences(values: Mapping[str, Any]) -> Iterator[str]:
    """A summary of the counts, then a line with examples per problem, the most frequent first.

    Args:
        values: the result of `GtinCounts.to_json`.

    Returns:
        The lines; none if the file has no GTINs.
    """
    unusable = sum(each["count"] for each in values["unusable"].values())
    if not (values["valid"] or values["repaired"] or unusable):
        return
    yield f"GTINs: {values['valid']:,} valid, {values['repaired']:,} repaired, {unusable:,} unusable (left unknown)"
    for problem, each in values["unusable"].items():
        examples = "; ".join(f"line {e['line']}, {e['id']}: {e['text']}" for e in each["examples"])
        more = "; …" if each["count"] > len(each["examples"]) else ""
        yield f"{each['count']:,} {problem} ({examples}{more})"


@dataclass(slots=True)
class PriceCounts:
    """Counts of the prices in a file.

    Attributes:
        unknown: rows whose price could not be read, imported without one.
        lower_end: rows with a price range, of which the lower end was taken.
        currencies: currency → rows; the empty text for prices without a currency.
        examples: distinct unreadable prices.
    """

    unknown: int = 0
    lower_end: int = 0
    currencies: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, text: str, price: Price) -> None:
        """Count one row."""
        if price.amount is not None:
            self.currencies[price.currency] += 1
            self.lower_end += price.note is PriceNote.LOWER_END
        elif price.note is PriceNote.UNREADABLE:
            self.unknown += 1
            example = _abbreviated(text)
            if example not in self.examples and len(self.examples) < _MAX_EXAMPLES:
                self.examples.append(example)

    def as_dict(self) -> dict[str, object]:
        """The counts by name, for JSON."""
        return {
            "unknown": self.unknown, "lower_end": self.lower_end, "examples": self.examples,
            "currencies": {code: count for code, count in self.currencies.items() if code},
            "without_currency": self.currencies[""],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of importing one file.

    Attributes:
        counts: changes to the source.
        columns: field → column of the file.
        rejected: reason → number of rejected rows.
        rejects_path: the list of rejected rows; None if there are none, or no list was requested.
        seconds: wall time.
        choice: the choice of columns, including unused ones.
        prices: counts of prices.
        gtins: counts of GTINs.
        rounded_ids: number of ids that a spreadsheet has rounded.
        notes: remarks on how the file was read.
        role_before: the source's previous role; None for a new source.
        other_currencies: currencies of the sources that it is paired with; the empty text for prices without one.
    """

    source: str
    role: Role
    counts: ImportCount
    columns: Mapping[str, str]
    rejected: Counter[str]
    rejects_path: Path | None
    seconds: float
    choice: ColumnChoice
    prices: PriceCounts = field(default_factory=PriceCounts)
    gtins: GtinCounts = field(default_factory=GtinCounts)
    rounded_ids: int = 0
    notes: Sequence[str] = ()
    role_before: Role | None = None
    other_currencies: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no product was imported."""
        return not (self.counts.added or self.counts.changed or self.counts.unchanged)

    def remarks(self) -> list[str]:
        """Remarks for the user beside the counts, one per item."""
        return [*self.notes, *self._emptied(), *self._columns(), *self._prices(), *self._ids(), *self._rules()]

    def _emptied(self) -> Iterator[str]:
        """Fields that this file has no column for, and that products had: a mapping of an earlier import, say."""
        for name, count in self.counts.emptied.items():
            if name not in self.columns:
                products = counted(count, "product loses its", "products lose their")
                yield f"{products} {name}, which no column of this file is read as: --map {name}=COLUMN"

    def _columns(self) -> Iterator[str]:
        for name, rest in self.choice.alternatives.items():
            other = map_argument(name, rest[0])
            yield f"{name} is read from {self.columns[name]}, not {format_names(rest)}; to change it: --map {other}"
        competing = {column for rest in self.choice.alternatives.values() for column in rest}
        for column, name in self.choice.suggested.items():
            yield f"{column!r} is not used as the {name}; if that is what it holds: --map {map_argument(name, column)}"
        others = [c for c in self.choice.others if c not in competing and c not in self.choice.suggested]
        if others:
            yield f"imported as further attributes: {format_names(others)}"
            missing = [name for name in _COMPARED if name not in {*self.columns, *self.choice.suggested.values()}]
            if missing:
                yield f"no column is read as {' or '.join(missing)}; if one holds it: --map {missing[0]}=COLUMN"

    def _prices(self) -> Iterator[str]:
        if self.prices.unknown:
            examples = ", ".join(map(repr, self.prices.examples))
            rows = counted(self.prices.unknown, "row")
            yield f"{rows} with an unreadable price, such as {examples}: the price is left unknown."
        if self.prices.lower_end:
            yield f"{counted(self.prices.lower_end, 'row')} with a price range: the lower end was taken."
        named = [f"{code} {count:,}" for code, count in self.prices.currencies.most_common() if code]
        if len(named) > 1:
            yield f"prices in several currencies ({', '.join(named)}): only prices in the same currency are compared."
        yield from self._assumed_currencies()

    def _assumed_currencies(self) -> Iterator[str]:
        """Remarks on prices without a currency if others have one."""
        here, elsewhere = set(self.prices.currencies), set().union(*self.other_currencies.values())
        codes = format_names(sorted((here | elsewhere) - {""}))
        assumed = codes if len((here | elsewhere) - {""}) == 1 else "the currency of the other product"
        if "" in here and codes:
            prices = counted(self.prices.currencies[""], "price")
            yield (
                f"{prices} without a currency: assumed to be in {assumed} when compared. If that is wrong:"
                " --map currency=COLUMN"
            )
        elif "" in elsewhere and here - {""}:
            names = format_names([name for name, found in self.other_currencies.items() if "" in found])
            yield f"prices of {names} have no currency: they are assumed to be in {assumed} when compared."

    def _ids(self) -> Iterator[str]:
        if self.rounded_ids:
            yield (
                f"{counted(self.rounded_ids, 'id was', 'ids were')} rounded by a spreadsheet, as in 1.23457E+11:"
                " save the file again with that column formatted as text."
            )

    def _rules(self) -> Iterator[str]:
        if self.counts.reader_changed and self.counts.changed:
            yield (
                "This source was imported before by another version of samesku, which cleaned texts differently"
                " (entities, encodings, currencies, placeholders): products may count as changed, once, although the"
                " file is the same."
            )
