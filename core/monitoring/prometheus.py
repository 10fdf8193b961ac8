"""A snapshot and its shifts in the text format of Prometheus, for the textfile collector of its node exporter.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from core.monitoring.shift import Shift
from core.monitoring.snapshot import QUERY_MEASURES, Group, Snapshot

#: Name, type and help of every metric.
METRICS = {
    "samesku_listings": ("gauge", "Listings by source and category."),
    "samesku_queries_by_band": ("gauge", "Queries by the band of their best candidate."),
    "samesku_queries_without_match": ("gauge", "Queries whose best candidate is below the matcher's threshold."),
    "samesku_best_similarity": ("histogram", "Highest cosine among the candidates of each query."),
    "samesku_best_probability": ("histogram", "Highest probability among the candidates of each query."),
    "samesku_judged_pairs": ("gauge", "Pairs with a verdict of the judge in use."),
    "samesku_contradicted_pairs": ("gauge", "Pairs whose verdict contradicts the matcher."),
    "samesku_audited_precision": ("gauge", "Precision of a band by audit; bound is value, low or high (95 %)."),
    "samesku_answers_today": ("gauge", "Decisions of people on the day of the snapshot (UTC)."),
    "samesku_training_labels": ("gauge", "Labels that the matcher was fitted to."),
    "samesku_shift_psi": ("gauge", "Population stability index of the distributions that have moved."),
}


def prometheus_text(snapshot: Snapshot, shifts: Sequence[Shift]) -> str:
    """All metrics, a newline after each line."""
    samples = {name: list(found) for name, found in _samples(snapshot, shifts)}
    lines = []
    for name, (kind, description) in METRICS.items():
        lines += [f"# HELP {name} {description}", f"# TYPE {name} {kind}", *samples.get(name, [])]
    return "\n".join(lines) + "\n"


def _samples(snapshot: Snapshot, shifts: Sequence[Shift]) -> Iterator[tuple[str, Iterable[str]]]:
    groups = snapshot.groups
    yield "samesku_listings", [_line("samesku_listings", each.listings, **_of(each)) for each in groups]
    name = "samesku_queries_by_band"
    yield name, [_line(name, n, **_of(each), band=band) for each in groups for band, n in each.bands.items()]
    name = "samesku_queries_without_match"
    yield name, [_line(name, each.no_match, **_of(each)) for each in groups if each.queries]
    for measure in QUERY_MEASURES:
        name = f"samesku_best_{measure.name}"
        bounds = [measure.low + (place + 1) * measure.width for place in range(measure.bins)]
        yield name, [line for each in groups for line in _histogram(name, each, each.histogram(measure), bounds)]
    judged = [each for each in groups if each.verdicts[0]]
    yield "samesku_judged_pairs", [_line("samesku_judged_pairs", each.verdicts[0], **_of(each)) for each in judged]
    name = "samesku_contradicted_pairs"
    yield name, [_line(name, each.verdicts[1], **_of(each)) for each in judged]
    name = "samesku_audited_precision"
    yield (
        name,
        [
            _line(name, value, band=band, bound=bound)
            for band, values in snapshot.precision.items()
            for bound, value in zip(("value", "low", "high"), values, strict=True)
        ],
    )
    yield "samesku_answers_today", [_line("samesku_answers_today", snapshot.answers)]
    yield "samesku_training_labels", [_line("samesku_training_labels", snapshot.labels)]
    name = "samesku_shift_psi"
    yield (
        name,
        [_line(name, each.psi, source=each.source, category=each.category, measure=each.measure) for each in shifts],
    )


def _of(group: Group) -> dict[str, str]:
    return {"source": group.source, "category": group.category}


def _histogram(name: str, group: Group, counts: Sequence[int], bounds: Sequence[float]) -> Iterator[str]:
    if not sum(counts):
        return
    for bound, count in zip(bounds, accumulate(counts), strict=True):
        yield _line(f"{name}_bucket", count, **_of(group), le=f"{bound:g}")
    yield _line(f"{name}_bucket", sum(counts), **_of(group), le="+Inf")
    # Of the middles of the bins: the values themselves are not kept.
    width = bounds[1] - bounds[0]
    total = sum(count * (bound - width / 2) for bound, count in zip(bounds, counts, strict=True))
    yield _line(f"{name}_sum", round(total, 6), **_of(group))
    yield _line(f"{name}_count", sum(counts), **_of(group))


def _line(name: str, value: float, **labels: str) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value:g}" if inner else f"{name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
