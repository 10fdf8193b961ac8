"""What the verbs answer that bring files in and keep the ledger safe."""

from typing import Any

from tui.errors import VerbError

HOSTILE = "t[/b]\x1b[31mitle\u202e[@click=app.exit]"

PRODUCTS: dict[str, Any] = {
    "source": "walmart", "role": "query", "role_before": "query", "added": 22_000, "changed": 50, "unchanged": 24,
    "removed": 0, "vanished": 3, "seconds": 1.5,
    "columns": {"id": "sku", "title": HOSTILE, "brand": "brand", "price": "current price"},
    "rejected": {"no id": 10, "bad price": 2}, "rejects_file": "reports/rejects-walmart.csv",
    "gtins": {"valid": 0, "repaired": 0, "unusable": {}},
}  # fmt: skip

LABELS: dict[str, Any] = {"written": 3100, "repeated": 12, "validation": 204, "shared_queries": 7}

EVENTS: dict[str, Any] = {"events": 40, "known": 4, "validation": 1, "audits": 0, "judging": 2, "left": 1}

#: A dry run and the import itself answer alike.
IMPORTED = {"import products": PRODUCTS, "labels import": LABELS}


def backup(day: int, events: int, *, size: int = 1_300_000, readable: bool = True) -> dict[str, Any]:
    """One backup, as `labels backups` lists it."""
    at = f"2026-01-{day:02}T11:30:00+00:00"
    path = f"backups/labels-202601{day:02}T113000Z-{events}.db"
    return {"file": path, "events": events, "at": at, "bytes": size, "readable": readable}


OLDEST, OLD, NEWEST = backup(1, 9_004, size=812, readable=False), backup(2, 11_870), backup(3, 12_935, size=12_800_000)

BACKUPS: dict[str, Any] = {
    "labels backups": {"backups": [OLDEST, OLD, NEWEST], "events": 13_011},
    "labels backup": {"file": "backups/labels-20260104T113000Z-13011.db", "events": 13_011, "at": "2026-01-04"},
    f"labels verify {NEWEST['file']}": {"ok": True, "events": 12_935, "problems": []},
    f"labels verify {OLD['file']}": {"ok": False, "events": 11_870, "problems": ["the hash chain is broken"]},
    "labels verify": {"ok": True, "events": 13_011, "problems": []},
    f"labels restore --dry-run {NEWEST['file']}": {"file": NEWEST["file"], "events": 12_935},
    "labels restore": VerbError("bob has queries on the screen.", "Ask them to quit the desk."),
}  # fmt: skip
