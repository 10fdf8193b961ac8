"""No batch has two rows of one product."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.training.batches import no_false_negatives

pytestmark = pytest.mark.slow  # what they import takes seconds

TEXTS = [f"t{n}" for n in range(12)]
ROWS = st.lists(st.lists(st.sampled_from(TEXTS), min_size=3, max_size=3, unique=True), min_size=1, max_size=14)
GROUPS = st.dictionaries(st.sampled_from(TEXTS), st.sets(st.sampled_from("abc"), min_size=1, max_size=2))


def batches(rows: list[list[str]], groups: dict[str, set[str]], seed: int = 1) -> list[list[int]]:
    from datasets import Dataset  # noqa: PLC0415 - takes seconds, in every test process
    from torch import Generator  # noqa: PLC0415

    columns = zip(*rows, strict=True)
    dataset = Dataset.from_dict(dict(zip(("anchor", "positive", "negative_1"), map(list, columns), strict=True)))
    sampler = no_false_negatives(groups)(
        dataset, batch_size=4, drop_last=False, valid_label_columns=["label"], generator=Generator(), seed=seed
    )
    return list(sampler)


@settings(max_examples=60)
@given(ROWS, GROUPS)
def test_rows_that_share_a_text_or_a_group_are_never_in_one_batch(
    rows: list[list[str]], groups: dict[str, set[str]]
) -> None:
    found = batches(rows, groups)
    assert sorted(index for batch in found for index in batch) == list(range(len(rows)))
    keys = [{*row, *(f"group {g}" for text in row for g in groups.get(text, ()))} for row in rows]
    for batch in found:
        assert all(keys[one].isdisjoint(keys[other]) for one, other in combinations(batch, 2))


def test_without_groups_the_batches_are_those_of_the_library() -> None:
    from datasets import Dataset  # noqa: PLC0415
    from sentence_transformers.base.sampler import NoDuplicatesBatchSampler  # noqa: PLC0415
    from torch import Generator  # noqa: PLC0415

    rows = [[f"a{n}", f"p{n % 7}", f"n{n}"] for n in range(30)]
    dataset = Dataset.from_dict({name: [row[i] for row in rows] for i, name in enumerate("abc")})
    expected = NoDuplicatesBatchSampler(dataset, 4, drop_last=False, generator=Generator(), seed=1)
    assert batches(rows, {}) == list(expected)


@pytest.mark.parametrize("seed", range(5))
def test_groups_without_conflicts_change_no_batch(seed: int) -> None:
    rows = [[f"a{n}", f"p{n}", f"n{n}"] for n in range(30)]
    groups = {text: {row[0]} for row in rows for text in row[:2]}
    assert batches(rows, groups, seed) == batches(rows, {}, seed)
