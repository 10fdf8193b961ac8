"""Stable product ids: a group of listings keeps its id from run to run, and splits and merges are recorded.

The pairs of a group and an earlier id that share most listings are settled first, so that each id goes to the largest
part of its former group. A new id is a hash of the group's first listing: a workspace that lost its ids assigns mostly
the same ones again, and never one of another product.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from core.json_lines import DamagedLinesError, load_lines, parse_ref, save_lines
from labels.model import ProductRef

_FORMAT = "samesku product ids"
_VERSION = 1
_DAMAGED_HINT = "Restore a copy of yours, or let `samesku cluster --out FILE` assign the ids again."
#: Hexadecimal digits of an id. Two of a million listings have the same 56 bits once in 150,000 catalogues; one of them
#: then takes another id.
_DIGITS = 14
#: Runs whose splits and merges are kept.
_MAX_RUNS = 50


@dataclass(frozen=True, slots=True)
class IdChange:
    """What became of earlier ids: a split has one id before and several after, a merge several before and one after.

    Attributes:
        run: number of the run, from 1.
        before: ids before the run.
        after: ids after it, which may include those before.
    """

    run: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def is_split(self) -> bool:
        """Whether it is a split, not a merge."""
        return len(self.after) > 1


@dataclass(frozen=True, slots=True)
class ProductIds:
    """The ids of one run.

    Attributes:
        run: its number, from 1; 0 before the first run.
        of: the id of each listing's product.
        changes: splits and merges of this run and those before it, the oldest first.
    """

    run: int
    of: Mapping[ProductRef, str]
    changes: tuple[IdChange, ...] = ()


NO_IDS = ProductIds(0, {})


@dataclass(frozen=True, slots=True)
class Assignment:
    """Ids for the groups of a run.

    Attributes:
        ids: of each group.
        kept: number of earlier ids that a group has now.
        new: number of ids that no listing had before.
        retired: number of earlier ids that no group has any more.
        changes: splits and merges.
    """

    ids: tuple[str, ...]
    kept: int
    new: int
    retired: int
    changes: tuple[IdChange, ...]


def assign_ids(groups: Sequence[Collection[ProductRef]], earlier: ProductIds) -> Assignment:
    """Give each group the earlier id with which it shares most listings, or a new one.

    Args:
        groups: disjoint, each sorted, by their first listing, which decides ties.
        earlier: of the last run.
    """
    overlap = Counter(
        (number, id_) for number, group in enumerate(groups) for ref in group if (id_ := earlier.of.get(ref))
    )
    id_of: dict[int, str] = {}
    used: set[str] = set()
    for number, id_ in sorted(overlap, key=lambda each: (-overlap[each], each)):
        if number not in id_of and id_ not in used:
            id_of[number] = id_
            used.add(id_)
    known = set(earlier.of.values())
    taken = set(known)
    for number, group in enumerate(groups):
        if number not in id_of:
            id_of[number] = _new_id(group, taken)
            taken.add(id_of[number])
    return Assignment(
        tuple(id_of[number] for number in range(len(groups))),
        len(used),
        len(groups) - len(used),
        len(known) - len(used),
        _changes(overlap, id_of, earlier.run + 1),
    )


def _new_id(group: Collection[ProductRef], taken: Collection[str]) -> str:
    """An id named after one of the listings, the first whose id is not taken."""
    for attempt in count():
        for source, listing in group:
            text = f"{source}\0{listing}" + (f"\0{attempt}" if attempt else "")
            id_ = "P" + hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
            if id_ not in taken:
                return id_
    raise AssertionError("unreachable")


def _changes(overlap: Iterable[tuple[int, str]], id_of: Mapping[int, str], run: int) -> tuple[IdChange, ...]:
    parts: dict[str, list[int]] = {}
    sources: dict[int, list[str]] = {}
    for number, id_ in sorted(overlap):
        parts.setdefault(id_, []).append(number)
        sources.setdefault(number, []).append(id_)
    splits = (IdChange(run, (id_,), tuple(id_of[n] for n in into)) for id_, into in parts.items() if len(into) > 1)
    merges = (IdChange(run, tuple(ids), (id_of[number],)) for number, ids in sources.items() if len(ids) > 1)
    return (*splits, *merges)


def next_ids(groups: Sequence[Collection[ProductRef]], assigned: Assignment, earlier: ProductIds) -> ProductIds:
    """The ids after a run; those before it, if nothing has changed."""
    of = {ref: id_ for group, id_ in zip(groups, assigned.ids, strict=True) for ref in group}
    if of == earlier.of:
        return earlier
    run = earlier.run + 1
    changes = (each for each in (*earlier.changes, *assigned.changes) if each.run > run - _MAX_RUNS)
    return ProductIds(run, of, tuple(changes))


def save_ids(path: Path, ids: ProductIds) -> None:
    """Replace the ids of a workspace, atomically.

    Raises:
        CoreError: the file cannot be written.
    """
    listings: dict[str, list[ProductRef]] = {}
    for ref, id_ in ids.of.items():
        listings.setdefault(id_, []).append(ref)
    products = ({"product": id_, "listings": refs} for id_, refs in listings.items())
    changes = ({"run": each.run, "before": each.before, "after": each.after} for each in ids.changes)
    save_lines(path, (*products, *changes), kind=_FORMAT, version=_VERSION, run=ids.run)


def load_ids(path: Path) -> ProductIds:
    """The ids of a workspace.

    Raises:
        FileNotFoundError: there are none.
        UnreadableError: this account may not read them.
        DamagedLinesError: the file is damaged.
        CoreError: it is of a newer version.
    """
    header, rows = load_lines(path, _row, kind=_FORMAT, version=_VERSION, hint=_DAMAGED_HINT)
    run = header.get("run")
    if not isinstance(run, int) or run < 1:
        raise DamagedLinesError(f"{path} is damaged: its header names no run.", _DAMAGED_HINT)
    products = [row for row in rows if not isinstance(row, IdChange)]
    of = {ref: id_ for id_, refs in products for ref in refs}
    if len(of) < sum(len(refs) for _, refs in products) or len({id_ for id_, _ in products}) < len(products):
        raise DamagedLinesError(f"{path} is damaged: it has a listing or a product twice.", _DAMAGED_HINT)
    return ProductIds(run, of, tuple(row for row in rows if isinstance(row, IdChange)))


def _row(value: Any) -> tuple[str, list[ProductRef]] | IdChange:
    """A line of the file.

    Raises:
        KeyError, TypeError, ValueError: it is neither a product nor a change.
    """
    if "product" in value:
        return _text(value["product"]), [parse_ref(each) for each in value["listings"]]
    return IdChange(int(value["run"]), *(tuple(map(_text, value[name])) for name in ("before", "after")))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
