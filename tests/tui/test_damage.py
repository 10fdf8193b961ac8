"""Damaged candidates stop no desk: it says so, shows no query without them, and goes on when they are back."""

import io
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import pytest
from damage import TO_DATABASES, sql
from desk_bench import Bench, screen_text, settled
from samples import q

from core.errors import CatalogError, DamagedError
from core.retrieval.candidates import Candidate, CandidateStore
from labels.model import ProductRef
from labels.quarantine import damaged_copies
from tui.app import DeskApp
from tui.plain.desk import run_plain

Rows = list[tuple[ProductRef, list[Candidate]]]

#: What SQLite mends by itself.
HARMLESS = {"journal", "journal FIFO", "wal", "wal folder"}
#: What a connection notices that has read the schema already: not what is in pages that it does not read.
DAMAGES = [name for name in TO_DATABASES if name not in {*HARMLESS, "schema page", "data pages", "one page"}]


def candidates(bench: Bench) -> Rows:
    """All that there are."""
    store = CandidateStore(bench.workspace.derived)
    found = groupby(store.all(), key=lambda row: row[0])
    rows = [(query, [candidate for _, candidate in several]) for query, several in found]
    store.close()
    return rows


def write(bench: Bench, rows: Rows) -> None:
    """What an index run does."""
    store = CandidateStore(bench.workspace.derived)
    store.replace(rows, model="m", fingerprint="again")
    store.close()


@pytest.mark.parametrize("damage", TO_DATABASES)
async def test_a_desk_opens_on_damaged_candidates_and_shows_them_once_they_are_made(bench: Bench, damage: str) -> None:
    rows = candidates(bench)
    TO_DATABASES[damage](bench.workspace.derived)
    desk = bench.desk()
    desk.settle_s = 0.0
    app = DeskApp(desk, desk.notice)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        if damage not in HARMLESS:
            assert "No candidates yet" in screen_text(app)
        told = " ".join(note.message for note in app._notifications)
        assert damage in HARMLESS | {"emptied", "deleted"} or ("derived.db is damaged" in told and "Index" in told)
        write(bench, rows)
        app._tick()
        await settled(pilot)
        assert "WD My Passport" in screen_text(app)
        await pilot.press("a")
        await settled(pilot)
    assert app.return_code in (None, 0)
    assert bench.decided()["q3-c1"] == ("match", "explicit")


@pytest.mark.parametrize("damage", DAMAGES)
async def test_an_open_desk_says_that_candidates_are_damaged_and_goes_on(bench: Bench, damage: str) -> None:
    rows = candidates(bench)
    desk = bench.desk()
    desk.settle_s = 0.0
    app = DeskApp(desk)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        TO_DATABASES[damage](bench.workspace.derived)
        await pilot.press("a")
        await settled(pilot)
        assert "No candidates yet" in screen_text(app)
        told = " ".join(note.message for note in app._notifications)
        assert "derived.db" in told
        assert "Index in the menu" in told
        await pilot.press("n", "x", "enter", "z", "n")
        await settled(pilot)
        write(bench, rows)
        await pilot.press("enter")
        app._tick()
        await settled(pilot)
        assert "No candidates yet" not in screen_text(app)
    assert app.return_code in (None, 0)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_plain_desk_says_so_too_and_what_is_saved(bench: Bench, damage: str) -> None:
    desk, out = bench.desk(), io.StringIO()

    class Lines(io.StringIO):
        def __next__(self) -> str:
            line = super().__next__()
            if line == "damage\n":
                TO_DATABASES[damage](bench.workspace.derived)
                return "?\n"
            return line

    run_plain(desk, Lines("damage\na 1\n\nn\nq\n"), out)
    said = out.getvalue()
    assert "Saved." in said
    assert "derived.db" in said
    assert "samesku index" in said
    assert said.rstrip().endswith("Everything you decided is saved.")
    assert bench.decided()["q3-c1"] == ("match", "explicit")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE candidates SET similarity = 'x'", "UPDATE candidates SET rank = -rank",
        "UPDATE candidates SET probability = 7", "UPDATE runs SET model = x'00'",
        "UPDATE candidates SET candidate_id = x'ff'", "INSERT INTO standing VALUES (1, 'x', 'y', 'z', 3, 1)",
    ],
)  # fmt: skip
def test_values_that_cannot_be_are_no_fault_of_the_desk(bench: Bench, statement: str) -> None:
    sql(bench.workspace.derived, statement)
    desk = bench.desk()
    with suppress(DamagedError):
        desk.review.advance()
    assert desk.review.item is None
    assert desk.review.advance() is None


def test_no_query_is_shown_without_its_candidates(bench: Bench) -> None:
    desk = bench.desk()
    bench.workspace.derived.unlink()
    with pytest.raises(Exception, match="are gone"):
        desk.review.advance()
    assert desk.review.item is None
    assert desk.review.advance() is None


def test_a_desk_follows_a_file_that_another_desk_has_set_aside(bench: Bench) -> None:
    one, other = bench.desk("ada"), bench.desk("bob")
    rows = candidates(bench)
    TO_DATABASES["every tenth byte"](bench.workspace.derived)
    with pytest.raises(Exception, match="damaged"):
        one.review.advance()
    write(bench, rows)
    one.settle_s = other.settle_s = 0.0
    assert one.reload_candidates()
    assert other.reload_candidates()
    assert one.review.item is not None
    assert other.review.item is not None
    assert one.review.item.query.ref != other.review.item.query.ref
    assert len(damaged_copies(bench.workspace.derived)) == 1


@pytest.mark.parametrize("damage", ["half", "emptied", "FIFO", "text", "other database"])
def test_a_desk_does_not_open_on_a_damaged_catalogue_and_says_why(bench: Bench, damage: str) -> None:
    TO_DATABASES[damage](bench.workspace.catalog)
    with pytest.raises(CatalogError) as caught:
        bench.desk()
    assert "no label is lost" in caught.value.hint


def test_a_damaged_catalogue_under_an_open_desk_is_one_sentence(bench: Bench) -> None:
    desk = bench.desk()
    desk.review.advance()
    Path(bench.workspace.catalog).write_bytes(b"no database at all" * 5000)
    with pytest.raises(Exception, match="damaged") as caught:
        desk.search("canon")
    assert "no label is lost" in str(getattr(caught.value, "hint", ""))
    assert q("q3") in desk.source._top
