"""`samesku jobs`: detached work."""

import time
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.tables import comparison
from core.jobs.job import Job, Jobs, JobState

app = typer.Typer(help="Detached work: list, watch, cancel, resume.", no_args_is_help=True)

_LOOK_EVERY_S = 0.5


@app.command("list")
def list_jobs(ctx: typer.Context) -> None:
    """All jobs, the latest first."""
    context = context_of(ctx)
    found = Jobs(context.workspace.require().jobs).list()
    table = Table(box=None, pad_edge=False)
    for heading in ("job", "what", "state", "started", "at"):
        table.add_column(heading)
    for job in found:
        table.add_row(job.id, job.verb, job.state, job.started_at, _where(job))
    context.out.print(table if found else "There are no jobs yet.")
    context.answer({"jobs": [_facts(job) for job in found]})


@app.command("tail")
def tail(
    ctx: typer.Context, job_id: Annotated[str, typer.Argument(help="A job's id; the latest by default.")] = ""
) -> None:
    """Watch a job until it ends."""
    context = context_of(ctx)
    jobs = Jobs(context.workspace.require().jobs)
    job = jobs.get(job_id) if job_id else next(iter(jobs.list()), None)
    if job is None:
        context.out.print("There are no jobs yet.")
        context.answer({"id": None})
        return
    with context.reporter() as reporter:
        stage, told, losses = None, 0, 0
        while True:
            for text in job.messages[told:]:
                reporter.message(text)
            if job.stage != stage and job.stage:
                reporter.stage(job.stage, job.total)
            stage, told = job.stage, len(job.messages)
            reporter.advance(job.done)
            for step, loss in job.losses[losses:]:
                reporter.loss(step, loss)
            losses = len(job.losses)
            if job.state is not JobState.RUNNING:
                break
            time.sleep(_LOOK_EVERY_S)
            job = jobs.get(job.id)
    _tell_end(context, job)


@app.command("cancel")
def cancel(ctx: typer.Context, job_id: Annotated[str, typer.Argument(help="A job's id.")]) -> None:
    """End a running job; what it had encoded stays."""
    context = context_of(ctx)
    job = Jobs(context.workspace.require().jobs).cancel(job_id)
    context.out.print(f"Job {job.id}: {job.state}.")
    context.answer(_facts(job))


@app.command("resume")
def resume(ctx: typer.Context, job_id: Annotated[str, typer.Argument(help="A job's id.")]) -> None:
    """Start a job's work again; what it had encoded is not encoded twice."""
    context = context_of(ctx)
    new = Jobs(context.workspace.require().jobs, context.annotator).resume(context.workspace.home, job_id)
    context.out.print(f"Job {new} runs.")
    context.answer({"job": new})


def _where(job: Job) -> str:
    if job.state is not JobState.RUNNING:
        return job.error
    return f"{job.stage} {job.done:,}/{job.total:,}" if job.total else job.stage


def _tell_end(context: Context, job: Job) -> None:
    if "challenger" in job.result and "champion" in job.result:
        context.out.print(comparison(job.result))
        context.out.print("Promoted." if job.result.get("promoted") else "The champion stays.")
    context.out.print(f"Job {job.id}: {job.state}. {job.error}".rstrip())
    context.answer(_facts(job))


def _facts(job: Job) -> dict[str, object]:
    return {
        "id": job.id, "verb": job.verb, "state": job.state, "started_at": job.started_at, "stage": job.stage,
        "done": job.done, "total": job.total, "result": job.result, "error": job.error,
    }  # fmt: skip
