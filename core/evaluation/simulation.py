"""The simulation of `samesku simulate`: labelling campaigns with several strategies and seeds on known labels."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError
from core.evaluation.campaign import CampaignPlan, LabelledPairs, LlmPlan, Point, replay, split_by_family, steps
from core.evaluation.curves import CurvePoint, mean_curve
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureTable
from core.matching.pair_file import read_named_labels
from core.matching.run import compute_features
from core.queue.batches import near_duplicates
from core.queue.session_stats import Gain, learning_curve_gain
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.splits.llm_labels import load_llm_labels
from core.workspace import Workspace
from labels.model import Pair, ProductRef


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """Parameters of a simulation.

    Attributes:
        strategies: names of the query strategies, each replayed.
        budget: total number of labels per campaign.
        batch: labels between two refits.
        error: share of wrong labels, in [0, 1].
        seeds: campaigns per strategy, with seeds 0, 1, 2 …
        llm: a language model that labels first, in one more campaign per strategy; None for people alone.
    """

    strategies: Sequence[str]
    budget: int
    batch: int
    error: float
    seeds: int
    llm: LlmPlan | None = None

    def campaign(self, strategy: str, seed: int, llm: LlmPlan | None = None) -> CampaignPlan:
        """Parameters of one campaign."""
        return CampaignPlan(strategy, self.budget, self.batch, seed=seed, error=self.error, llm=llm)

    @property
    def curves(self) -> dict[str, tuple[str, LlmPlan | None]]:
        """Name of each curve → its strategy, and the language model that labels first."""
        found: dict[str, tuple[str, LlmPlan | None]] = {}
        for name in self.strategies:
            found[name] = name, None
            if self.llm is not None:
                found[f"{name}, after {self.llm.labels:,} by a language model"] = name, self.llm
        return found


@dataclass(frozen=True, slots=True)
class Simulation:
    """Result of a simulation.

    Attributes:
        curves: learning curve by strategy.
        pool: number of pairs to label.
        judged: number of evaluation pairs.
        judged_on: name of the evaluation set.
        plan: parameters of the simulation.
    """

    curves: dict[str, list[CurvePoint]]
    pool: int
    judged: int
    judged_on: str
    plan: SimulationPlan

    def as_dict(self) -> dict[str, object]:
        """For JSON: `strategies` holds the points by name; `f1` is a mean, `f1_sd` its standard deviation."""
        return {
            "strategies": {name: [point.flat() for point in curve] for name, curve in self.curves.items()},
            "pool": self.pool,
            "judged": self.judged,
            "judged_on": self.judged_on,
            "budget": self.plan.budget,
            "batch": self.plan.batch,
            "error": self.plan.error,
            "seeds": self.plan.seeds,
            "llm": self.plan.llm and asdict(self.plan.llm),
            "next_fifty": {name: hint.expected for name, hint in self.hints.items()},
        }

    @property
    def hints(self) -> dict[str, Gain]:
        """Expected gain in F1 of fifty more labels, by strategy, extrapolated from its curve."""
        return {
            name: learning_curve_gain([(point.labels, point.mean["f1"]) for point in curve])
            for name, curve in self.curves.items()
        }


def simulate(
    workspace: Workspace,
    settings: Settings,
    model: EncoderModel,
    gold: Path,
    judged_on: Path | None,
    plan: SimulationPlan,
    reporter: Reporter,
) -> Simulation:
    """Replay campaigns on the labelled pairs of a file.

    Args:
        workspace: with the products; its labels are not used.
        settings: of encoder and features.
        model: the encoder of the cosine feature.
        gold: labels file: the pool with the known labels.
        judged_on: labels file: the evaluation pairs, which are removed from the pool. None for a third of the queries
            of `gold`, drawn again for each seed.
        plan: strategies, budget, batch, error and seeds.
        reporter: receives progress.

    Raises:
        LabelsError: a file is not a labels file. CatalogError: a file names an unknown product.
        CoreError: no pair of the pool is a match, or none of the evaluation pairs.
    """
    corpus = Corpus.read(workspace)
    truth = {} if judged_on is None else read_named_labels(corpus, judged_on)
    answers = {pair: label for pair, label in read_named_labels(corpus, gold).items() if pair not in truth}
    table = compute_features(CorpusFeatures(workspace, settings, corpus), model, sorted({*answers, *truth}), reporter)
    number = {query.ref: i for i, query in enumerate(corpus.queries)}
    family = near_duplicates(corpus.queries)
    pool = _pairs(table, answers, number, family)
    if plan.llm is not None and plan.llm.error is None:
        pool = replace(pool, recorded=_recorded(workspace, answers))
    judged = None if judged_on is None else _pairs(table, truth, number, family)
    campaigns = _pools(pool, judged, plan.seeds)
    curves = _curves(campaigns, table.features, plan, reporter)
    name = str(judged_on) if judged_on else "a third of the queries, another one for each seed"
    return Simulation(curves, len(campaigns[0][0]), len(campaigns[0][1]), name, plan)


def _pools(pool: LabelledPairs, judged: LabelledPairs | None, seeds: int) -> list[tuple[LabelledPairs, LabelledPairs]]:
    """The pool and the evaluation pairs of each campaign.

    Raises:
        CoreError: no pair of one of them is a match.
    """
    campaigns = [split_by_family(pool, seed) if judged is None else (pool, judged) for seed in range(seeds)]
    if any(not pairs.labels.any() for campaign in campaigns for pairs in campaign):
        raise CoreError(
            "No pair to label is a match, or none of the evaluation set.",
            "Labelled matches are needed in both: `samesku simulate --gold FILE --test FILE`.",
        )
    return campaigns


def _curves(
    pools: Sequence[tuple[LabelledPairs, LabelledPairs]],
    features: tuple[str, ...],
    plan: SimulationPlan,
    reporter: Reporter,
) -> dict[str, list[CurvePoint]]:
    points = sum(len(steps(plan.campaign("", 0), len(pool))) for pool, _ in pools)
    before_people = len(pools) * len(plan.strategies) if plan.llm else 0
    reporter.stage("replay campaigns", points * len(plan.curves) + before_people)
    done = 0
    curves: dict[str, list[CurvePoint]] = {}
    for name, (strategy, llm) in plan.curves.items():
        campaigns: list[list[Point]] = [[] for _ in pools]
        for seed, (pool, judged) in enumerate(pools):
            for point in replay(pool, judged, features, plan.campaign(strategy, seed, llm)):
                campaigns[seed].append(point)
                done += 1
                reporter.advance(done)
        curves[name] = mean_curve(campaigns)
    return curves


def _recorded(workspace: Workspace, pairs: Collection[Pair]) -> NDArray[np.int8]:
    """The recorded answers of language models on the pairs, as `LabelledPairs.recorded`.

    Raises:
        CoreError: there are none on these pairs.
    """
    labels = load_llm_labels(workspace.llm_labels).labels
    found = np.array([int(labels[pair].match) if pair in labels else -1 for pair in pairs], np.int8)
    if not (found >= 0).any():
        raise CoreError(
            "No pair of the pool has a label by a language model.",
            "Give its share of wrong ones, `samesku simulate --llm-error 0.1`, or record some: `samesku judge label`.",
        )
    return found


def _pairs(
    table: FeatureTable, labels: Mapping[Pair, bool], number: Mapping[ProductRef, int], family: Sequence[int]
) -> LabelledPairs:
    query = np.array([number[pair.query] for pair in labels], np.int64)
    return LabelledPairs(
        vectors=table.vectors[[table.row[pair] for pair in labels]],
        labels=np.array(list(labels.values()), bool),
        query=query,
        family=np.asarray(family, np.int64)[query],
    )
