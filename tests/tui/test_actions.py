"""Keys are declared once, and each declaration holds."""

import re

import pytest

from tui.common.dialogs import ConfirmDialog
from tui.common.help import HelpScreen
from tui.evaluation.screen import EvaluationScreen
from tui.jobs.screen import JobsScreen
from tui.key_bindings import (
    BACKUP,
    CONFIRM,
    EVALUATION,
    EXPORT,
    IMPORT,
    JOBS,
    LEAVE,
    MODELS,
    MONITOR,
    PAGE,
    PAGE_SCROLL,
    PAST,
    REVIEW,
    SEARCH,
    STATISTICS,
    STREAMS,
    TRAIL,
    Act,
    help_groups,
)
from tui.keymap import Keymap
from tui.models.screen import ModelsScreen
from tui.monitoring.screen import MonitorScreen
from tui.review.past_work import PastScreen
from tui.review.screen import ReviewScreen
from tui.review.search import SearchDialog
from tui.review.trail import TrailScreen
from tui.statistics.screen import StatisticsScreen
from tui.statistics.streams import StreamsScreen
from tui.transfer.backup import BackupDialog
from tui.transfer.export import ExportDialog
from tui.transfer.import_ import ImportDialog

SCREENS = [
    (ReviewScreen, REVIEW),
    (SearchDialog, SEARCH),
    (JobsScreen, JOBS),
    (HelpScreen, (*PAGE, *PAGE_SCROLL)),
    (ConfirmDialog, CONFIRM),
    (PastScreen, PAST),
    (TrailScreen, TRAIL),
    (StreamsScreen, STREAMS),
    (StatisticsScreen, STATISTICS),
    (ExportDialog, EXPORT),
    (ModelsScreen, MODELS),
    (EvaluationScreen, EVALUATION),
    (MonitorScreen, MONITOR),
    (ImportDialog, (*IMPORT, LEAVE)),
    (BackupDialog, (*BACKUP, LEAVE)),
]


@pytest.mark.parametrize(("screen", "acts"), SCREENS)
def test_every_key_leads_to_an_action_that_is_there(screen: type[object], acts: tuple[Act, ...]) -> None:
    for act in acts:
        name = re.sub(r"\(.*", "", act.action)
        if name and "." not in name:
            assert hasattr(screen, f"action_{name}"), act


@pytest.mark.parametrize(("screen", "acts"), SCREENS)
def test_no_key_has_two_meanings_on_a_screen(screen: type[object], acts: tuple[Act, ...]) -> None:
    keys = [key for act in acts for key in act.keys.split(",")]
    assert len(keys) == len(set(keys)), screen
    assert len({act.id for act in acts}) == len(acts)


def _all_keys() -> list[str]:
    return [key for _, lines in help_groups(Keymap({}).act) for keys, _ in lines for key in keys.split()]


def test_the_table_holds_the_keys_of_the_contract() -> None:
    shown = _all_keys()
    wanted = [
        "j",
        "k",
        "↑",
        "↓",
        "1",
        "…",
        "9",
        "0",
        "a",
        "A",
        "x",
        "n",
        "u",
        "s",
        "z",
        "Z",
        "f",
        "c",
        "/",
        "v",
        "b",
        "w",
        "ctrl+p",
        "?",
        "q",
    ]
    assert set(wanted) <= set(shown)


def test_every_key_is_explained_in_a_sentence() -> None:
    for _, lines in help_groups(Keymap({}).act):
        for keys, text in lines:
            assert keys
            assert text[0].isupper()
            assert text.endswith((".", "…"))
            assert len(text) <= 90
