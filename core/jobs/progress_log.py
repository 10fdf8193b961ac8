"""The course of a job: its stages one after another, with what each of them told."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from core.text.safe import safe


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a job.

    Attributes:
        begun: seconds since the epoch.
        total: its steps; None where unknown.
        losses: (step, training loss), in order.
        metrics: the values of each validation metric by name, as (step, value), in order.
    """

    name: str
    begun: float
    total: int | None = None
    losses: tuple[tuple[int, float], ...] = ()
    metrics: dict[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProgressLog:
    """What a job has told so far.

    Attributes:
        messages: what it said.
        told_at: when it told something last, in seconds since the epoch; None before it has.
        read: how much of its file this is, in bytes.
        outline: the stages that it expects, and how many seconds each; empty where it knows nothing.
    """

    stages: tuple[Stage, ...] = ()
    messages: tuple[str, ...] = ()
    told_at: float | None = None
    read: int = 0
    outline: tuple[tuple[str, float], ...] = ()

    def then(self, events: Iterable[dict[str, Any]], read: int) -> "ProgressLog":
        """The same course with what was told since, up to byte `read`; its texts can be shown."""
        stages, messages, told_at = list(self.stages), list(self.messages), self.told_at
        outline = self.outline
        losses: list[tuple[int, float]] = []

        def close() -> None:
            if losses and stages:
                stages[-1] = replace(stages[-1], losses=(*stages[-1].losses, *losses))
            losses.clear()

        for event in events:
            told_at = event.get("t") or told_at or 0.0
            match event["kind"]:
                case "stage":
                    close()
                    stages.append(Stage(safe(event["stage"]), told_at, event["total"]))
                case "loss":
                    losses.append((event["step"], float(event["loss"])))
                case "metric" if stages:
                    stages[-1] = _measured(stages[-1], event)
                case "outline":
                    outline = tuple((safe(name), float(seconds)) for name, seconds in event["stages"])
                case "message":
                    messages.append(safe(event["text"]))
        close()
        return ProgressLog(tuple(stages), tuple(messages), told_at, read, outline)

    @property
    def training(self) -> Stage | None:
        """The training whose losses are worth seeing: the one that goes on, else the first, which is the encoder's."""
        trainings = [stage for stage in self.stages if stage.losses]
        if not trainings:
            return None
        return trainings[-1] if self.stages[-1] is trainings[-1] else trainings[0]

    @property
    def seconds(self) -> list[float]:
        """How long each stage took; the last one until now, as far as the file tells."""
        ends = [stage.begun for stage in self.stages[1:]] + [self.told_at or 0.0]
        return [max(0.0, end - stage.begun) for stage, end in zip(self.stages, ends, strict=False)]


def _measured(stage: Stage, event: dict[str, Any]) -> Stage:
    name = safe(event["name"])
    value = (event["step"], float(event["value"]))
    return replace(stage, metrics={**stage.metrics, name: (*stage.metrics.get(name, ()), value)})
