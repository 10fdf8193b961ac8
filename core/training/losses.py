"""Losses of sentence-transformers and the training data in the columns that they take."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.training.examples import Example
from core.training.length_sorted import length_sorted
from core.training.recipes.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: The column of the training data that holds no texts.
SCORE = "score"


def training_columns(recipe: Recipe, examples: Sequence[Example]) -> dict[str, list[Any]]:
    """The columns of the training data: anchor, match and negatives, or for a loss on pairs two texts and a score."""
    if recipe.on_pairs:
        pairs = [
            (example.anchor, text, float(at == 0))
            for example in examples
            for at, text in enumerate((example.positive, *example.negatives))
        ]
        names = ("sentence1", "sentence2", SCORE)
        return {name: list(column) for name, column in zip(names, zip(*pairs, strict=True), strict=True)}
    columns = {"anchor": [e.anchor for e in examples], "positive": [e.positive for e in examples]}
    for i in range(len(examples[0].negatives)):
        columns[f"negative_{i + 1}"] = [e.negatives[i] for e in examples]
    return columns


def make_loss(
    recipe: Recipe, model: "SentenceTransformer", guide: "SentenceTransformer | None", *, shared: bool = False
) -> Any:
    """The loss of a recipe.

    - `mnr`: for each anchor, its match against its hard negatives and all other texts of the batch (van den Oord et al.
      2018, arXiv:1807.03748).
    - `cached-mnr`: the same in a memory that does not grow with the batch (Gao et al. 2021, arXiv:2101.06983).
    - `symmetric-mnr`: the same, and also each match against all anchors.
    - `gist`: the same without negatives that the guide takes for better matches (Solatorio 2024, arXiv:2402.16829).
    - `cosent`, `cosine`: on pairs, by the order of the cosines or by their squared error.

    Args:
        recipe: of the run.
        model: to train.
        guide: the base encoder; used by `gist` only.
        shared: whether several processes share a batch. The texts of all of them are then negatives, except in
            `cosent`, which compares the pairs of each process.
    """
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    loss = _loss(recipe, model, guide, shared)
    if not recipe.matryoshka:
        # The cached losses split the batch themselves. With several processes, the trainer has to replace the model of
        # the loss by the wrapped one that averages the gradients, and it looks for it in the loss alone.
        is_splittable = hasattr(loss, "compute_loss_from_embeddings") and model.device.type == "cpu" and not shared
        return length_sorted(loss) if is_splittable else loss
    dimension = model.get_embedding_dimension() or 0
    lengths = sorted({dimension, *recipe.matryoshka}, reverse=True)
    return MatryoshkaLoss(model, loss, matryoshka_dims=lengths)


def _loss(recipe: Recipe, model: "SentenceTransformer", guide: "SentenceTransformer | None", shared: bool) -> Any:
    from sentence_transformers.sentence_transformer import losses

    match recipe.loss:
        case "cached-mnr":
            return losses.CachedMultipleNegativesRankingLoss(
                model,
                scale=recipe.scale,
                mini_batch_size=recipe.mini_batch_size,
                gather_across_devices=shared,
            )
        case "symmetric-mnr":
            return losses.MultipleNegativesRankingLoss(
                model,
                scale=recipe.scale,
                directions=("query_to_doc", "doc_to_query"),
                partition_mode="per_direction",
                gather_across_devices=shared,
            )
        case "gist":
            # Cached, since the plain one takes a single negative.
            return losses.CachedGISTEmbedLoss(
                model,
                guide,
                temperature=1 / recipe.scale,
                mini_batch_size=recipe.mini_batch_size,
                gather_across_devices=shared,
            )
        case "cosent":
            return losses.CoSENTLoss(model, scale=recipe.scale)
        case "cosine":
            return losses.CosineSimilarityLoss(model)
        case _:
            return losses.MultipleNegativesRankingLoss(model, scale=recipe.scale, gather_across_devices=shared)
