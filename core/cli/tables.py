"""Tables of figures for a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

#: What people look at first, in this order.
_SHOWN = ("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10")


def comparison(result: Mapping[str, Any]) -> Table:
    """Champion against challenger, as `retrain` reports them: encoder alone, and fused candidates."""
    table = Table(title="Before and after", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "encoder before", "after", "fused before", "after"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in _SHOWN:
        values = [result[who][what][name] for what in ("encoder", "fused") for who in ("champion", "challenger")]
        table.add_row(name, *(f"{value:.3f}" for value in values))
    return table


def metrics(rows: Mapping[str, Mapping[str, float]]) -> Table:
    """One row per ranking, one column per metric."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in _SHOWN:
        table.add_column(name, justify="right")
    for label, values in rows.items():
        table.add_row(label, *(f"{values[name]:.3f}" for name in _SHOWN))
    return table
