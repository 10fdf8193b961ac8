"""The export dialog: kinds, options, file and outcome."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from desk_bench import Bench, screen_text, settled
from desk_verbs import WRITTEN, Answer, Opened, answered, chosen
from textual.widgets import OptionList

from labels.exchange.formats import Format
from tui.common.dialogs import ConfirmDialog
from tui.common.forms import PathField, complete_path
from tui.errors import VerbError
from tui.transfer.export import KINDS, ExportDialog


def export(bench: Bench, answers: Mapping[str, Answer] = WRITTEN, **facts: bool) -> Opened:
    """The dialog."""
    return chosen(bench, "Export", answers, **facts)


async def test_enter_writes_the_labels_and_enter_again_leaves(bench: Bench) -> None:
    async with export(bench) as (app, pilot, verbs):
        await pilot.press("enter")
        await answered(pilot)
        assert "✓ 4,120 labels in" in screen_text(app)
        assert "reports/labels-20260102-120000.csv" in screen_text(app)
        (asked,) = verbs.asked
        assert asked[:2] == ("labels", "export")
        assert Path(asked[2]).parent == bench.workspace.reports
        assert asked[3:] == ("--format", "csv")
        await pilot.press("enter")
        await settled(pilot)
        assert app.screen is app.review


async def test_options_depend_on_the_kind(bench: Bench) -> None:
    async with export(bench) as (app, pilot, verbs):
        await pilot.press("s", "p", "m")
        assert "training only" in screen_text(app)
        await pilot.press("enter")
        await answered(pilot)
        assert verbs.asked[-1][3:] == ("--format", "csv", "--side", "train")
        await pilot.press("j", "enter")
        await answered(pilot)
        assert "pseudonyms" in screen_text(app)
        assert verbs.asked[-1][3:] == ("--format", "events", "--pseudonyms", "--no-comments")
        assert verbs.asked[-1][2].endswith(".jsonl")
        await pilot.press("down", "down", "s", "enter")
        await answered(pilot)
        assert verbs.asked[-1][3:] == ("--format", "prodigy", "--side", "validation", "--pseudonyms")
        await pilot.press("j", "j", "j", "s", "p", "m")
        assert screen_text(app).count("  –  ") == 3
        assert "4,120 labels" not in screen_text(app)


def test_every_format_can_be_chosen() -> None:
    assert {kind.format for kind in KINDS} == set(Format)


async def test_a_typed_name_is_kept(bench: Bench, tmp_path: Path) -> None:
    async with export(bench) as (app, pilot, verbs):
        field = app.screen.query_one(PathField)
        await pilot.press("tab")
        field.value = str(tmp_path / "s p m.csv")
        await pilot.press("tab", "j")
        assert field.value == str(tmp_path / "s p m.csv")
        await pilot.press("tab", "enter")
        await answered(pilot)
        assert verbs.asked[-1][2:5] == (str(tmp_path / "s p m.csv"), "--format", "events")
        assert app.screen.query_one(OptionList).highlighted == 1


async def test_a_file_is_overwritten_only_once_confirmed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old", encoding="utf-8")
    async with export(bench) as (app, pilot, verbs):
        await pilot.press("tab")
        app.screen.query_one(PathField).value = str(tmp_path / "old.csv")
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("enter")
        await settled(pilot)
        assert verbs.asked == []
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("y")
        await answered(pilot)
        assert verbs.asked[-1][2] == str(tmp_path / "old.csv")


async def test_in_a_kiosk_no_path_can_be_typed(bench: Bench) -> None:
    async with export(bench, kiosk=True) as (app, pilot, verbs):
        assert not app.screen.query(PathField)
        assert "Tab" not in screen_text(app)
        await pilot.press("tab", "x", "/", "j", "enter")
        await answered(pilot)
        assert Path(verbs.asked[-1][2]).parent == bench.workspace.reports
        assert Path(verbs.asked[-1][2]).name.startswith("events-")


async def test_a_failed_export_is_shown_and_can_be_retried(bench: Bench) -> None:
    trouble = VerbError("/nowhere cannot be written: [no] such folder.", "Choose another place.")
    async with export(bench, {"labels export": trouble}) as (app, pilot, verbs):
        await pilot.press("enter")
        await answered(pilot)
        assert "[no] such folder." in screen_text(app)
        assert "Choose another place." in screen_text(app)
        verbs.answers.update(WRITTEN)
        await pilot.press("enter")
        await answered(pilot)
        assert "4,120 labels" in screen_text(app)


async def test_a_real_export(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
        app.open(ExportDialog(app.desk))
        await answered(pilot)
        await pilot.press("enter")
        await answered(pilot)
        assert "✓ 10 labels in" in screen_text(app)
    (path,) = bench.workspace.reports.glob("labels-*.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "ltable_id,rtable_id,label"
    assert "q3,q3-c1,1" in lines
    assert len(lines) == 11


async def test_escape_cancels_an_export(bench: Bench) -> None:
    async with export(bench) as (app, pilot, verbs):
        verbs.free.clear()
        await pilot.press("enter", "enter", "j")
        assert "Writing …" in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert [asked.cancelled for asked in verbs.given] == [True]
        verbs.free.set()
        await settled(pilot)
        assert app.screen is app.review


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("dat", "data/"), ("data/", "data/a.csv"), ("data/b", "data/b [x].csv"), ("data/z", None),
        ("data/c", None), ("data/.", "data/.hidden"), ("", None),
        ("nowhere/x", None), ("~nobody-at-all/x", None), ("da\0", None),
    ],
)  # fmt: skip
def test_paths_are_completed(tmp_path: Path, typed: str, found: str | None) -> None:
    (tmp_path / "data").mkdir()
    for name in ("b [x].csv", "a.csv", ".hidden", "c\x1b[31m.csv"):
        (tmp_path / "data" / name).touch()
    assert complete_path(tmp_path, typed) == found
