"""Preview of a retrain: training data, evaluation set and time estimate. Loads no model library, writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.catalog.store import CatalogStore
from core.jobs.board import Jobs
from core.jobs.job import Job, JobState
from core.jobs.progress_log import ProgressLog
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoding_rate import read_rate, read_stage_seconds
from core.settings import Settings
from core.splits.current_labels import current_conflicts, ledger_and_catalogue
from core.splits.split import split_labels
from core.splits.weak_training import with_weak_labels
from core.training.cost import MIN_CROSS_FITTING_MATCHES, encodings, epochs, steps
from core.training.prospect import Prospect, retrain_prospect
from core.training.recipes.recipe import Recipe
from core.training.recipes.sources import recorded_recipe, resolve_recipe
from core.workspace import Workspace
from labels.statistics import label_stats


@dataclass(frozen=True, slots=True)
class RunTiming:
    """Linear model of the duration of a retrain on this machine.

    Attributes:
        encoding_s: training seconds per encoding; see `cost.encodings`.
        fixed_s: seconds that do not depend on the number of matches: encoding, evaluation, the new index.
    """

    encoding_s: float
    fixed_s: float

    def seconds(self, recipe: Recipe, matches: int) -> float:
        """Estimated seconds of a run on some number of matches that ends in a promotion."""
        return self.fixed_s + self.encoding_s * _all_encodings(recipe, matches)


def timing_from_retrain(log: ProgressLog, result: dict[str, Any], recipe: Recipe) -> RunTiming | None:
    """Timing of an earlier retrain; None if its log has no training stage.

    Args:
        log: its progress log.
        result: its result.
        recipe: fallback if the result contains no recipe.
    """
    training_s = sum(s for stage, s in zip(log.stages, log.seconds, strict=True) if stage.losses)
    trained = _all_encodings(recorded_recipe(result.get("recipe")) or recipe, _count(result.get("triplets")))
    return RunTiming(training_s / trained, sum(log.seconds) - training_s) if training_s and trained else None


def timing_from_encoding(rate: float, products: int, rest_s: float = 0.0) -> RunTiming:
    """Timing of a first retrain, estimated from an index run.

    Args:
        rate: encoded texts per second.
        products: number of products, queries included; a new model encodes all of them.
        rest_s: seconds of the other stages of the index run.
    """
    return RunTiming(1 / rate, products / rate + rest_s)


@dataclass(frozen=True, slots=True)
class RetrainPlan:
    """Training data, evaluation set and time estimate of a retrain.

    Attributes:
        queries: queries with training labels.
        matches, non_matches: training pairs by label.
        unsure: abstentions, which are left out.
        conflicts: pairs with disagreeing labels, which are left out until they are adjudicated.
        withheld: labels that are left out, since a product of theirs is connected with the evaluation set.
        eval_queries: queries with a known match that the models are compared on.
        judged_on: name of the evaluation set, with the version of the validation set.
        manual: whether it is the validation set; otherwise queries are held out of training.
        recipe: the recipe of the run.
        min_queries: minimum number of evaluation queries for a promotion.
        manual_promotion: whether a better model has to be promoted by hand.
        timing: basis of the time estimate; None if unknown.
        last_retrain: the retrain that `timing` is from; None if it is from an index run or unknown.
        weak_matches: matches by weak labels that train in addition.
        prospect: whether it is expected to improve the matcher's ranking; None where that is unknown.
        running: a retrain that is running now.
    """

    queries: int
    matches: int
    non_matches: int
    unsure: int
    conflicts: int
    eval_queries: int
    judged_on: str
    manual: bool
    recipe: Recipe
    min_queries: int
    manual_promotion: bool = False
    timing: RunTiming | None = None
    last_retrain: Job | None = None
    running: Job | None = None
    weak_matches: int = 0
    prospect: Prospect | None = None
    withheld: int = 0

    @property
    def examples(self) -> int:
        """Training matches, weak ones included."""
        return self.matches + self.weak_matches

    @property
    def too_few_queries(self) -> bool:
        """Whether the evaluation set is too small for a promotion."""
        return self.eval_queries < self.min_queries

    @property
    def possible(self) -> bool:
        """Whether there are training and evaluation data."""
        return self.examples > 1 and self.eval_queries > 0

    def epochs(self, requested: int) -> int:
        """Epochs of a run with `epochs` set to `requested`; small sets get more."""
        return epochs(self._recipe(requested), self.examples)

    def steps(self, requested: int) -> int:
        """Training steps of that run."""
        return steps(self._recipe(requested), self.examples)

    def seconds(self, requested: int) -> float | None:
        """Estimated seconds of that run; None if unknown."""
        return None if self.timing is None else self.timing.seconds(self._recipe(requested), self.examples)

    def _recipe(self, requested: int) -> Recipe:
        return self.recipe.model_copy(update={"epochs": requested})


def plan_retrain(
    workspace: Workspace, settings: Settings, jobs: Jobs, *, lead: bool = True, recipe: Recipe | None = None
) -> RetrainPlan:
    """The plan of a retrain with the current labels and settings.

    Args:
        workspace: with the labels.
        settings: of the workspace.
        jobs: earlier jobs, for the time estimate.
        lead: whether the user may promote encoders.
        recipe: of the run; None for the one of the settings.

    Raises:
        SameskuError: recipe, labels or catalogue cannot be read, or weak labels are to be used and there are none.
    """
    section = settings.retrain
    recipe = recipe or resolve_recipe(section)
    with ledger_and_catalogue(workspace) as (store, catalog):
        splits = split_labels(
            store, held_out=section.holdout_share, seed=section.seed, rule=settings.labels.rule, catalog=catalog
        )
        stats, conflicts = label_stats(store), len(current_conflicts(store, catalog, settings.labels.rule))
    splits = with_weak_labels(workspace, settings, splits)
    matches = sum(bool(label.match) for label in splits.train)
    last = jobs.last_successful("retrain")
    timing = timing_from_retrain(jobs.progress_log(last.id), last.result, recipe) if last else None
    running = (job for job in jobs.list() if job.verb == "retrain" and job.state is JobState.RUNNING)
    return RetrainPlan(
        queries=len({label.pair.query for label in splits.train}),
        matches=matches,
        non_matches=len(splits.train) - matches,
        unsure=stats.unsure,
        conflicts=conflicts,
        eval_queries=len(splits.eval_queries),
        judged_on=splits.name,
        manual=splits.manual,
        recipe=recipe,
        min_queries=section.min_queries,
        manual_promotion=section.promote == "never" or not lead,
        timing=timing or _timing_from_index(workspace, len(splits.products)),
        last_retrain=last if timing else None,
        running=next(running, None),
        weak_matches=sum(label.match for label in splits.weak),
        prospect=retrain_prospect(workspace, splits),
        withheld=splits.withheld,
    )


def _timing_from_index(workspace: Workspace, labelled: int) -> RunTiming | None:
    """Timing estimated from the last index run; None if it measured no rate."""
    candidates = CandidateStore(workspace.derived)
    try:
        model = candidates.model
    finally:
        candidates.close()
    rate = read_rate(workspace.index / model) if model else None
    if rate is None or model is None:
        return None
    with CatalogStore(workspace.catalog) as catalog:
        rest = labelled / rate + sum(read_stage_seconds(workspace.index / model).values())
        return timing_from_encoding(rate, sum(source.products for source in catalog.sources()), rest)


def first_retrain_stages(
    rate: float, products: int, labelled: int, rest: Mapping[str, float], recipe: Recipe, matches: int
) -> list[tuple[str, float]]:
    """The stages of a first retrain that ends in a promotion, with seconds estimated from an index run.

    Args:
        rate: encoded texts per second.
        products: number of products, queries included.
        labelled: number of products in labelled pairs, which get out-of-fold cosines.
        rest: seconds of the other stages of the index run, by name.
        recipe: of the run.
        matches: number of training matches.
    """
    training = encodings(recipe, matches) / rate
    halves = (
        [(f"train half {number} of 2", training / 2) for number in (1, 2)]
        if matches >= MIN_CROSS_FITTING_MATCHES
        else []
    )
    scored = ("score labelled pairs", labelled / rate)
    return [("train", training), ("encode", products / rate), *halves, scored, *rest.items()]


def _all_encodings(recipe: Recipe, matches: int) -> float:
    """Cost of all trainings of a run; the two cross-fitting halves together take as long as the challenger."""
    return encodings(recipe, matches) * (2 if matches >= MIN_CROSS_FITTING_MATCHES else 1)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
