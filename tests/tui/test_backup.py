"""The backup dialog: list, create, verify, restore."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from desk_bench import Bench, screen_text, settled
from desk_files import BACKUPS, NEWEST, OLD, OLDEST, backup
from desk_verbs import Answer, Opened, chosen, press
from samples import q

from core.cli.context import Context
from labels.backup import backup as make
from labels.backup_index import backups
from labels.model import Verb
from tui import command_line
from tui.common.dialogs import ConfirmDialog
from tui.errors import VerbError
from tui.services.desk import Desk, restore_backup
from tui.services.processes import VerbRunner
from tui.transfer.backup import BackupDialog, backup_rows, restore_question, size


def backing_up(bench: Bench, answers: Mapping[str, Answer] = BACKUPS, **facts: bool) -> Opened:
    """The dialog."""
    return chosen(bench, "Backup", answers, **facts)


async def test_the_backups_are_listed_newest_first(bench: Bench) -> None:
    async with backing_up(bench) as (app, _, verbs):
        rows = [line for line in screen_text(app).splitlines() if " Jan 2026," in line]
        assert [row.split()[2] for row in rows] == ["3", "2", "1"]
        assert "12,935" in rows[0]
        assert "12 MiB  verified when made" in rows[0]
        assert "812 B  ✗ cannot be used" in rows[2]
        assert verbs.asked == [("labels", "backups")]


async def test_without_backups_the_dialog_says_how_to_make_one(bench: Bench) -> None:
    async with backing_up(bench, {"labels backups": {"backups": [], "events": 0}}) as (app, pilot, verbs):
        assert "There are no backups yet; b makes one." in screen_text(app)
        await press(pilot, "enter", "v", "j")
        assert len(verbs.asked) == 1


async def test_a_backup_is_made_and_listed(bench: Bench) -> None:
    made = {"file": "backups/labels-20260104T113000Z-13011.db", "events": 13_011, "at": "2026-01-04"}
    async with backing_up(bench) as (app, pilot, verbs):
        verbs.answers = {
            "labels backups": {"backups": [OLDEST, OLD, NEWEST, backup(4, 13_011)], "events": 13_011},
            "labels backup": made,
        }
        await press(pilot, "b")
        assert "✓ A backup of 13,011 events is made and verified." in screen_text(app)
        assert "4 Jan 2026" in screen_text(app)
        await press(pilot, "b")
        assert "Nothing has been added since the last backup" in screen_text(app)


async def test_a_failed_backup_is_shown(bench: Bench) -> None:
    trouble = {**BACKUPS, "labels backup": VerbError("No backup: [no] space.", "Free some.")}
    async with backing_up(bench, trouble) as (app, pilot, _):
        await press(pilot, "b")
        assert "✗ No backup: [no] space." in screen_text(app)
        assert "Free some." in screen_text(app)
        assert not app._notifications


async def test_a_backup_is_verified_and_marked(bench: Bench) -> None:
    async with backing_up(bench) as (app, pilot, verbs):
        await press(pilot, "v", "j", "v")
        assert verbs.asked[1:] == [("labels", "verify", NEWEST["file"]), ("labels", "verify", OLD["file"])]
        text = screen_text(app)
        assert "12 MiB  ✓ intact" in text
        assert "1.2 MiB  ✗ damaged" in text
        assert "✗ The backup of 2 Jan 2026, 11:30 is damaged: the hash chain" in text


@pytest.mark.parametrize(("problems", "told"), [([], "✓ The ledger is intact"), (["[/b]"], "✗ The ledger is damaged")])
async def test_the_ledger_is_verified(bench: Bench, problems: list[str], told: str) -> None:
    found = {"labels verify": {"ok": not problems, "events": 13_011, "problems": problems}}
    async with backing_up(bench, {"labels backups": BACKUPS["labels backups"], **found}) as (app, pilot, _):
        await press(pilot, "l")
        assert told in screen_text(app)
        assert all(problem in screen_text(app) for problem in problems)


async def test_escape_cancels_a_verification(bench: Bench) -> None:
    async with backing_up(bench) as (app, pilot, verbs):
        verbs.free.clear()
        await pilot.press("l", "v", "b", "enter")
        assert "Verifying the ledger …" in screen_text(app)
        assert len(verbs.asked) == 2
        await pilot.press("escape")
        await pilot.pause()
        assert verbs.given[-1].cancelled
        verbs.free.set()
        await settled(pilot)
        assert app.screen is app.review


# -- going back ----------------------------------------------------------------------------------------------


async def test_a_restore_is_checked_then_confirmed_then_left_to_the_caller(bench: Bench) -> None:
    async with backing_up(bench) as (app, pilot, verbs):
        await press(pilot, "enter")
        assert verbs.asked[-1] == ("labels", "restore", "--dry-run", NEWEST["file"])
        assert isinstance(app.screen, ConfirmDialog)
        assert "Restore the backup of 3 Jan 2026, 11:30, with 12,935 events?" in screen_text(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, BackupDialog)
        assert app.backup_to_restore is None
        await press(pilot, "enter")
        await pilot.press("y")
    assert app.backup_to_restore == Path(NEWEST["file"])


@pytest.mark.parametrize(
    ("now", "told"), [(13_011, "current ledger, with 13,011 events. A copy"), (None, "current ledger. A copy")]
)
def test_the_question_names_what_is_replaced(now: int | None, told: str) -> None:
    (row, *_) = backup_rows(BACKUPS["labels backups"], {})
    assert told in restore_question(row, now)


async def test_the_list_takes_the_line_of_the_progress_back(bench: Bench) -> None:
    async with backing_up(bench) as (app, pilot, verbs):
        verbs.free.clear()
        await pilot.press("enter")
        line = app.screen.query_one("#asking")
        while not line.region.height:
            await pilot.pause()
        verbs.free.set()
        await settled(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        assert line.region.height == 0


async def test_a_restore_is_refused_while_others_label(bench: Bench) -> None:
    async with backing_up(bench) as (app, pilot, _):
        await press(pilot, "j", "enter")
        assert "✗ bob has queries on the screen." in screen_text(app)
        assert isinstance(app.screen, BackupDialog)


async def test_an_annotator_cannot_restore(bench: Bench) -> None:
    async with backing_up(bench, lead=False) as (app, pilot, verbs):
        assert "Enter restore" not in screen_text(app)
        await press(pilot, "enter")
        assert "Only leads restore the ledger." in screen_text(app)
        assert verbs.asked == [("labels", "backups")]


def test_the_ledger_is_restored_and_the_old_one_kept(bench: Bench) -> None:
    workspace = bench.workspace
    made = make(workspace.labels, workspace.backups).path
    with bench.store() as store:
        store.record("ada", Verb.FLAG, q("q1"))
    word = restore_backup(workspace, "ada", made)
    assert word.startswith("The ledger is that of the backup again, with 0 events.")
    kept = next(workspace.backups.glob("replaced-*/*.db"))
    assert f"kept as {kept.relative_to(workspace.home)}." in word
    assert backups(workspace.backups)[-1].path == made


def test_a_failed_restore_leaves_the_ledger_unchanged(bench: Bench) -> None:
    bench.workspace.settings.write_text('[people]\nleads = ["grace"]\n', encoding="utf-8")
    before = bench.workspace.labels.read_bytes()
    word = restore_backup(bench.workspace, "ada", bench.workspace.backups / "nothing.db")
    assert word.startswith("The ledger is as it was. Only leads restore the ledger. The leads are grace")
    assert bench.workspace.labels.read_bytes() == before


def test_the_desk_opens_again_after_a_restore(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two desks one after the other, and nothing has the ledger open in between."""
    told: list[Any] = []
    wanted = [Path("old.db"), None]

    def run_desk(desk: Desk, word: str, **_: bool) -> Path | None:
        told.append(word)
        desk.close()
        return wanted.pop(0)

    def restored(workspace: Any, annotator: str, path: Path) -> str:
        with bench.store() as store:
            told.append((annotator, path, store.last_event()))
        return "It is back."

    monkeypatch.setattr("tui.run.run_desk", run_desk)
    monkeypatch.setattr("tui.services.desk.restore_backup", restored)
    context = Context(home=bench.workspace.home, annotator_name="ada", quiet=True)
    command_line._run_review(context, None, plain=False, kiosk=False, mouse=True)
    assert told == ["", ("ada", Path("old.db"), 0), "It is back."]


def test_the_desk_tells_once_of_settings_with_former_names(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    monkeypatch.setattr("tui.run.run_desk", lambda desk, notice, **_: told.append(notice) or desk.close())
    bench.workspace.settings.write_text("[judge]\nahead = true\n")
    for _ in range(2):
        context = Context(home=bench.workspace.home, annotator_name="ada")
        command_line._run_review(context, None, plain=False, kiosk=False, mouse=True)
    notice = "Settings were renamed: judge.ahead is now judge.prefetch. The former names still work; please use the"
    assert told == [f"{notice} new ones.", ""]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (13 << 20, "13 MiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes_are_rounded(count: int, told: str) -> None:
    assert size(count) == told


async def test_the_question_names_lost_events_and_focuses_no(bench: Bench) -> None:
    rehearsed = {"events": 12_935, "loss": "76 events would be dropped: 70 decisions, by [/b]ada."}
    answers = BACKUPS | {f"labels restore --dry-run {NEWEST['file']}": rehearsed}
    async with backing_up(bench, answers) as (app, pilot, _):
        await press(pilot, "enter")
        assert "12,935 events? 76 " in screen_text(app)
        assert "events would be dropped: 70 decisions, by [/b]ada." in screen_text(app)
        assert app.focused is not None
        assert app.focused.id == "no"
        await press(pilot, "enter")
        assert app.backup_to_restore is None


async def test_no_restore_is_offered_for_a_damaged_backup(bench: Bench) -> None:
    problem = "a backup is unusable: labels-1.db is damaged."
    found = BACKUPS | {"labels verify": {"ok": False, "events": 5, "problems": [problem]}}
    async with backing_up(bench, found) as (app, pilot, _):
        await press(pilot, "l")
        assert "Enter restores" not in screen_text(app).split("is damaged")[1].split("move the damaged")[0]
        assert "The ledger itself is intact" in screen_text(app)


def test_the_dialog_shows_the_loss_found_by_the_command(bench: Bench) -> None:
    workspace = bench.workspace
    with bench.store() as store:
        store.record("ada", Verb.FLAG, q("q1"))
    made = make(workspace.labels, workspace.backups).path
    with bench.store() as store:
        store.record("ada", Verb.FLAG, q("q2"))
    found = VerbRunner(workspace.home, "ada").ask("labels", "restore", "--dry-run", str(made)).answer()
    assert found["loss"].startswith("1 event would be dropped")
    (row, *_) = backup_rows(BACKUPS["labels backups"], {})
    assert found["loss"] in restore_question(row, 2, found["loss"])
