"""The desk on the screen, while files of the workspace are damaged under it."""

import pytest
from desk_bench import Bench, settled
from spoilt import SPOILT
from textual.app import App

from labels.backup_index import backups
from labels.errors import LabelsError


def told(app: App[None]) -> str:
    """What the desk notifies of."""
    return "\n".join(notification.message for notification in app._notifications)


@pytest.mark.parametrize("how", SPOILT)
async def test_keys_decide_with_damaged_leases(bench: Bench, how: str) -> None:
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        SPOILT[how](bench.workspace.home / "claims.db")
        await pilot.press("n", "s", "z")
        await settled(pilot)
        assert told(app) == ""
    assert len(bench.decided()) == 20
    with bench.store() as store:
        assert store.last_event() == 22


async def test_a_ledger_that_is_deleted_is_told_and_saved(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        query = app.desk.review.item
        bench.workspace.labels.unlink()
        await pilot.press("n")
        await settled(pilot)
        assert "was deleted, moved or restored while it was open; nothing was written." in told(app)
        assert "Everything until then is saved" in told(app)
        assert "nothing that was acknowledged is lost" not in told(app).lower()
        assert app.desk.review.item == query
    assert backups(bench.workspace.backups)[-1].events == 10
    with pytest.raises(LabelsError, match="holds 10 events"):
        bench.desk("bob")
