"""Counts a workspace for a snapshot."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from core.catalog.product import Product, without_escape_sequences
from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.judge.factory import make_judge
from core.judge.verdict import Answer
from core.matching.audit import audit, audited_bands
from core.matching.bands import Band, band_of
from core.monitoring.snapshot import MEASURES, MIN_LISTINGS, OTHERS, Group, Snapshot
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.workspace import Workspace
from labels.activity import answers_on
from labels.model import ProductRef
from labels.store import LabelStore
from labels.wording import counted

#: Words per source that are known: those of most listings.
MAX_WORDS = 20_000

_WORD = re.compile(r"[^\W\d_]{2,}")

#: The known words of each source.
Vocabulary = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class QueryFacts:
    """What is known of the queries.

    Attributes:
        summary: of the matcher; None before the first index run.
        similarity: highest of each query.
        probability: likewise.
        verdicts: of each query, (pairs, contradictions).
        audited: of each query, (band, whether it is right) of each audited pair.
        answers: of each query, decisions of people on the day.
    """

    summary: MatcherSummary | None = None
    similarity: Mapping[ProductRef, float] = field(default_factory=dict)
    probability: Mapping[ProductRef, float] = field(default_factory=dict)
    verdicts: Mapping[ProductRef, tuple[int, int]] = field(default_factory=dict)
    audited: Mapping[ProductRef, Sequence[tuple[Band, bool]]] = field(default_factory=dict)
    answers: Mapping[ProductRef, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """A workspace that was counted.

    Attributes:
        snapshot: of the day.
        words: the words of the present titles, by source.
        validation: the queries of the validation set that are still there, and all others, counted in the same groups;
            None unless asked for.
    """

    snapshot: Snapshot
    words: dict[str, list[str]]
    validation: tuple[Snapshot, Snapshot] | None = None


def count_workspace(
    workspace: Workspace,
    settings: Settings,
    day: str,
    *,
    vocabulary: Vocabulary | None,
    groups: Iterable[Group] = (),
    validation: bool = False,
) -> Counted:
    """Count the present state.

    Args:
        workspace: with candidates.
        settings: the judge in use.
        day: ISO 8601 date, UTC.
        vocabulary: words that count as known; None for those of the present titles.
        groups: of the reference, whose categories are counted apart however few listings they have.
        validation: whether the validation set is counted too.

    Raises:
        CoreError: there are no candidates; or too few queries of the validation set are there to compare with.
    """
    with CatalogStore(workspace.catalog) as catalog:
        listings = [without_escape_sequences(each) for each in catalog.iter()]
    facts, encoder, precision = _query_facts(workspace, settings, day)
    words = words_by_source(listings)
    known = words if vocabulary is None else vocabulary
    labels = facts.summary.labels if facts.summary else 0

    def snapshot(found: list[Group]) -> Snapshot:
        return Snapshot(day, encoder, labels, found, precision, sum(facts.answers.values()))

    compared = None
    if validation:
        drawn, others = _validation(workspace, [each for each in listings if each.ref in facts.similarity])
        reference = count_groups(drawn, facts, known)
        present = count_groups(others, facts, known, reference, only=True)
        compared = snapshot(reference), snapshot(present)
    return Counted(snapshot(count_groups(listings, facts, known, groups)), words, compared)


def _validation(workspace: Workspace, queries: Iterable[Product]) -> tuple[list[Product], list[Product]]:
    """The queries of the validation set, and the others.

    Raises:
        CoreError: either are too few.
    """
    with LabelStore(workspace.labels) as store:
        members = store.validation_queries()
    drawn: list[Product] = []
    others: list[Product] = []
    for each in queries:
        (drawn if each.ref in members else others).append(each)
    if min(len(drawn), len(others)) < MIN_LISTINGS:
        raise CoreError(
            f"{counted(len(drawn), 'query', 'queries')} with candidates in the validation set, {len(others):,} outside:"
            f" both must be {MIN_LISTINGS} or more to be compared.",
            "Compare with the reference day instead: samesku monitor",
        )
    return drawn, others


def _query_facts(
    workspace: Workspace, settings: Settings, day: str
) -> tuple[QueryFacts, str, dict[str, tuple[float, float, float]]]:
    """What is known of the queries, the encoder, and the audited precision of the bands."""
    with closing(CandidateStore(workspace.derived)) as store:
        if store.model is None:
            raise no_candidates(workspace.index)
        summary, encoder = store.matcher_summary, store.model
        similarity, probability = store.top_scores()
        pairs = {(query, each.ref): each.probability for query, each in store.all() if each.probability is not None}
    contradictions = {} if summary is None else _verdicts(workspace, settings, pairs, summary.threshold)
    precision, audited = {}, {}
    with LabelStore(workspace.labels) as labels:
        answers = answers_on(labels, day)
        if summary is not None and summary.calibrated:
            audited = audited_bands(labels, summary)
            for band, each in audit(labels, summary, settings.match.precision).items():
                if found := each.precision.labels:
                    precision[band.value] = each.precision.right / found, each.precision.low, each.precision.high
    return QueryFacts(summary, similarity, probability, contradictions, audited, answers), encoder, precision


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
    listings: Sequence[Product],
    facts: QueryFacts,
    vocabulary: Vocabulary,
    reference: Iterable[Group] = (),
    *,
    only: bool = False,
) -> list[Group]:
    """Count listings and queries by source and category.

    Args:
        listings: of all sources.
        facts: what is known of the queries among them.
        vocabulary: the known words.
        reference: groups whose categories are kept apart, however few listings they have.
        only: whether all other categories are counted among the others, however many listings they have.
    """
    sizes = Counter((each.source, each.category) for each in listings)
    kept = set() if only else {key for key, size in sizes.items() if size >= MIN_LISTINGS}
    kept |= {(group.source, group.category) for group in reference}
    by_group: dict[tuple[str, str], list[Product]] = {}
    for each in listings:
        key = (each.source, each.category)
        by_group.setdefault(key if key in kept else (each.source, OTHERS), []).append(each)
    known = {source: frozenset(words) for source, words in vocabulary.items()}
    return [
        _group(source, category, members, facts, known.get(source, frozenset()))
        for (source, category), members in sorted(by_group.items())
    ]


def _group(source: str, category: str, members: Sequence[Product], facts: QueryFacts, known: frozenset[str]) -> Group:
    counts: dict[str, Counter[int]] = {name: Counter() for name in MEASURES}
    bands: Counter[str] = Counter()
    audited: dict[str, tuple[int, int]] = {}
    no_match = pairs = contradictions = answers = 0
    for each in members:
        values = _values(each, known)
        if (similarity := facts.similarity.get(each.ref)) is not None:
            values["similarity"] = similarity
        if (probability := facts.probability.get(each.ref)) is not None and facts.summary is not None:
            values["probability"] = probability
            bands[band_of(probability, facts.summary.high, facts.summary.low).value] += 1
            no_match += probability < facts.summary.threshold
        of_query = facts.verdicts.get(each.ref, (0, 0))
        pairs, contradictions = pairs + of_query[0], contradictions + of_query[1]
        for band, right in facts.audited.get(each.ref, ()):
            checked, so_far = audited.get(band.value, (0, 0))
            audited[band.value] = checked + 1, so_far + right
        answers += facts.answers.get(each.ref, 0)
        for name, value in values.items():
            counts[name][MEASURES[name].bin(value)] += 1
    ordered = {band.value: bands[band.value] for band in Band} if bands else {}
    filled = {name: dict(sorted(each.items())) for name, each in counts.items() if each}
    return Group(source, category, len(members), filled, ordered, no_match, (pairs, contradictions), audited, answers)


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
