"""Workspaces of earlier versions open: products, decisions, candidates, settings, models, jobs and exports."""

import csv
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from earlier_workspaces import EXPECTED, FOLDER, dump, restore, store

from core.catalog.store import CatalogStore
from core.cli.app import make_app, run
from core.evaluation.report import load_evaluations
from core.jobs.board import Jobs
from core.jobs.job import JobState
from core.jobs.progress import Silent
from core.judge.cache import VerdictCache
from core.matching.features.store import FeatureStore
from core.matching.run import bring_up_to_date, saved_matcher
from core.queue.last_session import DeskSession
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.settings import RENAMED, load_settings
from core.settings_notice import renamed_settings_notice
from core.workspace import Workspace
from labels.model import CurrentDecision, ProductRef
from labels.store import LabelStore
from labels.verify import verify

VERSIONS = sorted(path.parent.name for path in FOLDER.glob(f"*/{EXPECTED}"))
#: Candidates of this version of derived.db are dropped, and made again by the next index run.
REBUILT = "derived1"


@dataclass(frozen=True)
class Earlier:
    """A workspace of an earlier version, and its content as that version read it."""

    version: str
    workspace: Workspace
    expected: dict[str, Any]

    @property
    def is_rebuilt(self) -> bool:
        return self.version.endswith(REBUILT)


def _restored(version: str, home: Path) -> Earlier:
    expected = json.loads((FOLDER / version / EXPECTED).read_text(encoding="utf-8"))
    return Earlier(version, Workspace(restore(FOLDER / version, home)), expected)


@pytest.fixture(params=VERSIONS)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Earlier:
    return _restored(request.param, tmp_path / "home")


@contextmanager
def _candidates(workspace: Workspace) -> Iterator[CandidateStore]:
    with closing(CandidateStore(workspace.derived)) as candidates:
        yield candidates


def _schema_version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _call(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as end:
        run(make_app(), ["--home", str(workspace.home), "--as", "ada", *map(str, arguments)])
    return int(end.value.code or 0), *capsys.readouterr()


@pytest.mark.parametrize("name", ["catalog", "labels", "derived"])
def test_there_is_a_workspace_of_every_earlier_schema(name: str, workspace: Workspace) -> None:
    stored = {int(part.removeprefix(name)) for each in VERSIONS for part in each.split("-") if part.startswith(name)}
    assert stored >= {*range(1, _schema_version(workspace.home / f"{name}.db"))}


def test_the_files_are_of_the_versions_in_their_name(earlier: Earlier) -> None:
    names = "catalog", "labels", "derived"
    found = [f"{name}{_schema_version(earlier.workspace.home / f'{name}.db')}" for name in names]
    assert "-".join(found) == earlier.version


def test_the_products_are_the_same_and_found(earlier: Earlier) -> None:
    for _ in range(2):  # migrated, and opened again
        with CatalogStore(earlier.workspace.catalog) as catalog:
            found = [{name: asdict(p)[name] for name in earlier.expected["products"][0]} for p in catalog.iter()]
            assert found == earlier.expected["products"]
            assert {product.id for product in catalog.search("kettle", "catalog")} == {"o3", "o5", "o6"}
            assert {product.id for product in catalog.search("ケトル", "query")} == {"h3"}
            assert {product.id for product in catalog.search("4006381333931")} == {"h1", "o1"}
            assert not catalog.repair_search()


def _row(decision: CurrentDecision) -> list[str]:
    pair = decision.pair
    return [
        decision.annotator, *pair.query, *pair.candidate, decision.decision.value, decision.strength.value,
        decision.side.value,
    ]  # fmt: skip


def test_the_decisions_are_the_same_and_verified(earlier: Earlier) -> None:
    with LabelStore(earlier.workspace.labels) as labels:
        assert sorted(map(_row, labels.decisions())) == earlier.expected["decisions"]
        assert sorted(map(list, labels.validation_queries())) == earlier.expected["validation"]
        assert sorted(map(list, labels.closed_queries())) == earlier.expected["closed"]
        assert [[*ref] for ref in (ProductRef("harbour", "h3"),) if labels.is_flagged(ref)] == earlier.expected[
            "flagged"
        ]
        assert [each.text for each in labels.comments(ProductRef("harbour", "h2"))] == earlier.expected["comments"]
    assert verify(earlier.workspace.labels).problems == ()


def test_the_candidates_are_kept_or_to_be_rebuilt(
    earlier: Earlier, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "matches.csv"
    code, _, err = _call(capsys, earlier.workspace, "match", "--k", "2", "--out", out)
    expected = [] if earlier.is_rebuilt else earlier.expected["candidates"]
    with _candidates(earlier.workspace) as candidates:
        candidates.check()
        found = [[*q, *c.ref, c.rank, round(c.similarity, 6), c.probability] for q, c in candidates.all()]
        assert found == expected
        assert candidates.model == (None if earlier.is_rebuilt else earlier.expected["index_model"])
    if earlier.is_rebuilt:
        assert (code, out.exists()) == (1, False)
        assert "Run `samesku index` first." in err
        return
    assert code == 0
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(row["query_id"], row["candidate_id"]) for row in rows] == [(row[1], row[3]) for row in expected]
    matcher = saved_matcher(earlier.workspace)
    with closing(FeatureStore(earlier.workspace.derived)) as features:
        table = features.read()
    assert matcher is not None
    assert table is not None
    assert matcher.labels == 2
    assert matcher.features == table.features
    assert len(table.pairs) == len(expected)


@pytest.mark.usefixtures("hash_encoder")
def test_an_index_run_makes_dropped_candidates_again(tmp_path: Path) -> None:
    earlier = _restored(next(each for each in VERSIONS if each.endswith(REBUILT)), tmp_path / "home")
    settings = load_settings(earlier.workspace.settings)
    bring_up_to_date(earlier.workspace, settings, EncoderModel("hash", tmp_path), Silent())
    with _candidates(earlier.workspace) as candidates:
        found = list(candidates.all())
    assert len(found) == len(earlier.expected["candidates"])
    assert all(candidate.probability is not None for _, candidate in found)


def test_former_settings_are_honoured_with_a_notice(earlier: Earlier) -> None:
    settings = load_settings(earlier.workspace.settings).model_dump(mode="json")
    for key, value in earlier.expected["settings"].items():
        section, _, name = RENAMED.get(key, key).partition(".")
        assert settings[section][name] == value, key
    notice = renamed_settings_notice(earlier.workspace)
    former = sorted(RENAMED.keys() & earlier.expected["settings"].keys())
    assert former
    assert all(f"{key} is now {RENAMED[key]}" in notice for key in former)
    assert renamed_settings_notice(earlier.workspace) == "", "reported once"


def test_models_evaluations_verdicts_jobs_and_sessions_are_read(earlier: Earlier) -> None:
    workspace, expected = earlier.workspace, earlier.expected
    registry = Registry(workspace, load_settings(workspace.settings))
    assert [card.id for card in registry.cards()] == expected["models"]
    assert registry.champion_id() == expected["champion"]
    evaluations = load_evaluations(workspace)
    assert (len(evaluations.evaluations), evaluations.damaged) == (expected["evaluations"], ())
    with closing(VerdictCache(workspace.derived)) as verdicts:
        assert sum(cost.pairs for cost in verdicts.costs()) == expected["verdicts"]
    assert [(job.id, job.state) for job in Jobs(workspace.jobs).list()] == [(expected["jobs"][0], JobState.DONE)]
    session = DeskSession(workspace.sessions, "ada", 0)
    assert session.first is not expected["session"]
    assert session.place.query == (ProductRef("harbour", "h3") if expected["session"] else None)


def test_the_commands_run(earlier: Earlier, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in (("labels", "stats"), ("labels", "verify"), ("models", "list"), ("jobs", "list")):
        code, out, err = _call(capsys, earlier.workspace, "--json", *verb)
        assert code == 0, err
        assert json.loads(out)


def test_the_labels_are_exported_and_imported(
    earlier: Earlier, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table, events = tmp_path / "labels.csv", tmp_path / "events.jsonl"
    assert _call(capsys, earlier.workspace, "labels", "export", table)[0] == 0
    rows = {tuple(row.values()) for row in csv.DictReader(table.open(encoding="utf-8"))}
    assert rows >= {("h2", "o3", "1"), ("h4", "o7", "1"), ("h1", "o2", "0")}
    assert _call(capsys, earlier.workspace, "labels", "export", events)[0] == 0
    other = Workspace(tmp_path / "other").create()
    shutil.copy(earlier.workspace.catalog, other.catalog)
    code, _, err = _call(capsys, other, "labels", "import", events)
    assert code == 0, err
    with LabelStore(other.labels) as labels:
        assert sorted(map(_row, labels.decisions())) == earlier.expected["decisions"]


def test_a_workspace_is_stored_as_it_is_restored(workspace: Workspace, tmp_path: Path) -> None:
    store(workspace.home, tmp_path / "stored")
    again = restore(tmp_path / "stored", tmp_path / "again")
    for name in ("catalog.db", "labels.db", "derived.db"):
        assert dump(again / name) == dump(workspace.home / name)
    with CatalogStore(again / "catalog.db") as catalog:
        assert catalog.search("mouse")
        assert not catalog.repair_search()
