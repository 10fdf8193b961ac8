"""What happened to a query, in words."""

from collections.abc import Mapping

from core.text.safe import safe
from labels.history import Past
from labels.model import Decision, ProductRef, Strength, Verb

_WORDS = {Verb.SKIP: "put it off", Verb.FLAG: "set or took away the flag"}


def moment(past: Past) -> str:
    """When, to the minute, in UTC."""
    return past.at[:16].replace("T", " ")


def deed(past: Past, titles: Mapping[ProductRef, str]) -> str:
    """What somebody did, one line.

    Args:
        past: the act.
        titles: of the candidates that are known; others go by their id.
    """
    words = _WORDS.get(past.verb) or (f"wrote: {past.text}" if past.verb is Verb.COMMENT else _said(past, titles))
    origin = " (from a file)" if past.verb is Verb.IMPORT else ""
    return safe(words + origin + (" · taken back" if past.undone else ""))


def _said(past: Past, titles: Mapping[ProductRef, str]) -> str:
    def named(decision: Decision) -> list[str]:
        return [
            titles.get(ref, f"{ref.source} {ref.id}")
            for ref, said, strength in past.said
            if said is decision and strength is Strength.EXPLICIT
        ]

    parts = [f"match: {title}" for title in named(Decision.MATCH)]
    rejected = named(Decision.NO_MATCH)
    parts += [f"no match: {rejected[0]}"] if len(rejected) == 1 else [f"no match: {len(rejected)}"] if rejected else []
    parts += [f"unsure: {title}" for title in named(Decision.UNSURE)]
    implied = sum(strength is Strength.IMPLIED for _, _, strength in past.said)
    return "; ".join([*parts, *([f"{implied} others implied"] if implied else [])]) or past.verb.value
