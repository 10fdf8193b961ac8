"""Jobs as their files would tell them, written by hand."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from running_jobs import hold

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.evaluation.retrieval import EncoderEvaluation
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Judgement, ProductRef, Side, Verb
from labels.store import LabelStore

RUNNING = "20260102-100000-aaaa"
DONE = "20260101-120000-bbbb"
FAILED = "20260101-090000-cccc"


def write_job(
    jobs: Path, job_id: str, verb: str, events: list[dict[str, object]], *, running: bool = False, by: str = "bob"
) -> None:
    """A job's folder; one that runs does so as long as this process."""
    folder = jobs / job_id
    folder.mkdir(parents=True)
    day = f"{job_id[:4]}-{job_id[4:6]}-{job_id[6:8]}T{job_id[9:11]}:{job_id[11:13]}:00+00:00"
    facts = {"arguments": verb.split(), "by": by, "pid": os.getpid(), "started_at": day}
    (folder / "job.json").write_text(json.dumps(facts), encoding="utf-8")
    write_events(jobs, job_id, events)
    if running:
        hold(folder)


def write_events(jobs: Path, job_id: str, events: list[dict[str, object]]) -> None:
    """What the job reported further."""
    with (jobs / job_id / "events.jsonl").open("a", encoding="utf-8") as out:
        for event in events:
            out.write(json.dumps({"t": 0.0, **event}) + "\n")


def running_retrain(jobs: Path) -> None:
    """A retrain in the middle of its training stage; this process holds its lock."""
    losses = [{"kind": "loss", "step": 10 * n, "loss": round(2.0 / (1 + n / 4), 4)} for n in range(1, 25)]
    outline = {"kind": "outline", "stages": [["training", 156.0]]}
    progress = {"kind": "progress", "stage": "training", "done": 240, "total": 500, "rate": 3.2, "left_s": 81.0}
    write_job(
        jobs,
        RUNNING,
        "retrain",
        [
            outline,
            {"kind": "stage", "stage": "hard negatives", "total": 50},
            {"kind": "message", "text": "1,284 pairs of 402 queries; 41 queries held out."},
            {"kind": "stage", "stage": "training", "total": 500},
            *losses,
            progress,
        ],
        running=True,
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
    "triplets": 576,
}


#: 1 January 2026, 12:00 UTC, in seconds since the epoch: when `DONE` was started.
_NOON = 1767268800.0


def finished_retrain(jobs: Path) -> None:
    """A retrain of twenty minutes that went well, with all that it told."""
    losses: list[dict[str, object]] = [
        {
            "t": _NOON + 200 + 10 * step,
            "kind": "loss",
            "step": step,
            "loss": round(2.1 / (1 + step / 9) + step % 5 / 9, 4),
        }
        for step in range(1, 73)
    ]
    metrics = [
        {"t": _NOON + 200 + 10 * step, "kind": "metric", "step": step, "name": "MRR", "value": value}
        for step, value in ((0, 0.802), (36, 0.859), (72, 0.871))
    ]
    training = sorted([*losses, *metrics], key=lambda event: str(event["t"]))
    write_job(
        jobs,
        DONE,
        "retrain",
        [
            {"t": _NOON + 1, "kind": "message", "text": "576 matches to learn from; judged on 41 queries."},
            {"t": _NOON + 2, "kind": "stage", "stage": "train", "total": 72},
            *training,
            {"t": _NOON + 950, "kind": "stage", "stage": "encode", "total": 24628},
            {"t": _NOON + 1150, "kind": "stage", "stage": "fit the matcher", "total": None},
            {**RESULT, "t": _NOON + 1199},
            {"t": _NOON + 1200, "kind": "done"},
        ],
    )  # fmt: skip


def three_jobs(jobs: Path) -> None:
    """One that runs, one that is done, one that failed."""
    running_retrain(jobs)
    finished_retrain(jobs)
    error = {"kind": "failed", "error": "The GPU is out of memory. Set retrain.batch_size lower."}
    write_job(jobs, FAILED, "index", [error])


def something_to_learn_from(workspace: Workspace) -> None:
    """Many labels, one of them unsure and one in conflict, and an earlier retrain."""
    queries = [ProductRef("walmart", f"w{number}") for number in range(240)]
    answers = [(query, _answer(query), True) for query in queries]
    validated = ProductRef("walmart", "q7")
    with CatalogStore(workspace.catalog) as catalog:
        named = [judgement.candidate for _, judgements, _ in answers for judgement in judgements]
        listed = [*named, _answer(validated)[0].candidate]
        catalog.replace("walmart", "query", [Product(*query, f"Product {query.id}") for query in queries])
        catalog.replace("amazon", "catalog", [Product(*ref, f"Product {ref.id}") for ref in listed])
    with LabelStore(workspace.labels) as store:
        store.record_all("ada", answers)
        store.record_all("bob", [(queries[1], [Judgement(ProductRef("amazon", "x"), Decision.UNSURE)], True)])
        store.record_all("eve", [(queries[2], [replace(_answer(queries[2])[0], decision=Decision.NO_MATCH)], True)])
        store.record(
            "ada", Verb.ACCEPT, validated, _answer(validated)[:1], ActionDetails(side=Side.VALIDATION, closes=True)
        )
    finished_retrain(workspace.jobs)


def _answer(query: ProductRef) -> list[Judgement]:
    """The first of ten candidates matches."""
    return [
        Judgement(ProductRef("amazon", f"{query.id}-c{place}"), Decision.NO_MATCH if place else Decision.MATCH)
        for place in range(10)
    ]


def log_of_a_retrain(workspace: Workspace) -> None:
    """A running retrain and what it printed."""
    running_retrain(workspace.jobs)
    lines = [f"2026-01-02 10:{minute:02} step {minute * 8} of 500" for minute in range(30)]
    (workspace.jobs / RUNNING / "log.txt").write_text("\n".join([*lines, "a [/] and a \x1b[31mcolour\x1b[0m"]) + "\n")
