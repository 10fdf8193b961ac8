"""The desk as lines of text."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from desk_bench import Bench, candidate_products, query_products
from desk_judge import FakeJudge, verdict
from samples import q
from spoilt import SPOILT

from core.catalog.store import CatalogStore
from core.judge.verdict import Answer
from labels.errors import LabelsError
from labels.model import ActionDetails, Stream, Verb
from tui.plain.desk import LineWriter, PlainDesk, run_plain


def talk(bench: Bench, *lines: str, stream: Stream = Stream.TRIAGE, judge: FakeJudge | None = None) -> str:
    """What the plain desk answers to these lines."""
    desk, out = bench.desk(stream=stream), io.StringIO()
    if judge is not None:
        desk.judge = judge  # type: ignore[misc]
    run_plain(desk, io.StringIO("".join(line + "\n" for line in lines)), out)
    desk.close()
    return out.getvalue()


def test_query_and_candidates_are_read_out(bench: Bench) -> None:
    said = talk(bench)
    assert "triage: 0 of 7 done, 7 left, 0 this session." in said
    assert (
        "Query: WD My Passport 1TB Portable External Hard Drive, Black; WD; WDBYNN0010BBK; 54.99 (walmart q3)" in said
    )
    assert "2. similarity 0.79 medium, WD My Passport" in said
    assert "\n10. " in said


def test_accept_rejects_the_others_implied(bench: Bench) -> None:
    assert "Saved." in talk(bench, "a 2", "q")
    decided = bench.decided()
    assert decided.pop("q3-c2") == ("match", "explicit")
    assert len(decided) == 9
    assert set(decided.values()) == {("no_match", "implied")}


def test_stay_then_enter_goes_on(bench: Bench) -> None:
    said = talk(bench, "A 1", "", "q")
    assert said.count("Query") == 2
    assert "(walmart q8)" in said


def test_reject_none_unsure_and_skip(bench: Bench) -> None:
    talk(bench, "x 3", "s", "u 1", "n", "q")
    decided = bench.decided()
    assert decided.pop("q3-c3") == ("no_match", "explicit")
    assert decided.pop("q8-c1") == ("unsure", "explicit")
    assert len(decided) == 10
    assert set(decided.values()) == {("no_match", "explicit")}


def test_undo_and_redo(bench: Bench) -> None:
    said = talk(bench, "n", "z", "z", "Z", "Z", "q")
    assert "There is nothing to undo." in said
    assert "There is nothing to redo." in said
    assert len(bench.decided()) == 10


def test_a_found_product_can_be_accepted(bench: Bench) -> None:
    said = talk(bench, "a /1", "/ nikon", "a /2", "q")
    assert "Search first" in said
    assert "/2. Nikon D5600 Digital SLR Camera" in said
    assert bench.decided()["x3"] == ("match", "explicit")


def test_a_product_is_found_by_its_gtin_in_any_form_and_by_its_id(bench: Bench) -> None:
    with CatalogStore(bench.workspace.catalog) as catalog:
        products = [replace(p, upc="0036000291452" if p.id == "x3" else "") for p in candidate_products()]
        catalog.replace("amazon", "catalog", products)
    for words in ("036000291452", "00036000291452", "0 36000 29145 2", "x3", "X3"):
        assert "/1. Nikon D5600 Digital SLR Camera" in talk(bench, f"/ {words}", "q"), words


def test_unusable_trade_item_numbers_are_reported(bench: Bench) -> None:
    with CatalogStore(bench.workspace.catalog) as catalog:
        for source, role, products in (
            ("walmart", "query", query_products()), ("amazon", "catalog", candidate_products()),
        ):  # fmt: skip
            catalog.replace(source, role, [replace(p, upc="999999999999") for p in products])
    assert "upc is not comparable: 999999999999; 999999999999 (placeholder)" in talk(bench, "d 1", "q")


def test_comments_flags_details_and_help(bench: Bench) -> None:
    said = talk(bench, "c look [/] again", "f", "p", "d 3", "d", "?", "q")
    assert "Comment by ada: look [/] again" in said
    assert "Query (flagged)" in said
    assert "model is longer on one side: WDBYNN0010BBK; WDBYNN0010BBK3" in said
    assert "none of these" in said


def test_the_judge_is_asked_and_its_known_verdicts_are_listed(bench: Bench) -> None:
    judge = FakeJudge()
    judge.before = {"q3-c4": verdict(Answer.MATCH, 0.94), "q3-c5": verdict(None, None)}
    said = talk(bench, "v 2", "v", "v 11", "q", judge=judge)
    assert judge.asked == ["q3-c2"]
    assert "- the query lacks '2-Year', 'Warranty'" in said
    assert "The judge says: no match, 12% that it is the same product. On 205 pairs" in said
    assert "\n4: match, 94% that it is the same product\n5: no verdict\n" in said
    assert "Which candidate? Give a number from 1 to 10." in said
    assert "has no verdicts on these candidates yet" in talk(bench, "v", "q", judge=FakeJudge())
    assert "There is no judge yet" in talk(bench, "v 2", "q")


def test_the_judge_is_not_available_in_blind_mode(bench: Bench) -> None:
    judge = FakeJudge()
    assert "The judge is not available" in talk(bench, "v 1", "v", "q", stream=Stream.VALIDATION, judge=judge)
    assert judge.asked == []


def test_invalid_lines_decide_nothing(bench: Bench) -> None:
    said = talk(bench, "a", "a 11", "x zero", "a -1", "w", "y", "yes", "", "c", "/")
    assert said.count("Which candidate? Give a number from 1 to 10.") == 5
    assert "“y” is not a key" not in said
    assert "“yes” is not a key here; ? lists the keys." in said
    assert bench.decided() == {}


def test_validation_prints_no_scores_and_no_others(bench: Bench) -> None:
    said = talk(bench, "x 1", "p", "q", stream=Stream.VALIDATION)
    assert "validation, blind: 0 of 1 done" in said
    assert not re.search(r"(?<!\d)0\.\d\d", said)
    for hidden in ("similarity", "medium", "MiniLM"):
        assert hidden not in said


def test_the_end_lists_next_steps(bench: Bench) -> None:
    said = talk(bench, *["n"] * 7)
    assert "The triage stream is finished. 7 queries are answered, 7 of them by you in this session." in said
    assert "S validation goes on with the validation stream (1 open query)." in said
    assert "z undoes your last answer" in said


@pytest.mark.parametrize(
    "line", ["", "a 1", "A 1", "x 1", "n", "u 1", "s", "d", "d 1", "w 1", "h", "f", "c hm", "y", "v", "p"]
)
def test_no_command_is_a_dead_end_in_a_finished_stream(bench: Bench, line: str) -> None:
    """Also at the start, when one resumes where nothing is left."""
    talk(bench, "n", stream=Stream.VALIDATION)
    said = talk(bench, line, stream=Stream.VALIDATION).split("\n\n")[1:]
    assert len(said) == 2
    for part in said:
        assert part.startswith("The validation stream is finished. 1 query is answered.")
        assert "S triage goes on with the triage stream (7 open queries)." in part
        assert "q quits." in part


def test_before_the_first_index_run_it_names_that(bench: Bench) -> None:
    bench.workspace.derived.unlink()
    said = talk(bench, "n")
    assert said.count("No candidates yet. The products are imported, but their candidates have not been") == 2
    assert "`samesku index` computes them" in said


def test_a_workspace_where_all_is_answered_says_so(bench: Bench) -> None:
    talk(bench, "n", stream=Stream.VALIDATION)
    said = talk(bench, *["n"] * 7)
    assert "No other stream has an open query. `samesku retrain` trains the models on the labels." in said


def test_a_failure_is_reported_and_the_query_stays(bench: Bench) -> None:
    desk, out = bench.desk(), io.StringIO()

    def refuse(*_: object, **__: object) -> str:
        raise LabelsError("The disk is full.", "Free some space.")

    desk.store.record = refuse  # type: ignore[method-assign]
    run_plain(desk, io.StringIO("n\nd\n"), out)
    assert "The disk is full. Free some space." in out.getvalue()
    assert out.getvalue().rstrip().endswith("condition: new\nEverything you decided is saved.")


def test_hostile_text_is_inert(bench: Bench) -> None:
    bench.desk("gr\x1b[2Jace").review.advance()
    said = talk(bench, "c \x1b]52;c;aGk=\x07 \u202ex", "p")
    assert "Comment by ada: ␛]52;c;aGk=␇ �x" in said
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", said)


def test_past_work_is_listed_opened_and_revised(bench: Bench) -> None:
    said = talk(bench, "o", "o /1", "a 2", "n", "o passport", "o /2", "o /1", "x 2", "", "o zebra", "q")
    assert "No entry has all of these words." in said
    assert "List them first" in said
    assert "; WD My Passport 1TB Portable External Hard Drive, Black (walmart q3)" in said
    assert "match: WD My Passport 1TB Portable External Hard Drive, Black (Renewed)" in said
    assert "Query (looked up, answered): WD My Passport" in said
    assert "Enter alone returns to the query that you left." in said
    assert said.count("(walmart q1)") == 2
    assert bench.decided()["q3-c2"] == ("no_match", "explicit")


def test_flags_and_comments_of_all_are_listed(bench: Bench) -> None:
    with bench.store() as store:
        store.record("bob", Verb.FLAG, q("q1"))
        store.record("bob", Verb.COMMENT, q("q1"), details=ActionDetails(text="which kit"))
    said = talk(bench, "F", "F /1", "q")
    assert "flagged by bob; bob wrote: which kit" in said
    assert "Query (looked up, flagged): Canon EOS Rebel T6" in said


def test_the_trail_says_what_z_undoes(bench: Bench) -> None:
    said = talk(bench, "t", "n", "s", "z", "t", "q")
    assert "There is nothing to undo yet." in said
    assert "Undone: skip for “TP-LINK AC1750 Archer C7 Dual B…”. Z redoes it." in said
    assert "skip for TP-LINK AC1750 Archer C7 Dual Band Wi-Fi Gigabit Router (walmart q8), undone" in said
    assert "z undoes /2; o /2 shows its query." in said


def test_a_query_that_another_annotator_took_is_not_decided(bench: Bench) -> None:
    desk, out = bench.desk(), io.StringIO()
    plain = PlainDesk(desk, LineWriter(out))
    desk.review.advance()
    desk.leases.release_all("ada")  # as when the lease has run out
    assert bench.desk("bob").review.advance() is not None
    plain.run_line("n")
    assert "Another annotator has taken that query" in out.getvalue()
    assert "(walmart q8)" in out.getvalue()
    assert bench.decided() == {}


def test_a_candidate_is_compared_field_by_field(bench: Bench) -> None:
    said = talk(bench, "d 3", "3", "d", "d x", "q")
    assert said.count("Only in the candidate's title: 2-Year; Warranty") == 2
    assert "brand is the same: WD\n" in said
    assert "price differs: 54.99; 57.74 (+5%)" in said
    assert "upc only in the candidate" not in said
    assert "walmart q3: WD My Passport" in said
    assert "Which candidate? Give a number from 1 to 10." in said


def test_a_pair_is_copied_to_a_file(bench: Bench) -> None:
    said = talk(bench, "y 2", "q")
    (file,) = bench.workspace.reports.glob("clipboard-ada-*.txt")
    assert f"Copied to {file.name} in the workspace's reports." in said
    assert file.read_text().splitlines()[1].startswith("amazon q3-c2\t")


def test_a_copy_is_not_written_through_a_link(bench: Bench, tmp_path: Path) -> None:
    talk(bench, "y 2", "q")
    (file,) = bench.workspace.reports.glob("clipboard-ada-*.txt")
    file.unlink()
    private = tmp_path / "private.txt"
    private.write_text("mine")
    file.symlink_to(private)
    talk(bench, "y 2", "q")
    assert private.read_text() == "mine"
    assert not file.is_symlink()


def test_enter_on_an_open_query_lists_the_options(bench: Bench) -> None:
    said = talk(bench, "", "p", "q")
    assert "Not answered yet: s skips it, n rejects all listed candidates, p prints it again." in said
    assert said.count("Query: WD") == 2


def test_the_basis_of_the_bands_is_printed_once(bench: Bench) -> None:
    said = talk(bench, "n", "n", "b", "b", "q")
    assert said.count("The bands are based on: cosine bands (uncalibrated)") == 1
    assert said.count("The bands are based on: cosine bands, one class so far") == 1
    assert "labels are of one class, no match: the matcher needs at least one match" in said


def test_blind_mode_is_printed_and_validation_stays_blind(bench: Bench) -> None:
    said = talk(bench, "b", "S validation", "b", "q")
    assert "triage, blind: 0 of 7 done" in said
    assert "Validation queries are always shown blind." in said


def test_practice_is_offered_once_and_leaves_no_trace(bench: Bench) -> None:
    said = talk(bench, "P", "d 1", "x 1", "z", "a 1", "", "S", "u 2", "q", "q")
    assert "New here? P offers three practice queries, and g shows" in said
    assert "practice: query 1 of 3." in said
    assert "d 1 compares the first, a 1 accepts it." in said
    assert "model is the same: KT-204; KT204" in said
    assert "Right. KT-204 equals KT204" in said
    assert "practice: query 2 of 3." in said
    assert "Not available in the practice; q leaves it." in said
    assert said.count("Query: WD My Passport") == 2
    assert bench.decided() == {}
    talk(bench, "n", "q")
    assert "New here?" not in talk(bench, "q")


def test_new_candidates_are_read_between_two_queries(bench: Bench) -> None:
    desk, read = bench.desk(), []
    desk.reload_candidates = lambda: bool(read.append(desk.review.item))  # type: ignore[method-assign]
    run_plain(desk, io.StringIO("x 1\nc words\nn\nq\n"), io.StringIO())
    assert [item and item.query.id for item in read] == ["q8"]


class Typed(io.StringIO):
    """Lines that are typed one after the other; something happens before one of them."""

    def __init__(self, lines: list[str], place: int, act: Callable[[], object]) -> None:
        super().__init__()
        self._lines, self._place, self._act = lines, place, act

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        for place, line in enumerate(self._lines):
            if place == self._place:
                self._act()
            yield f"{line}\n"


@pytest.mark.parametrize("how", ["deleted", "emptied", "a link to nothing", "a folder", "a FIFO"])
def test_a_missing_ledger_is_not_reported_as_saved(bench: Bench, how: str) -> None:
    ledger = bench.workspace.labels
    out = io.StringIO()
    run_plain(bench.desk(), Typed(["n", "n", "q"], 1, lambda: SPOILT[how](ledger)), out)
    said = out.getvalue()
    assert said.count("Saved.") == 1
    assert "Everything you decided is saved" not in said
    assert "labels.db" in said.splitlines()[-1]
    if how == "deleted":
        assert "Everything until then is saved in" in " ".join(said.split())


@pytest.mark.parametrize("how", SPOILT)
def test_damaged_leases_do_not_stop_the_desk(bench: Bench, how: str) -> None:
    claims = bench.workspace.home / "claims.db"
    out = io.StringIO()
    run_plain(bench.desk(), Typed(["n", "z", "f", "c note", "s", "q"], 1, lambda: SPOILT[how](claims)), out)
    assert out.getvalue().splitlines()[-1] == "Everything you decided is saved."
    assert "restore" not in out.getvalue()
    with bench.store() as store:
        assert store.last_event() == 10 + 1 + 1 + 1 + 1
