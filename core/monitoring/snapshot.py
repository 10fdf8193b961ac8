"""A snapshot of a workspace: how its listings and its best candidates are distributed, by source and category.

Nothing but counts is kept, besides the words of the titles, so that a year of daily snapshots stays small.
"""

import math
from dataclasses import dataclass, field
from datetime import date

from core.matching.bands import Band

#: Listings of a category below which it is counted among the others of its source: shares of fewer say little.
MIN_LISTINGS = 50
#: Name of the group of all smaller categories of a source.
OTHERS = "(other)"
#: More than any workspace has.
_MAX_LISTINGS = 10**10


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted of each listing or query.

    Attributes:
        name: key in files and metrics.
        title: in words.
        low: lower end of the first bin.
        width: of a bin.
        bins: number of bins; values beyond the ends are counted in the first and the last one.
        logarithmic: whether the bins are of decimal logarithms.
        yes_or_no: whether the values are 0 and 1.
    """

    name: str
    title: str
    low: float
    width: float
    bins: int
    logarithmic: bool = False
    yes_or_no: bool = False

    def bin(self, value: float) -> int:
        """The bin of a value, which is above 0 if the bins are of logarithms."""
        place = math.log10(value) if self.logarithmic else value
        return min(max(int((place - self.low) / self.width), 0), self.bins - 1)

    def value(self, place: float) -> float:
        """The value at a place in bins, which may be a fraction: 1.5 is the middle of the second bin."""
        found = self.low + place * self.width
        return 10.0**found if self.logarithmic else found


#: Of every listing. A bin of prices is 5 % wide: shops that differ in currency or unit differ by factors.
LISTING_MEASURES = (
    Measure("price", "price", -2.0, 0.02, 400, logarithmic=True),
    Measure("title_words", "words in the title", 0.0, 1.0, 40),
    Measure("known_words", "share of known words in the title", 0.0, 0.05, 21),
    Measure("has_price", "listings with a price", 0.0, 1.0, 2, yes_or_no=True),
    Measure("has_brand", "listings with a brand", 0.0, 1.0, 2, yes_or_no=True),
    Measure("has_gtin", "listings with a GTIN", 0.0, 1.0, 2, yes_or_no=True),
)
#: Of every query: its best candidate.
QUERY_MEASURES = (
    Measure("similarity", "highest similarity", -1.0, 0.05, 41),
    Measure("probability", "highest probability", 0.0, 0.05, 20),
)
MEASURES = {each.name: each for each in (*LISTING_MEASURES, *QUERY_MEASURES)}


@dataclass(frozen=True)
class Group:
    """The listings of one source and category.

    Attributes:
        source: of the listings.
        category: as imported; `OTHERS` for all that are too small.
        listings: number of them.
        counts: number of listings or queries by bin, by measure; empty bins are left out, and listings without a value
            are not counted.
        bands: number of queries by band of the best candidate; empty for a catalogue.
        no_match: number of queries whose best candidate is below the matcher's threshold.
        verdicts: number of pairs with a verdict of the judge in use, and of those that contradict the matcher.
        audited: band → number of audited pairs, and of those that the band has right.
        answers: decisions of people on this day.
    """

    source: str
    category: str
    listings: int
    counts: dict[str, dict[int, int]]
    bands: dict[str, int] = field(default_factory=dict)
    no_match: int = 0
    verdicts: tuple[int, int] = (0, 0)
    audited: dict[str, tuple[int, int]] = field(default_factory=dict)
    answers: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for what no workspace has; the file of the history may be damaged."""
        if not 0 <= self.listings <= _MAX_LISTINGS or {*self.bands, *self.audited} - {*Band}:
            raise ValueError("no group of listings")
        for name, counts in self.counts.items():
            bins = MEASURES[name].bins if name in MEASURES else max(counts, default=0) + 1
            if any(not 0 <= place < bins or not 0 <= count <= self.listings for place, count in counts.items()):
                raise ValueError(f"no counts of {name}")
        if any(not 0 <= count <= self.listings for count in (*self.bands.values(), self.no_match)):
            raise ValueError("no counts of queries")
        if any(not 0 <= part <= whole for whole, part in (self.verdicts, *self.audited.values())) or self.answers < 0:
            raise ValueError("no counts of pairs")

    @property
    def queries(self) -> int:
        """Number of queries with candidates."""
        return sum(self.bands.values())

    def histogram(self, measure: Measure) -> list[int]:
        """The counts of all bins of a measure."""
        counts = self.counts.get(measure.name, {})
        return [counts.get(place, 0) for place in range(measure.bins)]


@dataclass(frozen=True)
class Snapshot:
    """A workspace on one day.

    Attributes:
        day: ISO 8601 date, UTC.
        encoder: id of the encoder.
        labels: number of labels that the matcher was fitted to.
        groups: by source and category.
        precision: audited precision of the bands high and low with its interval, (value, low, high); without audit
            answers the band is absent.
        answers: decisions of people on this day.
    """

    day: str
    encoder: str
    labels: int
    groups: list[Group]
    precision: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    answers: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for what no run has made."""
        date.fromisoformat(self.day)
        if len({(group.source, group.category) for group in self.groups}) != len(self.groups):
            raise ValueError("a group twice")
        if self.precision.keys() - {*Band}:
            raise ValueError("no precision of bands")


@dataclass(frozen=True, slots=True)
class Shift:
    """A distribution that has moved.

    Attributes:
        source, category: of the listings; the category is empty for the mix of categories of a source.
        measure: name of the measure, `category` for the mix of categories, `band` for the bands, `listings` for the
            number of listings.
        psi: population stability index; of a number of listings the absolute logarithm of its ratio.
        p_value: of the two-sample test.
        before, after: median of the reference and of the present values, to the width of a bin; of what is yes or no
            the share of yes; None for categories and bands.
        listings: present values.
    """

    source: str
    category: str
    measure: str
    psi: float
    p_value: float
    before: float | None
    after: float | None
    listings: int

    @property
    def title(self) -> str:
        """The measure in words."""
        return _OF_SOURCE.get(self.measure) or (MEASURES[self.measure].title if self.measure in MEASURES else "bands")

    @property
    def is_of_source(self) -> bool:
        """Whether it is of a whole source, not of one of its categories."""
        return self.measure in _OF_SOURCE


#: Measures of whole sources, in words.
_OF_SOURCE = {"category": "mix of categories", "listings": "number of listings"}
