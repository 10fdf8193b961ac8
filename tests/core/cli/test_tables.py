"""Tables: what is there to be copied is never cut."""

from collections.abc import Callable

import pytest
from comparisons import comparison as compared
from rich.console import Console

from core.cli.tables import changes, comparison, metrics, moves
from core.evaluation.comparison import RANKING_NAMES
from core.retrieval.encoder_registry import ModelCard, Registry
from core.settings import Settings
from core.workspace import Workspace

LONG = "lora-20260101-120000-" + "ab12" * 30


@pytest.fixture
def tuned(workspace: Workspace) -> Workspace:
    """A workspace with an encoder of a very long id, judged on a set with a very long name."""
    card = ModelCard(
        LONG, "base", "base", "", "2026-01-01T00:00:00+00:00", trained_on={"triplets": 12},
        metrics={"hit@1": 0.5, "mrr@10": 0.5}, judged_on="a set of " + "many " * 30,
    )  # fmt: skip
    Registry(workspace, Settings()).add(card)
    return workspace


def test_an_id_is_whole_on_one_line_where_output_is_no_terminal(
    tuned: Workspace, call: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    answer = call("models", "list", "--home", tuned.home)
    (line,) = [line for line in answer.out.splitlines() if LONG in line]
    assert "many many" in line
    assert "…" not in answer.out


def test_a_backup_is_named_whole(tuned: Workspace, call: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert call("labels", "backup", "--home", tuned.home).code == 0
    (made,) = tuned.backups.glob("labels-*.db")
    assert made.name in call("labels", "backups", "--home", tuned.home).out


def test_a_retrain_tells_figures_with_intervals() -> None:
    figures = dict.fromkeys(("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10"), 0.5)
    model = {"encoder": figures, "fused": figures}
    change = {"by": 0.1, "interval": [0.05, 0.15]}
    known = {"champion": model, "challenger": model}
    console = Console(width=200)
    with console.capture() as capture:
        console.print(comparison({**known, "changes": {w: dict.fromkeys(figures, change) for w in model}}))
    assert "dense   hit@1       0.500  0.500  +0.100  +0.050 to +0.150\n" in capture.get()
    assert "matcher" not in capture.get()
    with console.capture() as capture:
        console.print(comparison(known))  # of an earlier version
    assert "change" not in capture.get()


def test_every_table_has_the_same_names_for_the_rankings() -> None:
    figures = dict.fromkeys(("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10"), 0.5)
    found = compared()
    console = Console(width=200)
    with console.capture() as capture:
        console.print(metrics(dict.fromkeys(RANKING_NAMES, figures), {}))
        console.print(changes(found), moves(found, found.rankings[0]))
        console.print(
            comparison(dict.fromkeys(("champion", "challenger"), dict.fromkeys(("encoder", "fused"), figures)))
        )
    words = capture.get().split()
    assert {"dense", "lexical", "hybrid", "matcher"} <= set(words)
    assert {"encoder", "fused", "matched"}.isdisjoint(words)
