"""`samesku labels`: statistics, exchange, backup and verification of the label ledger."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.cli import labels_backup, labels_files
from core.cli.context import Context, context_of
from core.cli.rebuild import rebuilds_damage
from core.cli.verbs import LazyGroup, Verb
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


class _LabelVerbs(LazyGroup):
    """Verbs that compute with numpy, loaded when they are called: the desk waits for `labels stats`."""

    verbs = (
        Verb(
            "audit",
            "core.cli.labels_audit",
            "audit",
            "Estimate the precision of the bands and the recall of the matcher from a random sample that people check.",
        ),
        Verb(
            "contradictions",
            "core.cli.labels_audit",
            "contradictions",
            "List labels to adjudicate: pairs that people disagree about, and labels that contradict each other.",
        ),
        Verb(
            "agreement",
            "core.cli.labels_people",
            "agreement",
            "Inter-annotator agreement: observed agreement, Cohen's kappa, Krippendorff's alpha, Gwet's AC1.",
        ),
        Verb(
            "people",
            "core.cli.labels_people",
            "people",
            "Statistics per annotator: decisions, abstentions, speed, accuracy, and accuracy by hour of the session.",
        ),
    )


app = typer.Typer(
    cls=_LabelVerbs,
    help="The label ledger: statistics, export, import, backup, verification.",
    no_args_is_help=True,
)
labels_files.register(app)
labels_backup.register(app)


@app.command("stats")
@rebuilds_damage
def stats(ctx: typer.Context) -> None:
    """Print the labelling progress: pairs by label, side and strength, queries by stream, open work.

    Pairs are counted by their current use. Labels on products that were replaced or removed count as `outdated`.
    Streams are counted in queries, like at the desk.

    Example: samesku labels stats --json
    """
    context = context_of(ctx)
    figures = label_counts(context.workspace.require(), context.settings)
    annotators = figures["annotators"]
    if not is_lead(context.settings, context.annotator) and isinstance(annotators, dict):
        # Only leads see the figures of others.
        figures["annotators"] = {context.annotator: annotators.get(context.annotator, 0)}
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in _lines(figures):
        table.add_row(Text(safe(name)), f"{count:,}")
    context.out.print(table)
    promotion = figures["promotion"]
    if isinstance(promotion, dict) and promotion["remark"]:
        context.out.print(promotion["remark"], markup=False)
    context.answer(figures)


#: Title of a group of figures; its parts follow.
_GROUPS = {
    "annotators": "decisions by {}", "by_decision": "decisions: {}", "by_stream": "decisions, stream {}",
    "by_side": "decisions for {}", "by_day": "queries answered on {}", "streams": "queries of stream {}",
    "outdated": "outdated: {}", "promotion": "{}",
}  # fmt: skip
#: Words for the keys of figures; of any other, underscores become spaces.
_WORDS = {
    "non_matches": "non-matches", "no_match": "no match", "train": "training",
    "changed": "labels on replaced products", "gone": "labels on removed products",
    "queries": "queries to answer again", "done": "answered", "total": "in all",
    "eval_queries": "evaluation queries with a match", "missing": "more of them until a retrain can promote",
}  # fmt: skip


def _lines(figures: dict[str, object]) -> Iterator[tuple[str, int]]:
    """Title and value per count; of groups only non-zero counts, such as `decisions, stream triage`."""
    for name, value in figures.items():
        if isinstance(value, dict):
            for part, count in _parts(value, words=name != "annotators"):
                if count:
                    yield _GROUPS.get(name, "{}").format(part), count
        elif isinstance(value, int):
            yield _word(name), value


def _parts(group: dict[str, object], *, words: bool) -> Iterator[tuple[str, int]]:
    for name, value in group.items():
        title = _word(name) if words else name
        if isinstance(value, dict):
            yield from ((f"{title}, {part}", count) for part, count in _parts(value, words=words))
        elif isinstance(value, int):
            yield title, value


def _word(key: str) -> str:
    return _WORDS.get(key, key.replace("_", " "))


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    batch: Annotated[str, typer.Argument(help="Name of the run, as printed by `samesku match --auto`.")],
) -> None:
    """Revoke all decisions of one run of `samesku match --auto`.

    Example: samesku labels revoke auto-1a2b3c4d
    """
    context = context_of(ctx)
    with LabelStore(context.workspace.require().labels) as store:
        count = store.revoke(batch, MACHINE)
    if not count:
        raise CoreError(
            f"There are no decisions of a run named {batch}.",
            "`samesku match --auto` prints the name of the run.",
        )
    context.out.print(f"The machine's decisions on {counted(count, 'query', 'queries')} are revoked.")
    context.answer({"batch": batch, "queries": count})


@app.command("verify")
def verify(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A backup to verify.", show_default="the ledger")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of backups that the file must continue, e.g. /mnt/backup; repeatable.", show_default=False
        ),
    ] = None,
) -> None:
    """Verify labels.db: schema, database pages, hash chain, current state against the events, and backups.

    It is always compared with the backups of the workspace; --against adds other copies. Exits with 1 on a problem.

    Example: samesku labels verify --against /mnt/backup
    """
    context = context_of(ctx)
    result = check(file or context.workspace.labels, against or [])
    for problem in result.problems:
        context.out.print(f"✗ {problem}")
    context.out.print(
        f"{counted(result.events, 'event')}; " + ("no problems found." if result.ok else "problems found.")
    )
    context.answer({"ok": result.ok, "events": result.events, "problems": list(result.problems)})
    if file is None and any(map(concerns_ledger, result.problems)):
        _print_restore_hint(context)
    if not result.ok:
        raise typer.Exit(1)


def _print_restore_hint(context: Context) -> None:
    """Print how to restore the ledger, and what restoring the last backup would drop."""
    found = backups(context.workspace.backups)
    if not found:
        ledger = context.workspace.labels
        context.out.print(
            "There is no backup. `samesku labels restore FILE` restores one from elsewhere. If the events are intact,"
            f" move {ledger.name} and {marker_path(ledger).name} to another folder: `samesku labels merge FILE`"
            " imports them into a new ledger."
        )
        return
    with suppress(SameskuError):
        context.out.print(
            f"`samesku labels restore latest` restores {found[-1].description}, and keeps the current file. "
            + compute_loss(found[-1].path, context.workspace.labels).sentence()
            + " If the events of the kept file are intact, `samesku labels merge FILE` then adds those that the backup"
            " lacks."
        )
