"""What jobs are called."""

import pytest

from core.jobs.names import job_name, resume_note


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("retrain", "--set", "retrain.epochs=2"), "Retrain"),
        (("retrain", "--sweep", "--trials", "9"), "Sweep over recipes"),
        (("evaluate",), "Evaluate"),
        (("models", "promote", "lora-3"), "Promote lora-3"),
        (("models", "promote"), "Promote a model"),
        (("models", "rollback"), "Roll back the champion"),
        (("models", "export", "lora-3"), "Export lora-3"),
        (("models",), "Models"),
        (("judge", "run", "--max-pairs", "9"), "Run the judge"),
        (("judge", "train"), "Train the judge"),
        (("judge", "train", "--cross-encoder"), "Train the cross-encoder"),
        (("judge", "train", "--resume", "judge-1"), "Fine-tune the language model"),
        ((), ""),
    ],
)
def test_a_job_is_called_by_what_it_does(arguments: tuple[str, ...], name: str) -> None:
    assert job_name(arguments) == name


def test_what_is_kept_is_told_of_every_job() -> None:
    assert resume_note(("index",)) == "it continues where it stopped"
    assert resume_note(("judge", "run", "--labelled")) == "existing verdicts are kept"
    assert resume_note(("judge", "train", "--resume", "judge-1")) == "it continues from its last checkpoint"
    assert resume_note(("judge", "train", "--cross-encoder")) == "it starts over"
    assert resume_note(("models", "rollback")) == resume_note(()) == "it starts over"
