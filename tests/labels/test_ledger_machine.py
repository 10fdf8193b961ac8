"""A model-based test: random actions of several annotators against a reference in plain Python."""

import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from samples import c, implied, match, no_match, q, unsure

from labels.leases import Leases
from labels.model import ActionDetails, Decision, Judgement, ProductRef, Stratum, Stream, Strength, Verb
from labels.store import LabelStore
from labels.verify import verify

pytestmark = pytest.mark.slow

PEOPLE = ["ada", "bob", "eve"]
QUERIES = ["1", "2", "3"]
CANDIDATES = ["a", "b", "d"]
LEASE_S = 60.0
#: One draw a step: the choices that hypothesis remembers are limited, and two thousand steps are many.
ACTS = st.sampled_from([(who, query, candidate) for who in PEOPLE for query in QUERIES for candidate in CANDIDATES])


class Act(NamedTuple):
    """One action as the model remembers it."""

    number: int
    verb: Verb
    query: ProductRef
    judgements: list[Judgement]
    closes: bool
    stream: Stream
    id: str


class Said(NamedTuple):
    """A decision that stands, as the model knows it."""

    decision: Decision
    strength: Strength
    stream: Stream
    number: int


def opened(folder: Path) -> LabelStore:
    """The store, without waiting for the disk at every commit: a power cut is of no interest here."""
    store = LabelStore(folder / "labels.db")
    store.connection.execute("PRAGMA synchronous=OFF")
    return store


class Ledger(RuleBasedStateMachine):
    """Store and leases against lists: acts that stand, acts taken back, and who holds which query until when."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = opened(self.folder)
        self.now = 0.0
        self.claims = Leases(self.folder / "labels.db", lease_s=LEASE_S, now=lambda: self.now)
        self.acts: dict[str, list[Act]] = defaultdict(list)
        self.undone: dict[str, list[Act]] = defaultdict(list)
        self.leases: dict[str, tuple[str, float]] = {}
        self.count = self.draws = 0
        self.touched = QUERIES[0]

    def teardown(self) -> None:
        for query in QUERIES:
            self.check(query)
        self.store.close()
        self.claims.close()
        result = verify(self.folder / "labels.db")
        shutil.rmtree(self.folder)
        assert result.problems == ()

    def act(
        self, who: str, verb: Verb, query: str, judgements: list[Judgement], *, closes: bool = False,
        stream: Stream = Stream.TRIAGE,
    ) -> None:  # fmt: skip
        self.count += 1
        self.touched = query
        name = f"action {self.count}"
        if verb is Verb.IMPORT:
            self.store.record_all(who, [(q(query), judgements, closes)])
        else:
            for _ in range(2):  # a keystroke that is delivered twice is one event
                self.store.record(
                    who, verb, q(query), judgements, ActionDetails(closes=closes, stream=stream), action=name
                )
        self.acts[who].append(Act(self.count, verb, q(query), judgements, closes, stream, name))
        self.undone[who].clear()

    @rule(act=ACTS, others=st.sets(st.sampled_from(CANDIDATES)))
    def accept(self, act: tuple[str, str, str], others: set[str]) -> None:
        who, query, accepted = act
        self.act(who, Verb.ACCEPT, query, [*match(accepted), *implied(*sorted(others - {accepted}))], closes=True)

    @rule(act=ACTS)
    def edit(self, act: tuple[str, str, str]) -> None:
        who, query, candidate = act
        self.act(who, Verb.REJECT, query, no_match(candidate))

    @rule(act=ACTS)
    def abstain(self, act: tuple[str, str, str]) -> None:
        who, query, candidate = act
        self.act(who, Verb.UNSURE, query, unsure(candidate), closes=True)

    @rule(act=ACTS, same=st.booleans())
    def adjudicate(self, act: tuple[str, str, str], same: bool) -> None:
        who, query, candidate = act
        said = match(candidate) if same else no_match(candidate)
        self.act(who, Verb.ACCEPT if same else Verb.REJECT, query, said, closes=True, stream=Stream.ADJUDICATION)

    @rule(act=ACTS)
    def skip(self, act: tuple[str, str, str]) -> None:
        self.act(act[0], Verb.SKIP, act[1], [])

    @rule(act=ACTS)
    def flag(self, act: tuple[str, str, str]) -> None:
        self.act(act[0], Verb.FLAG, act[1], [])

    @rule(act=ACTS)
    def import_label(self, act: tuple[str, str, str]) -> None:
        who, query, candidate = act
        self.act(who, Verb.IMPORT, query, no_match(candidate))

    @rule(who=st.sampled_from(PEOPLE))
    def undo(self, who: str) -> None:
        mine = [act for act in self.acts[who] if act.verb is not Verb.IMPORT]
        action = self.store.undo(who)
        assert (action and (action.verb, action.query)) == ((mine[-1].verb, mine[-1].query) if mine else None)
        if mine:
            self.touched = mine[-1].query.id
            self.acts[who].remove(mine[-1])
            self.undone[who].append(mine[-1])

    @rule(who=st.sampled_from(PEOPLE))
    def redo(self, who: str) -> None:
        expected = self.undone[who].pop() if self.undone[who] else None
        action = self.store.redo(who)
        assert (action and (action.verb, action.query)) == (expected and (expected.verb, expected.query))
        if expected:
            self.touched = expected.query.id
            self.acts[who].append(expected)
            self.acts[who].sort()

    @rule(act=ACTS)
    def draw(self, act: tuple[str, str, str]) -> None:
        _, query, stratum = act
        self.draws += 1
        assert self.store.draw_audit({q(query): Stratum(stratum, 2.0)}, seed=self.count) == self.draws
        assert self.store.audit_sample(self.draws) == {q(query): Stratum(stratum, 2.0)}

    @rule(act=ACTS)
    def claim(self, act: tuple[str, str, str]) -> None:
        who, query, _ = act
        holder, until = self.leases.get(query, (who, 0.0))
        free = holder == who or until <= self.now
        assert self.claims.take(q(query), who) is free
        if free:
            self.leases[query] = (who, self.now + LEASE_S)

    @rule(who=st.sampled_from(PEOPLE))
    def give_back(self, who: str) -> None:
        self.claims.release_all(who)
        self.leases = {query: lease for query, lease in self.leases.items() if lease[0] != who}

    @rule(seconds=st.sampled_from([10.0, 59.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = opened(self.folder)

    @invariant()
    def what_was_touched_is_as_the_model_says(self) -> None:
        self.check(self.touched)

    @invariant()
    def nobody_sees_a_lease_that_has_run_out(self) -> None:
        for who in PEOPLE:
            held = {q(x): name for x, (name, until) in self.leases.items() if name != who and until > self.now}
            assert self.claims.held_by_others(who) == held

    def check(self, query: str) -> None:
        """One query: decisions, label by label, answered, flagged, put off."""
        standing = {who: [act for act in acts if act.query == q(query)] for who, acts in self.acts.items()}
        said = {(who, ref): each for who, acts in standing.items() for ref, each in _said(acts).items()}
        found = {
            (d.annotator, d.pair.candidate): (d.decision, d.strength, d.stream) for d in self.store.decisions(q(query))
        }
        assert found == {key: (each.decision, each.strength, each.stream) for key, each in said.items()}
        labels = {label.pair.candidate.id: label.match for label in self.store.labels(q(query))}
        opinions = {id_: [s for (_, ref), s in said.items() if ref == c(id_)] for id_ in CANDIDATES}
        expected = {id_: _label(several) for id_, several in opinions.items()}
        assert labels == {id_: label for id_, label in expected.items() if label != "none"}
        everything = [act for acts in standing.values() for act in acts]
        assert self.store.is_closed(q(query)) is any(act.closes for act in everything)
        assert self.store.is_flagged(q(query)) is bool(sum(act.verb is Verb.FLAG for act in everything) % 2)
        for who in PEOPLE:
            put_off = any(act.verb is Verb.SKIP for act in standing.get(who, []))
            assert (q(query) in self.store.skipped_queries(who)) is put_off


def _said(acts: list[Act]) -> dict[ProductRef, Said]:
    """What one person says of each candidate: an explicit word outlasts an implied one, else the last holds."""
    found: dict[ProductRef, Said] = {}
    for act in acts:
        for j in act.judgements:
            if j.strength is Strength.EXPLICIT or found.get(j.candidate, _NOTHING).strength is Strength.IMPLIED:
                found[j.candidate] = Said(j.decision, j.strength, act.stream, act.number)
    return found


_NOTHING = Said(Decision.UNSURE, Strength.IMPLIED, Stream.TRIAGE, 0)


def _label(opinions: list[Said]) -> bool | str | None:
    """The last ruling, else what all explicit words say, else what all say; None where they differ."""
    counted = [s for s in opinions if s.decision is not Decision.UNSURE]
    rulings = sorted((s for s in counted if s.stream is Stream.ADJUDICATION), key=lambda s: s.number)
    explicit = [s for s in counted if s.strength is Strength.EXPLICIT]
    heard = {s.decision for s in rulings[-1:] or explicit or counted}
    if not heard:
        return "none"
    return None if len(heard) > 1 else heard == {Decision.MATCH}


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=30)


def test_two_thousand_acts_deep() -> None:
    """The same machine without hypothesis at the wheel: what it may draw for one example ends after some hundred."""
    draw, machine = random.Random(0), Ledger()
    plain = [
        machine.edit,
        machine.abstain,
        machine.skip,
        machine.flag,
        machine.import_label,
        machine.claim,
        machine.draw,
    ]
    for _ in range(2000):
        act = draw.choice(PEOPLE), draw.choice(QUERIES), draw.choice(CANDIDATES)
        steps: list[Callable[[], None]] = [
            partial(machine.accept, act, {draw.choice(CANDIDATES), draw.choice(CANDIDATES)}),
            partial(machine.adjudicate, act, draw.random() < 0.5),
            partial(machine.undo, act[0]), partial(machine.undo, act[0]), partial(machine.redo, act[0]),
            partial(machine.give_back, act[0]), partial(machine.time_passes, draw.choice([10.0, 59.0, 61.0])),
            *(partial(rule, act) for rule in plain),
        ]  # fmt: skip
        draw.choice(steps)()
        machine.what_was_touched_is_as_the_model_says()
        machine.nobody_sees_a_lease_that_has_run_out()
    machine.reopen()
    for query in QUERIES:
        machine.check(query)
    # The machine asserts after every step; here, that there was something to assert.
    assert machine.count > 1000
    assert (
        sum(len(acts) for acts in machine.acts.values())
        == machine.store.connection.execute("SELECT count(*) FROM actions WHERE undone_at IS NULL").fetchone()[0]
    )
    machine.teardown()
