"""`samesku cluster`: groups of listings that are one product, across all sources."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.match_remarks import calibration_facts, print_remarks
from core.cli.rebuild import rebuilds_damage
from core.clustering.methods import Method
from core.clustering.product_ids import IdChange
from core.clustering.run import Clustering, cluster_workspace, record_ids
from core.clustering.table import ClusterRow, cluster_rows
from core.matching.pair_rows import check_file, read_index_state, write_table
from core.text.safe import safe
from labels.wording import counted

#: Contradictions that are printed; `--json` has all.
_MAX_PRINTED = 10
#: Groups of at least so many listings are counted together.
_LARGE_GROUP = 6

_OutOption = Annotated[
    Path | None,
    typer.Option(
        help="The file: CSV, JSONL or Parquet, by its extension, e.g. products.csv.", show_default=False
    ),
]  # fmt: skip


@rebuilds_damage
def cluster(
    ctx: typer.Context,
    method: Annotated[Method, typer.Option(help="How conflicts are resolved.")] = Method.ONE_PER_SOURCE,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a link joins, above 0 and below 1, e.g. 0.9.",
            show_default="the matcher's decision threshold; of the band high for components and before labels",
        ),
    ] = None,
    out: _OutOption = None,
) -> None:
    """Group the listings that are one product, across all sources.

    Links are the candidates of the last index run with their probabilities, and equal GTINs. People's decisions
    outweigh them: what they matched is one product, and what they told apart is not. Decisions that contradict others,
    such as A = B and B = C but A ≠ C, are listed; the matches among them are followed until somebody adjudicates.

    Methods: `one-per-source` keeps at most one listing of a source in a group, the best links first, since two listings
    of one retailer are normally two products; `components` joins whatever is connected; `correlation` also counts the
    probabilities below the threshold, which speak against a group.

    --out writes every listing with its product id: product_id, source, id, title, probability and why. The last two
    tell which link holds the listing in its group: a decision, equal GTINs (gtin) or its probability.

    A product keeps its id over further runs as long as most of its listings stay together. A run without a file records
    no ids.

    Example: samesku cluster --out products.csv

    Example: samesku cluster --method components --threshold 0.95 --json
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    if threshold is not None and not 0 < threshold < 1:
        raise typer.BadParameter("--threshold must be above 0 and below 1.")
    if out is not None:
        check_file(out)
    with context.exclusive("cluster") if out is not None else nullcontext(), context.reporter() as reporter:
        found = cluster_workspace(workspace, context.settings, method, threshold, reporter)
        if out is not None:
            # First, so that no file has an id that is not recorded.
            record_ids(workspace, found)
            reporter.stage("write the listings", len(found.graph.listings))
            with CatalogStore(workspace.catalog) as catalog:
                write_table(cluster_rows(found, catalog, reporter), out, ClusterRow)
        answer = _facts(found, out)
        reporter.result(answer)
    _print_summary(context, found)
    _print_files(context, out)
    context.answer(answer)
    print_remarks(context, calibration_facts(found.summary), read_index_state(workspace))


def _facts(found: Clustering, out: Path | None) -> dict[str, Any]:
    assigned = found.assigned
    return {
        "listings": len(found.graph.listings),
        "products": len(found.groups),
        "method": found.method.value,
        "threshold": found.threshold,
        "sizes": {str(size): count for size, count in found.sizes.items()},
        "contradictions": [
            {"pairs": [[*pair.query, *pair.candidate] for pair in each.pairs], "words": each.words}
            for each in found.constraints.contradictions
        ],
        "ids": {"kept": assigned.kept, "new": assigned.new, "retired": assigned.retired},
        "splits": [_change_facts(each) for each in assigned.changes if each.is_split],
        "merges": [_change_facts(each) for each in assigned.changes if not each.is_split],
        "recorded": out is not None,
        "file": None if out is None else str(out),
        **calibration_facts(found.summary),
    }


def _change_facts(change: IdChange) -> dict[str, list[str]]:
    return {"before": list(change.before), "after": list(change.after)}


def _print_summary(context: Context, found: Clustering) -> None:
    products, listings = counted(len(found.groups), "product"), counted(len(found.graph.listings), "listing")
    context.out.print(f"{products}, {listings} ({found.method}, threshold {found.threshold:.3f})")
    context.out.print(_sizes(found))
    assigned = found.assigned
    if found.earlier.of:
        splits = sum(each.is_split for each in assigned.changes)
        context.out.print(
            f"Product ids: {assigned.kept:,} kept, {assigned.new:,} new, {assigned.retired:,} retired;"
            f" {counted(splits, 'split')}, {counted(len(assigned.changes) - splits, 'merge')}"
        )
    contradictions = found.constraints.contradictions
    if contradictions:
        context.out.print(f"{counted(len(contradictions), 'decision contradicts', 'decisions contradict')} others:")
        for each in contradictions[:_MAX_PRINTED]:
            context.out.print(f"  {safe(each.words)}")
        if len(contradictions) > _MAX_PRINTED:
            context.out.print(f"  … and {len(contradictions) - _MAX_PRINTED:,} more: --json lists all.")
        context.out.print("Adjudicate them: samesku review --stream adjudication")


def _sizes(found: Clustering) -> Table:
    """Number of products and of their listings, by number of listings."""
    table = Table(box=None, pad_edge=False)
    for heading in ("listings each", "products", "listings"):
        table.add_column(heading, justify="right")
    large = [(size, count) for size, count in found.sizes.items() if size >= _LARGE_GROUP]
    for size, count in found.sizes.items():
        if size < _LARGE_GROUP:
            table.add_row(f"{size}", f"{count:,}", f"{size * count:,}")
    if large:
        counts = sum(count for _, count in large), sum(size * count for size, count in large)
        table.add_row(f"{_LARGE_GROUP} or more", *(f"{count:,}" for count in counts))
    return table


def _print_files(context: Context, out: Path | None) -> None:
    if out is None:
        context.out.print("No product ids were recorded: a run with --out records them.")
    else:
        context.out.print(f"Listings with product ids: {out}")
