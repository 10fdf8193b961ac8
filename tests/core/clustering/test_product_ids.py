"""Product ids that outlast a run."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from clusterings import Problem, listing, problems
from hypothesis import given
from hypothesis import strategies as st

from core.clustering.methods import Method
from core.clustering.product_ids import NO_IDS, IdChange, ProductIds, assign_ids, load_ids, next_ids, save_ids
from core.diagnostics import damages
from core.errors import CoreError
from core.json_lines import DamagedLinesError, save_lines
from core.workspace import Workspace
from labels.model import ProductRef

Groups = list[list[ProductRef]]


def groups(*names: str) -> Groups:
    return sorted(sorted(listing(name) for name in group.split()) for group in names)


def run(found: Groups, earlier: ProductIds = NO_IDS) -> ProductIds:
    return next_ids(found, assign_ids(found, earlier), earlier)


def id_of(ids: ProductIds, name: str) -> str:
    return ids.of[listing(name)]


def test_a_group_keeps_its_id_while_listings_come_and_go() -> None:
    first = run(groups("a1 t1 w1", "a2 w2"))
    second = run(groups("t1 w1 w3", "a0 a2 w2"), first)
    assert id_of(second, "w3") == id_of(first, "a1")
    assert id_of(second, "a0") == id_of(first, "a2")
    assert (second.run, second.changes) == (2, ())


def test_the_largest_part_of_a_split_keeps_the_id() -> None:
    first = run(groups("a1 t1 w1"))
    assigned = assign_ids(groups("a1", "t1 w1"), first)
    old = id_of(first, "a1")
    assert assigned.ids[1] == old
    assert assigned.ids[0] != old
    assert (assigned.kept, assigned.new, assigned.retired) == (1, 1, 0)
    assert assigned.changes == (IdChange(2, (old,), assigned.ids),)
    assert assigned.changes[0].is_split


def test_a_merge_takes_the_id_of_the_larger_group() -> None:
    first = run(groups("a1", "t1 w1"))
    assigned = assign_ids(groups("a1 t1 w1"), first)
    assert assigned.ids == (id_of(first, "t1"),)
    assert (assigned.kept, assigned.new, assigned.retired) == (1, 0, 1)
    (change,) = assigned.changes
    assert set(change.before) == set(first.of.values())
    assert change.after == assigned.ids
    assert not change.is_split


def test_equal_parts_go_by_the_first_listing() -> None:
    first = run(groups("a1 w1"))
    second = run(groups("a1", "w1"), first)
    assert id_of(second, "a1") == id_of(first, "a1")
    assert id_of(second, "w1") != id_of(first, "a1")


def test_an_id_that_moved_away_with_other_listings_is_not_given_twice() -> None:
    first = run(groups("a1 t1 w1"))
    second = run(groups("a1 w9", "t1 w1"), first)
    assert len(set(second.of.values())) == 2


def test_lost_ids_come_back_by_the_first_listing() -> None:
    first = run(groups("a1 w1", "a2"))
    assert run(groups("a1 w1", "a2")).of == first.of
    assert id_of(run(groups("a1 t5", "a2")), "a1") == id_of(first, "a1")


def test_nothing_changed_is_no_run() -> None:
    first = run(groups("a1 w1", "a2"))
    assert run(groups("a1 w1", "a2"), first) is first


def test_changes_of_old_runs_are_dropped() -> None:
    ids = run(groups("a1 w1"))
    for number in range(60):
        ids = run(groups("a1", "w1") if number % 2 == 0 else groups("a1 w1"), ids)
    assert ids.run == 61
    assert [each.run for each in ids.changes] == list(range(12, 62))


# -- properties ----------------------------------------------------------------------------------------------


def grouped(found: list[set[ProductRef]]) -> Groups:
    return [sorted(group) for group in found]


@given(problems(), problems())
def test_ids_are_distinct_and_overlap_their_former_group(one: Problem, other: Problem) -> None:
    before, after = (grouped(each.groups(Method.COMPONENTS)) for each in (one, other))
    first = run(before)
    assigned = assign_ids(after, first)
    assert len(set(assigned.ids)) == len(after)
    known = set(first.of.values())
    for group, id_ in zip(after, assigned.ids, strict=True):
        assert id_ not in known or id_ in {first.of.get(ref) for ref in group}
        if group in before:
            assert id_ == first.of[group[0]]
    assert assigned.kept + assigned.retired == len(known)
    assert assigned.kept + assigned.new == len(after)


@given(problems(), st.integers(0, 100))
def test_ids_stay_with_other_orders_and_unrelated_listings(given: Problem, seed: int) -> None:
    found = grouped(given.groups(Method.ONE_PER_SOURCE))
    first = run(found)
    shuffled = list(first.of.items())
    Random(seed).shuffle(shuffled)
    earlier = ProductIds(1, dict(shuffled))
    more = [*found, [ProductRef("zebra", "1"), ProductRef("zebra", "2")], [ProductRef("aaa", "1")]]
    second = run(sorted(more), earlier)
    assert {ref: second.of[ref] for ref in first.of} == first.of
    assert second.changes == ()


# -- the file ------------------------------------------------------------------------------------------------


def test_the_file_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "ids.jsonl"
    first = run(groups("a1 t1 w1", "a2"))
    second = run(groups("a1", "t1 w1", "a2"), first)
    save_ids(path, second)
    assert load_ids(path) == second
    header = json.loads(path.read_text().splitlines()[0])
    assert (header["format"], header["version"], header["run"], header["rows"]) == ("samesku product ids", 1, 2, 4)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-5],
        lambda text: text.replace('"walmart"', '"wallmart"'),
        lambda text: text.replace('"run": 1', '"run": null', 1),
        lambda text: "",
        lambda text: "\x00\xff nothing",
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    home = Workspace(tmp_path / "home").create()
    save_ids(home.product_ids, run(groups("a1 w1")))
    assert damages(home) == []
    home.product_ids.write_text(spoil(home.product_ids.read_text()))
    with pytest.raises(DamagedLinesError, match="is damaged"):
        load_ids(home.product_ids)
    (found,) = damages(home)
    assert found.path == home.product_ids


@pytest.mark.parametrize("rows", [[("P1", ["a1"]), ("P2", ["a1", "w1"])], [("P1", ["a1"]), ("P1", ["w1"])]])
def test_a_listing_has_one_product_and_a_product_one_line(tmp_path: Path, rows: list[tuple[str, list[str]]]) -> None:
    path = tmp_path / "ids.jsonl"
    lines = ({"product": id_, "listings": [listing(name) for name in names]} for id_, names in rows)
    save_lines(path, lines, kind="samesku product ids", version=1, run=1)
    with pytest.raises(DamagedLinesError, match="twice"):
        load_ids(path)


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ids.jsonl"
    save_ids(path, run(groups("a1")))
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(CoreError, match="newer version") as caught:
        load_ids(path)
    assert not isinstance(caught.value, DamagedLinesError)
