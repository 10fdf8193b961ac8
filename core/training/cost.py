"""Epochs, optimizer steps and texts of a training run, which determine its duration."""

from core.training.recipes.recipe import Recipe

#: Cost of training on a text, in encodings: one forward pass, and a backward pass of about two.
_FULL = 3.0
#: The same with an adapter, by the blocks that have one: without the gradients of the weights, and without most of the
#: lower blocks. As measured on Walmart-Amazon with all-MiniLM-L6-v2, four epochs, on the processor.
_WITH_ADAPTER = {"all": 2.3, "upper-two-thirds": 1.7, "upper-half": 1.3}

#: With fewer matches, cross-fitting improves the matcher too little to be worth training two more encoders.
MIN_CROSS_FITTING_MATCHES = 200


def rows(recipe: Recipe, examples: int) -> int:
    """Rows of the training data: examples, or for a loss on pairs a row for each of their pairs."""
    return examples * (1 + recipe.hard_negatives) if recipe.on_pairs else examples


def batch_size(recipe: Recipe, examples: int) -> int:
    """Rows of a batch: no more than there are, and a multiple of the processes that share it."""
    return max(1, min(recipe.batch_size, rows(recipe, examples)) // recipe.processes) * recipe.processes


def epochs(recipe: Recipe, examples: int) -> int:
    """Epochs of a run; more for small sets, so that it has at least `min_steps` steps."""
    count = rows(recipe, examples)
    per_epoch = max(1, count // batch_size(recipe, examples) // recipe.gradient_accumulation)
    return max(recipe.epochs, -(-recipe.min_steps // per_epoch))


def steps(recipe: Recipe, examples: int) -> int:
    """Optimizer steps of a run; the last step of an epoch may have fewer batches.

    The last batch may be smaller, or is left out with several processes.
    """
    count, size = rows(recipe, examples), batch_size(recipe, examples)
    batches = max(1, count // size) if recipe.processes > 1 else -(-count // size)
    return epochs(recipe, examples) * -(-batches // recipe.gradient_accumulation)


def texts(recipe: Recipe, examples: int) -> int:
    """Training texts of a run, over all epochs."""
    per_row = 2 if recipe.on_pairs else 2 + recipe.hard_negatives
    return epochs(recipe, examples) * rows(recipe, examples) * per_row


def encodings(recipe: Recipe, examples: int) -> float:
    """Cost of a run, in encodings of a text."""
    return texts(recipe, examples) * (_WITH_ADAPTER[recipe.lora.layers] if recipe.has_adapter else _FULL)
