"""Values that stand for a missing one: `nan`, `N/A`, `Unbranded`, `Does not apply`, `-`.

The list is data (`core/text/data/placeholders.toml`); a workspace's `vocabulary.toml` adds to it under the same table,
and takes back what is no placeholder there with a group named `none`.
"""

import re
import unicodedata
from pathlib import Path

from core.text.entries import NOTHING, packaged, read
from core.text.vocabulary import merged

#: A group of this name holds for every value, one for all fields of a product.
_ANY, _FIELD = "any", "field"
#: What may stand around a value without being a part of it.
_AROUND = " \t()[]{}<>*'\"`.,:;!?_~-–—/\\|"
_SPACES = re.compile(r"\s+")
#: Abbreviations are written with and without spaces: `n. v.`, `k.A.`, `N / A`.
_SPACED_SIGN = re.compile(r" ?([./]) ?")


class Placeholders:
    """Which values are missing ones. Made once by `load`.

    Args:
        spellings: by the name of their group.
    """

    def __init__(self, spellings: dict[str, tuple[str, ...]]) -> None:
        self._by_name = {
            name.casefold(): frozenset(_key(spelling) for spelling in of)
            for name, of in spellings.items()
            if name != NOTHING
        }
        # With room for what may stand around: a title is longer, and not looked at.
        self._longest = 2 * max((len(key) for keys in self._by_name.values() for key in keys), default=0)

    @classmethod
    def load(cls, extra: Path | None = None) -> "Placeholders":
        """The packaged list, and a workspace's vocabulary over it where there is one.

        Raises:
            SettingsError: a file cannot be read or an entry does not fit.
        """
        files = packaged("placeholders")
        if extra is not None and extra.exists():
            files.append(read(extra))
        return cls(merged(files)["placeholders"])

    def is_missing(self, text: str, field: str, *, further: bool = False) -> bool:
        """Whether a value stands for none.

        Args:
            text: the value.
            field: of a product; or the name of a further attribute.
            further: whether it is a further attribute, of which less is taken for missing.
        """
        if not any(map(str.isalnum, text)):
            return True
        if len(text) > self._longest:
            return False
        key = _key(text)
        names = (_ANY, field.casefold()) if further else (_ANY, _FIELD, field)
        return any(key in self._by_name.get(name, ()) for name in names)


def _key(text: str) -> str:
    """The value without case, accents, spaces beside a full stop or slash, and without what stands around it.

    Where nothing else is left, what stands around is the value.
    """
    folded = _SPACES.sub(" ", _without_accents(text.casefold())).strip()
    if folded == "\\n":
        return folded
    return _SPACED_SIGN.sub(r"\1", folded.strip(_AROUND)) or folded


def _without_accents(text: str) -> str:
    """Exports lose accents: `neant`, `non specifie`."""
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))
