"""The vocabulary of retailers: synonyms of colours, conditions, accessories, brands and the like.

The lists are data (`core/text/data/*.toml`), each group with its source. A workspace's `vocabulary.toml`, in the same
format, extends or overrides them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from core.errors import SettingsError
from core.text.generations import Generations
from core.text.model_numbers import alphanumeric
from core.toml_file import read_toml
from labels.exchange.files import unreadable_message

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text in lower case, split at everything but letters and digits."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=1024)  # one title after another is looked up in several tables
def _split(text: str) -> tuple[str, ...]:
    return tuple(words(text))


class Phrases:
    """A set of phrases, each with a canonical name. At each word the longest phrase matches.

    The search is word by word through a dictionary, so that its time does not depend on the number of phrases.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], *, plurals: bool = False) -> None:
        """Index the phrases.

        Args:
            pairs: (phrase, canonical name).
            plurals: whether a phrase also matches with its last word in the plural.
        """
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for phrase, name in pairs:
            split = words(phrase)
            for last in _forms(split[-1]) if plurals else (split[-1],):
                entry = (*split[:-1], last)
                self._by_first.setdefault(entry[0], []).append((entry, name))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def find(self, text: str) -> Sequence[str]:
        """The canonical names of the phrases in a text, in order. Matches do not overlap."""
        split = _split(text)
        if self._by_first.keys().isdisjoint(split):
            return ()  # as for most titles: one check in compiled code
        return [*self._found(split)]

    def _found(self, split: Sequence[str]) -> Iterator[str]:
        place = 0
        while place < len(split):
            length = 1
            for phrase, name in self._by_first.get(split[place], ()):
                if len(phrase) == 1 or split[place : place + len(phrase)] == phrase:
                    yield name
                    length = len(phrase)
                    break
            place += length


def _forms(word: str) -> tuple[str, ...]:
    """A noun and its regular English plural."""
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        return (word, f"{word[:-1]}ies")
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return (word, f"{word}es")
    return (word, f"{word}s")


#: Name of the group with phrases to ignore: `red wings` is not a colour.
IGNORED_GROUP = "none"

#: pydantic error type → message in terms of TOML.
_ERROR_MESSAGES = {
    "extra_forbidden": "unknown key",
    "missing": "this key is missing",
    "tuple_type": 'must be a list, such as ["one", "another"]; tables are written [[brands]]',
    "string_type": "must be a text in quotation marks",
    "model_type": "must be a table with name and spellings, written [[brands]]",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Group(BaseModel):
    """A canonical name and its spellings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Text
    spellings: Annotated[tuple[_Text, ...], Field(min_length=1)]
    source: str = ""
    """The source of the spellings; given for every group of the package."""
    replace: bool = False
    """Whether a workspace's group replaces the package's group of that name instead of extending it."""

    @model_validator(mode="after")
    def _require_words(self) -> "Group":
        for spelling in self.spellings:
            if not words(spelling):
                raise ValueError(f"{spelling!r} has no letter or digit")
        return self


class Entries(BaseModel):
    """The content of a vocabulary file: groups by table. Every table is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    colours: tuple[Group, ...] = ()
    conditions: tuple[Group, ...] = ()
    compatible: tuple[Group, ...] = ()
    kinds: tuple[Group, ...] = ()
    audiences: tuple[Group, ...] = ()
    """Whom a product is made for: men, women, children."""
    boilerplate: tuple[Group, ...] = ()
    """Phrases around the name of a product; see `core.text.boilerplate`."""
    editions: tuple[Group, ...] = ()
    """Words that mark the number beside them as a generation: mark, gen, version."""
    brands: tuple[Group, ...] = ()
    brand_suffixes: tuple[Group, ...] = ()
    store_brands: tuple[Group, ...] = ()
    placeholders: tuple[Group, ...] = ()
    """Placeholders for a missing value, by field; see `core.text.normalization`."""

    @model_validator(mode="after")
    def _require_unambiguous(self) -> "Entries":
        for table in TABLES:
            seen: dict[str, str] = {}
            for group in getattr(self, table):
                for spelling in group.spellings:
                    key = " ".join(words(spelling))
                    if seen.setdefault(key, group.name) != group.name:
                        raise ValueError(f"{table}: {spelling!r} stands for {seen[key]!r} and for {group.name!r}")
        return self


TABLES = tuple(Entries.model_fields)


@cache
def packaged_entries(name: str = "*") -> tuple[Entries, ...]:
    """The packaged vocabulary files, sorted by name: all of them, or one. They are read once.

    Raises:
        SettingsError: one of them is damaged.
    """
    folder = Path(__file__).parent / "data"
    return tuple(read_entries(path) for path in sorted(folder.glob(f"{name}.toml")))


def read_entries(path: Path) -> Entries:
    """Read and validate a vocabulary file.

    Raises:
        SettingsError: it cannot be read, or an entry is invalid; the message names the file and the key.
    """
    try:
        return Entries.model_validate(read_toml(path))
    except FileNotFoundError as error:
        raise SettingsError(*unreadable_message(path, error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = _ERROR_MESSAGES.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise SettingsError(
            f"{path}: {key + ': ' if key else ''}{message}.",
            f"Tables are {', '.join(TABLES)}; an entry has a name, spellings, and optionally a source.",
        ) from error


#: Minimum length of a brand after its suffix is removed, as in LG.
_MIN_BRAND_LENGTH = 2


class Vocabulary:
    """Recognises colours, conditions, accessories, generations and brands in texts. Created by `load`."""

    def __init__(self, groups: dict[str, dict[str, tuple[str, ...]]]) -> None:
        """Compile the groups: table → canonical name → spellings."""
        self._colours = Phrases(_spelling_pairs(groups["colours"]))
        self._conditions = Phrases(_spelling_pairs(groups["conditions"]))
        self._compatible = Phrases(_spelling_pairs(groups["compatible"]))
        self._kinds = Phrases(_spelling_pairs(groups["kinds"]), plurals=True)
        self._audiences = Phrases(_spelling_pairs(groups["audiences"]))
        #: Phrases around the name of a product, as words.
        self.boilerplate = frozenset(tuple(words(phrase)) for phrase, _ in _spelling_pairs(groups["boilerplate"]))
        self._generations = Generations([spelling for _, spelling in _with_names(groups["editions"])])
        self._brands = {alphanumeric(spelling): alphanumeric(name) for name, spelling in _with_names(groups["brands"])}
        self._suffixes = {alphanumeric(spelling) for _, spelling in _with_names(groups["brand_suffixes"])}
        self._store_brands = {self.brand(spelling) for spelling, _ in _spelling_pairs(groups["store_brands"])}

    @classmethod
    def load(cls, extra: Path | None = None) -> "Vocabulary":
        """The packaged vocabulary, extended by a workspace's file if that exists.

        A group of the workspace adds its spellings to the group of the same name, or replaces it with
        `replace = true`. A spelling that the package has under another name moves to the workspace's group.

        Raises:
            SettingsError: a file cannot be read, or an entry is invalid.
        """
        if extra is None or not extra.exists():
            return _packaged_vocabulary()
        return cls(merge_entries([*packaged_entries(), read_entries(extra)]))

    def colours(self, text: str) -> frozenset[str]:
        """The canonical names of the colours in a text."""
        return frozenset(_not_ignored(self._colours.find(text)))

    def condition(self, text: str) -> str:
        """The condition in a text, such as `refurbished`; empty for new, which is rarely stated."""
        return next(iter(_not_ignored(self._conditions.find(text))), "")

    def generations(self, text: str) -> frozenset[str]:
        """The generations, versions and years in a text, as numbers: `2` for 2nd generation, mark ii, v2."""
        return self._generations.find(text)

    def compatible(self, text: str) -> bool:
        """Whether a text offers something compatible with another maker's product, or a replacement part for it."""
        return any(_not_ignored(self._compatible.find(text)))

    def kinds(self, text: str) -> frozenset[str]:
        """The accessories and parts named in a text, in the singular: case, cable, toner."""
        return frozenset(_not_ignored(self._kinds.find(text)))

    def audiences(self, text: str) -> frozenset[str]:
        """Whom a text says that the product is made for: men, women, children."""
        return frozenset(_not_ignored(self._audiences.find(text)))

    def has_attributes(self, text: str) -> bool:
        """Whether a text names a colour, an audience, an accessory, a condition or a generation."""
        found = (self.colours, self.audiences, self.kinds, self.condition, self.generations)
        return any(read(text) for read in found)

    def brand(self, name: str) -> str:
        """The canonical name of a brand as alphanumeric text: `Hewlett-Packard Co.` is `hp`; empty for no brand."""
        whole = alphanumeric(name)
        if whole in self._brands:
            return self._brands[whole]
        split = words(name)
        while len(split) > 1 and split[-1] in self._suffixes:
            if len("".join(split[:-1])) < _MIN_BRAND_LENGTH:
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
        """Whether two names are the same brand; False if either is empty.

        Args:
            one: name of a brand.
            other: name of a brand.
            store_brands: whether all retailers' own brands count as the same, to find substitutes.
        """
        first, second = self.brand(one), self.brand(other)
        if not first or not second:
            return False
        return first == second or (store_brands and first in self._store_brands and second in self._store_brands)


@cache
def _packaged_vocabulary() -> Vocabulary:
    return Vocabulary(merge_entries(packaged_entries()))


def merge_entries(files: Iterable[Entries]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Table → canonical name → spellings; later files override earlier ones."""
    merged: dict[str, dict[str, tuple[str, ...]]] = {table: {} for table in TABLES}
    for file in files:
        for table, groups in merged.items():
            for group in getattr(file, table):
                _merge_group(groups, group)
    return merged


def _merge_group(groups: dict[str, tuple[str, ...]], group: Group) -> None:
    moved = {_key(spelling) for spelling in group.spellings}
    for name, spellings in groups.items():
        groups[name] = tuple(spelling for spelling in spellings if _key(spelling) not in moved)
    before = () if group.replace else groups.get(group.name, ())
    groups[group.name] = (*before, *group.spellings)


def _key(spelling: str) -> str:
    return " ".join(words(spelling))


def _with_names(groups: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """(name, spelling); the name of a group counts as one of its spellings."""
    for name, spellings in groups.items():
        yield from ((name, spelling) for spelling in dict.fromkeys((name, *spellings)))


def _spelling_pairs(groups: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """(spelling, name); the name of a group is only a heading, and a spelling only if it is listed."""
    for name, spellings in groups.items():
        yield from ((spelling, name) for spelling in spellings)


def _not_ignored(names: Sequence[str]) -> Sequence[str]:
    return [name for name in names if name != IGNORED_GROUP] if names else names
