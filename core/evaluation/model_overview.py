"""The encoders of a workspace as a person looks at them: which is in use, where each came from, what to compare."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import ModelError
from core.evaluation.comparison import Comparison, Figure
from core.retrieval.registry import ModelCard, Promotion, lineage

if TYPE_CHECKING:
    from core.retrieval.registry import Registry


@dataclass(frozen=True, slots=True)
class Record:
    """How well an encoder finds matches, by the latest that is known of it.

    Attributes:
        judged_on: the validation set with its version, or the held-out queries; empty where nobody wrote it down.
        queries: how many were judged; 0 where nobody wrote it down.
        alone, fused: its figures by name, by itself and fused with the lexical retriever.
    """

    judged_on: str
    queries: int
    alone: dict[str, Figure]
    fused: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Listed:
    """One encoder.

    Attributes:
        card: what is known of its making; None for an untuned one.
        record: None where it was never judged.
        in_use: whether it is the champion.
        promoted: when and why it was put in use, the last time; None where it never was.
    """

    id: str
    card: ModelCard | None
    record: Record | None
    in_use: bool
    promoted: Promotion | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All encoders.

    Attributes:
        encoders: the champion first, then the latest first, untuned ones last.
        before: what a rollback goes back to; None where there is nothing to go back to.
        indexed: whose candidates the queue shows; None before the first index run.
        comparing_takes_s: how long the latest comparison took, in seconds; None where there was none.
        damaged: the cards and comparisons that cannot be read, a sentence each.
    """

    encoders: tuple[Listed, ...]
    before: str | None
    indexed: str | None
    comparing_takes_s: float | None
    damaged: tuple[str, ...]

    @property
    def champion(self) -> str | None:
        """Id of the encoder in use; None where nothing is known of any."""
        return next((each.id for each in self.encoders if each.in_use), None)

    def pair(self, model_id: str) -> tuple[str, str] | None:
        """What is compared where an encoder is looked at: (before, after); None where there is nothing to compare.

        The champion with what was in use before it; another one with the champion, as if it took its place.
        """
        champion = self.champion
        if champion is None:
            return None
        if model_id != champion:
            return champion, model_id
        return (self.before, champion) if self.before is not None else None


def encoder_overview(registry: "Registry", indexed: str | None, comparisons: Sequence[Comparison] = ()) -> Overview:
    """Look at all encoders; loads none, and nothing that could.

    Args:
        registry: of the workspace.
        indexed: the encoder behind the candidates.
        comparisons: those that were kept, the latest first.

    Raises:
        ModelError: nobody can tell which encoder is in use.
    """
    cards, damaged = {}, []
    for model_id in registry.ids():
        try:
            cards[model_id] = registry.card(model_id)
        except ModelError as error:
            damaged.append(error.message)
    history = registry.history()
    promoted = {promotion.model: promotion for promotion in history}
    newest = sorted(cards, key=lambda id_: (cards[id_].created_at, id_), reverse=True)
    # Nobody need find the untuned encoder to name it: what was tuned names it, and what was put in use or indexed.
    untuned = sorted({card.parent for card in cards.values()} | promoted.keys() | ({indexed} if indexed else set()))
    untuned = [id_ for id_ in untuned if id_ not in cards and not registry.is_trained(id_)]
    champion = history[-1].model if history else next(iter([cards[id_].parent for id_ in newest]), indexed)
    ids = sorted([*newest, *untuned], key=lambda id_: id_ != champion)
    encoders = tuple(
        Listed(id_, cards.get(id_), _record(id_, cards.get(id_), comparisons), id_ == champion, promoted.get(id_))
        for id_ in ids
    )
    takes = comparisons[0].seconds if comparisons else None
    return Overview(encoders, _before(history, cards), indexed, takes, tuple(damaged))


def _record(model_id: str, card: ModelCard | None, comparisons: Iterable[Comparison]) -> Record | None:
    """By the latest comparison, which is on the validation set as it was then; else as it was when it was made."""
    for found in comparisons:
        if model_id in (found.before, found.after):
            alone, fused = (
                {name: change.before if model_id == found.before else change.after for name, change in of.items()}
                for of in (found.changes.get(ranking, {}) for ranking in ("encoder", "fused"))
            )
            return Record(found.judged_on, len(found.queries), alone, fused)
    if card is None or not card.metrics:
        return None
    shares = {name: value for name, value in card.metrics.items() if "@" in name and 0 <= value <= 1}
    figures = {name: Figure(value, card.intervals.get(name)) for name, value in shares.items()}
    return Record(
        card.judged_on,
        int(card.metrics.get("queries", 0)),
        {name: figure for name, figure in figures.items() if " " not in name},
        {name.removeprefix("fused "): figure for name, figure in figures.items() if name.startswith("fused ")},
    )


def _before(history: tuple[Promotion, ...], cards: dict[str, ModelCard]) -> str | None:
    """Where a rollback leads; the first promotion is rolled back to the encoder that it was tuned from."""
    line = lineage(history, cards.__contains__)
    if len(line) > 1:
        return line[-2]
    return cards[line[0]].parent if line and line[0] in cards else None
