"""Jobs as text."""

from comparisons import evaluation

from core.jobs.progress_log import Stage
from tui.jobs.text import result_lines, training_metrics


def test_no_metric_is_called_validation_twice() -> None:
    stage = Stage("train", 0.0, 2, losses=((1, 2.0),), metrics={"validation loss": ((1, 0.5),), "MRR": ((1, 0.75),)})
    assert [line.split("  ")[0] for line in training_metrics(stage).plain.splitlines()] == [
        "Loss", "Validation loss", "Validation MRR",
    ]  # fmt: skip


def test_the_result_of_an_evaluation_has_words_for_its_keys() -> None:
    lines = [line.plain for line in result_lines({**evaluation(), "unchanged": True, "added": 12345}, 80)]
    assert "evaluated on         validation set v2" in lines
    assert "calibration error    0.006" in lines
    assert "pairs                2,047" in lines
    assert "unchanged            yes" in lines
    assert "added                12,345" in lines
    assert "MRR@10               0.928" in lines
    assert not [line for line in lines if "_" in line or "validation@" in line]
