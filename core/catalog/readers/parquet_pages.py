"""The pages of a Parquet file, as their headers describe them: how large they are before any is unpacked.

What the footer says of sizes is not held to by readers; what a page's header says is. The formats:
https://parquet.apache.org/docs/file-format/ and
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

DICTIONARY_PAGE = 2
_DATA_PAGES = {0: 5, 3: 8}
#: The encoding in which a text names how much of the one before it repeats.
DELTA_BYTE_ARRAY = 7
#: Where the encoding stands in the header of each kind of data page.
_ENCODING_FIELD = {0: 2, 3: 4}

#: A header holds numbers, and the least and the greatest value of its page where the writer keeps them.
_HEADER_BYTES = (1 << 12, 1 << 20)
_MAX_DEPTH = 16

_Fields = dict[int, Any]


class DamagedError(ValueError):
    """The file is no Parquet file, or what it says of itself cannot be."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a column.

    Attributes:
        kind: 0 and 3 hold values, `DICTIONARY_PAGE` what they refer to.
        size: bytes when it is unpacked.
        values: how many, those that are null and those in lists included.
        encoding: of the values; `DELTA_BYTE_ARRAY` and others.
    """

    kind: int
    size: int
    values: int
    encoding: int


def footer_length(file: BinaryIO) -> int:
    """Bytes of the footer, which a reader takes into memory as a whole.

    Raises:
        DamagedError: there is none.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 8))
    last = file.read(8)
    length = int.from_bytes(last[:4], "little")
    if last[4:] != b"PAR1" or length > end - 12:
        raise DamagedError("it has no proper end")
    return length


def pages(file: BinaryIO, start: int, length: int, values: int) -> Iterator[Page]:
    """The pages of one column of one row group, as a reader would take them.

    Args:
        file: the whole file.
        start: where the first page begins.
        length: bytes of all pages with their headers.
        values: how many values they hold; what comes after is not read.

    Raises:
        DamagedError: a header is none.
    """
    at, left = start, values
    while left > 0 and at < start + length:
        fields, size = _header(file, at)
        page = _page(fields)
        at += size + _number(fields, 3)
        left -= page.values if page.kind in _DATA_PAGES else 0
        yield page


def _page(fields: _Fields) -> Page:
    kind = _number(fields, 1)
    inner = fields.get(7 if kind == DICTIONARY_PAGE else _DATA_PAGES.get(kind, 0), {})
    if not isinstance(inner, dict):
        raise DamagedError("the header of a page is damaged")
    holds = kind in _DATA_PAGES
    return Page(
        kind,
        _number(fields, 2),
        _number(inner, 1) if holds else 0,
        _number(inner, _ENCODING_FIELD[kind]) if holds else 0,
    )


def _number(fields: _Fields, place: int) -> int:
    value = fields.get(place)
    if not isinstance(value, int) or value < 0:
        raise DamagedError("the header of a page is damaged")
    return value


def _header(file: BinaryIO, at: int) -> tuple[_Fields, int]:
    """The fields of the header at a place, and its length."""
    for length in _HEADER_BYTES:
        file.seek(at)
        read = file.read(length)
        try:
            return _struct(read, 0)
        except IndexError:  # it goes on behind what was read
            continue
    raise DamagedError("the header of a page has no end")


# Types of the compact protocol; inside a struct the first two are the value itself.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


def _struct(data: bytes, at: int, depth: int = 0) -> tuple[_Fields, int]:
    """The numbers and structs among the fields of a struct, by their ids, and where it ends."""
    if depth > _MAX_DEPTH:
        raise DamagedError("the header of a page is damaged")
    fields: _Fields = {}
    last = 0
    while head := data[at]:
        at += 1
        if head >> 4:
            last += head >> 4
        else:
            last, at = _integer(data, at)
        fields[last], at = _value(data, at, head & 15, depth)
    return fields, at + 1


def _value(data: bytes, at: int, type_: int, depth: int) -> tuple[Any, int]:
    if type_ in {_TRUE, _FALSE}:
        return type_ == _TRUE, at
    if type_ == _BYTE:
        return data[at], at + 1
    if type_ in {_I16, _I32, _I64}:
        return _integer(data, at)
    if type_ == _DOUBLE:
        return None, _within(data, at + 8)
    if type_ == _BINARY:
        length, at = _varint(data, at)
        return None, _within(data, at + length)
    if type_ == _STRUCT:
        return _struct(data, at, depth + 1)
    # No header of a page has lists or maps in it.
    raise DamagedError("the header of a page is damaged")


def _within(data: bytes, end: int) -> int:
    if end > len(data):
        raise IndexError
    return end


def _integer(data: bytes, at: int) -> tuple[int, int]:
    number, at = _varint(data, at)
    return (number >> 1) ^ -(number & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return number, at
        if shift > 63:
            raise DamagedError("the header of a page is damaged")
