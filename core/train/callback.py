"""The trainer's steps and losses, told to a reporter. Imports the trainer, so it is imported by it alone."""

from typing import Any

from core.jobs.progress import Reporter


def reporting_callback(reporter: Reporter) -> Any:
    """A `TrainerCallback` that reports every step."""
    from transformers import TrainerCallback  # noqa: PLC0415

    class Reporting(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.stage("train", total=state.max_steps)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.advance(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                reporter.loss(state.global_step, float(logs["loss"]))

    return Reporting()
