"""Metrics in the text format of Prometheus, version 0.0.4.

Written here rather than by prometheus_client: a snapshot has counts by bin, not observations, and `samesku monitor`
does not need the service's packages.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]


class MetricsText:
    """Families of metrics, each with its samples, as text."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(self, name: str, kind: Kind, description: str) -> None:
        """Start a family: the samples that follow belong to it."""
        self._lines += [f"# HELP {name} {description}", f"# TYPE {name} {kind}"]

    def sample(self, name: str, value: float, **labels: object) -> None:
        """Add a sample."""
        inner = ",".join(f'{key}="{_escaped(str(text))}"' for key, text in labels.items())
        self._lines.append(f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}")

    def histogram(
        self, name: str, bounds: Sequence[float], counts: Sequence[int], total: float, **labels: object
    ) -> None:
        """Add the samples of a histogram.

        Args:
            name: of the family.
            bounds: upper ends of the bins, ascending.
            counts: of each bin; one more than there are bounds where values above the last are counted.
            total: sum of all values.
            labels: of all its samples.
        """
        for bound, count in zip(bounds, accumulate(counts), strict=False):
            self.sample(f"{name}_bucket", count, **labels, le=f"{bound:g}")
        self.sample(f"{name}_bucket", sum(counts), **labels, le="+Inf")
        self.sample(f"{name}_sum", round(total, 6), **labels)
        self.sample(f"{name}_count", sum(counts), **labels)

    def __str__(self) -> str:
        """All lines, a newline after each."""
        return "".join(f"{line}\n" for line in self._lines)


def _number(value: float) -> str:
    """A value without loss: counters go beyond the digits of `:g`."""
    return str(value) if isinstance(value, int) else repr(float(value)).removesuffix(".0")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
