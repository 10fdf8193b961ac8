"""Brands that go by several names, as the workspace's vocabulary has them."""

from functools import cached_property
from pathlib import Path

from core.errors import SettingsError
from core.text.vocabulary import Vocabulary


class VocabularyBrands:
    """A `tui.ports.brands.Brands`. Reads the vocabulary when it is first asked, in some hundredths of a second.

    Args:
        path: the workspace's own words; where they cannot be read, `samesku index` and `samesku doctor` say so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def same(self, one: str, other: str) -> bool:
        """Whether two names are one brand."""
        return self._vocabulary.same_brand(one, other, store_brands=False)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        try:
            return Vocabulary.load(self._path)
        except SettingsError:
            return Vocabulary.load()
