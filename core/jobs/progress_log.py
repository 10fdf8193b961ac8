"""The history of a job, built from its events: stages, losses, metrics and messages."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from core.text.safe import safe


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a job.

    Attributes:
        started_at: seconds since the epoch.
        total: number of steps; None if unknown.
        losses: (step, training loss), in order.
        metrics: name of a validation metric → (step, value), in order.
    """

    name: str
    started_at: float
    total: int | None = None
    losses: tuple[tuple[int, float], ...] = ()
    metrics: dict[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProgressLog:
    """The events of a job so far. Immutable; all texts are safe to show.

    Attributes:
        messages: for the user.
        lines: (seconds since the epoch, text) of all stages and messages, and of the end, in order.
        last_event_at: time of the last event, in seconds since the epoch; None without events.
        offset: bytes of the events file that were read.
        outline: (stage, estimated seconds), as the job expects them; may be empty.
    """

    stages: tuple[Stage, ...] = ()
    messages: tuple[str, ...] = ()
    last_event_at: float | None = None
    offset: int = 0
    outline: tuple[tuple[str, float], ...] = ()
    lines: tuple[tuple[float, str], ...] = ()

    def extended(self, events: Iterable[dict[str, Any]], offset: int) -> "ProgressLog":
        """This log with the events that follow, up to byte `offset`."""
        stages, messages, last_event_at = list(self.stages), list(self.messages), self.last_event_at
        outline, lines = self.outline, list(self.lines)
        losses: list[tuple[int, float]] = []

        def flush_losses() -> None:
            if losses and stages:
                stages[-1] = replace(stages[-1], losses=(*stages[-1].losses, *losses))
            losses.clear()

        for event in events:
            last_event_at = event.get("t") or last_event_at or 0.0
            match event["kind"]:
                case "stage":
                    flush_losses()
                    stages.append(Stage(safe(event["stage"]), last_event_at, event["total"]))
                case "loss":
                    losses.append((event["step"], float(event["loss"])))
                case "metric" if stages:
                    stages[-1] = _with_metric(stages[-1], event)
                case "outline":
                    outline = tuple((safe(name), float(seconds)) for name, seconds in event["stages"])
                case "message":
                    messages.append(safe(event["text"]))
            if text := _line(event):
                lines.append((last_event_at, text))
        flush_losses()
        return ProgressLog(tuple(stages), tuple(messages), last_event_at, offset, outline, tuple(lines))

    @property
    def training(self) -> Stage | None:
        """The training to plot: the running one, else the first, which is the encoder's; None if there is none."""
        trainings = [stage for stage in self.stages if stage.losses]
        if not trainings:
            return None
        return trainings[-1] if self.stages[-1] is trainings[-1] else trainings[0]

    @property
    def seconds(self) -> list[float]:
        """Duration of each stage; the last one counts until the last event."""
        ends = [stage.started_at for stage in self.stages[1:]] + [self.last_event_at or 0.0]
        return [max(0.0, end - stage.started_at) for stage, end in zip(self.stages, ends, strict=False)]


def _line(event: dict[str, Any]) -> str:
    """A stage, a message or the end as a line; empty for other events."""
    match event["kind"]:
        case "stage":
            return safe(event["stage"]) + (f" ({event['total']:,})" if event["total"] is not None else "")
        case "message":
            return safe(event["text"])
        case "failed":
            return f"failed: {safe(event['error'] or '')}".removesuffix(": ")
        case "done" | "cancelled":
            return str(event["kind"])
    return ""


def _with_metric(stage: Stage, event: dict[str, Any]) -> Stage:
    name = safe(event["name"])
    value = (event["step"], float(event["value"]))
    return replace(stage, metrics={**stage.metrics, name: (*stage.metrics.get(name, ()), value)})
