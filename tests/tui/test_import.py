"""The import dialog: preview, confirmation, import."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from desk_bench import Bench, screen_text, settled
from desk_files import EVENTS, HOSTILE, IMPORTED, LABELS, PRODUCTS
from desk_verbs import Answer, Opened, answered, chosen, press
from textual.events import Key
from textual.widgets import Input

from tui.app import DeskApp
from tui.common.dialogs import ConfirmDialog
from tui.common.forms import Choice, PathField
from tui.errors import VerbError
from tui.jobs.screen import JobsScreen
from tui.menu import commands
from tui.transfer.import_ import ImportDialog, files_in
from tui.transfer.import_report import has_changes, import_report


def importing(bench: Bench, answers: Mapping[str, Answer] = IMPORTED, **facts: bool) -> Opened:
    """The dialog."""
    return chosen(bench, "Import", answers, **facts)


def fill(app: DeskApp, **values: str) -> None:
    """Type into rows."""
    for name, value in values.items():
        app.screen.query_one(f"#{name.replace('_', '-')}", Input).value = value


async def test_labels_are_previewed_then_confirmed_then_imported(bench: Bench, tmp_path: Path) -> None:
    async with importing(bench) as (app, pilot, verbs):
        fill(app, path=str(tmp_path / "a.csv"))
        await press(pilot, "enter")
        assert verbs.asked == [("labels", "import", str(tmp_path / "a.csv"), "--dry-run")]
        text = screen_text(app)
        assert "3,100 new labels, 204 of them for validation." in text
        assert "Nothing has been changed yet." in text
        assert "Enter import" in text
        await press(pilot, "enter")
        assert isinstance(app.screen, ConfirmDialog)
        assert "3,100 labels (ada" in screen_text(app)
        await press(pilot, "enter")
        assert len(verbs.asked) == 1
        await press(pilot, "enter", "y")
        assert verbs.asked[1:] == [("labels", "import", str(tmp_path / "a.csv"))]
        assert "✓ 3,100 new labels" in screen_text(app)
        assert "Enter done" in screen_text(app)
        await press(pilot, "enter")
        assert app.screen is app.review


async def test_all_fields_for_labels_become_arguments(bench: Bench) -> None:
    async with importing(bench, {"--as=-maria": LABELS, **IMPORTED}) as (app, pilot, verbs):
        fill(app, path="x.json", annotator=" -maria ", query_source="walmart", candidate_source="amazon")
        await press(pilot, "down", "down", "right", "enter")
        file = str(bench.workspace.home / "x.json")
        sources = ("--query-source=walmart", "--candidate-source=amazon")
        assert verbs.asked[-1] == ("--as=-maria", "labels", "import", file, "--split=train", *sources, "--dry-run")


async def test_a_catalogue_is_imported_and_offers_an_index_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(
        "core.jobs.board.Jobs.start", lambda _, home, arguments: started.append((home, *arguments)) or "20260102-1"
    )
    async with importing(bench) as (app, pilot, verbs):
        await press(pilot, "up", "right")
        fill(app, path="w.csv", source="walmart", map="title=a name, price = cost ,", table="t")
        await press(pilot, "up", "right", "enter")
        file = str(bench.workspace.home / "w.csv")
        given = (
            "--source=walmart",
            "--map=title=a name",
            "--map=price = cost",
            "--table=t",
            "--prune",
            "--yes",
        )
        assert verbs.asked == [("import", "products", file, *given, "--dry-run")]
        text = screen_text(app)
        assert "walmart: 22,000 new, 50 changed, 24 unchanged." in text
        assert "12 rows skipped: 10 no id, 2 bad price." in text
        assert "rejects-walmart" not in text
        assert "title from t[/b]" in text
        assert "[@click=app.exit]" in text
        await press(pilot, "enter")
        assert "Import 22,050 new or changed products into walmart?" in screen_text(app)
        await press(pilot, "y")
        assert "✓ walmart: 22,000 new" in screen_text(app)
        assert "index run" in screen_text(app)
        assert "reports/rejects-walmart.csv" in screen_text(app)
        await press(pilot, "enter")
        assert started == [(bench.workspace.home, "index")]
        assert isinstance(app.screen, JobsScreen)


async def test_escape_after_a_catalogue_starts_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.board.Jobs.start", lambda *_: pytest.fail("nobody asked for it"))
    async with importing(bench) as (app, pilot, verbs):
        await press(pilot, "up", "right")
        fill(app, path="w.csv", source="walmart")
        await press(pilot, "enter", "enter", "y", "escape")
        assert len(verbs.asked) == 2
        assert app.screen is app.review


async def test_a_change_after_the_preview_needs_a_new_preview(bench: Bench) -> None:
    async with importing(bench) as (app, pilot, verbs):
        fill(app, path="a.csv")
        await press(pilot, "enter", "x")
        assert "3,100" not in screen_text(app)
        assert "Enter preview" in screen_text(app)
        await press(pilot, "enter")
        assert [asked[-2:] for asked in verbs.asked] == [
            (str(bench.workspace.home / name), "--dry-run") for name in ("a.csv", "a.csvx")
        ]


@pytest.mark.parametrize("choice", ["labels", "products"])
async def test_missing_fields_are_asked_for(bench: Bench, choice: str) -> None:
    async with importing(bench) as (app, pilot, verbs):
        await press(pilot, "enter")
        assert "Which file?" in screen_text(app)
        if choice == "products":
            fill(app, path="x.csv")
            await press(pilot, "up", "right", "enter")
            assert "Whose products are they?" in screen_text(app)
            assert app.focused is app.screen.query_one("#source")
        assert verbs.asked == []


async def test_a_failed_preview_is_shown_and_not_confirmed(bench: Bench) -> None:
    trouble = VerbError("a[/b].csv has no column \x1b[31mlabel.", "A labels file has [three] columns.")
    async with importing(bench, {"labels import": trouble}) as (app, pilot, verbs):
        fill(app, path="a[/b].csv")
        await press(pilot, "enter")
        assert "a[/b].csv has no column" in screen_text(app)
        assert "A labels file has [three] columns." in screen_text(app)
        assert "\x1b" not in screen_text(app)
        verbs.answers.update(IMPORTED)
        await press(pilot, "enter", "enter")
        assert isinstance(app.screen, ConfirmDialog)


async def test_a_report_longer_than_its_room_scrolls(bench: Bench) -> None:
    trouble = VerbError(" ".join(f"word {number}" for number in range(200)), "the end")
    async with importing(bench, {"labels import": trouble}) as (app, pilot, _):
        assert "PgDn scroll" not in screen_text(app)
        fill(app, path="a.csv")
        await press(pilot, "enter")
        assert "PgDn scroll" in screen_text(app)
        assert "the end" not in screen_text(app)
        await press(pilot, *["pagedown"] * 9)
        assert "the end" in screen_text(app)
        await press(pilot, *["pageup"] * 9)
        assert "word 0" in screen_text(app)


async def test_a_file_without_changes_is_not_imported(bench: Bench) -> None:
    async with importing(bench, {"labels import": {**LABELS, "written": 0}}) as (app, pilot, verbs):
        fill(app, path="a.csv")
        await press(pilot, "enter", "enter", "enter")
        assert "The file holds nothing new." in screen_text(app)
        assert "Enter import" not in screen_text(app)
        assert len(verbs.asked) == 1


async def test_escape_cancels_the_preview(bench: Bench) -> None:
    async with importing(bench) as (app, pilot, verbs):
        fill(app, path="a.csv")
        verbs.free.clear()
        await pilot.press("enter", "enter")
        assert "Reading the file …" in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert [asked.cancelled for asked in verbs.given] == [True]
        verbs.free.set()
        await settled(pilot)
        assert app.screen is app.review


async def test_typing_does_not_cancel_an_import(bench: Bench) -> None:
    async with importing(bench) as (app, pilot, verbs):
        fill(app, path="a.csv")
        await press(pilot, "enter", "enter")
        verbs.free.clear()
        await pilot.press("y")
        await pilot.pause()
        await pilot.press("z", "enter")
        assert "Importing …" in screen_text(app)
        verbs.free.set()
        await answered(pilot)
        assert [asked.cancelled for asked in verbs.given[1:-1]] == []
        assert "✓ 3,100 new labels" in screen_text(app)


async def test_keys_sent_at_once_reach_their_fields(bench: Bench) -> None:
    async with importing(bench) as (app, pilot, verbs):
        keys = (*"a.csv", "up", "right", "down", "down", *"walmart", "down", "right", "right", "enter")
        for key in keys:
            app.post_message(Key({".": "full_stop"}.get(key, key), key if len(key) == 1 else None))
        await answered(pilot)
        await answered(pilot)
        file = str(bench.workspace.home / "a.csv")
        role = ("--role=query", "--change-role")
        assert verbs.asked == [("import", "products", file, "--source=walmart", *role, "--dry-run")]


def test_a_change_of_role_is_previewed() -> None:
    values = {**PRODUCTS, "role_before": "catalog", "added": 0, "changed": 0, "rejected": {}, "vanished": 0}
    assert has_changes(values)
    assert "! They were candidate products, and would become products to review." in str(
        import_report(values, dry=True)
    )
    values |= {"vanished": 3, "removed": 3}
    assert "! 3 products missing in the file would be removed." in str(import_report(values, dry=True))
    values |= {"unread": 2, "labels_of_role": 7}
    text = str(import_report(values, dry=True))
    assert "! The ids of 2 rows could not be read: some of these products may be in them." in text
    assert "! 7 labels on them are used neither for training nor for validation in that role." in text


def test_replaced_labelled_products_are_listed() -> None:
    replaced = [
        {"source": "walmart", "id": "7", "before": "Television", "after": "Hose\x1b[31m"},
        {"source": "walmart", "id": "8", "before": "Radio", "after": None},
    ]
    values = {**PRODUCTS, "replaced": replaced, "labels_left_out": 3, "queries_again": None}
    text = str(import_report(values, dry=True))
    assert "! 2 labelled products would be replaced or removed:" in text
    assert "7: was “Television”, now “Hose" in text
    assert "\x1b" not in text
    assert "8: was “Radio”, removed" in text
    assert "first in the queue" not in text
    done = str(import_report({**values, "queries_again": 2}, dry=False))
    assert "3 labels on them are left out of training until labelled again; 2 queries come first" in done


def test_gtins_are_reported_in_the_preview() -> None:
    example = {"line": 6, "id": HOSTILE, "text": "700000554336"}
    gtins = {"valid": 3, "repaired": 2, "unusable": {"wrong check digit": {"count": 4, "examples": [example]}}}
    text = str(import_report({**PRODUCTS, "gtins": gtins}, dry=True))
    assert "\nGTINs: 3 valid, 2 repaired, 4 unusable (left unknown).\n! 4 wrong check digit (line 6, t[/b]" in text
    assert "\x1b" not in text
    assert "GTIN" not in str(import_report(PRODUCTS, dry=True))


def test_a_ledger_is_reported_in_events() -> None:
    text = str(import_report(EVENTS, dry=True))
    assert text.startswith("40 new events; 4 were imported before.")
    assert "! 1 validation query of it is used for training here, and will stay so." in text
    assert not has_changes({**EVENTS, "events": 0, "validation": 0})


# -- who may, and from where ---------------------------------------------------------------------------------


def test_import_is_for_leads(bench: Bench) -> None:
    app = bench.app()
    assert "Import" in {command.name for command in commands(app)}
    app.desk.facts = replace(app.desk.facts, lead=False)
    assert "Import" not in {command.name for command in commands(app)}


def reports(bench: Bench, tmp_path: Path) -> None:
    """Files of all sorts in the one folder that a kiosk reads from."""
    folder = bench.workspace.reports
    folder.mkdir()
    for name in ("b.csv", "a [x].csv", ".hidden", "c\x1b[31m.csv"):
        (folder / name).write_text("", encoding="utf-8")
    (folder / "folder").mkdir()
    (tmp_path / "secret.csv").write_text("", encoding="utf-8")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(folder / "pipe.csv")


def test_only_plain_files_of_the_folder_itself_are_offered(bench: Bench, tmp_path: Path) -> None:
    assert files_in(bench.workspace.reports) == []
    reports(bench, tmp_path)
    assert files_in(bench.workspace.reports) == ["a [x].csv", "b.csv"]


async def test_a_kiosk_offers_the_reports_and_fixes_the_annotator(bench: Bench, tmp_path: Path) -> None:
    reports(bench, tmp_path)
    async with importing(bench, kiosk=True) as (app, pilot, verbs):
        assert not app.screen.query(PathField)
        assert isinstance(app.focused, Choice)
        await press(pilot, *"../x", "right", "down", *"zz", "right", "enter")
        chosen = str(bench.workspace.reports / "b.csv")
        assert verbs.asked == [("labels", "import", chosen, "--split=train", "--dry-run")]
        fill(app, annotator="maria")
        await press(pilot, "enter")
        assert not any(word.startswith("--as") for asked in verbs.asked for word in asked)


async def test_a_kiosk_without_reports_has_nothing_to_import(bench: Bench) -> None:
    async with importing(bench, kiosk=True) as (app, pilot, verbs):
        await press(pilot, "right", "enter")
        assert "There is no file in reports to import." in screen_text(app)
        assert verbs.asked == []


# -- for real ------------------------------------------------------------------------------------------------


async def test_a_real_import(bench: Bench) -> None:
    file = bench.workspace.home / "mine.csv"
    file.write_text("ltable_id,rtable_id,label\nq1,q1-c1,1\nq7,q7-c1,0\n", encoding="utf-8")
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.open(ImportDialog(app.desk))
        await settled(pilot)
        fill(app, path="mine.csv", annotator="eve")
        await press(pilot, "enter")
        assert "2 new labels, 1 of them for validation." in screen_text(app)
        assert bench.decided("eve") == {}
        await press(pilot, "enter", "y")
        assert "✓ 2 new labels" in screen_text(app)
    assert {key: said for key, (said, _) in bench.decided("eve").items()} == {"q1-c1": "match", "q7-c1": "no_match"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [("~nobody-at-all/x", "There is no file"), ("nowhere/x.csv", "There is no file"), (".", "is a folder")],
)
async def test_a_missing_file_is_a_sentence(bench: Bench, typed: str, said: str) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.open(ImportDialog(app.desk))
        await settled(pilot)
        fill(app, path=typed)
        await press(pilot, "enter")
        assert said in screen_text(app)


def test_remarks_of_the_command_are_shown() -> None:
    products = {
        **PRODUCTS, "remarks": ["column 'Retail Pric' not used; did you mean --map price='Retail Pric'", "a\x1bb"],
    }  # fmt: skip
    text = import_report(products, dry=True).plain
    assert "column 'Retail Pric' not used" in text
    assert "a␛b" in text
    labels = {**LABELS, "rejected": {"product not in the catalogue": 2}, "rejects_file": "reports/rejects-labels-a.csv"}
    assert "2 rows skipped: 2 product not in the catalogue." in import_report(labels, dry=True).plain
    assert "reports/rejects-labels-a.csv" in import_report(labels, dry=False).plain


async def test_columns_and_sheets_of_labels_become_arguments(bench: Bench) -> None:
    async with importing(bench) as (app, pilot, verbs):
        fill(app, path="x.xlsx", map="query_id=ours, label=same", table="Sheet 2")
        await press(pilot, "enter")
        file = str(bench.workspace.home / "x.xlsx")
        columns = ("--map=query_id=ours", "--map=label=same", "--table=Sheet 2")
        assert verbs.asked[-1] == ("labels", "import", file, *columns, "--dry-run")
