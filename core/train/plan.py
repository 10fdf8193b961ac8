"""What a retrain would do, told before it starts. Light: no model library, nothing is written."""

from dataclasses import dataclass

from core.catalog.store import CatalogStore
from core.dataset.current_labels import current_conflicts, ledger_and_catalogue
from core.dataset.splits import split_labels
from core.encode.pace import read_pace, read_stages
from core.jobs.board import Jobs
from core.jobs.job import Job, JobState
from core.search.candidates import CandidateStore
from core.settings import RetrainSettings, Settings
from core.train.duration import Experience, experience_of_encoding, experience_of_retrain
from core.train.recipe import epochs, steps
from core.workspace import Workspace
from labels.stats import label_stats


@dataclass(frozen=True, slots=True)
class RetrainPlan:
    """What a retrain would learn from, be judged on, and take.

    Attributes:
        queries: how many have a label that trains.
        matches, rejections: labelled pairs that train.
        unsure: decisions that are left out, being none.
        conflicts: pairs that are left out until somebody settles them.
        judged: queries with a known match that the models are compared on.
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
    judged: int
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
        return self.judged < self.recipe.min_queries

    @property
    def possible(self) -> bool:
        """Whether there is something to learn from, and something to judge on."""
        return self.matches > 1 and self.judged > 0

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
            store, held_out=recipe.held_out, seed=recipe.seed, rule=settings.labels.rule, catalog=catalog
        )
        stats, conflicts = label_stats(store), len(current_conflicts(store, catalog, settings.labels.rule))
    matches = sum(bool(label.match) for label in splits.train)
    precedent = jobs.precedent("retrain")
    experience = experience_of_retrain(jobs.course(precedent.id), precedent.result, recipe) if precedent else None
    running = (job for job in jobs.list() if job.verb == "retrain" and job.state is JobState.RUNNING)
    return RetrainPlan(
        queries=len({label.pair.query for label in splits.train}),
        matches=matches,
        rejections=len(splits.train) - matches,
        unsure=stats.unsure,
        conflicts=conflicts,
        judged=len(splits.judged),
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
    pace = read_pace(workspace.index / model) if model else None
    if pace is None:
        return None
    with CatalogStore(workspace.catalog) as catalog:
        rest = labelled / pace + (sum(read_stages(workspace.index / model).values()) if model else 0.0)
        return experience_of_encoding(pace, sum(source.products for source in catalog.sources()), rest)
