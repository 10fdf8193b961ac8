"""The change of the matcher's F1 between two encoders."""

import pytest
from samples import c, q

from core.evaluation.encoder_comparison import f1_change
from labels.model import Pair

#: Forty queries with a match and a non-match each.
TRUTH = {Pair(q(str(n)), c(f"{n}-{kind}")): kind == "match" for n in range(40) for kind in ("match", "other")}


def test_the_change_of_f1_by_hand() -> None:
    # Before, ten of forty matches are missed and no pair is a false match; afterwards five are missed.
    before = [label and pair.query not in {q(str(n)) for n in range(10)} for pair, label in TRUTH.items()]
    after = [label and pair.query not in {q(str(n)) for n in range(5)} for pair, label in TRUTH.items()]
    found = f1_change(TRUTH, before, after)
    assert (found.before.value, found.after.value) == (pytest.approx(60 / 70), pytest.approx(70 / 75))
    assert found.by == pytest.approx(70 / 75 - 60 / 70)
    assert found.before.interval is not None
    assert found.before.interval[0] < 60 / 70 < found.before.interval[1]
    # Paired: narrower than either interval, and above zero although those overlap.
    assert found.interval is not None
    assert 0 < found.interval[0] < found.by < found.interval[1]


def test_equal_classifications_do_not_change_f1() -> None:
    found = f1_change(TRUTH, list(TRUTH.values()), list(TRUTH.values()))
    assert (found.by, found.interval, found.after.value) == (0, None, 1)
