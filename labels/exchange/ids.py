"""A retailer's own ids, the same in every format: text, spreadsheets, JSON and data frames write one in many ways."""

import re

#: A whole number that went through a data frame, where a column with gaps is one of floats.
_FLOAT = re.compile(r"(-?[0-9]+)[.,]0+")
#: A number in scientific notation. The fraction is required: `5E1` is a common form of article number.
_POWER = re.compile(r"([0-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})")
#: How a CSV keeps a spreadsheet from taking an id for a number.
_FORMULA = re.compile(r'="([^"]*)"')


def normalize_id(text: str) -> str:
    """The id without what a format added to it.

    Spaces around it and the formula in `="00123"` are removed; `12345.0` becomes `12345`, and `1.23456789E+8` becomes
    `123456789`. Leading zeros stay. A number that a spreadsheet has rounded (`1.23457E+11`) stays as it is: see
    `is_rounded_id`.
    """
    given = text.strip()
    if formula := _FORMULA.fullmatch(given):
        given = formula[1].strip()
    if whole := _FLOAT.fullmatch(given):
        return whole[1]
    if (power := _POWER.fullmatch(given)) and (missing := _missing_digits(power)) in {0, 1}:
        return power[1] + power[2].rstrip("0").ljust(int(power[3]), "0") if missing else power[1] + power[2]
    return given


def is_rounded_id(text: str) -> bool:
    """Whether a spreadsheet has rounded the last digits of a number away, as in `1.23457E+11`."""
    power = _POWER.fullmatch(text.strip())
    return power is not None and _missing_digits(power) > 1


def _missing_digits(power: re.Match[str]) -> int:
    return int(power[3]) - len(power[2])
