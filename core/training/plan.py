"""What a retrain would do, told before it starts. Light: no model library, nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.catalog.store import CatalogStore
from core.errors import SettingsError
from core.jobs.board import Jobs
from core.jobs.job import Job, JobState
from core.jobs.progress_log import ProgressLog
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoding_rate import read_rate, read_stage_seconds
from core.settings import RetrainSettings, Settings, current_names
from core.splits.current_labels import current_conflicts, ledger_and_catalogue
from core.splits.split import split_labels
from core.training.recipe import ENCODINGS_A_TEXT, FEWEST_FOR_HALVES, epochs, steps, texts
from core.workspace import Workspace
from labels.statistics import label_stats


@dataclass(frozen=True, slots=True)
class Experience:
    """What is known of the time that a retrain takes here.

    Attributes:
        text_s: seconds to learn from a text once.
        fixed_s: seconds for all that does not depend on the matches: encoding, judging, the new index.
    """

    text_s: float
    fixed_s: float

    def seconds(self, settings: RetrainSettings, matches: int) -> float:
        """How long a run on so many matches may take, if its model is put in use; in seconds."""
        return self.fixed_s + self.text_s * _all_texts(settings, matches)


def experience_of_retrain(course: ProgressLog, result: dict[str, Any], recipe: RetrainSettings) -> Experience | None:
    """What an earlier retrain teaches; None where it says nothing of its training.

    Args:
        course: what it told on its way.
        result: what came out of it.
        recipe: the recipe that it is taken to have followed where it does not say so.
    """
    trained_s = sum(s for stage, s in zip(course.stages, course.seconds, strict=True) if stage.losses)
    learnt = _all_texts(_recipe_of(result, recipe), _number(result.get("triplets")))
    return Experience(trained_s / learnt, sum(course.seconds) - trained_s) if trained_s and learnt else None


def experience_of_encoding(pace: float, products: int, rest_s: float = 0.0) -> Experience:
    """What the pace of an index run lets one expect of a first retrain.

    Args:
        pace: texts a second.
        products: how many there are, queries included; a new model encodes them all anew.
        rest_s: seconds that the run took besides, as another one takes in the end.
    """
    return Experience(ENCODINGS_A_TEXT / pace, products / pace + rest_s)


def first_outline(
    pace: float, products: int, labelled: int, rest: Mapping[str, float], settings: RetrainSettings, matches: int
) -> list[tuple[str, float]]:
    """The stages of a first retrain whose model is put in use, and the seconds that an index run lets one expect.

    Args:
        pace: texts a second.
        products: how many there are, queries included.
        labelled: how many of them are in a labelled pair: the matcher gets cosines of their own.
        rest: seconds of the index run's other stages, by name.
        settings: the recipe.
        matches: what is learnt from.
    """
    training = ENCODINGS_A_TEXT / pace * texts(settings, matches)
    halves = [(f"train half {number} of 2", training / 2) for number in (1, 2)] if matches >= FEWEST_FOR_HALVES else []
    scored = ("score labelled pairs", labelled / pace)
    return [("train", training), ("encode", products / pace), *halves, scored, *rest.items()]


def _all_texts(settings: RetrainSettings, matches: int) -> int:
    """The texts of all trainings of a run. The matcher's two halves are trained on as many as the encoder."""
    return texts(settings, matches) * (2 if matches >= FEWEST_FOR_HALVES else 1)


def _recipe_of(result: dict[str, Any], otherwise: RetrainSettings) -> RetrainSettings:
    try:
        return RetrainSettings.model_validate(current_names("retrain", result["recipe"]))
    except (KeyError, ValidationError, SettingsError):
        return otherwise


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class RetrainPlan:
    """What a retrain would learn from, be judged on, and take.

    Attributes:
        queries: how many have a label that trains.
        matches, rejections: labelled pairs that train.
        unsure: decisions that are left out, being none.
        conflicts: pairs that are left out until somebody settles them.
        eval_queries: queries with a known match that the models are compared on.
        judged_on: what these are called, the version of the validation set with it.
        manual: whether they are the validation set; else they are held out of training.
        recipe: the workspace's settings.
        waits: whether a lead has to put a better model in use.
        experience: what is known of the time that it takes; None where nothing is.
        precedent: the retrain that this is known from; None where it is known from an index run, or not at all.
        running: a retrain that runs already.
    """

    queries: int
    matches: int
    rejections: int
    unsure: int
    conflicts: int
    eval_queries: int
    judged_on: str
    manual: bool
    recipe: RetrainSettings
    waits: bool = False
    experience: Experience | None = None
    precedent: Job | None = None
    running: Job | None = None

    @property
    def too_few(self) -> bool:
        """Whether there are too few queries to judge on for a better model to be put in use."""
        return self.eval_queries < self.recipe.min_queries

    @property
    def possible(self) -> bool:
        """Whether there is something to learn from, and something to judge on."""
        return self.matches > 1 and self.eval_queries > 0

    def epochs(self, wanted: int) -> int:
        """How often the matches would be gone through, if so many are asked for."""
        return epochs(self._recipe(wanted), self.matches)

    def steps(self, wanted: int) -> int:
        """In how many steps."""
        return steps(self._recipe(wanted), self.matches)

    def seconds(self, wanted: int) -> float | None:
        """How long it may take; None where nothing is known of that."""
        return None if self.experience is None else self.experience.seconds(self._recipe(wanted), self.matches)

    def _recipe(self, wanted: int) -> RetrainSettings:
        return self.recipe.model_copy(update={"epochs": wanted})


def plan_retrain(workspace: Workspace, settings: Settings, jobs: Jobs, *, lead: bool = True) -> RetrainPlan:
    """What a retrain of this workspace would do now.

    Args:
        workspace: whose labels.
        settings: in force.
        jobs: from which the time is known that it takes.
        lead: whether who asks may put encoders in use.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    recipe = settings.retrain
    with ledger_and_catalogue(workspace) as (store, catalog):
        splits = split_labels(
            store, held_out=recipe.holdout_share, seed=recipe.seed, rule=settings.labels.rule, catalog=catalog
        )
        stats, conflicts = label_stats(store), len(current_conflicts(store, catalog, settings.labels.rule))
    matches = sum(bool(label.match) for label in splits.train)
    precedent = jobs.last_successful("retrain")
    experience = experience_of_retrain(jobs.progress_log(precedent.id), precedent.result, recipe) if precedent else None
    running = (job for job in jobs.list() if job.verb == "retrain" and job.state is JobState.RUNNING)
    return RetrainPlan(
        queries=len({label.pair.query for label in splits.train}),
        matches=matches,
        rejections=len(splits.train) - matches,
        unsure=stats.unsure,
        conflicts=conflicts,
        eval_queries=len(splits.eval_queries),
        judged_on=splits.name,
        manual=splits.manual,
        recipe=recipe,
        waits=recipe.promote == "never" or not lead,
        experience=experience or _by_encoding(workspace, len(splits.products)),
        precedent=precedent if experience else None,
        running=next(running, None),
    )


def _by_encoding(workspace: Workspace, labelled: int) -> Experience | None:
    """What the last index run lets one expect; None where none has measured anything."""
    candidates = CandidateStore(workspace.derived)
    try:
        model = candidates.model
    finally:
        candidates.close()
    pace = read_rate(workspace.index / model) if model else None
    if pace is None:
        return None
    with CatalogStore(workspace.catalog) as catalog:
        rest = labelled / pace + (sum(read_stage_seconds(workspace.index / model).values()) if model else 0.0)
        return experience_of_encoding(pace, sum(source.products for source in catalog.sources()), rest)
