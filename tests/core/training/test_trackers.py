"""The curves of a training in experiment trackers, with files on this machine."""

import os
from pathlib import Path

import pytest
from tiny_encoder import write_tiny_sentence_encoder

from core.errors import CoreError, SettingsError
from core.jobs.progress import Silent
from core.retrieval.encoder_files import EncoderModel
from core.training.examples import Example
from core.training.fine_tuning import fine_tune
from core.training.recipes.recipe import LoraKeys, Recipe
from core.training.trackers import Tracker, Tracking, require_tracker, tracked, tracker_environment
from core.training.trainer_hooks import ProbeQuery

EXAMPLES = [Example(f"{n} camera", f"camera model {n}", (f"lens {n}",)) for n in range(6)]
PROBES = [ProbeQuery(e.anchor, (e.positive,), e.negatives) for e in EXAMPLES]
RECIPE = Recipe(
    lora=LoraKeys(rank=2), epochs=2, min_steps=0, batch_size=3, hard_negatives=1, learning_rate=5e-2
)  # fmt: skip


def train(tmp_path: Path, tracker: Tracker) -> None:
    texts = [text for e in EXAMPLES for text in (e.anchor, e.positive, *e.negatives)]
    base = EncoderModel("tiny", write_tiny_sentence_encoder(tmp_path / "tiny", texts))
    fine_tune(
        base, EXAMPLES, tmp_path / "lora-1", RECIPE, max_tokens=16, reporter=Silent(), probes=PROBES,
        tracking=Tracking(tracker, tmp_path),
    )  # fmt: skip


@pytest.mark.slow
def test_tensorboard_gets_the_curves(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    train(tmp_path, Tracker.TENSORBOARD)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "lora-1"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4]
    assert [event.step for event in events.Scalars("train/learning_rate")] == [1, 2, 3, 4]
    assert [event.step for event in events.Scalars("eval/MRR")] == [2, 4]
    assert [event.step for event in events.Scalars("eval/loss")] == [2, 4]
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ


@pytest.mark.slow
def test_mlflow_gets_the_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow or mlflow-skinny")
    # As with mlflow-skinny alone: making its database takes long.
    monkeypatch.setattr("core.training.trackers.find_spec", lambda _: None)
    train(tmp_path, Tracker.MLFLOW)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("samesku")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "lora-1"
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "loss")] == [1, 2, 3, 4]
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "eval_MRR")] == [2, 4]


def test_the_users_environment_has_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker.example")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    with tracked(Tracking(Tracker.MLFLOW, tmp_path), "run"):
        assert os.environ["MLFLOW_TRACKING_URI"] == "http://tracker.example"
        assert os.environ["MLFLOW_EXPERIMENT_NAME"] == "samesku"
    assert "MLFLOW_EXPERIMENT_NAME" not in os.environ


@pytest.mark.parametrize("tracker", list(Tracker))
def test_all_files_of_trackers_lie_in_the_workspace(tmp_path: Path, tracker: Tracker) -> None:
    paths = [value for value in tracker_environment(Tracking(tracker, tmp_path), "run").values() if "/" in value]
    assert paths
    assert all(str(tmp_path) in path for path in paths)


@pytest.mark.parametrize("tracker", list(Tracker))
def test_a_missing_package_names_its_installation(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.packages.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=f"--report-to {tracker} needs packages .*: {tracker}") as caught:
        require_tracker(tracker)
    assert caught.value.hint == f"Install it: pip install {tracker}"


def test_an_error_of_a_tracker_is_a_sentence(tmp_path: Path) -> None:
    unreachable = type("Unreachable", (Exception,), {"__module__": "mlflow.exceptions"})
    with (
        pytest.raises(CoreError, match=r"^mlflow failed: no server at tracker\.example\.$"),
        tracked(Tracking(Tracker.MLFLOW, tmp_path), "run"),
    ):
        raise unreachable("no server at tracker.example\nTraceback")
    with pytest.raises(ZeroDivisionError), tracked(Tracking(Tracker.MLFLOW, tmp_path), "run"):
        raise ZeroDivisionError
