"""The encoders of a workspace and their comparisons, read from their files."""

from dataclasses import replace

from core.evaluate.comparison import Comparison, kept_comparison, kept_comparisons
from core.registry.overview import Overview, overview
from core.registry.registry import Registry
from core.search.candidates import CandidateStore
from core.settings import Settings
from core.workspace import Workspace


class ModelFiles:
    """A `tui.ports.models.ModelShelf`."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._registry = Registry(workspace, settings)

    def overview(self) -> Overview:
        """All encoders. Opens candidates of its own: SQLite's connections stay in their thread."""
        candidates = CandidateStore(self._workspace.derived)
        try:
            comparisons, damaged = kept_comparisons(self._workspace)
            found = overview(self._registry, candidates.model, comparisons)
            return replace(found, damaged=(*found.damaged, *damaged))
        finally:
            candidates.close()

    def comparison(self, before: str, after: str) -> Comparison | None:
        """Two of them query by query; None where they have not been compared."""
        return kept_comparison(self._workspace, before, after)
