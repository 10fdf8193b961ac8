"""A snapshot of a workspace: how its listings and its best candidates are distributed, by source and category.

Nothing but counts is kept, besides the words of the titles, so that a year of daily snapshots stays small.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date

from core.catalog.product import Product, without_escape_sequences
from core.catalog.store import CatalogStore
from core.judge.factory import make_judge
from core.judge.verdict import Answer
from core.matching.audit import audit
from core.matching.bands import Band, band_of
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.workspace import Workspace
from labels.activity import answers_by_day
from labels.model import ProductRef
from labels.store import LabelStore

#: Listings of a category below which it is counted among the others of its source: shares of fewer say little.
MIN_LISTINGS = 50
#: Name of the group of all smaller categories of a source.
OTHERS = "(other)"
#: Words per source that are known: those of most listings.
MAX_WORDS = 20_000
#: More than any workspace has.
_MAX_LISTINGS = 10**10

_WORD = re.compile(r"[^\W\d_]{2,}")


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
    """

    source: str
    category: str
    listings: int
    counts: dict[str, dict[int, int]]
    bands: dict[str, int] = field(default_factory=dict)
    no_match: int = 0
    verdicts: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Raise ValueError for what no workspace has; the file of the history may be damaged."""
        if not 0 <= self.listings <= _MAX_LISTINGS or self.bands.keys() - {band.value for band in Band}:
            raise ValueError("no group of listings")
        for name, counts in self.counts.items():
            bins = MEASURES[name].bins if name in MEASURES else max(counts, default=0) + 1
            if any(not 0 <= place < bins or not 0 <= count <= self.listings for place, count in counts.items()):
                raise ValueError(f"no counts of {name}")
        if any(not 0 <= count <= self.listings for count in (*self.bands.values(), self.no_match)):
            raise ValueError("no counts of queries")

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


#: The known words of each source.
Vocabulary = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Matching:
    """What is known of the queries.

    Attributes:
        summary: of the matcher; None before the first index run.
        similarity: highest of each query.
        probability: likewise.
        verdicts: of each query, (pairs, contradictions).
    """

    summary: MatcherSummary | None
    similarity: Mapping[ProductRef, float]
    probability: Mapping[ProductRef, float]
    verdicts: Mapping[ProductRef, tuple[int, int]]


def take_snapshot(
    workspace: Workspace, settings: Settings, day: str, *, vocabulary: Vocabulary | None, groups: Iterable[Group] = ()
) -> tuple[Snapshot, dict[str, list[str]]]:
    """Count the present state.

    Args:
        workspace: with candidates.
        settings: the judge in use.
        day: ISO 8601 date, UTC.
        vocabulary: words that count as known; None for those of the present titles.
        groups: of the reference, whose categories are counted apart however few listings they have now.

    Returns:
        the snapshot, and the words of the present titles by source.

    Raises:
        CoreError: there are no candidates.
    """
    with CatalogStore(workspace.catalog) as catalog:
        listings = [without_escape_sequences(each) for each in catalog.iter()]
    matching, encoder, precision = _matching(workspace, settings)
    words = words_by_source(listings)
    with LabelStore(workspace.labels) as store:
        answers = answers_by_day(store).get(day, 0)
    found = count_groups(listings, matching, words if vocabulary is None else vocabulary, groups)
    labels = matching.summary.labels if matching.summary else 0
    return Snapshot(day, encoder, labels, found, precision, answers), words


def _matching(workspace: Workspace, settings: Settings) -> tuple[Matching, str, dict[str, tuple[float, float, float]]]:
    with closing(CandidateStore(workspace.derived)) as store:
        if store.model is None:
            raise no_candidates(workspace.index)
        summary, encoder = store.matcher_summary, store.model
        similarity, probability = store.top_similarities(), store.top_probabilities()
        pairs = {(query, each.ref): each.probability for query, each in store.all() if each.probability is not None}
    contradictions = {} if summary is None else _verdicts(workspace, settings, pairs, summary.threshold)
    precision = {}
    if summary is not None and summary.calibrated:
        with LabelStore(workspace.labels) as labels:
            for band, each in audit(labels, summary, settings.match.precision).items():
                if found := each.precision.labels:
                    precision[band.value] = each.precision.right / found, each.precision.low, each.precision.high
    return Matching(summary, similarity, probability, contradictions), encoder, precision


def _verdicts(
    workspace: Workspace, settings: Settings, probabilities: Mapping[tuple[ProductRef, ProductRef], float], cut: float
) -> dict[ProductRef, tuple[int, int]]:
    """Of each query, the number of pairs with a verdict, and of those that contradict the matcher."""
    if not settings.judge.use:
        return {}
    with closing(make_judge(workspace, settings)) as judge:
        verdicts = judge.latest_verdicts()
    found: dict[ProductRef, tuple[int, int]] = {}
    for pair, verdict in verdicts.items():
        probability = probabilities.get((pair.query, pair.candidate))
        if verdict.answer is None or probability is None:
            continue
        pairs, contradictions = found.get(pair.query, (0, 0))
        found[pair.query] = pairs + 1, contradictions + ((verdict.answer is Answer.MATCH) != (probability >= cut))
    return found


def _words(title: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(title)}


def words_by_source(listings: Sequence[Product]) -> dict[str, list[str]]:
    """The words that occur in at least two titles of a source, the most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for each in listings:
        counts.setdefault(each.source, Counter()).update(_words(each.title))
    return {
        source: [word for word, count in counter.most_common(MAX_WORDS) if count > 1]
        for source, counter in counts.items()
    }


def count_groups(
    listings: Sequence[Product], matching: Matching, vocabulary: Vocabulary, reference: Iterable[Group] = ()
) -> list[Group]:
    """Count listings and queries by source and category.

    Args:
        listings: of all sources.
        matching: what is known of the queries among them.
        vocabulary: the known words.
        reference: groups whose categories are kept apart, however few listings they have.
    """
    sizes = Counter((each.source, each.category) for each in listings)
    kept = {key for key, size in sizes.items() if size >= MIN_LISTINGS}
    kept |= {(group.source, group.category) for group in reference}
    by_group: dict[tuple[str, str], list[Product]] = {}
    for each in listings:
        key = (each.source, each.category)
        by_group.setdefault(key if key in kept else (each.source, OTHERS), []).append(each)
    known = {source: frozenset(words) for source, words in vocabulary.items()}
    return [
        _group(source, category, members, matching, known.get(source, frozenset()))
        for (source, category), members in sorted(by_group.items())
    ]


def _group(source: str, category: str, members: Sequence[Product], matching: Matching, known: frozenset[str]) -> Group:
    counts: dict[str, Counter[int]] = {name: Counter() for name in MEASURES}
    bands: Counter[str] = Counter()
    no_match = pairs = contradictions = 0
    for each in members:
        values = _values(each, known)
        if (similarity := matching.similarity.get(each.ref)) is not None:
            values["similarity"] = similarity
        if (probability := matching.probability.get(each.ref)) is not None and matching.summary is not None:
            values["probability"] = probability
            bands[band_of(probability, matching.summary.high, matching.summary.low).value] += 1
            no_match += probability < matching.summary.threshold
        of_query = matching.verdicts.get(each.ref, (0, 0))
        pairs, contradictions = pairs + of_query[0], contradictions + of_query[1]
        for name, value in values.items():
            counts[name][MEASURES[name].bin(value)] += 1
    ordered = {band.value: bands[band.value] for band in Band} if bands else {}
    filled = {name: dict(sorted(each.items())) for name, each in counts.items() if each}
    return Group(source, category, len(members), filled, ordered, no_match, (pairs, contradictions))


def _values(listing: Product, known: frozenset[str]) -> dict[str, float]:
    words = _words(listing.title)
    found = {
        "title_words": float(len(listing.title.split())),
        "has_price": float(listing.price is not None),
        "has_brand": float(bool(listing.brand)),
        "has_gtin": float(bool(listing.gtin)),
    }
    if words:
        found["known_words"] = len(words & known) / len(words)
    if listing.price is not None and listing.price > 0:
        found["price"] = listing.price
    return found
