"""A sweep in a workspace: what it trains on, scores on, and leaves behind."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from samples import PRODUCTS, QUERIES, match, no_match, q
from tiny_encoder import write_tiny_sentence_encoder

from core.errors import CoreError, SettingsError
from core.jobs.progress import Silent
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.settings import RetrainSettings, load_settings
from core.splits.split import Splits
from core.splits.triplets import Triplet
from core.training.recipes.recipe import LoraKeys, Recipe
from core.training.recipes.sources import resolve_recipe
from core.training.run import TrainingRun
from core.training.sweep import run as sweep_run
from core.training.sweep.run import Sweep, sweep
from core.training.sweep.space import Choices, Range, SearchSpace
from core.training.sweep.study import DONE, STOPPED
from core.training.trainer_hooks import METRIC, ProbeQuery
from core.workspace import Workspace
from labels.model import ActionDetails, Side, Verb
from labels.store import LabelStore

RECIPE = Recipe(epochs=1, min_steps=8, batch_size=2, hard_negatives=1, learning_rate=0.05, lora=LoraKeys(rank=2))
SPACE = SearchSpace({"scale": Range(low=10.0, high=30.0), "hard_negatives": Choices(values=[1, 2])})


class Heard(Silent):
    """Remembers messages, stages and results."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.stages: list[str] = []
        self.results: list[dict[str, object]] = []
        self.outlines: list[list[str]] = []

    def message(self, text: str) -> None:
        self.messages.append(text)

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append(name)

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        self.outlines.append([name for name, _ in stages])

    def result(self, values: dict[str, object]) -> None:
        self.results.append(values)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small encoder with random weights."""
    texts = [product.title for product in [*QUERIES, *PRODUCTS]]
    return write_tiny_sentence_encoder(tmp_path_factory.mktemp("tiny"), texts)


@pytest.fixture
def labelled(workspace: Workspace, encoder: Path) -> Workspace:
    """Four matches to train on, and the one of the validation query `qv`."""
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4", "qv"):
            judgements = [*match(f"{id_}-c1"), *no_match(f"{id_}-c2")]
            store.record("ada", Verb.ACCEPT, q(id_), judgements, ActionDetails(closes=True))
    workspace.settings.write_text(f'[encoder]\nmodel = "{encoder}"\n')
    return workspace


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Splits, list[Triplet], Sequence[ProbeQuery]]]:
    """Trainings that train nothing. A trial's metric is its scale; returns what they were given."""
    given: list[tuple[Splits, list[Triplet], Sequence[ProbeQuery]]] = []
    scales: list[float] = []

    def fine_tune(
        self: TrainingRun, splits: Splits, triplets: list[Triplet], folder: Path, *, stage: str,
        probes: Sequence[ProbeQuery],
    ) -> tuple[EncoderModel, dict[str, float]]:  # fmt: skip
        given.append((splits, triplets, probes))
        scales.append(self.recipe.scale)
        (folder / "weights").write_bytes(b"0")
        self.reporter.stage(stage, 10)
        for step in (0, 5, 10):
            self.reporter.metric(step, METRIC, self.recipe.scale)
        return EncoderModel("draft", folder), {}

    monkeypatch.setattr(TrainingRun, "fine_tune", fine_tune)
    monkeypatch.setattr(sweep_run, "load", lambda *_: None)
    monkeypatch.setattr(sweep_run, "mean_reciprocal_rank", lambda *_: scales[-1])
    return given


def run(workspace: Workspace, trials: int, **options: Any) -> tuple[Sweep, Heard]:
    """Run a sweep; returns what it has found and reported."""
    heard = Heard()
    options = {"recipe": RECIPE, "space": SPACE, "settings": load_settings(workspace.settings), **options}
    return sweep(workspace, reporter=heard, trials=trials, **options), heard


def test_trials_see_nothing_of_the_evaluation_side(labelled: Workspace, fake: list[Any]) -> None:
    found, _ = run(labelled, 2)
    assert found.queries == 2
    validation = {"qv", "qv-c1", "qv-c2", "qv-c3"}
    for splits, triplets, probes in fake:
        assert q("qv") not in splits.eval_queries
        trained = {ref.id for triplet in triplets for ref in triplet.products}
        assert not trained & validation
        held_out = {query.id for query in splits.eval_queries}
        assert len(held_out) == 2
        assert not trained & (held_out | {f"{id_}-c1" for id_ in held_out})
        assert {triplet.anchor.id for triplet in triplets} == {"q1", "q2", "q3", "q4"} - held_out
        texts = {text for probe in probes for text in (probe.query, *probe.matches, *probe.wrong)}
        assert len(probes) == 2
        assert not any("Sony MDR-ZX110" in text for text in texts)


def test_a_pair_of_the_evaluation_side_decides_no_score(labelled: Workspace, fake: list[Any]) -> None:
    run(labelled, 1)
    with LabelStore(labelled.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4"):
            details = ActionDetails(side=Side.VALIDATION)
            store.record("benchmark", Verb.IMPORT, q(id_), match(f"{id_}-c3"), details)
    run(labelled, 1)
    (_, _, (before, *_)), (_, _, (after, *_)) = fake
    assert any("Bundle with Case" in text for text in before.wrong)
    assert not any("Bundle with Case" in text for text in (*after.matches, *after.wrong))
    assert len(after.matches) == 1


def test_a_sweep_changes_no_model_and_no_index(labelled: Workspace, fake: list[Any]) -> None:
    before = {path: path.read_bytes() for path in labelled.home.rglob("*") if path.is_file()}
    found, heard = run(labelled, 3)
    registry = Registry(labelled, load_settings(labelled.settings))
    assert registry.ids() == []
    assert list(labelled.models.iterdir()) == []
    after = {path: path.read_bytes() for path in labelled.home.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} == {"trials.jsonl", "best.yaml"}
    assert found.folder == labelled.sweeps / found.id
    assert [heard.results] == [[found.record()]]
    json.dumps(found.record())


def test_the_same_command_goes_on(labelled: Workspace, fake: list[Any]) -> None:
    first, heard = run(labelled, 2)
    assert "1 trial" not in " ".join(heard.messages)
    assert heard.outlines == [["trial 1", "trial 2"]]
    assert first.results[0].values == {"scale": 20.0, "hard_negatives": 1}  # the recipe itself
    same, heard = run(labelled, 2)
    assert len(fake) == 2
    assert same.results == first.results
    assert "2 trials of an earlier run are kept." in heard.messages
    more, heard = run(labelled, 4)
    assert (len(fake), more.id, len(more.results)) == (4, first.id, 4)
    assert "Trial 3 (3 of 4): MRR" in heard.messages[2]
    assert "about 1 min left" in heard.messages[2]
    other, _ = run(labelled, 1, recipe=RECIPE.model_copy(update={"epochs": 2}))
    assert other.id != first.id
    with LabelStore(labelled.labels) as store:
        store.record("ada", Verb.REJECT, q("q1"), no_match("q1-c3"), ActionDetails(closes=True))
        store.record("ada", Verb.REJECT, q("q2"), no_match("q2-c3"), ActionDetails(closes=True))
        store.record("ada", Verb.REJECT, q("q3"), no_match("q3-c3"), ActionDetails(closes=True))
        store.record("ada", Verb.REJECT, q("q4"), no_match("q4-c3"), ActionDetails(closes=True))
    changed, _ = run(labelled, 1)
    assert changed.id != first.id


def test_the_best_recipe_is_a_file_for_a_retrain(labelled: Workspace, fake: list[Any], tmp_path: Path) -> None:
    found, heard = run(labelled, 4, out=tmp_path / "deep" / "best.yaml")
    assert heard.messages[-1] == f"The best recipe is in {tmp_path}/deep/best.yaml."
    assert found.best is not None
    assert found.best.score == max(result.score or 0 for result in found.results)
    for file in (tmp_path / "deep" / "best.yaml", found.folder / "best.yaml"):
        recipe = resolve_recipe(RetrainSettings(), str(file))
        assert recipe.description.startswith("Best of 4 trials: MRR ")
        assert recipe.model_copy(update={"description": ""}) == found.recipe
    assert found.recipe is not None
    assert found.recipe.scale == found.best.values["scale"]
    assert found.recipe.lora.rank == 2


def test_bad_trials_are_stopped_early(labelled: Workspace, fake: list[Any]) -> None:
    found, heard = run(labelled, 12)
    stopped = [result for result in found.results if result.state == STOPPED]
    assert stopped
    assert {result.state for result in found.results} == {DONE, STOPPED}
    done = [result.score or 0 for result in found.results if result.state == DONE]
    assert min(result.score or 0 for result in stopped) < max(done)
    assert any("stopped early" in message for message in heard.messages)
    assert list(labelled.models.iterdir()) == []


def test_values_that_do_not_fit_the_encoder_are_refused_before_any_trial(labelled: Workspace, fake: list[Any]) -> None:
    with pytest.raises(SettingsError, match=r"lora\.rank: 64 is above the width"):
        run(labelled, 1, space=SearchSpace({"lora.rank": Choices(values=[2, 64])}))
    assert fake == []
    assert not labelled.sweeps.exists()


def test_without_candidates_nothing_starts(labelled: Workspace, fake: list[Any]) -> None:
    labelled.derived.unlink()
    with pytest.raises(CoreError, match="There are no candidates yet"):
        run(labelled, 1)


def test_too_few_labels(workspace: Workspace, encoder: Path, fake: list[Any]) -> None:
    workspace.settings.write_text(f'[encoder]\nmodel = "{encoder}"\n')
    with pytest.raises(CoreError, match="too few labelled matches"):
        run(workspace, 1)


def test_a_real_sweep(labelled: Workspace, tmp_path: Path) -> None:
    space = SearchSpace({"lora.rank": Choices(values=[2, 4]), "learning_rate": Choices(values=[0.05, 0.1])})
    found, heard = run(labelled, 2, space=space, out=tmp_path / "best.yaml")
    assert [(result.state, result.error) for result in found.results] == [(DONE, ""), (DONE, "")]
    assert 0 < (found.results[0].score or 0) <= 1
    assert heard.stages == ["trial 1", "trial 2"]
    assert list(labelled.models.iterdir()) == []
    assert resolve_recipe(RetrainSettings(), str(tmp_path / "best.yaml")).lora.rank in {2, 4}
