"""Which queries there are in each stream, in which order, and with which options."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.errors import DamagedError
from core.matching.bands import Band, band_of, percent
from core.queue.disputes import Disputes
from core.queue.item import Option, Progress, ReviewItem, found_by_search, options_of
from core.queue.refit_result import COLD, ExpectedGain, RefitResult
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.indexed_products import index_state
from core.settings import Settings
from core.splits.current_labels import Outdated, outdated
from core.stats.sampling import drawn, shuffled
from labels.annotations import opinions_on
from labels.consensus import State
from labels.first_answers import audited_queries
from labels.model import MACHINE, CurrentDecision, ProductRef, Stream
from labels.reader import LabelReader
from labels.store import LabelStore


class StreamQueue:
    """A list that is gone through from its beginning again and again, and nearly always answered there.

    Args:
        members: the stream's queries, the first to ask first.
        answered: which queries are answered; it changes while this looks at it, and `turned` is told.
    """

    def __init__(self, members: list[ProductRef], answered: set[ProductRef]) -> None:
        self.total = len(members)
        self._members = members
        self._answered = answered
        self._open = set(members) - answered
        self._mine = set(members)
        self._first = 0

    @property
    def done(self) -> int:
        """How many are answered."""
        return len(self._mine) - len(self._open)

    def turned(self, queries: Iterable[ProductRef]) -> None:
        """Something happened to queries: they may be answered now, or open again."""
        for query in queries:
            if query not in self._mine:
                continue
            if query in self._answered:
                self._open.discard(query)
            else:
                self._open.add(query)
                self._first = 0

    def __iter__(self) -> Iterator[ProductRef]:
        """The open queries, in order."""
        while self._first < self.total and self._members[self._first] not in self._open:
            self._first += 1
        for place in range(self._first, self.total):
            if self._members[place] in self._open:
                yield self._members[place]


class AnsweredQueries:
    """What a queue must know of the ledger, kept in memory; catching up costs what happened meanwhile alone.

    Attributes:
        by_people: queries that a person has answered.
        by_anybody: those, and what the machine closed.
        validation: the queries drawn for validation.
    """

    def __init__(self) -> None:
        self.by_people: set[ProductRef] = set()
        self.by_anybody: set[ProductRef] = set()
        self.validation: frozenset[ProductRef] = frozenset()
        self._version = 0
        self._seq = 0

    def catch_up(self, store: LabelStore) -> tuple[list[ProductRef], bool]:
        """Read what happened since the last time.

        Returns:
            the queries that something happened to, and whether validation queries were drawn.
        """
        self._seq, turned = store.turned_since(self._seq)
        for query, (people, machine) in turned.items():
            (self.by_people.add if people else self.by_people.discard)(query)
            (self.by_anybody.add if people or machine else self.by_anybody.discard)(query)
        version = store.validation_version()
        drawn = version != self._version
        if drawn:
            self.validation, self._version = frozenset(store.validation_queries()), version
        return list(turned), drawn

    def reopen(self, queries: Iterable[ProductRef]) -> None:
        """Take queries for open that were answered when their products were others."""
        self.by_people.difference_update(queries)
        self.by_anybody.difference_update(queries)


#: Another seed than that of the validation set, which is drawn the same way.
_SEED = 43


def is_for_two(query: ProductRef, share: float) -> bool:
    """Whether two people are to answer a query, each without knowing what the other says.

    Args:
        query: one that is not drawn for validation.
        share: how many queries two people answer, 0 to 1; which they are, their names alone say.
    """
    return bool(share and drawn([query], share, _SEED))


def first_of_two(store: LabelReader, query: ProductRef, share: float) -> str | None:
    """Who has answered a query that a second person is to answer too; None where nobody has, or two have, or one does.

    Args:
        store: the ledger.
        query: one that is not drawn for validation.
        share: how many queries two people answer, 0 to 1.
    """
    if not is_for_two(query, share):
        return None
    closers = store.closers(query)
    return closers.pop() if len(closers) == 1 else None


def by_uncertainty(top: dict[ProductRef, float], boundary: float) -> list[ProductRef]:
    """Queries, least confident first.

    Args:
        top: the best candidate's probability of each query, or its cosine.
        boundary: where the answer changes: the matcher's threshold, or the middle of the medium band.
    """
    return sorted(top, key=lambda query: (abs(top[query] - boundary), query))


#: The order of validation options says nothing, and is the same for everybody who sees them.
_SHUFFLE_SEED = 7


class QueueSource:
    """The workspace's queries and candidates as the last index run left them.

    Attributes:
        live: the word of the latest refit; None before the first.
        state: what of the candidates is out of date, as of the last `reload`.
    """

    def __init__(self, catalog: CatalogStore, candidates: CandidateStore, settings: Settings) -> None:
        self.catalog = catalog
        self.candidates = candidates
        self.settings = settings
        self._answers = AnsweredQueries()
        self._outdated: Outdated | None = None
        self._mark = ""
        self._disputes = Disputes(catalog, settings)
        self._waiting: dict[Stream, StreamQueue] = {}
        self._half: dict[ProductRef, str] = {}
        self._audit, self._audited, self._checked = 0, set[ProductRef](), set[ProductRef]()
        self.live: RefitResult | None = None
        self._run: str | None = None
        self.reload()

    def reload(self) -> None:
        """Read the candidates anew, after an index run."""
        bands = self.settings.bands
        run, mark = self.candidates.fingerprint, self.catalog.mark
        if self.live is not None and run == self._run and mark == self._mark:
            return  # the same candidates, scored by somebody whose word is no newer than the one known here
        if mark != self._mark:
            # Other products: which labels are outdated is read with the ledger.
            self._answers, self._outdated, self._mark = AnsweredQueries(), None, mark
        self.state = index_state(self.candidates.path, self.catalog)
        # Other candidates: what was said of the old ones is void.
        self.live, self._run = None, run
        self._boundary = (bands.high + bands.medium) / 2
        top = self.candidates.top_similarities()
        self._top = {query: best for query, best in top.items() if query not in self.state.removed}
        self._stored = self.candidates.standing
        likely = self.candidates.top_probabilities() if self.standing else {}
        self._likely = {query: best for query, best in likely.items() if query in self._top}
        self._rest = self._least_certain()
        self._sort()
        self.model = self.candidates.model

    def learn(self, rescored: RefitResult) -> None:
        """Take the word of a refit: from now on it orders the queue and the candidates."""
        self.live = rescored
        self._sort()

    @property
    def standing(self) -> MatcherSummary | None:
        """What the probabilities are worth; None where no matcher has spoken."""
        return self.live.standing if self.live else self._stored

    @property
    def outlook(self) -> ExpectedGain | None:
        """What is to be gained by going on; None before the first refit, and until labels calibrate the matcher."""
        return self.live.outlook if self.live and self.live.standing.calibrated else None

    def _sort(self) -> None:
        """The latest refit's queries, then the others, least certain first."""
        first = [query for query in self.live.order if query in self._top] if self.live else []
        told = set(first)
        self._order = [*first, *(query for query in self._rest if query not in told)]
        self._waiting.clear()

    def _least_certain(self) -> list[ProductRef]:
        standing = self.standing
        if standing is not None and self._likely:
            return by_uncertainty({**dict.fromkeys(self._top, 0.0), **self._likely}, standing.threshold)
        return by_uncertainty(self._top, self._boundary)

    def open_queries(self, store: LabelStore, stream: Stream, annotator: str) -> Iterator[ProductRef]:
        """The queries of a stream that still want this annotator's answer, best first; what one skipped comes last.

        Queries that two people are to answer, and that somebody else has answered, come first. Nobody settles a
        disagreement that they are a party to.
        """
        if stream is Stream.ADJUDICATION:
            waiting: Iterable[ProductRef] = self._disputes.open_to(store, annotator)
        else:
            waiting = self._line(store, stream)
        if stream is Stream.TRIAGE:
            waiting = chain(self._second_opinions(annotator), waiting)
        skipped = store.skipped_queries(annotator)
        put_off, known = set(), set(skipped)
        for query in waiting:
            if query not in known:
                yield query
            else:
                put_off.add(query)
        yield from (query for query in skipped if query in put_off)

    def progress(self, store: LabelStore, stream: Stream, mine: int) -> Progress:
        """Answered and all queries of a stream."""
        if stream is Stream.ADJUDICATION:
            ruled = store.ruled_on()
            return Progress(ruled, ruled + len(self._disputes.reasons(store)), mine)
        line = self._line(store, stream)
        return Progress(line.done, line.total, mine)

    def _line(self, store: LabelStore, stream: Stream) -> StreamQueue:
        turned, drawn = self._answers.catch_up(store)
        self._reopen(store, turned)
        if stream is Stream.AUDIT and store.audit_version() != self._audit:
            self._audit = store.audit_version()
            self._audited = store.audit_queries()
            self._waiting.pop(Stream.AUDIT, None)
        if drawn:
            self._waiting.clear()
        if turned and self._audited:
            self._checked.clear()
            self._checked.update(audited_queries(store) - self._again.keys())
        for line in self._waiting.values():
            line.turned(turned)
        for query in turned:
            self._note_second_opinion(store, query)
        if stream not in self._waiting:
            self._waiting[stream] = StreamQueue(self._members(stream), self._answered(store, stream))
        return self._waiting[stream]

    def _answered(self, store: LabelStore, stream: Stream) -> set[ProductRef]:
        """The queries of a stream that want no answer any more."""
        if stream is not Stream.AUDIT:
            return self._answers.by_anybody
        if not self._audited:
            return self._answers.by_people  # what the machine closed is still to be audited
        # Of a draw every query is asked about in this stream: those that triage leaves to it would not be a sample.
        self._checked = audited_queries(store) - self._again.keys()
        return self._checked

    def _reopen(self, store: LabelStore, turned: Iterable[ProductRef]) -> None:
        """Open queries again whose products are other articles than when they were answered."""
        if self._outdated is None or not self._outdated.queries.isdisjoint(turned):
            self._outdated = outdated(store, self.catalog)
        self._answers.reopen(self._again)

    @property
    def _again(self) -> Mapping[ProductRef, str]:
        """The queries that are asked about again, each with the reason."""
        return self._outdated.waiting if self._outdated else {}

    def _members(self, stream: Stream) -> list[ProductRef]:
        validation = self._answers.validation
        match stream:
            case Stream.VALIDATION:
                return self._first_again(query for query in shuffled(validation, _SHUFFLE_SEED) if query in self._top)
            case Stream.AUDIT:
                if self._audited:
                    return shuffled((query for query in self._audited if query in self._top), _SHUFFLE_SEED)
                # Nothing was drawn: what the machine is sure of, in random order; never a validation query.
                sure = (query for query in self._order if self._is_sure(query) and query not in validation)
                return shuffled(sure, _SHUFFLE_SEED)
            case _:
                return self._first_again(query for query in self._order if query not in validation)

    def _first_again(self, queries: Iterable[ProductRef]) -> list[ProductRef]:
        """The queries with those first that are asked about again."""
        return sorted(queries, key=lambda query: query not in self._again)

    def _note_second_opinion(self, store: LabelStore, query: ProductRef) -> None:
        """Remember a query that two people are to answer while one has."""
        self._half.pop(query, None)
        if query not in self._answers.validation:
            first = first_of_two(store, query, self.settings.labels.overlap)
            if first is not None:
                self._half[query] = first

    def _second_opinions(self, annotator: str) -> list[ProductRef]:
        """Queries that somebody else has answered, and that a second person is to answer too."""
        return [query for query, first in self._half.items() if first != annotator and query in self._top]

    def _is_sure(self, query: ProductRef) -> bool:
        """Whether the machine claims to know the answer: the best candidate is in a firm band, high or low.

        Where the best is in `low`, all are: the claim is that nothing matches.
        """
        standing, bands = self.standing, self.settings.bands
        if standing is None:
            return band_of(self._top[query], bands.high, bands.medium) is not Band.MEDIUM
        return band_of(self._likely.get(query, 0.0), standing.high, standing.low) is not Band.MEDIUM

    def item(
        self,
        store: LabelStore,
        query: ProductRef,
        stream: Stream,
        annotator: str,
        *,
        blind: bool,
        kept: ReviewItem | None = None,
    ) -> ReviewItem:
        """A query with its options, and what was said of them.

        Args:
            store: the ledger.
            query: which.
            stream: why it is shown.
            annotator: to whom.
            blind: whether the machine's opinion is hidden.
            kept: the query as it stands on the screen already: its options' order and what the machine says of
                them stay, whatever a refit or a ruling says by now.
        """
        stream = _stream_of(store, query, stream)
        independent, always_blind = self._independence(store, query, stream, annotator)
        blind = blind or always_blind
        alone = blind or independent
        known = kept.options if kept else ()
        options = sorted((o for o in known if o.rank), key=lambda o: o.rank or 0) or self._options(query)
        options = self._with_decisions(store, query, options, stream, annotator, alone=alone)
        pairs = self._disputes.pairs(store, query) if stream is Stream.ADJUDICATION else set()
        # What is to be ruled on comes first, and stays there; the others keep their order.
        disputed = kept.disputed if kept else frozenset(pair.candidate for pair in pairs)
        options.sort(key=lambda option: option.product.ref not in disputed)
        if blind:
            order = {ref: place for place, ref in enumerate(shuffled((o.product.ref for o in options), _SHUFFLE_SEED))}
            options.sort(key=lambda option: order[option.product.ref])
        again = self._again.get(query, "") if stream is not Stream.ADJUDICATION else ""
        return ReviewItem(
            query=self.catalog.get(query) or Product(query.source, query.id, "(no longer in the catalogue)"),
            options=tuple(options),
            stream=stream,
            blind=blind,
            reason=again
            or self._reason(store, query, stream, options, blind=blind, always_blind=always_blind, kept=kept),
            always_blind=always_blind,
            alone=alone,
            answered=query not in self._again
            and (annotator in store.closers(query) if alone else store.is_closed(query) and not pairs),
            disputed=disputed,
            flagged=store.is_flagged(query),
            comments=tuple(
                (c.annotator, c.text) for c in store.comments(query) if not alone or c.annotator == annotator
            ),
        )

    def _independence(self, store: LabelStore, query: ProductRef, stream: Stream, annotator: str) -> tuple[bool, bool]:
        """Whether what others say of a query is hidden from everybody who answers it, and whether scores are, too.

        Of a query for two, scores are hidden as soon as somebody else has said something: the matcher may have learnt
        from it. Neither ends with one's own answer, which one may take back.
        """
        if stream is Stream.ADJUDICATION:
            return False, False
        if stream in {Stream.VALIDATION, Stream.AUDIT} or store.is_audited(query):
            return True, True
        if not is_for_two(query, self.settings.labels.overlap):
            return False, False
        return True, any(said.annotator not in {annotator, MACHINE} for said in store.decisions(query))

    def _with_decisions(
        self,
        store: LabelStore,
        query: ProductRef,
        options: list[Option],
        stream: Stream,
        annotator: str,
        *,
        alone: bool,
    ) -> list[Option]:
        """The options with what was said of them, and products beyond them that something was said of."""
        decisions = [each for each in store.decisions(query) if not self._is_outdated(each)]
        said = (d for d in decisions if d.annotator == annotator or stream is Stream.ADJUDICATION)
        extra = sorted({d.pair.candidate for d in said} - {option.product.ref for option in options})
        beyond = [found_by_search(product) for product in self.catalog.get_many(extra).values()]
        said_of = [option.with_decisions(decisions, annotator, alone=alone) for option in (*options, *beyond)]
        if alone or stream is not Stream.ADJUDICATION:
            return said_of
        opinions = [opinion for opinion in opinions_on(store, query) if opinion.annotator != annotator]
        return [
            replace(option, opinions=tuple(each for each in opinions if each.candidate == option.product.ref))
            for option in said_of
        ]

    def _is_outdated(self, decision: CurrentDecision) -> bool:
        """Whether it was made on another article."""
        return self._outdated is not None and decision.seq in self._outdated.decisions

    def _options(self, query: ProductRef) -> list[Option]:
        """The query's candidates as options.

        Raises:
            DamagedError: they are damaged or gone; the queue is empty until an index run has made them again.
        """
        try:
            return self._stored_options(query)
        except DamagedError:
            self.reload()
            raise

    def _stored_options(self, query: ProductRef) -> list[Option]:
        removed = self.state.removed
        return options_of(query, self.candidates, self.catalog, self.settings.bands, self.standing, self.live, removed)

    def _reason(
        self,
        store: LabelStore,
        query: ProductRef,
        stream: Stream,
        options: list[Option],
        *,
        blind: bool,
        always_blind: bool,
        kept: ReviewItem | None,
    ) -> str:
        """Why a query is shown; on the screen it keeps to the figures that stand there."""
        match stream:
            case Stream.VALIDATION:
                return "Drawn at random for the validation set; scores are hidden."
            case Stream.ADJUDICATION:
                return self._disputes.reasons(store).get(query, "Somebody has ruled on this one.")
            case Stream.AUDIT:
                return "A random check of what the machine says; scores are hidden."
            case Stream.TRIAGE:
                return self._reason_in_triage(query, options, blind=blind, always_blind=always_blind, kept=kept)

    def _reason_in_triage(
        self, query: ProductRef, options: list[Option], *, blind: bool, always_blind: bool, kept: ReviewItem | None
    ) -> str:
        if always_blind:
            return "To be answered independently: scores are hidden."
        if blind or query not in self._top:
            return "Waiting for an answer."
        if kept is not None and (kept.stream, kept.blind) == (Stream.TRIAGE, blind):
            return kept.reason
        return self._same_gtin(query, options) + self._uncertainty(query, options)

    def _same_gtin(self, query: ProductRef, options: list[Option]) -> str:
        """Which candidate carries the query's GTIN, as the beginning of a reason; empty where none does."""
        product = self.catalog.get(query)
        gtin = product.gtin if product else ""
        place = next((option.rank for option in options if gtin and option.product.gtin == gtin), None)
        return f"Same GTIN as candidate {place}. " if place else ""

    def _uncertainty(self, query: ProductRef, options: list[Option]) -> str:
        """Why the machine wants an answer, in the figures of the options as they stand on the screen."""
        standing = self.standing
        likely = [option.probability for option in options if option.probability is not None]
        if self.live is not None and (told := self.live.reasons.get(query)):
            known = self.live.probabilities.get(query, {})
            # What stands on the screen already may be of an earlier refit, or a cosine where there is no label.
            current = all(known.get(o.product.ref, o.probability) == o.probability for o in options if o.rank)
            if told == COLD or (standing is not None and current):
                return told
        if standing is not None and not standing.calibrated:
            return "Nothing is calibrated yet: likely matches and near misses come first."
        if standing is not None and likely:
            called = f"from {percent(standing.threshold)} on the machine calls it a match"
            return f"The best candidate has {percent(max(likely))}; {called}."
        top = max((o.similarity for o in options if o.similarity is not None), default=self._top[query])
        near = "near" if abs(top - self._boundary) < 0.05 else ("above" if top > self._boundary else "below")
        return f"Best similarity {top:.2f}, {near} the {self._boundary:.2f} where the machine is least sure."


def _stream_of(store: LabelStore, query: ProductRef, stream: Stream) -> Stream:
    """The stream that a query belongs to, whichever one it is reached from."""
    settling = stream is Stream.ADJUDICATION and any(label.state is not State.AGREED for label in store.labels(query))
    if store.is_validation(query) and not settling:
        return Stream.VALIDATION
    # A query of another stream is reached from validation by undo, from an earlier sitting.
    return Stream.TRIAGE if stream is Stream.VALIDATION else stream
