"""A retrain: labels → triplets → fine-tuning → champion against challenger → promotion → a new index."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from core.catalog.template import render
from core.errors import ModelError
from core.evaluation.comparison import RANKING_NAMES, Change, Comparison, save_comparison
from core.evaluation.encoder_comparison import Rankings, add_matcher_rankings, comparison_of
from core.evaluation.retrieval import EncoderEvaluation, Gold, evaluate_encoder
from core.evaluation.training_cost import COST
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.run import bring_up_to_date, out_of_fold_path, write_out_of_fold
from core.matching.shortlist import Shortlist
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel, weights_sha256
from core.retrieval.encoder_identity import part_digests
from core.retrieval.encoder_registry import ModelCard, Registry, new_tuned_id
from core.retrieval.encoding_rate import read_rate, read_stage_seconds
from core.retrieval.index_run import build_index
from core.settings import Settings
from core.splits.dataset_card import DatasetCard, content_sha256, make_card
from core.splits.groups import ConnectedGroups
from core.splits.hard_negatives import NegativeSource
from core.splits.leakage import check_leakage
from core.splits.match_groups import evaluation_gold, indistinguishable, known_groups
from core.splits.split import Splits, splits_of
from core.splits.training_data import candidates_of, training_triplets
from core.splits.triplets import Triplet, match_counts
from core.splits.weak_training import with_weak_labels
from core.training.altered_negatives import with_altered_negatives
from core.training.base_encoder import base_encoder
from core.training.checkpoints import RunCheckpoints, data_sha256, run_key
from core.training.cost import encodings
from core.training.cross_fitting import out_of_fold_cosines
from core.training.examples import Example, pad_negatives
from core.training.fine_tuning import check_trainable, fine_tune
from core.training.plan import first_retrain_stages
from core.training.promotion import PromotionDecision, PromotionOutcome, decide_promotion, is_hopeless
from core.training.recipes.recipe import Recipe
from core.training.recipes.sources import resolve_recipe
from core.training.trackers import Tracker, Tracking, require_tracker
from core.training.trainer_hooks import ProbeQuery, affordable_probes, draw_probes
from core.workspace import Workspace
from labels.backup import backup
from labels.model import Pair, ProductRef
from labels.wording import counted, evaluation_set


def retrain(
    workspace: Workspace,
    settings: Settings,
    reporter: Reporter,
    *,
    lead: bool = True,
    recipe: Recipe | None = None,
    tracker: Tracker | None = None,
) -> dict[str, object]:
    """Train a challenger on the labels, compare it with the champion, promote it if it is better, and index again.

    The labels are backed up before the work starts. A run that was interrupted goes on from its last checkpoint if its
    recipe, base and training data are the same. The challenger is fine-tuned from the base encoder on all labels,
    rather than from the champion, so that a run does not depend on earlier runs.

    Args:
        workspace: with the labels.
        settings: of the workspace and the command line.
        reporter: receives progress.
        lead: whether the user may promote encoders.
        recipe: of the run; None for the one of the settings.
        tracker: that receives the curves of the training; None for none.

    Returns:
        `challenger` and `champion` (`model`, and the metrics by name of the rankings), `changes` (by ranking and
        metric, with 95 % intervals), `promoted`, `waiting` (for a lead), `decision` (as a sentence), `ranking` and
        `primary` (the ranking and its metric that decided), `judged_on` (`manual` or `held out`), `set` (with its
        version), `queries`, `triplets`, `recipe`, `proof` (the distances of the merge check), `data` (the card of the
        training data: hash, counts by source, leakage check).

    Raises:
        SettingsError: the recipe has a wrong key or value, or does not fit the base encoder.
        ModelError: there are too few labels, or the merge check failed. The champion is unchanged.
        CoreError: evaluation data would train, or there are no weak labels although they are to be used.
        LabelsError: the labels are damaged, or cannot be backed up. Nothing was started.
    """
    recipe = recipe or resolve_recipe(settings.retrain)
    corpus = Corpus.read(workspace)
    registry = Registry(workspace, settings)
    champion = registry.champion()
    base = base_encoder(workspace, settings, recipe)
    check_trainable(recipe, base)
    if tracker is not None:
        require_tracker(tracker)
    _back_up(workspace, settings, reporter)
    registry.remove_unfinished()
    for warning in recipe.warnings:
        reporter.message(warning)
    # For the candidates to mine negatives from, and the vectors that the champion is evaluated with.
    features = CorpusFeatures(workspace, settings, corpus)
    selection = Shortlist(features, settings.search.k)
    build_index(workspace, settings, champion, reporter, corpus=corpus, selection=selection)
    splits = with_weak_labels(workspace, settings, splits_of(workspace, settings))
    groups = known_groups(splits, corpus)
    key = run_key(recipe, base, settings.encoder.max_tokens)
    checkpoints = RunCheckpoints(workspace.checkpoints, key)
    checkpoints.remove_others()
    run = TrainingRun(
        workspace, settings, recipe, base, reporter, registry, corpus, splits, groups, checkpoints, tracker
    )
    trained = run.challenger(champion, features)
    save_comparison(workspace, trained.comparison)
    decision = _promote(run, trained, lead=lead)
    # Only now, so that a run that is killed in a later stage trains nothing again.
    checkpoints.remove()
    result: dict[str, object] = {
        "champion": asdict(trained.champion_metrics) | _matched(trained.comparison, of="before"),
        "challenger": asdict(trained.metrics) | _matched(trained.comparison, of="after"),
        "ranking": decision.ranking, "primary": decision.metric,
        "promoted": decision.outcome is PromotionOutcome.PROMOTED,
        "waiting": decision.outcome is PromotionOutcome.WAITING, "decision": decision.reason,
        "changes": {
            ranking: {metric: asdict(change) for metric, change in changes.items()}
            for ranking, changes in trained.comparison.changes.items()
        },
        "pairs": {name: asdict(change) for name, change in trained.comparison.pairs.items()},
        "triplets": trained.triplets, "recipe": recipe.record(), "proof": trained.merge_check,
        "judged_on": "manual" if run.splits.manual else "held out", "set": run.splits.name,
        "queries": len(run.splits.eval_queries), "data": trained.data.as_dict(),
    }  # fmt: skip
    reporter.result(result)
    return result


def _back_up(workspace: Workspace, settings: Settings, reporter: Reporter) -> None:
    if workspace.labels.exists():
        made = backup(workspace.labels, workspace.backups, settings.labels.backups)
        reporter.message(f"Backed up: {made.path.name}")


@dataclass(frozen=True, slots=True)
class _Trained:
    """A challenger in the registry, and how it compares with the champion.

    Attributes:
        metrics, champion_metrics: of both encoders on the evaluation queries.
        merge_check: the distances of `verify_merge`.
        triplets: number of training triplets.
        data: card of the training data.
    """

    model: EncoderModel
    comparison: Comparison
    metrics: EncoderEvaluation
    champion_metrics: EncoderEvaluation
    merge_check: dict[str, float]
    triplets: int
    data: DatasetCard


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The inputs that all steps of a retrain share.

    Attributes:
        groups: the groups of products that are known to be the same.
        checkpoints: of the training stages; None to save none.
        tracker: that receives the curves of the challenger's training; None for none.
        texts: encoder inputs of all queries and of all catalogue products, including the prefixes.
    """

    workspace: Workspace
    settings: Settings
    recipe: Recipe
    base: EncoderModel
    reporter: Reporter
    registry: Registry
    corpus: Corpus
    splits: Splits
    groups: ConnectedGroups[ProductRef]
    checkpoints: RunCheckpoints | None = None
    tracker: Tracker | None = None
    texts: tuple[dict[ProductRef, str], dict[ProductRef, str]] = field(init=False)

    def __post_init__(self) -> None:
        template, base = self.settings.encoder.template, self.base
        queries = {query.ref: base.query_prefix + render(template, query) for query in self.corpus.queries}
        products = {each.ref: base.candidate_prefix + render(template, each) for each in self.corpus.products}
        object.__setattr__(self, "texts", (queries, products))

    def challenger(self, champion: EncoderModel, features: CorpusFeatures) -> _Trained:
        """Train a challenger, compare it with the champion, and add it to the registry.

        Raises:
            ModelError: there is too little training or evaluation data, or the merge check failed.
        """
        triplets = self.triplets(self.splits)
        self.reporter.message(_training_summary(self.splits, triplets))
        data = self.data_card(self.splits, triplets)
        self.reporter.message(_data_summary(data))
        self._report_stages(champion, len(triplets))
        gold = evaluation_gold(self.splits, self.corpus)
        probes = self._probes(gold, len(triplets))
        with self.registry.drafts() as folder:
            tracking = Tracking(self.tracker, self.workspace.home) if self.tracker else None
            draft, measured = self.fine_tune(self.splits, triplets, folder, probes=probes, tracking=tracking)
            merge_check = {name: value for name, value in measured.items() if name not in COST}
            trained_before = self._trained_before(draft)
            draft = trained_before or draft
            started = time.monotonic()
            before, champion_rankings = evaluate_encoder(features, champion, gold, self.reporter)
            after, rankings = evaluate_encoder(features, draft, gold, self.reporter)
            comparison = self._comparison(gold, (champion.id, champion_rankings), (draft.id, rankings), started)
            card = self._card(draft, comparison, after, measured, len(triplets), data)
            self.registry.add(card, None if trained_before else draft.path.parent)
        model = replace(draft, path=self.registry.folder(draft.id) / "merged")
        if not is_hopeless(self.settings.retrain, comparison):
            # The matcher is trained on these, also if the challenger is promoted later.
            write_out_of_fold(out_of_fold_path(self.workspace, model.id), self.out_of_fold_cosines())
            ranked = (champion, champion_rankings), (model, rankings)
            f1 = add_matcher_rankings(features, self.registry, ranked, self._known_truth(), self.reporter)
            comparison = self._comparison(gold, (champion.id, champion_rankings), (model.id, rankings), started, f1)
        return _Trained(model, comparison, after, before, merge_check, len(triplets), data)

    def _trained_before(self, draft: EncoderModel) -> EncoderModel | None:
        """The same encoder, if a killed run left it in the registry without a decision; it is encoded already."""
        with suppress(ModelError):
            sha256, promoted = weights_sha256(draft.path), {promotion.model for promotion in self.registry.history()}
            for card in self.registry.cards():
                if card.sha256 == sha256 and not card.decision and card.id not in promoted:
                    model = self.registry.get(card.id)
                    if model.prefixes == draft.prefixes:
                        return model
        return None

    def _comparison(
        self,
        gold: Gold,
        before: tuple[str, Rankings],
        after: tuple[str, Rankings],
        started: float,
        f1: Change | None = None,
    ) -> Comparison:
        seconds = time.monotonic() - started
        return comparison_of(self.corpus, gold, before, after, judged_on=self.splits.name, seconds=seconds, f1=f1)

    def _known_truth(self) -> dict[Pair, bool]:
        """The labelled validation pairs whose products are in the catalogue."""
        queries, products = self.texts
        return {
            pair: label
            for pair, label in self.splits.truth.items()
            if pair.query in queries and pair.candidate in products
        }

    def triplets(self, splits: Splits) -> list[Triplet]:
        """The training triplets of a split, with hard negatives from the candidates."""
        return training_triplets(self.workspace, self.settings.retrain, self.corpus, splits, self.recipe.hard_negatives)

    def fine_tune(
        self,
        splits: Splits,
        triplets: list[Triplet],
        folder: Path,
        *,
        stage: str = "train",
        probes: Sequence[ProbeQuery] = (),
        tracking: Tracking | None = None,
    ) -> tuple[EncoderModel, dict[str, float]]:
        """Fine-tune the base encoder in a draft folder. Returns the encoder and the values of `fine_tune`."""
        model_id = new_tuned_id(has_adapter=self.recipe.has_adapter)
        draft, examples, groups = folder / model_id, self._examples(triplets, splits), self._text_groups(splits)
        data = data_sha256(content_sha256(_rows(examples)), groups)
        measured = fine_tune(
            self.base,
            examples,
            draft,
            self.recipe,
            max_tokens=self.settings.encoder.max_tokens,
            reporter=self.reporter,
            stage=stage,
            probes=probes,
            groups=groups,
            checkpoints=self.checkpoints.stage(stage, data) if self.checkpoints else None,
            tracking=tracking,
        )
        return replace(self.base, id=model_id, path=draft / "merged", former_id=""), measured

    def data_card(self, splits: Splits, triplets: list[Triplet]) -> DatasetCard:
        """The card of the training data, after the leakage check.

        Raises:
            CoreError: evaluation data would train.
        """
        matches = [Pair(triplet.anchor, triplet.positive) for triplet in triplets]
        leakage = check_leakage(splits, [t.products for t in triplets], matches, self.groups)
        examples = self._examples(triplets, splits)
        return make_card(
            "triplets",
            _rows(examples),
            splits,
            leakage,
            self.settings,
            hard_negatives=self.recipe.hard_negatives,
            matches=match_counts(triplets),
            negatives=_negative_counts(triplets, examples),
        )

    def out_of_fold_cosines(self) -> dict[Pair, float]:
        """Cosines of the training pairs by encoders that were not trained on them, for the matcher."""

        def train(part: Splits, stage: str) -> EncoderModel:
            return self.fine_tune(part, self.triplets(part), folder, stage=stage)[0]

        with self.registry.drafts() as folder:
            return out_of_fold_cosines(self.settings, self.corpus, self.splits, self.base, train, self.reporter)

    def _report_stages(self, champion: EncoderModel, matches: int) -> None:
        """Report the estimated duration of the stages, if an index run has measured the encoding rate."""
        folder = self.workspace.index / champion.id
        if (rate := read_rate(folder)) is not None:
            products = len(self.corpus.queries) + len(self.corpus.products)
            labelled, rest = len(self.splits.products), read_stage_seconds(folder)
            stages = first_retrain_stages(rate, products, labelled, rest, self.recipe, matches)
            self.reporter.outline(stages)

    def _probes(self, gold: Gold, examples: int) -> list[ProbeQuery]:
        """Probe queries for the metric during training, as many as its cost allows."""
        anchors, products = self.texts
        training = encodings(self.recipe, examples)
        return draw_probes(
            gold, candidates_of(self.workspace), anchors, products,
            count=affordable_probes(int(training) + len(anchors) + len(products)), seed=self.recipe.seed,
        )  # fmt: skip

    def _examples(self, triplets: list[Triplet], splits: Splits) -> list[Example]:
        anchors, products = self.texts
        evaluated_with = splits.evaluated_with
        examples, groups = [], indistinguishable(splits, self.corpus)
        for t in triplets:
            same = groups.connected((t.anchor, t.positive)) | splits.matches.get(t.anchor, frozenset())
            never = same | evaluated_with.get(t.anchor, frozenset())
            never_drawn = frozenset(products[ref] for ref in never if ref in products) - {products[t.positive]}
            negatives = tuple(products[n] for n in t.negatives)
            examples.append(Example(anchors[t.anchor], products[t.positive], negatives, never_drawn))
        pool = [text for ref, text in products.items() if ref not in splits.leak_candidates]
        padded = pad_negatives(examples, pool, self.recipe.hard_negatives, self.recipe.seed)
        return with_altered_negatives(padded, self.recipe.altered_negatives, self.recipe.seed)

    def _text_groups(self, splits: Splits) -> dict[str, set[str]]:
        """Text → groups of products that are known to be the same, weak matches included."""
        groups = indistinguishable(splits, self.corpus)
        for label in splits.weak:
            if label.match:
                groups.connect(label.pair)
        found: dict[str, set[str]] = {}
        for texts_by_ref in self.texts:
            for ref, text in texts_by_ref.items():
                if (group := groups.group(ref)) is not None:
                    found.setdefault(text, set()).add(f"{group.source}\0{group.id}")
        return found

    def _card(
        self,
        model: EncoderModel,
        comparison: Comparison,
        metrics: EncoderEvaluation,
        measured: dict[str, float],
        triplets: int,
        data: DatasetCard,
    ) -> ModelCard:
        fused = {f"fused {name}": value for name, value in metrics.fused.items()}
        return ModelCard(
            id=model.id,
            parent=self.base.id,
            base=self.settings.encoder.model if self.recipe.base == "auto" else self.recipe.base,
            sha256=weights_sha256(model.path),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            recipe=self.recipe.record(),
            trained_on={"triplets": triplets},
            data=data.as_dict(),
            metrics=metrics.encoder | fused | measured,
            query_prefix=model.query_prefix,
            candidate_prefix=model.candidate_prefix,
            prefixes_from=model.prefixes_from,
            parts=part_digests(model.path),
            judged_on=comparison.judged_on,
            intervals={
                name: change.after.interval
                for name, change in comparison.changes["encoder"].items()
                if change.after.interval
            },
        )


def _rows(examples: Sequence[Example]) -> list[dict[str, object]]:
    """The rows of the training data, as its card and its export have them."""
    return [{"anchor": e.anchor, "positive": e.positive, "negatives": list(e.negatives)} for e in examples]


def _negative_counts(triplets: Sequence[Triplet], examples: Sequence[Example]) -> dict[str, int]:
    """Negatives by source. Random products fill the places for which the sources of a triplet have too few."""
    counts: Counter[str] = Counter()
    for triplet, example in zip(triplets, examples, strict=True):
        for place in range(len(example.negatives)):
            if place in example.altered:
                counts["altered"] += 1
            else:
                known = place < len(triplet.sources)
                counts[(triplet.sources[place] if known else NegativeSource.RANDOM).value] += 1
    return dict(counts)


def _training_summary(splits: Splits, triplets: list[Triplet]) -> str:
    """The sizes of training and evaluation data, as a sentence.

    Raises:
        ModelError: there are no evaluation queries.
    """
    if not splits.eval_queries:
        raise ModelError("There are no labelled matches to evaluate a new model on.", "Accept some matches first.")
    origin = f"of {evaluation_set(splits.name)}" if splits.manual else "held out of training (no validation set yet)"
    return (
        f"{counted(len(triplets), 'match', 'matches')} to train on;"
        f" evaluated on {counted(len(splits.eval_queries), 'query', 'queries')} {origin}."
    )


def _matched(comparison: Comparison, *, of: Literal["before", "after"]) -> dict[str, dict[str, float]]:
    """The metrics of the matcher's ranking of one encoder, under `matched`; nothing if it was not compared."""
    changes = comparison.changes.get("matched", {})
    values = {name: (change.before if of == "before" else change.after).value for name, change in changes.items()}
    return {"matched": values} if values else {}


def _data_summary(data: DatasetCard) -> str:
    """The sources of the training data and its hash, as sentences."""
    matches, negatives = (
        ", ".join(f"{name} {count:,}" for name, count in counts.items()) for counts in (data.matches, data.negatives)
    )
    shared = data.leakage.get("shared_queries", 0)
    both = (
        f" {counted(shared, 'query has', 'queries have')} pairs on both sides, as a file assigned them."
        if shared
        else ""
    )
    return f"Matches: {matches}; negatives: {negatives}. Data set {data.sha256[:12]}.{both}"


def _promote(run: TrainingRun, trained: _Trained, *, lead: bool) -> PromotionDecision:
    """Decide on the promotion of the challenger, and keep the decision in its card.

    If it is promoted, index, features and matcher are updated.
    """
    workspace, challenger = run.workspace, trained.model
    decision = decide_promotion(run.settings.retrain, trained.comparison, lead=lead)
    run.registry.add(replace(run.registry.card(challenger.id), decision=asdict(decision)))
    if decision.outcome is PromotionOutcome.PROMOTED:
        change = trained.comparison.changes[decision.ranking][decision.metric]
        measured = f"{decision.metric} {change.before.value:.4f} → {change.after.value:.4f}"
        run.registry.promote(challenger.id, f"{RANKING_NAMES[decision.ranking]} {measured}")
        bring_up_to_date(workspace, run.settings, challenger, run.reporter, corpus=run.corpus)
    return decision
