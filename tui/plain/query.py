"""The plain desk's texts on a query, and the commands that show more of it without changing anything."""

from collections.abc import Callable, Iterator

from core.catalog.product import Product
from core.judge.verdict import Verdict, reason_of
from core.matching.bands import percent
from core.queue.item import Option, Progress, ReviewItem
from core.text.safe import safe
from core.text.title_diff import Mark, mark_differences
from labels.annotations import StandingDecision
from labels.model import Strength
from tui.common.words import (
    DECISION_WORDS,
    calibration_details,
    copy_text,
    decision_words,
    display_title,
    duration,
    price,
    product_fields,
    rank_summary,
    safe_excerpt,
    score_summary,
    similarity,
    source_and_id,
)
from tui.plain.decisions import PlainDecisions
from tui.review.comparison import FieldRow, Relation, compare_fields
from tui.review.past_work import local_time, machine_score, viewing_context
from tui.services.desk import Desk


def progress_line(item: ReviewItem, progress: Progress) -> str:
    """Stream and progress in one line."""
    name = item.stream.value + (", blind" if item.blind else "")
    left = f"{progress.total - progress.done:,} left, {progress.own:,} this session"
    pace = "" if progress.hourly is None else f", {progress.hourly:,.0f} an hour"
    to_go = "" if progress.left_s is None else f", {duration(progress.left_s)} to go"
    return f"{name}: {progress.done:,} of {progress.total:,} done, {left}{pace}{to_go}."


def product_line(product: Product) -> str:
    """A listing in one line, with its source and id at the end."""
    facts = [safe_excerpt(display_title(product)), safe(product.brand), safe(product.model)]
    if product.price is not None:
        facts.append(price(product))
    return "; ".join(fact for fact in facts if fact.strip()) + f" ({source_and_id(product)})"


def candidate_line(item: ReviewItem, option: Option) -> str:
    """A candidate in one line; the decision comes first, for screen readers."""
    parts = [decision_words(option).capitalize()] if option.decision else []
    if not item.blind:
        if option.similarity is None:
            parts.append("found by search")
        elif option.probability is not None:
            chance = percent(option.probability)
            parts.append(f"probability {chance} {option.band.value}, similarity {similarity(option)}")
        else:
            parts.append(f"similarity {similarity(option)} {option.band.value}")
    parts += [f"{safe(name)}: {DECISION_WORDS[decision]}" for name, decision in option.others]
    return ", ".join([*parts, product_line(option.product)])


def opinion_line(opinion: StandingDecision) -> str:
    """An annotator's decision on a disputed candidate, and its circumstances."""
    implied = ", implied" if opinion.strength is Strength.IMPLIED else ""
    score = machine_score(opinion.shown)
    facts = [local_time(opinion.at), viewing_context(opinion.stream, opinion.look_ms, blind=opinion.blind)]
    facts += [f"score then: {score}"] if score else []
    return f"{safe(opinion.annotator)}: {DECISION_WORDS[opinion.decision]}{implied} ({', '.join(facts)})"


def comparison_lines(query: Product, candidate: Product, same_brand: Callable[[str, str], bool]) -> Iterator[str]:
    """Two listings field by field; each line says first whether the field agrees, for screen readers."""
    yield f"Query, {source_and_id(query)}: {display_title(query)}"
    yield f"Candidate, {source_and_id(candidate)}: {display_title(candidate)}"
    own, other = _unique_text(query, candidate), _unique_text(candidate, query)
    if not own and not other:
        yield "The titles are equal."
    if own:
        yield f"Only in the query's title: {own}"
    if other:
        yield f"Only in the candidate's title: {other}"
    for row in compare_fields(query, candidate, same_brand):
        yield _field_line(row)


def _unique_text(one: Product, other: Product) -> str:
    """The parts of a title that the other listing lacks."""
    spans = mark_differences(display_title(one), display_title(other), f"{other.brand} {other.model}")
    return "; ".join(span.text for span in spans if span.mark is not Mark.SAME)


def _field_line(row: FieldRow) -> str:
    if row.relation is Relation.EQUAL:
        return f"{row.name} is the same: {row.own}" + ("" if row.own == row.other else f"; {row.other}")
    if row.relation is Relation.MISSING and row.own and row.other:
        return f"{row.name} is not comparable: {row.own}; {row.other} ({row.note})"
    if row.relation is Relation.MISSING:
        return f"{row.name} only in the {'query' if row.own else 'candidate'}: {row.own or row.other}"
    relation = "is longer on one side" if row.relation is Relation.PART else "differs"
    return f"{row.name} {relation}: {row.own}; {row.other}" + (f" ({row.note})" if row.note else "")


class PlainQuery:
    """Commands that show more of the query and its candidates.

    Args:
        desk: the desk.
        decisions: resolves candidates by number and prints lines.

    Attributes:
        commands: by name, the function that runs a command with its argument.
    """

    def __init__(self, desk: Desk, decisions: PlainDecisions) -> None:
        self._desk, self._decisions, self._say = desk, decisions, decisions.say
        self.commands: dict[str, Callable[[str], None]] = {
            "details": self._details,
            "why": self._why,
            "copy": self._copy,
            "guidelines": lambda _: self._guidelines(),
            "judge": self._judge,
        }

    def _details(self, argument: str) -> None:
        item = self._decisions.session.item
        if item is None:
            self._decisions.show()
        elif argument:
            option = self._decisions.option(argument)
            if option is not None:
                for line in comparison_lines(item.query, option.product, self._desk.same_brand):
                    self._say(line)
        else:
            self._say(f"{source_and_id(item.query)}: {display_title(item.query)}")
            for name, value in product_fields(item.query):
                self._say(f"{name}: {value}")

    def _why(self, argument: str) -> None:
        item, option = self._decisions.session.item, self._decisions.option(argument)
        if item is None or option is None:
            return
        if item.blind:
            self._say("Scores are hidden in blind mode.")
            return
        if option.similarity is None:
            self._say("Not among the top ten: it was found by search, or has dropped in rank since.")
        else:
            one_class = self._desk.single_class_notice
            basis = calibration_details(self._desk.matcher_summary, one_class=bool(one_class))
            self._say(f"Ranks: {rank_summary(option)}. The bands are based on: {basis}. {one_class}".rstrip())
        if not self._desk.can_refit:
            self._say("No explanation: the matcher is not running.")
            return
        reasons = self._desk.reasons(item.query, option.product)
        for reason in (*reasons.pros, *reasons.cons):
            self._say(f"{reason.direction.value.capitalize()}, {abs(reason.contribution):.1f}: {safe(reason.text)}")
        self._say(score_summary(reasons))

    def _judge(self, argument: str) -> None:
        """Print the judge's verdict on a candidate, or its known verdicts on all."""
        item, judge = self._decisions.session.item, self._desk.judge
        if item is None:
            self._decisions.show()
            return
        if judge.trouble or item.blind:
            self._say(judge.trouble or "The judge is not available in blind mode.")
            return
        option = self._decisions.option(argument) if argument else None
        if option is not None:
            self._say("Asking the judge …")
            counsel = judge.verdict(item.query, option.product, lambda _: None)
            for line in counsel.verdict.reasoning.splitlines():
                self._say(safe(line))
            self._say(f"The judge says: {_verdict_text(counsel.verdict)}. {safe(counsel.worth)}")
        elif not argument:
            known = judge.known_verdicts(item.query.ref, [option.product.ref for option in self._decisions.options])
            for number, each in enumerate(self._decisions.options, 1):
                if (verdict := known.get(each.product.ref)) is not None:
                    self._say(f"{number}: {_verdict_text(verdict)}")
            if not known:
                self._say("The judge has no verdicts on these candidates yet; add a number to ask about one.")

    def _copy(self, argument: str) -> None:
        item = self._decisions.session.item
        if item is None:
            self._decisions.show()
            return
        option = self._decisions.option(argument) if argument else None
        if option is not None or not argument:
            text = copy_text(item.query, *([option.product] if option else []))
            self._say(f"Copied to {safe(self._desk.save_copy(text).name)} in the workspace's reports.")

    def _guidelines(self) -> None:
        for line in self._desk.guidelines.read().text.splitlines():
            self._say(line)


def _verdict_text(verdict: Verdict) -> str:
    if verdict.answer is None:
        return safe(reason_of(verdict.reasoning)).rstrip(".") or "no verdict"
    answer = verdict.answer.lower()
    chance = "" if verdict.probability is None else f", {percent(verdict.probability)} that it is the same product"
    return answer + chance
