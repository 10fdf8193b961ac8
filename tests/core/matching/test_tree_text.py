"""Trees in LightGBM's text are checked before LightGBM, which trusts them, sees them."""

import re
from collections.abc import Callable

import lightgbm
import numpy as np
import pytest

from core.matching.learners import Boosted, fit_boosted, fit_linear, fit_stacked, scale_of
from core.matching.tree_text import check_trees

_FEATURES = 4


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Boosters of each kind: with and without random thresholds, corrections of a linear learner, a single leaf."""
    draw = np.random.default_rng(0)
    vectors, weights = draw.normal(size=(200, _FEATURES)).astype(np.float32), np.ones(200)
    vectors[::5, 1] = np.nan
    labels = vectors[:, 0] + draw.normal(size=200) > 0
    # Known and missing values are split at infinity.
    vectors[:, 3], labels[:50] = np.where(np.arange(200) < 50, 0, np.nan), True
    linear = fit_linear(vectors, labels, weights, scale_of(vectors))
    found = [
        fit_boosted(vectors, labels, weights, seed=1, boosters=2, trees=3),
        fit_stacked(vectors, labels, weights, linear, seed=1, boosters=1).trees,
        fit_boosted(np.zeros_like(vectors), labels, weights, seed=1, boosters=1, trees=2),
    ]
    return [text for each in found for text in each.texts]


def test_trees_of_this_program_are_accepted_and_score_the_same(texts: list[str]) -> None:
    vectors = np.random.default_rng(1).normal(size=(9, _FEATURES)).astype(np.float32)
    assert any(re.search(r"\nthreshold=[^\n]*inf", text) for text in texts)
    for text in texts:
        check_trees(text, _FEATURES)
        read = Boosted.from_json({"texts": [text]}, _FEATURES)
        assert (
            read.scores(vectors).tolist() == lightgbm.Booster(model_str=text).predict(vectors, raw_score=True).tolist()
        )


def test_trees_that_lightgbm_wrote_again_are_accepted(texts: list[str]) -> None:
    """As earlier versions stored them: a tree of one leaf has no weight then."""
    again = [lightgbm.Booster(model_str=text).model_to_string() for text in texts]
    assert any("\nleaf_weight=\n" in text for text in again)
    for text in again:
        check_trees(text, _FEATURES)


@pytest.mark.parametrize("features", [_FEATURES - 1, _FEATURES + 1])
def test_another_number_of_features_is_refused(features: int, texts: list[str]) -> None:
    with pytest.raises(ValueError, match="another number of features"):
        check_trees(texts[0], features)


def first_value(name: str, value: str) -> Callable[[str], str]:
    """A change of the first value of the first array of this name."""
    return lambda text: re.sub(rf"\n{name}=[^ \n]*", f"\n{name}={value}", text, count=1)


def without_last_value(name: str) -> Callable[[str], str]:
    """The first array of this name without its last value."""
    return lambda text: re.sub(rf"(\n{name}=[^\n]*) [^ \n]*\n", r"\1\n", text, count=1)


_CHANGES: dict[str, tuple[Callable[[str], str], str]] = {
    "a feature beyond the last": (first_value("split_feature", str(_FEATURES)), "feature"),
    "a negative feature": (first_value("split_feature", "-1"), "feature"),
    "categories": (first_value("decision_type", "1"), "categories"),
    "categories announced": (first_value("num_cat", "1"), "malformed"),
    "a linear tree": (first_value("is_linear", "1"), "malformed"),
    "a root below itself": (first_value("left_child", "0"), "returns"),
    "a split that does not exist": (first_value("left_child", "900"), "does not exist"),
    "a leaf that does not exist": (first_value("left_child", "-900"), "does not exist"),
    "a number of many digits": (first_value("left_child", "4294967297"), "malformed"),
    "digits of another script": (first_value("left_child", "٣"), "no trees"),
    "a leaf of two splits": (
        lambda text: re.sub(r"(\nleft_child=\S+(?: \S+)* (-\d+)\nright_child=)\S+", r"\1\2", text, count=1),
        "two parents",
    ),
    "a leaf without a value": (without_last_value("leaf_value"), "leaf_value"),
    "a split without a threshold": (without_last_value("threshold"), "threshold"),
    "a value that is no number": (first_value("leaf_value", "nan"), "malformed"),
    "text in an array that no score depends on": (first_value("split_gain", "i"), "could not convert"),
    "an infinite value": (first_value("leaf_value", "1e999"), "leaf_value"),
    "no labels in a leaf": (first_value("leaf_count", "0"), "labels"),
    "more leaves than are there": (first_value("num_leaves", "90"), "values"),
    "too many leaves": (first_value("num_leaves", "900"), "too many"),
    "no leaves": (first_value("num_leaves", "0"), "leaves"),
    "another objective": (first_value("objective", "multiclass"), "no trees"),
    "several scores": (first_value("num_class", "3"), "no trees"),
    "a feature without a name": (lambda text: text.replace("=Column_0 ", "=", 1), "name"),
    "a size of another tree": (first_value("tree_sizes", "12"), "malformed"),
    "no sizes": (lambda text: re.sub(r"\ntree_sizes=[^\n]*", "\ntree_sizes=", text), "no trees"),
    "another number of the tree": (first_value("Tree", "7"), "malformed"),
    "half of it": (lambda text: text[: len(text) // 3], "malformed"),
    "nothing": (lambda _: "", "no trees"),
}


def _with_sizes(text: str) -> str:
    """The text with the sizes that its trees have."""
    start, end = text.index("Tree=0"), text.index("end of trees")
    sizes = [len(tree) for tree in re.split(r"(?=Tree=\d+\n)", text[start:end]) if tree]
    return re.sub(r"\ntree_sizes=[^\n]*", f"\ntree_sizes={' '.join(map(str, sizes))}", text, count=1)


@pytest.mark.parametrize("name", _CHANGES)
def test_malformed_trees_are_refused(name: str, texts: list[str]) -> None:
    change, reason = _CHANGES[name]
    text = change(texts[0])
    assert text != texts[0]
    if "size" not in name and "Tree=0" in text and "end of trees" in text:
        text = _with_sizes(text)
    with pytest.raises(ValueError, match=reason):
        check_trees(text, _FEATURES)
