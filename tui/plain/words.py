"""Listings as the plain desk reads them out."""

from collections.abc import Callable, Iterator

from core.catalog.product import Product
from core.queue.item import Option, Progress, ReviewItem
from core.text.safe import safe
from labels.model import Strength
from labels.said import Opinion
from tui.compare import FieldRow, Relation, compared
from tui.diff import Mark, marked
from tui.past import looked, machine_then, moment
from tui.words import (
    DECISION_WORDS,
    decision_words,
    duration,
    percent,
    place,
    price,
    reminder,
    similarity,
    titled,
)


def heading(item: ReviewItem, progress: Progress) -> str:
    """Where one is, and how far that is."""
    name = item.stream.value + (", blind" if item.blind else "")
    left = f"{progress.total - progress.done:,} left, {progress.mine:,} yours"
    pace = "" if progress.hourly is None else f", {progress.hourly:,.0f} an hour"
    to_go = "" if progress.left_s is None else f", {duration(progress.left_s)} to go"
    return f"{name}: {progress.done:,} of {progress.total:,} done, {left}{pace}{to_go}."


def product_line(product: Product) -> str:
    """A listing in one line, its place last."""
    facts = [reminder(titled(product)), safe(product.brand), safe(product.model)]
    if product.price is not None:
        facts.append(price(product))
    return "; ".join(fact for fact in facts if fact.strip()) + f" ({place(product)})"


def candidate_line(item: ReviewItem, option: Option) -> str:
    """A candidate in words, the decision first: that is what one listens for."""
    parts = [decision_words(option).capitalize()] if option.decision else []
    if not item.blind:
        if option.similarity is None:
            parts.append("found by search")
        elif option.probability is not None:
            chance = percent(option.probability)
            parts.append(f"probability {chance} {option.band.value}, similarity {similarity(option)}")
        else:
            parts.append(f"similarity {similarity(option)} {option.band.value}")
    parts += [f"{safe(name)} said {DECISION_WORDS[decision]}" for name, decision in option.others]
    return ", ".join([*parts, product_line(option.product)])


def opinion_line(opinion: Opinion) -> str:
    """What somebody said of a disputed candidate, and how they came to it."""
    implied = ", implied" if opinion.strength is Strength.IMPLIED else ""
    machine = machine_then(opinion.shown)
    facts = [moment(opinion.at), looked(opinion.stream, opinion.look_ms, blind=opinion.blind)]
    facts += [f"the machine then: {machine}"] if machine else []
    return f"{safe(opinion.annotator)}: {DECISION_WORDS[opinion.decision]}{implied} ({', '.join(facts)})"


def comparison_lines(query: Product, candidate: Product, same_brand: Callable[[str, str], bool]) -> Iterator[str]:
    """Two listings field by field; whether a field agrees comes first: that is what one listens for."""
    yield f"Query, {place(query)}: {titled(query)}"
    yield f"Candidate, {place(candidate)}: {titled(candidate)}"
    own, other = _only(query, candidate), _only(candidate, query)
    if not own and not other:
        yield "The titles say the same."
    if own:
        yield f"Only in the query's title: {own}"
    if other:
        yield f"Only in the candidate's title: {other}"
    for row in compared(query, candidate, same_brand):
        yield _field(row)


def _only(one: Product, other: Product) -> str:
    """What one title says and the other listing does not."""
    stretches = marked(titled(one), titled(other), f"{other.brand} {other.model}")
    return "; ".join(stretch.text for stretch in stretches if stretch.mark is not Mark.SAME)


def _field(row: FieldRow) -> str:
    if row.relation is Relation.EQUAL:
        return f"{row.name} is the same: {row.own}" + ("" if row.own == row.other else f"; {row.other}")
    if row.relation is Relation.MISSING:
        return f"{row.name} only in the {'query' if row.own else 'candidate'}: {row.own or row.other}"
    relation = "says more on one side" if row.relation is Relation.PART else "differs"
    return f"{row.name} {relation}: {row.own}; {row.other}" + (f" ({row.note})" if row.note else "")
