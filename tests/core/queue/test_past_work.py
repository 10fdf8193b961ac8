"""Search of past work: rows, words, and what is hidden."""

from collections.abc import Iterator

import pytest
from samples import implied, match, no_match, q, unsure

from core.catalog.store import CatalogStore
from core.queue import past_work
from core.queue.past_work import Outcome, PastFinder, PastPage, Scope, folded
from core.workspace import Workspace
from labels.model import ActionDetails, Stream, Verb
from labels.store import LabelStore


@pytest.fixture
def store(workspace: Workspace) -> Iterator[LabelStore]:
    with LabelStore(workspace.labels) as opened:
        yield opened


@pytest.fixture
def finder(workspace: Workspace, store: LabelStore) -> Iterator[PastFinder]:
    with CatalogStore(workspace.catalog) as catalog:
        yield PastFinder(store, catalog, "ada")


@pytest.fixture
def worked(store: LabelStore) -> None:
    """Ada accepted q1-c2, rejected all of q2, was unsure of q3 and put q4 off; bob answered q4."""
    store.record("ada", Verb.ACCEPT, q("q1"), [*match("q1-c2"), *implied("q1-c1", "q1-c3")], ActionDetails(closes=True))
    store.record("ada", Verb.NONE, q("q2"), no_match("q2-c1", "q2-c2", "q2-c3"), ActionDetails(closes=True))
    store.record("ada", Verb.UNSURE, q("q3"), unsure("q3-c1"), ActionDetails(closes=True))
    store.record("ada", Verb.SKIP, q("q4"))
    store.record("bob", Verb.ACCEPT, q("q4"), match("q4-c1"), ActionDetails(closes=True))


def ids(page: PastPage) -> list[str]:
    return [row.query.id for row in page.rows]


def found(finder: PastFinder, text: str, scope: Scope = Scope.OWN) -> list[str]:
    return ids(finder.page(scope, text))


def note(store: LabelStore, who: str, query: str, text: str) -> None:
    store.record(who, Verb.COMMENT, q(query), details=ActionDetails(text=text))


# -- own queries ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("worked")
def test_every_query_stands_once_by_its_latest_act(finder: PastFinder, store: LabelStore) -> None:
    page = finder.page(Scope.OWN)
    assert [(row.query.id, row.outcome, row.accepted) for row in page.rows] == [
        ("q4", Outcome.SKIPPED, ()),
        ("q3", Outcome.UNSURE, ()),
        ("q2", Outcome.NONE, ()),
        ("q1", Outcome.MATCH, ("Canon EOS Rebel T6 DSLR Camera (Renewed)",)),
    ]
    store.record("ada", Verb.REJECT, q("q1"), no_match("q1-c2"))
    store.record("ada", Verb.REJECT, q("q4"), no_match("q4-c2"))
    rows = finder.page(Scope.OWN).rows
    assert [(row.query.id, row.outcome) for row in rows[:2]] == [("q4", Outcome.OPEN), ("q1", Outcome.NONE)]
    assert len(rows) == 4


@pytest.mark.usefixtures("worked")
def test_what_was_taken_back_is_no_past_work(finder: PastFinder, store: LabelStore) -> None:
    for _ in range(3):
        store.undo("ada")
    assert found(finder, "") == ["q1"]
    store.redo("ada")
    assert found(finder, "") == ["q2", "q1"]


@pytest.mark.usefixtures("worked")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("canon", ["q1"]),
        ("CÁNON reb", ["q1"]),
        ("renewed", ["q1"]),
        ("q1-c2", ["q1"]),
        ("q1-c1", []),
        ("q", ["q4", "q3", "q2", "q1"]),
        ("match", ["q1"]),
        ("mat cam", ["q1"]),
        ("match samsung", []),
        ("unsure", ["q3"]),
        ("none", ["q2"]),
        ("skipped", ["q4"]),
        ("triage", ["q4", "q3", "q2", "q1"]),
        ("open", []),
        ("zebra", []),
        ("  [/] ( ", ["q4", "q3", "q2", "q1"]),
        ("electronics", []),
    ],
)
@pytest.mark.parametrize("few", [10_000, 0])
def test_words_are_found_wherever_they_stand(
    finder: PastFinder, monkeypatch: pytest.MonkeyPatch, few: int, text: str, expected: list[str]
) -> None:
    # With no rare words, rows are found by scanning the list.
    monkeypatch.setattr(past_work, "_MAX_LOOKUPS", few)
    assert found(finder, text) == expected


@pytest.mark.usefixtures("worked")
def test_comments_and_flags_are_found(finder: PastFinder, store: LabelStore) -> None:
    note(store, "bob", "q2", "the 55-inch one, façade")
    store.record("bob", Verb.FLAG, q("q3"))
    assert found(finder, "facade") == ["q2"]
    assert found(finder, "commented") == ["q2"]
    assert found(finder, "flag") == ["q3"]
    assert found(finder, "flagged bob") == ["q3"]
    store.undo("bob")
    assert found(finder, "flagged") == []


@pytest.mark.usefixtures("worked")
def test_pages_follow_one_another_without_gap_or_double(finder: PastFinder) -> None:
    for text in ("", "q", "triage"):
        page = finder.page(Scope.OWN, text, limit=3)
        seen = ids(page)
        while page.next is not None:
            page = finder.page(Scope.OWN, text, before=page.next, limit=1)
            seen += ids(page)
        assert seen == ["q4", "q3", "q2", "q1"], text


def test_a_search_that_nobody_waits_for_is_given_up(finder: PastFinder, store: LabelStore) -> None:
    for number in range(200):
        store.record("ada", Verb.SKIP, q(str(number)))
    asked = []
    page = finder.page(Scope.OWN, "match", wanted=lambda: bool(asked.append(None)))
    assert (len(asked), page.rows, page.next is not None) == (1, (), True)


@pytest.mark.usefixtures("worked")
def test_a_long_search_may_be_gone_on_with(
    finder: PastFinder, store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_work, "_MAX_READ", 100)
    for number in range(200):
        store.record("ada", Verb.SKIP, q(str(number)))
    page = finder.page(Scope.OWN, "match")
    assert page.rows == ()
    assert ids(finder.page(Scope.OWN, "match", before=page.next)) == ["q1"]


def test_a_product_that_left_the_catalogue_goes_by_its_id(finder: PastFinder, store: LabelStore) -> None:
    store.record("ada", Verb.ACCEPT, q("gone"), match("away"), ActionDetails(closes=True))
    (row,) = finder.page(Scope.OWN).rows
    assert (row.title, row.accepted) == ("", ("amazon away",))


def test_words_are_folded_as_the_full_text_index_does() -> None:
    assert folded('Ünïted  55" (EN-EL14)') == " united 55 en el14"


# -- flagged and commented queries ---------------------------------------------------------------------------


@pytest.mark.usefixtures("worked")
def test_flagged_and_commented_queries_of_everybody(finder: PastFinder, store: LabelStore) -> None:
    note(store, "ada", "q1", "first")
    store.record("bob", Verb.FLAG, q("q2"))
    note(store, "bob", "q3", "second")
    store.record("eve", Verb.FLAG, q("q4"))
    store.record("eve", Verb.FLAG, q("q4"))
    rows = finder.page(Scope.NOTED).rows
    assert [row.query.id for row in rows] == ["q3", "q2", "q1"]
    assert [(row.past.flag and row.past.flag.annotator, [n.text for n in row.past.comments]) for row in rows] == [
        (None, ["second"]), ("bob", []), (None, ["first"]),
    ]  # fmt: skip
    assert rows[1].outcome is Outcome.NONE
    assert found(finder, "flagged", Scope.NOTED) == ["q2"]
    assert found(finder, "second", Scope.NOTED) == ["q3"]
    store.record("ada", Verb.FLAG, q("q2"))
    assert found(finder, "", Scope.NOTED) == ["q3", "q1"]


def test_notes_on_validation_are_hidden_from_all_but_their_author_and_leads(
    finder: PastFinder, store: LabelStore, workspace: Workspace
) -> None:
    store.record("ada", Verb.ACCEPT, q("qv"), match("qv-c1"), ActionDetails(stream=Stream.VALIDATION, closes=True))
    note(store, "bob", "qv", "the same, surely")
    store.record("bob", Verb.FLAG, q("qv"))
    assert found(finder, "", Scope.NOTED) == []
    (row,) = finder.page(Scope.OWN).rows
    assert (row.past.comments, row.past.flag is not None) == ((), True)
    assert found(finder, "surely") == []
    note(store, "ada", "qv", "mine")
    (row,) = finder.page(Scope.NOTED).rows
    assert ([n.text for n in row.past.comments], row.past.flag) == (["mine"], None)
    with CatalogStore(workspace.catalog) as catalog:
        lead = PastFinder(store, catalog, "lea", lead=True)
        assert found(lead, "surely flagged", Scope.NOTED) == ["qv"]


def test_notes_on_a_query_for_two_are_hidden_from_the_second(finder: PastFinder, store: LabelStore) -> None:
    store.record("bob", Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))
    note(store, "bob", "q1", "the same")
    for_two = PastFinder(store, finder.catalog, "ada", overlap=1.0)
    assert found(for_two, "", Scope.NOTED) == []
    store.record("ada", Verb.NONE, q("q1"), no_match("q1-c1"), ActionDetails(closes=True))
    assert found(for_two, "", Scope.NOTED) == ["q1"]
