"""The streams of a workspace, counted beside the keyboard."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.queue.item import StreamState
from core.queue.overview import overview
from core.queue.source import QueueSource
from core.search.candidates import CandidateStore
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class DeskStreams:
    """A `tui.ports.streams.Streams`.

    Attributes:
        source: the desk's own queue, of which a copy is counted: what it remembers stays in its thread.
    """

    ledger: Path
    derived: Path
    source: QueueSource
    annotator: str

    def read(self) -> tuple[StreamState, ...]:
        """How far each stream is now."""
        with LabelStore(self.ledger) as store, closing(CandidateStore(self.derived)) as candidates:
            copy = QueueSource(self.source.catalog, candidates, self.source.settings)
            if self.source.live is not None:
                copy.learn(self.source.live)
            return tuple(overview(copy, store, self.annotator))
