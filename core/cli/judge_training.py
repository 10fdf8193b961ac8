"""`samesku judge prepare` and `samesku judge train`: fine-tuning of a judge on the labels."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import Context, context_of
from core.cli.judge_options import DetachOption, judge_in_use, reports_interrupt, start_detached
from core.cli.judge_usage import print_usage
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.judge.backend import require_any_backend
from core.judge.calibrated_judge import calibration_pairs
from core.judge.finetune.chat_examples import write_training_data as write_examples
from core.judge.finetune.cross_encoder import train_cross_encoder
from core.judge.finetune.llm_recipe import read_recipe
from core.judge.finetune.splits import split_benchmark, split_workspace
from core.judge.finetune.train import create_tuned_judge, tune
from core.judge.model_folder import absolute_model_path
from core.judge.pair_context import pair_contexts
from core.judge.run import Budget, judge_pairs
from labels.wording import counted


def register(app: typer.Typer) -> None:
    """Add these verbs to `samesku judge`."""
    app.command("prepare")(prepare)
    app.command("train")(train)


def prepare(
    ctx: typer.Context,
    out: Annotated[
        Path, typer.Option(help="Folder for train.jsonl, valid.jsonl, test.jsonl and lora.yaml, e.g. examples.")
    ],
    model: Annotated[
        str,
        typer.Option(help="Language model to fine-tune, e.g. Qwen2.5-1.5B-Instruct.", show_default="judge.mlx_model"),
    ] = "",
    benchmark: Annotated[
        Path | None,
        typer.Option(
            help="Folder with train.csv and valid.csv to use instead of the labels, e.g. data/wa.", show_default=False
        ),
    ] = None,
    balance: Annotated[
        float | None,
        typer.Option(min=0.1, help="Non-matches per match, e.g. 2.", show_default=False),
    ] = None,
) -> None:
    """Write the labels as chat examples for a language model, and a LoRA recipe.

    The examples have the prompt and the answer of judge.mode; `short` makes training on a processor bearable.

    Example: samesku judge prepare --out examples --model Qwen2.5-1.5B-Instruct --balance 2
    """
    context = context_of(ctx)
    workspace, settings = context.workspace.require(), context.settings
    base = absolute_model_path(model) if model else settings.judge.mlx_model
    if not base:
        raise CoreError("No language model to fine-tune is named.", "Name it with --model, or set judge.mlx_model.")
    splits = split_workspace(workspace, settings) if benchmark is None else split_benchmark(benchmark)
    with context.reporter() as reporter:
        prepared = write_examples(
            workspace, splits, out, base, reporter,
            balance=balance, seed=settings.retrain.seed, short=settings.judge.mode == "short",
        )  # fmt: skip
        reporter.result(asdict(prepared))
    context.out.print(
        f"{counted(prepared.train, 'training example')} ({counted(prepared.train_matches, 'match', 'matches')}),"
        f" {prepared.valid:,} for validation, {prepared.test:,} for testing, in {out}"
    )
    context.out.print(
        f"Their length is unknown without the tokenizer of the model: max_seq_length is {prepared.max_seq_length:,}."
        if prepared.longest is None
        else f"The longest has {counted(prepared.longest, 'token')}; max_seq_length is {prepared.max_seq_length:,}."
    )
    context.out.print(f"Continue with: samesku judge train --config {out / 'lora.yaml'}")
    context.answer({**asdict(prepared), "folder": str(out)})


def train(
    ctx: typer.Context,
    cross_encoder: Annotated[
        bool, typer.Option("--cross-encoder", help="Train a cross-encoder, a small model.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="LoRA recipe of `judge prepare`, e.g. examples/lora.yaml.", show_default=False)
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Id of a judge to resume from its last checkpoint.", show_default=False),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(
            min=2, max=8, help="Quantise the model to this many bits first (QLoRA), e.g. 4.", show_default=False
        ),
    ] = None,
    fuse: Annotated[bool, typer.Option("--fuse", help="Also write the model with the adapter merged.")] = False,
    detach: DetachOption = False,
) -> None:
    """Fine-tune a judge on the labels: a cross-encoder, or a language model.

    Example: samesku judge train --cross-encoder --detach
    """
    context = context_of(ctx)
    context.workspace.require()
    if [cross_encoder, config is not None, resume is not None].count(True) != 1:
        raise CoreError(
            "No judge to train is named.", "Use one of --cross-encoder, --config examples/lora.yaml and --resume ID."
        )
    if bits is not None and config is None:
        raise typer.BadParameter("--bits requires --config: a model is quantised at the start of its training.")
    if fuse and cross_encoder:
        raise typer.BadParameter("--fuse requires --config or --resume: a cross-encoder has no adapter.")
    if not cross_encoder:
        require_any_backend()
    with context.exclusive("judge", "train", *(["--cross-encoder"] if cross_encoder else ["--resume"])):
        judge_id = "" if cross_encoder else resume or _new_judge(context, config, bits)
        if not detach:
            _train_cross_encoder(context) if cross_encoder else _tune(context, judge_id, fuse=fuse)
            return
    # The job takes the lock itself.
    start_detached(
        context, ["judge", "train"], {"--cross-encoder": cross_encoder, "--resume": judge_id or None, "--fuse": fuse}
    )


def _new_judge(context: Context, config: Path | None, bits: int | None) -> str:
    """Create a judge, and return its id, with which a job can be resumed."""
    assert config is not None  # noqa: S101 - asked for above
    return create_tuned_judge(context.workspace, read_recipe(config), bits=bits).id


def _tune(context: Context, judge_id: str, *, fuse: bool) -> None:
    command = f"samesku judge train --resume {judge_id}{' --fuse' if fuse else ''}"
    with (
        reports_interrupt(context, f"Ended; `{command}` continues from the last checkpoint."),
        context.reporter() as reporter,
    ):
        card = asdict(tune(context.workspace, judge_id, reporter, fuse=fuse, backend=context.settings.judge.backend))
        reporter.result(card)
    print_usage(context, card)
    context.answer(card)


def _train_cross_encoder(context: Context) -> None:
    with context.reporter() as reporter:
        with reports_interrupt(context, "Ended; the training was discarded."):
            result = train_cross_encoder(context.workspace, context.settings, reporter)
        result["calibrated_on"] = _calibrate(context, reporter)
        reporter.result(result)
    print_usage(context, result)
    context.answer(result)


def _calibrate(context: Context, reporter: Reporter) -> int:
    """Calibrate the new judge on the held-out labelled pairs. Returns their number."""
    workspace, settings = context.workspace, context.settings
    with judge_in_use(context, "cross-encoder") as judge:
        pairs = calibration_pairs(workspace, settings, judge)
        judge_pairs(pair_contexts(workspace, pairs), judge, Budget(), reporter, total=len(pairs))
        return sum(fitted.labels for fitted in judge.calibrate(workspace, settings))
