"""Overview of the encoders of a workspace: champion, origin, metrics, and what to compare with what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import ModelError
from core.evaluation.comparison import Comparison, Figure
from core.evaluation.report import Evaluation
from core.retrieval.encoder_registry import ModelCard, Promotion, Registry, lineage


@dataclass(frozen=True, slots=True)
class RetrievalRecord:
    """The latest retrieval metrics of an encoder.

    Attributes:
        judged_on: the evaluation set: the validation set with its version, or the held-out queries; empty if unknown.
        queries: number of evaluation queries; 0 if unknown.
        alone, fused: metrics of the dense and of the hybrid ranking, by name.
    """

    judged_on: str
    queries: int
    alone: dict[str, Figure]
    fused: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """One encoder.

    Attributes:
        card: model card; None for a base encoder.
        record: None if it was never evaluated.
        is_champion: whether it was promoted last.
        promoted: its latest promotion; None if it was never promoted.
    """

    id: str
    card: ModelCard | None
    record: RetrievalRecord | None
    is_champion: bool
    promoted: Promotion | None

    @property
    def rejection(self) -> str:
        """Why it was not promoted after training; empty if it was, may be, or has been champion since."""
        if self.card is None or self.promoted is not None or self.card.decision.get("outcome") != "rejected":
            return ""
        return self.card.decision.get("reason", "")


@dataclass(frozen=True, slots=True)
class Overview:
    """All encoders.

    Attributes:
        encoders: the champion first, then the latest first, base encoders last.
        before: id of the encoder that a rollback returns to; None if there is none.
        indexed: id of the encoder behind the candidates; None before the first index run.
        comparison_seconds: duration of the latest comparison; None if there is none.
        damaged: a sentence for each unreadable card.
    """

    encoders: tuple[EncoderEntry, ...]
    before: str | None
    indexed: str | None
    comparison_seconds: float | None
    damaged: tuple[str, ...]

    @property
    def champion(self) -> str | None:
        """Id of the champion; None if no encoder is known."""
        return next((each.id for each in self.encoders if each.is_champion), None)

    def pair(self, model_id: str) -> tuple[str, str] | None:
        """The comparison (before, after) to show for an encoder; None if there is nothing to compare with.

        The champion is compared with its predecessor, another encoder with the champion.
        """
        champion = self.champion
        if champion is None:
            return None
        if model_id != champion:
            return champion, model_id
        return (self.before, champion) if self.before is not None else None


def encoder_overview(
    registry: Registry,
    indexed: str | None,
    comparisons: Sequence[Comparison] = (),
    evaluations: Sequence[Evaluation] = (),
) -> Overview:
    """Overview of all encoders, without loading any.

    Args:
        registry: of the workspace.
        indexed: id of the encoder behind the candidates.
        comparisons: saved comparisons, the latest first.
        evaluations: saved evaluations, the latest first.

    Raises:
        ModelError: the history of promotions is damaged.
    """
    cards, damaged = {}, []
    for model_id in registry.ids():
        try:
            cards[model_id] = registry.card(model_id)
        except ModelError as error:
            damaged.append(error.message)
    history = registry.history()
    promotions = {promotion.model: promotion for promotion in history}
    newest = sorted(cards, key=lambda id_: (cards[id_].created_at, id_), reverse=True)
    # Base encoders are known from cards, promotions and the index; they need not be on this machine.
    mentioned = {card.parent for card in cards.values()} | promotions.keys() | ({indexed} if indexed else set())
    base = [id_ for id_ in sorted(mentioned) if id_ not in cards and not registry.is_trained(id_)]
    champion = history[-1].model if history else next(iter([cards[id_].parent for id_ in newest]), indexed)
    encoders = tuple(
        EncoderEntry(
            id_, cards.get(id_), _metrics(id_, cards, comparisons, evaluations), id_ == champion, promotions.get(id_)
        )
        for id_ in sorted([*newest, *base], key=lambda id_: id_ != champion)
    )
    seconds = comparisons[0].seconds if comparisons else None
    return Overview(encoders, _rollback_target(history, cards), indexed, seconds, tuple(damaged))


def _metrics(
    model_id: str,
    cards: Mapping[str, ModelCard],
    comparisons: Iterable[Comparison],
    evaluations: Iterable[Evaluation],
) -> RetrievalRecord | None:
    """The metrics of the latest comparison or evaluation of the encoder, otherwise those of its card."""
    comparison = next((each for each in comparisons if model_id in (each.before, each.after)), None)
    evaluation = next((each for each in evaluations if each.model == model_id), None)
    if evaluation is not None and (comparison is None or evaluation.at > comparison.at):
        return RetrievalRecord(
            evaluation.judged_on, evaluation.queries, *(_evaluated(evaluation, name) for name in ("encoder", "fused"))
        )
    if comparison is not None:
        return _compared_metrics(model_id, comparison)
    card = cards.get(model_id)
    return None if card is None or not card.metrics else _card_metrics(card)


def _evaluated(evaluation: Evaluation, ranking: str) -> dict[str, Figure]:
    """The metrics of one ranking of an evaluation."""
    values: dict[str, float] = getattr(evaluation, ranking)
    intervals = evaluation.intervals.get(ranking, {})
    return {name: Figure(value, intervals.get(name)) for name, value in values.items() if "@" in name}


def _compared_metrics(model_id: str, comparison: Comparison) -> RetrievalRecord:
    """The metrics of one of the two encoders of a comparison."""

    def metrics(ranking: str) -> dict[str, Figure]:
        changes = comparison.changes.get(ranking, {})
        is_before = model_id == comparison.before
        return {name: change.before if is_before else change.after for name, change in changes.items()}

    return RetrievalRecord(comparison.judged_on, len(comparison.queries), metrics("encoder"), metrics("fused"))


def _card_metrics(card: ModelCard) -> RetrievalRecord:
    """The metrics at the time of training. On a card, hybrid metrics are named `fused hit@1`, dense ones `hit@1`."""
    figures = {
        name: Figure(value, card.intervals.get(name))
        for name, value in card.metrics.items()
        if "@" in name and 0 <= value <= 1
    }
    dense = {name: figure for name, figure in figures.items() if " " not in name}
    hybrid = {name.removeprefix("fused "): figure for name, figure in figures.items() if name.startswith("fused ")}
    return RetrievalRecord(card.judged_on, int(card.metrics.get("queries", 0)), dense, hybrid)


def _rollback_target(history: tuple[Promotion, ...], cards: Mapping[str, ModelCard]) -> str | None:
    """Id of the encoder that a rollback returns to; below the first promotion that is its base encoder."""
    stack = lineage(history, cards.__contains__)
    if len(stack) > 1:
        return stack[-2]
    return cards[stack[0]].parent if stack and stack[0] in cards else None
