"""Checks boosted trees in LightGBM's text format before LightGBM reads them.

LightGBM trusts the text: a node that points beyond its tree, or back to itself, ends the process or never returns.
"""

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

#: The head of the text, line by line, as LightGBM 4 writes it for a binary objective.
_HEAD = re.compile(
    r"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=(\d{1,6})\n"
    r"objective=binary sigmoid:1\nfeature_names=([^\n]*)\nfeature_infos=([^\n]*)\ntree_sizes=([0-9 ]*)\n\n"
)
_INTEGERS, _NUMBERS = r"((?:-?\d{1,9}(?: |(?=\n)))*)", r"([-+.0-9einf ]*)"
#: The arrays of a tree, in order, each with one value for each leaf (`leaf_…`) or split.
_ARRAYS = {
    "split_feature": _INTEGERS, "split_gain": _NUMBERS, "threshold": _NUMBERS, "decision_type": _INTEGERS,
    "left_child": _INTEGERS, "right_child": _INTEGERS, "leaf_value": _NUMBERS, "leaf_weight": _NUMBERS,
    "leaf_count": _INTEGERS, "internal_value": _NUMBERS, "internal_weight": _NUMBERS, "internal_count": _INTEGERS,
}  # fmt: skip
#: A tree without categories and linear models.
_TREE = re.compile(
    r"Tree=(\d+)\nnum_leaves=(\d{1,4})\nnum_cat=0\n"
    + "".join(f"{name}={values}\n" for name, values in _ARRAYS.items())
    + r"is_linear=0\nshrinkage=[.0-9e-]+\n\n\n"
)
_TAIL = "end of trees\n"
#: Far above the 31 leaves of this program's trees. Contributions take time with the square of a tree's depth.
_MAX_LEAVES = 200
#: Bit of the decision type of a split by categories.
_CATEGORICAL = 1


def check_trees(text: str, features: int) -> None:
    """Check that LightGBM can read trees, and that each of their paths ends at a leaf.

    Args:
        text: of one booster.
        features: number of columns of the vectors that it will score.

    Raises:
        ValueError: it cannot, or the trees have another number of features or of scores.
    """
    # Sizes count bytes, and other scripts have digits too.
    head = _HEAD.match(text) if text.isascii() else None
    if head is None or int(head[1]) != features - 1:
        raise ValueError("no trees, or trees with another number of features or scores")
    if any(len(names.split(" ")) != features for names in head.group(2, 3)):
        raise ValueError("a feature without name or range")
    trees, place = list[re.Match[str]](), head.end()
    for size in map(int, head[4].split()):
        tree = _TREE.fullmatch(text, place, place + size)
        if tree is None or int(tree[1]) != len(trees):
            raise ValueError(f"tree {len(trees)} is malformed")
        trees.append(tree)
        place += size
    if not trees or not text.startswith(_TAIL, place):
        raise ValueError("no trees, or no end of them")
    _check_nodes(trees, features)


def _check_nodes(trees: Sequence[re.Match[str]], features: int) -> None:
    """Check the values of all trees at once, since there are thousands of them."""
    leaves = np.array([int(tree[2]) for tree in trees])
    if leaves.min() < 1 or leaves.max() > _MAX_LEAVES:
        raise ValueError("a tree without leaves, or with too many")
    splits = leaves - 1
    sizes = {name: leaves if name.startswith("leaf_") else splits for name in _ARRAYS}
    # LightGBM does not read the weight of a single leaf, and writes none when such a tree is written again.
    sizes["leaf_weight"] = sizes["leaf_count"] = np.where(splits > 0, leaves, 0)
    arrays = {name: _joined(trees, group, name, sizes[name]) for group, name in enumerate(_ARRAYS, start=3)}
    feature, kind = arrays["split_feature"], arrays["decision_type"]
    if (feature < 0).any() or (feature >= features).any() or (kind.astype(int) & _CATEGORICAL).any():
        raise ValueError("a split by a feature that does not exist, or by categories")
    if (arrays["internal_count"] < 1).any() or (arrays["leaf_count"] < 1).any():
        raise ValueError("a node without labels")
    tree = np.repeat(np.arange(len(trees)), splits)
    node = np.arange(len(tree)) - np.repeat(np.cumsum(splits) - splits, splits)
    seen = list[NDArray[np.float64]]()
    for side in ("left_child", "right_child"):
        child = arrays[side]
        # A child that is a split has a higher number than its parent, so that a path cannot return. ~n is leaf n.
        if (child >= 0).any() and not (child > node)[child >= 0].all():
            raise ValueError("a path that returns")
        if (child >= splits[tree]).any() or (child < -leaves[tree]).any():
            raise ValueError("a child that does not exist")
        seen.append(tree * (4 * _MAX_LEAVES) + child)
    if len(np.unique(np.concatenate(seen))) != 2 * len(tree):
        raise ValueError("a node with two parents")


def _joined(trees: Sequence[re.Match[str]], group: int, name: str, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values of one array of all trees, in order."""
    rows = [tree[group].split() if size else [] for tree, size in zip(trees, sizes.tolist(), strict=True)]
    if [len(row) for row in rows] != sizes.tolist():
        raise ValueError(f"{name} with too few or too many values")
    # LightGBM ends the process on text that is no number, even in an array that no score depends on.
    values = np.array(list(chain.from_iterable(rows)), float)
    # A threshold may be infinite: a known value goes to one side then, a missing one to the other.
    if name != "threshold" and not np.isfinite(values).all():
        raise ValueError(f"{name} with an infinite value")
    return values
