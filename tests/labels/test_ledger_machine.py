"""Any order of acts by two people gives what a few lines of plain Python say it should."""

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from samples import implied, match, no_match, q, unsure

from labels.model import Judgement, ProductRef, Strength, Verb
from labels.store import LabelStore
from labels.verify import verify

ANNOTATORS = st.sampled_from(["ada", "bob"])
QUERIES = st.sampled_from(["1", "2"])
CANDIDATES = st.sampled_from(["a", "b", "d"])


class Act(NamedTuple):
    """One action as the model remembers it."""

    number: int
    verb: Verb
    query: ProductRef
    judgements: list[Judgement]
    closes: bool


def opened(folder: Path) -> LabelStore:
    """The store, without waiting for the disk at every commit: a power cut is of no interest here."""
    store = LabelStore(folder / "labels.db")
    store.connection.execute("PRAGMA synchronous=OFF")
    return store


class Ledger(RuleBasedStateMachine):
    """The store against lists: acts that stand, and acts that were taken back, by annotator."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = opened(self.folder)
        self.acts: dict[str, list[Act]] = {"ada": [], "bob": []}
        self.undone: dict[str, list[Act]] = {"ada": [], "bob": []}
        self.count = 0

    def teardown(self) -> None:
        self.store.close()
        result = verify(self.folder / "labels.db")
        shutil.rmtree(self.folder)
        assert result.problems == ()

    def act(self, who: str, verb: Verb, query: str, judgements: list[Judgement], *, closes: bool = False) -> None:
        self.count += 1
        if verb is Verb.IMPORT:
            self.store.record_all(who, [(q(query), judgements, closes)])
        else:
            self.store.record(who, verb, q(query), judgements, closes=closes)
        self.acts[who].append(Act(self.count, verb, q(query), judgements, closes))
        self.undone[who].clear()

    @rule(who=ANNOTATORS, query=QUERIES, accepted=CANDIDATES, others=st.sets(CANDIDATES))
    def accept(self, who: str, query: str, accepted: str, others: set[str]) -> None:
        self.act(who, Verb.ACCEPT, query, [*match(accepted), *implied(*sorted(others - {accepted}))], closes=True)

    @rule(who=ANNOTATORS, query=QUERIES, candidate=CANDIDATES)
    def reject(self, who: str, query: str, candidate: str) -> None:
        self.act(who, Verb.REJECT, query, no_match(candidate))

    @rule(who=ANNOTATORS, query=QUERIES, candidate=CANDIDATES)
    def abstain(self, who: str, query: str, candidate: str) -> None:
        self.act(who, Verb.UNSURE, query, unsure(candidate), closes=True)

    @rule(who=ANNOTATORS, query=QUERIES)
    def skip(self, who: str, query: str) -> None:
        self.act(who, Verb.SKIP, query, [])

    @rule(who=ANNOTATORS, query=QUERIES, candidate=CANDIDATES)
    def import_label(self, who: str, query: str, candidate: str) -> None:
        self.act(who, Verb.IMPORT, query, no_match(candidate))

    @rule(who=ANNOTATORS)
    def undo(self, who: str) -> None:
        mine = [act for act in self.acts[who] if act.verb is not Verb.IMPORT]
        action = self.store.undo(who)
        assert (action and (action.verb, action.query)) == ((mine[-1].verb, mine[-1].query) if mine else None)
        if mine:
            self.acts[who].remove(mine[-1])
            self.undone[who].append(mine[-1])

    @rule(who=ANNOTATORS)
    def redo(self, who: str) -> None:
        expected = self.undone[who].pop() if self.undone[who] else None
        action = self.store.redo(who)
        assert (action and (action.verb, action.query)) == (expected and (expected.verb, expected.query))
        if expected:
            self.acts[who].append(expected)
            self.acts[who].sort()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = opened(self.folder)

    @invariant()
    def decisions_are_those_of_the_model(self) -> None:
        found = {(d.annotator, d.pair): (d.decision, d.strength) for d in self.store.decisions()}
        expected = {}
        for who, acts in self.acts.items():
            said = [(act.query, judgement) for act in acts for judgement in act.judgements]
            # The implied ones first, so that an explicit one of any time comes later and holds.
            for query, judgement in sorted(said, key=lambda entry: entry[1].strength is Strength.EXPLICIT):
                expected[who, (query, judgement.candidate)] = (judgement.decision, judgement.strength)
        assert found == expected

    @invariant()
    def answered_and_skipped_queries_are_those_of_the_model(self) -> None:
        assert self.store.closed_queries() == {a.query for acts in self.acts.values() for a in acts if a.closes}
        for who, acts in self.acts.items():
            assert self.store.skipped_queries(who) == {act.query for act in acts if act.verb is Verb.SKIP}


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=30)
