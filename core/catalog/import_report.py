"""What became of one file: counts for programs, and remarks for people."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.catalog.columns import ColumnChoice, listed, map_argument
from core.catalog.gtin import GtinProblem, parse_gtin
from core.catalog.prices import Price, PriceNote
from core.catalog.product import Role
from core.catalog.upsert import ImportCount
from labels.wording import counted

#: Examples of each problem: enough to find the cause in the file.
_MAX_EXAMPLES = 3
#: Characters of an example: a column that was mapped by mistake may hold descriptions.
_MAX_TEXT = 40


@dataclass(frozen=True, slots=True)
class GtinExample:
    """A number that cannot be used.

    Attributes:
        line: of the file, or the number of the row, as in the list of rejected rows.
        id: of the product.
        text: as the file has it, abbreviated where it is long.
    """

    line: int
    id: str
    text: str


@dataclass(slots=True)
class GtinCounts:
    """Counts over one file; rows without a number are in none of them.

    Attributes:
        valid: numbers that the file has as they should be.
        repaired: numbers whose leading zeros or exponent were written out, as the check digit proves.
        unusable: numbers that count as missing, by problem.
        examples: some of those, by problem.
    """

    valid: int = 0
    repaired: int = 0
    unusable: Counter[GtinProblem] = field(default_factory=Counter)
    examples: dict[GtinProblem, list[GtinExample]] = field(default_factory=dict)

    def add(self, line: int, id_: str, text: str) -> None:
        """Count the number of one product."""
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
        """As `import --json` gives it."""
        return {
            "valid": self.valid,
            "repaired": self.repaired,
            "unusable": {
                problem.value: {"count": count, "examples": [asdict(example) for example in self.examples[problem]]}
                for problem, count in self.unusable.most_common()
            },
        }


def gtin_sentences(values: Mapping[str, Any]) -> Iterator[str]:
    """The counts in words, then a line with examples for each problem, the most frequent first.

    Args:
        values: what `GtinCounts.to_json` gives.

    Returns:
        nothing where the file has no numbers.
    """
    unusable = sum(each["count"] for each in values["unusable"].values())
    if not (values["valid"] or values["repaired"] or unusable):
        return
    yield f"GTINs: {values['valid']:,} valid, {values['repaired']:,} repaired, {unusable:,} unusable (left unknown)"
    for problem, each in values["unusable"].items():
        examples = "; ".join(f"line {e['line']}, {e['id']}: {e['text']}" for e in each["examples"])
        more = "; …" if each["count"] > len(each["examples"]) else ""
        yield f"{each['count']:,} {problem} ({examples}{more})"


def _abbreviated(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


_EXAMPLES = 3
_LONGEST_EXAMPLE = 40


@dataclass(slots=True)
class PriceCounts:
    """What is to be told of the prices of a file.

    Attributes:
        unknown: rows whose price says something, but no single price; they came in without one.
        lower_end: rows with a range, of which the lower end was taken.
        currencies: rows by the currency of their price; an empty one where nothing names it.
        examples: of what was no price, each once.
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
            short = text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 1] + "…"
            if short not in self.examples and len(self.examples) < _EXAMPLES:
                self.examples.append(short)

    def as_dict(self) -> dict[str, object]:
        """The counts by name, for JSON."""
        return {
            "unknown": self.unknown, "lower_end": self.lower_end, "examples": self.examples,
            "currencies": {code: count for code, count in self.currencies.items() if code},
            "without_currency": self.currencies[""],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of one file.

    Attributes:
        counts: what the import did to the source.
        columns: the file's column behind each field that was found.
        rejected: rows kept out, by reason.
        rejects_path: the list of those rows; None where there were none, or no list was asked for.
        seconds: wall time.
        choice: what became of the other columns.
        prices: what is to be told of prices.
        gtins: how many trade item numbers of the products can be used.
        rounded_ids: ids whose last digits a spreadsheet has rounded away.
        notes: how the file was read, where that is not obvious.
        role_before: the source's role until then; None for a new source.
        other_currencies: those of the prices that these are compared with; an empty one where a price names none.
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
    other_currencies: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether the file gave no product at all."""
        return not (self.counts.added or self.counts.changed or self.counts.unchanged)

    def remarks(self) -> list[str]:
        """What a person should know beside the counts, each a sentence."""
        return [*self.notes, *self._columns(), *self._prices(), *self._ids(), *self._rules()]

    def _columns(self) -> Iterator[str]:
        for name, rest in self.choice.passed_over.items():
            first = map_argument(name, rest[0])
            yield f"{name} is read from {self.columns[name]}, not from {listed(rest)}; to change that: --map {first}"
        competing = {column for rest in self.choice.passed_over.values() for column in rest}
        for column, name in self.choice.suggested.items():
            yield f"column {column!r} not used; did you mean --map {map_argument(name, column)}"
        others = [c for c in self.choice.others if c not in competing and c not in self.choice.suggested]
        if others:
            yield f"kept as further attributes: {listed(others)}"

    def _prices(self) -> Iterator[str]:
        if self.prices.unknown:
            examples = ", ".join(map(repr, self.prices.examples))
            rows = counted(self.prices.unknown, "row")
            yield f"{rows} without a price that can be read, such as {examples}: their price is unknown."
        if self.prices.lower_end:
            yield f"{counted(self.prices.lower_end, 'row')} with a range of prices: the lower end was taken."
        named = [f"{code} {count:,}" for code, count in self.prices.currencies.most_common() if code]
        if len(named) > 1:
            yield f"prices in several currencies ({', '.join(named)}): only those of one currency are compared."
        yield from self._assumed_currencies()

    def _assumed_currencies(self) -> Iterator[str]:
        """What is assumed of prices that name no currency, where others do."""
        here, elsewhere = set(self.prices.currencies), self.other_currencies
        codes = listed(sorted((here | elsewhere) - {""}))
        if "" in here and codes:
            prices = counted(self.prices.currencies[""], "price")
            yield (
                f"{prices} without a currency: compared with prices in {codes} as if in the same currency. If that is"
                " wrong: --map currency=COLUMN"
            )
        elif "" in elsewhere and here - {""}:
            yield (
                f"the products to compare with have prices without a currency: they are taken for prices in {codes}."
            )

    def _ids(self) -> Iterator[str]:
        if self.rounded_ids:
            yield (
                f"{counted(self.rounded_ids, 'id was', 'ids were')} rounded by a spreadsheet, as 1.23457E+11 is:"
                " save the file again with that column as text."
            )

    def _rules(self) -> Iterator[str]:
        if self.counts.reader_changed and self.counts.changed:
            yield (
                "This version of samesku reads files more carefully than the one that imported them before (entities,"
                " encodings, currencies, placeholders): products may count as changed although the file did not, once."
            )
