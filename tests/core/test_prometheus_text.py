"""The text format of Prometheus."""

from core.prometheus_text import MetricsText


def test_families_and_samples() -> None:
    out = MetricsText()
    out.family("a_total", "counter", "Of everything.")
    out.sample("a_total", 12_345_678)
    out.family("b", "gauge", "By source.")
    out.sample("b", 0.25, source='a "shop"\\', category="tv\nvideo")
    assert str(out).splitlines() == [
        "# HELP a_total Of everything.", "# TYPE a_total counter", "a_total 12345678",
        "# HELP b By source.", "# TYPE b gauge", 'b{source="a \\"shop\\"\\\\",category="tv\\nvideo"} 0.25',
    ]  # fmt: skip
    assert str(out).endswith("\n")


def test_a_histogram_counts_what_is_above_its_last_bound() -> None:
    out = MetricsText()
    out.histogram("seconds", [0.1, 1.0], [3, 2, 1], 7.5, route="/match")
    assert str(out).splitlines() == [
        'seconds_bucket{route="/match",le="0.1"} 3', 'seconds_bucket{route="/match",le="1"} 5',
        'seconds_bucket{route="/match",le="+Inf"} 6', 'seconds_sum{route="/match"} 7.5',
        'seconds_count{route="/match"} 6',
    ]  # fmt: skip
