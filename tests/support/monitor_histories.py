"""What `samesku monitor` keeps: a reference, and a day on which something has moved."""

from dataclasses import replace

from core.monitoring.history import Findings, History
from core.monitoring.snapshot import Group, Shift, Snapshot
from core.workspace import Workspace

TVS = Group(
    "walmart", "Televisions", 400,
    {"similarity": {30: 20, 34: 90, 36: 180, 38: 110}, "probability": {0: 130, 4: 40, 10: 30, 17: 60, 19: 140}},
    {"high": 190, "medium": 70, "low": 140}, 175, (80, 6), {"high": (50, 49), "low": (30, 30)}, 21,
)  # fmt: skip
TOYS = Group(
    "walmart", "Toys & Games", 150, {"similarity": {28: 60, 33: 90}, "probability": {0: 90, 6: 20, 19: 40}},
    {"high": 40, "medium": 20, "low": 90}, 95, answers=4,
)  # fmt: skip
CATALOGUE = Group("amazon", "Electronics", 2_000, {"price": {200: 2_000}})
REFERENCE = Snapshot(
    "2026-01-01", "all-MiniLM-L6-v2-53aa5117", 300, [CATALOGUE, TVS, TOYS], {"high": (0.98, 0.9, 0.996)}, 25
)
MOVED = replace(
    TOYS, counts={"similarity": {24: 90, 33: 60}, "probability": {0: 130, 6: 15, 19: 5}},
    bands={"high": 5, "medium": 15, "low": 130}, no_match=140,
)  # fmt: skip
LATEST = replace(REFERENCE, day="2026-01-02", groups=[CATALOGUE, TVS, MOVED], answers=31)
SHIFTS = [
    Shift("walmart", "Toys & Games", "price", 2.41, 1e-9, 14.99, 149.0, 150),
    Shift("walmart", "Toys & Games", "band", 0.61, 1e-8, None, None, 150),
    Shift("amazon", "", "category", 0.31, 1e-7, None, None, 2_000),
]


def monitored(workspace: Workspace) -> None:
    """A reference and a day after it, with findings."""
    History(REFERENCE, {}, [REFERENCE, LATEST], Findings("2026-01-01", SHIFTS)).save(workspace.monitoring)
