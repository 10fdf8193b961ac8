"""How many items a listing sells at once: `24-pack`, `pack of 24`, `24/box`, `2 x 12 ct`, `twin pack`, `dozen`."""

import re
from dataclasses import dataclass

_WORDS = {
    name: number
    for number, name in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 1
    )
}
_NUMBER = rf"[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,5}}|{'|'.join(_WORDS)}"
#: Not the tail of a word, a decimal, a range or a price. A hyphen is allowed: AA-4pk.
#: After an x only where that stands behind a number: 2x12 pack. The look ahead spares most places the rest.
_START = r"(?=[0-9efnosth])(?<![a-wyz0-9_.,/$])(?<![a-z]x)"
_OUTER = r"packs?|pks?|packages?|pkgs?|cases?|cartons?|ctns?|boxe?s?|sets?|lots?|bundles?|bags?|multi-?packs?"
_CONTAINER = r"pack|pk|package|pkg|box|bx|carton|ctn|case|cs|set|bag|roll|dozen|ct|tub|jar|tube"

#: Packs of something: 24-pack, pack of 24, set of 4.
_PACKS = re.compile(
    rf"{_START}(?P<before>{_NUMBER})[\s-]*(?:packs?|pks?|pkgs?|packages?)(?![a-z0-9]|\s+of\s+[0-9])"
    rf"|\bcase\s?packs?\s(?P<case>[2-9]|[0-9]{{2,4}})(?![\w.])"
    rf"|\b(?:{_OUTER})\s+of\s+(?P<of>{_NUMBER})(?![\w.])",
)
#: Things counted one by one, or by the container that they fill: 24 ct, 50 per box, 25/box, 25 box.
_ITEMS = re.compile(
    rf"{_START}(?P<count>{_NUMBER})[\s-]*(?:ct|cnt|count|pieces?|pcs|units)(?![a-z0-9])"
    rf"|(?<![\w.,/$-])(?P<attached>[0-9]{{1,3}})pc(?![a-z0-9])"
    rf"|{_START}(?P<per>{_NUMBER})\s*(?:/|(?:[a-z]+\s)?per\b|\ba\b)\s*(?:{_CONTAINER})(?![a-z0-9])"
    rf"|{_START}(?P<bare>[0-9]{{1,5}})\s(?:box|carton|set)(?!\s(?:top|up)\b)(?![a-z0-9])"
    rf"|\bqty[\s:.]*(?P<qty>[0-9]{{1,5}})(?![\w.])",
)
#: 2 x 12 ct, 2x12 pack, 2 boxes of 12: the first number multiplies.
_MULTIPLIER = re.compile(
    rf"{_START}(?P<times>[0-9]{{1,3}})(?:\s*[x×]\s*(?=[0-9]{{1,5}}[\s-]*(?:ct|cnt|count|packs?|pks?)\b)"
    rf"|\s+(?=(?:{_OUTER})\s+of\s+[0-9]))"
)
_NAMED = re.compile(r"\b(?P<name>twin|double|dual|duo|triple|tri|quad)[\s-]?(?:packs?|pk)\b")
_NAMES = {"twin": 2, "double": 2, "dual": 2, "duo": 2, "triple": 3, "tri": 3, "quad": 4}
#: Things that are sold by number, where neither a pack nor a count is said: 100 caplets.
_NUMBERED = "cans|bottles|capsules|caplets|tablets|softgels|pods|gummies|wipes|diapers"
_SOLD_BY_NUMBER = re.compile(rf"{_START}(?P<number>{_NUMBER})[\s-](?:{_NUMBERED})\b")
#: What every statement of a count holds; most titles hold none of it, and are done with at once.
_HINT = re.compile(
    rf"pack|pk|ct|cnt|count|piece|pc|unit|per|set|of|box|carton|case|pair|dozen|qty|/|[0-9] a |{_NUMBERED}"
)
_DOZEN = re.compile(rf"(?:{_START}(?P<number>{_NUMBER}|half(?:\sa)?)[\s-])?\bdozens?\b")
_PAIR = re.compile(rf"(?:{_START}(?P<number>{_NUMBER})[\s-])?\bpairs?\b")


@dataclass(frozen=True, slots=True)
class Count:
    """A statement of how many are sold together, and where it stands."""

    number: int
    start: int
    end: int


def counts(text: str) -> tuple[Count, ...]:
    """Every such statement of a text in lower case, in the order written; none overlaps another."""
    if _HINT.search(text) is None:
        return ()
    stated: list[Count] = []
    for pattern in (_PACKS, _ITEMS, _NAMED, _DOZEN):
        for match in pattern.finditer(text):
            start, end = match.span()
            if number := _stated(match):
                stated += [Count(number, start, end)] * all(end <= s.start or s.end <= start for s in stated)
    return tuple(sorted(stated, key=lambda count: count.start))


def _stated(match: re.Match[str]) -> int:
    if match.re is _NAMED:
        return _NAMES[match["name"]]
    if match.re is _DOZEN:
        return _dozen(match)
    return _number(next(group for group in match.groups() if group))


def pack_count(text: str) -> int | None:
    """How many items are sold together; None where the text does not say.

    A count of items and a count of packs multiply (`12 ct, pack of 2` is 24), and so does `2 x 12 ct`; the same
    number said twice counts once. A pair alone is two items, but `6 pairs` is six: socks are counted in pairs.
    """
    text = text.lower()
    if _HINT.search(text) is None:
        return None
    packs = _first(_PACKS, text) or _named(text)
    items = _first(_ITEMS, text, beside=packs)
    if packs is None and items is None:
        return _first(_SOLD_BY_NUMBER, text) or _dozens(text) or _pairs(text)
    total = (packs or 1) * (items or 1)
    times = _MULTIPLIER.search(text)
    return (total * int(times["times"]) if times else total) or None


def _first(pattern: re.Pattern[str], text: str, *, beside: int | None = None) -> int | None:
    """The first number above zero that the pattern finds and that is not `beside`."""
    for match in pattern.finditer(text):
        number = _number(next(group for group in match.groups() if group))
        if number and number != beside:
            return number
    return None


def _number(text: str) -> int:
    return _WORDS.get(text) or int(text.replace(",", ""))


def _named(text: str) -> int | None:
    match = _NAMED.search(text)
    return _NAMES[match["name"]] if match else None


def _dozens(text: str) -> int | None:
    match = _DOZEN.search(text)
    return _dozen(match) if match else None


def _dozen(match: re.Match[str]) -> int:
    number = match["number"]
    if number and number.startswith("half"):
        return 6
    return 12 * _number(number) if number else 12


def _pairs(text: str) -> int | None:
    match = _PAIR.search(text)
    if match is None:
        return None
    number = _number(match["number"]) if match["number"] else 1
    return 2 if number == 1 else number or None
