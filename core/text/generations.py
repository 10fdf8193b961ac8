"""Extraction of a product's generation, version or year from a text.

All notations give the same number (`2nd generation`, `gen 2`, `mark ii`, `mk2`, `v2`), since retailers differ in them.
"""

import re
from collections.abc import Collection

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
#: Single letters (i, v, x) count as Roman numerals only after a marker word.
_ROMAN = {"ii": 2, "iii": 3, "iv": 4, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
_ROMAN_AFTER_MARKER = {"i": 1, "v": 5, "x": 10, **_ROMAN}
#: Not followed by a unit: privacy edition 4 gb.
_NO_UNIT = r"(?!\s?(?:[kmgt]b\b|inch|mp\b|packs?\b|pk\b|ct\b|count|pieces?\b|st[uü]ck|stk\b|x\s?[0-9]|display|screen))"
#: Not a standard or component: sata ii, ddr ii, phenom ii. `n vi` is a mangled nüvi.
_NO_STANDARD = r"(?<!sata\s)(?<!ddr\s)(?<!\susb\s)(?<!phenom\s)(?<!\sn\s)"
_YEAR = r"(?:19[89][0-9]|20[0-3][0-9])"
_WORD_START = re.compile(r"\w")


class Generations:
    """Finds generations. The marker words beside the number (`gen`, `mark`, `version`) come from the vocabulary."""

    def __init__(self, markers: Collection[str]) -> None:
        words = "|".join(sorted({re.escape(marker.lower()) for marker in markers}, key=len, reverse=True)) or "(?!)"
        self._pattern = re.compile(
            rf"(?<![\w.-])(?P<ordinal>[0-9]{{1,2}})(?:st|nd|rd|th)[\s-]+(?:{words})\b"
            rf"|\b(?P<spelled>{'|'.join(_ORDINALS)})[\s-]+(?:{words})\b"
            rf"|\b(?:{words})[.\s-]*(?P<number>(?:{_YEAR}|[0-9]{{1,2}})(?:\.[0-9]{{1,2}})?)(?![\w.-]*[a-z0-9]){_NO_UNIT}"
            rf"|\b(?:{words})[.\s-]+(?P<marked>{'|'.join(sorted(_ROMAN_AFTER_MARKER, key=len, reverse=True))})\b"
            rf"|\b(?:{words})(?P<joined>iii?)\b"
            rf"|(?<![\w.-])(?P<year>{_YEAR})[\s-]+(?:{words})\b"
            rf"|(?<=\s)v\.?(?P<v>[0-9](?:\.[0-9]{{1,2}})?)(?![\w-]|\.[0-9])"
            rf"|(?<=[a-z0-9]\s){_NO_STANDARD}(?P<roman>{'|'.join(sorted(_ROMAN, key=len, reverse=True))})(?![\w-])"
            r"|\b(?:touch|nano|shuffle|classic|ipod)[\s-]+(?P<ipod>[1-7])g\b"
            r"|(?<![\w.,/$-])(?P<bare>20(?:0[1-9]|[12][0-9]))(?![\w/]|[.,][0-9]|\s?-|\s(?:sheets?|hours?|pages?|watts?))",
        )
        # A cheap necessary condition, which most titles do not meet. A marker of other signs may stand behind a word.
        start = r"\b" if all(_WORD_START.match(marker) for marker in markers) else ""
        numerals = "|".join(_ROMAN)
        self._hint = re.compile(rf"{start}(?:{words})|\b(?:{numerals}|v\.?[0-9]|20[0-3][0-9]|[1-7]g)")

    def find(self, text: str) -> frozenset[str]:
        """The generations in a text as decimal numbers; a fraction of zero is dropped."""
        text = text.lower()
        if self._hint.search(text) is None:
            return frozenset()
        return frozenset(_number(match) for match in self._pattern.finditer(text))


def _number(match: re.Match[str]) -> str:
    value = str(match[match.lastgroup or 0])
    if match.lastgroup == "spelled":
        return str(_ORDINALS.index(value) + 1)
    if match.lastgroup in {"roman", "marked", "joined"}:
        return str(_ROMAN_AFTER_MARKER[value])
    whole, _, part = value.partition(".")
    whole = str(int(whole))
    return f"{whole}.{part}" if part.strip("0") else whole
