"""The trainer's steps, losses and metrics, told to a reporter."""

from typing import Any

from core.jobs.progress import Reporter
from core.train.validation import METRIC, Measure, is_due


def reporting_callback(reporter: Reporter, stage: str, measure: Measure | None = None) -> Any:
    """A `TrainerCallback` that reports every step, and what `measure` says before the first and after some epochs."""
    from transformers import TrainerCallback  # noqa: PLC0415

    class Reporting(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.stage(stage, total=state.max_steps)
            self._measure(state)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reporter.advance(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                reporter.loss(state.global_step, float(logs["loss"]))

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if is_due(round(state.epoch), round(args.num_train_epochs)):
                self._measure(state)

        def _measure(self, state: Any) -> None:
            if measure is not None:
                reporter.metric(state.global_step, METRIC, measure())

    return Reporting()
