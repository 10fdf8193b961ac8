"""Leases on queries, with a fake clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import q

from labels.leases import Lease, Leases


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def claims(tmp_path: Path, clock: Clock) -> Iterator[Leases]:
    opened = Leases(tmp_path / "labels.db", lease_s=60, now=clock)
    yield opened
    opened.close()


def test_two_people_do_not_get_the_same_query(claims: Leases) -> None:
    assert claims.take(q("1"), "ada")
    assert not claims.take(q("1"), "bob")
    assert claims.take(q("2"), "bob")
    assert claims.held_by_others("bob") == {q("1"): "ada"}
    assert claims.held_by_others("ada") == {q("2"): "bob"}


@pytest.mark.parametrize(("after", "free"), [(59.9, False), (60.0, True)])
def test_a_lease_that_is_not_renewed_expires(claims: Leases, clock: Clock, after: float, free: bool) -> None:
    claims.take(q("1"), "ada")
    clock.now += after
    assert (claims.held_by_others("bob") == {}) is free
    assert claims.take(q("1"), "bob") is free


def test_taking_it_again_renews_a_lease(claims: Leases, clock: Clock) -> None:
    for _ in range(3):
        assert claims.take(q("1"), "ada")
        clock.now += 40
    assert not claims.take(q("1"), "bob")


def test_an_expired_lease_taken_by_another_is_not_renewed(claims: Leases, clock: Clock) -> None:
    claims.take(q("1"), "ada")
    clock.now += 61
    claims.take(q("1"), "bob")
    assert not claims.take(q("1"), "ada")


def test_release_all_ends_only_ones_own_leases(claims: Leases) -> None:
    claims.take(q("1"), "ada")
    claims.take(q("2"), "bob")
    claims.release_all("ada")
    assert claims.held_by_others("eve") == {q("2"): "bob"}


def test_leases_are_seen_by_other_processes_and_outlive_the_connection(
    claims: Leases, clock: Clock, tmp_path: Path
) -> None:
    claims.take(q("1"), "ada")
    other = Leases(tmp_path / "labels.db", lease_s=60, now=clock)
    assert not other.take(q("1"), "bob")
    other.close()


def test_the_holder_of_a_lease_and_its_expiry(claims: Leases, clock: Clock) -> None:
    assert claims.holder(q("1")) is None
    claims.take(q("1"), "ada")
    assert claims.holder(q("1")) == Lease("ada", clock.now + 60)
    clock.now += 60
    assert claims.holder(q("1")) is None
