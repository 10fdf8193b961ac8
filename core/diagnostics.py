"""Whether the files of a workspace are intact: looked at without changing anything, and in bounded time."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.catalog.schema import MEND, is_catalogue
from core.catalog.store import CatalogStore
from core.derived_db import is_derived
from core.errors import CoreError
from core.evaluation.comparison import Comparison
from core.evaluation.report import Evaluation
from core.json_store import load
from core.judge.calibration import Calibration
from core.judge.report import JudgeReport
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import damage_of_features
from core.matching.matcher import Matcher, saved_value
from core.matching.pair_rows import state_of
from core.matching.run import Shortlist, current_matcher, matcher_path, read_out_of_fold, saved_matcher
from core.retrieval.candidates import CandidateStore, damage_of_candidates
from core.retrieval.encoder_files import local_base
from core.retrieval.encoding_rate import is_rate
from core.retrieval.index_run import Corpus, is_indexed
from core.retrieval.manifest import PRODUCTS, index_damage, indexed_models
from core.retrieval.registry import ModelCard, Promotion, Registry
from core.retrieval.vector_cache import damaged_vectors
from core.settings import Settings
from core.sqlite_cache import is_damage
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.files import folder_bytes, is_denied, require_regular, way_out
from labels.quarantine import COMPANIONS
from labels.wording import counted, joined

#: Seconds for which one database is looked through; what is larger is taken for intact after that.
_PATIENCE_S = 5.0
#: Operations of SQLite's machine between two looks at the clock.
_STEPS = 100_000

#: Says what is wrong with the content of an open database that has tables of these names.
_Look = Callable[[sqlite3.Connection, set[str]], str]

_INDEX = "`samesku index` makes it again."
_REPORT = "Move it away; the verb that wrote it writes another."


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what it should be.

    Attributes:
        path: which.
        state: what is wrong with it, a few words.
        cure: the way out, a sentence.
        what: what it comes to, a few words.
    """

    path: Path
    state: str
    cure: str
    what: str = "is damaged"

    def __str__(self) -> str:
        return f"{self.path.name} {self.what}: {self.state}. {self.cure}"


def damages(workspace: Workspace) -> list[Damage]:
    """Every file that is damaged or gone, of those that `samesku` can make again, and the catalogue."""
    found: list[Damage] = []
    for look in (_catalogue, _derived, _index, _models, _reports):
        try:
            found += look(workspace)
        except OSError as error:
            found.append(_unseen(Path(error.filename or workspace.home), error))
    return found


def _unseen(path: Path, error: OSError) -> Damage:
    """What this account may not look at, which need not be damaged."""
    return Damage(path, str(error.strerror), way_out(error, "Look at it."), what="cannot be read")


def _catalogue(workspace: Workspace) -> Iterator[Damage]:
    yield from _database(workspace.catalog, is_catalogue, MEND)


def _derived(workspace: Workspace) -> Iterator[Damage]:
    path = workspace.derived
    if not path.exists() and not path.is_symlink() and indexed_models(workspace.index):
        yield Damage(path, "it is missing", _INDEX)
        return

    model = ""

    def content(connection: sqlite3.Connection, tables: set[str]) -> str:
        nonlocal model
        if "checksums" not in tables:
            return ""  # of an earlier version
        run = connection.execute("SELECT model FROM runs").fetchone()
        if run is None:
            return "its candidates are gone" if indexed_models(workspace.index) else ""
        model = str(run[0])
        return damage_of_candidates(connection) or damage_of_features(connection)

    yield from _database(path, is_derived, _INDEX, content)
    if model and workspace.index.is_dir() and not (workspace.index / model / PRODUCTS).exists():
        yield Damage(workspace.index / model / PRODUCTS, "it is missing", _INDEX)


def _index(workspace: Workspace) -> Iterator[Damage]:
    for folder in (each for each in sorted(workspace.index.glob("*")) if each.is_dir()):
        # Earlier versions have left no manifest.
        for found in index_damage(folder) if folder.name in indexed_models(workspace.index) else ():
            yield Damage(folder, found, _INDEX)
        for path in sorted(folder.glob("vectors-*.db")):
            yield from _database(path, lambda tables: "vectors" in tables, _INDEX, _vectors)
        if not is_rate(folder):
            yield Damage(folder / "pace.json", "it cannot be read", "Remove it; an index run writes another.")


def _vectors(connection: sqlite3.Connection, _: set[str]) -> str:
    count = damaged_vectors(connection)
    return f"{count:,} of its vectors" if count else ""


def _models(workspace: Workspace) -> Iterator[Damage]:
    yield from _read(matcher_path(workspace), saved_value, _INDEX)
    yield from _kept(workspace.models / "champion.json", tuple[Promotion, ...], "Remove it to use the base encoder.")
    for path in sorted(workspace.models.glob("*/model.json")):
        yield from _kept(path, ModelCard, "Roll back with `samesku models rollback`, or retrain.")
    for path in sorted(workspace.models.glob("*/unseen.json")):
        yield from _read(path, read_out_of_fold, "The matcher does without it; the next retrain makes another.")
    for path in sorted((workspace.models / "judge").glob("calibration-*.json")):
        yield from _kept(path, Calibration, "The next `samesku judge run` makes another.")


def _reports(workspace: Workspace) -> Iterator[Damage]:
    shapes = {"evaluation": Evaluation, "comparison": Comparison, "judge": JudgeReport}
    for kind, shape in shapes.items():
        for path in sorted(workspace.reports.glob(f"{kind}-*.json")):
            yield from _kept(path, shape, _REPORT)


def _kept(path: Path, shape: type[Any], cure: str) -> Iterator[Damage]:
    yield from _read(path, lambda each: load(each, shape), cure)


def _read(path: Path, read: Callable[[Path], object], cure: str) -> Iterator[Damage]:
    if path.exists() or path.is_symlink():
        try:
            read(path)
        except FileNotFoundError:
            return
        except CoreError as error:
            denied = error.__cause__
            if isinstance(denied, OSError) and is_denied(denied):
                yield _unseen(path, denied)
            else:
                yield Damage(path, "it cannot be read", cure)


def _database(
    path: Path,
    ours: Callable[[set[str]], bool],
    cure: str,
    content: _Look = lambda *_: "",
) -> Iterator[Damage]:
    """What is wrong with a database, if there is one."""
    if state := _state(path, ours, content):
        yield Damage(path, state, cure)


def _state(path: Path, ours: Callable[[set[str]], bool], content: _Look) -> str:
    if not path.exists() and not path.is_symlink():
        return ""
    deadline = time.monotonic() + _PATIENCE_S
    try:
        require_regular(path)
        for ending in COMPANIONS:
            require_regular(path.with_name(path.name + ending))
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
            found = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
            tables = {str(name) for kind, name in found if kind == "table"}
            if not ours(tables):
                return "it is empty" if not found else "it is another database"
            whole = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return content(connection, tables) if whole == "ok" else whole.splitlines()[-1]
    except OSError as error:
        return str(error.strerror)
    except sqlite3.Error as error:
        # Another process may have it locked.
        return str(error) if is_damage(error) else ""


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
        for name, look in (("index", _inventory_index), ("models", _inventory_models), ("caches", _caches))
    }


def _told(look: Callable[[Workspace, Settings], str], workspace: Workspace, settings: Settings) -> str:
    try:
        return look(workspace, settings)
    except SameskuError as error:
        return f"unknown: {error.message}"


def _inventory_index(workspace: Workspace, settings: Settings) -> str:
    model = _indexed(workspace)
    if model is None or not workspace.catalog.exists():
        return "none yet: samesku index"
    with CatalogStore(workspace.catalog) as catalog:
        queries, products = catalog.count("query"), catalog.count("catalog")
    size = _megabytes(folder_bytes(workspace.index / model))
    return joined([_inventory_state(workspace, settings, queries + products), f"candidates by {model}, {size}"])


def _inventory_state(workspace: Workspace, settings: Settings, products: int) -> str:
    """Whether index and matcher are those of catalogue, labels, settings and encoder as they are now."""
    if products > _MOST_COMPARED:
        return f"not compared with {counted(products, 'product')}: {_CURE} where it has to"
    registry = Registry(workspace, settings)
    champion = registry.champion_id()
    trained = champion is not None and registry.is_trained(champion)
    if not trained and local_base(settings.encoder.model) is None:
        return "the encoder is not on this machine"
    encoder = registry.champion()
    corpus = Corpus.read(workspace)
    selection = Shortlist(CorpusFeatures(workspace, settings, corpus), settings.search.k)
    if not is_indexed(workspace, settings, encoder, corpus, selection):
        changed = " ".join(state_of(workspace).sentences())
        return changed or f"out of date (settings, vocabulary or encoder have changed since): {_CURE}"
    if current_matcher(workspace, settings, encoder) is None:
        return f"up to date, but for the matcher (labels or settings have changed since): {_CURE}"
    return "up to date"


def _inventory_models(workspace: Workspace, settings: Settings) -> str:
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
