"""Batches without false negatives: rows whose products are known to be the same are never in one batch.

A ranking loss takes all other texts of a batch for negatives of an anchor. The sampler of sentence-transformers keeps
rows with an equal text apart; two listings of one product have different texts.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

#: Text → names of the groups of products that have it.
TextGroups = Mapping[str, Collection[str]]


def no_false_negatives(groups: TextGroups) -> Callable[..., Any]:
    """A factory of batch samplers, as `batch_sampler` of the training arguments takes it.

    It is `NoDuplicatesBatchSampler` on the data set with further columns, one value per group that a row belongs to.
    Rows share a batch only if they share neither a text nor a group. Without groups, the batches are those of
    `NO_DUPLICATES`.

    Args:
        groups: text → groups.
    """

    def make(dataset: Any, **options: Any) -> Any:
        from sentence_transformers.base.sampler import NoDuplicatesBatchSampler

        rows = zip(*(dataset[column] for column in dataset.column_names), strict=True)
        keys = [sorted({group for text in row for group in groups.get(text, ())}) for row in rows]
        for place in range(max(map(len, keys), default=0)):
            # A value that no other row has stands for no group. No text begins with NUL.
            column = [f"\0{row[place]}" if place < len(row) else f"\0\0{n}.{place}" for n, row in enumerate(keys)]
            dataset = dataset.add_column(f"group {place}", column)
        return NoDuplicatesBatchSampler(dataset, **options)

    return make
