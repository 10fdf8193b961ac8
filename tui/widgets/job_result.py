"""What came out of a job: figures before and after, and one sentence at its end."""

from typing import Any

from textual.content import Content

from core.evaluate.rankings import RANKING_NAMES
from core.jobs.job import Job, JobState
from core.text.safe import safe
from tui.figures import METRICS
from tui.style import BAD, GOOD, MUTED, STRONG
from tui.words import JOB_STATES


def ending(job: Job) -> tuple[str, bool]:
    """One sentence on a job that has ended, and whether it ended well."""
    name = safe(job.name)
    if job.state is not JobState.DONE:
        return f"{name}: {safe(job.error) or JOB_STATES[job.state]}", False
    before, after = _figures(job.result.get("champion")), _figures(job.result.get("challenger"))
    primary = job.result.get("primary")
    metric = primary if primary in after else next(iter(after), "")
    parts = []
    if metric and metric in before:
        parts.append(f"{METRICS.get(metric, safe(metric))} {before[metric]:.2f} → {after[metric]:.2f}")
    elif metric:
        parts.append(f"{METRICS.get(metric, safe(metric))} {after[metric]:.2f}")
    if isinstance(job.result.get("promoted"), bool):
        waiting = job.result.get("waiting") is True
        parts.append("promoted" if job.result["promoted"] else "waits for a lead" if waiting else "not promoted")
    return f"{name} finished" + (": " + ", ".join(parts) if parts else "."), True


def result_lines(result: dict[str, Any], width: int) -> list[Content]:
    """Figures before and after where there are both, then the rest by name."""
    before, after = _rankings(result.get("champion")), _rankings(result.get("challenger"))
    lines = _tables(before, after, width) if after else []
    if isinstance(result.get("promoted"), bool):
        outcome = "The new model is in use." if result["promoted"] else "The model in use stays."
        decision = result.get("decision")  # jobs of earlier versions give no reason
        words = safe(decision) if isinstance(decision, str) else outcome
        lines += Content.styled(words, STRONG).wrap(max(10, width))
    for name, value in result.items():
        if name not in (_TOLD if after else _NO_FIGURES) and isinstance(value, str | int | float):
            text = f"{value:.4g}" if isinstance(value, float) else safe(str(value))
            lines.append(Content.assemble((f"{safe(name):<18} ", MUTED), text))
    return lines


#: What stands in a retrain's table, or in what it said.
_NO_FIGURES = {"promoted", "primary", "waiting", "decision"}
_TOLD = _NO_FIGURES | {"champion", "challenger", "triplets", "judged_on", "set", "queries"}

Rankings = dict[str, dict[str, float]]


#: Columns of a ranking: before, after, and the change.
_RANKING = 20


def _tables(before: Rankings, after: Rankings, width: int) -> list[Content]:
    """The rankings side by side, as many as there is room for."""
    names = 1 + max(len(safe(name)) for figures in after.values() for name in figures)
    most = max(1, (width - names + 1) // (_RANKING + 1))
    rankings = list(after)
    parts = [rankings[begin : begin + most] for begin in range(0, len(rankings), most)]
    return [line for part in parts for line in _table(before, {name: after[name] for name in part}, names)]


def _table(before: Rankings, after: Rankings, names: int) -> list[Content]:
    """A line for each metric; for each ranking a column before, one after, and the change."""
    heads = [f"{RANKING_NAMES.get(ranking, safe(ranking)):^13.13}{'':7}" for ranking in after]
    lines = [f"{'':<{names}}{' '.join(heads)}"] if any(after) else []
    lines.append(f"{'':<{names}}" + " ".join([f"{'before':>6}{'after':>7}{'':7}"] * len(after)))
    rows = [Content.styled(line.rstrip(), MUTED) for line in lines]
    for name in dict.fromkeys(name for figures in after.values() for name in figures):
        cells = [_cells(before.get(ranking, {}).get(name), figures.get(name)) for ranking, figures in after.items()]
        rows.append(Content(f"{METRICS.get(name, safe(name)):<{names}}") + Content(" ").join(cells))
    return [*rows, Content.empty()]


def _cells(before: float | None, after: float | None) -> Content:
    if after is None:
        return Content(" " * _RANKING)
    if before is None:
        return Content.assemble((f"{'–':>6}", MUTED), (f"{after:>7.3f}", STRONG), " " * 7)
    change = after - before
    return Content.assemble(f"{before:>6.3f}", (f"{after:>7.3f}", STRONG), (f"{change:>+7.3f}", _change_style(change)))


def _change_style(change: float) -> str:
    return MUTED if abs(change) < 0.0005 else GOOD if change > 0 else BAD


def _figures(value: object) -> dict[str, float]:
    """The metrics that decide, by name: the encoder's own."""
    rankings = _rankings(value)
    return rankings.get("", {}) | rankings.get("encoder", {})


def _rankings(value: object) -> Rankings:
    """The metrics of a model by ranking; what a job reports is not to be relied on.

    A retrain tells of the encoder alone, of the lexical retriever, which no training changes, and of both fused.
    """
    if not isinstance(value, dict):
        return {}
    parts = {"": value, "encoder": value.get("encoder"), "fused": value.get("fused")}
    return {name: figures for name, part in parts.items() if isinstance(part, dict) and (figures := _numbers(part))}


def _numbers(part: dict[Any, Any]) -> dict[str, float]:
    return {
        str(name): float(number)
        for name, number in part.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and name != "queries"
    }
