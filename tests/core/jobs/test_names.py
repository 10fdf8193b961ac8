"""What jobs are called."""

import pytest

from core.jobs.names import job_kept, job_name


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("retrain", "--set", "retrain.epochs=2"), "Retrain"),
        (("evaluate",), "Evaluate"),
        (("models", "promote", "lora-3"), "Put lora-3 in use"),
        (("models", "promote"), "Put a model in use"),
        (("models", "rollback"), "Go back a model"),
        (("models",), "Models"),
        (("judge", "run", "--max-pairs", "9"), "Ask the judge"),
        (("judge", "train"), "Train the judge"),
        (("judge", "train", "--cross-encoder"), "Train the cross-encoder"),
        (("judge", "train", "--resume", "judge-1"), "Tune the language model"),
        ((), ""),
    ],
)
def test_a_job_is_called_by_what_it_does(arguments: tuple[str, ...], name: str) -> None:
    assert job_name(arguments) == name


def test_what_is_kept_is_told_of_every_job() -> None:
    assert job_kept(("index",)) == "it goes on where it was"
    assert job_kept(("judge", "run", "--labelled")) == "verdicts that are there are kept"
    assert job_kept(("judge", "train", "--resume", "judge-1")) == "it goes on from its last checkpoint"
    assert job_kept(("judge", "train", "--cross-encoder")) == "it begins anew"
    assert job_kept(("models", "rollback")) == job_kept(()) == "it begins anew"
