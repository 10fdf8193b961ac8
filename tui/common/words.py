"""Signs, terms and short texts that every screen and the plain line mode share."""

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
from labels.model import Decision, ProductRef, Stream, Strength, Verb
from labels.wording import counted

#: The hint where candidates are damaged.
REBUILD = "Index in the menu (ctrl+p), or `samesku index`, rebuilds them; the queries then reappear."

BAND_SIGNS = {Band.HIGH: "▲", Band.MEDIUM: "◆", Band.LOW: "▽"}

DECISION_SIGNS = {Decision.MATCH: "✓", Decision.NO_MATCH: "✗", Decision.UNSURE: "?"}
#: Smaller than the sign of an explicit non-match, to distinguish them without colour.
IMPLIED_SIGN = "×"
#: Precedes the judge's verdict; annotators have two small letters.
JUDGE_SIGN = "J"

DECISION_WORDS = {Decision.MATCH: "match", Decision.NO_MATCH: "no match", Decision.UNSURE: "unsure"}

#: The name of an action, as of its key.
VERB_WORDS = {
    Verb.ACCEPT: "match", Verb.REJECT: "no match", Verb.NONE: "none of these", Verb.UNSURE: "unsure",
    Verb.SKIP: "skip", Verb.FLAG: "flag", Verb.COMMENT: "comment",
}  # fmt: skip

STREAM_HELP = {
    Stream.TRIAGE: "Queries for training, the most informative first.",
    Stream.VALIDATION: "Random sample, labelled blind, to evaluate the models.",
    Stream.AUDIT: "Random sample of predictions, verified blind.",
    Stream.ADJUDICATION: "Disagreements and contradictions to resolve.",
}

JOB_STATES = {
    JobState.RUNNING: "running",
    JobState.DONE: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.LOST: "lost: its process ended without a result",
}

UNKNOWN = "–"

#: Shown in place of an empty title.
NO_TITLE = "(no title)"

#: Characters of a text in a list; the whole text is shown elsewhere.
_MAX_EXCERPT = 300
_MAX_ID = 60

#: Glyphs of the bars for and against a match, distinguishable without colour.
FOR_BAR, AGAINST_BAR = "█", "░"


def decision_sign(option: Option) -> str:
    """The sign of this annotator's decision; a space if there is none."""
    if option.decision is None:
        return " "
    if option.strength is Strength.IMPLIED:
        return IMPLIED_SIGN
    return DECISION_SIGNS[option.decision]


def decision_words(option: Option) -> str:
    """This annotator's decision in words; empty if there is none."""
    if option.decision is None:
        return ""
    return DECISION_WORDS[option.decision] + (" (implied)" if option.strength is Strength.IMPLIED else "")


def price(product: Product, beside: str = "") -> str:
    """The price to the cent, with its currency if it is known and not `beside`."""
    if product.price is None:
        return UNKNOWN
    return f"{product.price:,.2f}" if product.currency == beside else price_text(product)


def similarity(option: Option) -> str:
    """The cosine to two decimal places, like the bands' cuts."""
    return UNKNOWN if option.similarity is None else f"{option.similarity:.2f}"


def score_text(option: Option) -> str:
    """The probability, or the cosine before the first labels; at most four characters."""
    return similarity(option) if option.probability is None else percent(option.probability)


def calibration_summary(matcher: MatcherSummary | None, *, one_class: bool = False) -> str:
    """What the bands are based on, for the status line.

    Args:
        matcher: the fitted matcher; None before the first fit.
        one_class: whether there are labels, but all of one class.
    """
    if matcher is None or not matcher.calibrated:
        why = ", one class so far" if one_class else " (uncalibrated)"
        return f"{'cosine' if matcher is None else 'prior'} bands{why}"
    rough = ", rough" if is_rough(matcher.labels, matcher.matches) else ""
    return f"matcher: {counted(matcher.labels, 'labelled pair')}{rough}"


def calibration_details(matcher: MatcherSummary | None, *, one_class: bool = False) -> str:
    """What the bands are based on, with the number of matches among few labels."""
    if matcher is not None and matcher.calibrated and is_rough(matcher.labels, matcher.matches):
        return calibrated_on(matcher.labels, matcher.matches)
    return calibration_summary(matcher, one_class=one_class)


def rank_summary(option: Option) -> str:
    """A candidate's ranks by the retrievers and the matcher."""
    ranks = {"dense": option.dense_rank, "lexical": option.lexical_rank, "hybrid": option.retrieved}
    if option.probability is not None:
        ranks["matcher"] = option.rank
    return ", ".join(f"{name} {rank or 'beyond the cut'}" for name, rank in ranks.items())


def display_title(product: Product) -> str:
    """The whole title, safe to show; `NO_TITLE` if it is blank."""
    return _display_title(product.title)


@lru_cache(maxsize=32)  # a list is painted line by line, and titles may be very long
def _display_title(text: str) -> str:
    return safe(text).strip() or NO_TITLE


def safe_excerpt(text: str, max_length: int = _MAX_EXCERPT) -> str:
    """An external text, safe to show, and cut with an ellipsis."""
    shown = safe(text[: max_length + 1]).strip()
    return shown if len(text) <= max_length else shown[: max_length - 1].rstrip() + "…"


def source_and_id(product: Product | ProductRef) -> str:
    """A product's source and id, such as `walmart 123`."""
    return f"{safe(product.source)} {safe_excerpt(product.id, _MAX_ID)}"


def copy_text(*products: Product) -> str:
    """A line per product, for the clipboard: source and id, a tab, the title."""
    return "\n".join(f"{source_and_id(product)}\t{display_title(product)}" for product in products)


def initials(name: str) -> str:
    """Two lower-case letters for an annotator."""
    parts = [part for part in safe(name).replace("-", " ").replace(".", " ").replace("_", " ").split() if part]
    letters = parts[0][0] + parts[1][0] if len(parts) > 1 else "".join(parts)[:2]
    return letters.casefold()


def model_name(model: str | None) -> str:
    """A model's id without its folder; empty before the first index run."""
    return safe(model or "").rstrip("/").rpartition("/")[2]


def duration(seconds: float) -> str:
    """A duration, rounded: `14 s`, `5 min`, `2 h 05 min`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02} min"


def moment_of(stamp: str) -> str:
    """An ISO 8601 timestamp in local time, such as `3 May, 14:02`."""
    moment = local(stamp)
    return f"{moment.day} {moment:%B, %H:%M}" if moment else "at an unknown time"


def local(stamp: str) -> datetime | None:
    """An ISO 8601 timestamp as local time; None if it is invalid."""
    try:
        return datetime.fromisoformat(stamp).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def product_fields(product: Product) -> list[tuple[str, str]]:
    """A listing's non-empty fields other than the title, as (name, value), safe to show."""
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
    """Why scores cannot be shown for this query."""
    if item.stream is Stream.VALIDATION:
        return "Validation queries are always shown blind."
    return "This query is always shown blind, so that labels do not depend on scores."


def score_summary(reasons: Reasons) -> str:
    """How the listed contributions add up to the score, in log-odds."""
    # Adding 0.0 turns negative zero into zero.
    start, rest, score = (
        f"{round(value, 1) + 0.0:+.1f}".replace("-", "−") for value in (reasons.baseline, reasons.other, reasons.score)
    )
    return f"baseline {start}, other features {rest}, total {score} (log-odds)"


def join_names(names: Sequence[str]) -> str:
    """`ada`, `ada and bob`, `ada, bob and eve`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part) if names else ""


def share(some: int, all_: int) -> str:
    """A share in whole per cent; unknown if the total is zero."""
    return percent(some / all_) if all_ else UNKNOWN
