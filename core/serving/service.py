"""A service for a workspace, put together from its parts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import FastAPI

from core.catalog.store import CatalogStore
from core.jobs.progress import Reporter
from core.matching.explain import document_frequency
from core.serving.api_keys import ApiKeys
from core.serving.app import Service, make_app
from core.serving.clusters import ClusterSource
from core.serving.feedback import FeedbackLedger
from core.serving.guard import Guard, Limits
from core.serving.loaded_index import POLL_S, CurrentIndex, IndexLoader
from core.serving.matching import MAX_BATCH, MAX_WAITING, MatchingService
from core.serving.metrics import Metrics
from core.serving.products import ProductSource
from core.serving.rate_limit import RateLimit
from core.serving.verdicts import JudgeService
from core.settings import Settings
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How a service answers.

    Attributes:
        local: whether it listens on this machine only, where no key is needed.
        rate: requests per second of each key; 0 for no limit.
        limits: on each request.
        max_batch: queries that are scored together; 1 turns batching off: one query is answered after another.
        max_waiting: queries that may wait.
        poll_s: seconds between two looks at the files of the index.
    """

    local: bool = True
    rate: float = 50.0
    limits: Limits = field(default_factory=Limits)
    max_batch: int = MAX_BATCH
    max_waiting: int = MAX_WAITING
    poll_s: float = POLL_S


def build_service(
    workspace: Workspace, settings: Callable[[], Settings], keys: ApiKeys, options: ServiceOptions, reporter: Reporter
) -> FastAPI:
    """Load the index of a workspace, and make the application that answers with it.

    Args:
        workspace: with an index.
        settings: reads the present settings.
        keys: that are accepted.
        options: how it answers.
        reporter: receives the progress.

    Raises:
        CoreError: there is no index, or it is out of date.
        ModelError: the encoder cannot be loaded.
    """
    catalog = CatalogStore(workspace.catalog)
    try:
        frequency = document_frequency(catalog)
        metrics = Metrics()
        loader = IndexLoader(workspace, settings, frequency)
        index = CurrentIndex(loader, loader.load(reporter), poll_s=options.poll_s, on_swap=metrics.swap)
        reporter.stage("count the words")
        frequency("")  # reads the titles, so that no request waits for it
        products = ProductSource(workspace, catalog)
    except BaseException:
        catalog.close()
        raise
    matching = MatchingService(
        index,
        max_batch=options.max_batch,
        max_waiting=options.max_waiting,
        observe_batch=metrics.batch,
        observe_cache=metrics.cache,
    )
    metrics.waiting = lambda: matching.waiting
    judge = JudgeService(workspace, settings, frequency)
    ledger = FeedbackLedger(workspace, settings)
    clusters = ClusterSource(workspace, catalog)
    app = make_app(Service(index, matching, products, clusters, ledger, judge, metrics, close=catalog.close))
    app.add_middleware(
        Guard, keys=keys, local=options.local, rate=RateLimit(options.rate), limits=options.limits, metrics=metrics
    )
    return app
