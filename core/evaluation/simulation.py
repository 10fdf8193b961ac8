"""The evaluation behind `samesku simulate`: campaigns with several strategies and seeds against known answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import CoreError
from core.evaluation.campaign import Gold, Plan, Point, held_apart, replay, steps
from core.evaluation.curves import CurvePoint, curve_of
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureTable
from core.matching.pair_file import read_named_labels
from core.matching.run import compute_features
from core.queue.batches import near_duplicates
from core.queue.session_stats import Gain, learning_curve_gain
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import Corpus
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair, ProductRef


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came out.

    Attributes:
        curves: by the strategy's name.
        pool: pairs that could be asked about.
        judged: pairs that were judged on.
        judged_on: where they come from, in words.
        plan: budget, batch and error.
        seeds: campaigns per strategy.
    """

    curves: dict[str, list[CurvePoint]]
    pool: int
    judged: int
    judged_on: str
    plan: Plan
    seeds: int

    def as_dict(self) -> dict[str, object]:
        """For JSON: `strategies` holds a list of points by name; in a point `f1` is the mean, `f1_sd` the spread."""
        return {
            "strategies": {name: [point.flat() for point in curve] for name, curve in self.curves.items()},
            "pool": self.pool,
            "judged": self.judged,
            "judged_on": self.judged_on,
            "budget": self.plan.budget,
            "batch": self.plan.batch,
            "error": self.plan.error,
            "seeds": self.seeds,
            "next_fifty": {name: hint.expected for name, hint in self.hints.items()},
        }

    @property
    def hints(self) -> dict[str, Gain]:
        """What fifty labels beyond the budget would bring each strategy, in F1, by its curve so far."""
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
    strategies: Sequence[str],
    plan: Plan,
    seeds: int,
    reporter: Reporter,
) -> Simulation:
    """Replay campaigns on the pairs of a file.

    Args:
        workspace: where the products are. Its labels play no part.
        settings: of encoder and features.
        model: the encoder behind the cosine.
        gold: `ltable_id,rtable_id,label`: what may be asked, and the answers.
        judged_on: likewise, what is measured on; pairs of it are never asked. None for a third of the queries
            of `gold`, drawn anew with each seed.
        strategies: names, each replayed.
        plan: budget, batch and error; strategy and seed are put in.
        seeds: campaigns per strategy, with seeds 0, 1, 2 …
        reporter: hears progress.

    Raises:
        LabelsError: a file is no labels file. CatalogError: a file names an unknown product.
        CoreError: there is no match to ask about, or none to judge on.
    """
    corpus = Corpus.read(workspace)
    truth = {} if judged_on is None else read_named_labels(corpus, judged_on)
    answers = {pair: label for pair, label in read_named_labels(corpus, gold).items() if pair not in truth}
    table = compute_features(CorpusFeatures(workspace, settings, corpus), model, sorted({*answers, *truth}), reporter)
    number = {query.ref: i for i, query in enumerate(corpus.queries)}
    family = near_duplicates(corpus.queries)
    asked = _gold(table, answers, number, family)
    judged = None if judged_on is None else _gold(table, truth, number, family)
    sides = _sides(asked, judged, seeds)
    curves = _curves(sides, table.features, strategies, plan, reporter)
    words = str(judged_on) if judged_on else "a third of the queries, drawn anew with each seed"
    return Simulation(curves, len(sides[0][0]), len(sides[0][1]), words, plan, seeds)


def _sides(asked: Gold, judged: Gold | None, seeds: int) -> list[tuple[Gold, Gold]]:
    """What may be asked and what is judged on, in each campaign.

    Raises:
        CoreError: one of them has no match.
    """
    sides = [held_apart(asked, seed) if judged is None else (asked, judged) for seed in range(seeds)]
    if any(not side.labels.any() for both in sides for side in both):
        raise CoreError(
            "There is no match among the pairs to ask about, or none among those to judge on.",
            "Labelled matches are needed in both: `samesku simulate --gold FILE --test FILE`.",
        )
    return sides


def _curves(
    sides: Sequence[tuple[Gold, Gold]],
    features: tuple[str, ...],
    strategies: Sequence[str],
    plan: Plan,
    reporter: Reporter,
) -> dict[str, list[CurvePoint]]:
    reporter.stage("replay campaigns", sum(len(steps(plan, len(pool))) for pool, _ in sides) * len(strategies))
    done = 0
    curves: dict[str, list[CurvePoint]] = {}
    for name in strategies:
        campaigns: list[list[Point]] = [[] for _ in sides]
        for seed, (pool, judged) in enumerate(sides):
            for point in replay(pool, judged, features, replace(plan, strategy=name, seed=seed)):
                campaigns[seed].append(point)
                done += 1
                reporter.advance(done)
        curves[name] = curve_of(campaigns)
    return curves


def _gold(
    table: FeatureTable, labels: Mapping[Pair, bool], number: Mapping[ProductRef, int], family: Sequence[int]
) -> Gold:

    query = np.array([number[pair.query] for pair in labels], np.int64)
    return Gold(
        vectors=table.vectors[[table.row[pair] for pair in labels]],
        labels=np.array(list(labels.values()), bool),
        query=query,
        family=np.asarray(family, np.int64)[query],
    )
