"""The entries of the vocabulary's files: what stands in them, and one sentence where it does not fit."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from core.errors import SettingsError
from core.text.phrases import words
from core.toml_file import read_toml
from labels.exchange.text_input import unreadable

#: A group of this name holds phrases that look like others and mean nothing: `red wings` is no colour.
NOTHING = "none"

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
    """What stands for a missing value, by the field that it may stand in; see `core.text.placeholders`."""

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
