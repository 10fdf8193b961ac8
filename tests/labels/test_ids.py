"""Normalization of ids from any file format."""

import pytest

from labels.exchange.fields import is_rounded_id, normalize_id


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        (" 12345 ", "12345"), ("12345.0", "12345"), ("12345.000", "12345"), ("12345,0", "12345"), ("-7.0", "-7"),
        ("00123.0", "00123"), ('="00123"', "00123"), ("1.2345678E+7", "12345678"), ("1.23456789E+8", "123456789"),
        ("1.2345678E+8", "123456780"), ("1.2345670E+8", "123456700"),
        ("1e+16", "1e+16"), ("1.23457E+11", "1.23457E+11"), ("5E1", "5E1"), ("2.5", "2.5"), ("1.0.0", "1.0.0"),
        ("B0.0", "B0.0"), ("0", "0"), ("0.0", "0"), ("", ""),
    ],
)  # fmt: skip
def test_normalized_ids(text: str, id_: str) -> None:
    assert normalize_id(text) == id_
    assert normalize_id(id_) == id_


def test_ids_rounded_by_a_spreadsheet() -> None:
    assert [is_rounded_id(text) for text in ("1.23457E+11", "1.2345678E+7", "5E10", "123457")] == [
        True,
        False,
        False,
        False,
    ]
