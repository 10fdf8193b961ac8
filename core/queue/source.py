"""The review queue of a workspace: the queries of each stream in order, and each query with its options."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.errors import DamagedError
from core.matching.bands import Band, band_of, percent
from core.queue.disputes import Disputes
from core.queue.item import Option, Progress, ReviewItem, options_of, search_option
from core.queue.refit_result import COLD_START_REASON, ExpectedGain, RefitResult
from core.queue.stream_queue import AnsweredQueries, StreamQueue
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.indexed_products import index_state
from core.settings import Settings
from core.splits.current_labels import OutdatedLabels, outdated
from core.stats.sampling import draw_share, shuffled
from labels.annotations import standing_decisions
from labels.consensus import LabelState
from labels.first_answers import audited_queries
from labels.model import MACHINE, CurrentDecision, Pair, ProductRef, Stream
from labels.reader import LabelReader
from labels.store import LabelStore

#: Seed of the queries that two people answer; another than that of the validation set, which is drawn the same way.
_DOUBLE_SEED = 43
#: Seed of the order of blind options, which carries no information and is the same for everyone.
_SHUFFLE_SEED = 7


def is_double_labelled(query: ProductRef, share: float) -> bool:
    """Whether two people answer a query independently.

    Args:
        query: one that is not drawn for validation.
        share: the share of queries that two people answer, 0 to 1; the draw depends on the product's key alone.
    """
    return bool(share and draw_share([query], share, _DOUBLE_SEED))


def first_of_two(store: LabelReader, query: ProductRef, share: float) -> str | None:
    """The annotator whose answer still needs a second one; None for queries with no or two answers, or for one person.

    Args:
        store: the ledger.
        query: one that is not drawn for validation.
        share: as for `is_double_labelled`.
    """
    if not is_double_labelled(query, share):
        return None
    answered_by = store.answered_by(query)
    return answered_by.pop() if len(answered_by) == 1 else None


@dataclass(frozen=True, slots=True)
class _View:
    """The circumstances in which a query is shown.

    Attributes:
        blind: whether scores and bands are hidden.
        always_blind: whether that is required, not chosen.
        alone: whether other people's decisions are hidden.
        current: the query as it is on the screen already.
    """

    store: LabelStore
    query: ProductRef
    stream: Stream
    annotator: str
    blind: bool
    always_blind: bool
    alone: bool
    current: ReviewItem | None


class QueueSource:
    """The queries and candidates of the last index run, ordered for review.

    Attributes:
        refit: the latest refit; None before the first one.
        state: products that changed since the last index run, as of the last `reload`.
        both: names of the sources in both roles, as of the last `reload`.
        model: id of the encoder behind the candidates.
    """

    def __init__(self, catalog: CatalogStore, candidates: CandidateStore, settings: Settings) -> None:
        self.catalog = catalog
        self.candidates = candidates
        self.settings = settings
        self._answers = AnsweredQueries()
        self._outdated: OutdatedLabels | None = None
        self._catalog_mark = ""
        self._disputes = Disputes(catalog, settings)
        self._queues: dict[Stream, StreamQueue] = {}
        self._half_answered: dict[ProductRef, str] = {}
        self._audit_version, self._audit = 0, set[ProductRef]()
        self._audited: set[ProductRef] = set()
        self.refit: RefitResult | None = None
        self._run: str | None = None
        self.reload()

    # -- the order ---------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the candidates again, after an index run."""
        bands = self.settings.bands
        run, mark = self.candidates.fingerprint, self.catalog.mark
        if self.refit is not None and run == self._run and mark == self._catalog_mark:
            return  # the same candidates, with probabilities that are no newer than the refit
        if mark != self._catalog_mark:
            # Outdated labels depend on the products, and are read together with the ledger.
            self._answers, self._outdated, self._catalog_mark = AnsweredQueries(), None, mark
        self.state = index_state(self.candidates.path, self.catalog)
        self.both = frozenset(self.catalog.sources_in("both"))
        self.refit, self._run = None, run
        self._stored_summary = self.candidates.matcher_summary
        self._top, self._likely = self.candidates.top_scores((bands.high + bands.medium) / 2)
        if self._stored_summary is None:
            self._likely = {}  # of a matcher that was withdrawn
        for query in self.state.removed:
            self._top.pop(query, None)
            self._likely.pop(query, None)
        self._rest = list(self._top)
        self._sort()
        self.model = self.candidates.model

    def apply_refit(self, refit: RefitResult) -> None:
        """Order queue and candidates by a refit."""
        self.refit = refit
        self._sort()

    @property
    def summary(self) -> MatcherSummary | None:
        """The matcher behind the probabilities; None where there is none."""
        return self.refit.summary if self.refit else self._stored_summary

    @property
    def expected_gain(self) -> ExpectedGain | None:
        """The gain of further answers; None before the first refit, and while the matcher is uncalibrated."""
        return self.refit.expected_gain if self.refit and self.refit.summary.calibrated else None

    def _sort(self) -> None:
        """The refit's queries first, then the others, the least certain first."""
        first = [query for query in self.refit.order if query in self._top] if self.refit else []
        ranked = set(first)
        self._order = [*first, *(query for query in self._rest if query not in ranked)] if ranked else self._rest
        self._queues.clear()

    # -- streams -----------------------------------------------------------------------------------------------

    def open_queries(self, store: LabelStore, stream: Stream, annotator: str) -> Iterator[ProductRef]:
        """The queries of a stream that need this annotator's answer, best first, skipped ones last.

        Queries that need a second answer come first. A disagreement is never shown to those who are part of it.
        """
        if stream is Stream.ADJUDICATION:
            waiting: Iterable[ProductRef] = self._disputes.open_to(store, annotator)
        else:
            waiting = self._queue(store, stream)
        if stream is Stream.TRIAGE:
            waiting = chain(self._second_opinions(annotator), waiting)
        skipped = store.skipped_queries(annotator)
        postponed, skipped_set = set(), set(skipped)
        for query in waiting:
            if query not in skipped_set:
                yield query
            else:
                postponed.add(query)
        yield from (query for query in skipped if query in postponed)

    def progress(self, store: LabelStore, stream: Stream, own: int) -> Progress:
        """The progress of a stream, given the annotator's own number of answers."""
        if stream is Stream.ADJUDICATION:
            settled = store.count_adjudicated()
            return Progress(settled, settled + len(self._disputes.reasons(store)), own)
        queue = self._queue(store, stream)
        return Progress(queue.done, queue.total, own)

    def _queue(self, store: LabelStore, stream: Stream) -> StreamQueue:
        """The queue of a stream, up to date with the ledger."""
        changed, validation_drawn = self._answers.update(store)
        if self._outdated is None or not self._outdated.queries.isdisjoint(changed):
            self._outdated = outdated(store, self.catalog)
        self._answers.reopen(self._reopened)
        if validation_drawn:
            self._queues.clear()
        self._update_audit(store, changed=bool(changed))
        for queue in self._queues.values():
            queue.update(changed)
        for query in changed:
            self._note_second_opinion(store, query)
        if stream not in self._queues:
            self._queues[stream] = StreamQueue(self._members(stream), self._answered(store, stream))
        return self._queues[stream]

    def _update_audit(self, store: LabelStore, *, changed: bool) -> None:
        if store.audit_version() != self._audit_version:
            self._audit_version, self._audit = store.audit_version(), store.audit_queries()
            self._queues.pop(Stream.AUDIT, None)
        if changed and self._audit:
            # The stream's queue holds this very set.
            self._audited.clear()
            self._audited.update(audited_queries(store) - self._reopened.keys())

    def _answered(self, store: LabelStore, stream: Stream) -> set[ProductRef]:
        """The queries of a stream that need no answer."""
        if stream is not Stream.AUDIT:
            return self._answers.by_anyone
        if not self._audit:
            return self._answers.by_people  # automatic decisions are still to be audited
        # Every query of the sample is asked in this stream: without those answered in triage it would be biased.
        self._audited = audited_queries(store) - self._reopened.keys()
        return self._audited

    @property
    def _reopened(self) -> Mapping[ProductRef, str]:
        """The answered queries that are asked again, because a product was replaced, each with the reason."""
        return self._outdated.waiting if self._outdated else {}

    def _members(self, stream: Stream) -> list[ProductRef]:
        validation = self._answers.validation
        match stream:
            case Stream.VALIDATION:
                members = shuffled(validation, _SHUFFLE_SEED)
                return self._reopened_first(query for query in members if query in self._top)
            case Stream.AUDIT:
                if self._audit:
                    return shuffled((query for query in self._audit if query in self._top), _SHUFFLE_SEED)
                # Without a sample: all queries in a firm band except validation queries, in random order.
                firm = (query for query in self._order if self._is_firm(query) and query not in validation)
                return shuffled(firm, _SHUFFLE_SEED)
            case _:
                return self._reopened_first(query for query in self._order if query not in validation)

    def _reopened_first(self, queries: Iterable[ProductRef]) -> list[ProductRef]:
        return sorted(queries, key=lambda query: query not in self._reopened) if self._reopened else list(queries)

    def _note_second_opinion(self, store: LabelStore, query: ProductRef) -> None:
        """Update the record of queries with the first of two answers."""
        self._half_answered.pop(query, None)
        if query not in self._answers.validation:
            first = first_of_two(store, query, self.settings.labels.overlap)
            if first is not None:
                self._half_answered[query] = first

    def _second_opinions(self, annotator: str) -> list[ProductRef]:
        """Queries that need a second answer, the first being another annotator's."""
        return [query for query, first in self._half_answered.items() if first != annotator and query in self._top]

    def _is_firm(self, query: ProductRef) -> bool:
        """Whether the best candidate is in the high or the low band; in the low band, all candidates are."""
        summary, bands = self.summary, self.settings.bands
        if summary is None:
            return band_of(self._top[query], bands.high, bands.medium) is not Band.MEDIUM
        return band_of(self._likely.get(query, 0.0), summary.high, summary.low) is not Band.MEDIUM

    # -- one query ---------------------------------------------------------------------------------------------

    def item(
        self,
        store: LabelStore,
        query: ProductRef,
        stream: Stream,
        annotator: str,
        *,
        blind: bool,
        current: ReviewItem | None = None,
    ) -> ReviewItem:
        """A query with its options and the decisions on them.

        Args:
            store: the ledger.
            query: the query.
            stream: why it is shown.
            annotator: who sees it.
            blind: whether scores are hidden by choice.
            current: the query as it is on the screen already; its options keep their order and scores, whatever a
                refit has changed since.

        Raises:
            DamagedError: the candidates are damaged or gone.
        """
        stream = _stream_of(store, query, stream)
        independent, always_blind = self._independence(store, query, stream, annotator)
        blind = blind or always_blind
        view = _View(store, query, stream, annotator, blind, always_blind, blind or independent, current)
        in_dispute = self._disputes.pairs(store, query) if stream is Stream.ADJUDICATION else set()
        disputed = current.disputed if current else frozenset(pair.candidate for pair in in_dispute)
        options = self._item_options(view, disputed)
        return ReviewItem(
            query=self.catalog.get(query) or Product(query.source, query.id, "(no longer in the catalogue)"),
            options=tuple(options),
            stream=stream,
            blind=blind,
            reason=self._reason(view, options),
            always_blind=always_blind,
            alone=view.alone,
            answered=self._is_answered(view, in_dispute),
            disputed=disputed,
            flagged=store.is_flagged(query),
            comments=tuple(
                (c.annotator, c.text) for c in store.comments(query) if not view.alone or c.annotator == annotator
            ),
        )

    def _independence(self, store: LabelStore, query: ProductRef, stream: Stream, annotator: str) -> tuple[bool, bool]:
        """Whether other people's decisions are hidden from everyone, and whether scores are hidden too.

        Scores of a double-labelled query are hidden once another person has decided on it, since the matcher may have
        been fitted to that. Neither ends with one's own answer, which can be undone.
        """
        if stream is Stream.ADJUDICATION:
            return False, False
        if stream in {Stream.VALIDATION, Stream.AUDIT} or store.is_audited(query):
            return True, True
        if not is_double_labelled(query, self.settings.labels.overlap):
            return False, False
        return True, any(each.annotator not in {annotator, MACHINE} for each in store.decisions(query))

    def _is_answered(self, view: _View, in_dispute: set[Pair]) -> bool:
        if view.query in self._reopened:
            return False
        if view.alone:
            return view.annotator in view.store.answered_by(view.query)
        return view.store.is_closed(view.query) and not in_dispute

    def _item_options(self, view: _View, disputed: frozenset[ProductRef]) -> list[Option]:
        """The options in the order in which they are shown: disputed ones first, or shuffled where blind."""
        shown = view.current.options if view.current else ()
        options = sorted((o for o in shown if o.rank), key=lambda o: o.rank or 0) or self._options(view.query)
        options = self._with_decisions(view, options)
        options.sort(key=lambda option: option.product.ref not in disputed)
        if view.blind:
            order = {ref: place for place, ref in enumerate(shuffled((o.product.ref for o in options), _SHUFFLE_SEED))}
            options.sort(key=lambda option: order[option.product.ref])
        return options

    def _with_decisions(self, view: _View, options: list[Option]) -> list[Option]:
        """The options with the decisions on them, and products found by search that were decided on."""
        adjudicates = view.stream is Stream.ADJUDICATION
        decisions = [each for each in self._decisions(view) if not self._is_outdated(each)]
        visible = {d.pair.candidate for d in decisions if d.annotator == view.annotator or adjudicates}
        searched = sorted(visible - {option.product.ref for option in options})
        added = [search_option(product) for product in self.catalog.get_many(searched).values()]
        decided = [option.with_decisions(decisions, view.annotator, alone=view.alone) for option in (*options, *added)]
        if view.alone or not adjudicates:
            return decided
        opinions = [each for each in standing_decisions(view.store, view.query) if each.annotator != view.annotator]
        return [
            replace(option, opinions=tuple(each for each in opinions if each.candidate == option.product.ref))
            for option in decided
        ]

    def _decisions(self, view: _View) -> list[CurrentDecision]:
        """The decisions on a query, also those by which it was accepted for a listing before it in both roles."""
        found = view.store.decisions(view.query)
        if view.query.source not in self.both:
            return found
        before = (each for each in view.store.accepted_as(view.query) if each.pair.query.source in self.both)
        return [*found, *(replace(each, pair=Pair(view.query, each.pair.query)) for each in before)]

    def _is_outdated(self, decision: CurrentDecision) -> bool:
        """Whether a decision was made on a product that was replaced since."""
        return self._outdated is not None and decision.seq in self._outdated.decisions

    def _options(self, query: ProductRef) -> list[Option]:
        try:
            return options_of(
                query,
                self.candidates,
                self.catalog,
                self.settings.bands,
                self.summary,
                self.refit,
                self.state.removed,
            )
        except DamagedError:
            self.reload()  # empties the queue until an index run has created new candidates
            raise

    # -- why a query is shown ----------------------------------------------------------------------------------

    def _reason(self, view: _View, options: list[Option]) -> str:
        """Why a query is shown. While it is on the screen, the reason keeps to the figures shown there."""
        if view.stream is Stream.ADJUDICATION:
            return self._disputes.reasons(view.store).get(view.query, "Already adjudicated.")
        if view.query in self._reopened:
            return self._reopened[view.query]
        match view.stream:
            case Stream.VALIDATION:
                return "Drawn at random for the validation set; scores are hidden."
            case Stream.AUDIT:
                if self._audit_version:
                    return "Random audit of the matcher; scores are hidden."
                return "No audit sample is drawn yet: samesku labels audit --draw N. Scores are hidden."
        return self._triage_reason(view, options)

    def _triage_reason(self, view: _View, options: list[Option]) -> str:
        current = view.current
        if view.always_blind:
            return "Labelled independently by two people: scores are hidden."
        if view.blind:
            return "Scores are hidden."
        if view.query not in self._top:
            return "Waiting for an answer."
        if current is not None and (current.stream, current.blind) == (Stream.TRIAGE, view.blind):
            return current.reason
        return self._same_gtin(view.query, options) + self._uncertainty(view.query, options)

    def _same_gtin(self, query: ProductRef, options: list[Option]) -> str:
        """A sentence on the candidate with the query's GTIN; empty where there is none."""
        product = self.catalog.get(query)
        gtin = product.gtin if product else ""
        place = next((option.rank for option in options if gtin and option.product.gtin == gtin), None)
        return f"Same GTIN: candidate {place}. " if place else ""

    def _uncertainty(self, query: ProductRef, options: list[Option]) -> str:
        """Why the matcher needs an answer, in the figures of the options as they are on the screen."""
        if reason := self._refit_reason(query, options):
            return reason
        summary = self.summary
        likely = [option.probability for option in options if option.probability is not None]
        if summary is not None and not summary.calibrated:
            return "Not calibrated yet: likely matches and near misses come first."
        if summary is not None and likely:
            return f"Best probability {percent(max(likely))}; matcher's threshold {percent(summary.threshold)}."
        top = max((o.similarity for o in options if o.similarity is not None), default=self._top[query])
        bands = self.settings.bands
        band = band_of(top, bands.high, bands.medium)
        limits = {
            Band.HIGH: f"from {bands.high:.2f}",
            Band.MEDIUM: f"{bands.medium:.2f} to {bands.high:.2f}",
            Band.LOW: f"below {bands.medium:.2f}",
        }
        return f"Best similarity {top:.2f}: {band.value} band ({limits[band]})."

    def _refit_reason(self, query: ProductRef, options: list[Option]) -> str:
        """The refit's reason, if its probabilities are those of the options; empty otherwise."""
        reason = self.refit.reasons.get(query, "") if self.refit else ""
        if self.refit is None or not reason or reason == COLD_START_REASON:
            return reason
        probabilities = self.refit.probabilities.get(query, {})
        same = all(probabilities.get(o.product.ref, o.probability) == o.probability for o in options if o.rank)
        return reason if same else ""


def _stream_of(store: LabelStore, query: ProductRef, stream: Stream) -> Stream:
    """The stream that a query belongs to, from wherever it is reached."""
    settling = stream is Stream.ADJUDICATION and any(
        label.state is not LabelState.AGREED for label in store.labels(query)
    )
    if store.is_validation(query) and not settling:
        return Stream.VALIDATION
    # From the validation stream, undo also reaches queries of other streams.
    return Stream.TRIAGE if stream is Stream.VALIDATION else stream
