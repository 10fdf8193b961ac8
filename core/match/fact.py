"""A statement about a pair, and how statements are put into words."""

from collections.abc import Iterable
from dataclasses import dataclass

#: A catalogue may hold a word as long as a page.
_LONGEST = 40
#: More words than these say no more.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """What can be said.

    Attributes:
        text: a few words.
        leans: +1 where it reads as evidence for a match, -1 against, 0 where it only states.
        assumed: whether neither listing says so: one that names no condition counts as new.
    """

    text: str
    leans: int = 0
    assumed: bool = False


def cut(text: str) -> str:
    """A text as short as a reason may be."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def listed(items: Iterable[str]) -> str:
    """The first few, with commas."""
    return ", ".join(cut(item) for item in list(items)[:_MOST])


def quoted(words: Iterable[str]) -> str:
    """The first few in quotes: 'duo', 'case'."""
    return ", ".join(f"'{cut(word)}'" for word in list(words)[:_MOST])


def compared(name: str, query: Iterable[str], candidate: Iterable[str], *, told: str = "{}") -> list[Fact]:
    """What can be said of two sets of words.

    Args:
        name: what the words are, for the statement that leans nowhere.
        query: the query's.
        candidate: the candidate's.
        told: how a word is told, such as `generation {}`.
    """
    left, right = sorted(set(query)), sorted(set(candidate))
    shared = [word for word in left if word in right]
    facts = []
    if shared:
        facts.append(Fact(f"{told.format(listed(shared))} in both", +1))
    if left and right and not shared:
        facts.append(Fact(f"{told.format(listed(left))} against {listed(right)}", -1))
    for side, own, other in (("query", left, right), ("candidate", right, left)):
        only = [word for word in own if word not in other]
        if only and (shared or not other):
            facts.append(Fact(f"{told.format(listed(only))} only in the {side}", -1))
    said = f"{name}: {listed(left) or 'unsaid'} and {listed(right) or 'unsaid'}"
    return [*facts, Fact(said if left or right else f"{name}: neither title says any")]
