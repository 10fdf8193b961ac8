"""The demo workspace: the embedded catalogue with a validation set that is labelled from the answer key."""

import csv
from collections.abc import Callable
from pathlib import Path

from core.catalog.demo import DemoSources, demo_catalogue, demo_sources, target
from core.catalog.store import CatalogStore
from core.catalog.upsert import ImportRules
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.json_store import text_file
from core.matching.run import bring_up_to_date
from core.queue.session import ReviewSession
from core.queue.source import QueueSource
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_registry import Registry
from core.settings import Settings, load_settings
from core.workspace import Workspace
from labels.leases import Leases
from labels.model import Pair, Stream
from labels.store import LabelStore

#: Annotator names: of the demo's validation labels, and of the simulated labeller of an unattended demo.
ANSWERER = "demo"
REHEARSER = "rehearsal"

#: Settings of a short retrain for the demo and for tests, not for a real catalogue.
SHORT_RETRAIN = {
    "retrain.epochs": "4",
    "retrain.batch_size": "16",
    "retrain.hard_negatives": "2",
    "retrain.min_steps": "20",
}

_SETTINGS = """\
# The settings of the demo; core/settings.py lists all of them. A new section begins with a line such as [labels].

[validation]
# A quarter of the queries: the demo has few, and a retrain needs enough of them for its evaluation.
share = 0.25

[retrain]
# By default the matcher's ranking decides on a promotion. It ranks nearly all queries of the demo right already; the
# encoder's own ranking has more to gain, and a promotion can be seen.
gate = "dense"
"""


def build_demo(workspace: Workspace, reporter: Reporter, *, sources: int = 2) -> Settings:
    """Create the demo workspace or bring it up to date; existing labels are kept.

    The validation queries are labelled from the catalogue's gold pairs, so that a retrain can be evaluated. The desk
    never sees the gold pairs.

    Args:
        workspace: a folder that is empty, or of the demo.
        reporter: receives progress.
        sources: number of retailers, 2 or 3. The third, whose listings are queries and candidates, stays in a workspace
            that has it; its known products are then in `reports`.

    Returns:
        The workspace's settings.

    Raises:
        CoreError: the folder holds another workspace.
    """
    demo = demo_catalogue()
    workspace.create()
    with CatalogStore(workspace.catalog) as catalog:
        names = {source.name for source in catalog.sources()}
        third = demo_sources() if sources > 2 or target.SOURCE in names else None
        known = {query.ref for query in demo.queries} if third is None else third.item.keys()
        others = names - {"walmart", "amazon"} - ({target.SOURCE} if third else set())
        firsts = (next(iter(catalog.iter(source=name)), None) for name in names & {"walmart", target.SOURCE})
        if others or any(first is not None and first.ref not in known for first in firsts):
            raise CoreError(
                f"{workspace.home} is a workspace of yours, not the demo's.", "Name another folder with --home DIR."
            )
        catalog.replace("walmart", "query", demo.queries)
        catalog.replace("amazon", "catalog", demo.products)
        if third is not None:
            # In both roles, so that Walmart's listings are compared with it, too. Earlier versions had it as queries.
            rules = ImportRules(change_role=True)
            catalog.replace(target.SOURCE, "both", third.products[target.SOURCE], rules=rules)
    if third is not None:
        _write_known_products(workspace, third)
    if not workspace.settings.exists():
        with text_file(workspace.settings) as out:
            out.write(_SETTINGS)
    settings = load_settings(workspace.settings)
    bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), reporter)
    answer_from_gold(workspace, settings, Stream.VALIDATION, ANSWERER)
    return settings


def _write_known_products(workspace: Workspace, sources: DemoSources) -> None:
    """Write what `samesku cluster --gold` compares with."""
    path = known_products(workspace)
    path.parent.mkdir(exist_ok=True)
    with text_file(path) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("source", "id", "product"))
        writer.writerows((*ref, item) for ref, item in sorted(sources.item.items()))


def known_products(workspace: Workspace) -> Path:
    """The known products of a demo of three retailers."""
    return workspace.reports / "known_products.csv"


def answer_from_gold(
    workspace: Workspace, settings: Settings, stream: Stream, annotator: str, limit: int | None = None
) -> int:
    """Label the open queries of a stream with the gold pairs, through a review session like the desk's.

    Args:
        workspace: of the demo.
        settings: of the queue.
        stream: whose queries are labelled, in its order.
        annotator: in whose name.
        limit: number of queries after which to stop; None to label all.

    Returns:
        The number of labelled queries.
    """
    return answer_queries(workspace, settings, stream, annotator, is_gold, limit)


def is_gold(pair: Pair) -> bool:
    """Whether a pair is a match by the catalogue's answer key."""
    if target.SOURCE in {pair.query.source, pair.candidate.source}:
        return demo_sources().is_match(pair)
    return (pair.query.id, pair.candidate.id) in demo_catalogue().gold


def answer_queries(
    workspace: Workspace,
    settings: Settings,
    stream: Stream,
    annotator: str,
    is_match: Callable[[Pair], bool],
    limit: int | None = None,
) -> int:
    """Label the open queries of a stream of any workspace, as `answer_from_gold`, by known answers.

    Args:
        workspace: with candidates.
        settings: of the queue.
        stream: whose queries are labelled, in its order.
        annotator: in whose name.
        is_match: the answer for a pair.
        limit: number of queries after which to stop; None to label all.

    Returns:
        The number of labelled queries.
    """
    store, leases = LabelStore(workspace.labels), Leases(workspace.labels)
    catalog, candidates = CatalogStore(workspace.catalog), CandidateStore(workspace.derived)
    session = ReviewSession(store, leases, QueueSource(catalog, candidates, settings), annotator, stream=stream)
    answered = 0
    try:
        while answered != limit and (item := session.item or session.advance()) is not None:
            matches = [o for o in item.options if is_match(Pair(item.query.ref, o.product.ref))]
            for option in matches[1:]:
                session.accept(option, item.options, stay=True)
                item = session.item or item
            if matches:
                session.accept(matches[0], item.options)
            else:
                session.none_match(item.options)
            answered += 1
    finally:
        session.close()
        for file in (store, leases, catalog, candidates):
            file.close()
    return answered
