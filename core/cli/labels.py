"""`samesku labels`: what is in the ledger, in and out, and whether it is sound."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.cli import labels_audit, labels_backup, labels_files
from core.cli.context import Context, context_of
from core.cli.labels_people import agreement, people
from core.cli.rebuild import rebuilds_damage
from core.errors import CoreError
from core.permissions import is_lead
from core.queue.label_counts import label_counts
from core.text.safe import safe
from labels.backup_index import backups, concerns_ledger
from labels.database import marker_path
from labels.errors import SameskuError
from labels.model import MACHINE
from labels.restore import compute_loss
from labels.store import LabelStore
from labels.verify import verify as check
from labels.wording import counted

app = typer.Typer(help="The ledger: statistics, export, import, check.", no_args_is_help=True)
labels_audit.register(app)
labels_files.register(app)
labels_backup.register(app)
app.command("agreement")(agreement)
app.command("people")(people)


@app.command("stats")
@rebuilds_damage
def stats(ctx: typer.Context) -> None:
    """How far the labelling is: what was decided, in which stream, for which use, and what waits for somebody.

    Pairs are counted as they train and judge now; labels on products that are other articles now, or gone, stand under
    `outdated`. Streams are counted in queries, as at the desk.
    """
    context = context_of(ctx)
    figures = label_counts(context.workspace.require(), context.settings)
    annotators = figures["annotators"]
    if not is_lead(context.settings, context.annotator) and isinstance(annotators, dict):
        # Other people's figures are for leads to see.
        figures["annotators"] = {context.annotator: annotators.get(context.annotator, 0)}
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in _lines(figures):
        table.add_row(Text(safe(name)), f"{count:,}")
    context.out.print(table)
    context.answer(figures)


def _lines(figures: dict[str, object]) -> Iterator[tuple[str, int]]:
    """A line for each count, and for each of a group that is not zero: `by stream, triage`."""
    for name, value in figures.items():
        title = name.replace("_", " ")
        if isinstance(value, dict):
            group = "decisions by " if name == "annotators" else f"{title}, "
            yield from ((group + part, count) for part, count in _lines(value) if count)
        elif isinstance(value, int):
            yield title, value


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    batch: Annotated[str, typer.Argument(help="The name that `samesku match --auto` gave.")],
) -> None:
    """Take back everything that one run of `match --auto` decided.

    Example: samesku labels revoke auto-1a2b3c4d
    """
    context = context_of(ctx)
    with LabelStore(context.workspace.require().labels) as store:
        count = store.revoke(batch, MACHINE)
    if not count:
        raise CoreError(
            f"No answers of a run named {batch} are there to take back.",
            "`samesku match --auto` says the name of the answers that it writes.",
        )
    context.out.print(f"The machine's answers to {counted(count, 'query', 'queries')} are taken back.")
    context.answer({"batch": batch, "queries": count})


@app.command("verify")
def verify(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A backup; else the ledger.", show_default=False)] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of backups that it must be a continuation of; several times for several.", show_default=False
        ),
    ] = None,
) -> None:
    """Check labels.db: its schema, its pages, its hashes, the current state against the events, and its backups.

    The workspace's own backups are always compared; --against adds copies that are kept elsewhere.

    Example: samesku labels verify --against /mnt/backup
    """
    context = context_of(ctx)
    result = check(file or context.workspace.labels, against or [])
    for problem in result.problems:
        context.out.print(f"✗ {problem}")
    context.out.print(f"{counted(result.events, 'event')}; " + ("all is well." if result.ok else "something is wrong."))
    context.answer({"ok": result.ok, "events": result.events, "problems": list(result.problems)})
    if file is None and any(map(concerns_ledger, result.problems)):
        _tell_way_back(context)
    if not result.ok:
        raise typer.Exit(1)


def _tell_way_back(context: Context) -> None:
    """What going back to the last backup would drop, where there is one."""
    found = backups(context.workspace.backups)
    if not found:
        ledger = context.workspace.labels
        context.out.print(
            "There is no backup to go back to. `samesku labels restore FILE` takes one from elsewhere. Where its events"
            f" are sound, move {ledger.name} and {marker_path(ledger).name} to another folder:"
            " `samesku labels merge FILE` brings them into a new ledger."
        )
        return
    with suppress(SameskuError):
        context.out.print(
            f"`samesku labels restore latest` goes back to {found[-1].description}, and keeps what is there now. "
            + compute_loss(found[-1].path, context.workspace.labels).sentence()
            + " Where its events are sound, `samesku labels merge FILE` brings in what only the kept file holds."
        )
