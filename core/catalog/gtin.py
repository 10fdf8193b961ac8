"""Normalization of Global Trade Item Numbers (UPC, EAN, GTIN, ISBN) to GTIN-14 with a verified check digit.

Lengths, check digits, prefix ranges and the expansion of UPC-E follow the GS1 General Specifications; the check digit
of ISBN-10 follows ISO 2108.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

GTIN_LENGTH = 14
#: Valid lengths: GTIN-8, UPC-A, EAN-13, GTIN-14.
_LENGTHS = (8, 12, 13, 14)
_MIN_LENGTH = min(_LENGTHS)
#: Minimum digits of a number whose lost leading zeros are restored; a shorter one may be a retailer's own id.
_MIN_REPAIRABLE_LENGTH = 9
_ISBN_LENGTH = 10
#: Maximum characters of a text that is parsed; a column mapped by mistake may have descriptions.
_MAX_TEXT_LENGTH = 1000

_SCIENTIFIC = re.compile(r"(?P<whole>[0-9])(?:[.,](?P<fraction>[0-9]*))?[eE]\+?(?P<exponent>[0-9]{1,2})")
_FLOAT = re.compile(r"(?P<digits>[0-9]+)[.,]0+")
_SEPARATORS = re.compile(r"[\s,\-‐‑–—.'’_]+")
#: Separators of several numbers in one text. Spaces may also group the digits of one number, so they are tried last.
_LISTS = (re.compile(r"[,;|/]+"), re.compile(r"\s+"))
#: Characters around a number: `="036000291452"` and `'036000291452` mark text in spreadsheets, brackets come from JSON.
_WRAPPING = " \t\r\n='’`\"[]"
#: `UPC:`, `EAN-13`, `GTIN 14:`; `(01)` is the application identifier of a GTIN in GS1 barcodes.
_LABEL = re.compile(
    r"""
    \A (?: \(01\)
    | (?: upc | ean | gtin | isbn | jan | barcode )
      (?: (?: -?(?:8|[ae]) | [\s-]?1[0234] ) [\s:#]+
        | (?: [\s-]?(?:code|number|no\.?) )? [\s:#]*
      )
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)

#: GS1 prefixes (the first three digits of the EAN-13) that are not globally unique: restricted circulation (in-store
#: and variable measure) 020-029, 040-049, 200-299; coupons 050-059, 981-984, 990-999; refund receipts 980.
_RESTRICTED = (range(20, 30), range(40, 50), range(50, 60), range(200, 300), range(980, 985), range(990, 1000))
#: GS1-8 prefixes for restricted circulation: 0xx and 2xx.
_RESTRICTED_8 = "02"
#: Well-known example numbers, which people enter when they lack the real one.
_EXAMPLES = {"012345678905", "123456789012", "1234567890128", "0123456789012", "12345678901231", "96385074"}


class GtinProblem(StrEnum):
    """Why a text is not a usable GTIN."""

    NOT_A_NUMBER = "not a number"
    LENGTH = "wrong length"
    CHECK_DIGIT = "wrong check digit"
    ROUNDED = "rounded by a spreadsheet"
    AMBIGUOUS = "ISBN-10 or UPC without its leading zeros"
    RESTRICTED = "in-store, coupon or restricted range"
    PLACEHOLDER = "placeholder"


@dataclass(frozen=True, slots=True)
class Gtin:
    """A parsed trade item number.

    Attributes:
        value: fourteen digits; empty if there is no usable number.
        repaired: whether leading zeros or an exponent were expanded, as confirmed by the check digit.
        problem: why there is no value; None if there is one, or the text is empty.
    """

    value: str = ""
    repaired: bool = False
    problem: GtinProblem | None = None


def parse_gtin(text: str) -> Gtin:
    """Parse a UPC-A, UPC-E, EAN-8, EAN-13, GTIN-14, ISBN-10 or ISBN-13 in any common notation.

    Lost leading zeros are restored and `7.00000554335E+11` is expanded if the check digit confirms the result. A number
    that a spreadsheet has rounded (`3.80005E+10`) is not usable. Of several numbers in a text, the first usable one
    counts.
    """
    if len(text) > _MAX_TEXT_LENGTH:
        return Gtin(problem=GtinProblem.NOT_A_NUMBER)
    for separator in _LISTS:
        several = [part for part in separator.split(text) if part.strip(_WRAPPING)]
        if len(several) > 1 and all(sum(map(str.isdigit, part)) >= _MIN_LENGTH for part in several):
            found = [_parse_one(part) for part in several]
            return next((each for each in found if each.value), found[0])
    return _parse_one(text)


def normalize_gtin(text: str) -> str:
    """The GTIN-14 in a text; empty if there is none."""
    # The length is checked first to keep long texts out of the cache.
    return _normalized(text) if 0 < len(text) <= _MAX_TEXT_LENGTH else ""


@lru_cache(maxsize=1 << 15)
def _normalized(text: str) -> str:
    return parse_gtin(text).value


def bare_digits(text: str) -> str:
    """The digits of a (partial) number without separators and label; empty if the text is not one."""
    digits = _SEPARATORS.sub("", _LABEL.sub("", text.strip(_WRAPPING)))
    return digits if digits.isascii() and digits.isdigit() else ""


def _parse_one(text: str) -> Gtin:
    # NFKC turns full-width digits into ASCII.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    given = _LABEL.sub("", plain.strip(_WRAPPING)).strip(_WRAPPING)
    if not given:
        return Gtin()
    try:
        digits, expanded = _digits(given)
        isbn = digits.zfill(_ISBN_LENGTH)
        gtin, padded = (_from_isbn10(isbn), isbn != digits) if _is_isbn10(digits) else _complete(digits)
        if _is_restricted(gtin):
            raise _UnusableError(GtinProblem.RESTRICTED)
    except _UnusableError as error:
        return Gtin(problem=error.problem)
    return Gtin(gtin, repaired=padded or expanded)


class _UnusableError(Exception):
    def __init__(self, problem: GtinProblem) -> None:
        super().__init__(problem)
        self.problem = problem


def check_digit(digits: str) -> str:
    """The check digit of a GTIN, given its other digits: weights 3 and 1 from the right, modulo 10."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return check_digit(digits[:-1]) == digits[-1]


def _digits(given: str) -> tuple[str, bool]:
    """The digits of a number, and whether they were expanded from scientific notation."""
    if power := _SCIENTIFIC.fullmatch(given):
        fraction = (power["fraction"] or "").rstrip("0")
        missing = int(power["exponent"]) - len(fraction)
        # One missing digit may be a final zero; more were rounded away.
        if missing not in (0, 1):
            raise _UnusableError(GtinProblem.ROUNDED if missing > 1 else GtinProblem.NOT_A_NUMBER)
        return power["whole"] + fraction + "0" * missing, True
    if whole := _FLOAT.fullmatch(given):
        return whole["digits"], False
    digits = _SEPARATORS.sub("", given).upper()
    if not digits.isascii() or not digits.removesuffix("X").isdigit():
        raise _UnusableError(GtinProblem.NOT_A_NUMBER)
    return digits, False


def _complete(digits: str) -> tuple[str, bool]:
    """The GTIN-14, and whether leading zeros were restored."""
    if not digits.isdigit():
        raise _UnusableError(GtinProblem.NOT_A_NUMBER)
    if _is_placeholder(digits):
        raise _UnusableError(GtinProblem.PLACEHOLDER)
    if len(digits) > GTIN_LENGTH or (len(digits) < _MIN_REPAIRABLE_LENGTH and len(digits) not in _LENGTHS):
        raise _UnusableError(GtinProblem.LENGTH)
    # Eight digits that begin with 0 would be a restricted GTIN-8, so they are read as UPC-E.
    if len(digits) == 8 and digits[0] == "0" and has_check_digit(expanded := _expand_upc_e(digits)):
        return expanded.zfill(GTIN_LENGTH), False
    if has_check_digit(digits):
        # Leading zeros do not change the check digit, which is computed from the right.
        return digits.zfill(GTIN_LENGTH), len(digits) not in _LENGTHS
    raise _UnusableError(GtinProblem.CHECK_DIGIT)


def _expand_upc_e(digits: str) -> str:
    """The UPC-A of a UPC-E with number system and check digit; its seventh digit encodes the suppressed zeros."""
    system, body, last, check = digits[0], digits[1:6], digits[6], digits[7]
    if last in "012":
        middle = f"{body[:2]}{last}0000{body[2:5]}"
    elif last == "3":
        middle = f"{body[:3]}00000{body[3:5]}"
    elif last == "4":
        middle = f"{body[:4]}00000{body[4]}"
    else:
        middle = f"{body}0000{last}"
    return system + middle + check


def _is_isbn10(given: str) -> bool:
    """Whether the check digit is that of an ISBN-10. Nine digits have lost the first, 0 for books in English."""
    digits = given.zfill(_ISBN_LENGTH) if len(given) == _ISBN_LENGTH - 1 else given
    if len(digits) != _ISBN_LENGTH or not digits[:9].isdigit() or not (digits[9].isdigit() or digits[9] == "X"):
        return False
    total = sum((10 - place) * (10 if digit == "X" else int(digit)) for place, digit in enumerate(digits))
    return total % 11 == 0


def _from_isbn10(digits: str) -> str:
    if _is_placeholder(digits):
        raise _UnusableError(GtinProblem.PLACEHOLDER)
    # Also valid as a UPC that has lost its leading zeros.
    if digits.isdigit() and has_check_digit(digits):
        raise _UnusableError(GtinProblem.AMBIGUOUS)
    body = f"978{digits[:9]}"
    return (body + check_digit(body)).zfill(GTIN_LENGTH)


def _is_placeholder(digits: str) -> bool:
    """Whether a number is all zeros, one repeated digit, consecutive digits, or a well-known example."""
    significant = digits.lstrip("0")
    if not significant or digits in _EXAMPLES:
        return True
    body = significant[:-1] if len(significant) > 1 else significant
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(body) if b.isdigit()}
    return len(significant) >= 7 and len(steps) == 1 and steps <= {0, 1, 9}


def _is_restricted(gtin: str) -> bool:
    if gtin.startswith("000000"):
        return gtin[6] in _RESTRICTED_8
    return any(int(gtin[1:4]) in numbers for numbers in _RESTRICTED)
