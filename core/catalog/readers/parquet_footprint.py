"""What reading a Parquet file takes in memory, known from the headers of its pages before any is unpacked.

A file of some kilobytes may unpack to gigabytes: in one page, by lists without end, or by rows that all name one long
text. The first two are refused here; for the third it is told how many bytes a row may take at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from core.catalog.readers.parquet_pages import DELTA_BYTE_ARRAY, DICTIONARY_PAGE, DamagedError, Page, pages

#: Bytes of one page of every column at once, which is what a reader holds. Writers make pages of a megabyte or so.
_PAGES_BYTES = 1 << 28
#: Elements of lists in a row group, unless the file has more bytes: all of them may be in one row.
_ELEMENTS = 1 << 24
#: Bytes of the elements of lists whose values have a fixed length.
_FIXED_BYTES = 1 << 29
#: The values of a dictionary of this many bytes are not looked at one by one.
_SMALL_DICTIONARY = 1 << 13
#: Encodings that pyarrow can read as a dictionary: plain, and two names of a dictionary.
_NAMEABLE = {0, 2, 8}


class TooLargeError(ValueError):
    """The file would take too much memory or time; which part of it, as the end of a sentence."""


@dataclass(slots=True)
class RowGroup:
    """How large a row may be.

    Attributes:
        width: bytes of the values that a row may have although they are stored once for many rows.
        dictionaries: columns of texts that come on top, each as large as the largest value in its dictionary; their
            paths, and the bytes of the dictionary.
        lists: paths of texts in lists that name a dictionary; how many a row has is not known.
    """

    width: int = 0
    dictionaries: dict[str, int] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)


class Footprint:
    """What is known of a file.

    Attributes:
        groups: its row groups.
        lists: paths of texts in lists that must be kept once each.

    Raises:
        TooLargeError: a page, or what is in lists, is too large.
        DamagedError: what the file says of itself cannot be.
    """

    def __init__(self, file: BinaryIO, metadata: Any) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._packed = 0
        self._columns = [metadata.schema.column(number) for number in range(metadata.num_columns)]
        self.groups = [self._group(metadata.row_group(number)) for number in range(metadata.num_row_groups)]
        self.lists = sorted({path for group in self.groups for path in group.lists})

    def _group(self, group: Any) -> RowGroup:
        found = RowGroup()
        held = elements = 0
        for number, column in enumerate(self._columns):
            read = self._pages(group.column(number))
            held += sum(_largest(read, dictionary=kind) for kind in (False, True))
            in_lists = max(0, sum(page.values for page in read) - group.num_rows)
            elements += in_lists
            if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
                found.width += column.length
                if column.length * in_lists > _FIXED_BYTES:
                    raise TooLargeError(f"the lists in {column.path} have more than {_FIXED_BYTES:,} bytes")
            if _is_text(column):
                _add_texts(found, column, read)
        if held > _PAGES_BYTES:
            raise TooLargeError(f"it takes more than {_PAGES_BYTES:,} bytes at a time")
        if elements > max(_ELEMENTS, self._size):
            raise TooLargeError(f"there are more than {_ELEMENTS:,} elements in its lists")
        return found

    def _pages(self, chunk: Any) -> list[Page]:
        length = chunk.total_compressed_size
        self._packed += length
        if length < 0 or self._packed > self._size:
            raise DamagedError("its columns are longer than it is")
        # They begin with the dictionary, where there is one.
        start = min(offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset)
        return list(pages(self._file, start, length, chunk.num_values))


def _add_texts(group: RowGroup, column: Any, read: Sequence[Page]) -> None:
    """Add how long the texts of a column may be that are not each stored."""
    encodings = {page.encoding for page in read if page.kind != DICTIONARY_PAGE}
    dictionary = _largest(read, dictionary=True)
    shared = max(dictionary, _largest(read, dictionary=False) if DELTA_BYTE_ARRAY in encodings else 0)
    if shared and column.max_repetition_level:
        if not encodings <= _NAMEABLE:
            raise TooLargeError(f"lists of texts that are packed like those in {column.path} may have any length")
        group.lists.append(column.path)
    elif shared == dictionary > _SMALL_DICTIONARY and encodings <= _NAMEABLE:
        group.dictionaries[column.path] = dictionary
    else:
        group.width += shared


def _is_text(column: Any) -> bool:
    return bool(column.physical_type == "BYTE_ARRAY")


def _largest(read: Sequence[Page], *, dictionary: bool) -> int:
    """Bytes of the largest page that is a dictionary, or that is none."""
    return max((page.size for page in read if (page.kind == DICTIONARY_PAGE) == dictionary), default=0)
