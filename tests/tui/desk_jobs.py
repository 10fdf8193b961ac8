"""Jobs as their files would tell them, written by hand."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from core.evaluate.encoder import EncoderEvaluation
from core.jobs.job import process_birth

RUNNING = "20260102-100000-aaaa"
DONE = "20260101-120000-bbbb"
FAILED = "20260101-090000-cccc"


def write_job(jobs: Path, job_id: str, verb: str, events: list[dict[str, object]], *, pid: int = 0) -> None:
    """A job's folder; with a process id it counts as running while that process lives."""
    folder = jobs / job_id
    folder.mkdir(parents=True)
    day = f"{job_id[:4]}-{job_id[4:6]}-{job_id[6:8]}T{job_id[9:11]}:{job_id[11:13]}:00+00:00"
    facts = {"arguments": [verb], "pid": pid, "born": process_birth(pid) if pid else "1", "started_at": day}
    (folder / "job.json").write_text(json.dumps(facts), encoding="utf-8")
    write_events(jobs, job_id, events)


def write_events(jobs: Path, job_id: str, events: list[dict[str, object]]) -> None:
    """What the job reported further."""
    with (jobs / job_id / "events.jsonl").open("a", encoding="utf-8") as out:
        for event in events:
            out.write(json.dumps({"t": 0.0, **event}) + "\n")


def running_retrain(jobs: Path) -> None:
    """A retrain in the middle of its training stage; its process is this one."""
    losses = [{"kind": "loss", "step": 10 * n, "loss": round(2.0 / (1 + n / 4), 4)} for n in range(1, 25)]
    progress = {"kind": "progress", "stage": "training", "done": 240, "total": 500, "rate": 3.2, "left_s": 81.0}
    write_job(
        jobs,
        RUNNING,
        "retrain",
        [
            {"kind": "stage", "stage": "hard negatives", "total": 50},
            {"kind": "message", "text": "1,284 pairs of 402 queries; 41 queries held out."},
            {"kind": "stage", "stage": "training", "total": 500},
            *losses,
            progress,
        ],
        pid=os.getpid(),
    )


def _evaluation(model: str, hit: float, mrr: float) -> dict[str, object]:
    """What a retrain tells of one model: `asdict` of the very class, so that the desk reads what is written."""
    metrics = {"hit@1": hit, "mrr@10": mrr, "recall@10": 0.95, "queries": 41}
    fused = {**metrics, "hit@1": hit + 0.1}
    return asdict(EncoderEvaluation(model=model, encoder=metrics, lexical=metrics, fused=fused))


RESULT: dict[str, object] = {
    "kind": "result",
    "champion": _evaluation("all-MiniLM-L6-v2", 0.74, 0.802),
    "challenger": _evaluation("lora-2", 0.83, 0.871),
    "promoted": True,
    "primary": "mrr@10",
}


def three_jobs(jobs: Path) -> None:
    """One that runs, one that is done, one that failed."""
    running_retrain(jobs)
    write_job(jobs, DONE, "retrain", [{"kind": "stage", "stage": "training", "total": 5}, RESULT, {"kind": "done"}])
    error = {"kind": "failed", "error": "The GPU is out of memory. Set retrain.batch_size lower."}
    write_job(jobs, FAILED, "index", [error])
