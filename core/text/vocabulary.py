"""The words retailers use for the same thing: colours, conditions, accessories, brands.

The lists are data (`core/text/data/*.toml`), each group with its source; a workspace's `vocabulary.toml`, of the same
shape, adds to them or overrides them.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from core.errors import SettingsError
from core.text.generations import Generations
from core.text.model_numbers import bare
from core.toml_file import read_toml
from labels.exchange.files import unreadable

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text in lower case; whatever is no letter or digit parts them."""
    return _WORD.findall(text.lower())


class Phrases:
    """Phrases, each standing for a name; the longest that begins at a word is the one that counts."""

    def __init__(self, pairs: Iterable[tuple[str, str]], *, plurals: bool = False) -> None:
        """Take the phrases.

        Args:
            pairs: (phrase, what it stands for).
            plurals: whether the plural of a phrase's last word stands for the same.
        """
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for phrase, name in pairs:
            split = words(phrase)
            for last in _forms(split[-1]) if plurals else (split[-1],):
                entry = (*split[:-1], last)
                self._by_first.setdefault(entry[0], []).append((entry, name))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def found(self, text: str) -> Iterator[str]:
        """What the phrases of a text stand for, in order; a word belongs to one phrase only."""
        split = words(text)
        place = 0
        while place < len(split):
            taken = 1
            for phrase, name in self._by_first.get(split[place], ()):
                if len(phrase) == 1 or tuple(split[place : place + len(phrase)]) == phrase:
                    yield name
                    taken = len(phrase)
                    break
            place += taken


def _forms(word: str) -> tuple[str, ...]:
    """A noun and its regular English plural."""
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        return (word, f"{word[:-1]}ies")
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return (word, f"{word}es")
    return (word, f"{word}s")


#: A group of this name holds phrases that look like others and mean nothing: `red wings` is no colour.
IGNORED_GROUP = "none"

#: pydantic's kinds of errors as a reader of TOML would say them.
_SAID = {
    "extra_forbidden": "unknown key",
    "missing": "this key is missing",
    "tuple_type": 'this is a list, such as ["one", "another"]; tables are written [[brands]]',
    "string_type": "this is a text in quotation marks",
    "model_type": "this is a table with name and spellings, written [[brands]]",
    "string_too_short": "this is empty",
    "too_short": "this is empty",
    "bool_type": "this is true or false",
    "bool_parsing": "this is true or false",
}

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Group(BaseModel):
    """Spellings of one thing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Text
    spellings: Annotated[tuple[_Text, ...], Field(min_length=1)]
    source: str = ""
    """Where it is known from. The files of the package give one for every group."""
    replace: bool = False
    """Whether a user's group takes the place of the package's group of that name, instead of adding to it."""

    @model_validator(mode="after")
    def _readable(self) -> "Group":
        for spelling in self.spellings:
            if not words(spelling):
                raise ValueError(f"{spelling!r} holds no letter or digit")
        return self


class Entries(BaseModel):
    """One file: groups by what they are about. Every file may hold any of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    colours: tuple[Group, ...] = ()
    conditions: tuple[Group, ...] = ()
    compatible: tuple[Group, ...] = ()
    kinds: tuple[Group, ...] = ()
    editions: tuple[Group, ...] = ()
    """Words that make a generation of the number beside them: mark, gen, version."""
    brands: tuple[Group, ...] = ()
    brand_suffixes: tuple[Group, ...] = ()
    store_brands: tuple[Group, ...] = ()
    placeholders: tuple[Group, ...] = ()
    """What stands for a missing value, by the field that it may stand in; see `core.text.normalization`."""

    @model_validator(mode="after")
    def _unambiguous(self) -> "Entries":
        for table in TABLES:
            seen: dict[str, str] = {}
            for group in getattr(self, table):
                for spelling in group.spellings:
                    key = " ".join(words(spelling))
                    if seen.setdefault(key, group.name) != group.name:
                        raise ValueError(f"{table}: {spelling!r} stands for {seen[key]!r} and for {group.name!r}")
        return self


TABLES = tuple(Entries.model_fields)


def packaged(name: str = "*") -> list[Entries]:
    """The files that come with the program, by name; all of them, or one.

    Raises:
        SettingsError: one of them is damaged.
    """
    folder = Path(__file__).parent / "data"
    return [read(path) for path in sorted(folder.glob(f"{name}.toml"))]


def read(path: Path) -> Entries:
    """One file's entries.

    Raises:
        SettingsError: it cannot be read or an entry does not fit; the message names the file and the key.
    """
    try:
        return Entries.model_validate(read_toml(path))
    except FileNotFoundError as error:
        raise SettingsError(*unreadable(path, error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = _SAID.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise SettingsError(
            f"{path}: {key + ': ' if key else ''}{said}.",
            f"Tables are {', '.join(TABLES)}; an entry has a name and spellings, and if you like a source.",
        ) from error


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
    return (name for name in names if name != IGNORED_GROUP)
