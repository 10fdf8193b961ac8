"""A snapshot and its shifts for Prometheus: the textfile collector of its node exporter reads them."""

from collections.abc import Callable, Iterable, Sequence

from core.monitoring.snapshot import QUERY_MEASURES, Group, Measure, Shift, Snapshot
from core.prometheus_text import Kind, MetricsText

#: Name, type and help of every metric.
METRICS: dict[str, tuple[Kind, str]] = {
    "samesku_listings": ("gauge", "Listings by source and category."),
    "samesku_queries_by_band": ("gauge", "Queries by the band of their best candidate."),
    "samesku_queries_without_match": ("gauge", "Queries whose best candidate is below the matcher's threshold."),
    "samesku_best_similarity": ("histogram", "Highest cosine among the candidates of each query."),
    "samesku_best_probability": ("histogram", "Highest probability among the candidates of each query."),
    "samesku_judged_pairs": ("gauge", "Pairs with a verdict of the judge in use."),
    "samesku_contradicted_pairs": ("gauge", "Pairs whose verdict contradicts the matcher."),
    "samesku_audited_pairs": ("gauge", "Audited pairs of each band, by source and category."),
    "samesku_audited_right_pairs": ("gauge", "Audited pairs that the band has right."),
    "samesku_audited_precision": ("gauge", "Precision of a band by audit; bound is value, low or high (95 %)."),
    "samesku_answers_today": ("gauge", "Decisions of people on the day of the snapshot (UTC)."),
    "samesku_category_answers_today": ("gauge", "The same by source and category of the query."),
    "samesku_training_labels": ("gauge", "Labels that the matcher was fitted to."),
    "samesku_shift_psi": ("gauge", "Population stability index of the distributions that have moved."),
}


#: Labels besides source and category, and the value, of each sample.
_Samples = Iterable[tuple[dict[str, str], float]]
_BY_CATEGORY: dict[str, Callable[[Group], _Samples]] = {
    "samesku_listings": lambda group: [({}, group.listings)],
    "samesku_queries_by_band": lambda group: [({"band": band}, count) for band, count in group.bands.items()],
    "samesku_queries_without_match": lambda group: [({}, group.no_match)] if group.queries else [],
    "samesku_judged_pairs": lambda group: [({}, group.verdicts[0])] if group.verdicts[0] else [],
    "samesku_contradicted_pairs": lambda group: [({}, group.verdicts[1])] if group.verdicts[0] else [],
    "samesku_audited_pairs": lambda group: [({"band": band}, pairs) for band, (pairs, _) in group.audited.items()],
    "samesku_audited_right_pairs": lambda group: [
        ({"band": band}, right) for band, (_, right) in group.audited.items()
    ],
    "samesku_category_answers_today": lambda group: [({}, group.answers)] if group.queries else [],
}
_HISTOGRAMS = {f"samesku_best_{measure.name}": measure for measure in QUERY_MEASURES}


def prometheus_text(snapshot: Snapshot, shifts: Sequence[Shift]) -> str:
    """All metrics, a newline after each line."""
    of_all: dict[str, _Samples] = {
        "samesku_audited_precision": [
            ({"band": band, "bound": bound}, value)
            for band, values in snapshot.precision.items()
            for bound, value in zip(("value", "low", "high"), values, strict=True)
        ],
        "samesku_answers_today": [({}, snapshot.answers)],
        "samesku_training_labels": [({}, snapshot.labels)],
        "samesku_shift_psi": [
            ({"source": each.source, "category": each.category, "measure": each.measure}, each.psi) for each in shifts
        ],
    }
    out = MetricsText()
    for name, (kind, description) in METRICS.items():
        out.family(name, kind, description)
        for labels, value in of_all.get(name, ()):
            out.sample(name, value, **labels)
        for group in snapshot.groups:
            place = {"source": group.source, "category": group.category}
            if name in _HISTOGRAMS:
                _write_histogram(out, name, _HISTOGRAMS[name], group.histogram(_HISTOGRAMS[name]), place)
            elif name in _BY_CATEGORY:
                for labels, value in _BY_CATEGORY[name](group):
                    out.sample(name, value, **place, **labels)
    return str(out)


def _write_histogram(
    out: MetricsText, name: str, measure: Measure, counts: Sequence[int], place: dict[str, str]
) -> None:
    if any(counts):
        # Of the middles of the bins: the values themselves are not kept.
        total = sum(count * measure.value(bin_ + 0.5) for bin_, count in enumerate(counts))
        out.histogram(name, [measure.value(bin_ + 1) for bin_ in range(measure.bins)], counts, total, **place)
