"""`samesku labels backup`, `backups`, `restore` and `query`: backup, restore and SQL access to the ledger."""

import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.cli.context import Context, context_of
from core.errors import CoreError
from core.permissions import require_lead
from core.text.safe import safe
from labels.backup import backup as create_backup
from labels.backup_index import Backup, last_event
from labels.backup_index import backups as backups_in
from labels.database import has_marker
from labels.errors import LabelsError
from labels.exchange.files import require_folder
from labels.restore import Loss, check_restore, compute_loss
from labels.restore import restore as restore_ledger
from labels.snapshot import open_existing, table_names
from labels.sql_query import query as run_query
from labels.wording import counted

_LATEST = "latest"


def backup(
    ctx: typer.Context,
    to: Annotated[
        Path | None,
        typer.Option(help="Another folder, e.g. /mnt/backup, in which no backup is ever deleted.", show_default=False),
    ] = None,
) -> None:
    """Back up the ledger, and verify the copy. Labelling can continue meanwhile.

    Example: samesku labels backup --to /mnt/backup
    """
    context = context_of(ctx)
    workspace = context.workspace
    if to:
        require_folder(to)  # a mount point that is missing must not become a folder on the local disk
    if not (workspace.labels.exists() or has_marker(workspace.labels) or workspace.backups.exists()):
        workspace.require()
    folder, keep = (to, None) if to else (workspace.backups, context.settings.labels.backups)
    made = create_backup(workspace.labels, folder, keep)
    context.out.print(f"{counted(made.events, 'event')} in {made.path}")
    context.answer({"file": str(made.path), "events": made.events, "at": made.at.isoformat()})


def backups(ctx: typer.Context) -> None:
    """List the backups of the workspace, the latest last.

    Example: samesku labels backups
    """
    context = context_of(ctx)
    found = backups_in(context.workspace.backups)
    table = Table(box=None, pad_edge=False)
    for heading in ("made (UTC)", "events", "bytes", "file"):
        # File names are not folded, so that they can be copied.
        table.add_column(
            heading, justify="right" if heading in {"events", "bytes"} else "left", overflow="fold",
            no_wrap=heading == "file",
        )  # fmt: skip
    rows: list[dict[str, object]] = []
    for one in found:
        size = one.path.stat().st_size
        at = one.at.isoformat()
        rows.append({"file": str(one.path), "events": one.events, "at": at, "bytes": size, "readable": _readable(one)})
        table.add_row(f"{one.at:%Y-%m-%d %H:%M:%S}", f"{one.events:,}", f"{size:,}", one.path.name)
    context.out.print(table if found else f"There are no backups in {context.workspace.backups} yet.")
    context.answer({"backups": rows, "events": _events_now(context)})


def _readable(one: Backup) -> bool:
    """Whether the last event of the backup matches its name."""
    with suppress(LabelsError):
        one.last_event()
        return True
    return False


def _events_now(context: Context) -> int | None:
    """Number of events in the ledger; None if it cannot be read."""
    with suppress(LabelsError), open_existing(context.workspace.labels) as ledger:
        return int(str(last_event(ledger).get("seq", 0))) if table_names(ledger) else 0
    return None


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A backup: a file, a name that `labels backups` lists, or latest.")],
    force: Annotated[bool, typer.Option("--force", help="Restore even while people have queries open.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before events are dropped.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify the backup, without restoring it.")] = False,
) -> None:
    """Restore a backup. It is verified first, and the current file is kept.

    If the ledger has events that the backup lacks, their number is printed, and a confirmation is asked for.

    Example: samesku labels restore latest
    """
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads restore the ledger.")
    source = _latest(context) if str(file) == _LATEST else _backup_path(context, file)
    if dry_run:
        _rehearse(context, source)
        return
    confirm = None if yes else partial(_confirm, context, source)
    done = restore_ledger(source, context.workspace.labels, force=force, confirm=confirm)
    context.out.print(f"The ledger is restored from {source}, with {counted(done.events, 'event')}.")
    if done.previous:
        file_name = "damaged" if done.damaged else "previous"
        context.out.print(f"The {file_name} file is kept as {done.previous}")
    if done.set_aside:
        context.out.print(
            f"{counted(len(done.set_aside), 'later backup was', 'later backups were')} moved to"
            f" {done.set_aside[0].parent}."
        )
    context.answer(
        {
            "file": str(source),
            "events": done.events,
            "dropped": done.dropped,
            "kept": done.previous and str(done.previous),
            "damaged": done.damaged,
            "set_aside": [str(path) for path in done.set_aside],
        }
    )


def _backup_path(context: Context, file: Path) -> Path:
    """The file, or the backup of this name, as `labels backups` lists it."""
    backup = context.workspace.backups / file.name
    return backup if file.name == str(file) and not file.exists() and backup.exists() else file


def _rehearse(context: Context, source: Path) -> None:
    """Verify a backup, and print what restoring it would drop."""
    ledger = context.workspace.labels
    events = check_restore(source, ledger, context.annotator)
    dropped = compute_loss(source, ledger)
    context.out.print(
        f"{source} is intact and can be restored; it holds {counted(events, 'event')}. Nothing was changed."
    )
    context.out.print(dropped.sentence())
    context.answer({"file": str(source), "events": events, "loss": dropped.sentence(), **dropped.as_dict()})


def _confirm(context: Context, source: Path, dropped: Loss) -> None:
    """Ask for confirmation to drop events; without a terminal, refuse.

    Raises:
        CoreError: it was not confirmed.
    """
    if not (sys.stdin.isatty() and context.err.is_terminal):
        raise CoreError(
            f"{source} was not restored. {dropped.sentence()}",
            "Add --yes to restore it anyway; the current file is kept.",
        )
    question = safe(f"{dropped.sentence()} The current file is kept. Restore {source}?")
    if not typer.confirm(question, default=False, err=True):
        raise CoreError(f"{source} was not restored.", "Nothing was changed.")


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT statement.")],
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows, e.g. 100.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.01, help="Time limit in seconds, e.g. 5.")] = 30.0,
) -> None:
    """Query the ledger in SQL, read-only. labels/SCHEMA.md documents the tables.

    Example: samesku labels query "SELECT annotator, count(*) FROM current GROUP BY annotator"
    """
    context = context_of(ctx)
    answer = run_query(context.workspace.labels, sql, limit=limit, seconds=seconds)
    rows = [[_cell(value) for value in row] for row in answer.rows]
    if context.out.is_terminal and not _fits(answer.columns, rows, context.out.width):
        for row in rows:
            for column, cell in zip(answer.columns, row, strict=True):
                context.out.print(Text.assemble((f"{safe(column)}: ", "dim"), cell))
            context.out.print()
    elif context.out.is_terminal:
        table = Table(box=None, pad_edge=False)
        for column, sample in zip(answer.columns, answer.rows[0] if answer.rows else answer.columns, strict=True):
            table.add_column(Text(safe(column)), justify="right" if isinstance(sample, int | float) else "left")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        context.out.print(table)
    elif not context.json:
        for line in ([safe(column) for column in answer.columns], *rows):
            sys.stdout.write("\t".join(line) + "\n")
    if answer.more:
        context.err.print(f"There are more rows than the {limit:,} shown; --limit shows more.")
    values = [[_plain(value) for value in row] for row in answer.rows]
    context.answer({"columns": list(answer.columns), "rows": values, "more": answer.more})


def _latest(context: Context) -> Path:
    found = backups_in(context.workspace.backups)
    if not found:
        raise CoreError(f"There are no backups in {context.workspace.backups}.", "Name a backup file elsewhere.")
    return found[-1].path


def _fits(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a table of the rows fits the terminal, with two cells between columns."""
    widths = [max(len(column), *(len(row[place]) for row in rows), 0) for place, column in enumerate(columns)]
    return sum(widths) + 2 * (len(widths) - 1) <= width


def _cell(value: object) -> str:
    return "" if value is None else safe(str(_plain(value)))


def _plain(value: object) -> object:
    """A value as JSON: bytes in hexadecimal, non-finite numbers as strings."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def register(app: typer.Typer) -> None:
    """Add these verbs to `samesku labels`."""
    for verb in (backup, backups, restore, query):
        app.command(verb.__name__)(verb)
