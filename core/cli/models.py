"""`samesku models`: list, compare, promote, merge and export the encoders of a workspace."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.rebuild import rebuilds_damage, update_index
from core.cli.tables import changes, model_metrics, moves
from core.errors import CoreError, ModelError
from core.evaluation.comparison_report.page import default_report_path, require_report_libraries, write_report
from core.evaluation.model_comparison import ModelComparison, compare_models
from core.jobs.progress import Reporter
from core.permissions import require_lead
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder import load
from core.retrieval.encoder_registry import BASE, Registry
from core.training.export.export import ExportFormat, export_model, summary
from core.training.merge import merge as merge_adapter
from core.workspace import Workspace
from labels.exchange.files import require_writable, unknown_ending
from labels.wording import counted, evaluation_set

app = typer.Typer(help="The encoders: list, show, compare, promote, roll back, merge, export.", no_args_is_help=True)


@app.command("list")
def list_models(ctx: typer.Context) -> None:
    """List all trained encoders, with the champion marked.

    Example: samesku models list
    """
    context = context_of(ctx)
    registry = Registry(context.workspace.require(), context.settings)
    cards = registry.cards()
    with closing(CandidateStore(context.workspace.derived)) as candidates:
        # Before the first promotion it is the base encoder that was indexed.
        champion = registry.champion_id() or candidates.model
    table = Table(box=None, pad_edge=False)
    for heading in ("", "model", "base", "created", "triplets", "hit@1", "mrr@10", "evaluated on"):
        numeric = heading in {"triplets", "hit@1", "mrr@10"}
        # Ids are not folded, so that they can be copied.
        table.add_column(
            heading, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric or heading == "model"
        )
    for card in cards:
        table.add_row(
            "●" if card.id == champion else "", card.id, card.base, card.created_at,
            str(card.trained_on.get("triplets", "")),
            *(f"{card.metrics[name]:.3f}" if name in card.metrics else "" for name in ("hit@1", "mrr@10")),
            evaluation_set(card.judged_on),
        )  # fmt: skip
    if champion is not None and champion not in {card.id for card in cards}:
        table.add_row("●", champion, "", "", "", "", "", "")
    context.out.print(table)
    if not cards:
        context.out.print("Only the base encoder so far; `samesku retrain` trains another.")
    context.answer({"champion": champion, "models": [asdict(card) for card in cards]})


@app.command("show")
def show(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="Id of an encoder, as listed by `samesku models list`.")],
) -> None:
    """Print the model card of an encoder.

    Example: samesku models show lora-20260101-120000-ab12
    """
    context = context_of(ctx)
    facts = asdict(Registry(context.workspace.require(), context.settings).card(model))
    for name, value in facts.items():
        context.out.print(f"{name.replace('_', ' ')}: {_fact_text(name, value)}")
    context.answer(facts)


def _fact_text(name: str, value: object) -> str:
    """A fact of a model card in words."""
    if name == "parts" and isinstance(value, dict):
        return counted(len(value), "file")  # with a digest each, which only --json has
    if name == "judged_on":
        return evaluation_set(str(value))
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_number_text(each)}" for key, each in value.items())
    return str(value)


def _number_text(value: object) -> str:
    if isinstance(value, tuple | list):
        return " to ".join(map(_number_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@app.command("compare")
@rebuilds_damage
def compare(
    ctx: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            help="Encoders: ids, `base` for the base encoder of the settings, or folders. The first is the reference.",
            metavar="ID",
            show_default=False,
        ),
    ],
    report: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the report, an HTML file that opens without a network.",
            metavar="FILE.html",
            show_default="reports/comparison-TIME.html in the workspace",
        ),
    ] = None,
) -> None:
    """Compare any number of encoders with the first, on the validation set.

    Retrieval metrics on its queries, separation of matches and non-matches on its pairs, both with 95 % intervals and
    paired significance; query by query what became better or worse. The report has curves, a map, and the examples.

    Example: samesku models compare base lora-20260101-120000-ab12 --report comparison.html
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    if report is not None:
        _check_report(report)
    with context.reporter() as reporter:
        compared = compare_models(workspace, context.settings, models, reporter)
        written = _write_report(workspace, compared, report, reporter)
        reporter.result(_outcome(compared))
    _print_comparison(context, compared)
    if written is not None:
        context.out.print(f"Report: {written}")
    context.answer(compared.as_json() | {"report": None if written is None else str(written)})


def _check_report(path: Path) -> None:
    """Check before the work that the report can be made and written.

    Raises:
        CoreError: libraries are missing, or the extension is another.
        LabelsError: the file cannot be written.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise CoreError(*unknown_ending(path, (".html",)))
    require_report_libraries()
    require_writable(path)


def _write_report(
    workspace: Workspace, compared: ModelComparison, path: Path | None, reporter: Reporter
) -> Path | None:
    """Write the report. Returns its path; None where the libraries are missing and no report was asked for."""
    path_or_default = path or default_report_path(workspace, compared)
    try:
        require_report_libraries()
    except CoreError as error:
        reporter.message(f"{error.message} {error.hint}")
        return None
    reporter.stage("write the report")
    write_report(path_or_default, compared)
    return path_or_default


def _outcome(compared: ModelComparison) -> dict[str, object]:
    """The result of the job: the last model against the reference."""
    found: dict[str, object] = {"judged_on": compared.evaluated_on.name}
    for change in compared.changes[-1:]:
        counts = {name: change.counts(name) for name in change.rankings}
        found |= {"before": change.before, "after": change.after, "counts": counts}
    return found


def _print_comparison(context: Context, compared: ModelComparison) -> None:
    data = compared.evaluated_on
    context.out.print(
        f"{counted(len(data.gold), 'query', 'queries')} with a known match, {counted(len(data.pairs), 'labelled pair')}"
        f" ({evaluation_set(data.name)}); 95 % intervals below the values"
    )
    context.out.print(model_metrics(compared))
    if compared.changes:
        context.out.print(f"▲ ▼ significantly better or worse than {compared.reference.id}")
    for change in compared.changes:
        context.out.print(f"\n{change.before} → {change.after}")
        context.out.print(changes(change))
    if len(compared.changes) == 1:
        context.out.print(moves(compared.changes[0], compared.changes[0].rankings[0]))


@app.command("promote")
def promote(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="Id of an encoder, as listed by `samesku models list`.")],
    force: Annotated[
        bool, typer.Option("--force", help="Promote an encoder that was not better when it was trained; recorded.")
    ] = False,
) -> None:
    """Make an encoder the champion, and index again.

    If it is the champion already, only changes are indexed.

    Example: samesku models promote lora-20260101-120000-ab12
    """
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads promote encoders.")
    registry = Registry(context.workspace.require(), context.settings)
    rejection = registry.rejection(model)
    if rejection and not force:
        raise ModelError(
            f"{model} was not promoted after its training. {rejection}",
            f"`samesku models promote {model} --force` promotes it all the same, and records that.",
        )
    with context.exclusive("models", "promote", model):
        if model != registry.champion_id():
            # Loaded before it is the champion: an unusable one would leave the workspace without an index.
            load(registry.get(model), context.settings.encoder.max_tokens)
        if not registry.promote(model, f"by {context.annotator}{', forced' if rejection else ''}"):
            context.out.print(f"{model} was the champion already.")
        _index(context, model)


@app.command("rollback")
def rollback(ctx: typer.Context) -> None:
    """Make the previous champion the champion again, and index. A second rollback goes one further back.

    Example: samesku models rollback
    """
    context = context_of(ctx)
    require_lead(context.settings, context.annotator, "Only leads promote encoders.")
    registry = Registry(context.workspace.require(), context.settings)
    with context.exclusive("models", "rollback"):
        _index(context, registry.rollback())


@app.command("export")
def export(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            help="Encoder: an id, `base` for the base encoder of the settings, or a folder.",
            metavar="ID",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the files; new or empty.",
            metavar="FOLDER",
            show_default="reports/ID-FORMAT in the workspace",
        ),
    ] = None,
    form: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="sentence-transformers: a folder for SentenceTransformer(FOLDER). onnx: a graph with pooling and"
            " normalisation, for onnxruntime. adapter: the LoRA weights alone, for peft.",
        ),
    ] = ExportFormat.SENTENCE_TRANSFORMERS,
) -> None:
    """Export an encoder to a folder that loads without samesku, with its model card.

    The exported files encode some texts of the catalogue; unless the vectors are those of the encoder, nothing is
    written. Prints the code that loads them.

    Example: samesku models export lora-20260101-120000-ab12 --format onnx --out encoder
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    with context.reporter() as reporter:
        made = export_model(workspace, context.settings, model, form, out, reporter)
        reporter.result({"model": made.model, "folder": str(made.folder)})
    for line in summary(made):
        context.out.print(line)
    context.answer(asdict(made) | {"folder": str(made.folder)})


@app.command("merge")
def merge(
    ctx: typer.Context,
    adapter: Annotated[
        Path,
        typer.Argument(
            help="Folder of a LoRA adapter of peft, trained here or elsewhere.", metavar="FOLDER", show_default=False
        ),
    ],
    base: Annotated[
        str,
        typer.Option(
            help="The base that the adapter was trained on: `base` for the base encoder of the settings, an id, a"
            " preset, a name on the hub, or a folder.",
            metavar="NAME",
        ),
    ] = BASE,
) -> None:
    """Merge an adapter into its base, and add the encoder to `samesku models list`. It is not promoted.

    An adapter that records another base, or that does not change the vectors, is refused.

    Example: samesku models merge adapter --base all-mpnet-base-v2
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    with context.reporter() as reporter:
        card = merge_adapter(workspace, context.settings, adapter, base, reporter)
        reporter.result({"model": card.id})
    context.out.print(f"{card.id} is {adapter} merged into {card.parent}.")
    context.out.print(f"`samesku models compare {BASE} {card.id}` measures it.")
    context.answer(asdict(card))


def _index(context: Context, model: str) -> None:
    with context.reporter() as reporter:
        update_index(context, reporter)
        reporter.result({"model": model})
    context.out.print(f"{model} is the champion.")
    context.answer({"champion": model})
