"""A retrain: labels → triplets → LoRA → champion against challenger → promotion → a new index."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from core.catalog.template import render
from core.errors import ModelError
from core.evaluation.comparison import Comparison, save_comparison
from core.evaluation.encoder_comparison import comparison_of
from core.evaluation.retrieval import PRIMARY, EncoderEvaluation, evaluate_encoder
from core.jobs.progress import Reporter
from core.matching.features.builder import CorpusFeatures
from core.matching.run import bring_up_to_date, out_of_fold_path, write_out_of_fold
from core.matching.shortlist import Shortlist
from core.retrieval.encoder_files import EncoderModel, weights_sha256
from core.retrieval.encoder_identity import part_digests
from core.retrieval.encoding_rate import read_rate, read_stage_seconds
from core.retrieval.index_run import Corpus, build_index
from core.retrieval.registry import TUNED_PREFIX, ModelCard, Registry
from core.settings import Settings
from core.splits.split import Splits, splits_of
from core.splits.training_data import candidates_of, training_triplets
from core.splits.triplets import Triplet
from core.training.cross_fitting import out_of_fold_cosines
from core.training.lora import Example, pad_negatives, train_lora
from core.training.plan import first_outline
from core.training.promotion import Outcome, decide
from core.training.recipe import ENCODINGS_A_TEXT, texts
from core.training.trainer_hooks import Question, affordable, questions_of
from core.workspace import Workspace
from labels.backup import backup
from labels.model import Pair, ProductRef
from labels.wording import counted


def retrain(workspace: Workspace, settings: Settings, reporter: Reporter, *, lead: bool = True) -> dict[str, object]:
    """Train a challenger on the labels, judge it, promote it if it is better beyond chance, and index again.

    The labels are backed up first. The challenger is tuned from the base encoder, on all labels, rather than from
    the champion: a run does not depend on the runs before it.

    Args:
        workspace: whose labels.
        settings: in force.
        reporter: hears how it goes.
        lead: whether who started it may put encoders in use.

    Returns:
        `challenger` and `champion` (`model`, and the metrics by name of encoder and fused candidates), `changes` (by
        ranking and metric, with 95 % intervals), `promoted`, `waiting` (for a lead), `decision` (the same for
        people, a sentence), `primary`, `judged_on` (`manual` or `held out`), `set` (with its version), `queries`,
        `triplets`, `recipe`, `proof`.

    Raises:
        ModelError: too few labels, or the challenger is not what was trained. The champion is then unchanged.
        LabelsError: the labels are not sound, or cannot be backed up. Nothing was begun.
    """
    corpus = Corpus.read(workspace)
    _back_up(workspace, settings, reporter)
    registry = Registry(workspace, settings)
    registry.remove_unfinished()
    champion = registry.champion()
    # The candidates to mine negatives from, and the vectors that the champion is judged by.
    corpus_features = CorpusFeatures(workspace, settings, corpus)
    selection = Shortlist(corpus_features, settings.search.k)
    build_index(workspace, settings, champion, reporter, corpus=corpus, selection=selection)
    splits = splits_of(workspace, settings)
    triplets = training_triplets(workspace, settings, corpus, splits)
    reporter.message(_plan(splits, triplets))
    _outline(workspace, settings, champion, corpus, splits, len(triplets), reporter)
    questions = _questions(workspace, settings, registry.base(), corpus, splits, len(triplets))
    with registry.drafts() as place:
        draft, proof = _train(registry, settings, corpus, triplets, splits, reporter, place, questions=questions)
        gold = {query: splits.matches[query] for query in splits.eval_queries}
        began = time.monotonic()
        before, ranked_before = evaluate_encoder(corpus_features, champion, gold, reporter)
        after, ranked_after = evaluate_encoder(corpus_features, draft, gold, reporter)
        compared = comparison_of(
            corpus, gold, (champion.id, ranked_before), (draft.id, ranked_after),
            judged_on=splits.name, seconds=time.monotonic() - began,
        )  # fmt: skip
        card = _card(registry, settings, draft, compared, after, proof, {"triplets": len(triplets)})
        registry.add(card, draft.path.parent)
    challenger = replace(draft, path=registry.folder(draft.id) / "merged")
    save_comparison(workspace, compared)
    change = compared.changes["encoder"][PRIMARY]
    decision = decide(settings.retrain, challenger.id, PRIMARY, change, len(compared.queries), lead=lead)
    if decision.outcome is not Outcome.REJECTED:
        # A matcher learns from them, also if it is put in use later.
        unseen = _unseen(workspace, settings, registry, corpus, splits, reporter)
        write_out_of_fold(out_of_fold_path(workspace, challenger.id), unseen)
    promoted = decision.outcome is Outcome.PROMOTED
    if promoted:
        registry.promote(challenger.id, f"{PRIMARY} {change.before.value:.4f} → {change.after.value:.4f}")
        bring_up_to_date(workspace, settings, challenger, reporter, corpus=corpus)
    result: dict[str, object] = {
        "champion": asdict(before), "challenger": asdict(after), "primary": PRIMARY,
        "promoted": promoted, "waiting": decision.outcome is Outcome.WAITING, "decision": decision.reason,
        "changes": {name: {m: asdict(each) for m, each in of.items()} for name, of in compared.changes.items()},
        "triplets": len(triplets), "recipe": settings.retrain.model_dump(), "proof": proof, **_judges(splits),
    }  # fmt: skip
    reporter.result(result)
    return result


def _outline(
    workspace: Workspace,
    settings: Settings,
    champion: EncoderModel,
    corpus: Corpus,
    splits: Splits,
    matches: int,
    reporter: Reporter,
) -> None:
    """Tell how long the stages may take, as far as an index run has measured it on this machine."""
    folder = workspace.index / champion.id
    if (pace := read_rate(folder)) is not None:
        products = len(corpus.queries) + len(corpus.products)
        rest = read_stage_seconds(folder)
        reporter.outline(first_outline(pace, products, len(splits.products), rest, settings.retrain, matches))


def _back_up(workspace: Workspace, settings: Settings, reporter: Reporter) -> None:
    if workspace.labels.exists():
        made = backup(workspace.labels, workspace.backups, settings.labels.backups)
        reporter.message(f"Backed up: {made.path.name}")


def _train(
    registry: Registry,
    settings: Settings,
    corpus: Corpus,
    triplets: list[Triplet],
    splits: Splits,
    reporter: Reporter,
    place: Path,
    *,
    stage: str = "train",
    questions: Sequence[Question] = (),
) -> tuple[EncoderModel, dict[str, float]]:
    """A challenger tuned from the base encoder, in a folder of drafts, and the proof that it was tuned."""
    base = registry.base()
    model_id = f"{TUNED_PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"
    folder = place / model_id
    proof = train_lora(
        base,
        _examples(settings, base, corpus, triplets, splits.leak_candidates),
        folder,
        settings.retrain,
        max_tokens=settings.encoder.max_tokens,
        reporter=reporter,
        stage=stage,
        questions=questions,
    )
    shutil.rmtree(folder / "trainer", ignore_errors=True)
    return replace(base, id=model_id, path=folder / "merged", former_id=""), proof


def _unseen(
    workspace: Workspace, settings: Settings, registry: Registry, corpus: Corpus, splits: Splits, reporter: Reporter
) -> dict[Pair, float]:
    """Cosines for the matcher to learn from, by encoders that have not seen its labels."""

    def train(part: Splits, stage: str) -> EncoderModel:
        triplets = training_triplets(workspace, settings, corpus, part)
        return _train(registry, settings, corpus, triplets, part, reporter, place, stage=stage)[0]

    with registry.drafts() as place:
        return out_of_fold_cosines(settings, corpus, splits, registry.base(), train, reporter)


def _card(
    registry: Registry,
    settings: Settings,
    challenger: EncoderModel,
    compared: Comparison,
    evaluation: EncoderEvaluation,
    proof: dict[str, float],
    trained_on: dict[str, int],
) -> ModelCard:
    fused = {f"fused {name}": value for name, value in evaluation.fused.items()}
    return ModelCard(
        id=challenger.id,
        parent=registry.base().id,
        base=settings.encoder.model,
        sha256=weights_sha256(challenger.path),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=settings.retrain.model_dump(),
        trained_on=trained_on,
        metrics=evaluation.encoder | fused | proof,
        query_prefix=challenger.query_prefix,
        candidate_prefix=challenger.candidate_prefix,
        prefixes_from=challenger.prefixes_from,
        parts=part_digests(challenger.path),
        judged_on=compared.judged_on,
        intervals={
            n: change.after.interval for n, change in compared.changes["encoder"].items() if change.after.interval
        },
    )


def _examples(
    settings: Settings, base: EncoderModel, corpus: Corpus, triplets: list[Triplet], tied: frozenset[ProductRef]
) -> list[Example]:
    anchors, products = _texts(settings, base, corpus)
    examples = [
        Example(anchors[t.anchor], products[t.positive], tuple(products[n] for n in t.negatives)) for t in triplets
    ]
    pool = [text for ref, text in products.items() if ref not in tied]
    return pad_negatives(examples, pool, settings.retrain.hard_negatives, settings.retrain.seed)


def _texts(
    settings: Settings, base: EncoderModel, corpus: Corpus
) -> tuple[dict[ProductRef, str], dict[ProductRef, str]]:
    """What the encoder reads of the queries, and of what they may equal."""
    template = settings.encoder.template
    return (
        {query.ref: base.query_prefix + render(template, query) for query in corpus.queries},
        {product.ref: base.candidate_prefix + render(template, product) for product in corpus.products},
    )


def _questions(
    workspace: Workspace, settings: Settings, base: EncoderModel, corpus: Corpus, splits: Splits, examples: int
) -> list[Question]:
    """What the training is watched by: as much as it can afford."""
    anchors, products = _texts(settings, base, corpus)
    learning = ENCODINGS_A_TEXT * texts(settings.retrain, examples)
    most = affordable(learning + len(anchors) + len(products))
    mined = candidates_of(workspace)
    return questions_of(splits, mined, anchors, products, most=most, seed=settings.retrain.seed)


def _judges(splits: Splits) -> dict[str, object]:
    return {
        "judged_on": "manual" if splits.manual else "held out",
        "set": splits.name,
        "queries": len(splits.eval_queries),
    }


def _plan(splits: Splits, triplets: list[Triplet]) -> str:
    """What will be learnt from and judged on, in a sentence.

    Raises:
        ModelError: there is nothing to judge on.
    """
    if not splits.eval_queries:
        raise ModelError("There are no labelled matches to judge a new model on.", "Accept some matches first.")
    judges = f"of {splits.name}" if splits.manual else "held out of training (no validation set yet)"
    return (
        f"{counted(len(triplets), 'match', 'matches')} to learn from;"
        f" judged on {counted(len(splits.eval_queries), 'query', 'queries')} {judges}."
    )
