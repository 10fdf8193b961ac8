"""The matcher's file: bit-identical probabilities after loading, or an error."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from core.errors import DamagedError
from core.matching.bands import Cuts
from core.matching.calibration import BetaCalibration
from core.matching.learners import Blend, Boosted, Learner, Linear, fit_boosted, fit_linear, scale_of
from core.matching.matcher import Matcher, load_matcher, prior_matcher
from core.matching.prior import CosinePrior
from core.stats.wilson import wilson

FEATURES = ("cosine", "one", "two", "three")


def data() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(200, 4)).astype(np.float32)
    labels = vectors[:, 0] + vectors[:, 1] > 0.5
    vectors[random.random(vectors.shape) < 0.1] = np.nan
    return vectors, labels


def learners() -> dict[str, Learner]:
    vectors, labels = data()
    weights = np.ones(len(labels))
    linear = fit_linear(vectors, labels, weights, scale_of(vectors))
    boosted = fit_boosted(vectors, labels, weights, seed=1, boosters=2, trees=10)
    return {"prior": CosinePrior(0.8), "linear": linear, "boosted": boosted, "blend": Blend((linear, boosted))}


LEARNERS = learners()


def matcher(name: str) -> Matcher:
    cuts = Cuts(0.91, 0.02, wilson(40, 41), wilson(99, 100))
    return Matcher(LEARNERS[name], BetaCalibration(1.1, 0.9, -0.3), 0.44, cuts, FEATURES, 200, 70, {name: 0.1 + 0.2})


@pytest.mark.parametrize("name", LEARNERS)
def test_what_was_saved_judges_as_before_bit_for_bit(name: str, tmp_path: Path) -> None:
    path, vectors = tmp_path / "models" / "matcher.json", data()[0]
    before = matcher(name)
    before.save(path)
    after = load_matcher(path)
    assert_array_equal(after.probabilities(vectors), before.probabilities(vectors))
    assert_array_equal(after.contributions(vectors), before.contributions(vectors))
    for field in ("calibration", "threshold", "cuts", "features", "labels", "matches", "losses", "fingerprint"):
        assert getattr(after, field) == getattr(before, field), field
    assert after.learner.name == name
    assert [file.name for file in path.parent.iterdir()] == ["matcher.json"]


def test_saved_twice_is_the_same_file(tmp_path: Path) -> None:
    matcher("blend").save(tmp_path / "a.json")
    load_matcher(tmp_path / "a.json").save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


Damage = Callable[[str], str]


def changed(**values: object) -> Damage:
    """The file as another program might write it: sound JSON, other values."""
    return lambda text: json.dumps(json.loads(text) | values)


DAMAGES: dict[str, Damage] = {
    "empty": lambda _: "",
    "no JSON": lambda _: "not a matcher",
    "half": lambda text: text[: len(text) // 2],
    "a list": lambda _: "[]",
    "a number": lambda _: "1",
    "no fields": lambda _: "{}",
    "another format": changed(format=99),
    "an earlier format": changed(format=1),
    "another threshold": changed(threshold=0.9),
    "fewer features": changed(features=["cosine"]),
    "another learner": changed(learner={"name": "forest"}),
    "damaged trees": lambda text: text.replace("split_feature=", "split_featur=", 1),
    "one digit": lambda text: text.replace("0.91", "0.92"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_an_error_of_one_sentence(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "matcher.json"
    matcher("boosted").save(path)
    before = path.read_text()
    path.write_text(DAMAGES[damage](before))
    assert path.read_text() != before
    with pytest.raises(DamagedError, match="cannot be read") as caught:
        load_matcher(path)
    assert caught.value.message.count(". ") == 0
    assert caught.value.hint


@pytest.mark.parametrize("name", ["linear", "boosted", "blend"])
def test_a_learner_over_other_features_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "matcher.json"
    other = matcher(name)
    Matcher(other.learner, other.calibration, 0.5, other.cuts, (*FEATURES, "five"), 1, 1, {}).save(path)
    with pytest.raises(DamagedError):
        load_matcher(path)


def test_trees_that_lead_nowhere_are_refused_though_the_checksum_is_right(tmp_path: Path) -> None:
    trees, good = LEARNERS["boosted"], matcher("blend")
    assert isinstance(trees, Boosted)
    text = trees.texts[1].replace("left_child=1 ", "left_child=0 ", 1)
    assert text != trees.texts[1]
    bad = replace(good, learner=Blend((LEARNERS["linear"], Boosted((trees.texts[0], text)))))
    bad.save(tmp_path / "m")
    with pytest.raises(DamagedError):
        load_matcher(tmp_path / "m")


def test_a_prior_on_a_column_that_there_is_not_is_refused(tmp_path: Path) -> None:
    Matcher(CosinePrior(0.8, 4), BetaCalibration(), 0.5, matcher("prior").cuts, FEATURES, 0, 0, {}).save(tmp_path / "m")
    with pytest.raises(DamagedError):
        load_matcher(tmp_path / "m")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["calibration", "learner", "threshold"])
def test_a_file_with_what_is_no_number_is_refused(place: str, value: float, tmp_path: Path) -> None:
    good = matcher("linear")
    assert isinstance(good.learner, Linear)
    changes: dict[str, Matcher] = {
        "calibration": replace(good, calibration=BetaCalibration(1.0, value, 0.0)),
        "learner": replace(good, learner=replace(good.learner, intercept=value)),
        "threshold": replace(good, threshold=value),
    }
    changes[place].save(tmp_path / "m")
    with pytest.raises(DamagedError):
        load_matcher(tmp_path / "m")
    # A number too large for a float is read as infinity.
    (tmp_path / "m").write_text((tmp_path / "m").read_text().replace("Infinity", "1e999"))
    with pytest.raises(DamagedError):
        load_matcher(tmp_path / "m")


def test_no_file_at_all_is_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="cannot be read"):
        load_matcher(tmp_path / "none.json")


def test_bytes_that_are_no_text_are_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(b"\x80\x04\x95pickled")
    with pytest.raises(DamagedError, match="cannot be read"):
        load_matcher(tmp_path / "m.json")


def test_before_the_first_labels_the_packaged_prior_speaks_and_survives_a_file(tmp_path: Path) -> None:
    vectors = np.array([[0.9, 1.0], [0.2, np.nan]], np.float32)
    found = prior_matcher(("cosine", "never heard of"), vectors)
    assert (found.calibrated, found.labels, found.matches, found.cuts.match.labels) == (False, 0, 0, 0)
    assert found.learner.name == "prior"
    found.save(tmp_path / "m.json")
    again = load_matcher(tmp_path / "m.json")
    assert again.learner.name == "prior"
    assert_array_equal(again.probabilities(vectors), found.probabilities(vectors))
