"""What people did, in words."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from core.match.bands import percent
from core.past.row import Outcome, PastRow
from core.queue.item import Option
from core.text.safe import safe
from labels.history import Past
from labels.model import Decision, Judgement, ProductRef, Shown, Stream, Strength, Verb
from tui.words import DECISION_WORDS, VERB_WORDS, duration, shortened

#: Acts that decide nothing.
ACTS = {Verb.SKIP: "put it off", Verb.FLAG: "set or took away the flag"}
_OUTCOMES = {Outcome.NONE: "none of these", Outcome.UNSURE: "unsure", Outcome.SKIPPED: "put off"}
_LONGEST_TITLE = 32


def moment(at: str) -> str:
    """When, to the minute, in local time.

    Args:
        at: ISO 8601 with its zone.
    """
    return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"


def deed(past: Past, titles: Mapping[ProductRef, str], *, blind: bool) -> str:
    """What somebody did, one line.

    Args:
        past: the act.
        titles: of the candidates that are known; others go by their id.
        blind: whether the machine's opinion must not be told.
    """
    words = ACTS.get(past.verb) or (f"wrote: {past.text}" if past.verb is Verb.COMMENT else _said(past, titles, blind))
    origin = " (from a file)" if past.verb is Verb.IMPORT else ""
    return safe(words + origin + (" · taken back" if past.undone_at is not None else ""))


def circumstances(past: Past) -> str:
    """Why the query was shown, whether blind, and for how long: `audit, blind, 14 s`."""
    return looked(past.stream, past.look_ms, blind=past.blind)


def looked(stream: Stream, look_ms: int | None, *, blind: bool) -> str:
    """The same of any look; one that came from a file has no time."""
    parts = [stream.value, *(["blind"] if blind else [])]
    return ", ".join(parts if look_ms is None else [*parts, duration(look_ms / 1000)])


def machine_then(shown: Shown) -> str:
    """What the machine said of a pair when it was decided; empty where it had nothing to say."""
    if shown.probability is not None:
        return percent(shown.probability)
    return "" if shown.similarity is None else f"{shown.similarity:.2f}"


def outcome(row: PastRow) -> str:
    """What somebody's decisions on a query come to."""
    if row.outcome is Outcome.MATCH:
        return "match: " + safe("; ".join(row.accepted))
    rejected = len(row.past.saying(Decision.NO_MATCH))
    return _OUTCOMES.get(row.outcome) or (f"{rejected} rejected, not answered" if rejected else "")


def turned(verb: Verb, title: str, *, back: bool, redo: str = "Z") -> str:
    """What undo or redo did: the act and its query."""
    act = f"{VERB_WORDS.get(verb, verb.value)} for “{shortened(safe(title), _LONGEST_TITLE)}”"
    return f"Brought back: {act}." if back else f"Taken back: {act}. {redo} brings it back."


def titles_of(options: Iterable[Option]) -> dict[ProductRef, str]:
    """The titles of candidates, with where they are from for those that share one."""
    products = [option.product for option in options]
    counts = Counter(product.title for product in products)
    return {
        product.ref: product.title if counts[product.title] == 1 else f"{product.title} ({product.source} {product.id})"
        for product in products
    }


def named(judgement: Judgement, titles: Mapping[ProductRef, str]) -> str:
    """A candidate's title, else where it is from."""
    ref = judgement.candidate
    return titles.get(ref) or f"{ref.source} {ref.id}"


def explicit(past: Past) -> list[Judgement]:
    """What was said outright; the rest follows from it."""
    return [judgement for judgement in past.said if judgement.strength is Strength.EXPLICIT]


def implied(past: Past) -> int:
    """How many candidates were rejected because another one was accepted."""
    return sum(judgement.strength is Strength.IMPLIED for judgement in past.said)


def _said(past: Past, titles: Mapping[ProductRef, str], blind: bool) -> str:
    def titled(decision: Decision) -> list[str]:
        return [
            named(judgement, titles) + ("" if blind else _then(judgement.shown))
            for judgement in explicit(past)
            if judgement.decision is decision
        ]

    parts = [f"{DECISION_WORDS[d]}: {title}" for d in (Decision.MATCH, Decision.UNSURE) for title in titled(d)]
    rejected = titled(Decision.NO_MATCH)
    parts += [f"no match: {rejected[0]}"] if len(rejected) == 1 else [f"no match: {len(rejected)}"] if rejected else []
    return "; ".join([*parts, *([f"{implied(past)} others implied"] if implied(past) else [])]) or past.verb.value


def _then(shown: Shown) -> str:
    machine = machine_then(shown)
    return f" (the machine then: {machine})" if machine else ""
