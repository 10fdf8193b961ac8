"""The values of a row as a product has them: plain text, cleaned, and nothing where a placeholder stands."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.catalog.columns import bare_name
from core.text.normalization import clean_text
from core.text.placeholders import Placeholders

#: Where a nested value has its text: {"name": "Sony"} of schema.org, {"$oid": "..."} of MongoDB.
_TEXT_KEYS = ("name", "title", "value", "label", "text", "displayname", "oid", "numberlong", "numberint", "id", "path")
#: A model number of digits alone that went through a data frame; a shorter one may be a version: 2.0.
_FLOAT_MODEL = re.compile(r"([0-9]{4,})\.0+")


@dataclass(frozen=True, slots=True)
class RowValues:
    """Makes the values of rows into those of products.

    Attributes:
        placeholders: what stands for a missing value.
    """

    placeholders: Placeholders

    def of_field(self, name: str, text: str) -> str:
        """A field of a product, from what the file has in its column; empty where that is a placeholder."""
        plain = clean_text(plain_value(text, joined=name == "category"))
        if name == "model" and (whole := _FLOAT_MODEL.fullmatch(plain)):
            plain = whole[1]
        return "" if self.placeholders.is_missing(plain, name) else plain

    def of_further(self, name: str, text: str) -> str:
        """A further attribute; empty where it is a placeholder."""
        plain = clean_text(text)
        return "" if self.placeholders.is_missing(plain, name, further=True) else plain


def plain_value(text: str, *, joined: bool = False) -> str:
    """The text in a nested value: the name of an object, the first of a list or, `joined`, all of it as a path."""
    if text[:1] not in {"{", "["}:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _plain(value, joined=joined) if isinstance(value, dict | list) else text


def _plain(value: object, *, joined: bool) -> str:
    if isinstance(value, list):
        parts = [part for part in (_plain(each, joined=joined) for each in value) if part]
        return (" > " if joined else "").join(parts if joined else parts[:1])
    if isinstance(value, Mapping):
        keys = {bare_name(str(name)): name for name in reversed(value)}
        inner = next((value[keys[key]] for key in _TEXT_KEYS if key in keys), None)
        return _plain(inner, joined=joined)
    return "" if value is None else str(value)
