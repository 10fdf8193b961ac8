"""Files of labels in a workspace, while people label."""

from pathlib import Path

import pytest
from samples import match, q, write_catalogue

from core.jobs.progress import Silent
from core.transfer.label_files import Export, ExportOptions, write_labels
from labels import database
from labels.exchange import records
from labels.exchange.formats import Format
from labels.model import ActionDetails, Verb
from labels.store import LabelStore


@pytest.mark.parametrize("format_", [Format.EVENTS, Format.PARQUET])
def test_an_export_of_all_events_keeps_no_desk_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: Format
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr(records, "_PROGRESS_INTERVAL", 1)
    workspace = write_catalogue(tmp_path / "home")
    with LabelStore(workspace.labels) as desk:
        desk.record("ada", Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))

        class Deciding(Silent):
            def advance(self, done: int) -> None:
                desk.record("ada", Verb.COMMENT, q("q1"), details=ActionDetails(text="meanwhile"))

        assert write_labels(workspace, tmp_path / "events", format_, ExportOptions(), Deciding()) == Export(1, "events")
        assert desk.last_event() == 2
