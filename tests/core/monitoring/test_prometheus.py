"""The metrics for Prometheus, and the dashboard that shows them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from core.monitoring.prometheus import METRICS, prometheus_text
from core.monitoring.snapshot import Group, Shift, Snapshot

DASHBOARD = Path(__file__).parents[3] / "docs" / "assets" / "grafana-dashboard.json"
#: A line of the text format: name, labels, value.
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+-]+)')
GROUP = Group(
    'a "shop"\\', "tv\nvideo", 12, {"probability": {0: 3, 19: 1}, "similarity": {20: 4}},
    {"high": 1, "medium": 0, "low": 3}, 3, (2, 1), {"high": (4, 3)}, 5,
)  # fmt: skip
SNAPSHOT = Snapshot("2026-01-02", "encoder", 40, [GROUP], {"high": (0.97, 0.9, 0.99)}, 7)
SHIFTS = [Shift(GROUP.source, GROUP.category, "price", 0.5, 1e-9, 1.0, 2.0, 12)]


def samples(text: str) -> list[tuple[str, str, float]]:
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found.append((match[1], match[2] or "", float(match[3])))
    return found


def test_every_metric_is_described_and_every_sample_belongs_to_one() -> None:
    text = prometheus_text(SNAPSHOT, SHIFTS)
    assert text.endswith("\n")
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name, _, _ in samples(text)}
    assert names == METRICS.keys()
    for name, (kind, description) in METRICS.items():
        assert f"# HELP {name} {description}\n# TYPE {name} {kind}\n" in text
    # Quotes, backslashes and line breaks of catalogues are escaped.
    assert 'source="a \\"shop\\"\\\\",category="tv\\nvideo"' in text


def test_a_histogram_is_cumulative() -> None:
    found = [each for each in samples(prometheus_text(SNAPSHOT, [])) if each[0].startswith("samesku_best_probability")]
    buckets = [value for name, _, value in found if name.endswith("_bucket")]
    assert buckets == [3] * 19 + [4, 4]
    assert 'le="+Inf"' in found[20][1]
    assert [value for name, _, value in found if not name.endswith("_bucket")] == [
        pytest.approx(3 * 0.025 + 0.975), 4,
    ]  # fmt: skip


def expressions(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value[key] for key in ("expr", "definition") if key in value]
        return own + [each for inner in value.values() for each in expressions(inner)]
    return [each for inner in value for each in expressions(inner)] if isinstance(value, list) else []


def test_the_dashboard_has_the_shape_of_one_and_shows_every_metric() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert dashboard.keys() >= {"uid", "title", "schemaVersion", "panels", "templating", "time"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    occupied: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        assert panel.keys() >= {"type", "title", "gridPos", "targets", "datasource", "fieldConfig"}
        assert panel["type"] in {"table", "timeseries", "heatmap"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & occupied, panel["title"]
        occupied |= cells
    used = {name for text in expressions(dashboard) for name in re.findall(r"samesku_[a-z_]+", text)}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} == METRICS.keys()
