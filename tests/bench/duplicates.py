"""Duplicates within one catalogue: how many are among the candidates, and how well `match` tells them apart.

    python -m tests.bench.duplicates

The demo's listings of both retailers as one source with `--role both`: hard, since the variants of one retailer are
worded more alike than one item of both. Measured before any label, and after labels on a third of the listings, on the
pairs of the others. The encoder is the base encoder throughout. Takes about four minutes on two cores.
"""

import sys
import tempfile
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from core.catalog.store import CatalogStore
from core.evaluation.pairs import pair_metrics
from core.jobs.progress import Silent
from core.matching.bands import Band, band_of
from core.matching.run import bring_up_to_date
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.stats.sampling import draw_share
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Judgement, Pair, ProductRef, Verb
from labels.store import LabelStore

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from duplicates import SHOP, duplicate_catalogue

_SEEDS = ("", "one")
_LABELLED_SHARE = 1 / 3
_COLUMNS = (
    "catalogue", "labels", "listings", "duplicates", "pairs", "among the ten", "average precision",
    "at the threshold: precision", "recall", "high: right / all",
)  # fmt: skip


def main() -> None:
    """Measure, and print a Markdown table."""
    out = sys.stdout
    out.write(f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}\n")
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(_SEEDS):
            listings, duplicates = duplicate_catalogue(seed)
            workspace = Workspace(Path(folder) / str(number)).create()
            with CatalogStore(workspace.catalog) as catalog:
                catalog.replace(SHOP, "both", listings)
            labelled = draw_share([each.ref for each in listings], _LABELLED_SHARE, 1)
            for labels in (0, 1):
                if labels:
                    _label(workspace, labelled, duplicates)
                head = [seed or "demo", "a third" if labels else "none", f"{len(listings):,}"]
                cells = _measured(workspace, labelled if labels else (), duplicates)
                out.write(f"| {' | '.join([*head, *cells])} |\n")
                out.flush()


def _label(workspace: Workspace, queries: Collection[ProductRef], duplicates: set[Pair]) -> None:
    """Decide on all candidates of some listings."""
    with closing(CandidateStore(workspace.derived)) as candidates, LabelStore(workspace.labels) as store:
        for query in sorted(queries):
            found = [Pair(query, each.ref) for each in candidates.for_query(query)]
            judgements = [
                Judgement(pair.candidate, Decision.MATCH if pair in duplicates else Decision.NO_MATCH) for pair in found
            ]
            store.record("bench", Verb.NONE, query, judgements, ActionDetails(closes=True))


def _measured(workspace: Workspace, without: Collection[ProductRef], duplicates: set[Pair]) -> list[str]:
    """The cells of one catalogue, on the pairs in which none of some listings is the query."""
    settings = Settings.model_validate({"validation": {"share": 0}})
    bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), Silent())
    with closing(CandidateStore(workspace.derived)) as store:
        summary = store.matcher_summary
        likely = {Pair(query, each.ref): each.probability or 0.0 for query, each in store.all() if query not in without}
    assert summary is not None
    truth = {pair for pair in duplicates if pair.query not in without}
    found = pair_metrics([pair in truth for pair in likely], [*likely.values()], summary.threshold)
    right = sum(pair in truth for pair, p in likely.items() if p >= summary.threshold)
    high = [pair in truth for pair, p in likely.items() if band_of(p, summary.high, summary.low) is Band.HIGH]
    return [
        f"{len(truth)}", f"{len(likely):,}", f"{len(truth & likely.keys()) / len(truth):.3f}",
        f"{found['average_precision']:.3f}", f"{found['precision']:.3f}", f"{right / len(truth):.3f}",
        f"{sum(high)} / {len(high)}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
