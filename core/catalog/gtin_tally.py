"""How many of an import's trade item numbers can be used, and examples of those that cannot."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from core.catalog.gtin import GtinProblem, parse_gtin

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
class GtinTally:
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
        values: what `GtinTally.to_json` gives.

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
