"""A small workspace in which everything that samesku writes is there: what the fuzz run damages copies of."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from core.catalog.demo import demo_catalogue
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.json_store import save
from core.judge.calibration import Calibration, calibration_path
from core.judge.cross_encoder import CrossEncoderCard
from core.judge.finetune.storage import save_training_pairs
from core.matching.run import write_out_of_fold
from core.retrieval.encoder_registry import ModelCard, Promotion
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Judgement, Stream, Strength, Verb
from labels.store import LabelStore
from tests.bench.forks.runs import Dialogue, Runs

#: Of the demo's; enough for both classes on both sides of the split.
_QUERIES, _PRODUCTS = 24, 90
#: The trained encoder, which is in use.
MODEL = "lora-20260101-000000-ab12"
#: The judge.
JUDGE = "cross-encoder-20260101-000000-cd34"
_MADE_AT = "2026-01-01T00:00:00+00:00"
#: Those who have labelled here.
PEOPLE = ("ada", "bob")

_SETTINGS = """\
[encoder]
model = "{base}"

[validation]
share = 0.25

[judge]
use = ["cross-encoder"]
mode = "fast"
"""


class IncompleteError(Exception):
    """A verb that the template is made with did not do its work."""


class Template:
    """The workspace, and what lies beside it.

    Args:
        folder: where everything goes.

    Attributes:
        home: the workspace.
        base: the base encoder's folder.
        files: by name, files that verbs are given.
        environment: of every run.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.base = folder / "base"
        self.files = {name: folder / name for name in ("pairs.csv", "gold.csv", "products.csv", "other")}
        self.environment: Mapping[str, str] = {
            "PATH": "/usr/bin:/bin", "HOME": str(folder), "USER": "ada", "LC_ALL": "C.UTF-8", "COLUMNS": "120",
            "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false",
            "SAMESKU_DESK__PRACTICE": "false",
        }  # fmt: skip

    def make(self, runs: Runs) -> None:
        """Make it, with samesku's own verbs where they are quick."""
        demo = demo_catalogue()
        queries = list(demo.queries[:_QUERIES])
        gold = {query.id: product for query_id, product in demo.gold for query in queries if query.id == query_id}
        matches = [product for product in demo.products if product.id in set(gold.values())]
        others = islice((product for product in demo.products if product not in matches), _PRODUCTS - len(matches))
        products = [*matches, *others]
        titles = "".join(f"{product.title}\n" for product in [*queries, *products])
        judge = self.home / "models" / "judge" / JUDGE
        self._run(runs, str(self.base), str(judge), module="tests.bench.fuzz.encoder", text=titles)
        workspace = Workspace(self.home).create()
        workspace.settings.write_text(_SETTINGS.format(base=self.base))
        workspace.guidelines.write_text("# The same product\n\nSame model number, same size.\n")
        workspace.vocabulary.write_text('[[colours]]\nname = "ink"\nspellings = ["midnight"]\n')
        with CatalogStore(workspace.catalog) as catalog:
            catalog.replace("walmart", "query", queries)
            catalog.replace("amazon", "catalog", products)
        self._add_models(workspace)
        self._verb(runs, "index")
        _label(workspace, queries, products, gold)
        self._write_files(queries, products, gold)
        for verb in _VERBS:
            self._verb(runs, *verb)
        # Nothing reads a report again: it would only take the place of files that matter.
        report = str(self.home.parent / "comparison.html")
        self._verb(runs, "models", "compare", f"base-{_digest(self.base)[:8]}", MODEL, "--report", report)
        self._sit(runs)
        self._add_job(workspace)
        if left := runs.wait():
            raise IncompleteError(f"{len(left)} programs still run on it")

    def _verb(self, runs: Runs, *arguments: str) -> None:
        self._run(runs, "--home", str(self.home), *arguments, module="tui")

    def _run(self, runs: Runs, *arguments: str, module: str, text: str = "") -> None:
        done = runs.run(*arguments, module=module, text=text, environment=self.environment, folder=self.home.parent)
        if done.code:
            raise IncompleteError(f"{arguments} ended with {done.code}: {done.text}")

    def _add_models(self, workspace: Workspace) -> None:
        """The base encoder once more, as if it had been trained here and put in use; and the judge's card."""
        folder = workspace.models / MODEL
        shutil.copytree(self.base, folder / "merged")
        card = ModelCard(MODEL, "base", "base", _digest(folder / "merged"), _MADE_AT, metrics={"hit@1": 0.5})
        save(folder / "model.json", asdict(card))
        write_out_of_fold(folder / "unseen.json", {})
        save(workspace.models / "champion.json", [asdict(Promotion(MODEL, _MADE_AT, "it was better"))])
        judge = workspace.models / "judge" / JUDGE
        save(judge / "judge.json", asdict(CrossEncoderCard(JUDGE, "base", _digest(judge), _MADE_AT, 0, 0, 1.0)))
        save_training_pairs(judge, [])
        save(calibration_path(workspace, JUDGE), asdict(Calibration(JUDGE, 1.0, 1.0, 0.0, 40, 12)))

    def _write_files(self, queries: list[Product], products: list[Product], gold: dict[str, str]) -> None:
        pairs = [(query.id, product.id) for query in queries for product in products[:3]]
        self.files["pairs.csv"].write_text("query_id,candidate_id\n" + "".join(f"{a},{b}\n" for a, b in pairs))
        labelled = [(a, b, int(gold.get(a) == b)) for a, b in {*pairs, *gold.items()}]
        lines = "".join(f"{a},{b},{label}\n" for a, b, label in sorted(labelled))
        self.files["gold.csv"].write_text("ltable_id,rtable_id,label\n" + lines)
        self.files["products.csv"].write_text("id,title\nnew1,Acme Kettle 1.7 l\nnew2,Acme Toaster 2 slots\n")
        with LabelStore(self.files["other"] / "labels.db") as other:
            wrong = Judgement(products[0].ref, Decision.NO_MATCH, Strength.EXPLICIT)
            other.record("cyd", Verb.REJECT, queries[0].ref, [wrong])

    def _sit(self, runs: Runs) -> None:
        """A sitting of each person, left in good order."""
        for name in PEOPLE:
            command = ["tui", "--home", str(self.home), "--as", name, "review", "--plain"]
            with Dialogue(runs, command, self.environment, self.home) as desk:
                desk.send("c a remark\nq\n")
                if desk.outcome().code:
                    raise IncompleteError(desk.text)

    def _add_job(self, workspace: Workspace) -> None:
        """A job that ended well. Its process is none that any machine has."""
        folder = workspace.jobs / "20260101-000000-cafe"
        folder.mkdir(parents=True)
        facts = {
            "arguments": ["evaluate"], "by": "ada", "pid": 2**22 + 1, "born": "1",
            "started_at": _MADE_AT,
        }  # fmt: skip
        (folder / "job.json").write_text(json.dumps(facts))
        events = [
            {"t": 1767225600.0, "kind": "stage", "stage": "encode", "total": 3},
            {"t": 1767225601.0, "kind": "progress", "stage": "encode", "done": 3, "total": 3, "rate": 3.0, "left_s": 0},
            {"t": 1767225602.0, "kind": "result", "f1": 0.5},
            {"t": 1767225603.0, "kind": "done"},
        ]
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        (folder / "log.txt").write_text("encode: 3 of 3\n")


#: With what the template is made, besides `index` and the people's sittings.
_VERBS = (
    ("index",),
    ("judge", "run", "--labelled"),
    ("judge", "test"),
    ("evaluate",),
    ("labels", "audit", "--draw", "3"),
    ("labels", "export", "home/reports/labels.csv", "--pseudonyms"),
    ("labels", "backup"),
    ("labels", "import", "gold.csv", "--as", "benchmark"),
    ("index",),
    ("labels", "backup"),
)


def _digest(model: Path) -> str:
    return hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()


def _label(workspace: Workspace, queries: list[Product], products: list[Product], gold: dict[str, str]) -> None:
    """What both people say of most queries, the validation's among them."""
    by_id = {product.id: product for product in products}
    with LabelStore(workspace.labels) as store:
        for place, query in enumerate(queries[:-4]):
            match = by_id.get(gold.get(query.id, ""))
            other = products[(place * 7) % len(products)]
            judgements = [Judgement(match.ref, Decision.MATCH)] if match else []
            if other != match:
                judgements.append(Judgement(other.ref, Decision.NO_MATCH))
            verb = Verb.ACCEPT if match else Verb.NONE
            store.record(
                PEOPLE[place % 2], verb, query.ref, judgements, ActionDetails(stream=Stream.TRIAGE, closes=True)
            )
