"""The words retailers use for the same thing: colours, conditions, accessories, brands.

The lists are data (`core/text/data/*.toml`), each group with its source; a workspace's `vocabulary.toml`, of the same
shape, adds to them or overrides them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from core.text.entries import NOTHING, TABLES, Entries, Group, packaged, read
from core.text.generations import Generations
from core.text.model_numbers import bare
from core.text.phrases import Phrases, words

#: What is left of a brand without its suffix: LG is the shortest.
_SHORTEST_BRAND = 2


class Vocabulary:
    """What words stand for. Made once by `load`; its methods are cheap and never raise."""

    def __init__(self, groups: dict[str, dict[str, tuple[str, ...]]]) -> None:
        """Compile the tables, each name → spellings."""
        self._colours = Phrases(_pairs(groups["colours"]))
        self._conditions = Phrases(_pairs(groups["conditions"]))
        self._compatible = Phrases(_pairs(groups["compatible"]))
        self._kinds = Phrases(_pairs(groups["kinds"]), plurals=True)
        self._generations = Generations(spelling for _, spelling in _spelled(groups["editions"]))
        self._brands = {bare(spelling): bare(name) for name, spelling in _spelled(groups["brands"])}
        self._suffixes = {bare(spelling) for _, spelling in _spelled(groups["brand_suffixes"])}
        self._store_brands = {self.brand(spelling) for spelling, _ in _pairs(groups["store_brands"])}

    @classmethod
    def load(cls, extra: Path | None = None) -> "Vocabulary":
        """The packaged vocabulary, and a user's file over it where there is one.

        A user's group adds its spellings to the group of its name, or takes its place with `replace = true`; a
        spelling that it gives to another name than the package does moves there.

        Raises:
            SettingsError: a file cannot be read or an entry does not fit.
        """
        files = packaged()
        if extra is not None and extra.exists():
            files.append(read(extra))
        return cls(merged(files))

    def colours(self, text: str) -> frozenset[str]:
        """The canonical names of the colours that a text states."""
        return frozenset(_meant(self._colours.found(text)))

    def condition(self, text: str) -> str:
        """The condition that a text states, such as `refurbished`; empty for new, which is rarely said."""
        return next(_meant(self._conditions.found(text)), "")

    def generations(self, text: str) -> frozenset[str]:
        """The generations, versions and years a text states, as numbers: `2` for 2nd generation, mark ii, v2."""
        return self._generations.found(text)

    def compatible(self, text: str) -> bool:
        """Whether a text offers something that fits a product of another maker, or replaces a part of it."""
        return any(_meant(self._compatible.found(text)))

    def kinds(self, text: str) -> frozenset[str]:
        """The accessories and parts that a text names, singular: case, cable, toner."""
        return frozenset(_meant(self._kinds.found(text)))

    def brand(self, name: str) -> str:
        """A brand's bare canonical name: `Hewlett-Packard Co.` is `hp`; empty for no brand."""
        whole = bare(name)
        if whole in self._brands:
            return self._brands[whole]
        split = words(name)
        while len(split) > 1 and split[-1] in self._suffixes:
            if len("".join(split[:-1])) < _SHORTEST_BRAND:
                break  # V Tech
            split.pop()
            shorter = "".join(split)
            if shorter in self._brands:
                return self._brands[shorter]
        return "".join(split)

    def is_store_brand(self, name: str) -> bool:
        """Whether a brand is a retailer's own: Great Value, Amazon Basics, Kirkland."""
        return self.brand(name) in self._store_brands

    def same_brand(self, one: str, other: str, store_brands: bool) -> bool:
        """Whether two names are one brand; false where either is unsaid.

        Args:
            one: a brand's name.
            other: another.
            store_brands: whether any two retailers' own brands count as one (for finding substitutes).
        """
        first, second = self.brand(one), self.brand(other)
        if not first or not second:
            return False
        return first == second or (store_brands and first in self._store_brands and second in self._store_brands)


def merged(files: Iterable[Entries]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Table → name → spellings, later files over earlier ones."""
    merged: dict[str, dict[str, tuple[str, ...]]] = {table: {} for table in TABLES}
    for file in files:
        for table, groups in merged.items():
            for group in getattr(file, table):
                _put(groups, group)
    return merged


def _put(groups: dict[str, tuple[str, ...]], group: Group) -> None:
    taken = {_key(spelling) for spelling in group.spellings}
    for name, spellings in groups.items():
        groups[name] = tuple(spelling for spelling in spellings if _key(spelling) not in taken)
    before = () if group.replace else groups.get(group.name, ())
    groups[group.name] = (*before, *group.spellings)


def _key(spelling: str) -> str:
    return " ".join(words(spelling))


def _spelled(groups: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """(name, spelling), a group's name being one of its spellings."""
    for name, spellings in groups.items():
        yield from ((name, spelling) for spelling in dict.fromkeys((name, *spellings)))


def _pairs(groups: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """(spelling, name): here only what is listed is a spelling, so that a name may be a mere heading."""
    for name, spellings in groups.items():
        yield from ((spelling, name) for spelling in spellings)


def _meant(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if name != NOTHING)
