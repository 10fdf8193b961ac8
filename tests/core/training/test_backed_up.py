"""A retrain begins with a backup of the labels."""

import pytest
from samples import HashEncoder, no_match, q
from tampering import change_unseen

from core.errors import ModelError, SettingsError
from core.jobs.progress import Silent
from core.settings import Settings
from core.training.run import retrain
from core.workspace import Workspace
from labels.backup_index import backups
from labels.errors import LabelsError
from labels.model import Verb
from labels.store import LabelStore


@pytest.fixture(autouse=True)
def _no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder of these tests has no layers and no weights."""
    monkeypatch.setattr("core.training.run.check_trainable", lambda *_: 0)
    monkeypatch.setattr("core.training.run.run_key", lambda *_: "key")


def test_the_labels_are_backed_up_before_anything_else(workspace: Workspace, hash_encoder: HashEncoder) -> None:
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.REJECT, q("q1"), no_match("q1-c1"))
    with pytest.raises(ModelError, match="no labelled matches"):
        retrain(workspace, Settings(), Silent())
    assert [one.events for one in backups(workspace.backups)] == [1]


def test_a_recipe_that_does_not_fit_makes_no_backup(
    workspace: Workspace, hash_encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise SettingsError("lora.rank: 999 is too high.", "Lower it.")

    monkeypatch.setattr("core.training.run.check_trainable", refuse)
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.REJECT, q("q1"), no_match("q1-c1"))
    with pytest.raises(SettingsError, match="999"):
        retrain(workspace, Settings(), Silent())
    assert backups(workspace.backups) == []


def test_labels_that_are_not_sound_train_nothing(workspace: Workspace, hash_encoder: HashEncoder) -> None:
    with LabelStore(workspace.labels) as store:
        store.record("ada", Verb.REJECT, q("q1"), no_match("q1-c1"))
    change_unseen(workspace.labels, "UPDATE events SET annotator = 'eve'")
    with pytest.raises(LabelsError, match="the hash chain is broken at event 1"):
        retrain(workspace, Settings(), Silent())
    assert hash_encoder.asked == []
