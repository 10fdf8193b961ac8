"""Adjudication: each annotator's label with its circumstances, the comments and the reason of the dispute."""

import io

import pytest
from desk_bench import Bench, screen_text, settled
from samples import c, implied, match, no_match, q
from textual.pilot import Pilot

from labels.model import ActionDetails, Decision, Judgement, ShownScores, Stream, Verb
from tui.plain.desk import run_plain

SIZES = [(80, 24), (120, 36)]


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def write_dispute(bench: Bench) -> None:
    """Jo accepted the first, Ann the third candidate of q2; both say why."""
    with bench.store() as store:
        first = Judgement(c("q2-c1"), Decision.MATCH, shown=ShownScores(1, 0.92, 0.83, "m"))
        store.record(
            "jo", Verb.ACCEPT, q("q2"), [first, *implied("q2-c2", "q2-c3")], ActionDetails(closes=True, look_ms=14_000)
        )
        rejected = Judgement(c("q2-c1"), Decision.NO_MATCH, shown=ShownScores(1, 0.92, 0.79, "m"))
        store.record("ann.smith", Verb.REJECT, q("q2"), [rejected], ActionDetails(blind=True, look_ms=41_000))
        store.record(
            "ann.smith", Verb.ACCEPT, q("q2"), [*match("q2-c3"), *implied("q2-c4")], ActionDetails(closes=True)
        )
        store.record(
            "jo", Verb.COMMENT, q("q2"), details=ActionDetails(text="The model number differs in its ending [/] only.")
        )
        store.record(
            "ann.smith", Verb.COMMENT, q("q2"), details=ActionDetails(text="Renewed is what the picture shows.")
        )


@pytest.mark.parametrize("size", SIZES)
async def test_opinions_are_shown_in_columns_and_in_full(bench: Bench, size: tuple[int, int]) -> None:
    write_dispute(bench)
    app = bench.app("lea", Stream.ADJUDICATION)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        lines = screen_text(app).splitlines()
        names = next(line for line in lines if "Annotators disagree" in line)
        first = next(line for line in lines if line.startswith("▌1"))
        jo, ann = names.index("jo"), names.index("ann.smith")
        assert "✓" in first[jo - 1 : jo + 3]
        assert "✗" in first[ann : ann + 10]
        third = next(line for line in lines if line.startswith(" 3"))
        assert "×" in third[jo - 1 : jo + 3]
        assert "✓" in third[ann : ann + 10]
        text = " ".join(screen_text(app).replace("▏", " ").split())
        for part in ("✓ jo match", "triage, 14 s score: 83%",
                     "✗ ann.smith no match", "triage, blind, 41 s score: 79%",
                     "jo The model number differs in its", "ann.smith Renewed is what the picture"):  # fmt: skip
            assert part in text, part


async def test_names_stay_above_their_columns_when_only_the_list_gets_another_width(bench: Bench) -> None:
    write_dispute(bench)
    app = bench.app("lea", Stream.ADJUDICATION)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.review.candidates.styles.width = 54
        await settled(pilot)
        lines = screen_text(app).splitlines()
        names = next(line for line in lines if line.startswith(" Annotators disagree"))
        first = next(line for line in lines if line.startswith("▌1"))
        assert "✓" in first[names.index("jo") - 1 : names.index("jo") + 3]


@pytest.mark.parametrize("size", SIZES)
async def test_the_usual_keys_adjudicate_and_nothing_moves(bench: Bench, size: tuple[int, int]) -> None:
    write_dispute(bench)
    with bench.store() as store:
        store.record("jo", Verb.ACCEPT, q("q2"), match("q2-c5"))
        store.record("ann.smith", Verb.REJECT, q("q2"), no_match("q2-c5"))
    app = bench.app("lea", Stream.ADJUDICATION)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        before = [option.product.id for option in app.review.candidates.options]
        assert before[:3] == ["q2-c1", "q2-c5", "q2-c2"]
        await press(pilot, "x", "x")
        assert [option.product.id for option in app.review.candidates.options] == before
        assert app.review.candidates.highlighted == 2
        await press(pilot, "down", "a")
        assert "Nothing to adjudicate" in screen_text(app)
    with bench.store() as store:
        labels = {label.pair.candidate.id: label for label in store.labels(q("q2"))}
    assert (labels["q2-c1"].match, labels["q2-c3"].match) == (False, True)
    assert labels["q2-c1"].state.value == labels["q2-c3"].state.value == "adjudicated"


async def test_more_people_than_there_is_room_for_are_counted(bench: Bench) -> None:
    write_dispute(bench)
    with bench.store() as store:
        for name in ("maximilian.of.a.long.name", "bartholomew.of.another", "eve", "ian"):
            store.record(name, Verb.ACCEPT, q("q2"), match("q2-c1"), ActionDetails(closes=True))
    app = bench.app("lea", Stream.ADJUDICATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "jo  ann.smith  maximilia…  +3" in text
        assert "maximilian.of.a.lon…  match" in text


async def test_a_long_reason_is_shown_in_full(bench: Bench) -> None:
    with bench.store() as store:
        store.record("jo", Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))
        store.record("jo", Verb.ACCEPT, q("q2"), match("q1-c1", "q2-c1"), ActionDetails(closes=True))
        store.record("jo", Verb.REJECT, q("q1"), [Judgement(c("q2-c1"), Decision.NO_MATCH)])
    app = bench.app("lea", Stream.ADJUDICATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = " ".join(screen_text(app).split())
        assert "! walmart q1 = amazon q1-c1 = walmart q2 = amazon q2-c1; yet walmart q1 ≠ amazon q2-c1." in text


async def test_blind_adjudication_shows_neither_opinions_nor_comments(bench: Bench) -> None:
    write_dispute(bench)
    app = bench.app("lea", Stream.ADJUDICATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "b")
        text = screen_text(app)
        for hidden in ("ann.smith", "jo ", "Renewed is what"):
            assert hidden not in text, hidden
        await press(pilot, "b")
        assert "ann.smith" in screen_text(app)


async def test_a_party_is_not_offered_its_dispute_and_two_leads_get_different_ones(bench: Bench) -> None:
    write_dispute(bench)
    lea = bench.desk("lea", Stream.ADJUDICATION)
    lea.review.advance()
    assert bench.desk("jo", Stream.ADJUDICATION).review.advance() is None
    app = bench.app("max", Stream.ADJUDICATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "1 query is on the screen of lea." in screen_text(app)


def test_the_plain_desk_prints_the_opinions(bench: Bench) -> None:
    write_dispute(bench)
    desk, out = bench.desk("lea", Stream.ADJUDICATION), io.StringIO()
    run_plain(desk, io.StringIO("q\n"), out)
    said = out.getvalue()
    assert "   jo: match (" in said
    assert "triage, 14 s, score then: 83%)" in said
    assert "   ann.smith: no match (" in said
    assert "Comment by jo: The model number differs" in said


async def test_a_desk_with_nothing_to_adjudicate_names_its_stream(bench: Bench) -> None:
    app = bench.app("lea", Stream.ADJUDICATION)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "ADJUDICATION" in text
        assert "Nothing to adjudicate" in text
    out = io.StringIO()
    run_plain(bench.desk("max", Stream.ADJUDICATION), io.StringIO("q\n"), out)
    said = out.getvalue()
    assert "This is the adjudication stream. Nothing to adjudicate. There are no disagreements" in said
    assert "S triage goes on with the triage stream (7 open queries)." in said
    assert "S validation goes on with the validation stream (1 open query)." in said
