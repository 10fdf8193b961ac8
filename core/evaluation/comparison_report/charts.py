"""The charts of a report as Plotly figures, with colours that hold on a light and on a dark page.

Text, axes and background get their colours from the style sheet, which knows the page's colour scheme and the printer.
Plotly reads a subset of HTML in every text: whatever comes from a catalogue or a model goes through `plain`.
"""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metric_info import PAIR_METRICS, RETRIEVAL_METRICS, MetricInfo
from core.evaluation.model_comparison import Estimate, EvaluationSet, ModelComparison, ModelResult
from core.text.safe import safe
from labels.wording import counted

#: Matches and non-matches: distinct with a colour vision deficiency, readable on white and on black.
MATCH_COLOUR, OTHER_COLOUR = "#3f87d0", "#d8822c"

#: Of the models: grey for the reference, then by order; the dash tells them apart in print.
_COLOURS = ("#8a8f98", "#3f87d0", "#d8822c", "#2f9e6e", "#b063c5", "#cf5566", "#8f8a2a", "#1f9fb0")
_DASHES = ("solid", "dash", "dot", "dashdot")

_BINS = 40
#: Points of a precision-recall curve; more are not visible.
_MAX_CURVE_POINTS = 300
#: Characters of a title in a tooltip.
_MAX_HOVER_CHARS = 90

#: Metrics whose differences share an axis.
_COMPARABLE = (
    *RETRIEVAL_METRICS,
    *(info for info in PAIR_METRICS if info.name in {"spearman", "auc_roc", "average_precision", "best_f1",
                                                     "cluster_purity"}),
)  # fmt: skip

Figure = dict[str, Any]


def plain(text: str, most: int = _MAX_HOVER_CHARS) -> str:
    """Untrusted text that Plotly shows as it is, without markup, on one line."""
    shown = safe(text)
    return html.escape(shown if len(shown) <= most else f"{shown[: most - 1]}…", quote=False)


def model_style(number: int) -> dict[str, str]:
    """Colour and dash of a model's line."""
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "dash": _DASHES[(number + number // len(_COLOURS)) % len(_DASHES)] if number else "solid",
    }


def _figure(traces: Sequence[Any], height: int, **layout: Any) -> Figure:
    """A figure as JSON, sized by the page."""
    import plotly.graph_objects as go

    base = {
        "height": height, "autosize": True, "template": {}, "margin": {"l": 52, "r": 14, "t": 10, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#808080"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}, "hovermode": "closest",
        "dragmode": False,
    }  # fmt: skip
    figure = go.Figure(data=list(traces), layout=base | layout)
    loaded: Figure = json.loads(figure.to_json())
    return loaded


def _axis(title: str, **options: Any) -> dict[str, Any]:
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 12}}, "gridcolor": "#808080", "zeroline": False,
        "fixedrange": True, "automargin": True, "linecolor": "#808080",
    } | options  # fmt: skip


def changes(comparison: ModelComparison) -> Figure:
    """The differences from the reference with their intervals, one row per metric, one mark per model."""
    others = comparison.models[1:]
    # The marks of one row lie above one another, half a row apart at most.
    offsets = [0.0] if len(others) == 1 else np.linspace(-0.25, 0.25, len(others)).tolist()
    traces = [_model_changes(model, number, offsets[number - 1]) for number, model in enumerate(others, 1)]
    ticks = {
        "tickvals": list(range(len(_COMPARABLE))), "ticktext": [info.label for info in _COMPARABLE],
        "range": [len(_COMPARABLE) - 0.4, -0.6],
    }  # fmt: skip
    return _figure(
        traces,
        80 + 30 * len(_COMPARABLE),
        xaxis=_axis("difference from the reference", zeroline=True, zerolinecolor="#808080", rangemode="tozero"),
        yaxis=_axis("", showgrid=False, **ticks),
        showlegend=len(others) > 1,
    )


def _model_changes(model: ModelResult, number: int, offset: float) -> Any:
    """The differences of one model from the reference."""
    import plotly.graph_objects as go

    rows = [
        (place, info, estimate.difference)
        for place, info in enumerate(_COMPARABLE)
        if (estimate := _estimate(model, info)) is not None and estimate.difference is not None
    ]
    ends = [difference.interval or (difference.by, difference.by) for _, _, difference in rows]
    return go.Scatter(
        x=[difference.by for _, _, difference in rows],
        y=[place + offset for place, _, _ in rows],
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 3,
            "array": [high - difference.by for (_, high), (*_, difference) in zip(ends, rows, strict=True)],
            "arrayminus": [difference.by - low for (low, _), (*_, difference) in zip(ends, rows, strict=True)],
        },
        mode="markers", name=plain(model.id), marker={"size": 8, "color": model_style(number)["color"]},
        hoverinfo="text",
        hovertext=[
            f"{info.label}: {info.signed(each.by)}<br>95 %: {info.signed_interval(each.interval)}"
            for _, info, each in rows
        ],
    )  # fmt: skip


def _estimate(model: ModelResult, info: MetricInfo) -> Estimate | None:
    return model.pairs.get(info.name) or model.rankings["encoder"].get(info.name)


def similarity_range(comparison: ModelComparison) -> tuple[float, float]:
    """The range of all cosines, so that the histograms of all models have the same axis."""
    low = min(float(model.cosines.min()) for model in comparison.models)
    high = max(float(model.cosines.max()) for model in comparison.models)
    return np.floor(low * 20) / 20, max(np.ceil(high * 20) / 20, np.floor(low * 20) / 20 + 0.05)


def distribution(model: ModelResult, labels: NDArray[np.bool_], bounds: tuple[float, float]) -> Figure:
    """Histograms of the cosine of matches and non-matches, each as shares of its class."""
    import plotly.graph_objects as go

    edges = np.linspace(*bounds, _BINS + 1)
    traces = []
    for name, colour, fill, side in (
        ("non-matches", OTHER_COLOUR, "rgba(216,130,44,0.25)", ~labels),
        ("matches", MATCH_COLOUR, "rgba(63,135,208,0.25)", labels),
    ):
        counts, _ = np.histogram(model.cosines[side], bins=edges)
        shares = counts / max(1, counts.sum())
        traces.append(
            go.Scatter(
                x=edges.tolist(), y=[*shares.tolist(), 0.0], line={"shape": "hv", "color": colour, "width": 1.5},
                fill="tozeroy", fillcolor=fill, mode="lines", name=f"{name} ({int(side.sum()):,})", hoverinfo="text",
                hovertext=[
                    f"{low:.2f} to {high:.2f}: {count:,} {name} ({share:.1%})"
                    for low, high, count, share in zip(edges[:-1], edges[1:], counts, shares, strict=True)
                ],
            )
        )  # fmt: skip
    threshold = model.threshold
    lines = [] if threshold is None else [
        {"type": "line", "xref": "x", "yref": "paper", "x0": threshold, "x1": threshold, "y0": 0, "y1": 1,
         "line": {"color": "#808080", "width": 1.5, "dash": "dot"}},
    ]  # fmt: skip
    return _figure(
        traces,
        260,
        xaxis=_axis("similarity", range=list(bounds)),
        yaxis=_axis("share of the class", tickformat=".0%", rangemode="tozero"),
        shapes=lines,
    )


def precision_recall(comparison: ModelComparison) -> Figure:
    """Precision against recall for every threshold on the cosine, a mark at the best F1."""
    import plotly.graph_objects as go
    from sklearn.metrics import precision_recall_curve

    labels = comparison.evaluated_on.labels
    traces = []
    for number, model in enumerate(comparison.models):
        style = model_style(number)
        precision, recall, _ = precision_recall_curve(labels, model.cosines)
        step = max(1, len(recall) // _MAX_CURVE_POINTS)
        # The curve starts at recall 1 with every pair; from the back, the most similar pairs come first.
        kept = np.unique([*range(0, len(recall), step), len(recall) - 1])[::-1]
        traces.append(
            go.Scatter(
                x=recall[kept].tolist(), y=precision[kept].tolist(), mode="lines", name=plain(model.id),
                line=style | {"width": 2, "shape": "hv"}, hoverinfo="text", legendgroup=str(number),
                hovertext=[f"{plain(model.id)}<br>recall {recall[i]:.3f}, precision {precision[i]:.3f}" for i in kept],
            )
        )  # fmt: skip
        if (table := model.confusion) is not None:
            found = table.true_positives / max(1, table.true_positives + table.false_negatives)
            right = table.true_positives / max(1, table.true_positives + table.false_positives)
            traces.append(
                go.Scatter(
                    x=[found], y=[right], mode="markers", marker={"size": 9, "color": style["color"]}, showlegend=False,
                    hoverinfo="text", legendgroup=str(number),
                    hovertext=[f"{plain(model.id)}, best F1<br>recall {found:.3f}, precision {right:.3f}"],
                )
            )  # fmt: skip
    return _figure(traces, 340, xaxis=_axis("recall", range=[0, 1.02]), yaxis=_axis("precision", range=[0, 1.02]))


def reliability(comparison: ModelComparison) -> Figure:
    """Observed against predicted share of matches, of the cosine mapped to a probability out of fold."""
    import plotly.graph_objects as go

    traces = [
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": "#808080", "width": 1, "dash": "dot"}, showlegend=False,
            hoverinfo="skip",
        )
    ]  # fmt: skip
    for number, model in enumerate(comparison.models):
        if (found := model.calibration) is None:
            continue
        style = model_style(number)
        traces.append(
            go.Scatter(
                x=[each["promised"] for each in found.bins], y=[each["true"] for each in found.bins],
                mode="lines+markers", name=f"{plain(model.id)} (ECE {found.ece:.3f})", line=style | {"width": 2},
                marker={"size": 6}, hoverinfo="text",
                hovertext=[
                    f"{plain(model.id)}<br>predicted {each['promised']:.3f}, observed {each['true']:.3f}"
                    f"<br>{counted(int(each['pairs']), 'pair')}"
                    for each in found.bins
                ],
            )
        )  # fmt: skip
    return _figure(
        traces, 340, xaxis=_axis("predicted", range=[-0.02, 1.02]), yaxis=_axis("observed", range=[-0.02, 1.02])
    )


def space(model: ModelResult, data: EvaluationSet) -> Figure | None:
    """The map of one model: a line between the products that match; None for too few products."""
    import plotly.graph_objects as go

    if model.positions is None:
        return None
    refs = [ref for group in data.map_groups for ref in group]
    place = dict(zip(refs, model.positions.tolist(), strict=True))
    edges: Mapping[str, list[float | None]] = {"x": [], "y": []}
    for group in data.map_groups:
        for ref in (ref for ref in group if ref in data.gold):
            for match in sorted(data.gold[ref] & place.keys()):
                for axis, number in (("x", 0), ("y", 1)):
                    edges[axis].extend([place[ref][number], place[match][number], None])
    traces = [go.Scatter(**edges, mode="lines", line={"color": "#808080", "width": 1}, name="match", hoverinfo="skip")]
    for name, colour, symbol, shown in (
        ("query", MATCH_COLOUR, "circle", [ref for ref in refs if ref in data.gold]),
        ("its match", OTHER_COLOUR, "diamond", [ref for ref in refs if ref not in data.gold]),
    ):
        traces.append(
            go.Scatter(
                x=[place[ref][0] for ref in shown], y=[place[ref][1] for ref in shown], mode="markers", name=name,
                marker={"size": 6, "color": colour, "symbol": symbol, "opacity": 0.85}, hoverinfo="text",
                hovertext=[plain(data.titles.get(ref, "")) for ref in shown],
            )
        )  # fmt: skip
    hidden = {"visible": False, "range": [-0.04, 1.04]}
    return _figure(
        traces,
        360,
        xaxis=hidden,
        yaxis=hidden | {"scaleanchor": "x"},
        margin={"l": 4, "r": 4, "t": 10, "b": 4},
    )
