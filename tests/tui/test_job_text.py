"""Jobs as text."""

from core.jobs.progress_log import Stage
from tui.jobs.text import training_metrics


def test_no_metric_is_called_validation_twice() -> None:
    stage = Stage("train", 0.0, 2, losses=((1, 2.0),), metrics={"validation loss": ((1, 0.5),), "MRR": ((1, 0.75),)})
    assert [line.split("  ")[0] for line in training_metrics(stage).plain.splitlines()] == [
        "Loss", "Validation loss", "Validation MRR",
    ]  # fmt: skip
