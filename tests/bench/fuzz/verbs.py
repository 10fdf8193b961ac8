"""What a case does to a damaged workspace: verbs of the command line, and lines at the plain desk."""

import random
from collections.abc import Sequence
from pathlib import Path

from tests.bench.fuzz.template import JUDGE, MODEL, Template

#: Verbs that read or write what their name says; PAIRS and the like stand for files beside the workspace.
_LEDGER = (
    "labels stats", "labels verify", "labels agreement", "labels people", "labels contradictions", "labels backup",
    "labels backups", "labels audit", "labels audit --draw 2", "labels export OUT/labels.csv",
    "labels export OUT/events.jsonl", "labels export OUT/labels.parquet --pseudonyms", "labels merge OTHER",
    "labels restore latest --dry-run", "labels query SELECT*FROM(actions)", "labels import GOLD --as cyd",
    "labels import GOLD --as cyd --dry-run", "dataset pairs --out OUT/pairs.jsonl",
    "dataset triplets --out OUT/triplets.jsonl", "dataset bootstrap", "dataset bootstrap --clear",
)  # fmt: skip
_MATCHING = (
    "index", "match --out OUT/matches.csv", "match --json", "match --query QUERY", "match --auto",
    "cluster --out OUT/listings.csv --golden OUT/products.jsonl", "cluster --method correlation --json",
    "score PAIRS --out OUT/scored.csv", "evaluate", "evaluate --pairs GOLD",
    "simulate --gold GOLD --budget 20 --seeds 1 --strategy random",
)  # fmt: skip
_MODELS = ("models list", f"models show {MODEL}", f"models promote {MODEL}", "models rollback", "index", "evaluate")
_JUDGE = (
    "judge run --labelled", "judge run --max-pairs 3", "judge run --max-pairs 3 --detach", "judge test", "judge spent",
    "match --judge --judge-band medium --max-pairs 3 --out OUT/judged.csv",
)  # fmt: skip
_JOBS = ("jobs list", "jobs tail", "jobs cancel JOB", "jobs tail JOB", "jobs list --json")
_CATALOGUE = ("import products PRODUCTS --source amazon", "import products PRODUCTS --source amazon --dry-run")
_AROUND = ("doctor", "doctor --json", "settings")
_ALL = (*_LEDGER, *_MATCHING, *_MODELS, *_JUDGE, *_JOBS, *_CATALOGUE, *_AROUND)

#: By the beginning of a path: the verbs that meet it. The longest beginning counts.
_NEAR = {
    "": _ALL, "labels.db": _LEDGER, "claims.db": ("labels audit", "labels restore latest --dry-run", *_AROUND),
    "backups": ("labels backup", "labels backups", "labels verify", "labels restore latest --dry-run", *_AROUND),
    "catalog.db": (*_MATCHING, *_CATALOGUE), "derived.db": (*_MATCHING, *_JUDGE), "index": _MATCHING,
    "models": (*_MODELS, *_MATCHING), "models/judge": _JUDGE, "jobs": _JOBS, "sittings": _AROUND,
    "reports": ("evaluate", "judge test", *_AROUND), "pseudonyms.key": ("labels export OUT/labels.csv --pseudonyms",),
}  # fmt: skip
#: Changes what candidates there are.
CHANGES_CATALOGUE = "import products PRODUCTS --source amazon"
#: Change what there is to learn from.
CHANGE_LABELS = ("labels import GOLD --as cyd", "labels merge OTHER", "match --auto", "labels audit --draw 2")

#: Lines that decide, by the verb of the event that each becomes.
DECIDING = {
    "accept 1": "accept", "reject 2": "reject", "none": "none", "unsure 1": "unsure", "skip": "skip", "flag": "flag",
    "comment": "comment",
}  # fmt: skip
_LOOKING = (
    "undo", "redo", "why 1", "judge 1", "judge", "past", "noted", "trail", "streams", "streams validation", "history",
    "search kettle", "details 1", "copy 1", "guidelines", "blind", "again", "next",
)  # fmt: skip


def draw_verbs(paths: Sequence[str], rng: random.Random) -> list[str]:
    """Some verbs: at least one that meets one of the damaged paths."""
    path = rng.choice(paths)
    beginning = max((name for name in _NEAR if path.startswith(name)), key=len)
    return [rng.choice(_NEAR[beginning]), *rng.sample(_ALL, rng.randint(0, 2))]


def draw_lines(count: int, rng: random.Random) -> list[str]:
    """Lines for the plain desk, half of which decide."""
    return [rng.choice(list(DECIDING) if rng.random() < 0.6 else _LOOKING) for _ in range(count)]


def arguments_of(verb: str, template: Template, out: Path, query: str) -> list[str]:
    """A verb's arguments for a case.

    Args:
        verb: as above.
        template: whose files it is given.
        out: the folder that it writes to.
        query: the id of one that there is.
    """
    names = {
        "PAIRS": str(template.files["pairs.csv"]), "GOLD": str(template.files["gold.csv"]),
        "PRODUCTS": str(template.files["products.csv"]), "OTHER": str(template.files["other"]), "QUERY": query,
        "JOB": "20260101-000000-cafe", "JUDGE": JUDGE, "SELECT*FROM(actions)": "SELECT count(*) FROM actions",
    }  # fmt: skip
    return [names.get(part, part.replace("OUT/", f"{out}/")) for part in verb.split()]
