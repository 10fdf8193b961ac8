"""Health checks and an inventory of a workspace's files, for `samesku doctor`. Read-only, and bounded in time."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from core.catalog.schema import REIMPORT_HINT, is_catalogue
from core.catalog.store import CatalogStore
from core.clustering.product_ids import load_ids
from core.derived_db import is_derived
from core.errors import CoreError
from core.evaluation.comparison import Comparison
from core.evaluation.report import Evaluation
from core.json_store import load
from core.judge.calibration import Calibration
from core.judge.report import JudgeReport
from core.matching.features.store import damage_of_features
from core.matching.matcher import Matcher, read_matcher_json
from core.matching.pair_rows import read_index_state
from core.matching.run import current_matcher, matcher_path, read_out_of_fold, saved_matcher, settings_fingerprint
from core.retrieval.candidates import CandidateStore, damage_of_candidates
from core.retrieval.encoder_backend import describe_backend
from core.retrieval.encoder_files import local_base
from core.retrieval.encoder_registry import ModelCard, Promotion, Registry
from core.retrieval.encoding_rate import is_rate
from core.retrieval.index_run import is_indexed
from core.retrieval.manifest import PRODUCTS, index_damage, indexed_models, read_manifest
from core.retrieval.vector_cache import damaged_vectors
from core.settings import Settings
from core.splits.llm_labels import load_llm_labels
from core.splits.weak_labels import load_weak_labels
from core.sqlite_cache import is_damage
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.files import folder_bytes, is_denied, require_regular, way_out
from labels.quarantine import COMPANIONS
from labels.wording import counted, join_clauses

#: Time limit for checking one database, in seconds; a larger one counts as intact.
_TIMEOUT_S = 5.0
#: SQLite virtual machine instructions between two checks of the time limit.
_PROGRESS_STEPS = 100_000

#: Checks the content of an open database with these tables. Returns what is wrong, or an empty text.
_ContentCheck = Callable[[sqlite3.Connection, set[str]], str]

_REBUILD = "`samesku index` rebuilds it."
#: Of what other runs do not read: vectors of texts that are not new, and large files whose time is unchanged.
_REBUILD_ALL = "`samesku index --rebuild` rebuilds it."
_REPORT = "Move it away; the command that wrote it writes another."


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is damaged, missing or unreadable.

    Attributes:
        path: the file.
        reason: what is wrong with it, a phrase.
        hint: what to do, a sentence.
        what: the verdict on the file, a phrase.
    """

    path: Path
    reason: str
    hint: str
    what: str = "is damaged"

    def __str__(self) -> str:
        return f"{self.path.name} {self.what}: {self.reason}. {self.hint}"


def damages(workspace: Workspace) -> list[Damage]:
    """The damaged, missing and unreadable files among the catalogue and everything that can be recomputed."""
    found: list[Damage] = []
    checks = (
        _check_catalogue, _check_derived, _check_index, _check_models, _check_weak_labels, _check_product_ids,
        _check_reports,
    )  # fmt: skip
    for check in checks:
        try:
            found += check(workspace)
        except OSError as error:
            found.append(_unreadable(Path(error.filename or workspace.home), error))
    return found


def _unreadable(path: Path, error: OSError) -> Damage:
    """A file that this account may not read; it need not be damaged."""
    return Damage(path, str(error.strerror), way_out(error, "Check its permissions."), what="cannot be read")


def _check_catalogue(workspace: Workspace) -> Iterator[Damage]:
    yield from _check_database(workspace.catalog, is_catalogue, REIMPORT_HINT)


def _check_derived(workspace: Workspace) -> Iterator[Damage]:
    path = workspace.derived
    if not path.exists() and not path.is_symlink() and indexed_models(workspace.index):
        yield Damage(path, "it is missing", _REBUILD)
        return

    model = ""

    def content(connection: sqlite3.Connection, tables: set[str]) -> str:
        nonlocal model
        if "checksums" not in tables:
            return ""  # written by an earlier version
        run = connection.execute("SELECT model FROM runs").fetchone()
        if run is None:
            return "its candidates are gone" if indexed_models(workspace.index) else ""
        model = str(run[0])
        return damage_of_candidates(connection) or damage_of_features(connection)

    yield from _check_database(path, is_derived, _REBUILD, content)
    manifest = read_manifest(workspace.index / model) if model else None
    has_file = manifest is None or manifest.has_products
    if model and has_file and workspace.index.is_dir() and not (workspace.index / model / PRODUCTS).exists():
        yield Damage(workspace.index / model / PRODUCTS, "it is missing", _REBUILD)


def _check_index(workspace: Workspace) -> Iterator[Damage]:
    for folder in (each for each in sorted(workspace.index.glob("*")) if each.is_dir()):
        # Earlier versions wrote no manifest.
        for found in index_damage(folder) if folder.name in indexed_models(workspace.index) else ():
            noticed = found in index_damage(folder, quick=True)
            yield Damage(folder, found, _REBUILD if noticed else _REBUILD_ALL)
        for path in sorted(folder.glob("vectors-*.db")):
            yield from _check_database(path, lambda tables: "vectors" in tables, _REBUILD_ALL, _check_vectors)
        if not is_rate(folder):
            yield Damage(folder / "pace.json", "it cannot be read", "Remove it; an index run writes a new one.")


def _check_vectors(connection: sqlite3.Connection, _: set[str]) -> str:
    count = damaged_vectors(connection)
    return f"{count:,} of its vectors" if count else ""


def _check_models(workspace: Workspace) -> Iterator[Damage]:
    yield from _check_file(matcher_path(workspace), read_matcher_json, _REBUILD)
    yield from _check_json(
        workspace.models / "champion.json", tuple[Promotion, ...], "Remove it to use the base encoder."
    )
    for path in sorted(workspace.models.glob("*/model.json")):
        yield from _check_json(path, ModelCard, "Roll back with `samesku models rollback`, or retrain.")
    for path in sorted(workspace.models.glob("*/unseen.json")):
        yield from _check_file(path, read_out_of_fold, "The matcher works without it; the next retrain writes it.")
    for path in sorted((workspace.models / "judge").glob("calibration-*.json")):
        yield from _check_json(path, Calibration, "The next `samesku judge run` writes it.")


def _check_weak_labels(workspace: Workspace) -> Iterator[Damage]:
    yield from _check_file(workspace.weak_labels, load_weak_labels, "`samesku dataset bootstrap` makes it again.")
    yield from _check_file(workspace.llm_labels, load_llm_labels, "Restore a copy of yours, or move it away.")


def _check_product_ids(workspace: Workspace) -> Iterator[Damage]:
    hint = "Restore a copy of yours, or let `samesku cluster --out FILE` assign the ids again: most come out the same."
    yield from _check_file(workspace.product_ids, load_ids, hint)


def _check_reports(workspace: Workspace) -> Iterator[Damage]:
    shapes = {"evaluation": Evaluation, "comparison": Comparison, "judge": JudgeReport}
    for kind, shape in shapes.items():
        for path in sorted(workspace.reports.glob(f"{kind}-*.json")):
            yield from _check_json(path, shape, _REPORT)


def _check_json(path: Path, shape: type[Any], hint: str) -> Iterator[Damage]:
    yield from _check_file(path, lambda each: load(each, shape), hint)


def _check_file(path: Path, read: Callable[[Path], object], hint: str) -> Iterator[Damage]:
    if path.exists() or path.is_symlink():
        try:
            read(path)
        except FileNotFoundError:
            return
        except CoreError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and is_denied(cause):
                yield _unreadable(path, cause)
            else:
                yield Damage(path, "it cannot be read", hint)


def _check_database(
    path: Path, is_ours: Callable[[set[str]], bool], hint: str, check: _ContentCheck = lambda *_: ""
) -> Iterator[Damage]:
    """Check a database if it exists.

    Args:
        path: the file.
        is_ours: decides by its table names whether it is the expected database.
        hint: what to do if it is damaged.
        check: a further check of its content.
    """
    if reason := _database_damage(path, is_ours, check):
        yield Damage(path, reason, hint)


def _database_damage(path: Path, is_ours: Callable[[set[str]], bool], check: _ContentCheck) -> str:
    if not path.exists() and not path.is_symlink():
        return ""
    deadline = time.monotonic() + _TIMEOUT_S
    try:
        require_regular(path)
        for ending in COMPANIONS:
            require_regular(path.with_name(path.name + ending))
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
            found = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
            tables = {str(name) for kind, name in found if kind == "table"}
            if not is_ours(tables):
                return "it is empty" if not found else "it is another database"
            result = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return check(connection, tables) if result == "ok" else result.splitlines()[-1]
    except OSError as error:
        return str(error.strerror)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # Anything else, such as a lock of another process, says nothing about the file.
        return str(error) if is_damage(error) else ""


#: Comparing the index with more products than this takes more than a few seconds.
_MAX_COMPARED_PRODUCTS = 200_000
_UPDATE = "`samesku index` brings it up to date"


def inventory(workspace: Workspace, settings: Settings) -> dict[str, str]:
    """Descriptions of the index, the models and the caches. Loads no model and downloads nothing.

    Args:
        workspace: its catalogue and derived files must be intact.
        settings: those in force.
    """
    found = {}
    described = {
        "index": _describe_index, "encoding": _describe_encoding, "models": _describe_models, "caches": _describe_caches
    }  # fmt: skip
    for name, describe in described.items():
        try:
            found[name] = describe(workspace, settings)
        except SameskuError as error:
            found[name] = f"unknown: {error.message}"
    return {name: description for name, description in found.items() if description}


def _describe_encoding(workspace: Workspace, settings: Settings) -> str:
    """What the trial of the indexed encoder in 8 bits found; empty if there was none."""
    model = _indexed(workspace)
    return describe_backend(workspace.index / model, settings.encoder) if model else ""


def _describe_index(workspace: Workspace, settings: Settings) -> str:
    model = _indexed(workspace)
    if model is None or not workspace.catalog.exists():
        return "none yet: samesku index"
    with CatalogStore(workspace.catalog) as catalog:
        products = catalog.count()
    size = _megabytes(folder_bytes(workspace.index / model))
    return join_clauses([_index_state(workspace, settings, products), f"candidates by {model}, {size}"])


def _index_state(workspace: Workspace, settings: Settings, products: int) -> str:
    """Whether index and matcher match the present catalogue, labels, settings and encoder."""
    if products > _MAX_COMPARED_PRODUCTS:
        return f"not compared with {counted(products, 'product')}: {_UPDATE} if necessary"
    registry = Registry(workspace, settings)
    champion = registry.champion_id()
    trained = champion is not None and registry.is_trained(champion)
    if not trained and local_base(settings.encoder.model) is None:
        return "the encoder is not on this machine"
    encoder = registry.champion()
    with CatalogStore(workspace.catalog) as catalog:
        version = catalog.mark
    if not is_indexed(workspace, settings_fingerprint(workspace, settings, encoder), version):
        changed = " ".join(read_index_state(workspace).sentences())
        return changed or f"out of date (settings, vocabulary or encoder have changed since): {_UPDATE}"
    if current_matcher(workspace, settings, encoder) is None:
        return f"up to date except for the matcher (labels or settings have changed since): {_UPDATE}"
    return "up to date"


def _describe_models(workspace: Workspace, settings: Settings) -> str:
    registry = Registry(workspace, settings)
    tuned = registry.ids()
    size = _megabytes(sum(folder_bytes(registry.folder(id_)) for id_ in tuned))
    return "; ".join(
        [
            f"{len(tuned)} tuned ({size})" if tuned else "none tuned",
            f"champion: {registry.champion_id() or 'the base encoder'}",
            _describe_matcher(saved_matcher(workspace)),
        ]
    )


def _describe_matcher(matcher: Matcher | None) -> str:
    if matcher is None:
        return "no matcher yet"
    return (
        f"matcher fitted to {counted(matcher.labels, 'labelled pair')}" if matcher.labels else "matcher without labels"
    )


def _describe_caches(workspace: Workspace, settings: Settings) -> str:
    folders = [folder for folder in sorted(workspace.index.glob("*")) if folder.is_dir()]
    vectors = {folder: sum(map(folder_bytes, folder.glob("vectors-*.db"))) for folder in folders}
    parts = [f"vectors {_megabytes(sum(vectors.values()))}", f"derived.db {_megabytes(_size(workspace.derived))}"]
    used = _models_in_use(workspace, settings)
    if idle := [folder for folder in folders if folder.name not in used]:
        size = _megabytes(sum(map(folder_bytes, idle)))
        command = "rm -r " + " ".join(quote(str(folder)) for folder in idle)
        parts.append(f"{size} of encoders that are not in use; to remove them: {command}")
    return "; ".join(parts)


def _models_in_use(workspace: Workspace, settings: Settings) -> set[str]:
    """Ids of the encoders that the queue, a promotion or a rollback may need."""
    registry = Registry(workspace, settings)
    trained = {id_ for id_ in indexed_models(workspace.index) if registry.is_trained(id_)}
    indexed = _indexed(workspace)
    return trained | {promotion.model for promotion in registry.history()} | ({indexed} if indexed else set())


def _indexed(workspace: Workspace) -> str | None:
    """Id of the encoder that the candidates were computed with; None without candidates."""
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
