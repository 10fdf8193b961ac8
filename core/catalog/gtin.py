"""Global Trade Item Numbers (UPC, EAN, GTIN, ISBN) in the one form that compares: GTIN-14 with a verified check digit.

Lengths, check digits, prefix ranges and the expansion of UPC-E are those of the GS1 General Specifications; the check
digit of ISBN-10 is that of ISO 2108.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

GTIN_LENGTH = 14
#: Lengths of the numbers that carry a GTIN: GTIN-8, UPC-A, EAN-13, GTIN-14.
_LENGTHS = (8, 12, 13, 14)
_SHORTEST = min(_LENGTHS)
#: A number that lost more leading zeros than this is too short to tell from a retailer's own id.
_SHORTEST_REPAIRED = 9
_ISBN_LENGTH = 10
#: Of a text that may hold a number, or a list of them; a column that was mapped by mistake has descriptions.
_MAX_LENGTH = 1000

_SCIENTIFIC = re.compile(r"(?P<whole>[0-9])(?:[.,](?P<fraction>[0-9]*))?[eE]\+?(?P<exponent>[0-9]{1,2})")
_FLOAT = re.compile(r"(?P<digits>[0-9]+)[.,]0+")
_SEPARATORS = re.compile(r"[\s,\-‐‑–—.'’_]+")
#: Between several numbers in one text. Blanks also group the digits of one, so that they come second.
_LISTS = (re.compile(r"[,;|/]+"), re.compile(r"\s+"))
#: Around a number: `="036000291452"` and `'036000291452` keep spreadsheets from reading it, JSON has brackets.
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

#: GS1 prefixes, the first three digits of the EAN-13, that name no trade item worldwide: restricted circulation
#: (in-store and variable measure) 020-029, 040-049, 200-299; coupons 050-059, 981-984, 990-999; refund receipts 980.
_RESTRICTED = (range(20, 30), range(40, 50), range(50, 60), range(200, 300), range(980, 985), range(990, 1000))
#: GS1-8 prefixes for restricted circulation: 0xx and 2xx.
_RESTRICTED_8 = "02"
#: Numbers of manuals and examples that people type where they know none.
_EXAMPLES = {"012345678905", "123456789012", "1234567890128", "0123456789012", "12345678901231", "96385074"}


class GtinProblem(StrEnum):
    """Why a text is no usable GTIN."""

    NOT_A_NUMBER = "not a number"
    LENGTH = "wrong length"
    CHECK_DIGIT = "wrong check digit"
    ROUNDED = "rounded by a spreadsheet"
    AMBIGUOUS = "ISBN-10 or UPC without its leading zeros"
    RESTRICTED = "in-store, coupon or restricted range"
    PLACEHOLDER = "placeholder"


@dataclass(frozen=True, slots=True)
class Gtin:
    """What a text holds as a trade item number.

    Attributes:
        value: fourteen digits; empty where the text holds no usable number.
        repaired: whether leading zeros or an exponent had to be written out, which the check digit proved right.
        problem: why there is no value; None where there is one, and for an empty text.
    """

    value: str = ""
    repaired: bool = False
    problem: GtinProblem | None = None


def parse_gtin(text: str) -> Gtin:
    """Read a UPC-A, UPC-E, EAN-8, EAN-13, GTIN-14, ISBN-10 or ISBN-13 as people, programs and spreadsheets write it.

    Leading zeros that were lost are put back, and `7.00000554335E+11` is written out, where the check digit proves
    the result. A number whose last digits a spreadsheet rounded away (`3.80005E+10`) is unknown: no check digit can
    prove digits that are gone. Of several numbers in one text the first usable one counts.
    """
    if len(text) > _MAX_LENGTH:
        return Gtin(problem=GtinProblem.NOT_A_NUMBER)
    for separator in _LISTS:
        several = [part for part in separator.split(text) if part.strip(_WRAPPING)]
        if len(several) > 1 and all(sum(map(str.isdigit, part)) >= _SHORTEST for part in several):
            found = [_parse_one(part) for part in several]
            return next((each for each in found if each.value), found[0])
    return _parse_one(text)


def normalize_gtin(text: str) -> str:
    """The GTIN-14 in a text, or an empty text."""
    # Long texts would fill the cache.
    return _normalized(text) if 0 < len(text) <= _MAX_LENGTH else ""


@lru_cache(maxsize=1 << 15)
def _normalized(text: str) -> str:
    return parse_gtin(text).value


def bare_digits(text: str) -> str:
    """The digits of a text that is a number or the beginning of one, without separators and label; else empty."""
    digits = _SEPARATORS.sub("", _LABEL.sub("", text.strip(_WRAPPING)))
    return digits if digits.isascii() and digits.isdigit() else ""


def _parse_one(text: str) -> Gtin:
    # Full-width digits are digits; ASCII texts are in this form already.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    given = _LABEL.sub("", plain.strip(_WRAPPING)).strip(_WRAPPING)
    if not given:
        return Gtin()
    try:
        digits, written_out = _digits(given)
        isbn = digits.zfill(_ISBN_LENGTH)
        gtin, padded = (_from_isbn10(isbn), isbn != digits) if _is_isbn10(digits) else _complete(digits)
        if _is_restricted(gtin):
            raise _UnusableError(GtinProblem.RESTRICTED)
    except _UnusableError as error:
        return Gtin(problem=error.problem)
    return Gtin(gtin, repaired=padded or written_out)


class _UnusableError(Exception):
    def __init__(self, problem: GtinProblem) -> None:
        super().__init__(problem)
        self.problem = problem


def check_digit(digits: str) -> str:
    """The last digit of a GTIN whose other digits these are: weights 3 and 1 from the right, modulo 10."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return check_digit(digits[:-1]) == digits[-1]


def _digits(given: str) -> tuple[str, bool]:
    """The bare digits, and whether they had to be written out from an exponent."""
    if power := _SCIENTIFIC.fullmatch(given):
        fraction = (power["fraction"] or "").rstrip("0")
        missing = int(power["exponent"]) - len(fraction)
        # One zero at the end may be meant; where more digits lack they were rounded away.
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
    """The GTIN-14, and whether leading zeros had to be put back."""
    if not digits.isdigit():
        raise _UnusableError(GtinProblem.NOT_A_NUMBER)
    if _is_placeholder(digits):
        raise _UnusableError(GtinProblem.PLACEHOLDER)
    if len(digits) > GTIN_LENGTH or (len(digits) < _SHORTEST_REPAIRED and len(digits) not in _LENGTHS):
        raise _UnusableError(GtinProblem.LENGTH)
    # Numbers of eight digits that begin with 0 are restricted as GTIN-8, so that a UPC-E loses nothing by it.
    if len(digits) == 8 and digits[0] == "0" and has_check_digit(expanded := _expand_upc_e(digits)):
        return expanded.zfill(GTIN_LENGTH), False
    if has_check_digit(digits):
        # The check digit counts from the right, so that zeros in front do not change it.
        return digits.zfill(GTIN_LENGTH), len(digits) not in _LENGTHS
    raise _UnusableError(GtinProblem.CHECK_DIGIT)


def _expand_upc_e(digits: str) -> str:
    """UPC-A of a UPC-E with number system and check digit: which zeros were suppressed stands in its seventh digit."""
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
    """Whether the check digit says so; of nine digits the first, 0 for books in English, was lost."""
    digits = given.zfill(_ISBN_LENGTH) if len(given) == _ISBN_LENGTH - 1 else given
    if len(digits) != _ISBN_LENGTH or not digits[:9].isdigit() or not (digits[9].isdigit() or digits[9] == "X"):
        return False
    total = sum((10 - place) * (10 if digit == "X" else int(digit)) for place, digit in enumerate(digits))
    return total % 11 == 0


def _from_isbn10(digits: str) -> str:
    if _is_placeholder(digits):
        raise _UnusableError(GtinProblem.PLACEHOLDER)
    # A GTIN has the same check digit with and without zeros before it.
    if digits.isdigit() and has_check_digit(digits):
        raise _UnusableError(GtinProblem.AMBIGUOUS)
    body = f"978{digits[:9]}"
    return (body + check_digit(body)).zfill(GTIN_LENGTH)


def _is_placeholder(digits: str) -> bool:
    """Zeros, one digit over and over, digits that count up or down, and well-known examples."""
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
