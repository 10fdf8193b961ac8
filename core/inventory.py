"""Index, models and caches of a workspace: how large they are, and whether they are up to date."""

from collections.abc import Callable
from pathlib import Path

from core.catalog.store import CatalogStore
from core.encode.models import base_here
from core.match.evidence.corpus import CorpusEvidence
from core.match.matcher import Matcher
from core.match.run import current_matcher, saved_matcher
from core.match.shortlist import Shortlist
from core.match.table import state_of
from core.registry.registry import Registry
from core.search.build import Corpus, is_indexed
from core.search.candidates import CandidateStore
from core.search.manifest import indexed_models
from core.settings import Settings
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.files import folder_bytes
from labels.wording import counted, joined

#: To compare the index with more products takes more than a few seconds.
_MOST_COMPARED = 200_000
_CURE = "`samesku index` brings it up to date"


def inventory(workspace: Workspace, settings: Settings) -> dict[str, str]:
    """Index, models and caches, each in a few words. Loads no model, and downloads none.

    Args:
        workspace: whose catalogue and derived files are sound.
        settings: in force.
    """
    return {
        name: _told(look, workspace, settings)
        for name, look in (("index", _index), ("models", _models), ("caches", _caches))
    }


def _told(look: Callable[[Workspace, Settings], str], workspace: Workspace, settings: Settings) -> str:
    try:
        return look(workspace, settings)
    except SameskuError as error:
        return f"unknown: {error.message}"


def _index(workspace: Workspace, settings: Settings) -> str:
    model = _indexed(workspace)
    if model is None or not workspace.catalog.exists():
        return "none yet: samesku index"
    with CatalogStore(workspace.catalog) as catalog:
        queries, products = catalog.count("query"), catalog.count("catalog")
    size = _megabytes(folder_bytes(workspace.index / model))
    return joined([_state(workspace, settings, queries + products), f"candidates by {model}, {size}"])


def _state(workspace: Workspace, settings: Settings, products: int) -> str:
    """Whether index and matcher are those of catalogue, labels, settings and encoder as they are now."""
    if products > _MOST_COMPARED:
        return f"not compared with {counted(products, 'product')}: {_CURE} where it has to"
    registry = Registry(workspace, settings)
    champion = registry.champion_id()
    trained = champion is not None and registry.is_trained(champion)
    if not trained and base_here(settings.encoder.model) is None:
        return "the encoder is not on this machine"
    encoder = registry.champion()
    corpus = Corpus.read(workspace)
    selection = Shortlist(CorpusEvidence(workspace, settings, corpus), settings.search.k)
    if not is_indexed(workspace, settings, encoder, corpus, selection):
        changed = " ".join(state_of(workspace).sentences())
        return changed or f"out of date (settings, vocabulary or encoder have changed since): {_CURE}"
    if current_matcher(workspace, settings, encoder) is None:
        return f"up to date, but for the matcher (labels or settings have changed since): {_CURE}"
    return "up to date"


def _models(workspace: Workspace, settings: Settings) -> str:
    registry = Registry(workspace, settings)
    tuned = registry.ids()
    parts = [
        f"{len(tuned)} tuned ({_megabytes(sum(folder_bytes(registry.folder(id_)) for id_ in tuned))})"
        if tuned
        else "none tuned",
        f"in use: {registry.champion_id() or 'the base encoder'}",
        _matcher(saved_matcher(workspace)),
    ]
    return "; ".join(parts)


def _matcher(matcher: Matcher | None) -> str:
    if matcher is None:
        return "no matcher yet"
    return (
        f"matcher fitted to {counted(matcher.labels, 'labelled pair')}" if matcher.labels else "matcher without labels"
    )


def _caches(workspace: Workspace, settings: Settings) -> str:
    folders = [folder for folder in sorted(workspace.index.glob("*")) if folder.is_dir()]
    vectors = {folder: sum(map(folder_bytes, folder.glob("vectors-*.db"))) for folder in folders}
    parts = [f"vectors {_megabytes(sum(vectors.values()))}", f"derived.db {_megabytes(_size(workspace.derived))}"]
    used = _models_in_use(workspace, settings)
    if idle := [folder for folder in folders if folder.name not in used]:
        size = _megabytes(sum(map(folder_bytes, idle)))
        parts.append(f"{size} of encoders that are not in use may be removed: {', '.join(f.name for f in idle)}")
    return "; ".join(parts)


def _models_in_use(workspace: Workspace, settings: Settings) -> set[str]:
    """Those that the queue, a promotion or a rollback may want again."""
    registry = Registry(workspace, settings)
    trained = {id_ for id_ in indexed_models(workspace.index) if registry.is_trained(id_)}
    indexed = _indexed(workspace)
    return trained | {promotion.model for promotion in registry.history()} | ({indexed} if indexed else set())


def _indexed(workspace: Workspace) -> str | None:
    """Id of the encoder behind the candidates; None where there are none."""
    if not workspace.derived.exists():
        return None
    candidates = CandidateStore(workspace.derived)
    try:
        return candidates.model
    finally:
        candidates.close()


def _size(path: Path) -> int:
    return folder_bytes(path) if path.exists() else 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
