"""Model numbers: their normalized form, and detection of model-like tokens in a title."""

import re

from core.text.units import UNITS

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_TOKEN = re.compile(r"[a-z0-9]+(?:[-/._+][a-z0-9]+)*", re.IGNORECASE)
_PARTS = re.compile(r"[-/._+]")
#: One or more numbers followed by a unit: 16gb, 2x1gb, 5.1ch, 400ma, 24-70mm, 500mlx6. 12ax7 is a tube.
_MEASURE = re.compile(r"(?:[0-9.]+[-x/])*[0-9.]+[-]?(?:(?P<unit>[a-z]+)|(?P<multiplied>[a-z]{2,})x[0-9]{1,3})")
_HAS_LETTER = re.compile(r"[a-z]")
_HAS_DIGIT = re.compile(r"[0-9]")
#: Standards, networks, ordinals and common words with a digit, which thousands of products share.
_STANDARD = re.compile(
    r"802\.?11.*|(?:usb|hdmi|bluetooth|bt|sata|dect|pcie?|v|ver|version|esata|dvd|cd|blu)[-.]?[0-9](?:[.][0-9x]+)?[a-z]?"
    r"|f/[0-9.]+[a-z]?|mp[234]s?|mpeg[-.]?[1-4]?|h\.?26[45]|[0-9]+(?:st|nd|rd|th)|[0-9][dgk]|[2-9]x|[0-9]+x|[0-9]+s"
    r"|g?ddr[0-9]?[-.]?[0-9]*|pc[-.]?[0-9]{3,5}|pc[23][-.]?[0-9]{4,5}|cat[-.]?[5-8][ea]?|rj[-.]?[0-9]{2}|db[-.]?[0-9]{1,2}"
    r"|ps[-/.]?[23]|rs[-.]?(?:232|485|422)|a[3-6]|b[45]|c[r]?[0-9]{1}|iphone[0-9].*|ipad[0-9]?|ipod.*|galaxy.*|windows[0-9]+"
    r"|(?:mark|mk|gen|class|type|series|part|vol|no|page|pack|set)[-.]?[0-9]+|[0-9]+(?:in|way|port|pack|pk|ct|pc|pcs|up)[0-9]*"
    r"|[0-9]+-?(?:er(?:-[a-z]+)*|stk|stck|tlg|uds?|unid|pzs?|pzas?|pces?)"
    r"|[0-9]+x[0-9]+(?:x[0-9]+)?|[0-9]+(?:bit|pin|sheet|key|disc|count|speed|band|cell|axis|digit|hole|tier|line|step)"
    r"|[12][0-9]{3}s?|[0-9]{1,2}a[-/]?v|x[2-9]|x1[0-6]|[0-9]{1,2}[hw]|3gs|56k|rg[-.]?[0-9]{1,2}|hd(?:db?)?[-.]?15[fm]?|hdb15|db[-.]?[0-9]{1,2}[fm]?|lga[-.]?[0-9]+"
    r"|(?:atx|eps)12v?|ieee[-.]?[0-9]+|sata[-.]?(?:150|300|600)|fw[-.]?[48]00|pc[0-9]|[0-9]n1|sp[1-3]|i[3579]|core[-.]?[0-9]|office[0-9]+|win[0-9]+|mac[0-9]+|xbox[0-9]*|wii[0-9]*"
)
#: Minimum length of a code of letters and digits: two characters (t6, g9) are as often a size or a level.
_MIN_MIXED_LENGTH = 3
#: Minimum length of a code of digits alone: shorter ones are counts and years.
_MIN_DIGITS = 5


def alphanumeric(text: str) -> str:
    """The letters and digits of a text in lower case: the same for `EN-EL14` and `en el14`."""
    return _NOT_ALPHANUMERIC.sub("", text.lower())


def model_codes(text: str) -> frozenset[str]:
    """The tokens of a title that look like model numbers, as `alphanumeric` text.

    These are tokens of letters and digits, or of at least five digits. Parts joined by hyphens, dots or slashes count
    as one (`EN-EL14` is `enel14`), and a part that is a code by itself also counts alone (`tss205us-blk`). Quantities
    and standards (`16gb`, `1080p`, `802.11n`, `usb2.0`, `mp3`) are excluded.
    """
    found = set()
    for written in _TOKEN.findall(text.lower()):
        if _HAS_DIGIT.search(written) is None:
            continue
        token = written.removeprefix("new-")  # the start of many Amazon titles in the benchmark
        parts = _PARTS.split(token)
        if _is_code(token, parts):
            found.add("".join(parts))
        if len(parts) > 1 and not _STANDARD.fullmatch(token):
            found.update(part for part in parts if len(part) >= _MIN_DIGITS and _is_code(part, [part]))
    return frozenset(found)


def _is_code(token: str, parts: list[str]) -> bool:
    whole = "".join(parts)
    if _HAS_DIGIT.search(whole) is None:
        return False
    if _HAS_LETTER.search(whole) is None:
        return len(parts) == 1 and len(whole) >= _MIN_DIGITS
    if len(whole) < _MIN_MIXED_LENGTH or _STANDARD.fullmatch(token) or (len(parts) > 1 and _STANDARD.fullmatch(whole)):
        return False
    return not _is_measure(token) and not _is_description(parts)


def _is_description(parts: list[str]) -> bool:
    """Whether a word is joined to a small number or a measure: 4-port, class-6, 17-inch-wide, 2gb-usb."""
    if len(parts) == 1:
        return False
    coded = [part for part in parts if _HAS_DIGIT.search(part)]
    words = [part for part in parts if not _HAS_DIGIT.search(part)]
    if all(part.isdigit() and len(part) <= 2 for part in coded):
        # pt-14 and en-5 are codes; longer parts are words.
        return parts[0].isdigit() or any(len(word) > _MIN_MIXED_LENGTH for word in words)
    return all(_is_measure(part) for part in coded)


def _is_measure(token: str) -> bool:
    """Whether a token is a number followed by a unit or a word: 16gb, 24-70mm, 1pair."""
    measure = _MEASURE.fullmatch(token)
    if measure is None:
        return False
    unit = measure["unit"] or measure["multiplied"]
    return unit in UNITS or (measure["unit"] is not None and len(unit) > _MIN_MIXED_LENGTH)
