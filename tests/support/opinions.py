"""What people said, made by hand: for tests of agreement that need no ledger."""

import itertools

from samples import c, q

from core.stats.agreement import SharedPair
from labels.annotations import Annotation
from labels.model import Pair, Stream

_numbers = itertools.count()


def pair(name: str) -> Pair:
    """`q1/a` is the pair of query q1 and candidate a."""
    query, _, candidate = name.partition("/")
    return Pair(q(query), c(candidate))


def said(
    annotator: str,
    name: str,
    match: bool | None,
    *,
    explicit: bool = True,
    ruling: bool = False,
    action: str = "",
    at: float = 0,
    look_ms: int | None = None,
    probability: float | None = None,
    imported: bool = False,
) -> Annotation:
    """One decision on the pair of this name."""
    return Annotation(
        pair(name), annotator, match, explicit, Stream.ADJUDICATION if ruling else Stream.TRIAGE,
        action or f"action {next(_numbers)}", at, look_ms, probability, imported,
    )  # fmt: skip


def shared(*votes: str, query_of: int = 1) -> list[SharedPair]:
    """Pairs by the votes of ada, bob, eve … in their order: `1` match, `0` none, `.` not decided.

    Args:
        votes: one text per pair.
        query_of: so many pairs in a row are of one query.
    """
    names = ("ada", "bob", "eve", "ian")
    return [
        SharedPair(
            pair(f"q{number // query_of}/c{number}"),
            {name: vote == "1" for name, vote in zip(names, text, strict=False) if vote != "."},
            None,
        )
        for number, text in enumerate(votes)
    ]
