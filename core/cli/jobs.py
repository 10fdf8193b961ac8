"""`samesku jobs`: background jobs."""

import time
from contextlib import suppress
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.judge_usage import print_usage
from core.cli.progress import time_text
from core.cli.tables import comparison
from core.jobs.board import Jobs
from core.jobs.events import replay
from core.jobs.job import Job, JobState
from core.jobs.names import resume_note
from core.jobs.progress import Reporter
from core.permissions import is_lead
from core.text.safe import safe

app = typer.Typer(help="Background jobs: list, watch, cancel, resume.", no_args_is_help=True)

_POLL_INTERVAL_S = 0.5


@app.command("list")
def list_jobs(ctx: typer.Context) -> None:
    """List all jobs, the latest first.

    Example: samesku jobs list
    """
    context = context_of(ctx)
    found = Jobs(context.workspace.require().jobs).list()
    table = Table(box=None, pad_edge=False)
    # An id begins with the start time.
    for heading in ("job", "what", "state", "by", "took", "stage"):
        # Ids are not folded, so that they can be copied.
        table.add_column(heading, overflow="fold", no_wrap=heading in {"job", "state", "took"})
    for job in found:
        table.add_row(job.id, safe(job.name), job.state, safe(job.by), _took(job), _where(job))
    context.out.print(table if found else "There are no jobs yet.")
    context.answer({"jobs": [_facts(job) for job in found]})


@app.command("tail")
def tail(
    ctx: typer.Context,
    job_id: Annotated[
        str, typer.Argument(help="Id of a job, as listed by `samesku jobs list`.", show_default="the latest")
    ] = "",
) -> None:
    """Watch a job until it ends.

    Example: samesku jobs tail
    """
    context = context_of(ctx)
    jobs = Jobs(context.workspace.require().jobs)
    job = jobs.get(job_id) if job_id else next(iter(jobs.list()), None)
    if job is None:
        context.out.print("There are no jobs yet.")
        context.answer({"id": None})
        return
    context.err.print(safe(f"{job.name}, started {job.started_at}{f' by {job.by}' if job.by else ''}"), markup=False)
    with context.reporter() as reporter:
        _follow(jobs, job, reporter)
    _print_end(context, jobs.get(job.id))


def _follow(jobs: Jobs, job: Job, reporter: Reporter) -> None:
    """Replay the events of a job until it ends, with the remaining time at each new stage."""
    read = 0
    while True:
        # State before events, so that no event of an ended job is missed.
        now = jobs.get(job.id)
        running = now.state is JobState.RUNNING
        while (piece := jobs.events(job.id, read))[1] != read:
            events, read = piece
            replay(events, reporter)
            if running and now.eta_s is not None and any(event["kind"] == "stage" for event in events):
                reporter.message(_left(now).capitalize())
        if not running:
            return
        time.sleep(_POLL_INTERVAL_S)


@app.command("cancel")
def cancel(
    ctx: typer.Context, job_id: Annotated[str, typer.Argument(help="Id of a job, as listed by `samesku jobs list`.")]
) -> None:
    """Cancel a running job. Vectors that it has encoded are kept, and the last checkpoint of a training.

    Example: samesku jobs cancel 20260101-120000-ab12
    """
    context = context_of(ctx)
    lead = is_lead(context.settings, context.annotator)
    job = Jobs(context.workspace.require().jobs, context.annotator, lead=lead).cancel(job_id)
    note = ": it was asked to end, and has not ended yet" if job.state is JobState.RUNNING else ""
    context.out.print(f"Job {job.id}: {job.state}{note}.{_way_on(job)}")
    context.answer(_facts(job))


@app.command("resume")
def resume(
    ctx: typer.Context, job_id: Annotated[str, typer.Argument(help="Id of a job, as listed by `samesku jobs list`.")]
) -> None:
    """Start the work of an ended job again. Vectors are not encoded twice; a training goes on from its last checkpoint.

    A retrain goes on only with the data that it began with: if labels changed in the meantime, it says so and trains
    from the beginning.

    Example: samesku jobs resume 20260101-120000-ab12
    """
    context = context_of(ctx)
    jobs = Jobs(context.workspace.require().jobs, context.annotator)
    new = jobs.resume(context.workspace.home, job_id)
    context.out.print(f"Job {new} is running: {resume_note(jobs.get(new).arguments)}.")
    context.answer({"job": new})


def _where(job: Job) -> str:
    if job.state is not JobState.RUNNING:
        return job.error
    stage = f"{job.stage} {job.done:,}/{job.total:,}" if job.total else job.stage
    return f"{stage}, {_left(job)}" if job.eta_s is not None else stage


def _left(job: Job) -> str:
    return f"about {time_text(job.eta_s or 0.0)} left in all"


def _print_end(context: Context, job: Job) -> None:
    with suppress(KeyError, TypeError, ValueError):  # the files of a job are not trusted
        _print_result(context, job)
    took = f" after {_took(job)}" if _took(job) else ""
    context.out.print(f"Job {job.id}: {job.state}{took}. {job.error}".rstrip() + _way_on(job))
    context.answer(_facts(job))


def _way_on(job: Job) -> str:
    """How to continue a job that was cancelled or killed, as a sentence; empty for other jobs."""
    if job.state not in {JobState.CANCELLED, JobState.LOST}:
        return ""
    return f" To go on: `samesku jobs resume {job.id}`; {resume_note(job.arguments)}."


def _print_result(context: Context, job: Job) -> None:
    if "challenger" in job.result and "champion" in job.result:
        context.out.print(comparison(job.result))
        # Jobs of earlier versions have no reason.
        fallback = "Promoted." if job.result.get("promoted") else "The champion stays."
        context.out.print(safe(str(job.result.get("decision", fallback))))
    if job.state is JobState.DONE and job.result and job.arguments[:2] == ("judge", "train"):
        print_usage(context, job.result)


def _took(job: Job) -> str:
    return "" if job.took_s is None else str(timedelta(seconds=round(job.took_s)))


def _facts(job: Job) -> dict[str, object]:
    return {
        "id": job.id, "verb": job.verb, "name": job.name, "state": job.state, "by": job.by,
        "started_at": job.started_at, "seconds": job.took_s, "stage": job.stage,
        "done": job.done, "total": job.total, "stage_left_s": job.stage_eta_s, "left_s": job.eta_s,
        "result": job.result, "error": job.error,
    }  # fmt: skip
