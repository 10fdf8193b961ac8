"""The few words, signs and figures that every screen and the plain line mode write the same way."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from core.catalog.product import Product, price_text
from core.jobs.job import JobState
from core.matching.bands import Band, calibrated_on, is_rough, percent
from core.matching.reason import Reasons
from core.queue.item import Option, ReviewItem
from core.retrieval.candidates import MatcherSummary
from core.text.safe import safe
from labels.model import Decision, Stream, Strength, Verb
from labels.wording import counted

#: The way out where candidates are damaged.
REBUILD = "Index in the menu (ctrl+p), or `samesku index`, makes it again; the queries come back by themselves."

BAND_SIGNS = {Band.HIGH: "▲", Band.MEDIUM: "◆", Band.LOW: "▽"}

DECISION_SIGNS = {Decision.MATCH: "✓", Decision.NO_MATCH: "✗", Decision.UNSURE: "?"}
#: Smaller, so that it can be told from an explicit one without colour.
IMPLIED_SIGN = "×"
#: Before what the judge says; colleagues have two small letters.
JUDGE_SIGN = "J"

DECISION_WORDS = {Decision.MATCH: "match", Decision.NO_MATCH: "no match", Decision.UNSURE: "unsure"}

#: What somebody did, by the key that did it.
VERB_WORDS = {
    Verb.ACCEPT: "match", Verb.REJECT: "no match", Verb.NONE: "none of these", Verb.UNSURE: "unsure",
    Verb.SKIP: "skip", Verb.FLAG: "flag", Verb.COMMENT: "comment",
}  # fmt: skip

STREAM_HELP = {
    Stream.TRIAGE: "What the machine is least sure of, first.",
    Stream.VALIDATION: "Drawn at random, shown blind, to judge the models on.",
    Stream.AUDIT: "Random checks of what the machine says.",
    Stream.ADJUDICATION: "Disagreements and contradictions: settle them.",
}

JOB_STATES = {
    JobState.RUNNING: "running",
    JobState.DONE: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.LOST: "lost: it ended without a word",
}

UNKNOWN = "–"

#: Stands where a title would.
NO_TITLE = "(no title)"

#: So much of a text is enough to know it again; the whole of it stands elsewhere.
_REMINDER = 300
_LONGEST_ID = 60

#: Bars of reasons for and against a match; told apart without colour.
FOR_BAR, AGAINST_BAR = "█", "░"


def decision_sign(option: Option) -> str:
    """The mark of this annotator's decision; a space where there is none."""
    if option.decision is None:
        return " "
    if option.strength is Strength.IMPLIED:
        return IMPLIED_SIGN
    return DECISION_SIGNS[option.decision]


def decision_words(option: Option) -> str:
    """This annotator's decision in words; empty where there is none."""
    if option.decision is None:
        return ""
    return DECISION_WORDS[option.decision] + (" (implied)" if option.strength is Strength.IMPLIED else "")


def price(product: Product, beside: str = "") -> str:
    """The price to the cent, with its currency where one is known and it is not the one of what it stands beside."""
    if product.price is None:
        return UNKNOWN
    return f"{product.price:,.2f}" if product.currency == beside else price_text(product)


def similarity(option: Option) -> str:
    """The cosine to two places, as the bands' cuts are given."""
    return UNKNOWN if option.similarity is None else f"{option.similarity:.2f}"


def likely(option: Option) -> str:
    """What the machine says of a candidate, four characters at most: the probability, before labels the cosine."""
    return similarity(option) if option.probability is None else percent(option.probability)


def stands_on(standing: MatcherSummary | None, *, one_class: bool = False) -> str:
    """What the bands rest on, for the top line.

    Args:
        standing: what the probabilities are worth; None where no matcher has spoken.
        one_class: whether there are labels, but all of one class.
    """
    if standing is None or not standing.calibrated:
        why = ", labels of one class" if one_class else " (uncalibrated)"
        return f"{'cosine' if standing is None else 'prior'} bands{why}"
    rough = ", rough" if is_rough(standing.labels, standing.matches) else ""
    return f"matcher: {counted(standing.labels, 'label')}{rough}"


def rests_on(standing: MatcherSummary | None, *, one_class: bool = False) -> str:
    """The same where there is room to say how many of the labels are matches."""
    if standing is not None and standing.calibrated and is_rough(standing.labels, standing.matches):
        return calibrated_on(standing.labels, standing.matches)
    return stands_on(standing, one_class=one_class)


def places(option: Option) -> str:
    """Where the retrievers and the matcher put a candidate."""
    found = {"dense": option.dense_rank, "lexical": option.lexical_rank, "hybrid": option.retrieved}
    if option.probability is not None:
        found["matcher"] = option.rank
    return ", ".join(f"{name} {place or 'far down'}" for name, place in found.items())


def titled(product: Product) -> str:
    """The whole title, safe to show; words that say so where it is blank."""
    return _title(product.title)


@lru_cache(maxsize=32)  # a list is painted line by line, and a title may be as long as a book
def _title(text: str) -> str:
    return safe(text).strip() or NO_TITLE


def reminder(text: str, most: int = _REMINDER) -> str:
    """A text from outside, safe to show, and cut where it is too long to be read in passing."""
    shown = safe(text[: most + 1]).strip()
    return shown if len(text) <= most else shown[: most - 1].rstrip() + "…"


def place(product: Product) -> str:
    """Where a product is from: retailer and id."""
    return f"{safe(product.source)} {reminder(product.id, _LONGEST_ID)}"


def listings(*products: Product) -> str:
    """Where each is from and its title, a line for each, with a tab between the two."""
    return "\n".join(f"{place(product)}\t{titled(product)}" for product in products)


def initials(name: str) -> str:
    """Two letters for a colleague."""
    parts = [part for part in safe(name).replace("-", " ").replace(".", " ").replace("_", " ").split() if part]
    letters = parts[0][0] + parts[1][0] if len(parts) > 1 else "".join(parts)[:2]
    return letters.casefold()


def model_name(model: str | None) -> str:
    """A model's id without the folder it is in; empty before the first index run."""
    return safe(model or "").rstrip("/").rpartition("/")[2]


def duration(seconds: float) -> str:
    """A time left, as coarse as one wants to read it."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02} min"


def moment_of(stamp: str) -> str:
    """An ISO 8601 time by the clock on the wall."""
    moment = local(stamp)
    return f"{moment.day} {moment:%B, %H:%M}" if moment else "at an unknown time"


def local(stamp: str) -> datetime | None:
    """An ISO 8601 time where one is; None where it is none."""
    try:
        return datetime.fromisoformat(stamp).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def product_fields(product: Product) -> list[tuple[str, str]]:
    """All that a listing says besides its title: (name, value), safe to show; empty values are left out."""
    fields = [
        ("brand", product.brand),
        ("model", product.model),
        ("price", price_text(product)),
        ("category", product.category),
        ("upc", product.upc),
        *sorted(product.extra.items()),
    ]
    return [(safe(name), safe(value)) for name, value in fields if safe(value).strip()]


def why_blind(item: ReviewItem) -> str:
    """Why scores stay hidden whatever one chooses."""
    if item.stream is Stream.VALIDATION:
        return "Validation queries are always shown blind."
    return "This query is always shown blind: what people say of it must not depend on the machine."


def adding_up(reasons: Reasons) -> str:
    """How the reasons that are told become the score."""
    # Adding 0.0 makes a plain zero of a negative one.
    start, rest, score = (
        f"{round(value, 1) + 0.0:+.1f}".replace("-", "−") for value in (reasons.baseline, reasons.other, reasons.score)
    )
    return f"Every pair starts at {start}, other features add {rest}: together {score}."


def listed(names: Sequence[str]) -> str:
    """`ada`, `ada and bob`, `ada, bob and eve`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part) if names else ""


def shortened(text: str, most: int) -> str:
    """A text of so many characters at most, with a sign where it goes on."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def share(some: int, all_: int) -> str:
    """A share in whole percents; nothing of nothing is unknown."""
    return percent(some / all_) if all_ else UNKNOWN
