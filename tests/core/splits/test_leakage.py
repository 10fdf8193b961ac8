"""The leakage check fails loudly, whatever the split says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import c, q

from core.errors import CoreError
from core.splits.groups import ConnectedGroups
from core.splits.leakage import LeakageCheck, check_leakage
from core.splits.split import Splits
from labels.consensus import Label, LabelState
from labels.model import Pair, ProductRef, Side, Strength

#: v is evaluated, and is the same product as m and t2.
GROUPS = ConnectedGroups([(q("v"), c("m")), (q("t2"), c("m"))])
EXCLUDED = frozenset({q("v")})
SPLITS = Splits((), (q("v"),), {}, frozenset(), {}, manual=True, name="validation@1", excluded_queries=EXCLUDED)


def check(*rows: tuple[ProductRef, ...], splits: Splits = SPLITS) -> LeakageCheck:
    return check_leakage(splits, rows, [Pair(*row[:2]) for row in rows], GROUPS)


def test_clean_rows_pass() -> None:
    assert check((q("t1"), c("a"), c("b"))) == LeakageCheck(3, 3, 0, 0)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ((q("v"), c("a")), "walmart v"),
        ((q("t1"), c("m")), "amazon m"),
        ((q("t2"), c("a")), "walmart t2"),
        ((q("t1"), c("a"), c("m")), "amazon m"),
    ],
)
def test_a_product_of_an_evaluated_group_is_a_leak(row: tuple[ProductRef, ...], named: str) -> None:
    with pytest.raises(CoreError, match=rf"Evaluation data would train: 1 product and 0 pairs \({named}\)"):
        check((q("t1"), c("a")), row)


def test_an_evaluated_pair_is_a_leak_also_as_a_negative() -> None:
    splits = replace(SPLITS, excluded_pairs={q("t1"): frozenset({c("b")})})
    with pytest.raises(CoreError, match=r"0 products and 1 pair \(t1 with b\)"):
        check((q("t1"), c("a"), c("b")), splits=splits)


def test_what_a_file_put_on_both_sides_is_counted() -> None:
    label = Label(Pair(q("t1"), c("x")), True, Strength.EXPLICIT, Side.VALIDATION, LabelState.AGREED)
    splits = replace(SPLITS, eval_labels=(label,), excluded_queries=frozenset())
    found = check((q("t1"), c("a")), (q("t2"), c("b")), splits=splits)
    assert (found.shared_queries, found.shared_matches) == (1, 1)


@given(st.text())
def test_hostile_ids_are_inert_in_the_message(text: str) -> None:
    splits = replace(SPLITS, excluded_queries=frozenset({ProductRef("w", text)}))
    with pytest.raises(CoreError) as found:
        check((ProductRef("w", text), c("a")), splits=splits)
    assert found.value.message.isprintable() or "\n" not in found.value.message
