"""`samesku cluster`: groups of listings that are one product, across all sources."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.match_remarks import calibration_facts, print_remarks
from core.cli.rebuild import rebuilds_damage
from core.clustering.gold import read_known_products, score_clustering
from core.clustering.golden import golden_rows, require_sources, write_golden
from core.clustering.methods import Method
from core.clustering.metrics import Scores
from core.clustering.product_ids import IdChange
from core.clustering.run import Clustering, cluster_workspace, default_method, record_ids
from core.clustering.table import ClusterRow, cluster_rows
from core.jobs.progress import Reporter
from core.matching.pair_rows import check_file, read_index_state, write_table
from core.text.safe import safe
from core.workspace import Workspace
from labels.model import ProductRef
from labels.wording import counted

#: Contradictions that are printed; `--json` has all.
_MAX_PRINTED = 10
#: Number of listings from which groups are counted together.
_LARGE_GROUP = 6

_OutOption = Annotated[
    Path | None,
    typer.Option(
        help="Write every listing with its product id: CSV, JSONL or Parquet, e.g. listings.csv.", show_default=False
    ),
]
_GoldenOption = Annotated[
    Path | None,
    typer.Option(
        help="Write one record per product, with the origin of every value; formats as for --out, e.g. products.jsonl.",
        show_default=False,
    ),
]
_TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOURCE",
        help="For --golden: a source whose values are preferred where others do not decide; repeatable, the most"
        " trusted first.",
    ),
]
_GoldOption = Annotated[
    Path | None,
    typer.Option(
        help="Known products to evaluate on: a table of source, id and product, e.g. known.csv.", show_default=False
    ),
]
#: Metrics by key, with their table headings.
_METRICS = {"b_cubed": "B-cubed", "pairwise": "pairwise", "closest_cluster": "closest cluster"}


@rebuilds_damage
def cluster(
    ctx: typer.Context,
    method: Annotated[
        Method | None,
        typer.Option(
            help="How conflicts are resolved.",
            show_default="one-per-source; correlation if a source is compared with itself",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a link joins, above 0 and below 1, e.g. 0.9.",
            show_default="the matcher's decision threshold; for components, and before labels, that of the band high",
        ),
    ] = None,
    out: _OutOption = None,
    golden: _GoldenOption = None,
    trust: _TrustOption = None,
    gold: _GoldOption = None,
) -> None:
    """Group the listings that are one product, across all sources.

    Links are the candidates of the last index run with their probabilities, and equal GTINs. People's decisions
    outweigh them: listings that they matched are one product, and listings that they marked as different are not.
    Decisions that contradict others, such as A = B and B = C but A ≠ C, are listed; the matches among them are followed
    until somebody adjudicates.

    Methods: `one-per-source` keeps at most one listing of a source in a group, the best links first, since two listings
    of one retailer are normally two products; `components` joins whatever is connected; `correlation` also counts the
    probabilities below the threshold, which speak against a group.

    --out writes every listing with its product id: product_id, source, id, title, probability and why. The last two
    describe the link that holds the listing in its group: a decision, equal GTINs (gtin) or a probability.

    --golden writes one record per product: product_id, listings, title, brand, model, gtin, attributes and provenance.
    Each value is the most frequent one, else the longest, else that of the source that --trust names first; provenance
    names its listing and the rule.

    --gold compares the groups with known products, listing by listing (B-cubed), pair by pair, and each group with the
    closest product.

    A product keeps its id from run to run; if it splits, the largest part keeps it. A run without a file records
    no ids.

    Example: samesku cluster --out listings.csv

    Example: samesku cluster --golden products.jsonl --trust amazon --trust walmart

    Example: samesku cluster --gold known.csv --method correlation

    Example: samesku cluster --method components --threshold 0.95 --json
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    if threshold is not None and not 0 < threshold < 1:
        raise typer.BadParameter("--threshold must be above 0 and below 1.")
    files = _Files(out, golden, tuple(trust or ()))
    files.check(gold)
    with context.exclusive("cluster") if files.given else nullcontext(), context.reporter() as reporter:
        with CatalogStore(workspace.catalog) as catalog:
            method = method or default_method(catalog)
            require_sources(catalog, files.trust)
            known = {} if gold is None else read_known_products(gold, catalog.digests().keys())
        found = cluster_workspace(workspace, context.settings, method, threshold, reporter)
        if files.given:
            # First, so that no file has an id that is not recorded.
            record_ids(workspace, found)
            _write_files(workspace, found, files, reporter)
        scores = score_clustering(found, known) if known else {}
        answer = {**_facts(found, files), **_score_facts(scores, known)}
        reporter.result(answer)
    _print_summary(context, found)
    _print_scores(context, scores, known)
    _print_files(context, files)
    context.answer(answer)
    print_remarks(context, calibration_facts(found.summary), read_index_state(workspace))


@dataclass(frozen=True, slots=True)
class _Files:
    """The files to write, and the sources to trust for the records."""

    listings: Path | None
    golden: Path | None
    trust: tuple[str, ...]

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return self.listings is not None or self.golden is not None

    def check(self, gold: Path | None) -> None:
        """Check before the work that they can be written, and are not the known products.

        Raises:
            typer.BadParameter: the options do not fit together.
            SameskuError: a file cannot be written.
        """
        if self.trust and self.golden is None:
            raise typer.BadParameter("--trust requires --golden.")
        for path in filter(None, (self.listings, self.golden)):
            if gold is not None and path.resolve() == gold.resolve():
                raise typer.BadParameter(f"{path} is the file of --gold.")
        if self.given and self.listings == self.golden:
            raise typer.BadParameter("--out and --golden are two files: name two.")
        for path in filter(None, (self.listings, self.golden)):
            check_file(path)


def _write_files(workspace: Workspace, found: Clustering, files: _Files, reporter: Reporter) -> None:
    with CatalogStore(workspace.catalog) as catalog:
        if files.listings is not None:
            reporter.stage("write the listings", len(found.graph.listings))
            write_table(cluster_rows(found, catalog, reporter), files.listings, ClusterRow)
        if files.golden is not None:
            reporter.stage("write the products", len(found.groups))
            write_golden(golden_rows(found, catalog, files.trust, reporter), files.golden)


def _facts(found: Clustering, files: _Files) -> dict[str, Any]:
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
        "recorded": files.given,
        "file": files.listings and str(files.listings),
        "golden": files.golden and str(files.golden),
        **calibration_facts(found.summary),
    }


def _change_facts(change: IdChange) -> dict[str, list[str]]:
    return {"before": list(change.before), "after": list(change.after)}


def _print_summary(context: Context, found: Clustering) -> None:
    products, listings = counted(len(found.groups), "product"), counted(len(found.graph.listings), "listing")
    context.out.print(f"{products}, {listings} ({found.method}, threshold {_probability(found.threshold)})")
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
        context.out.print(
            "Adjudicate them (samesku review --stream adjudication), or revise them in past work (o at the desk)."
        )


def _probability(value: float) -> str:
    """A probability with three decimals, and more digits where these would make it 0 or 1."""
    return f"{value:.3f}" if 0.0005 <= value < 0.9995 else str(value)


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


def _score_facts(scores: Mapping[str, Scores], known: Mapping[ProductRef, str]) -> dict[str, Any]:
    if not scores:
        return {}
    facts = {name: each.as_dict() for name, each in scores.items()}
    return {"metrics": {"listings": len(known), "products": len(set(known.values())), **facts}}


def _print_scores(context: Context, scores: Mapping[str, Scores], known: Mapping[ProductRef, str]) -> None:
    if not scores:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("", "precision", "recall", "F1"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, heading in _METRICS.items():
        table.add_row(heading, *(f"{value:.3f}" for value in scores[name].as_dict().values()))
    context.out.print(
        f"Evaluated on {counted(len(known), 'listing')} of {counted(len(set(known.values())), 'product')}"
    )
    context.out.print(table)


def _print_files(context: Context, files: _Files) -> None:
    if files.listings is not None:
        context.out.print(f"Listings with product ids: {files.listings}")
    if files.golden is not None:
        context.out.print(f"Products: {files.golden}")
    if not files.given:
        context.out.print("No product ids were recorded: a run with --out or --golden records them.")
