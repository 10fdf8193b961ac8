"""`samesku labels backup`, `backups`, `restore` and `query`: the ledger kept safe, and laid open."""

import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.cli.context import Context, context_of
from core.errors import CoreError
from core.permissions import require_lead
from core.text.safe import safe
from labels.backup import backup as make
from labels.backup_index import backups as found_in
from labels.backup_index import last_event
from labels.errors import LabelsError
from labels.restore import check_restore, compute_loss
from labels.restore import restore as put_back
from labels.snapshot import open_existing, table_names
from labels.sql_query import query as ask
from labels.wording import counted

if TYPE_CHECKING:
    from labels.backup_index import Backup
    from labels.restore import Loss

_LATEST = "latest"


def backup(
    ctx: typer.Context,
    to: Annotated[
        Path | None, typer.Option(help="Another folder; nothing in it is ever deleted.", show_default=False)
    ] = None,
) -> None:
    """Back up the ledger, also while people label. The copy is checked before it counts.

    Example: samesku labels backup --to /mnt/backup
    """
    context = context_of(ctx)
    workspace = context.workspace
    folder, keep = (to, None) if to else (workspace.backups, context.settings.labels.backups)
    made = make(workspace.labels, folder, keep)
    context.out.print(f"{counted(made.events, 'event')} in {made.path}")
    context.answer({"file": str(made.path), "events": made.events, "at": made.at.isoformat()})


def backups(ctx: typer.Context) -> None:
    """The backups of this workspace, the newest last."""
    context = context_of(ctx)
    found = found_in(context.workspace.backups)
    table = Table(box=None, pad_edge=False)
    for heading in ("made (UTC)", "events", "bytes", "file"):
        # A name is there to be copied.
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


def _readable(one: "Backup") -> bool:
    """Whether it ends where its name says, which one row tells."""
    with suppress(LabelsError):
        one.last_event()
        return True
    return False


def _events_now(context: Context) -> int | None:
    """How many events the ledger holds; None where it cannot be read."""
    with suppress(LabelsError), open_existing(context.workspace.labels) as ledger:
        return int(str(last_event(ledger).get("seq", 0))) if table_names(ledger) else 0
    return None


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A backup, or latest.")],
    force: Annotated[bool, typer.Option("--force", help="Also while people have queries on their screens.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also where events would be dropped.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check whether it would do.")] = False,
) -> None:
    """Go back to a backup. It is checked first, and what is there now is kept.

    Where the ledger has events that the backup lacks, it says how many and asks.

    Example: samesku labels restore latest
    """
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads restore the ledger.")
    source = _latest(context) if str(file) == _LATEST else file
    if dry_run:
        _rehearse(context, source)
        return
    confirm = None if yes else partial(_confirm, context, source)
    done = put_back(source, context.workspace.labels, force=force, confirm=confirm)
    context.out.print(f"The ledger is that of {source} again, with {counted(done.events, 'event')}.")
    if done.previous:
        what = "The damaged file" if done.damaged else "What was there before"
        context.out.print(f"{what} is kept as {done.previous}")
    if done.set_aside:
        context.out.print(
            f"{counted(len(done.set_aside), 'later backup is', 'later backups are')} in {done.set_aside[0].parent} now."
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


def _rehearse(context: Context, source: Path) -> None:
    """Say whether a restore would do, and what it would drop."""
    ledger = context.workspace.labels
    events = check_restore(source, ledger, context.annotator)
    dropped = compute_loss(source, ledger)
    context.out.print(f"{source} is sound and would do; it holds {counted(events, 'event')}. Nothing was changed.")
    context.out.print(dropped.sentence())
    context.answer({"file": str(source), "events": events, "loss": dropped.sentence(), **dropped.as_dict()})


def _confirm(context: Context, source: Path, dropped: "Loss") -> None:
    """Ask whether events may be dropped; where nobody can be asked, they may not.

    Raises:
        CoreError: they may not.
    """
    if not (sys.stdin.isatty() and context.err.is_terminal):
        raise CoreError(
            f"{source} was not restored. {dropped.sentence()}",
            "Add --yes to restore it all the same; what is there now is kept.",
        )
    question = safe(f"{dropped.sentence()} What is there now is kept. Go back to {source}?")
    if not typer.confirm(question, default=False, err=True):
        raise CoreError(f"{source} was not restored.", "Nothing was changed.")


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT.")],
    limit: Annotated[int, typer.Option(min=1, help="How many rows at most.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long it may take.")] = 30.0,
) -> None:
    """Ask the ledger anything, in SQL. Nothing can be changed this way; labels/SCHEMA.md explains the tables.

    Example: samesku labels query "SELECT annotator, count(*) FROM current GROUP BY annotator"
    """
    context = context_of(ctx)
    answer = ask(context.workspace.labels, sql, limit=limit, seconds=seconds)
    rows = [[_shown(value) for value in row] for row in answer.rows]
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
        context.err.print(f"There are more rows than these {limit:,}; --limit shows more.")
    values = [[_plain(value) for value in row] for row in answer.rows]
    context.answer({"columns": list(answer.columns), "rows": values, "more": answer.more})


def _latest(context: Context) -> Path:

    found = found_in(context.workspace.backups)
    if not found:
        raise CoreError(f"There are no backups in {context.workspace.backups}.", "Name the file of one elsewhere.")
    return found[-1].path


def _fits(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a table of the rows is no wider than the terminal, two cells between columns."""
    widest = [max(len(column), *(len(row[place]) for row in rows), 0) for place, column in enumerate(columns)]
    return sum(widest) + 2 * (len(widest) - 1) <= width


def _shown(value: object) -> str:
    return "" if value is None else safe(str(_plain(value)))


def _plain(value: object) -> object:
    """A value that JSON can hold: bytes as hexadecimal digits, infinity as a word."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def register(app: typer.Typer) -> None:
    """Put these verbs under `samesku labels`."""
    for verb in (backup, backups, restore, query):
        app.command(verb.__name__)(verb)
