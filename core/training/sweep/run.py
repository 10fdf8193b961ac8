"""A sweep: trains recipes of a space one after another, and scores each on queries held out of training.

A trial never sees the evaluation data, promotes nothing, and leaves no weights and no index behind.
"""

import gc
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.retrieval.corpus import Corpus
from core.retrieval.encoder import load
from core.retrieval.encoder_registry import Registry
from core.retrieval.manifest import no_candidates
from core.settings import Settings
from core.splits.inner_split import inner_split
from core.splits.match_groups import indistinguishable, known_groups
from core.splits.split import Splits, matches_by_query, splits_of
from core.splits.training_data import candidates_of
from core.splits.weak_training import with_weak_labels
from core.stats.sampling import shuffled
from core.training.base_encoder import base_encoder
from core.training.fine_tuning import check_trainable
from core.training.recipes.dotted import flat, nested
from core.training.recipes.recipe import Recipe
from core.training.recipes.validation import validate_recipe
from core.training.run import TrainingRun
from core.training.sweep.files import sweep_folder, write_recipe
from core.training.sweep.space import SearchSpace, single_recipes
from core.training.sweep.study import (
    DONE,
    FAILED,
    STOPPED,
    OpenTrial,
    SweepStudy,
    TrialResult,
    best_of,
    require_optuna,
)
from core.training.trainer_hooks import METRIC, ProbeQuery, mean_reciprocal_rank
from core.workspace import Workspace
from labels.model import ProductRef
from labels.wording import counted

#: Held-out queries that a trial is scored on at most, and those of them that decide on its early end.
_MAX_QUERIES = 200
_MAX_PRUNING_QUERIES = 64
#: With fewer, the best trial is hardly better than the others.
_FEW_QUERIES = 50
#: Hard non-matches per query during training; the score takes all candidates.
_PRUNING_WRONG = 4
#: Parts of a training after which trials are compared; recipes differ in their numbers of steps.
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep has found so far.

    Attributes:
        id: hash of space, recipe and data; the same sweep goes on where it ended.
        folder: with its trials and the best recipe.
        queries: held-out queries that the trials are scored on.
        results: of all trials, in the order of their start.
        best: the best trial; None if none was trained to its end.
        recipe: of the best trial.
        file: the best recipe as a file.
    """

    id: str
    folder: Path
    queries: int
    results: Sequence[TrialResult]
    best: TrialResult | None
    recipe: Recipe | None
    file: Path | None

    def record(self) -> dict[str, object]:
        """Its values for `--json` and the events of a job."""
        return {
            "sweep": self.id, "metric": METRIC, "queries": self.queries,
            "trials": [asdict(result) for result in self.results],
            "best": None if self.best is None else asdict(self.best),
            "recipe": None if self.recipe is None else self.recipe.record(),
            "out": None if self.file is None else str(self.file),
        }  # fmt: skip


def sweep(
    workspace: Workspace,
    settings: Settings,
    reporter: Reporter,
    recipe: Recipe,
    space: SearchSpace,
    *,
    trials: int,
    out: Path | None = None,
) -> Sweep:
    """Run a sweep until it has a number of trials; a sweep of the same space, recipe and data goes on.

    The first trial is the recipe itself, if the space holds it.

    Args:
        workspace: with the labels and the candidates of the last index run.
        settings: of the workspace and the command line.
        reporter: receives progress.
        recipe: has the values that the space leaves out.
        space: of the trials.
        trials: in all, those of earlier runs included.
        out: receives the best recipe, beside the sweep's own folder; None for that alone.

    Raises:
        SettingsError: Optuna is not installed, or a recipe of the space does not fit the base encoder.
        ModelError: there are too few labels.
        CoreError: there are no candidates, evaluation data would train, or a file cannot be written.
    """
    require_optuna()
    data = SweepData.prepare(workspace, settings, reporter, recipe, space)
    folder = sweep_folder(workspace, data.id)
    study = SweepStudy(folder / "trials.jsonl", space, recipe.seed)
    progress = _Progress(reporter, trials)
    progress.opening(data, study.results())
    study.begin(space.params_of(recipe))
    while sum(result.counts for result in study.results()) < trials:
        result = study.run(data.scored(progress), time.monotonic)
        progress.after(study.results(), result)
    found = _found(data, folder, study.results(), out)
    if found.file is not None:
        reporter.message(f"The best recipe is in {found.file}.")
    reporter.result(found.record())
    return found


def _found(data: "SweepData", folder: Path, results: Sequence[TrialResult], out: Path | None) -> Sweep:
    """The result of a sweep, with the best recipe written to its folder and to `out`."""
    best, recipe, file = best_of(results), None, None
    if best is not None:
        recipe = data.recipe(best.values)
        trials = sum(result.counts for result in results)
        note = f"Best of {counted(trials, 'trial')}: {METRIC} {best.score or 0:.4f} on held-out training queries."
        file = write_recipe(folder / "best.yaml", recipe, note)
        if out is not None:
            file = write_recipe(out, recipe, note)
    return Sweep(data.id, folder, data.queries, results, best, recipe, file)


@dataclass(frozen=True, slots=True)
class SweepData:
    """What the trials of a sweep share.

    Attributes:
        run: the retrain that the trials are made of, with the inner split.
        settings: of the run.
        id: hash of space, recipe and data.
        matches: the matches of each held-out query by labels of the training side.
        wrong: the other candidates of each held-out query, best first.
    """

    run: TrainingRun
    settings: Settings
    id: str
    matches: Mapping[ProductRef, Sequence[ProductRef]]
    wrong: Mapping[ProductRef, Sequence[ProductRef]]

    @classmethod
    def prepare(
        cls, workspace: Workspace, settings: Settings, reporter: Reporter, recipe: Recipe, space: SearchSpace
    ) -> "SweepData":
        """Split the training labels, and check that all values of the space can be trained.

        Raises:
            As `sweep`.
        """
        corpus, registry = Corpus.read(workspace), Registry(workspace, settings)
        registry.remove_unfinished()
        candidates = {query: [c.ref for c in found] for query, found in candidates_of(workspace).items()}
        if not candidates:
            raise no_candidates(workspace.index)
        outer = with_weak_labels(workspace, settings, splits_of(workspace, settings))
        groups = known_groups(outer, corpus)
        splits = inner_split(outer, groups, settings.retrain.holdout_share, settings.retrain.seed)
        for each in single_recipes(space, recipe):
            check_trainable(each, base_encoder(workspace, settings, each))
        base = base_encoder(workspace, settings, recipe)
        run = TrainingRun(workspace, settings, recipe, base, reporter, registry, corpus, splits, groups)
        matches, wrong = _held_out(outer, splits, corpus, candidates)
        if not matches:
            raise ModelError(
                "There are too few labelled matches to hold any of them out for the scores of a sweep.",
                "Accept some matches in the desk first.",
            )
        card = run.data_card(splits, run.triplets(splits))
        listed = [
            [list(query), *([list(ref) for ref in refs[query]] for refs in (matches, wrong))] for query in matches
        ]
        identity = [space.record(), recipe.model_dump(mode="json"), base.id, card.sha256, listed]
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12]
        return cls(run, settings, digest, matches, wrong)

    @property
    def queries(self) -> int:
        """Number of queries that trials are scored on."""
        return min(len(self.matches), _MAX_QUERIES)

    def recipe(self, values: Mapping[str, object]) -> Recipe:
        """The recipe of a trial.

        Raises:
            SettingsError: the values do not go together.
        """
        own = flat(self.run.recipe.model_dump())
        return validate_recipe(nested(own | dict(values)), {}, "by the trial")

    def probes(self, run: TrainingRun) -> list[ProbeQuery]:
        """The held-out queries as the encoder of a trial takes them, in a random order that is always the same."""
        queries, products = run.texts
        return [
            ProbeQuery(
                queries[query], *(tuple(products[ref] for ref in refs[query]) for refs in (self.matches, self.wrong))
            )
            for query in shuffled(self.matches, self.settings.retrain.seed)[:_MAX_QUERIES]
        ]

    def scored(self, progress: "_Progress") -> Callable[[OpenTrial], float]:
        """The function that trains a trial and returns its score."""

        def score(trial: OpenTrial) -> float:
            recipe = self.recipe(trial.values)
            workspace = self.run.workspace
            base = base_encoder(workspace, self.settings, recipe)
            check_trainable(recipe, base)
            run = replace(self.run, recipe=recipe, base=base, reporter=_TrialReporter(progress, trial))
            return _score(run, self.probes(run), progress.name(trial.number))

        return score


def _score(run: TrainingRun, probes: Sequence[ProbeQuery], stage: str) -> float:
    """Train in a temporary folder, and score the saved encoder. One model is in memory at a time."""
    triplets = run.triplets(run.splits)
    run.data_card(run.splits, triplets)  # checks for leakage: the number of negatives depends on the recipe
    during = [replace(probe, wrong=probe.wrong[:_PRUNING_WRONG]) for probe in probes[:_MAX_PRUNING_QUERIES]]
    try:
        with run.registry.drafts() as folder:
            encoder, _ = run.fine_tune(run.splits, triplets, folder, stage=stage, probes=during)
            gc.collect()  # modules refer to one another
            return mean_reciprocal_rank(load(encoder, run.settings.encoder.max_tokens), probes)
    finally:
        gc.collect()


def _held_out(
    outer: Splits, splits: Splits, corpus: Corpus, candidates: Mapping[ProductRef, Sequence[ProductRef]]
) -> tuple[dict[ProductRef, list[ProductRef]], dict[ProductRef, list[ProductRef]]]:
    """The matches of each held-out query by training labels, and its other candidates.

    A pair that the outer split evaluates on is neither, so that no label of the evaluation side decides a score.
    """
    queries, products = {each.ref for each in corpus.queries}, {each.ref for each in corpus.products}
    matches: dict[ProductRef, list[ProductRef]] = {}
    wrong: dict[ProductRef, list[ProductRef]] = {}
    known, same = matches_by_query(splits.eval_labels), indistinguishable(outer, corpus)
    for query in splits.eval_queries:
        evaluated = outer.excluded_pairs.get(query, frozenset())
        right = sorted(ref for ref in known[query] if ref in products and ref not in evaluated)
        never = outer.matches[query] | evaluated | same.connected([query])
        others = [ref for ref in candidates.get(query, ()) if ref in products and ref not in never]
        if query in queries and right and others:
            matches[query], wrong[query] = right, others
    return matches, wrong


class _Progress:
    """Reports the trials of a sweep with their rate and the time left."""

    def __init__(self, reporter: Reporter, trials: int) -> None:
        self.reporter = reporter
        self._trials = trials
        self._seconds: list[float] = []
        self._done = 0
        self._outlined = False

    def name(self, number: int) -> str:
        """The stage of a trial, by its number from 0."""
        return f"trial {number + 1}"

    def opening(self, data: SweepData, earlier: Sequence[TrialResult]) -> None:
        """Report what the trials are scored on, and those that are done."""
        few = f" With fewer than {_FEW_QUERIES}, small differences are chance." if data.queries < _FEW_QUERIES else ""
        self.reporter.message(
            f"Sweep {data.id}: trials are scored by {METRIC} on {counted(data.queries, 'query', 'queries')} held out of"
            f" training; the evaluation set is not used.{few}"
        )
        self._done = sum(result.counts for result in earlier)
        if self._done:
            self.reporter.message(f"{counted(self._done, 'trial')} of an earlier run {_are(self._done)} kept.")

    def after(self, results: Sequence[TrialResult], result: TrialResult) -> None:
        """Report a trial that has ended, and the time left by those of this run."""
        self._done = sum(each.counts for each in results)
        if result.same_as is None and result.seconds is not None:
            self._seconds.append(result.seconds)
        best = best_of(results)
        score = f"{METRIC} {result.score:.4f}" if result.score is not None else result.error
        state = {DONE: score, STOPPED: f"stopped early ({score})", FAILED: f"failed: {result.error}"}[result.state]
        known = f" Same values as trial {result.same_as + 1}." if result.same_as is not None else ""
        ahead = f" Best: {best.score:.4f} of trial {best.number + 1}." if best and best.score is not None else ""
        begin = f"Trial {result.number + 1} ({self._done} of {self._trials}): {state.rstrip('.')}."
        self.reporter.message(f"{begin}{known}{ahead}{self._left()}")
        self._outline(result.number)

    def _left(self) -> str:
        left = self._trials - self._done
        if not left or not self._seconds:
            return ""
        mean = sum(self._seconds) / len(self._seconds)
        return f" {mean:.0f} s a trial, about {max(1, round(left * mean / 60))} min left."

    def _outline(self, number: int) -> None:
        """The trials to come, once the first has been measured."""
        left = self._trials - self._done
        if self._outlined or not left or not self._seconds:
            return
        self._outlined = True
        mean = sum(self._seconds) / len(self._seconds)
        self.reporter.outline([(self.name(number + at), mean) for at in range(left + 1)])


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


class _TrialReporter:
    """The `Reporter` of a trial's training: passes its progress on, and its metric to the pruner.

    Raises:
        StoppedEarly: in `metric`, if other trials were better after the same part of the training.
    """

    def __init__(self, progress: _Progress, trial: OpenTrial) -> None:
        self._reporter = progress.reporter
        self._trial = trial
        self._name = progress.name(trial.number)
        self._steps = 0
        self._training = False

    def stage(self, name: str, total: int | None = None) -> None:
        """Pass the training on; saving and merging take no time to speak of."""
        self._training = name == self._name
        if self._training:
            self._steps = total or 0
            self._reporter.stage(name, total)

    def advance(self, done: int) -> None:
        """Passed on."""
        if self._training:
            self._reporter.advance(done)

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """Ignored."""

    def loss(self, step: int, value: float) -> None:
        """Passed on."""
        self._reporter.loss(step, value)

    def metric(self, step: int, name: str, value: float) -> None:
        """Pass it on, and end the trial early if it is among the worse ones. The last one ends nothing."""
        self._reporter.metric(step, name, value)
        if name == METRIC and 0 < step < self._steps:
            self._trial.report(-(-_PARTS * step // self._steps), value)

    def message(self, text: str) -> None:
        """Passed on."""
        self._reporter.message(text)

    def result(self, values: dict[str, object]) -> None:
        """Ignored."""
