"""Review sessions on the tiny workspace."""

from collections.abc import Callable, Iterator

import pytest

from core.catalog.store import CatalogStore
from core.queue.session import ReviewSession
from core.queue.source import QueueSource
from core.retrieval.candidates import CandidateStore
from core.settings import Settings
from core.workspace import Workspace
from labels.leases import Leases
from labels.model import Stream
from labels.store import LabelStore

Sit = Callable[..., ReviewSession]


@pytest.fixture
def clock() -> list[float]:
    """The session's clock in seconds, in `clock[0]`."""
    return [100.0]


@pytest.fixture
def sit(workspace: Workspace, clock: list[float]) -> Iterator[Sit]:
    """Open a session with its first query on the screen, on its own connections."""
    opened: list[LabelStore | Leases | CatalogStore | CandidateStore] = []

    def _sit(annotator: str = "ada", stream: Stream = Stream.TRIAGE, settings: Settings | None = None) -> ReviewSession:
        store, claims = LabelStore(workspace.labels), Leases(workspace.labels)
        catalog, candidates = CatalogStore(workspace.catalog), CandidateStore(workspace.derived)
        opened.extend([store, claims, catalog, candidates])
        source = QueueSource(catalog, candidates, settings or Settings())
        session = ReviewSession(store, claims, source, annotator, stream=stream, clock=lambda: clock[0])
        session.advance()
        return session

    yield _sit
    for file in opened:
        file.close()
