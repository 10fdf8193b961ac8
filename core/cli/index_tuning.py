"""`samesku index --tune`: the kinds of dense index, measured on the workspace's own vectors."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from core.cli.context import Context
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_corpus
from core.retrieval.dense_kinds import choose_kind
from core.retrieval.dense_tuning import Measurement, fastest, measure_kinds, require_plot, write_plot
from core.retrieval.encoder_registry import Registry
from core.terminal_plot import begin_plot, plot_text
from labels.exchange.files import require_writable


def tune(context: Context, plot: Path | None) -> None:
    """Measure, print a table, a plot and the best setting; the index stays as it is.

    Args:
        context: of the call.
        plot: file for the chart as a page.

    Raises:
        CatalogError: nothing was imported.
        ModelError: texts must be encoded, and the model cannot be loaded.
        CoreError: the chart cannot be written.
    """
    if plot is not None:
        require_plot()
        require_writable(plot)
    workspace, settings = context.workspace, context.settings
    recall = settings.search.recall
    with context.exclusive("index"), context.reporter() as reporter:
        corpus = Corpus.read(workspace)
        model = Registry(workspace, settings).champion()
        queries, vectors = encode_corpus(workspace, settings, model, corpus, reporter)
        found = measure_kinds(vectors, queries, reporter)
        best, used = fastest(found, recall), choose_kind(settings.search.index, vectors)
        answer: dict[str, object] = {
            "measurements": [asdict(each) for each in found],
            "fastest": best.kind,
            "used": used,
        }
        reporter.result(answer)
    if plot is not None:
        write_plot(plot, found, recall)
    context.out.print(_table(found, recall))
    if len(found) > 1 and context.out.is_terminal:
        context.out.print(_plot(found, width=min(context.out.width, 100), height=20))
    context.out.print(_advice(best, used, recall))
    context.answer(answer)


def _advice(best: Measurement, used: str, recall: float) -> str:
    fact = f"Fastest single search at a recall of {recall:g}: {best.kind}, {best.p50_ms:.2f} ms."
    if best.kind == used:
        return f"{fact} It is in use."
    # An index run searches in batches, where exact search is much faster than alone.
    return f'{fact} In use: {used}. To change it: search.index = "{best.kind}" in samesku.toml, then samesku index.'


def _table(found: Sequence[Measurement], recall: float) -> Table:
    """One row per kind and effort; those that reach the recall are marked."""
    table = Table(
        title="Dense indexes, one query at a time on one core", title_justify="left", box=None, pad_edge=False
    )
    table.add_column("kind")
    for heading in ("probes", "shortlist", "recall@10", "", "p50 ms", "p99 ms", "MiB", "built in s"):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            each.kind,
            str(each.probes or ""),
            str(each.shortlist or ""),
            f"{each.recall:.4f}",
            "ok" if each.recall >= recall else "low",
            f"{each.p50_ms:.2f}",
            f"{each.p99_ms:.2f}",
            f"{each.bytes / 2**20:,.1f}",
            f"{each.build_s:.1f}",
        )
    return table


def _plot(found: Sequence[Measurement], *, width: int, height: int) -> Text:
    figure = begin_plot(width, height)
    for kind in dict.fromkeys(each.kind for each in found):
        points = [each for each in found if each.kind == kind]
        figure.plot([each.p50_ms for each in points], [each.recall for each in points], label=kind, marker="dot")
        figure.scatter([each.p50_ms for each in points], [each.recall for each in points])
    figure.title("recall@10 by latency")
    figure.xlabel("p50 per query, ms")
    return plot_text(figure)
