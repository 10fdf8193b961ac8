"""`samesku judge prepare` and `samesku judge train`: a judge of one's own."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.context import Context, context_of
from core.cli.judge_options import DetachOption, judge_in_use, reports_interrupt, start_detached
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.judge.calibrated import calibration_pairs
from core.judge.finetune.chat_examples import prepare as write
from core.judge.finetune.cross_encoder import train_cross_encoder
from core.judge.finetune.recipe import read_recipe
from core.judge.finetune.splits import split_benchmark, split_workspace
from core.judge.finetune.storage import adapter_of
from core.judge.finetune.train import begin, tune
from core.judge.mlx_model import require_mlx, whole_path
from core.judge.pair_context import pair_contexts
from core.judge.run import Budget, judge_pairs
from core.text.safe import safe
from labels.wording import counted


def print_usage(context: Context, result: Mapping[str, Any]) -> None:
    """Print how it is put in use.

    Args:
        context: of the verb.
        result: what `judge train` has reported.
    """
    for line in _of_language_model(context, result) if "recipe" in result else _of_cross_encoder(result):
        # Not broken at the screen's edge: these are lines to copy.
        context.out.print(safe(line), soft_wrap=True)


def _of_language_model(context: Context, card: Mapping[str, Any]) -> list[str]:
    return [
        f"{card['id']} is trained. To use it, set in samesku.toml, under [judge]:",
        'use = ["mlx"]',
        f'mlx_model = "{card["base"]}"',
        f'mlx_adapter = "{adapter_of(context.workspace, card["id"])}"',
    ]


def _of_cross_encoder(card: Mapping[str, Any]) -> list[str]:
    return [
        f"{card['id']} has learnt from {counted(card['pairs'], 'labelled pair')}.",
        "`samesku judge test --judge cross-encoder` measures it. To use it, set in samesku.toml, under [judge]:",
        'use = ["cross-encoder"]',
    ]


def register(app: typer.Typer) -> None:
    """Put these verbs under `samesku judge`."""
    app.command("prepare")(prepare)
    app.command("train")(train)


def prepare(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="The folder for train, valid and test.jsonl and lora.yaml.")],
    model: Annotated[str, typer.Option(help="What shall be tuned; else judge.mlx_model.", show_default=False)] = "",
    benchmark: Annotated[
        Path | None,
        typer.Option(help="A folder with train.csv and valid.csv in place of the labels.", show_default=False),
    ] = None,
    balance: Annotated[
        float | None,
        typer.Option(min=0.1, help="So many pairs that do not match for each that does.", show_default=False),
    ] = None,
) -> None:
    """Labels as lessons for a language model, and the recipe by which mlx-lm tunes it.

    Example: samesku judge prepare --out lessons --model Qwen2.5-1.5B-Instruct --balance 2
    """
    context = context_of(ctx)
    workspace, settings = context.workspace.require(), context.settings
    chosen = whole_path(model) if model else settings.judge.mlx_model
    if not chosen:
        raise CoreError("Which language model shall be tuned?", "Name it with --model, or set judge.mlx_model.")
    sides = split_workspace(workspace, settings) if benchmark is None else split_benchmark(benchmark)
    with context.reporter() as reporter:
        found = write(workspace, sides, out, chosen, reporter, balance=balance, seed=settings.retrain.seed)
        reporter.result(asdict(found))
    context.out.print(
        f"{counted(found.train, 'lesson')} to learn from ({counted(found.train_matches, 'match', 'matches')}),"
        f" {found.valid:,} to watch by, "
        f"{found.test:,} to measure on, in {out}"
    )
    context.out.print(
        f"How long they are is unknown without the model's tokenizer here: max_seq_length is {found.max_seq_length:,}."
        if found.longest is None
        else f"The longest has {counted(found.longest, 'token')}; max_seq_length is {found.max_seq_length:,}."
    )
    context.out.print(f"Go on with: samesku judge train --config {out / 'lora.yaml'}")
    context.answer({**asdict(found), "folder": str(out)})


def train(
    ctx: typer.Context,
    cross_encoder: Annotated[
        bool, typer.Option("--cross-encoder", help="A small model that needs no language model.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="The recipe that `judge prepare` wrote.", show_default=False)
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Go on with this one, from its last checkpoint.", show_default=False),
    ] = None,
    bits: Annotated[
        int | None, typer.Option(min=2, max=8, help="Quantise the model first (QLoRA).", show_default=False)
    ] = None,
    fuse: Annotated[bool, typer.Option("--fuse", help="Write the whole model with the adapter in it, too.")] = False,
    detach: DetachOption = False,
) -> None:
    """Train a judge on the labels: a small cross-encoder, or a language model with mlx-lm.

    Example: samesku judge train --cross-encoder --detach
    """
    context = context_of(ctx)
    context.workspace.require()
    if [cross_encoder, config is not None, resume is not None].count(True) != 1:
        raise CoreError(
            "Which judge shall be trained?", "Name one of --cross-encoder, --config lessons/lora.yaml and --resume ID."
        )
    if bits is not None and config is None:
        raise typer.BadParameter("--bits goes with --config: a model is quantised when its training begins.")
    if fuse and cross_encoder:
        raise typer.BadParameter("--fuse goes with --config or --resume: a cross-encoder has no adapter.")
    if not cross_encoder:
        require_mlx()
    with context.exclusive("judge", "train", *(["--cross-encoder"] if cross_encoder else ["--resume"])):
        judge_id = "" if cross_encoder else resume or _begun(context, config, bits)
        if not detach:
            _train_cross_encoder(context) if cross_encoder else _tune(context, judge_id, fuse=fuse)
            return
    # The job takes the lock again, for as long as it runs.
    start_detached(
        context, ["judge", "train"], {"--cross-encoder": cross_encoder, "--resume": judge_id or None, "--fuse": fuse}
    )


def _begun(context: Context, config: Path | None, bits: int | None) -> str:
    """A new judge's id. It is known before the training begins, so that a job can be started again with it."""
    assert config is not None  # noqa: S101 - asked for above
    return begin(context.workspace, read_recipe(config), bits=bits).id


def _tune(context: Context, judge_id: str, *, fuse: bool) -> None:

    again = f"samesku judge train --resume {judge_id}{' --fuse' if fuse else ''}"
    with (
        reports_interrupt(context, f"Ended; `{again}` goes on from the last checkpoint."),
        context.reporter() as reporter,
    ):
        card = asdict(tune(context.workspace, judge_id, reporter, fuse=fuse))
        reporter.result(card)
    print_usage(context, card)
    context.answer(card)


def _train_cross_encoder(context: Context) -> None:

    with context.reporter() as reporter:
        with reports_interrupt(context, "Ended; nothing of this training is kept."):
            result = train_cross_encoder(context.workspace, context.settings, reporter)
        result["calibrated_on"] = _calibrated(context, reporter)
        reporter.result(result)
    print_usage(context, result)
    context.answer(result)


def _calibrated(context: Context, reporter: Reporter) -> int:
    """Ask the new judge about the labelled pairs that were kept from it, and calibrate it; how many they are."""
    workspace, settings = context.workspace, context.settings
    with judge_in_use(context, "cross-encoder") as judge:
        pairs = calibration_pairs(workspace, settings, judge)
        judge_pairs(pair_contexts(workspace, pairs), judge, Budget(), reporter, total=len(pairs))
        return sum(fitted.labels for fitted in judge.calibrate(workspace, settings))
